// SPDX-License-Identifier: MIT
//! The server goes away again and again: it dies, or is killed and started anew, and each time
//! all of its connections end at once. Clients that come back look like clients that are made
//! for each request.

use super::Rule;
use crate::{
    connection::Side,
    diagnose::{
        case::Case,
        churn::Churn,
        finding::{Confidence, Severity, Verdict},
        protocol::Scope,
    },
    ledger::{
        server_ends::Falls,
        shape::{Ending, Spoken},
    },
    text,
};

pub(super) const RULE: Rule = Rule {
    name: Churn::ServerRestarts,
    severity: Severity::Broken,
    scope: Scope::AnyProtocol,
    judge,
};

fn judge(case: &Case<'_>) -> Option<Verdict> {
    let (falls, confidence) = found(case)?;
    let ended = ended_by_server(case);
    let mut verdict = Verdict::new(confidence, summary(case, falls, ended, confidence))
        .number("ended_by_server", ended)
        .number("moments", falls.moments);
    if falls.of_several > 0 {
        verdict = verdict.because(format!(
            "{} it ended {} at once (within 50 ms), which had begun at different times{}",
            text::counted(falls.of_several, "time"),
            match case.side {
                Side::Client => "connections of several clients",
                // Of one host they may be of one client.
                Side::Server => "several connections",
            },
            match falls.of_older {
                true => " or before the trace",
                false => "",
            }
        ));
    }
    if falls.refused_after > 0 {
        verdict = verdict.because(format!(
            "after {} of {} such moments it refused connections, as where nothing listens until it \
             is back",
            text::count(falls.refused_after),
            text::count(falls.moments)
        ));
    }
    if falls.processes > 0 {
        verdict = verdict.because(format!(
            "each time another process closed them: {} in turn had this port",
            text::counted(falls.processes, "pid")
        ));
    }
    if !is_seen(falls) {
        verdict = or_else(verdict, case, falls);
    }
    Some(advice(verdict, case))
}

/// What ends all connections of a server at once, though it lives on.
fn or_else(verdict: Verdict, case: &Case<'_>, falls: Falls) -> Verdict {
    let refused = match falls.refused_after {
        0 => "no connection was refused at these moments".to_owned(),
        some => format!(
            "after {} of {} moments no connection was refused",
            text::count(falls.moments.saturating_sub(some)),
            text::count(falls.moments)
        ),
    };
    let place = match case.side {
        Side::Client => "on the server",
        Side::Server => "here",
    };
    let verdict = verdict
        .but(format!(
            "{refused}: a server that loses its quorum for a moment (a leader election), a proxy \
             that is reloaded, and clients that end their sessions together, at the end of a \
             common task or after a change of their configuration, look the same"
        ))
        .cannot_tell_from(&[Churn::ClientPerRequest])
        .next(format!(
            "{place}: look into its log at these seconds: a start is a restart, LOOKING without \
             one is a lost quorum, sessions that clients close are the clients, and nothing at all \
             is a proxy between"
        ));
    match case.turned_away_beside {
        0 => verdict,
        some => verdict
            .but(format!(
                "it closed {} without an answer, as a server without a quorum does: one that is \
                 not there refuses",
                text::counted(some, "other connection")
            ))
            .cannot_tell_from(&[Churn::NotServed]),
    }
}

/// Whether more is seen of it than that several ended at once.
fn is_seen(falls: Falls) -> bool {
    let is_away = falls.refused_after >= 2 || falls.refused_after >= 1 && falls.of_several >= 2;
    falls.processes >= 2 || (is_away && falls.refused_after * 2 >= falls.moments)
}

fn summary(case: &Case<'_>, falls: Falls, ended: u64, confidence: Confidence) -> String {
    let refused = case.refused_while_away;
    let how_many = match ended + refused == case.ended() {
        true => text::counted(ended, "connection"),
        false => format!(
            "{} of {}",
            text::count(ended),
            text::counted(case.ended().saturating_sub(refused), "connection")
        ),
    };
    let did = match (ended, refused) {
        (_, 0) => format!("ended {how_many} that worked"),
        (0, _) => format!(
            "ended connections of others, and refused {} until it was back",
            text::counted(refused, "connection")
        ),
        _ => format!(
            "ended {how_many} that worked, and refused {} until it was back",
            text::count(refused)
        ),
    };
    let who = match case.side {
        Side::Client => "The server, or a proxy before it,",
        Side::Server => "What listens here",
    };
    if confidence == Confidence::Possible {
        let moments = text::counted(falls.moments, "time");
        return format!(
            "{who} {did}. Its connections ended at once, {moments}: perhaps it died or was \
             restarted."
        );
    }
    let again = match falls.moments {
        2 => "it died or was restarted twice".to_owned(),
        many => format!(
            "it dies or is restarted again and again (seen {})",
            text::counted(many, "time")
        ),
    };
    format!("{who} {did}: {again}.")
}

fn advice(verdict: Verdict, case: &Case<'_>) -> Verdict {
    let place = match case.side {
        Side::Client => "on the server",
        Side::Server => "here",
    };
    let verdict = verdict.next(format!(
        "{place}: find out what ends {} at these times: the end of its log, its restarts \
         (`systemctl status`, `kubectl get pods`), `dmesg` (killed for want of memory), a health \
         check that kills it",
        case.protocol.service()
    ));
    match case.side {
        Side::Client => verdict.next(
            "if its process went on all the time, look for a proxy or load balancer between that \
             is restarted or reloaded",
        ),
        Side::Server => verdict,
    }
}

/// Connections that had worked and that the server ended.
fn ended_by_server(case: &Case<'_>) -> u64 {
    case.shapes().count(|ending, spoken| {
        matches!(ending, Ending::ClosedByServer | Ending::ResetByServer) && spoken == Spoken::Both
    })
}

/// Whether it is so, and how sure that is.
fn found(case: &Case<'_>) -> Option<(Falls, Confidence)> {
    let falls = case.falls?;
    let ended = ended_by_server(case);
    let is_it = match ended {
        // Of whom it ended none, only that it was away is seen.
        0 => case.nearly_all(case.refused_while_away),
        _ => case.most(ended + case.refused_while_away),
    };
    if !is_it {
        return None;
    }
    let confidence = match is_seen(falls) {
        true => Confidence::Likely,
        false => Confidence::Possible,
    };
    Some((falls, confidence))
}

/// How sure it is, where it is so.
pub(super) fn confidence(case: &Case<'_>) -> Option<Confidence> {
    found(case).map(|(_, confidence)| confidence)
}

#[cfg(test)]
mod tests {
    use super::Churn;
    use crate::{
        connection::{Connection, Holder, Thread},
        diagnose::{
            Confidence, Finding,
            test_case::{diagnosed, names_and_alternatives, only},
        },
        ledger::test_connection::{MS, by, ended, established, name, server_side},
        outcome::Outcome,
    };

    /// Clients that hold a connection each; every 2 s the server ends all of them.
    fn crash_loop(clients: u32, rounds: u64) -> Vec<Connection> {
        let all = (0..rounds).flat_map(|round| {
            (0..clients).map(move |client| {
                let start = 1_000 + round * 2_200 + u64::from(client) * 130;
                let end = 3_000 + round * 2_200 + u64::from(client) % 2;
                let bytes = 85 + 12 * u64::from(client);
                Connection {
                    left_established_ns: Some(end * MS),
                    local_close_ns: Some((end + 1) * MS),
                    ended_ns: Some((end + 1) * MS),
                    ..by(
                        ended(start, bytes, bytes + 20, Outcome::AnsweredThenClosedByPeer),
                        100 + client,
                        100 + client,
                        "app",
                    )
                }
            })
        });
        all.collect()
    }

    fn advised(findings: &[Finding]) -> String {
        let all = findings.iter().flat_map(|finding| finding.next.clone());
        all.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn a_server_in_a_crash_loop_is_no_fault_of_the_application() {
        let mut all = crash_loop(5, 7);
        all.extend(refused_after(7, 100));
        let findings = diagnosed(&in_order(all));
        assert_eq!(
            (findings[0].name, findings[0].confidence),
            (Churn::ServerRestarts, Confidence::Likely)
        );
        let advice = advised(&findings);
        assert!(!advice.contains("create one client"), "{advice}");
        assert!(advice.contains("`systemctl status`"), "{advice}");
    }

    #[test]
    fn so_it_is_of_one_client_where_others_are_refused_meanwhile() {
        let mut connections = crash_loop(1, 7);
        let refused = (0..7).map(|round| ended(3_050 + round * 2_200, 0, 0, Outcome::Refused));
        connections.extend(refused.map(|one| by(one, 100, 100, "app")));
        connections.sort_by_key(|one| one.started_ns);
        let findings = diagnosed(&connections);
        let found = names_and_alternatives(&findings);
        assert!(
            found.contains(&(Churn::ServerRestarts, Confidence::Likely)),
            "{found:?}"
        );
        let advice = advised(&findings);
        assert!(!advice.contains("create one client"), "{advice}");
    }

    /// Nobody was refused: a quorum that is lost for a moment, a barrier, a proxy's reload.
    #[test]
    fn moments_alone_are_no_proof_however_many() {
        let findings = diagnosed(&crash_loop(5, 7));
        let first = findings
            .iter()
            .find(|one| one.name == Churn::ServerRestarts)
            .expect("it is one of them");
        assert_eq!(first.confidence, Confidence::Possible);
        let against = first.reasons_against.join("; ");
        assert!(against.contains("loses its quorum"), "{against}");
        assert!(first.next[0].contains("LOOKING"), "{:?}", first.next);
        let title = first.summary.contains("ended at once, 7 times");
        assert!(title, "{}", first.summary);
        let found = names_and_alternatives(&findings);
        assert!(
            found
                .iter()
                .all(|(_, confidence)| *confidence == Confidence::Possible),
            "{found:?}"
        );
        // Refused after a few of many moments, it was mostly there.
        let mut all = crash_loop(5, 7);
        all.extend(refused_after(2, 100));
        let findings = diagnosed(&in_order(all));
        assert_ne!(findings[0].confidence, Confidence::Likely, "{findings:?}");
    }

    #[test]
    fn two_such_moments_leave_it_open() {
        let findings = diagnosed(&crash_loop(5, 2));
        let found = names_and_alternatives(&findings);
        assert!(
            found
                .iter()
                .all(|(_, confidence)| *confidence == Confidence::Possible),
            "{found:?}"
        );
    }

    /// Seen from the server, whose clients are on as many hosts.
    #[test]
    fn one_server_that_restarts_is_one_finding_however_many_hosts_it_ends_connections_of() {
        let all = crash_loop(5, 4).into_iter().zip(0..);
        let all = all.map(|(seen_by_client, place)| {
            let client = seen_by_client.opener.unwrap().thread;
            let host = client.tid as u8;
            let server = Thread {
                tgid: 70 + place / 5,
                ..client
            };
            let one = ended(1, 121, 97, Outcome::AnsweredThenClosedByUs);
            let mut one = Connection {
                socket: seen_by_client.socket,
                started_ns: seen_by_client.started_ns,
                established_ns: seen_by_client.established_ns,
                left_established_ns: seen_by_client.left_established_ns,
                local_close_ns: seen_by_client.left_established_ns,
                ended_ns: seen_by_client.ended_ns,
                closer: Some(server),
                ..server_side(one)
            };
            one.remote.set_ip([192, 0, 2, host].into());
            one
        });
        let found = only(diagnosed(&all.collect::<Vec<_>>()));
        assert_eq!(
            (found.name, found.connections, found.who.hosts.len()),
            (Churn::ServerRestarts, 20, 5)
        );
        assert!(
            found.summary.contains("ended 20 connections"),
            "{}",
            found.summary
        );
    }

    #[test]
    fn one_client_alone_shows_nothing_of_the_server() {
        let found = names_and_alternatives(&diagnosed(&crash_loop(1, 7)));
        assert!(
            !found.iter().any(|(name, _)| *name == Churn::ServerRestarts),
            "{found:?}"
        );
    }

    /// The same, where those of the first round are older than the trace: of processes that were
    /// found by their sockets.
    fn older_first(clients: u32, rounds: u64) -> Vec<Connection> {
        let mut all = crash_loop(clients, rounds);
        for one in all.iter_mut().take(clients as usize) {
            let opener = one.opener.take().unwrap();
            one.before_start = true;
            one.holder = Some(Holder {
                tgid: opener.thread.tgid,
                uid: 0,
                comm: name("app"),
                process_start_ns: 0,
            });
            one.started_ns = 900 * MS;
        }
        all
    }

    /// After each fall, until the server is back.
    fn refused_after(rounds: u64, pid: u32) -> impl Iterator<Item = Connection> {
        (0..rounds).map(move |round| {
            by(
                ended(3_050 + round * 2_200, 0, 0, Outcome::Refused),
                pid,
                pid,
                "app",
            )
        })
    }

    /// What is still open, of those that came back.
    fn back(start_ms: u64, pid: u32) -> Connection {
        let one = ended(start_ms, 97, 121, Outcome::AnsweredThenClosedByPeer);
        established(by(one, pid, pid, "app"))
    }

    fn in_order(mut all: Vec<Connection>) -> Vec<Connection> {
        all.sort_by_key(|one| one.started_ns);
        all
    }

    #[test]
    fn that_older_connections_ended_at_once_counts_too() {
        let findings = diagnosed(&older_first(5, 2));
        let told: Vec<_> = findings
            .iter()
            .map(|one| (one.name, one.confidence))
            .collect();
        assert_eq!(told, [(Churn::ServerRestarts, Confidence::Possible)]);
        assert!(findings[0].summary.contains("ended at once, 2 times"));
        // Likely, where it refused some in between.
        let mut all = older_first(5, 2);
        all.extend(refused_after(2, 100));
        all.push(back(5_400, 100));
        let finding = only(diagnosed(&in_order(all)));
        assert_eq!(
            (finding.name, finding.confidence, finding.explains),
            (Churn::ServerRestarts, Confidence::Likely, Some(7))
        );
    }

    #[test]
    fn one_fall_of_older_connections_is_no_loop() {
        let mut all = older_first(5, 1);
        all.extend((0..5).map(|client| back(3_200 + u64::from(client) * 30, 100 + client)));
        assert!(diagnosed(&all).is_empty());
    }

    #[test]
    fn what_is_refused_until_it_is_back_belongs_to_it() {
        let mut all = crash_loop(5, 4);
        // Those of the last are somebody else's, whose connections it never ended.
        for pid in [100, 101, 102] {
            all.extend(refused_after(4, pid));
        }
        all.extend(refused_after(4, 300).map(|one| by(one, 300, 300, "probe")));
        all.push(back(9_900, 100));
        let findings = diagnosed(&in_order(all));
        assert!(
            findings.iter().all(|one| one.name == Churn::ServerRestarts),
            "{:?}",
            names_and_alternatives(&findings)
        );
        let explained: u64 = findings.iter().filter_map(|one| one.explains).sum();
        assert_eq!(explained, 20 + 16);
        assert!(
            findings
                .iter()
                .any(|one| one.summary.contains("and refused 4 connections"))
        );
    }

    /// A firewall that rejects one client, or a server that is gone for good.
    #[test]
    fn what_is_refused_while_it_serves_or_for_good_does_not() {
        let refused = |from_ms: u64, period_ms: u64, count: u64| {
            (0..count).map(move |step| {
                let one = ended(from_ms + step * period_ms, 0, 0, Outcome::Refused);
                by(one, 300, 300, "app")
            })
        };
        for (from_ms, period_ms, count) in [(1_020, 400, 24), (9_700, 1_000, 50)] {
            let mut all = crash_loop(5, 4);
            all.extend(refused(from_ms, period_ms, count));
            let findings = diagnosed(&in_order(all));
            let first = (findings[0].name, findings[0].connections);
            assert_eq!(first, (Churn::Refused, count));
        }
    }
}
