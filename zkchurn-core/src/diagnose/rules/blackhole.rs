// SPDX-License-Identifier: MIT
//! No SYN-ACK gets through to this host: until the kernel gives up, or the client does.

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
    name: Churn::Blackhole,
    severity: Severity::Broken,
    scope: Scope::AnyProtocol,
    judge,
};

/// In less a SYN's answer may still be on its way round the world, and what fails sooner
/// does so on this host.
const NO_WAITING_NS: u64 = 100_000_000;
/// The kernel sends a SYN again after a second (`TCP_TIMEOUT_INIT`).
const SYN_SENT_AGAIN_NS: u64 = 1_000_000_000;

fn judge(case: &Case<'_>) -> Option<Verdict> {
    let timed_out = case.shapes().ending(Ending::TimedOut);
    let given_up = case.shapes().ending(Ending::GivenUp);
    let waited = case.tally.connecting_for.percentile(50.0)?;
    if !case.most(timed_out + given_up) || waited < NO_WAITING_NS {
        return None;
    }
    let patient = waited >= SYN_SENT_AGAIN_NS;
    // Those that were established may have sent other segments again.
    let is_of_syns = case.tally.ended_established == 0;
    let sent_again = case.tally.retransmits > 0 && (is_of_syns || timed_out > 0);
    let confidence = match (timed_out > 0 || patient, sent_again) {
        (true, true) => Confidence::Certain,
        (true, false) => Confidence::Likely,
        // Given up within a second: a slow network does that, too.
        (false, _) => Confidence::Possible,
    };
    let waited = text::duration(waited);
    let without = timed_out + given_up;
    let summary = match without == case.ended() {
        true => {
            format!("No SYN-ACK got through to this host: attempts ended after {waited} (median).")
        }
        // Others were answered, or failed in another way.
        false => format!(
            "No SYN-ACK got through to this host for {} of {}: they ended after {waited} (median).",
            text::count(without),
            text::counted(case.ended(), "connection")
        ),
    };
    let mut verdict = Verdict::new(confidence, summary)
    .number("timed_out", timed_out)
    .number("given_up", given_up)
    .number("syn_retransmits", case.tally.retransmits)
    .next(format!(
        "check that this is still {}'s address: resolve the name in the connect string",
        case.protocol.service()
    ))
    .next(
        "on the server: if no SYN arrives (`tcpdump 'tcp[tcpflags] & tcp-syn != 0'`), a firewall \
         (on the way, or here) or a route drops them; if they arrive and `nstat -az TcpExtListenOverflows` grows, \
         its accept queue is full",
    )
    .next(format!(
        "on this host: if {} shows the server's SYN-ACK arriving, a firewall here drops it ({}); \
         {} counts what else is dropped",
        case.network.command("tcpdump"),
        case.network.firewall(),
        case.network.command("nstat -az")
    ));
    if timed_out > 0 {
        verdict = verdict.because(format!(
            "the kernel gave up {} (ETIMEDOUT)",
            text::counted(timed_out, "time")
        ));
    }
    if given_up > 0 {
        verdict = verdict.because(format!(
            "the program gave up {} before any SYN-ACK got through",
            text::counted(given_up, "time")
        ));
    }
    if case.tally.retransmits > 0 {
        verdict = verdict.because(format!(
            "{} were retransmitted {}",
            match is_of_syns {
                true => "SYNs",
                false => "segments, SYNs among them or not,",
            },
            text::counted(case.tally.retransmits, "time")
        ));
    }
    if !patient && timed_out == 0 {
        verdict = verdict
            .but(match case.tally.retransmits {
                0 => "the program gave up before the first SYN retransmit",
                _ => "most attempts were given up before the first SYN retransmit",
            })
            .decided_by("a longer connect timeout in the client, and another trace");
    }
    Some(verdict)
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
        ledger::test_connection::MS,
        outcome::Outcome,
    };

    fn given_up(after_ms: u64, retransmits: u32) -> Vec<Connection> {
        let mut connections = every(7_100, 5, (0, 0, Outcome::GivenUp));
        for connection in &mut connections {
            connection.ended_ns = Some(connection.started_ns + after_ms * MS);
            connection.traffic.retransmits = Some(retransmits);
        }
        connections
    }

    #[test]
    fn seven_seconds_without_an_answer() {
        let finding = only(diagnosed(&given_up(7_100, 2)));
        assert_eq!(
            (finding.name, finding.confidence),
            (Churn::Blackhole, Confidence::Certain)
        );
        assert_eq!(finding.numbers["syn_retransmits"], 10);
        // A firewall here may drop the server's answer.
        let words = format!("{} {:?}", finding.summary, finding.reasons_for);
        assert!(!words.contains("server"), "{words}");
        assert!(
            finding
                .next
                .iter()
                .any(|next| next.contains("a firewall here"))
        );
    }

    #[test]
    fn what_was_established_was_answered() {
        let mut connections = given_up(7_100, 2);
        let closed = Outcome::ClosedByUsBeforeAnyByte;
        connections.extend(every(7_100, 1, (0, 0, closed)));
        let findings = diagnosed(&connections);
        let blackhole = findings.iter().find(|one| one.name == Churn::Blackhole);
        let finding = blackhole.unwrap();
        let summary = &finding.summary;
        let expected = match finding.connections {
            5 => "No SYN-ACK got through to this host: ",
            _ => "No SYN-ACK got through to this host for 5 of 6 connections: ",
        };
        assert!(summary.starts_with(expected), "{summary}");
    }

    /// Others of the same thread were established, and sent data again.
    #[test]
    fn segments_of_others_are_no_syns() {
        let mut connections = given_up(1_500, 0);
        let mut lossy = every(7_100, 2, (0, 0, Outcome::ClosedByUsBeforeAnyByte));
        for connection in &mut lossy {
            connection.traffic.retransmits = Some(4);
        }
        connections.extend(lossy);
        let findings = diagnosed(&connections);
        let blackhole = findings.iter().find(|one| one.name == Churn::Blackhole);
        let finding = blackhole.unwrap();
        assert_eq!(finding.confidence, Confidence::Likely);
        let why = finding.reasons_for.join("; ");
        assert!(!why.contains("SYNs were retransmitted"), "{why}");
    }

    #[test]
    fn who_does_not_wait_at_all_learns_nothing_of_the_server() {
        let finding = only(diagnosed(&given_up(1, 0)));
        assert_eq!(finding.name, Churn::UnexplainedChurn);
    }

    #[test]
    fn an_impatient_client_proves_nothing() {
        let finding = only(diagnosed(&given_up(200, 0)));
        assert_eq!(
            (finding.name, finding.confidence),
            (Churn::Blackhole, Confidence::Possible)
        );
        assert_eq!(finding.reasons_against.len(), 1);
    }

    #[test]
    fn some_that_waited_for_a_retransmit_are_not_denied() {
        let mut connections = given_up(900, 0);
        connections[0].ended_ns = Some(connections[0].started_ns + 950 * MS);
        connections[0].traffic.retransmits = Some(1);
        let finding = only(diagnosed(&connections));
        assert_eq!(finding.name, Churn::Blackhole);
        let against = finding.reasons_against.join("; ");
        assert!(
            against.starts_with("most attempts were given up"),
            "{against}"
        );
    }
}
