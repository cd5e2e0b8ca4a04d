// SPDX-License-Identifier: MIT
//! What a relative is, and the findings that are right answers.

use super::scene::Scene;

/// A cause that is there.
pub(crate) struct Cause {
    /// The findings that name it.
    pub names: &'static [&'static str],
    /// Words that the finding says of whose connections they are.
    pub who: &'static str,
}

pub(crate) struct Relative {
    pub about: &'static str,
    pub make: fn() -> Scene,
    /// None: nothing may be called likely.
    pub causes: &'static [Cause],
    /// Further findings that are true of it.
    pub may: &'static [&'static str],
}

pub(crate) const fn is(names: &'static [&'static str], who: &'static str) -> Cause {
    Cause { names, who }
}

pub(crate) const FAILS: &[&str] = &["client_fails_before_it_speaks"];
pub(crate) const PER_REQUEST: &[&str] = &["client_per_request"];
pub(crate) const PROBE: &[&str] = &["tcp_health_probe"];
pub(crate) const WORD: &[&str] = &["four_letter_word_monitor"];
pub(crate) const WORD_UNANSWERED: &[&str] = &["four_letter_word_unanswered"];
pub(crate) const REFUSED: &[&str] = &["refused"];
pub(crate) const EXPIRED: &[&str] = &["session_expired_loop"];
pub(crate) const IDLE: &[&str] = &["idle_timeout"];
pub(crate) const HELD: &[&str] = &["held_in_close_wait"];
pub(crate) const LIMIT: &[&str] = &["connection_limit"];
pub(crate) const AUTHENTICATION: &[&str] = &["authentication_refused"];
pub(crate) const NOT_SERVED: &[&str] = &["not_served"];
pub(crate) const TIMEOUTS: &[&str] = &["read_timeouts"];
pub(crate) const HOLE: &[&str] = &["blackhole"];
pub(crate) const LEAK: &[&str] = &["handle_leak"];

/// One kind of `cargo xtask diagnose-matrix --record`.
pub(crate) fn kind(name: &str) -> Scene {
    Scene::of(&format!("kinds/{name}"))
}

/// A host where several things churn.
pub(crate) fn messy(name: &str) -> Scene {
    Scene::of(&format!("messy/{name}"))
}
