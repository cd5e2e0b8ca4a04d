// SPDX-License-Identifier: MIT
//! Two clients go on with the same session: with each reconnect the server
//! closes the other's connection (`ZooKeeperServer.processConnectRequest`,
//! `DisconnectReason.CLIENT_RECONNECT`), and that one reconnects in turn.

use super::{Rule, idle_timeout};
use crate::{
    diagnose::{
        case::{Case, SharedSession},
        churn::Churn,
        finding::{Confidence, Severity, Verdict},
        protocol::Scope,
    },
    ledger::{
        shape::{Ending, Spoken},
        sizes,
        takeovers::{self, Taken},
    },
    text,
};

pub(super) const RULE: Rule = Rule {
    name: Churn::OneSessionTwoClients,
    severity: Severity::Broken,
    scope: Scope::ZooKeeper,
    judge,
};

const FEWEST: u64 = 3;

fn judge(case: &Case<'_>) -> Option<Verdict> {
    if let Some(verdict) = by_session(case) {
        return Some(verdict);
    }
    // Where the sessions were read, an expired one is none that was taken.
    match case.handshakes() {
        Some(handshakes) if handshakes.expired * 2 > handshakes.connections => None,
        // Nor is one that each connection had anew.
        Some(handshakes) if handshakes.new_handles * 2 > handshakes.connections => None,
        // Nor one that nobody else was seen to have.
        Some(handshakes) if handshakes.granted > 0 && case.shared.is_empty() => None,
        _ => by_sizes(case).or_else(|| by_takeovers(case)),
    }
}

/// The same session id was seen on the wire from several clients, again and again.
fn by_session(case: &Case<'_>) -> Option<Verdict> {
    let takers = |shared: &&SharedSession| {
        let again = shared.users.iter().filter(|(_, times)| *times >= AGAIN);
        again.count()
    };
    // Who takes a session makes the server close the other's connection; a client that comes
    // by way of two proxies has it from two addresses, and loses its connections otherwise.
    let by_server = case
        .shapes()
        .count(|ending, _| matches!(ending, Ending::ClosedByServer | Ending::ResetByServer));
    if case.is_remote_host() && !case.most(by_server) {
        return None;
    }
    let in_turn = |shared: &&SharedSession| takers(shared) >= 2 && shared.returns >= RETURNS;
    let shared = case.shared.iter().find(in_turn)?;
    let users: Vec<_> = shared
        .users
        .iter()
        .map(|(who, times)| format!("{who} ({})", text::counted(*times, "time")))
        .collect();
    let and_others = match shared.users_left_out {
        true => ", and others",
        false => "",
    };
    // One client may have several addresses.
    let confidence = match (case.is_remote_host(), shared.is_of_one_server) {
        (true, _) => Confidence::Likely,
        (false, true) => Confidence::Certain,
        (false, false) => Confidence::Possible,
    };
    let verdict = Verdict::new(
        confidence,
        format!(
            "Several clients use session {} in turn: {}{and_others}.",
            shared.id,
            users.join(", ")
        ),
    )
    .because("the server's answers to each of them, seen on the wire, carry this session id")
    .number("takers", takers(&shared) as u64)
    .number("returns", shared.returns)
    .next(ADVICE);
    Some(match confidence {
        Confidence::Certain => verdict,
        Confidence::Possible => verdict
            .but(
                "none of them had it of the same address as another one: a client and its proxy \
                 (a sidecar, haproxy on this host) look the same, and are one client",
            )
            .decided_by("whether one of them is what listens at the address of the other"),
        Confidence::Likely => verdict
            .but(
                "one client that comes by way of several addresses (IPv4 and IPv6, two proxies) \
                 has its session from each of them, too",
            )
            .decided_by(format!("{}, which tells clients apart", case.trace_there())),
    })
}

/// Once each is a client that was started anew with a kept session.
const AGAIN: u64 = 2;
/// A to B and back to A, and back to B.
const RETURNS: u64 = 2;
/// A server closes sooner after it has answered that a session has expired.
const AT_ONCE_NS: u64 = 200_000_000;
const ADVICE: &str = "find out how two clients got the same session id and password: a copied \
                      object, a forked process, or a file that both read";

fn by_sizes(case: &Case<'_>) -> Option<Verdict> {
    let taken = case.shapes().count_by_size(|shape| {
        sizes::is_handshake_alone(shape) && shape.ending == Ending::ClosedByServer
    });
    if taken < FEWEST || !case.most(taken) || case.is_new_one_each_time() {
        return None;
    }
    // One that another client takes lasts until that one has come.
    let lived = case.tally.established_for.percentile(50.0);
    let is_at_once = lived.is_some_and(|lived| lived < AT_ONCE_NS);
    // Another client takes it at any moment, unless it pauses for as long each time.
    let is_seen = case.taken.is_told();
    let one_age = idle_timeout::constant_life(&case.tally.established_for);
    let one_age = one_age.filter(|_| !is_seen);
    // It would show, if not by chance only: what cuts connections does so to all clients.
    let is_cut = case.taken.is_counted() && !is_seen;
    let is_other = case.rivals.is_empty() || is_at_once || is_cut || one_age.is_some();
    // The server, or what is before it, may have gone away.
    let is_of_all = case.taken.may_be_of_all() && !is_seen;
    let confidence = match (is_other || is_of_all) && !is_seen {
        true => Confidence::Possible,
        false => Confidence::Likely,
    };
    let mut verdict = Verdict::new(
        confidence,
        format!(
            "{} got a session answer and nothing else before the server closed them: \
             another client may be using the same session.",
            text::counted(taken, "connection")
        ),
    )
    .number("taken", taken)
    .cannot_tell_from(&[Churn::SessionExpiredLoop])
    .next(ADVICE);
    verdict = decided(verdict);
    if is_seen {
        verdict = verdict.because(ended_at_connects(case.taken));
    }
    // Of a remote host no thread is known.
    if case.is_one_thread() {
        verdict = verdict.because(
            "the client keeps its connection thread, so its session has probably not expired",
        );
    }
    if is_of_all {
        verdict = verdict.cannot_tell_from(&[Churn::ServerRestarts]);
    }
    if is_of_all && case.taken.others_ended {
        verdict = verdict.but(format!(
            "{} of {} ended at once (within {}) with another client's, as where the server, or a \
             proxy before it, dies: of two clients with one session one goes on",
            text::count(case.taken.together),
            text::count(case.taken.ended),
            text::duration(takeovers::AT_ONCE_NS)
        ));
    }
    if is_at_once {
        verdict = verdict.but(
            "the server closed them at once, as it does after the answer that a session has expired",
        );
    }
    if let Some(age) = one_age {
        verdict = verdict
            .but(format!(
                "they were closed at the same age, {}, as by an idle timeout on the way",
                text::duration(age)
            ))
            .cannot_tell_from(&[Churn::IdleTimeout]);
    }
    if is_cut {
        verdict = verdict
            .but(format!(
                "{}: a proxy, a load balancer or a NAT that cuts connections ends those of all \
                 clients, too",
                match case.taken.taken {
                    0 => format!(
                        "none of {} ended within {} after another client had connected",
                        text::count(case.taken.ended),
                        text::duration(takeovers::AT_ONCE_NS)
                    ),
                    taken => format!(
                        "{} of {} ended within {} after another client had connected, which may \
                         be by chance",
                        text::count(taken),
                        text::count(case.taken.ended),
                        text::duration(takeovers::AT_ONCE_NS)
                    ),
                }
            ))
            .decided_by("what is between: its timeout, and its log at these moments");
        if one_age.is_none() {
            verdict = verdict.cannot_tell_from(&[Churn::IdleTimeout]);
        }
    }
    match case.rivals.as_slice() {
        [] if is_seen => {}
        _ if is_cut => {}
        [] => {
            verdict = verdict.but(format!(
                "no other client {} shows the same pattern with this server; the other one may be \
                 on another host",
                case.traced()
            ));
        }
        rivals => {
            verdict = verdict.because(format!(
                "the same happens at this server to {}",
                rivals.join(" and ")
            ));
        }
    }
    Some(verdict)
}

/// Sessions on which more was said than the handshake, as of clients that ping, or have watches:
/// when they end tells, and nothing else.
fn by_takeovers(case: &Case<'_>) -> Option<Verdict> {
    let taken = case.taken_sessions;
    let by_server = case.shapes().count(|ending, spoken| {
        spoken == Spoken::Both && matches!(ending, Ending::ClosedByServer | Ending::ResetByServer)
    });
    // What the same client does otherwise may be the rest.
    let is_of_these = by_server * 3 > taken.ended;
    if by_server < FEWEST || !case.most(by_server) || !is_of_these || !taken.is_told() {
        return None;
    }
    if case.is_new_one_each_time() {
        return None;
    }
    let verdict = Verdict::new(
        Confidence::Likely,
        format!(
            "{} had a session until the server ended them as another client connected, which then \
             lost its own in the same way: they take one session from each other.",
            text::counted(by_server, "connection")
        ),
    )
    .because(ended_at_connects(taken))
    .but(
        "clients that hand over to each other, each closing its session as soon as the next one has \
         connected, look the same",
    )
    .number("taken", taken.taken)
    .cannot_tell_from(&[Churn::ClientPerRequest])
    .next(ADVICE);
    Some(decided(verdict))
}

/// Whether another client that was not traced, or one of the same process, may use the session:
/// the server ended what it had answered at any age, and the same threads came back each time.
/// Who closes it says nothing of a client that is done, whose server closes as well.
pub(super) fn may_be(case: &Case<'_>) -> bool {
    let by_server = case
        .shapes()
        .count(|ending, spoken| spoken == Spoken::Both && ending == Ending::ClosedByServer);
    let lived = &case.tally.established_for;
    let comes_back = case.threads > 0 && case.tally.opened() >= case.threads.saturating_mul(2);
    // What dies, or is cut off, ends what others have as well, and turns them away.
    let is_of_all = case.taken_sessions.others_ended && case.taken_sessions.may_be_of_all();
    by_server >= FEWEST
        && case.most(by_server)
        && comes_back
        && lived
            .percentile(50.0)
            .is_some_and(|lived| lived >= AT_ONCE_NS)
        && idle_timeout::constant_life(lived).is_none()
        && case.turned_away_beside == 0
        && !is_of_all
}

/// Likewise, as another reading of what looks like something else.
pub(super) fn or_shared(verdict: Verdict) -> Verdict {
    let verdict = verdict
        .but(
            "the server ended them at any age, and the same thread was back each time: so it is \
             with a client whose session another one uses too, which may be on another host",
        )
        .cannot_tell_from(&[Churn::OneSessionTwoClients]);
    decided(verdict)
}

/// What decides where no session id was read.
fn decided(verdict: Verdict) -> Verdict {
    verdict
        .decided_by("--handshake, which reads the session ids")
        .decided_by("the server's log: the same session id, renewed from two addresses or ports")
}

fn ended_at_connects(taken: Taken) -> String {
    format!(
        "{} of {} ended within {} after another client had connected: the server closes the \
         connection of a session that comes by another one",
        text::count(taken.taken),
        text::count(taken.ended),
        text::duration(takeovers::AT_ONCE_NS)
    )
}

#[cfg(test)]
mod tests {
    use super::Churn;
    use crate::{
        connection::Connection,
        diagnose::{
            Confidence,
            test_case::{diagnosed, diagnosed_with, every, living, names},
        },
        ledger::{
            handshakes::tests::asked,
            test_connection::{MS, by, ended, server_side},
        },
        outcome::Outcome,
        process::{ProcessIdentity, ProcessKey},
        registry::Registry,
    };

    #[test]
    fn the_same_session_in_both_is_certain() {
        let taken = (49, 41, Outcome::AnsweredThenClosedByPeer);
        let mut connections = every(3_000, 6, taken);
        connections.extend(
            every(3_100, 6, taken)
                .into_iter()
                .map(|one| by(one, 50, 51, "java")),
        );
        for connection in &mut connections {
            connection.handshake = Some(asked(0x77, Some((0x77, 4_000))));
        }
        let is_certain = |connections: &[Connection]| {
            let findings = diagnosed(connections);
            names(&findings) == [(Churn::OneSessionTwoClients, Confidence::Certain); 2]
        };
        // One after the other: a program that goes on with its session when it is started anew.
        assert!(!is_certain(&connections));
        connections.sort_by_key(|one| one.started_ns);
        assert!(is_certain(&connections));
        let findings = diagnosed(&connections);
        assert!(
            findings[0].summary.contains("0x77"),
            "{}",
            findings[0].summary
        );
    }

    /// The proxy's connections go to the server, the client's to the proxy.
    #[test]
    fn a_client_and_its_proxy_are_not_certainly_two() {
        let taken = (49, 41, Outcome::AnsweredThenClosedByPeer);
        let all = |behind: bool| {
            let clients = every(3_000, 6, taken);
            let to_the_server = clients.iter().map(|one| {
                let mut one = by(*one, 50, 51, "envoy");
                if behind {
                    one.remote = ([10, 0, 0, 9], 2181).into();
                }
                one.started_ns += 1;
                one
            });
            let mut all: Vec<_> = to_the_server.chain(clients.iter().copied()).collect();
            for connection in &mut all {
                connection.handshake = Some(asked(0x77, Some((0x77, 4_000))));
            }
            all.sort_by_key(|one| one.started_ns);
            diagnosed(&all)
        };
        let certain = (Churn::OneSessionTwoClients, Confidence::Certain);
        assert!(names(&all(false)).contains(&certain));
        let findings = all(true);
        assert!(!names(&findings).contains(&certain), "{findings:?}");
        let against = findings[0].reasons_against.join("; ");
        assert!(against.contains("a client and its proxy"), "{against}");
    }

    /// An idle timeout on the way cuts two programs' clients alike.
    #[test]
    fn where_each_has_a_session_of_its_own_nobody_takes_one() {
        let mut connections = by_two_processes(1_500);
        for (id, connection) in (0x70..).zip(&mut connections) {
            connection.handshake = Some(asked(0, Some((id, 4_000))));
        }
        let findings = diagnosed(&connections);
        let is_taken = |one: &(Churn, Confidence)| one.0 == Churn::OneSessionTwoClients;
        assert!(!names(&findings).iter().any(is_taken), "{findings:?}");
    }

    /// Connections with the same session, from one process, in turn by two of its threads.
    fn by_two_threads(program: &str) -> Vec<Connection> {
        let taken = (49, 41, Outcome::AnsweredThenClosedByPeer);
        let mut connections = every(1_000, 12, taken);
        for (turn, connection) in (0..).zip(&mut connections) {
            *connection = by(*connection, 50, 51 + turn % 2, program);
            connection.handshake = Some(asked(0x77, Some((0x77, 4_000))));
        }
        connections
    }

    #[test]
    fn threads_of_one_process_are_one_client_but_in_a_jvm() {
        let shared = |connections: &[Connection]| {
            let findings = diagnosed(connections);
            let two = (Churn::OneSessionTwoClients, Confidence::Certain);
            names(&findings).contains(&two)
        };
        assert!(!shared(&by_two_threads("python3")));
        assert!(shared(&by_two_threads("java")));
    }

    /// Two processes whose connections have nothing but the handshake, and live so long, or
    /// longer.
    fn by_two_processes(lived_ms: u64) -> Vec<Connection> {
        let taken = (49, 41, Outcome::AnsweredThenClosedByPeer);
        let mut connections = every(3_000, 6, taken);
        let of_another = every(3_100, 6, taken).into_iter();
        connections.extend(of_another.map(|one| by(one, 50, 51, "java")));
        // Three of each.
        connections.sort_by_key(|one| one.started_ns);
        let longer = living(lived_ms / 2 * 3, connections.split_off(6));
        [living(lived_ms, connections), longer].concat()
    }

    #[test]
    fn what_the_server_closes_at_once_was_taken_by_nobody() {
        let findings = diagnosed(&by_two_processes(4));
        assert!(
            findings
                .iter()
                .all(|one| one.confidence == Confidence::Possible)
        );
    }

    /// Two processes with one session: each connects, and the server closes the other's.
    fn in_turn() -> Vec<Connection> {
        let taken = (49, 41, Outcome::AnsweredThenClosedByPeer);
        let pauses = (0..12).map(|step| 1_200 + step * 370 % 1_000);
        let mut at = 1_000;
        let all = pauses.enumerate().map(|(step, pause)| {
            let one = ended(at, taken.0, taken.1, taken.2);
            at += pause;
            let one = living(pause + 2, vec![one])[0];
            match step % 2 {
                0 => one,
                _ => by(one, 50, 51, "java"),
            }
        });
        all.collect()
    }

    /// Two that ping, or read; at others' moments it is no takeover.
    #[test]
    fn a_session_that_works_is_taken_as_well() {
        let told = |from: &[Connection]| {
            let mut connections = from.to_vec();
            for (one, step) in connections.iter_mut().zip(0..) {
                one.traffic.payload_out = Some(61 + step % 3 * 12);
                one.traffic.payload_in = Some(61 + step % 3 * 20);
            }
            diagnosed(&connections)
        };
        let findings = told(&in_turn());
        let likely = (Churn::OneSessionTwoClients, Confidence::Likely);
        assert_eq!(names(&findings)[..2], [likely; 2], "{findings:?}");
        let first = &findings[0];
        assert!(
            first.summary.contains("take one session from each other"),
            "{}",
            first.summary
        );
        assert!(first.cannot_tell_from.contains(&Churn::ClientPerRequest));
        let findings = told(&by_two_processes(1_500));
        assert!(
            names(&findings)
                .iter()
                .all(|(name, _)| *name != Churn::OneSessionTwoClients),
            "{findings:?}"
        );
    }

    /// Something on the way cuts the connections of both, at any moment.
    #[test]
    fn ends_that_no_connect_comes_before_are_no_takeover() {
        let findings = diagnosed(&by_two_processes(1_500));
        let all = format!("{findings:?}");
        assert!(
            findings
                .iter()
                .all(|one| one.confidence == Confidence::Possible),
            "{all}"
        );
        assert!(!all.contains("happens at this server to"), "{all}");
        assert!(
            findings
                .iter()
                .any(|one| { one.cannot_tell_from.contains(&Churn::IdleTimeout) }),
            "{all}"
        );
    }

    /// The server is killed now and then, and both come back.
    #[test]
    fn what_ends_both_may_be_a_server_that_dies() {
        let killed = [2_000, 6_400, 9_100, 14_000, 17_300];
        let all = killed.windows(2).flat_map(|moments| {
            let [since, until] = [moments[0], moments[1]];
            [(50, 1_100), (51, 1_170)].map(|(pid, pause)| {
                let one = ended(since + pause, 49, 41, Outcome::AnsweredThenClosedByPeer);
                by(
                    living(until - since - pause, vec![one])[0],
                    pid,
                    pid,
                    "java",
                )
            })
        });
        let findings = diagnosed(&all.collect::<Vec<_>>());
        for finding in &findings {
            assert_eq!(finding.confidence, Confidence::Possible, "{finding:?}");
            let may_be = &finding.cannot_tell_from;
            assert!(may_be.contains(&Churn::ServerRestarts), "{finding:?}");
        }
        let all = format!("{findings:?}");
        assert!(!all.contains("happens at this server to"), "{all}");
    }

    /// Each process goes on with a session of its own, though another connects as it loses its
    /// connection.
    #[test]
    fn a_session_that_was_read_and_that_one_has_is_taken_by_nobody() {
        let mut connections = in_turn();
        for one in &mut connections {
            let id = i64::from(one.opener.unwrap().thread.tgid);
            one.handshake = Some(asked(id, Some((id, 4_000))));
        }
        let findings = diagnosed(&connections);
        let is_taken = |one: &(Churn, Confidence)| one.0 == Churn::OneSessionTwoClients;
        assert!(!names(&findings).iter().any(is_taken), "{findings:?}");
    }

    #[test]
    fn two_processes_that_are_closed_in_turn() {
        let findings = diagnosed(&in_turn());
        assert_eq!(
            names(&findings)[..2],
            [(Churn::OneSessionTwoClients, Confidence::Likely); 2]
        );
        assert!(
            findings[0]
                .reasons_for
                .iter()
                .any(|why| why.contains("happens at this server to pid"))
        );
        assert!(
            names(&findings)[2..]
                .iter()
                .all(|(_, confidence)| *confidence == Confidence::Possible)
        );
    }

    /// Each comes back after a second, and loses its connection as the other one does: all live
    /// equally long, as under an idle timeout.
    #[test]
    fn who_loses_it_as_another_connects_has_it_taken_whatever_the_pause() {
        let taken = (49, 41, Outcome::AnsweredThenClosedByPeer);
        let first = |shift_ms: u64| {
            let mut all = every(2_000, 8, taken);
            let of_another = every(2_000, 8, taken).into_iter().map(|one| {
                let mut one = by(one, 50, 51, "java");
                one.socket += 1_000_000;
                one.started_ns += shift_ms * MS;
                for at in [
                    &mut one.established_ns,
                    &mut one.left_established_ns,
                    &mut one.local_close_ns,
                    &mut one.ended_ns,
                ] {
                    *at = at.map(|at| at + shift_ms * MS);
                }
                one
            });
            all.extend(of_another);
            let mut all = living(1_002, all);
            all.sort_by_key(|one| one.started_ns);
            diagnosed(&all)
        };
        let findings = first(1_000);
        let likely = (Churn::OneSessionTwoClients, Confidence::Likely);
        assert_eq!(names(&findings), [likely; 2]);
        let why = findings[0].reasons_for.join("; ");
        assert!(why.contains("after another client had connected"), "{why}");
        // At the same moments, or out of step: a timeout.
        for shift_ms in [0, 3, 400] {
            let findings = first(shift_ms);
            assert_eq!(findings[0].name, Churn::IdleTimeout, "{shift_ms}");
        }
    }

    fn of_one_program(program: &str) -> Registry {
        let mut registry = Registry::default();
        for pid in [50, 51] {
            let command = vec![program.to_owned(), "service".to_owned()];
            let key = ProcessKey::new(pid, 0);
            registry.insert(ProcessIdentity::new(key, program.to_owned(), None, command));
        }
        registry
    }

    /// haproxy's timeout cuts two JVMs of one service: none of them is the proof for the
    /// other, nor is either for itself.
    #[test]
    fn what_is_cut_at_one_age_is_cut_by_a_timeout() {
        let taken = living(
            2_000,
            every(3_000, 10, (49, 41, Outcome::AnsweredThenClosedByPeer)),
        );
        for (program, confidence) in [
            ("java", Confidence::Likely),
            ("python3", Confidence::Possible),
        ] {
            let of_two = taken.iter().zip(0..).map(|(one, turn)| {
                let pid = 50 + turn % 2;
                by(*one, pid, pid, program)
            });
            let of_two: Vec<_> = of_two.collect();
            let findings = diagnosed_with(&of_two, &of_one_program(program));
            let all = format!("{findings:?}");
            assert_eq!(
                names(&findings),
                [(Churn::IdleTimeout, confidence)],
                "{all}"
            );
            assert_eq!(findings[0].connections, 10);
            assert!(!all.contains("happens at this server to"), "{all}");
        }
    }

    /// Each pod of a node has a server of its own there.
    #[test]
    fn the_same_loopback_address_of_two_network_namespaces_is_of_two_servers() {
        let seen = |address: &str, namespaces: [u32; 2]| {
            let mut connections = in_turn();
            for one in &mut connections {
                one.remote.set_ip(address.parse().unwrap());
                let is_other = one.opener.unwrap().thread.tgid == 50;
                one.netns = Some(namespaces[usize::from(is_other)]);
            }
            diagnosed(&connections)
        };
        let is_likely = |findings: &[crate::diagnose::Finding]| {
            findings
                .iter()
                .any(|one| one.confidence == Confidence::Likely)
        };
        for address in ["127.0.0.1", "127.0.1.1", "::1"] {
            assert!(is_likely(&seen(address, [1, 1])), "{address}");
            assert!(!is_likely(&seen(address, [1, 2])), "{address}");
        }
        assert!(is_likely(&seen("10.0.0.1", [1, 2])));
    }

    /// By IPv4 and IPv6, say, to a server that cuts it each time.
    #[test]
    fn two_addresses_may_be_one_client() {
        let taken = every(1_000, 12, (41, 49, Outcome::AnsweredThenClosedByUs));
        let taken = taken.into_iter().zip(0..).map(|(one, turn)| {
            let mut one = server_side(one);
            if turn % 2 == 1 {
                one.remote.set_ip("192.0.2.8".parse().unwrap());
            }
            one.handshake = Some(asked(0x77, Some((0x77, 4_000))));
            one
        });
        let findings = diagnosed(&taken.collect::<Vec<_>>());
        let mut all = findings.iter();
        let finding = all.find(|one| one.summary.contains("in turn")).unwrap();
        assert_eq!(finding.confidence, Confidence::Likely);
        let against = finding.reasons_against.join(" ");
        assert!(against.contains("several addresses"), "{against}");
    }

    #[test]
    fn who_used_a_session_is_said_to_be_some_where_there_were_more() {
        let summary = |clients: u32| {
            let taken = (49, 41, Outcome::AnsweredThenClosedByPeer);
            let taken = every(1_000, 40, taken).into_iter().zip(0..);
            let taken = taken.map(|(one, turn)| {
                let mut one = by(one, 50 + turn % clients, 50 + turn % clients, "java");
                one.handshake = Some(asked(0x77, Some((0x77, 4_000))));
                one
            });
            let findings = diagnosed(&taken.collect::<Vec<_>>());
            findings[0].summary.clone()
        };
        assert!(!summary(4).contains("others"), "{}", summary(4));
        assert!(summary(10).ends_with(", and others."), "{}", summary(10));
    }

    #[test]
    fn of_a_remote_host_no_thread_is_known() {
        let taken = every(3_000, 6, (41, 49, Outcome::AnsweredThenClosedByUs));
        let taken: Vec<_> = living(900, taken).into_iter().map(server_side).collect();
        let findings = format!("{:?}", diagnosed(&taken));
        assert!(
            findings.contains("another client may be using the same session"),
            "{findings}"
        );
        assert!(
            !findings.contains("keeps its connection thread"),
            "{findings}"
        );
    }
}
