// SPDX-License-Identifier: MIT
//! The network says that there is no way to the server.

use super::Rule;
use crate::{
    diagnose::{
        case::Case,
        churn::Churn,
        finding::{Confidence, Severity, Verdict},
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
            "`ip neigh` shows for which address it is FAILED or INCOMPLETE: check that the server, \
             or the gateway, is up and still has it",
        ),
        (true, _) => (
            "SYNs were sent again before the answer came: a router or firewall on the way, or \
             this host's, rejects them, or no host answers for this address",
            "`tcpdump -n 'icmp or icmp6'` during an attempt shows who answers",
        ),
        (false, _) => (
            "it failed within a second: a route is missing, or a router or a firewall rejected it, perhaps \
             this host's",
            "`ip route get ADDRESS` shows the route this host would use; `sudo nft list ruleset` \
             and `sudo iptables -S` show what its firewall rejects",
        ),
    };
    Some(
        Verdict::new(
            Confidence::Certain,
            format!(
                "{} failed after {} (median): the server cannot be reached from this host.",
                text::counted(unreachable, "connection"),
                text::duration(waited)
            ),
        )
        .because("the network or the kernel answered so: the error is in each connection's line")
        .because(how)
        .number("unreachable", unreachable)
        .next(next),
    )
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
}
