// SPDX-License-Identifier: MIT
//! The network says that there is no way to the server.

use super::Rule;
use crate::{
    diagnose::{
        case::Case,
        churn::Churn,
        finding::{Confidence, Severity, Verdict},
        network::Network,
        protocol::Scope,
    },
    ledger::shape::Ending,
    text,
};

pub(super) const RULE: Rule = Rule {
    name: Churn::Unreachable,
    severity: Severity::Broken,
    scope: Scope::AnyProtocol,
    judge,
};

/// From here on ARP or neighbour discovery had asked several times in vain
/// (three times, a second apart: `mcast_solicit`, `retrans_time_ms`).
const NEIGHBOUR_ASKED_NS: u64 = 900_000_000;

fn judge(case: &Case<'_>) -> Option<Verdict> {
    let unreachable = case.shapes().ending(Ending::Unreachable);
    if !case.most(unreachable) {
        return None;
    }
    let waited = case
        .tally
        .connecting_for
        .percentile(50.0)
        .unwrap_or_default();
    let (how, next) = match (waited >= NEIGHBOUR_ASKED_NS, case.tally.retransmits) {
        // While the neighbour is asked for, no SYN leaves.
        (true, 0) => (
            "the delay is that of ARP or neighbour discovery without an answer: no host has the \
             address, or that of the gateway to it, or its answer does not get through",
            format!(
                "{} shows for which address it is FAILED or INCOMPLETE: check that the server, or \
                 the gateway, is up and still has it",
                case.network.command("ip neigh")
            ),
        ),
        (true, _) if case.tally.ended_established == 0 => (
            "SYNs were sent again before the answer came: a router or firewall on the way, or \
             this host's, rejects them, or no host answers for this address",
            who_answers(case),
        ),
        // Others were established, and may have sent them again.
        (true, _) => (
            "a router or firewall on the way, or this host's, rejects them, or no host answers for \
             this address",
            who_answers(case),
        ),
        (false, _) => (
            "it failed within a second: a route is missing, or a router or a firewall rejected it, perhaps \
             this host's",
            format!(
                "{} shows the route that {} would use; {} show what a firewall here rejects",
                case.network.command("ip route get ADDRESS"),
                match case.network {
                    Network::Elsewhere { .. } => "it",
                    Network::Here | Network::NotKnown => "this host",
                },
                case.network.firewall()
            ),
        ),
    };
    let established = case.established_beside + case.tally.established;
    let refused = case.shapes().ending(Ending::Refused) + case.turned_away_beside;
    let server = match case.destinations.len() {
        0 | 1 => "the server",
        _ => "the servers",
    };
    let verdict = Verdict::new(
        Confidence::Certain,
        format!(
            "{} failed after {} (median): {server} {} be reached from this host.",
            text::counted(unreachable, "connection"),
            text::duration(waited),
            match established + refused {
                0 => "cannot",
                _ => "could not",
            }
        ),
    )
    .because("the network or the kernel answered so: the error is in each connection's line")
    .because(how)
    .number("unreachable", unreachable)
    .next(next);
    Some(match (established, refused) {
        (0, 0) => verdict,
        // Who got through may have been turned away there.
        (0, refused) => verdict.but(format!(
            "{} {} refused: an answer came for a part of the time",
            text::counted(refused, "other connection"),
            if refused == 1 { "was" } else { "were" }
        )),
        (established, _) => verdict.but(format!(
            "{} got through: {server} could be reached for a part of the time",
            text::counted(established, "other connection")
        )),
    })
}

fn who_answers(case: &Case<'_>) -> String {
    let captured = case.network.command("tcpdump -n 'icmp or icmp6'");
    format!("{captured} during an attempt shows who answers")
}

#[cfg(test)]
mod tests {
    use super::Churn;
    use crate::{
        diagnose::{
            Confidence,
            test_case::{diagnosed, every, only},
        },
        ledger::test_connection::MS,
        outcome::Outcome,
    };

    #[test]
    fn three_seconds_are_a_missing_neighbour() {
        let mut connections = every(4_160, 10, (0, 0, Outcome::Unreachable));
        for connection in &mut connections {
            connection.ended_ns = Some(connection.started_ns + 3_050 * MS);
        }
        let finding = only(diagnosed(&connections));
        assert_eq!(
            (finding.name, finding.confidence),
            (Churn::Unreachable, Confidence::Certain)
        );
        assert!(finding.next[0].contains("ip neigh"));
    }

    #[test]
    fn where_syns_were_sent_again_somebody_on_the_way_answered() {
        let mut connections = every(2_000, 10, (0, 0, Outcome::Unreachable));
        for connection in &mut connections {
            connection.ended_ns = Some(connection.started_ns + 1_020 * MS);
            connection.traffic.retransmits = Some(1);
        }
        let finding = only(diagnosed(&connections));
        assert!(
            finding.next[0].contains("who answers"),
            "{:?}",
            finding.next
        );
        assert!(!finding.reasons_for.iter().any(|why| why.contains("ARP")));
    }

    #[test]
    fn at_once_is_a_missing_route() {
        let finding = only(diagnosed(&every(1_000, 3, (0, 0, Outcome::Unreachable))));
        assert!(finding.next[0].contains("ip route"));
    }

    /// A server whose host goes away after it has refused some.
    #[test]
    fn who_refuses_can_be_reached() {
        let mut connections = every(1_000, 6, (0, 0, Outcome::Unreachable));
        connections.extend(every(9_000, 1, (0, 0, Outcome::Refused)));
        let findings = diagnosed(&connections);
        let found = findings.iter().find(|one| one.name == Churn::Unreachable);
        let finding = found.unwrap();
        let summary = &finding.summary;
        assert!(summary.contains("could not be reached"), "{summary}");
        let against = finding.reasons_against.join("; ");
        assert!(
            against.contains("1 other connection was refused"),
            "{against}"
        );
    }

    #[test]
    fn what_others_got_through_to_can_be_reached() {
        let mut connections = every(1_000, 6, (0, 0, Outcome::Unreachable));
        connections.extend(every(1_000, 2, (0, 0, Outcome::ClosedByUsBeforeAnyByte)));
        let findings = diagnosed(&connections);
        let found = findings.iter().find(|one| one.name == Churn::Unreachable);
        let finding = found.unwrap();
        assert!(
            finding.summary.contains("could not be reached"),
            "{}",
            finding.summary
        );
        let against = finding.reasons_against.join("; ");
        assert!(
            against.contains("2 other connections got through"),
            "{against}"
        );
    }
}
