// SPDX-License-Identifier: MIT
//! The rules: each looks at one case and says whether it is its kind of churn.
//!
//! A new rule is a file here with its test, a `mod` line and a line in `OF_ENDED`.

mod authentication_refused;
mod blackhole;
mod client_fails_before_it_speaks;
mod client_never_speaks;
mod client_per_request;
mod connection_limit;
mod four_letter_word_monitor;
mod four_letter_word_unanswered;
mod handle_leak;
mod held_in_close_wait;
mod http_at_plaintext_port;
mod idle_timeout;
mod no_local_port;
mod not_served;
mod not_zookeeper;
mod one_session_two_clients;
mod oversized_packet;
mod read_only_refused;
mod read_timeouts;
mod refused;
mod server_restarts;
mod session_expired_loop;
mod stale_address;
mod tcp_health_probe;
mod tls_at_plaintext_port;
mod tls_handshake_failed;
mod unexplained_churn;
mod unreachable;
mod wrong_protocol;

use std::cmp::Reverse;

use super::{
    case::Case,
    churn::Churn,
    finding::{Confidence, Severity, Verdict},
    protocol::Scope,
};

/// One kind of churn.
#[derive(Debug)]
pub struct Rule {
    pub name: Churn,
    /// How bad it is.
    pub severity: Severity,
    /// What it is true of.
    pub scope: Scope,
    /// Whether a case is of this kind, and how sure that is.
    pub judge: fn(&Case<'_>) -> Option<Verdict>,
}

impl Rule {
    /// What it says of a case, as far as that holds for what is spoken there.
    pub fn verdict(&self, case: &Case<'_>) -> Option<Verdict> {
        self.scope.limit(case, (self.judge)(case)?)
    }
}

/// What the rules say of connections that ended, the surest first.
pub(super) fn verdicts(case: &Case<'_>) -> Vec<(&'static Rule, Verdict)> {
    let rules = OF_ENDED.iter();
    let mut verdicts: Vec<_> = rules
        .filter_map(|rule| Some((rule, rule.verdict(case)?)))
        .collect();
    // How they went tells nothing of either side where something else ended them.
    if let Some(verdict) = unexplained_churn::aborted_from_outside(case) {
        verdicts.retain(|(_, verdict)| verdict.confidence == Confidence::Certain);
        verdicts.push((&unexplained_churn::RULE, verdict));
    }
    // Stable: of equals the one that is listed first.
    verdicts.sort_by_key(|(rule, verdict)| Reverse((verdict.confidence, rule.severity)));
    verdicts
}

/// The rules on connections that ended, but those for what none of them explains.
pub const OF_ENDED: &[Rule] = &[
    // The incident: a client that fails inside itself.
    client_fails_before_it_speaks::RULE,
    // The same with the Netty transport: it waits until the server closes.
    client_never_speaks::RULE,
    // Its lookalike: somebody checks whether the port is open.
    tcp_health_probe::RULE,
    // ECONNREFUSED.
    refused::RULE,
    // No answer to the SYN.
    blackhole::RULE,
    // No route, or no neighbour.
    unreachable::RULE,
    // EADDRNOTAVAIL.
    no_local_port::RULE,
    // maxClientCnxns.
    connection_limit::RULE,
    // The server closes without an answer.
    not_served::RULE,
    // A server without a quorum, in read-only mode.
    read_only_refused::RULE,
    // SASL.
    authentication_refused::RULE,
    // TLS at a port that speaks it.
    tls_handshake_failed::RULE,
    // All connections of the server, at once.
    server_restarts::RULE,
    // A proxy or a NAT between.
    idle_timeout::RULE,
    // The session is gone.
    session_expired_loop::RULE,
    // Two clients with the same session.
    one_session_two_clients::RULE,
    // A client for each request.
    client_per_request::RULE,
    // ruok, stat, mntr.
    four_letter_word_monitor::RULE,
    // The same, where no byte comes back.
    four_letter_word_unanswered::RULE,
    // Bytes that are no ZooKeeper.
    wrong_protocol::RULE,
    // TLS, read off the wire.
    tls_at_plaintext_port::RULE,
    // HTTP, read off the wire.
    http_at_plaintext_port::RULE,
    // The server does not answer in time.
    read_timeouts::RULE,
    // jute.maxbuffer.
    oversized_packet::RULE,
    // An address that no longer serves.
    stale_address::RULE,
    // CLOSE_WAIT.
    held_in_close_wait::RULE,
];

/// The rule on connections that stay open: handles that nobody closes.
pub const OF_OPEN: Rule = handle_leak::RULE;
/// The rule on connections that were half-closed before the trace, and are held.
pub const OF_HELD: Rule = held_in_close_wait::OF_OLDER;
/// The rule on attempts to connect that nobody has answered yet.
pub const OF_WAITING: Rule = blackhole::OF_WAITING;
/// For what no other rule explains, in this order.
pub const ELSE: &[Rule] = &[
    // A port where another protocol is spoken.
    not_zookeeper::RULE,
    unexplained_churn::RULE,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_snake_case() {
        let all = OF_ENDED.iter().chain(ELSE).chain([&OF_OPEN]);
        let mut names: Vec<_> = all.map(|rule| rule.name).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
        for name in names {
            let plain = |c: char| c.is_ascii_lowercase() || c == '_';
            assert!(name.id().chars().all(plain), "{name}");
            assert!(!name.title().is_empty());
        }
    }
}
