// SPDX-License-Identifier: MIT
//! What a trace can do beside being looked at. It is decided when tracing begins, with the
//! capabilities that are kept from then on: without a wish for more the view keeps no more
//! than a trace without it.

use zkchurn_core::render::text::parts;

use super::{
    View,
    prompt::{Prompt, What},
};

/// What a trace can do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Offers {
    /// Ask JVMs for thread dumps.
    pub dumps: bool,
    /// Capture handshakes.
    pub handshakes: Handshakes,
}

/// Whether handshakes are captured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Handshakes {
    /// Nobody asked for them when tracing began, so that nothing was kept for it.
    #[default]
    NotKept,
    /// They were asked for, and a limitation says why there are none.
    Impossible,
    /// Of all connections that the trace saw begin.
    FromStart,
    /// They can be turned on.
    OnWish,
    /// Of connections that were opened since, nanoseconds of `CLOCK_MONOTONIC`.
    Since(u64),
}

impl Offers {
    /// Why no JVM is asked for a thread dump.
    pub(crate) const NO_DUMPS: &str =
        "no thread dumps: q, then start with --jvm dump (the rights for them are not kept)";
    /// Why handshakes cannot be turned on.
    pub(crate) const NO_HANDSHAKES: &str = "no handshakes: q, then start with --handshake=later, \
                                            for h to turn them on, or with --handshake";

    /// What was kept for keys when tracing began; `None` where that is nothing.
    pub(crate) fn kept(self) -> Option<&'static str> {
        match (self.dumps, self.handshakes == Handshakes::OnWish) {
            (false, false) => None,
            (true, false) => Some("CAP_SETUID, CAP_SETGID kept for d (thread dumps)"),
            (false, true) => Some("CAP_NET_ADMIN kept for h (handshakes)"),
            (true, true) => Some(
                "CAP_SETUID, CAP_SETGID kept for d (thread dumps), CAP_NET_ADMIN for h (handshakes)",
            ),
        }
    }
}

/// What is asked before handshakes are turned on.
pub(super) const TURN_ON: &str = "read the handshakes of connections from now on? (y/n) ";

impl View {
    /// Asks whether handshakes are to be turned on; where that is not possible, or not
    /// needed, says so.
    pub(super) fn offer_handshakes(&mut self) {
        let notice = match self.offers.handshakes {
            Handshakes::OnWish => {
                self.prompt = Some(Prompt::new(What::Handshakes, String::new()));
                return;
            }
            Handshakes::NotKept => Offers::NO_HANDSHAKES.to_owned(),
            Handshakes::Impossible => {
                "no handshakes on this host: the report's limitations say why".to_owned()
            }
            Handshakes::FromStart => {
                "handshakes are captured: Enter down to a connection shows its own".to_owned()
            }
            Handshakes::Since(since_ns) => format!(
                "handshakes are captured since {}: a connection opened after that shows its own",
                self.time_of_day(since_ns)
            ),
        };
        self.notice = Some(notice);
    }

    /// Why a connection that began then has no handshake, where that is because they were
    /// not captured yet.
    pub(super) fn before_handshakes(&self, started_ns: u64) -> Option<String> {
        let Handshakes::Since(since_ns) = self.offers.handshakes else {
            return None;
        };
        (started_ns < since_ns).then(|| {
            format!(
                "no handshake: they are captured since {}, and it was opened before",
                self.time_of_day(since_ns)
            )
        })
    }

    fn time_of_day(&self, monotonic_ns: u64) -> String {
        let latest = self.latest.as_ref();
        latest.map_or_else(String::new, |latest| {
            parts::time_of_day(latest.clock.timestamp(monotonic_ns), &self.zone)
        })
    }
}
