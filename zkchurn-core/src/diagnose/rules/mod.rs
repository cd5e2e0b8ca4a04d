// SPDX-License-Identifier: MIT
//! The rules: each looks at one case and says whether it is its kind of churn.
//!
//! A new rule is a file here with its test, and a line in the list below.

use super::{
    case::Case,
    finding::{Severity, Verdict},
};

/// One kind of churn.
#[derive(Debug)]
pub struct Rule {
    /// Its name, the same in every version.
    pub name: &'static str,
    /// Its name for people.
    pub title: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// Whether a case is of this kind, and how sure that is.
    pub judge: fn(&Case<'_>) -> Option<Verdict>,
}

macro_rules! rules {
    ($($(#[$doc:meta])* $rule:ident),* $(,)?) => {
        $($(#[$doc])* pub mod $rule;)*

        /// All rules but the one for what none of them explains.
        pub const ALL: &[Rule] = &[$($rule::RULE),*];
    };
}

rules! {
    /// The incident: a client that fails inside itself.
    client_fails_before_it_speaks,
    /// Its twin: somebody looks whether the port is open.
    tcp_health_probe,
    /// ECONNREFUSED.
    refused,
    /// No answer to the SYN.
    blackhole,
    /// No route, or no neighbour.
    unreachable,
    /// maxClientCnxns.
    connection_limit,
    /// The server closes without an answer.
    not_served,
    /// The session is gone.
    session_expired_loop,
    /// Two clients with the same session.
    one_session_two_clients,
    /// A client for each request.
    client_per_request,
    /// ruok, stat, mntr.
    four_letter_word_monitor,
    /// Bytes that are no ZooKeeper.
    wrong_protocol,
    /// TLS, read off the wire.
    tls_at_plaintext_port,
    /// HTTP, read off the wire.
    http_at_plaintext_port,
    /// The server does not answer in time.
    read_timeouts,
    /// Handles that nobody closes.
    handle_leak,
    /// jute.maxbuffer.
    oversized_packet,
    /// An address that no longer serves.
    stale_address,
}

pub mod unexplained_churn;

/// For what no other rule explains.
pub const UNEXPLAINED: Rule = unexplained_churn::RULE;

/// The title of a finding by its name.
pub fn title(name: &str) -> Option<&'static str> {
    let mut rules = ALL.iter().chain([&UNEXPLAINED]);
    rules.find(|rule| rule.name == name).map(|rule| rule.title)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_snake_case() {
        let mut names: Vec<_> = ALL.iter().map(|rule| rule.name).collect();
        names.push(UNEXPLAINED.name);
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
        for name in names {
            let plain = |c: char| c.is_ascii_lowercase() || c == '_';
            assert!(name.chars().all(plain), "{name}");
            assert!(title(name).is_some());
        }
    }
}
