// SPDX-License-Identifier: MIT
//! A process opens client after client and closes none, until the server's limit.

use super::Rule;
use crate::{
    diagnose::{
        case::Case,
        churn::Churn,
        finding::{Confidence, Severity, Verdict},
        protocol::Scope,
        who::Who,
    },
    text,
};

pub(super) const RULE: Rule = Rule {
    name: Churn::HandleLeak,
    severity: Severity::Wasteful,
    scope: Scope::ZooKeeper,
    judge,
};

const FEWEST: u64 = 4;
/// As many as one keeps, and for how long it takes to fill a pool or to start a service at most: who
/// opens more for longer goes on. A larger pool is seldom filled so slowly.
const GOES_ON: [(u64, u64); 2] = [(8, 30_000_000_000), (14, 9_000_000_000)];
/// Shorter ones may have been opened at once.
const AT_ONCE_NS: u64 = 5_000_000_000;

fn judge(case: &Case<'_>) -> Option<Verdict> {
    let opened = case.tally.opened();
    // What connects still is no client yet: nobody answers it.
    let established = case.tally.established;
    let open = established.saturating_sub(case.tally.ended_established);
    // Many processes with a connection each are many processes.
    let could_be_one_program = match case.who {
        // Open at the same time, they are no client that reconnects, whoever opened them.
        Who::Thread { .. }
        | Who::Process { .. }
        | Who::RemoteHost { .. }
        | Who::RemoteHosts { .. } => true,
        _ => false,
    };
    let in_use = case.in_flight.saturating_mul(2);
    // A client that has come back is none more.
    let more = open.saturating_sub(case.returning);
    // Who closes as many as it opens keeps each for longer than the trace so far.
    let older_ended = case.older.saturating_sub(case.older_open) + case.older_accepted_ended;
    let closes = case.ended().saturating_add(older_ended).saturating_mul(5) > opened;
    let stay = match closes {
        true => Some(stay_beside(case)?),
        false => None,
    };
    if more < FEWEST.saturating_add(in_use) || !could_be_one_program {
        return None;
    }
    let gap = case.gaps.percentile(50.0).unwrap_or_default();
    let long = (case.window_ns / 4).min(AT_ONCE_NS);
    // They were opened by each host one after the other, and by all at the same time.
    let by_each = gap.saturating_mul(opened / case.hosts());
    let steady = case.rhythm.gaps >= FEWEST && by_each >= long;
    let stopped = stopped_for(case);
    let goes_on = GOES_ON
        .iter()
        .any(|(many, long_ns)| open >= *many && by_each >= *long_ns);
    let grows = steady && goes_on && stopped.is_none();
    // Clients that go on to another server of their connect string are not new.
    let has_moved = case.comes_again || case.older_ended_elsewhere * 2 >= opened;
    let unanswered = unanswered(case);
    let is_sure = !case.is_damaged
        && !case.is_remote_host()
        && !has_moved
        && !closes
        && !matches!(unanswered, Unanswered::Most { .. });
    let confidence = match grows && is_sure {
        true => Confidence::Likely,
        false => Confidence::Possible,
    };
    let all = open + case.older_open;
    let with_older = match case.older_open {
        0 => String::new(),
        _ => format!(" ({} with older ones)", text::count(all)),
    };
    let mut verdict = Verdict::new(
        confidence,
        format!(
            "{} opened during the trace {}{with_older}.",
            text::counted(open, "connection"),
            match case.is_damaged {
                true => "have no end in what could be read",
                false => "are still open",
            }
        ),
    )
    .number("open_now", all)
    .next(
        "find the code that creates clients and does not close them, before it reaches the \
        server's limit (maxClientCnxns, 60 by default)",
    )
    .decided_by("a longer trace: a leak keeps growing, a pool stops at its size");
    verdict = match (case.ended(), case.ended_beside) {
        _ if case.is_damaged => verdict
            .but("a part of the recording is damaged: that they were closed may have stood there"),
        _ if stay.is_some() => verdict,
        (0, 0) => verdict.because("none of these was closed"),
        // Of this owner there are some that come and go.
        (0, ended) => verdict.but(format!(
            "{} of the same source there ended",
            text::counted(ended, "other connection")
        )),
        (ended, _) => verdict.because(format!(
            "only {} of {} ended",
            text::count(ended),
            text::count(opened)
        )),
    };
    if let Some(why) = stay {
        verdict = verdict.because(why).but(
            "a program may close some of its clients and be meant to keep the others, or what it keeps \
             may be closed later",
        );
    }
    if older_ended > 0 {
        verdict = verdict.but(format!(
            "{} older than the trace ended",
            text::counted(older_ended, "connection")
        ));
    }
    verdict = match case.is_remote_host() {
        true => of_remote_host(verdict, case),
        false if case.is_damaged => verdict,
        false if has_moved => or_moved(verdict, case),
        false if case.returning > 0 => verdict.but(format!(
            "{} had a connection there before that ended: those are clients that came back",
            threads_of(case.returning)
        )),
        false if case.is_new_one_each_time() => {
            verdict.because("they come from new threads: separate clients, not one that reconnects")
        }
        false => verdict
            .because("they are open at the same time: separate clients, not one that reconnects"),
    };
    verdict = or_nobody_answers(verdict, &unanswered, case);
    if steady {
        // A pool may have filled long before the trace ended.
        let is_long = by_each.saturating_mul(2) >= case.window_ns;
        let is_throughout = is_long && stopped.is_none();
        verdict = verdict.because(match is_throughout {
            true => {
                "they are opened steadily throughout the trace, not all at its start".to_owned()
            }
            false => format!(
                "they were opened one after the other, {} apart (median), not all at once",
                text::duration(gap)
            ),
        });
    }
    Some(match stopped {
        Some(idle_ns) => verdict.but(format!(
            "the last of them was opened {} before the end of the trace: a pool that has \
                 reached its size looks the same",
            text::duration(idle_ns)
        )),
        None if goes_on => verdict,
        None if open < GOES_ON[0].0 => {
            verdict.but("so few may be clients that the program is meant to have")
        }
        None => verdict.but(format!(
            "a pool or service that starts up may open as many in {}",
            text::window(case.window_ns)
        )),
    })
}

/// Whether the server answers those that are open.
enum Unanswered {
    /// It does, or clients would have given up by now.
    No,
    /// Nobody is known to have had an answer.
    Perhaps,
    /// Most of the requests that were read had none.
    Most { unanswered: u64, of: u64 },
}

/// A client that has no answer to its request gives it up after the session timeout that it asks for
/// (`ClientCnxn.SendThread`, `connectTimeout`): 30 s in most programs, seldom more than a minute.
const GIVEN_UP_NS: u64 = 60_000_000_000;

fn unanswered(case: &Case<'_>) -> Unanswered {
    let Some(handshakes) = case.handshakes() else {
        // That others were answered tells of an earlier moment.
        let is_known = case.is_remote_host() || case.window_ns > GIVEN_UP_NS;
        return match is_known {
            true => Unanswered::No,
            false => Unanswered::Perhaps,
        };
    };
    let unanswered = handshakes.unanswered;
    let of = unanswered + handshakes.granted + handshakes.expired;
    match unanswered * 2 > of {
        true => Unanswered::Most { unanswered, of },
        false => Unanswered::No,
    }
}

/// A server that hangs is connected to all the same: the kernel of its host accepts.
fn or_nobody_answers(verdict: Verdict, unanswered: &Unanswered, case: &Case<'_>) -> Verdict {
    let verdict = match unanswered {
        Unanswered::No => return verdict,
        Unanswered::Perhaps => verdict,
        Unanswered::Most { unanswered, of } => verdict
            .but(format!(
                "{} of {} had no answer: a server that hangs has its clients wait",
                text::count(*unanswered),
                text::counted(*of, "request")
            ))
            .next("find out whether that server hangs, before you look at the clients"),
    };
    let mut verdict = verdict.cannot_tell_from(&[Churn::ReadTimeouts]);
    // First: a leak goes on as what waits does.
    let decides = format!(
        "{}: where bytes_received is missing, the server hangs and its clients wait",
        case.network
            .command(&format!("ss -tin '( dport = :{} )'", case.port()))
    );
    verdict.would_decide.insert(0, decides);
    verdict
}

fn threads_of(count: u64) -> String {
    match count {
        1 => "one of their threads".to_owned(),
        _ => format!("{} of their threads", text::count(count)),
    }
}

/// So many that were opened one after the other while none ended are no chance, where as many end
/// as are opened.
const IN_A_ROW: u64 = 8;

/// Why some stay open though others of the same owner end, where that is more than what each lives
/// for.
fn stay_beside(case: &Case<'_>) -> Option<String> {
    /// Fewer that ended say little of how long one lives.
    const FEWEST_ENDED: u64 = 3;
    let staying = case.staying?;
    let outlasting = staying.outlasting.saturating_sub(case.returning);
    if staying.ended >= FEWEST_ENDED && outlasting >= FEWEST {
        return Some(format!(
            "{} of them are open for more than twice as long as any of the {} that was opened and \
             ended ({} at most)",
            text::count(outlasting),
            text::count(staying.ended),
            text::duration(staying.longest_ns)
        ));
    }
    let more = case.balance.more();
    // Those that are opened within the lifetime of one are open, too.
    let living = u128::from(case.balance.opened) * u128::from(staying.longest_ns);
    let living = (living / u128::from(case.window_ns.max(1))) as u64;
    let goes_on = case.balance.grows() || staying.since_last_end >= IN_A_ROW;
    (goes_on && more >= FEWEST.saturating_add(living)).then(|| {
        format!(
            "{} more are open than when the trace began: {} were opened, and {} ended",
            text::count(more),
            text::count(case.balance.opened),
            text::count(case.balance.ended)
        )
    })
}

/// They may be the same clients as before.
fn or_moved(mut verdict: Verdict, case: &Case<'_>) -> Verdict {
    let first = "look first for what ended their connections to the other peers: a server that was \
                 stopped or drained";
    verdict.next.insert(0, first.to_owned());
    verdict.but(match case.older_ended_elsewhere {
        0 => "their threads had connections to other peers, too: clients that go on to the next \
             server of their connect string do that"
            .to_owned(),
        ended => format!(
            "{} of this process to other peers ended during the trace: clients that go on to the next \
             server of their connect string come here then, and are as many as before",
            text::counted(ended, "older connection")
        ),
    })
}

/// What this host sees of a client is what it is told: of one that is gone it may know nothing.
fn of_remote_host(verdict: Verdict, case: &Case<'_>) -> Verdict {
    verdict
        .but(match case.hosts() {
            1 => "they may belong to many processes on that host",
            _ => "those of a host may belong to many processes there",
        })
        .but(
            "clients that a firewall, this host's own too, or a NAT has cut off look the same: \
             nothing tells this host that they are gone",
        )
        .decided_by(format!(
            "{}, which counts by process and thread",
            case.trace_there()
        ))
        .next(format!(
            "`ss -tn '( dport = :{} )'` on the clients' side: where fewer are open than here, look \
             for what cuts them off (a REJECT or DROP rule: {})",
            case.port(),
            case.network.firewall()
        ))
}

/// For how long none has been opened, where that is much longer than it ever took before.
fn stopped_for(case: &Case<'_>) -> Option<u64> {
    const TIMES: u64 = 3;
    let longest = case.gaps.max()?;
    let idle_ns = case.idle_ns?;
    (idle_ns > longest.saturating_mul(TIMES)).then_some(idle_ns)
}

#[cfg(test)]
mod tests {
    use zkchurn_common::state;

    use super::Churn;
    use crate::{
        connection::{Connection, Holder, Stage},
        diagnose::{
            Confidence, Finding,
            test_case::{diagnosed, diagnosed_in, every, living, new_thread_each, only},
        },
        ledger::{
            handshakes::tests::asked,
            test_connection::{name, server_side},
        },
        outcome::Outcome,
    };

    fn open(period_ms: u64, count: u64) -> Vec<Connection> {
        let mut connections = every(period_ms, count, (49, 41, Outcome::ClosedByUs));
        for connection in &mut connections {
            connection.stage = Stage::Open;
            connection.left_established_ns = None;
            connection.ended_ns = None;
            connection.closer = None;
        }
        new_thread_each(connections)
    }

    #[test]
    fn what_a_proxy_keeps_open_is_its_clients() {
        let mut open = new_thread_each(open(1_000, 20));
        for one in &mut open {
            one.opener.as_mut().unwrap().process_comm = Some(name("haproxy"));
        }
        let finding = only(diagnosed(&open));
        assert_eq!(finding.name, Churn::HandleLeak);
        let against = finding.reasons_against.join("\n");
        assert!(against.contains("haproxy is a proxy"), "{against}");
        assert!(finding.next[0].starts_with("find those clients"));
    }

    #[test]
    fn a_client_every_two_seconds_that_stays() {
        let finding = only(diagnosed(&open(2_000, 20)));
        assert_eq!(
            (finding.name, finding.confidence),
            (Churn::HandleLeak, Confidence::Likely)
        );
        assert_eq!(finding.numbers["open_now"], 20);
    }

    #[test]
    fn what_was_opened_in_a_part_of_the_trace_was_not_opened_throughout() {
        let said = |window_ns| {
            let finding = only(diagnosed_in(&open(2_000, 20), window_ns));
            finding.reasons_for.join("; ")
        };
        let whole = said(40_000_000_000);
        assert!(whole.contains("throughout the trace"), "{whole}");
        let hour = said(3_600_000_000_000);
        assert!(hour.contains("one after the other, 2.00 s apart"), "{hour}");
        assert!(!hour.contains("throughout"), "{hour}");
    }

    /// The kernel of its host accepts for a server that hangs.
    #[test]
    fn where_no_answer_is_known_of_the_server_may_hang() {
        // Of what is open the bytes are not known.
        let open = |period_ms| {
            let mut open = open(period_ms, 20);
            for one in &mut open {
                (one.traffic.payload_out, one.traffic.payload_in) = (None, None);
            }
            open
        };
        let finding = only(diagnosed_in(&open(2_000), 41_000_000_000));
        assert_eq!(finding.cannot_tell_from, [Churn::ReadTimeouts]);
        let decides = finding.would_decide.join("; ");
        assert!(decides.contains("bytes_received"), "{decides}");
        let longer = only(diagnosed_in(&open(4_000), 81_000_000_000));
        assert!(longer.cannot_tell_from.is_empty(), "they would give up");
    }

    #[test]
    fn where_most_requests_had_no_answer_it_is_possible_only() {
        let finding = |answered: usize| {
            let mut all = open(2_000, 20);
            for (number, one) in all.iter_mut().enumerate() {
                let answer = (number < answered).then_some((7, 30_000));
                one.handshake = Some(asked(0, answer));
            }
            only(diagnosed(&all))
        };
        assert_eq!(finding(20).confidence, Confidence::Likely);
        assert!(finding(20).cannot_tell_from.is_empty());
        let hung = finding(2);
        assert_eq!(hung.confidence, Confidence::Possible);
        let against = hung.reasons_against.join("; ");
        assert!(
            against.contains("18 of 20 requests had no answer"),
            "{against}"
        );
    }

    /// What tells a leak from a pool that fills is that it goes on.
    #[test]
    fn what_has_not_gone_on_for_longer_than_a_start_takes_may_be_one() {
        let found = |period_ms: u64, count: u64| {
            let window_ns = (period_ms * count + 1_000) * 1_000_000;
            let finding = only(diagnosed_in(&open(period_ms, count), window_ns));
            (finding.confidence, finding.reasons_against.join("; "))
        };
        for (period_ms, count) in [(300, 9), (600, 14), (900, 13), (300, 29), (3_000, 8)] {
            let (confidence, against) = found(period_ms, count);
            assert_eq!(confidence, Confidence::Possible, "{period_ms} {count}");
            assert!(
                against.contains("a pool or service that starts up may open as many in"),
                "{against}"
            );
        }
        let (confidence, against) = found(10_000, 5);
        assert_eq!(confidence, Confidence::Possible);
        assert!(against.contains("so few may be"), "{against}");
        for (period_ms, count) in [(700, 16), (300, 35), (4_000, 8), (500, 100)] {
            let (confidence, against) = found(period_ms, count);
            assert_eq!(confidence, Confidence::Likely, "{period_ms} {count}");
            assert_eq!(against, "");
        }
    }

    /// A firewall that answers clients in this host's name tells the host nothing.
    #[test]
    fn what_a_server_sees_open_may_be_cut_off() {
        let finding = only(diagnosed(
            &open(2_000, 20)
                .into_iter()
                .map(server_side)
                .collect::<Vec<_>>(),
        ));
        assert_eq!(finding.confidence, Confidence::Possible);
        let against = finding.reasons_against.join("; ");
        assert!(against.contains("this host's own too"), "{against}");
        let next = finding.next.join("; ");
        assert!(next.contains("nft list ruleset"), "{next}");
        assert!(next.contains("dport = :2181"), "{next}");
    }

    #[test]
    fn what_is_no_longer_opened_may_be_a_pool_that_has_its_size() {
        let found = |window_ns| only(diagnosed_in(&open(2_000, 20), window_ns));
        // Opened from 1 s to 39 s.
        assert_eq!(found(42_000_000_000).confidence, Confidence::Likely);
        let finding = found(60_000_000_000);
        assert_eq!(finding.confidence, Confidence::Possible);
        let why = finding.reasons_for.join("; ");
        assert!(!why.contains("throughout the trace"), "{why}");
        let against = finding.reasons_against.join("; ");
        assert!(
            against.contains("was opened 21.0 s before the end of the trace"),
            "{against}"
        );
    }

    /// Each lives for longer than the trace has seen it: those that end are older than it.
    #[test]
    fn who_closes_as_many_as_it_opens_leaks_nothing() {
        let with_older_ended = |count| {
            let mut older = every(2_000, 20, (49, 41, Outcome::ClosedByUs));
            for connection in &mut older {
                connection.before_start = true;
            }
            let seen = older.iter().map(|connection| Connection {
                stage: Stage::Established,
                ..*connection
            });
            let mut connections: Vec<_> = seen.collect();
            connections.extend(older.into_iter().take(count));
            connections.extend(open(2_000, 20));
            diagnosed(&connections)
        };
        let is_leak = |one: &Finding| one.name == Churn::HandleLeak;
        let few = with_older_ended(3);
        let finding = few.iter().find(|one| is_leak(one)).unwrap();
        let against = finding.reasons_against.join("; ");
        assert!(
            against.contains("3 connections older than the trace ended"),
            "{against}"
        );
        assert!(!with_older_ended(19).iter().any(is_leak));
    }

    /// So many that were open before the trace and ended, the first after a second.
    fn older_ended(count: u64) -> Vec<Connection> {
        let mut older = every(400, count, (49, 41, Outcome::ClosedByUs));
        older.iter_mut().for_each(|one| one.before_start = true);
        let seen = older.iter().map(|one| Connection {
            stage: Stage::Established,
            ..*one
        });
        let seen: Vec<_> = seen.collect();
        seen.into_iter().chain(older).collect()
    }

    fn leak_of(findings: &[Finding]) -> Option<&Finding> {
        findings.iter().find(|one| one.name == Churn::HandleLeak)
    }

    /// More than one for each five that are opened ends.
    #[test]
    fn what_is_opened_and_left_open_is_told_beside_what_ends() {
        let found = |ended: u64, period_ms: u64, opened: u64| {
            let mut all = older_ended(ended);
            all.extend(open(period_ms, opened));
            let findings = diagnosed_in(&all, 12_000_000_000);
            leak_of(&findings).map(|leak| (leak.confidence, leak.reasons_for.join("\n")))
        };
        let (confidence, why) = found(4, 500, 19).expect("fifteen more");
        assert_eq!(confidence, Confidence::Possible);
        assert!(
            why.contains("15 more are open than when the trace began: 19 were opened, and 4 ended"),
            "{why}"
        );
        // Those that came back are no more than before.
        assert!(found(16, 500, 19).is_none());
        // Three in four, as they come and go.
        assert!(found(8, 300, 12).is_none());
    }

    /// Each lives for three seconds, and each third is forgotten.
    #[test]
    fn those_that_outlast_what_ends_are_told() {
        let some = |is_forgotten: fn(usize) -> bool| {
            let mut all = older_ended(9);
            let clients = every(250, 44, (49, 41, Outcome::AnsweredThenClosedByUs));
            let clients = new_thread_each(living(3_000, clients));
            let forgotten = open(250, 44);
            let each = clients.into_iter().zip(forgotten).enumerate();
            all.extend(each.map(|(place, (one, forgotten))| {
                let is_open = is_forgotten(place) || one.started_ns > 9_000_000_000;
                if is_open { forgotten } else { one }
            }));
            let findings = diagnosed_in(&all, 12_000_000_000);
            leak_of(&findings).map(|leak| (leak.confidence, leak.reasons_for.join("\n")))
        };
        let (confidence, why) = some(|place| place % 3 == 0).expect("a third is forgotten");
        assert_eq!(confidence, Confidence::Possible);
        assert!(
            why.contains("of them are open for more than twice as long as any of the"),
            "{why}"
        );
        assert!(some(|_| false).is_none());
    }

    /// A client that the server cuts comes back from its thread.
    #[test]
    fn clients_that_are_back_from_the_same_threads_are_none_more() {
        let cut = every(1, 8, (49, 41, Outcome::AnsweredThenClosedByPeer));
        let back = |first_tid: u32| {
            let mut all = new_thread_each(cut.clone());
            all.extend(
                open(20, 8)
                    .into_iter()
                    .zip(first_tid..)
                    .map(|(mut one, tid)| {
                        one.started_ns += 2_000_000_000;
                        one.established_ns = one.established_ns.map(|at| at + 2_000_000_000);
                        one.opener.as_mut().unwrap().thread.tid = tid;
                        one
                    }),
            );
            leak_of(&diagnosed(&all)).cloned()
        };
        assert!(back(200).is_some(), "new ones");
        assert!(back(100).is_none(), "{:?}", back(100));
        let some = back(107).expect("seven of eight are new");
        let why = some.reasons_for.join("\n");
        assert!(!why.contains("new threads"), "{why}");
        let against = some.reasons_against.join("\n");
        assert!(
            against.contains("one of their threads had a connection there before that ended"),
            "{against}"
        );
    }

    /// Clients of one host that come back after the server was started anew: the process that held
    /// the older connections is known, of the new ones none is.
    #[test]
    fn what_comes_back_to_a_new_server_leaks_nothing() {
        let accepted = |older_count: usize| {
            let mut older = every(1, 9, (41, 49, Outcome::AnsweredThenClosedByUs));
            for one in &mut older {
                *one = server_side(*one);
                one.before_start = true;
                one.holder = Some(Holder {
                    tgid: 70,
                    uid: 0,
                    comm: name("java"),
                    process_start_ns: 900,
                });
            }
            let seen = older.iter().map(|one| Connection {
                stage: Stage::Established,
                ..*one
            });
            let mut all: Vec<_> = seen.take(older_count).collect();
            all.extend(older.iter().take(older_count));
            all.extend(open(2_000, 9).into_iter().map(server_side));
            diagnosed(&all)
        };
        let is_leak = |one: &Finding| one.name == Churn::HandleLeak;
        assert!(accepted(0).iter().any(is_leak));
        assert!(!accepted(9).iter().any(is_leak), "{:?}", accepted(9));
    }

    /// Each waits for an answer to its SYN.
    #[test]
    fn what_connects_still_is_no_leak() {
        let is_leak = |one: &Finding| one.name == Churn::HandleLeak;
        let mut waiting = open(2_000, 20);
        assert!(diagnosed(&waiting).iter().any(is_leak));
        for one in &mut waiting {
            one.established_ns = None;
            (one.states_seen, one.state_left) = (state::bit(state::SYN_SENT), state::SYN_SENT);
        }
        assert!(!diagnosed(&waiting).iter().any(is_leak));
    }

    /// A server is drained, and its clients go on to the next one.
    #[test]
    fn clients_that_go_on_to_another_server_are_not_new() {
        let new = open(2_000, 9);
        let mut older = every(1, 9, (41, 49, Outcome::AnsweredThenClosedByPeer));
        for (one, new) in older.iter_mut().zip(&new) {
            one.before_start = true;
            one.opener = new.opener;
            one.remote.set_ip([10, 0, 0, 9].into());
        }
        let seen = older.iter().map(|one| Connection {
            stage: Stage::Established,
            ..*one
        });
        let mut all: Vec<_> = seen.chain(older.iter().copied()).collect();
        all.extend(new);
        let findings = diagnosed(&all);
        let leak = findings.iter().find(|one| one.name == Churn::HandleLeak);
        let leak = leak.expect("as it looks");
        assert_eq!(leak.confidence, Confidence::Possible);
        let against = leak.reasons_against.join("\n");
        assert!(
            against.contains("9 older connections of this process to other peers ended"),
            "{against}"
        );
        assert!(
            !leak
                .reasons_for
                .join("\n")
                .contains("not one that reconnects")
        );
    }

    #[test]
    fn a_pool_that_fills_up_may_be_one() {
        let finding = only(diagnosed(&open(5, 10)));
        assert_eq!(finding.confidence, Confidence::Possible);
        assert!(diagnosed(&open(5, 3)).is_empty());
    }

    #[test]
    fn what_ended_beside_them_is_not_denied() {
        // Those that are open are listed at the end.
        let mut connections = every(2_100, 3, (79, 98, Outcome::AnsweredThenClosedByUs));
        connections.extend(open(2_000, 20));
        let findings = diagnosed(&connections);
        let found = findings.iter().find(|one| one.name == Churn::HandleLeak);
        let finding = found.unwrap_or_else(|| panic!("{findings:?}"));
        assert!(
            !finding
                .reasons_for
                .contains(&"none of these was closed".to_owned()),
            "{finding:?}"
        );
        let against = finding.reasons_against.join("; ");
        assert!(
            against.contains("3 other connections of the same source there ended"),
            "{against}"
        );
    }
}
