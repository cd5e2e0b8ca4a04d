// SPDX-License-Identifier: MIT
//! The other side has closed, and the program does not: its thread has ended or waits for
//! something else, and the socket stays in CLOSE_WAIT until the process ends.
//!
//! A FIN says only that the other side sends no more. It may still read, and the program may
//! go on sending (`shutdown(SHUT_WR)`, `nc -N`): that is CLOSE_WAIT, too, for as long as it
//! likes. Where a session was granted on the wire it is hardly so: ZooKeeper's servers and
//! clients close both directions at once (`NIOServerCnxn.closeSock`,
//! `ClientCnxnSocketNIO.cleanup`), and what is sent after that is answered with a RST. The same
//! goes for what a client has open to a service that nothing shows to be another than ZooKeeper.
//!
//! Needs: the state at the end of the trace, at least a second after the FIN; or a close that
//! came as late, while the program went on with other connections. A program that stood still
//! as a whole (a pause of the JVM, SIGSTOP) closes late, too.

use super::Rule;
use crate::{
    connection::Side,
    diagnose::{
        case::{Case, Runtime},
        churn::Churn,
        finding::{Confidence, Severity, Verdict},
        protocol::{self, Protocol, Scope},
    },
    ledger::sizes,
    text,
};

pub(super) const RULE: Rule = Rule {
    name: Churn::HeldInCloseWait,
    severity: Severity::Broken,
    scope: Scope::AnyProtocol,
    judge,
};

/// The same of connections that are older than the trace.
pub(super) const OF_OLDER: Rule = Rule {
    judge: judge_older,
    ..RULE
};

/// Fewer that somebody holds may be on their way to be closed.
const FEWEST_OLDER: u64 = 3;
/// A program that closes in its turn has done so by then.
const LONG_NS: u64 = 1_000_000_000;

fn judge_older(case: &Case<'_>) -> Option<Verdict> {
    let held = case.all_older_held();
    if held < FEWEST_OLDER || case.window_ns < LONG_NS {
        return None;
    }
    let (confidence, meaning) = meaning(is_client_of_zookeeper(case));
    let held_words = text::counted(held, "connection");
    let when = match case.older_held_since {
        0 => "before the trace began",
        _ => "that are older than the trace",
    };
    let verdict = Verdict::new(
        confidence,
        match case.side {
            // Of what was there before nobody knows whether a byte was said.
            Side::Server => format!(
                "The other side had shut down its sending on {held_words} {when}, \
                 and the sockets are still open here: the server has not accepted them (it hangs \
                 or is paused), or it holds them and {meaning}."
            ),
            Side::Client => format!(
                "The other side had shut down its sending on {held_words} {when}, \
                 and the program still holds the sockets: {meaning}."
            ),
        },
    )
    .because(match case.older_held_since {
        0 => format!(
            "they were in CLOSE_WAIT when the trace began, and still are {} later",
            text::duration(case.window_ns)
        ),
        _ => "at the end of the trace they are in CLOSE_WAIT, a second or more after the other \
              side's FIN"
            .to_owned(),
    })
    .number("held", held);
    // What is seen on the wire is of later ones.
    Some(advice(or_in_use(verdict, case), case))
}

/// How sure it is that they are leaked, and what the program does, a clause.
fn meaning(closes_whole: bool) -> (Confidence, &'static str) {
    match closes_whole {
        true => (
            Confidence::Likely,
            "it does not notice, and it does not close",
        ),
        false => (
            Confidence::Possible,
            "it does not notice, or it goes on sending",
        ),
    }
}

fn judge(case: &Case<'_>) -> Option<Verdict> {
    if case.held > 0 && case.most(case.held + case.just_half_closed) {
        return Some(advice(held(case), case));
    }
    let late = case.tally.closed_late;
    // The larger share of two is enough for what is still held beside it.
    if late == 0 || !case.most(case.held + late) {
        return None;
    }
    Some(advice(closed_late(case, late), case))
}

fn held(case: &Case<'_>) -> Verdict {
    let held = text::counted(case.held, "connection");
    let (confidence, meaning) = meaning(closes_whole(case));
    let verdict = Verdict::new(
        confidence,
        match may_wait_for_accept(case) {
            true => format!(
                "The other side has shut down its sending on {held}, and the sockets are still \
                 open here: the server has not accepted them (it hangs or is paused), or it holds \
                 them and {meaning}."
            ),
            false => format!(
                "The other side has shut down its sending on {held}, and the program still holds \
                 the sockets: {meaning}."
            ),
        },
    )
    .because(
        "at the end of the trace they were in CLOSE_WAIT, a second or more after the other side's \
         FIN",
    )
    .number("held", case.held);
    let verdict = match case.just_half_closed {
        0 => verdict,
        just => verdict.because(format!(
            "{} had been so for less than a second, and may be as these",
            text::counted(just, "other connection")
        )),
    };
    or_half_closed(verdict, case)
}

/// Whether they may be in the queue of what listens here, where they are established, and
/// closed by the client, without any thread of the server. The kernel's records do not say who
/// accepted one; that it was accepted shows where the server said something.
fn may_wait_for_accept(case: &Case<'_>) -> bool {
    case.side == Side::Server && !is_session(case) && case.server_bytes().max == 0
}

/// Whether the other side, once it sends no more, hardly reads any more either.
fn closes_whole(case: &Case<'_>) -> bool {
    is_session(case) || is_client_of_zookeeper(case)
}

/// What a server's host sees may be anybody's: `nc -N` asks with half of a close.
fn is_client_of_zookeeper(case: &Case<'_>) -> bool {
    case.side == Side::Client && case.protocol == Protocol::ZooKeeper
}

/// Whether ZooKeeper's sessions were granted on most of them.
fn is_session(case: &Case<'_>) -> bool {
    let handshakes = case.handshakes();
    handshakes.is_some_and(|handshakes| case.most(handshakes.granted))
}

/// The other reason why a socket stays in CLOSE_WAIT.
fn or_half_closed(verdict: Verdict, case: &Case<'_>) -> Verdict {
    match is_session(case) {
        true => verdict.because(format!(
            "ZooKeeper sessions were granted on them (seen on the wire), and {WHOLE}"
        )),
        false => or_in_use(verdict, case),
    }
}

const WHOLE: &str = "both sides of ZooKeeper close a connection as a whole";

fn or_in_use(verdict: Verdict, case: &Case<'_>) -> Verdict {
    let verdict = match is_client_of_zookeeper(case) {
        true => verdict.because(format!("nothing shows another protocol, and {WHOLE}")),
        false => verdict,
    };
    verdict.but(
        "a peer that has shut down only its sending, and still reads, leaves the same state while \
         the program goes on sending",
    )
}

/// Over by now: by the program at last, or by its end.
fn closed_late(case: &Case<'_>, late: u64) -> Verdict {
    let (from, until) = case.tally.longest_late.unwrap_or_default();
    let longest = text::duration(until.saturating_sub(from));
    // What a remote host begins says nothing about the program here.
    let went_on = case.went_on_meanwhile && case.side == Side::Client;
    let is_several = late > 1 || case.held > 0;
    let said_no_more = said_no_more_than_zookeeper(case);
    let closes_whole = closes_whole(case) || said_no_more;
    let confidence = match went_on && is_several && closes_whole {
        true => Confidence::Likely,
        false => Confidence::Possible,
    };
    let verdict = Verdict::new(
        confidence,
        format!(
            "The other side shut down its sending on {} first, and the program closed its end only \
             later, up to {longest} later{}: {}.",
            text::counted(late, "connection"),
            match case.held {
                0 => String::new(),
                held => format!(" ({} more it still holds)", text::count(held)),
            },
            match (closes_whole, went_on) {
                (true, true) => "it did not notice the end",
                (true, false) => "it did not notice, or it stood still",
                (false, true) => "it did not notice, or it went on sending",
                (false, false) => "it did not notice, it stood still, or it went on sending",
            }
        ),
    )
    .because(format!(
        "{} in CLOSE_WAIT for a second or more, {longest} at most",
        match late {
            1 => "1 was".to_owned(),
            _ => format!("{} were", text::count(late)),
        }
    ))
    .number("closed_late", late)
    .number("held", case.held);
    let verdict = match is_session(case) || said_no_more {
        true => verdict,
        false => or_half_closed(verdict, case),
    };
    match went_on {
        true => verdict
            .because("the program opened other connections meanwhile, so it did not stand still"),
        false => verdict
            .but("a program that stands still as a whole closes late, too")
            .cannot_tell_from(&[Churn::ReadTimeouts, Churn::SessionExpiredLoop])
            .next(format!(
                "find out whether the program stood still for {longest}: {}",
                what_stops(case.runtime)
            )),
    }
}

/// Whether those that are over had only a handshake, too little to have gone on after the
/// other side's FIN.
fn said_no_more_than_zookeeper(case: &Case<'_>) -> bool {
    case.most(case.shapes().count_by_size(sizes::is_handshake_alone))
}

/// Where it is seen that a program stood still.
fn what_stops(runtime: Runtime) -> &'static str {
    match runtime {
        Runtime::Jvm => "the JVM's GC log tells how long its pauses were",
        _ => "a stopped process (SIGSTOP), a frozen cgroup, a suspended virtual machine",
    }
}

/// Ports that fit into a command that somebody types.
const PORTS_ASKED_FOR: usize = 4;

fn advice(verdict: Verdict, case: &Case<'_>) -> Verdict {
    let ports = protocol::ports(case);
    let ports = ports.iter().take(PORTS_ASKED_FOR);
    let sockets: Vec<_> = ports
        .map(|port| format!("dport = :{port} or sport = :{port}"))
        .collect();
    let sockets = sockets.join(" or ");
    let shown = case
        .network
        .command(&format!("ss -tnp state close-wait '( {sockets} )'"));
    let shown = format!(
        "{shown} shows those that are held now; each takes a file descriptor until the process ends"
    );
    let find = "find the thread that should read from them: it may have ended (look for an \
                exception in the program's log) or wait for something else (a thread dump shows \
                where)";
    let verdict = match case.held + case.all_older_held() > 0 && may_wait_for_accept(case) {
        true => verdict.next(format!(
            "{}: a Recv-Q that stays above 0 are connections that the server has not accepted; \
             find out what stops it (a thread dump, GC pauses, SIGSTOP, no file descriptor left)",
            case.network
                .command(&format!("ss -tln '( sport = :{} )'", case.port()))
        )),
        false => verdict,
    };
    match case.held + case.all_older_held() {
        // There may be none any more.
        0 => verdict.next(find).next(shown),
        _ if is_session(case) => verdict.next(shown).next(find),
        _ => verdict.next(shown).next(is_used(case, &sockets)).next(find),
    }
}

/// How to tell a connection that is still used.
fn is_used(case: &Case<'_>, sockets: &str) -> String {
    let shown = case
        .network
        .command(&format!("ss -tin state close-wait '( {sockets} )'"));
    format!(
        "{shown}, twice: a connection whose `bytes_sent` grows \
         is in use, and is not held by mistake"
    )
}

#[cfg(test)]
mod tests {
    use zkchurn_common::state;

    use super::Churn;
    use crate::{
        connection::{Connection, Holder, Stage},
        diagnose::{
            Confidence,
            test_case::{diagnosed, diagnosed_in, every, observed, only},
        },
        ledger::{
            handshakes::tests::asked,
            test_connection::{MS, by, name, server_side},
        },
        outcome::Outcome,
        traffic::Traffic,
    };

    fn held_for(milliseconds: u64) -> Vec<Connection> {
        let mut connections = every(1_000, 3, (49, 41, Outcome::AnsweredThenClosedByPeer));
        for connection in &mut connections {
            connection.stage = Stage::Closing;
            connection.states_seen = state::bit(state::ESTABLISHED) | state::bit(state::CLOSE_WAIT);
            connection.closer = None;
            connection.local_close_ns = None;
            connection.ended_ns = None;
            // Read at the end only.
            connection.traffic = Traffic::default();
            let left = connection.left_established_ns.unwrap();
            connection.seen_open_ns = Some(left + milliseconds * MS);
        }
        connections
    }

    #[test]
    fn what_nobody_may_have_accepted_is_not_said_to_be_held_by_the_program() {
        let said = |connections: Vec<Connection>| {
            let here: Vec<_> = connections.into_iter().map(server_side).collect();
            let finding = only(diagnosed(&here));
            assert_eq!(finding.name, Churn::HeldInCloseWait);
            format!("{} {}", finding.summary, finding.next.join("; "))
        };
        let silent = said(held_for(1_500));
        assert!(silent.contains("has not accepted them"), "{silent}");
        assert!(silent.contains("ss -tln '( sport = :2181 )'"), "{silent}");
        let with_sessions = said(with_sessions(held_for(1_500)));
        assert!(!with_sessions.contains("accepted"), "{with_sessions}");
        let finding = only(diagnosed(&held_for(1_500)));
        assert!(!finding.summary.contains("accepted"), "a client's");
    }

    /// The same, which were so when the trace began: found as the trace began, and at its end.
    fn older(count: u64, is_over: bool) -> Vec<Connection> {
        let all = every(1, count, (49, 41, Outcome::AnsweredThenClosedByPeer)).into_iter();
        let at_the_begin = all.map(|one| Connection {
            stage: Stage::Established,
            states_seen: state::bit(state::ESTABLISHED) | state::bit(state::CLOSE_WAIT),
            before_start: true,
            closer: None,
            opener: None,
            holder: one.opener.map(|opener| Holder {
                tgid: opener.thread.tgid,
                uid: 0,
                comm: name("app"),
                process_start_ns: 0,
            }),
            started_ns: 0,
            established_ns: Some(0),
            left_established_ns: Some(0),
            local_close_ns: None,
            ended_ns: None,
            traffic: Traffic::default(),
            ..one
        });
        let at_the_begin: Vec<_> = at_the_begin.collect();
        let at_the_end = at_the_begin.clone().into_iter().map(|one| match is_over {
            true => Connection {
                stage: Stage::Ended,
                local_close_ns: Some(4_000 * MS),
                ended_ns: Some(4_000 * MS),
                ..one
            },
            false => Connection {
                stage: Stage::Closing,
                seen_open_ns: Some(5_000 * MS),
                ..one
            },
        });
        at_the_begin.into_iter().chain(at_the_end).collect()
    }

    #[test]
    fn what_was_half_closed_before_the_trace_and_is_held_throughout_is_a_leak() {
        let all = older(10, false);
        let count = observed(&all).total.older;
        assert_eq!(
            (count.seen, count.ended, count.open(), count.held),
            (10, 0, 10, 10)
        );
        let finding = only(diagnosed_in(&all, 5_000 * MS));
        assert_eq!(
            (finding.name, finding.connections, finding.explains),
            (Churn::HeldInCloseWait, 10, Some(0))
        );
        assert_eq!(finding.confidence, Confidence::Likely);
        assert!(
            finding.who.words.starts_with("pid 42 "),
            "{:?}",
            finding.who
        );
        let seen = finding.seen.unwrap();
        assert!(
            seen.starts_with("10 connections, half-closed before"),
            "{seen}"
        );
    }

    #[test]
    fn what_is_half_closed_while_it_is_traced_and_held_is_told_as_well() {
        for (before, since) in [(0, 6), (4, 4)] {
            let mut all = older(before + since, false);
            let half = all.len() / 2;
            for one in &mut all[..half][before as usize..] {
                one.left_established_ns = None;
                one.states_seen = state::bit(state::ESTABLISHED);
            }
            for one in &mut all[half..][before as usize..] {
                one.left_established_ns = Some(1_000 * MS);
            }
            let older = observed(&all).total.older;
            assert_eq!((older.held, older.held_since), (before, since));
            let finding = only(diagnosed_in(&all, 5_000 * MS));
            let story = (finding.name, finding.connections);
            assert_eq!(story, (Churn::HeldInCloseWait, before + since));
            let seen = finding.seen.unwrap();
            assert!(seen.contains("none is closed after"), "{seen}");
        }
    }

    #[test]
    fn what_is_closed_during_the_trace_is_over_and_two_are_no_pile() {
        for (count, is_over) in [(10, true), (2, false)] {
            let all = older(count, is_over);
            let older = observed(&all).total.older;
            assert_eq!(older.ended, if is_over { count } else { 0 });
            assert!(diagnosed_in(&all, 5_000 * MS).is_empty());
        }
    }

    #[test]
    fn a_second_after_the_other_sides_fin() {
        let finding = only(diagnosed(&with_sessions(held_for(1_500))));
        assert_eq!(
            (finding.name, finding.confidence, finding.numbers["held"]),
            (Churn::HeldInCloseWait, Confidence::Likely, 3)
        );
        assert!(
            finding.summary.contains("shut down its sending"),
            "{finding:?}"
        );
    }

    #[test]
    fn what_was_half_closed_just_before_the_end_is_as_what_is_held_beside_it() {
        let both: Vec<_> = held_for(1_500).into_iter().chain(held_for(400)).collect();
        for all in [both.clone(), both.into_iter().map(server_side).collect()] {
            let finding = only(diagnosed(&all));
            assert_eq!(
                (finding.name, finding.connections),
                (Churn::HeldInCloseWait, 6)
            );
            assert_eq!((finding.numbers["held"], finding.explains), (3, Some(6)));
            let why = finding.reasons_for.join("; ");
            assert!(
                why.contains("3 other connections had been so for less"),
                "{why}"
            );
        }
        // By themselves they may be about to be closed: they have not come and gone.
        assert!(diagnosed(&held_for(400)).is_empty());
    }

    fn with_sessions(mut connections: Vec<Connection>) -> Vec<Connection> {
        for connection in &mut connections {
            connection.handshake = Some(asked(0, Some((0x20, 4_000))));
        }
        connections
    }

    fn uploads(connection: Connection) -> Connection {
        by(connection, 7, 8, "upload")
    }

    /// The state alone: the other side may still read, and the program may send.
    #[test]
    fn a_half_closed_connection_may_be_in_use() {
        let of_zookeeper = held_for(1_500);
        let there: Vec<_> = of_zookeeper.iter().copied().map(server_side).collect();
        let mut of_another: Vec<_> = of_zookeeper.iter().copied().map(uploads).collect();
        for connection in &mut of_another {
            connection.remote.set_port(33_510);
        }
        for (connections, confidence) in [
            (of_zookeeper, Confidence::Likely),
            (of_another, Confidence::Possible),
            (there, Confidence::Possible),
        ] {
            let finding = only(diagnosed(&connections));
            assert_eq!(
                (finding.name, finding.confidence),
                (Churn::HeldInCloseWait, confidence)
            );
            let against = finding.reasons_against.join(" ");
            assert!(against.contains("still reads"), "{against}");
            let next = finding.next.join(" ");
            assert!(next.contains("bytes_sent"), "{next}");
        }
    }

    /// Closed while the program opens further ones; what was said is no handshake's.
    #[test]
    fn one_that_was_in_use_after_the_fin_was_not_forgotten() {
        let mut connections = every(1_000, 8, (60_000, 5, Outcome::AnsweredThenClosedByPeer));
        for connection in &mut connections {
            let later = connection.left_established_ns.unwrap() + 3_000 * MS;
            connection.local_close_ns = Some(later);
            connection.ended_ns = Some(later);
        }
        let findings = diagnosed(&connections);
        let found = findings
            .iter()
            .find(|one| one.name == Churn::HeldInCloseWait);
        let found = found.unwrap();
        assert_eq!(found.confidence, Confidence::Possible);
        let against = found.reasons_against.join(" ");
        assert!(against.contains("still reads"), "{against}");
        assert!(found.summary.contains("went on sending"), "{found:?}");
    }

    /// All closed together, as by the end of the program.
    fn closed_together() -> Vec<Connection> {
        let mut connections = every(1_000, 4, (49, 41, Outcome::AnsweredThenClosedByPeer));
        let end = connections[3].left_established_ns.unwrap() + 2_000 * MS;
        for connection in &mut connections {
            connection.local_close_ns = Some(end);
            connection.ended_ns = Some(end);
        }
        connections
    }

    #[test]
    fn what_was_held_until_the_program_ended_was_no_client_for_each_request() {
        for session in [None, Some((0x20, 4_000))] {
            let mut connections = closed_together();
            for connection in &mut connections {
                connection.handshake = session.map(|granted| asked(0, Some(granted)));
            }
            let findings = diagnosed(&connections);
            assert_eq!(
                (findings[0].name, findings[0].confidence),
                (Churn::HeldInCloseWait, Confidence::Likely),
            );
            let alternatives = findings.iter().flat_map(|one| &one.alternatives);
            for other in alternatives {
                assert_ne!(other.confidence, Confidence::Likely, "{other:?}");
            }
        }
    }

    #[test]
    fn a_program_that_stood_still_does_the_same() {
        let mut connections = every(6_000, 4, (109, 121, Outcome::AnsweredThenClosedByPeer));
        for connection in &mut connections {
            let later = connection.left_established_ns.unwrap() + 2_000 * MS;
            connection.local_close_ns = Some(later);
            connection.ended_ns = Some(later);
        }
        let findings = diagnosed(&connections);
        assert!(
            findings
                .iter()
                .all(|one| one.confidence == Confidence::Possible),
            "{findings:?}"
        );
    }

    #[test]
    fn not_what_was_closing_as_the_trace_ended() {
        let findings = diagnosed(&held_for(2));
        assert!(
            findings
                .iter()
                .all(|one| one.name != Churn::HeldInCloseWait)
        );
    }
}
