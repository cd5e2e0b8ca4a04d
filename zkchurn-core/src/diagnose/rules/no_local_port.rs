// SPDX-License-Identifier: MIT
//! No port is free for the client's end of the connection: of this host's, or of those that
//! the program lets it choose from.

use super::{Rule, Scope};
use crate::{
    diagnose::{
        case::Case,
        churn::Churn,
        finding::{Confidence, Severity, Verdict},
        network::Network,
    },
    ledger::shape::Ending,
    text,
};

pub(super) const RULE: Rule = Rule {
    name: Churn::NoLocalPort,
    severity: Severity::Broken,
    scope: Scope::AnyProtocol,
    judge,
};

fn judge(case: &Case<'_>) -> Option<Verdict> {
    let exhausted = case.shapes().ending(Ending::NoLocalPort);
    let bound = case.shapes().ending(Ending::LocalAddressInUse);
    if exhausted > 0 {
        return Some(ports_ran_out(case, exhausted));
    }
    (bound > 0).then(|| bound_to_one_in_use(case, bound))
}

/// All ports of `ip_local_port_range` are taken for this address and port of the server.
fn ports_ran_out(case: &Case<'_>, failed: u64) -> Verdict {
    let of = text::counted(case.ended(), "connection");
    let mut verdict = Verdict::new(
        Confidence::Certain,
        format!(
            "{} of {of} failed on this host before any SYN was sent: no local port was free.",
            text::count(failed)
        ),
    )
    .because("no local port was chosen and no segment sent: connect() returned EADDRNOTAVAIL")
    .number("failed", failed)
    .next(format!(
        "what holds the ports: {}; `zkchurn timewait` names who left those in TIME_WAIT",
        case.network
            .command("ss -tan dport = :PORT | awk '{print $1}' | sort | uniq -c")
    ))
    .next(format!(
        "if far fewer are held than {} has{}, the program limits itself (IP_LOCAL_PORT_RANGE, or \
         bind()): widen that",
        case.network.command("sysctl net.ipv4.ip_local_port_range"),
        match case.network {
            Network::NotKnown => " in the client's network namespace (its container's, if any)",
            Network::Here | Network::Elsewhere { .. } => "",
        }
    ))
    .next(format!(
        "otherwise stop the churn that fills them, or until then widen {} range, or let new \
         connections take ports in TIME_WAIT ({})",
        match case.network {
            Network::Here => "the host's",
            Network::NotKnown | Network::Elsewhere { .. } => "that",
        },
        case.network.command("sysctl net.ipv4.tcp_tw_reuse=1")
    ));
    let closed_here = case.closed_here;
    if closed_here > 0 {
        verdict = verdict
            .because(format!(
                "this client closed {} first: one that was not reset keeps its port in TIME_WAIT for \
                 60 s",
                text::counted(closed_here, "connection")
            ))
            .number("closed_by_us", closed_here);
    }
    verdict
}

/// The program binds its end itself.
fn bound_to_one_in_use(case: &Case<'_>, failed: u64) -> Verdict {
    let of = text::counted(case.ended(), "connection");
    Verdict::new(
        Confidence::Certain,
        format!(
            "{} of {of} failed on this host before any SYN was sent: the local address and \
             port that the program had bound were in use.",
            text::count(failed)
        ),
    )
    .because(
        "the socket was bound to a port before connect, and no segment was sent: connect() \
         returned EADDRNOTAVAIL",
    )
    .number("failed", failed)
    .next(
        "let the kernel choose the port: do not bind the client's socket, or bind it to port 0 \
         with IP_BIND_ADDRESS_NO_PORT",
    )
    .next(format!(
        "what has the port: {}; TIME_WAIT keeps it for 60 s",
        case.network.command("ss -tan sport = :PORT")
    ))
}

#[cfg(test)]
mod tests {
    use super::Churn;
    use crate::{
        connection::Connection,
        diagnose::{
            Confidence,
            test_case::{diagnosed, every, only},
        },
        outcome::Outcome,
    };

    fn before_any_syn(outcome: Outcome) -> Vec<Connection> {
        every(50, 40, (0, 0, outcome))
    }

    #[test]
    fn the_churn_that_fills_the_ports_is_named() {
        let mut connections = every(50, 20, (0, 0, Outcome::ClosedByUsBeforeAnyByte));
        connections.extend(before_any_syn(Outcome::NoLocalPort));
        let findings = diagnosed(&connections);
        let finding = findings.iter().find(|one| one.name == Churn::NoLocalPort);
        let finding = finding.unwrap();
        assert_eq!(finding.confidence, Confidence::Certain);
        assert_eq!(finding.numbers["failed"], 40);
        assert_eq!(finding.numbers["closed_by_us"], 20);
        assert!(!findings.iter().any(|one| one.name == Churn::Blackhole));
    }

    #[test]
    fn a_bound_port_is_another_story() {
        let finding = only(diagnosed(&before_any_syn(Outcome::LocalAddressInUse)));
        assert_eq!(finding.name, Churn::NoLocalPort);
        assert!(finding.summary.contains("had bound"), "{}", finding.summary);
    }

    #[test]
    fn a_client_that_never_wrote_is_no_black_hole() {
        let findings = diagnosed(&before_any_syn(Outcome::NeverSent));
        assert_eq!(only(findings).name, Churn::UnexplainedChurn);
    }
}
