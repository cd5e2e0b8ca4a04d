// SPDX-License-Identifier: MIT
//! Connecting is refused: by the server's host, by a firewall on the way, or by this host's.

use super::{Rule, server_restarts};
use crate::{
    diagnose::{
        case::{Case, Runtime},
        churn::Churn,
        finding::{Confidence, Severity, Verdict},
        protocol::{Protocol, Scope},
        rhythm::Pattern,
    },
    ledger::shape::Ending,
    text,
};

pub(super) const RULE: Rule = Rule {
    name: Churn::Refused,
    severity: Severity::Broken,
    scope: Scope::AnyProtocol,
    judge,
};

const FEWEST: u64 = 2;

fn judge(case: &Case<'_>) -> Option<Verdict> {
    let refused = case.shapes().ending(Ending::Refused);
    // A restart of the server refuses some and serves others.
    if refused < FEWEST || refused * 10 < case.ended() {
        return None;
    }
    // What dies again and again refuses some until it is back.
    if case.refused_while_away * 10 >= refused * 9 && server_restarts::confidence(case).is_some() {
        return None;
    }
    let ended = text::counted(case.ended(), "connection");
    let how_many = match refused == case.ended() {
        true => ended,
        false => format!("{} of {ended}", text::count(refused)),
    };
    let of_servers = match case.destinations.len() as u64 {
        1 => String::new(),
        many => format!(" at {}", text::counted(many, "address")),
    };
    let summary = format!("{how_many} were refused{of_servers}.");
    let mut verdict = Verdict::new(Confidence::Certain, summary)
        .because("the kernel reports ECONNREFUSED: a RST or ICMP port unreachable answered the SYN")
        .number("refused", refused)
        .next(format!(
            "on the server: check that {} runs and listens on this address and port ({})",
            case.protocol.service(),
            case.at_server("ss -ltn")
        ))
        .next(format!(
            "if it does listen, a firewall on the way or on this host rejects the connections (a \
             REJECT rule): look at {} here, too",
            case.network.firewall()
        ));
    match case.rhythm.pattern {
        // Other programs may pause for as long.
        _ if matches!(case.protocol, Protocol::Another(_)) || case.runtime != Runtime::Jvm => {}
        Pattern::Constant { period_ns } if (1_080..=1_130).contains(&(period_ns / 1_000_000)) => {
            verdict = verdict
                .because("ZooKeeper's Java client retries every 1.1 s until its first success");
        }
        Pattern::JavaBackOff => {
            verdict =
                verdict.because("ZooKeeper's Java client pauses like this after a lost connection");
        }
        _ => {}
    }
    let failed = case.shapes().count(|ending, _| ending.is_failed_connect());
    // What was aborted, or whose end was missed, may not have been.
    let established = case.established_beside + case.tally.established;
    if established > 0 {
        verdict = verdict.but(got_through(established, case.got_through_since));
    }
    let otherwise = failed - refused;
    if otherwise > 0 {
        let words = text::counted(otherwise, "other connection");
        verdict = verdict.but(format!("{words} failed in another way"));
    }
    Some(verdict)
}

/// `since` of them began after the last refusal; `None` is many.
fn got_through(all: u64, since: Option<u64>) -> String {
    let words = text::counted(all, "other connection");
    let of_them = match since {
        Some(0) => String::new(),
        Some(since) if since >= all => {
            return format!(
                "since the last refusal {words} got through: the server may have started meanwhile"
            );
        }
        Some(since) => format!(", {} of them since the last refusal", text::count(since)),
        None => ", many of them since the last refusal".to_owned(),
    };
    format!("{words} got through{of_them}: the server may have started or stopped during the trace")
}

#[cfg(test)]
mod tests {
    use super::Churn;
    use crate::{
        connection::{Connection, Stage},
        diagnose::{
            Confidence,
            test_case::{back_off, diagnosed, every, only},
        },
        ledger::test_connection::{MS, by, ended, name},
        outcome::Outcome,
    };

    const REFUSED: (u64, u64, Outcome) = (0, 0, Outcome::Refused);

    #[test]
    fn the_kernel_says_so() {
        let finding = only(diagnosed(&every(1102, 13, REFUSED)));
        assert_eq!(
            (finding.name, finding.confidence),
            (Churn::Refused, Confidence::Certain)
        );
        assert_eq!(finding.reasons_for.len(), 2);
        assert_eq!(finding.numbers["refused"], 13);
        // A firewall of this host gives the same error.
        assert_eq!(finding.summary, "13 connections were refused.");
        assert!(
            finding
                .next
                .iter()
                .any(|next| next.contains("on this host"))
        );
    }

    #[test]
    fn the_rhythm_of_the_java_client_is_evidence_for_a_jvm_only() {
        for (process, reasons) in [("java", 2), ("python3", 1)] {
            let mut connections = every(1102, 13, REFUSED);
            for one in &mut connections {
                *one = by(*one, 7, 8, "main-SendThread");
                if let Some(opener) = &mut one.opener {
                    opener.process_comm = Some(name(process));
                }
            }
            let finding = only(diagnosed(&connections));
            assert_eq!(
                finding.reasons_for.len(),
                reasons,
                "{:?}",
                finding.reasons_for
            );
        }
    }

    #[test]
    fn the_pauses_of_another_program_are_not_those_of_the_java_client() {
        for (process, is_java) in [("java", true), ("python3", false)] {
            let mut connections = back_off(13, REFUSED);
            for one in &mut connections {
                *one = by(*one, 7, 8, process);
                if let Some(opener) = &mut one.opener {
                    opener.process_comm = Some(name(process));
                }
            }
            let rhythm = only(diagnosed(&connections)).rhythm.unwrap();
            assert!(rhythm.contains("spread evenly"), "{rhythm}");
            assert_eq!(rhythm.contains("Java"), is_java, "{rhythm}");
        }
    }

    #[test]
    fn three_servers_in_turn_are_one_finding_with_bursts() {
        let mut connections = every(1_306, 8, REFUSED);
        for (server, late) in [(2u16, 102), (3, 204)] {
            let mut others = every(1_306, 8, REFUSED);
            for other in &mut others {
                other.remote.set_port(2180 + server);
                other.started_ns += late * MS;
                other.ended_ns = Some(other.started_ns + MS);
            }
            connections.extend(others);
        }
        connections.sort_by_key(|connection| connection.started_ns);
        let finding = only(diagnosed(&connections));
        assert_eq!(finding.destinations.len(), 3);
        assert_eq!(finding.connections, 24);
        assert_eq!(
            finding.rhythm.as_deref(),
            Some("in bursts of 3, 102 ms apart, with 1.10 s between bursts")
        );
    }

    #[test]
    fn what_was_given_up_did_not_get_through() {
        let mut connections = every(1102, 13, REFUSED);
        connections.extend(every(2000, 4, (0, 0, Outcome::GivenUp)));
        let findings = diagnosed(&connections);
        let refused = findings
            .iter()
            .find(|finding| finding.name == Churn::Refused);
        let against = &refused.unwrap().reasons_against;
        assert_eq!(*against, ["4 other connections failed in another way"]);
    }

    #[test]
    fn what_was_aborted_or_missed_while_connecting_did_not_get_through() {
        let mut connections = every(1102, 13, REFUSED);
        let mut aborted = every(1102, 4, REFUSED);
        for one in &mut aborted {
            one.error = Some(crate::errno::ECONNABORTED);
        }
        connections.extend(aborted);
        let findings = diagnosed(&connections);
        let refused = findings
            .iter()
            .find(|finding| finding.name == Churn::Refused);
        let against = &refused.unwrap().reasons_against;
        assert!(
            !against.iter().any(|why| why.contains("got through")),
            "{against:?}"
        );
    }

    /// The server is started, and what was refused gets its connection.
    #[test]
    fn what_got_through_since_is_told() {
        let against = |starts: &[u64]| {
            let mut connections = every(300, 10, REFUSED);
            connections.extend(starts.iter().map(|start| Connection {
                stage: Stage::Open,
                left_established_ns: None,
                local_close_ns: None,
                ended_ns: None,
                ..ended(*start, 0, 0, Outcome::StillOpen)
            }));
            only(diagnosed(&connections)).reasons_against.join("; ")
        };
        let words = against(&[4_000]);
        assert!(
            words.contains("since the last refusal 1 other connection got through"),
            "{words}"
        );
        let words = against(&[500, 4_000]);
        assert!(
            words.contains("2 other connections got through, 1 of them since the last refusal"),
            "{words}"
        );
        let words = against(&[500]);
        assert!(!words.contains("since the last refusal"), "{words}");
    }

    #[test]
    fn a_restart_refuses_some() {
        let mut connections = back_off(6, REFUSED);
        connections.extend(back_off(3, (49, 41, Outcome::AnsweredThenClosedByPeer)));
        let findings = diagnosed(&connections);
        let refused = findings
            .iter()
            .find(|finding| finding.name == Churn::Refused);
        assert!(!refused.unwrap().reasons_against.is_empty());
    }
}
