// SPDX-License-Identifier: MIT
//! The server has as many connections from this address as it allows
//! (`maxClientCnxns`, 60 by default): it accepts the next one and closes it
//! unread (`NIOServerCnxnFactory.AcceptThread.doAccept`).

use super::Rule;
use crate::{
    connection::Side,
    diagnose::{
        case::Case,
        churn::Churn,
        finding::{Confidence, Severity, Verdict},
        protocol::Scope,
    },
    inspection::LogSignature,
    ledger::{
        open_then::HeldThen,
        shape::{Ending, Shape},
    },
    text,
};

pub(super) const RULE: Rule = Rule {
    name: Churn::ConnectionLimit,
    severity: Severity::Broken,
    scope: Scope::ZooKeeper,
    judge,
};

const FEWEST: u64 = 3;
/// A server that turns somebody away does so when it accepts.
const AT_ONCE_NS: u64 = 1_000_000_000;

fn judge(case: &Case<'_>) -> Option<Verdict> {
    let shapes = case.shapes();
    let turned_away = shapes.count_by_size(|shape| is_turned_away(case, shape));
    let unread = shapes.count_by_size(|shape| {
        is_turned_away(case, shape)
            && (shape.ending == Ending::ResetByServer || shape.client_bytes == 0)
    });
    let lived = case.tally.established_for.percentile(50.0)?;
    if turned_away < FEWEST || !case.most(turned_away) {
        return None;
    }
    if lived >= AT_ONCE_NS {
        return None;
    }
    let logged = case.logged(&[LogSignature::TOO_MANY_CONNECTIONS]);
    // One such line may be of a moment, and of others behind the same address.
    let is_said = logged.is_some_and(|line| line.is_of_client());
    // A close of what came after the server looked is like that of a request which it read.
    let is_repeated = logged.is_some_and(|line| line.is_of_client() && line.is_repeated(case));
    // Measured at a limit: 8 of 10 and 12 of 16 at the least; without a quorum 18 of 74 and 2
    // of 10 at the most, where the client's next bytes met the closed socket.
    if unread * 5 < turned_away * 2 && !is_repeated {
        return None;
    }
    // What is counted are connections that are open then.
    let held = case.held_then.map_or(0, |held| held.all);
    let taken = case.held_then.filter(|held| held.is_no_limit());
    let are_mostly_unread = unread * 3 >= turned_away * 2;
    let is_like_it = are_mostly_unread && is_full(case);
    let confidence = match (is_said, is_like_it) {
        _ if is_repeated => Confidence::Certain,
        (true, _) | (_, true) => Confidence::Likely,
        (false, false) => Confidence::Possible,
    };
    let mut verdict = Verdict::new(
        confidence,
        match confidence {
            Confidence::Possible => {
                "Connections are closed or reset at once, before the request was read, as by a \
                 server at which this address has reached its limit (maxClientCnxns), or all \
                 addresses together theirs (maxCnxns)."
            }
            _ => {
                "The server accepts and closes at once, without reading the request: its \
                 connection limit is reached, that of this address (maxClientCnxns), or that of \
                 all together (maxCnxns)."
            }
        },
    )
    .because(format!(
        "{} of {} were closed or reset unread, {} (median) after they were established",
        text::count(unread),
        text::counted(case.ended(), "connection"),
        text::duration(lived)
    ))
    .number("turned_away", turned_away)
    .number("unread", unread)
    .number("open_to_same_server", case.open)
    .number("held_open_there", held)
    .decided_by(
        "the server's log: \"Too many connections from /ADDRESS - max is N\" (maxClientCnxns), or \
         \"Too many connections COUNT - max is N\" (maxCnxns)",
    )
    .next(format!(
        "count this address's connections on the server (`ss -tn state established \
         '( sport = :{} )'`): all processes and containers behind one address share the limit, and \
         what is open here only, because the server has lost it, does not count",
        case.port()
    ))
    .next(
        "find out who holds them before you raise maxClientCnxns: a leak reaches the higher \
        limit, too",
    );
    let own = case.held_then.map_or(0, |held| held.own);
    if own > 0 {
        verdict = verdict.because(format!(
            "it held {} to the same server meanwhile",
            text::counted(own, "open connection")
        ));
    }
    let reset = shapes.count_by_size(|shape| {
        is_turned_away(case, shape) && shape.ending == Ending::ResetByServer
    });
    if reset > 0 && unread * 5 >= turned_away * 2 {
        verdict = verdict.because("a server that had read the request would close without a RST");
    }
    if confidence == Confidence::Possible && !are_mostly_unread {
        let read = turned_away - unread;
        let read = match read * 2 > turned_away {
            true => "most".to_owned(),
            false => format!("{} of {}", text::count(read), text::count(turned_away)),
        };
        verdict = verdict
            .but(format!(
                "{read} were closed without a RST, as by a server that reads the request and \
                 refuses it"
            ))
            .cannot_tell_from(&[Churn::NotServed]);
    }
    if !is_said && case.peers_answer_tls {
        verdict = verdict
            .but("others that begin with TLS are answered there, and these do not begin with it")
            .cannot_tell_from(&[Churn::PlaintextAtTlsPort])
            .next("compare the client's `zookeeper.client.secure` with the port: it speaks TLS");
    }
    if !is_said {
        verdict = match taken {
            Some(taken) => or_some_are_taken(verdict, taken),
            None => or_lost(what_else_listens(verdict, case), case),
        };
    }
    if !is_said && case.peers_serve && may_be_tls(case) {
        verdict = or_tls(verdict);
    }
    if let Some(line) = logged {
        verdict = verdict.because(line.quoted());
    }
    Some(verdict)
}

/// Whether as many connections are open as fill a limit, and it takes no more. What is older than
/// the trace counts unless the server is seen to have lost some, and all but where those that were
/// answered are not known to have been so in plaintext.
fn is_full(case: &Case<'_>) -> bool {
    let Some(then) = case.held_then.filter(|then| !then.is_no_limit()) else {
        return false;
    };
    let is_tls = case.peers_answer_tls || (may_be_tls(case) && case.peers_answer);
    let is_there = then.new >= LOW_LIMIT || !may_be_lost(case, then);
    then.all >= LOW_LIMIT && is_there && !is_tls
}

/// Whether what is older than the trace may be open here only, by what was seen; a server's own
/// host knows what it has.
fn may_be_lost(case: &Case<'_>, then: HeldThen) -> bool {
    let went_away = then.was_refused || case.falls.is_some();
    case.side == Side::Client && (went_away || then.has_lost_some())
}

/// A limit that is reached turns all away until one has gone.
fn or_some_are_taken(verdict: Verdict, then: HeldThen) -> Verdict {
    verdict
        .but(format!(
            "{} from the same address {} served meanwhile with no fewer open: a limit turns all \
             away until one is closed, maybe one of others behind that address",
            text::counted(then.taken, "connection"),
            if then.taken == 1 { "was" } else { "were" }
        ))
        .cannot_tell_from(&[Churn::ProxyWithoutServer, Churn::NotServed])
        .decided_by(ONE_OF_SEVERAL)
}

/// A server that lost connections without a word, as its host does that restarts, has none of
/// them, and they stay open here until something is sent on them.
fn or_lost(verdict: Verdict, case: &Case<'_>) -> Verdict {
    let then = case.held_then.filter(|then| then.new < LOW_LIMIT);
    let Some(then) = then.filter(|then| then.all > then.new && case.side == Side::Client) else {
        return verdict;
    };
    let which = match (then.new, then.all) {
        (0, 1) => "the connection that was open there is".to_owned(),
        (0, all) => format!("all {} that were open there are", text::count(all)),
        (new, all) => format!(
            "{} of {} that were open there {}",
            text::count(all - new),
            text::counted(all, "connection"),
            if all - new == 1 { "is" } else { "are" }
        ),
    };
    let them = match then.all - then.new {
        1 => "it",
        _ => "them",
    };
    let verdict = verdict
        .but(format!(
            "{which} older than the trace and may be open on this host only: a server whose host was \
             restarted has lost {them}, and then something else turns these away"
        ))
        .cannot_tell_from(&[Churn::ProxyWithoutServer, Churn::NotServed])
        .decided_by(format!(
            "what this address has open on the server itself, beside the {} that {} open here: where \
             it has far fewer, the server has lost them, and no limit is reached",
            text::counted(then.all, "connection"),
            if then.all == 1 { "is" } else { "are" }
        ));
    but_it_went_away(verdict, case, then)
}

/// What was seen of a server that loses what is open.
fn but_it_went_away(mut verdict: Verdict, case: &Case<'_>, then: HeldThen) -> Verdict {
    if then.has_lost_some() {
        verdict = verdict.but(format!(
            "{} from the same address that were older than the trace were reset, or not answered any \
             more, as where the server has lost them",
            text::counted(then.lost, "connection")
        ));
    }
    if case.falls.is_some() {
        verdict = verdict.but("the server went away more than once in the trace");
    }
    if then.was_refused {
        verdict = verdict.but(
            "connections to the same server were refused in the trace: nothing listened there, and \
             what was open by then it may have lost",
        );
    }
    verdict
}

/// Whether all that is open there may speak TLS, as far as is known: nobody was answered without
/// it, the same process holds none, the same client was never served, and none was turned away before
/// it had spoken: what ends TLS waits for that.
fn may_be_tls(case: &Case<'_>) -> bool {
    let had_not_spoken = case
        .shapes()
        .count_by_size(|shape| is_turned_away(case, shape) && shape.client_bytes == 0);
    let is_own = case.held_then.is_some_and(|held| held.own > 0);
    let was_served = case.handshakes().is_some_and(|handshakes| {
        handshakes.reconnects > 0 || handshakes.last_zxid.is_some_and(|seen| seen.max.0 > 0)
    });
    let is_plain = case.peers_answer_in_plaintext || is_own || was_served;
    !(case.peers_answer_tls || is_plain || had_not_spoken >= FEWEST)
}

/// ZooKeeper's own TLS reads all that came before it closes, so that there is no RST (the
/// recordings of `lab`); OpenSSL reads the header of a record and leaves the rest.
fn or_tls(verdict: Verdict) -> Verdict {
    verdict
        .but(
            "those that are served there may speak TLS, as nothing was read of them, and these do not \
             begin with it: what ends TLS before a server may close them unread, too",
        )
        .cannot_tell_from(&[Churn::PlaintextAtTlsPort])
        .decided_by(
            "`openssl s_client -connect HOST:PORT`, which shows a certificate where the port speaks \
             TLS",
        )
}

const ONE_OF_SEVERAL: &str = "what listens there: a proxy, one of whose servers is gone, or a load \
                              balancer that has too much to do, serves some and turns others away";

/// A limit for an address is rarely lower: what is counted are open connections.
const LOW_LIMIT: u64 = 10;

fn what_else_listens(verdict: Verdict, case: &Case<'_>) -> Verdict {
    let who = match case.is_remote_host() {
        true => "that host",
        false => "this host",
    };
    match (case.peers_serve, case.held_then) {
        (false, _) => verdict
            .but(case.nobody_was_served("it need not be a ZooKeeper server"))
            .cannot_tell_from(&[Churn::ProxyWithoutServer, Churn::PlaintextAtTlsPort])
            .decided_by(
                "what listens there: a proxy or load balancer, a port that speaks TLS, or ZooKeeper itself",
            ),
        (true, None) => verdict.cannot_tell_from(&[Churn::ProxyWithoutServer]),
        (true, Some(HeldThen { all: 0, elsewhere, .. })) if elsewhere > 0 => verdict
            .but(format!(
                "{} of {who} {} open there at these moments, but from other addresses, and a limit \
                 counts by address: NAT would have to make them one, or all together are too many",
                text::counted(elsewhere, "connection"),
                if elsewhere == 1 { "was" } else { "were" }
            ))
            .cannot_tell_from(&[Churn::ProxyWithoutServer])
            .decided_by(ONE_OF_SEVERAL),
        (true, Some(HeldThen { all: 0, .. })) => verdict
            .but(format!(
                "at these moments no connection of {who} {} was open there, and a limit counts open \
                 ones: others would have to share its address, or all together are too many",
                case.traced()
            ))
            .cannot_tell_from(&[Churn::ProxyWithoutServer])
            .decided_by(ONE_OF_SEVERAL),
        (true, Some(HeldThen { all: held, .. })) if held < LOW_LIMIT => verdict
            .but(format!(
                "at these moments only {} of {who} {} known to have been open there: the limit is \
                 that low, or others share its address",
                text::counted(held, "connection"),
                if held == 1 { "is" } else { "are" }
            ))
            .cannot_tell_from(&[Churn::ProxyWithoutServer]),
        (true, Some(_)) => verdict,
    }
}

/// Ended by the server with no answer to at most a request.
fn is_turned_away(case: &Case<'_>, shape: &Shape) -> bool {
    matches!(shape.ending, Ending::ClosedByServer | Ending::ResetByServer)
        && shape.server_bytes == 0
        && (shape.client_bytes == 0 || case.can_be_request(shape.client_bytes))
}

#[cfg(test)]
mod tests {
    use super::Churn;
    use crate::{
        connection::Connection,
        diagnose::{
            Confidence, Finding,
            test_case::{back_off, diagnosed, diagnosed_beside_log, only},
        },
        ledger::{
            handshakes::tests::asked,
            test_connection::{MS, by, ended, established, server_side},
        },
        outcome::Outcome,
    };

    #[test]
    fn resets_without_an_answer_are_the_limit() {
        let mut connections = back_off(10, (49, 0, Outcome::ResetByPeer));
        let closed = back_off(2, (49, 0, Outcome::ClosedByPeerWithoutAnswer));
        connections.splice(0..2, closed);
        let finding = only(diagnosed(&connections));
        assert_eq!(
            (finding.name, finding.confidence),
            (Churn::ConnectionLimit, Confidence::Possible)
        );
        assert_eq!(
            finding.cannot_tell_from,
            [Churn::ProxyWithoutServer, Churn::PlaintextAtTlsPort]
        );

        // Somebody else is served there, but nobody holds a connection.
        let answered = ended(900, 79, 149, Outcome::AnsweredThenClosedByUs);
        connections.push(by(answered, 7, 7, "python3"));
        let finding = only(diagnosed(&connections));
        assert_eq!(finding.confidence, Confidence::Possible);
        assert_eq!(finding.cannot_tell_from, [Churn::ProxyWithoutServer]);

        let hold = |from: u32, until: u32| {
            let each = (from..until).map(|number| {
                let open = established(ended(u64::from(number), 0, 0, Outcome::StillOpen));
                by(open, 100 + number, 100 + number, "app")
            });
            each.collect::<Vec<_>>()
        };
        connections.extend(hold(0, 3));
        let finding = only(diagnosed(&connections));
        assert_eq!(
            (finding.name, finding.confidence),
            (Churn::ConnectionLimit, Confidence::Possible),
            "three are a low limit"
        );
        assert_eq!(finding.cannot_tell_from, [Churn::ProxyWithoutServer]);
        assert_eq!(finding.numbers["unread"], 8);
        assert!(finding.would_decide[0].contains("Too many connections"));
        connections.extend(hold(3, 9));
        let finding = only(diagnosed(&connections));
        assert_eq!(finding.cannot_tell_from, [Churn::ProxyWithoutServer]);
        connections.extend(hold(9, 10));
        let finding = only(diagnosed(&connections));
        assert_eq!(finding.confidence, Confidence::Likely);
        assert!(finding.cannot_tell_from.is_empty(), "ten are no low limit");
    }

    /// A process that leaks sessions until it meets the limit, and ends before the trace does, or
    /// one that comes later.
    #[test]
    fn what_was_open_when_they_were_turned_away_counts() {
        let turned_away = back_off(12, (49, 0, Outcome::ResetByPeer));
        let finding = |from_ms: u64, until_ms: u64| {
            let leaked = (0..12).map(|step| {
                let one = ended(from_ms + step, 49, 41, Outcome::AnsweredThenClosedByUs);
                Connection {
                    left_established_ns: Some(until_ms * MS),
                    local_close_ns: Some(until_ms * MS),
                    ended_ns: Some(until_ms * MS),
                    ..one
                }
            });
            let mut all: Vec<_> = leaked.collect();
            all.extend(&turned_away);
            let findings = diagnosed(&all);
            let mut findings = findings.into_iter();
            findings
                .find(|one| one.name == Churn::ConnectionLimit)
                .unwrap()
        };
        let leak = finding(100, 90_000);
        assert_eq!(leak.confidence, Confidence::Likely);
        assert_eq!(leak.numbers["held_open_there"], 12);
        assert!(leak.cannot_tell_from.is_empty(), "{leak:?}");
        let why = leak.reasons_for.join("; ");
        assert!(why.contains("it held 12 open connections"), "{why}");
        let later = finding(60_000, 90_000);
        assert_eq!(later.confidence, Confidence::Possible);
        let against = later.reasons_against.join("; ");
        assert!(
            against.contains("at these moments no connection of this host"),
            "{against}"
        );
    }

    /// A process that holds twelve, and another one that is turned away, where a third one was
    /// answered in plaintext.
    fn beside_held(mut holder: impl FnMut(Connection) -> Connection) -> Vec<Connection> {
        let held = (0..12).map(|step| {
            let open = established(ended(100 + step, 0, 0, Outcome::StillOpen));
            holder(by(open, 7, 7, "app"))
        });
        let mut all: Vec<_> = held.collect();
        all.extend(back_off(12, (49, 0, Outcome::ResetByPeer)));
        let answered = ended(900, 79, 149, Outcome::AnsweredThenClosedByUs);
        all.push(by(answered, 9, 9, "other"));
        all
    }

    fn limit(all: &[Connection]) -> Finding {
        let mut findings = diagnosed(all).into_iter();
        findings
            .find(|one| one.name == Churn::ConnectionLimit)
            .unwrap()
    }

    /// A proxy with two servers, one of which is gone: the same client is served in between.
    #[test]
    fn where_it_is_served_meanwhile_with_no_fewer_open_no_limit_need_be_reached() {
        let mut all = beside_held(|one| one);
        assert_eq!(limit(&all).confidence, Confidence::Likely);
        let served = back_off(12, (49, 0, Outcome::ResetByPeer)).into_iter();
        let served = served.take(6).map(|one| {
            let start_ms = one.started_ns / MS + 300;
            ended(start_ms, 79, 149, Outcome::AnsweredThenClosedByUs)
        });
        all.extend(served);
        let finding = limit(&all);
        assert_eq!(finding.confidence, Confidence::Possible);
        let kinds = [Churn::ProxyWithoutServer, Churn::NotServed];
        assert_eq!(finding.cannot_tell_from, kinds);
        let against = finding.reasons_against.join("; ");
        assert!(
            against.contains("6 connections from the same address"),
            "{against}"
        );
    }

    #[test]
    fn what_is_open_from_another_address_does_not_count() {
        let finding = limit(&beside_held(|one| Connection {
            local: "127.0.0.9:40000".parse().unwrap(),
            ..one
        }));
        assert_eq!(finding.confidence, Confidence::Possible);
        assert_eq!(finding.numbers["held_open_there"], 0);
        let others = &finding.cannot_tell_from;
        assert!(others.contains(&Churn::ProxyWithoutServer), "{others:?}");
        let against = finding.reasons_against.join("; ");
        assert!(
            against.contains("12 connections of this host were open there"),
            "{against}"
        );
    }

    /// Beside a process that holds twelve, of which so many are older than the trace.
    fn beside_older(older: u64) -> Vec<Connection> {
        let mut number = 0;
        beside_held(|mut one| {
            number += 1;
            one.before_start = number <= older;
            one
        })
    }

    /// A leak has filled the limit for hours when zkchurn is started. Or the server's host was
    /// restarted, and what was open on this one stays open.
    #[test]
    fn a_server_that_was_full_before_the_trace_may_have_lost_what_is_open_here() {
        let full = limit(&beside_older(12));
        assert_eq!(full.confidence, Confidence::Likely);
        let kinds = [Churn::ProxyWithoutServer, Churn::NotServed];
        assert_eq!(full.cannot_tell_from, kinds);
        let against = full.reasons_against.join("; ");
        let older = "all 12 that were open there are older than the trace and may be open on this \
                     host only: a server whose host was restarted has lost them";
        assert!(against.contains(older), "{against}");
        let decide = full.would_decide.join("; ");
        assert!(
            decide.contains("beside the 12 connections that are open here"),
            "{decide}"
        );

        let some = limit(&beside_older(3));
        assert_eq!(some.confidence, Confidence::Likely);
        let against = some.reasons_against.join("; ");
        assert!(
            against.contains("3 of 12 connections that were open there are older"),
            "{against}"
        );
        assert!(limit(&beside_older(2)).cannot_tell_from.is_empty());
    }

    /// Nothing is read of what is open, and nobody else comes.
    #[test]
    fn where_a_full_server_is_met_by_new_clients_only_tls_is_named_too() {
        let mut all = beside_older(12);
        all.pop();
        let finding = limit(&all);
        assert_eq!(finding.confidence, Confidence::Likely);
        let others = &finding.cannot_tell_from;
        assert!(others.contains(&Churn::PlaintextAtTlsPort), "{others:?}");
        // What ends TLS waits for the client's first bytes.
        let silent = back_off(12, (0, 0, Outcome::ResetByPeer));
        all.splice(12..15, silent.into_iter().take(3));
        let finding = limit(&all);
        assert_eq!(finding.confidence, Confidence::Likely);
        let others = &finding.cannot_tell_from;
        assert!(!others.contains(&Churn::PlaintextAtTlsPort), "{others:?}");
    }

    #[test]
    fn a_server_that_is_seen_to_have_lost_some_need_not_be_full() {
        let with = |more: &[Connection], older: u64| {
            let mut all = beside_older(older);
            all.extend(more.iter().map(|one| by(*one, 8, 8, "other")));
            limit(&all)
        };
        let refused = [ended(1_500, 0, 0, Outcome::Refused)];
        let finding = with(&refused, 12);
        assert_eq!(finding.confidence, Confidence::Possible);
        let against = finding.reasons_against.join("; ");
        assert!(
            against.contains("were refused in the trace: nothing listened there"),
            "{against}"
        );
        let later = [ended(90_000, 0, 0, Outcome::Refused)];
        assert_eq!(with(&later, 12).confidence, Confidence::Likely);
        assert_eq!(with(&refused, 0).confidence, Confidence::Likely);

        let reset = [50, 51].map(|start_ms| Connection {
            before_start: true,
            left_established_ns: Some(5_000 * MS),
            ended_ns: Some(5_000 * MS),
            ..ended(start_ms, 12, 20, Outcome::ResetByPeer)
        });
        let finding = with(&reset, 12);
        assert_eq!(finding.confidence, Confidence::Possible);
        let against = finding.reasons_against.join("; ");
        assert!(
            against.contains("2 connections from the same address that were older"),
            "{against}"
        );
        let one = with(&reset[..1], 12);
        assert_eq!(one.confidence, Confidence::Likely, "for its own sake");
    }

    /// On its own host a server has what is open.
    #[test]
    fn on_the_servers_host_what_is_older_counts() {
        let mut all = beside_older(12);
        all.splice(12.., back_off(12, (0, 49, Outcome::ResetByUs)));
        let answered = ended(900, 149, 79, Outcome::AnsweredThenClosedByPeer);
        all.push(answered);
        let all: Vec<_> = all.into_iter().map(server_side).collect();
        let finding = limit(&all);
        assert_eq!(finding.confidence, Confidence::Likely);
        assert!(finding.cannot_tell_from.is_empty(), "{finding:?}");
    }

    #[test]
    fn of_a_full_server_most_are_turned_away_unread() {
        let with_closed = |closed: usize| {
            let mut all = beside_held(|one| one);
            let without_rst = back_off(12, (49, 0, Outcome::ClosedByPeerWithoutAnswer));
            all.splice(12..12 + closed, without_rst.into_iter().take(closed));
            limit(&all)
        };
        assert_eq!(with_closed(4).confidence, Confidence::Likely);
        let read = with_closed(5);
        assert_eq!(read.confidence, Confidence::Possible);
        assert_eq!(read.cannot_tell_from, [Churn::NotServed]);
        let against = read.reasons_against.join("; ");
        assert!(
            against.contains("5 of 12 were closed without a RST"),
            "{against}"
        );
    }

    /// Of what is open nothing is read.
    #[test]
    fn where_all_that_is_open_may_speak_tls_the_port_may_too() {
        let plain = beside_held(|one| one);
        assert_eq!(limit(&plain).confidence, Confidence::Likely);
        assert!(limit(&plain).cannot_tell_from.is_empty());

        let mut all = plain.clone();
        all.pop();
        let finding = limit(&all);
        assert_eq!(finding.confidence, Confidence::Likely);
        assert_eq!(finding.cannot_tell_from, [Churn::PlaintextAtTlsPort]);

        // Who was answered there was not seen to be so in plaintext.
        let mut alerted = plain;
        let alert = ended(900, 79, 7, Outcome::AnsweredThenClosedByPeer);
        *alerted.last_mut().unwrap() = by(alert, 9, 9, "other");
        assert_eq!(limit(&alerted).confidence, Confidence::Possible);
        assert_eq!(
            limit(&alerted).cannot_tell_from,
            [Churn::PlaintextAtTlsPort]
        );

        let mut own = all.clone();
        own.extend((0..12).map(|step| established(ended(300 + step, 0, 0, Outcome::StillOpen))));
        assert!(limit(&own).cannot_tell_from.is_empty());

        let mut reconnects = all;
        for one in &mut reconnects {
            one.handshake = Some(asked(0x1f, None));
        }
        assert!(limit(&reconnects).cannot_tell_from.is_empty());
    }

    #[test]
    fn one_line_about_the_limit_does_not_prove_that_all_met_it() {
        let line = "WARN [main-SendThread(zk1:2181)] org.apache.zookeeper.ClientCnxn - Too many \
                    connections from /10.0.0.7 - max is 60";
        let confidence = |lines| {
            let connections = back_off(10, (49, 0, Outcome::ResetByPeer));
            let lines = [("too-many-connections", None, line, lines)];
            let finding = only(diagnosed_beside_log(&connections, &lines));
            assert_eq!(finding.name, Churn::ConnectionLimit);
            finding.confidence
        };
        assert_eq!(confidence(1), Confidence::Likely);
        assert_eq!(confidence(9), Confidence::Certain);
    }

    #[test]
    fn where_none_was_reset_a_missing_rst_is_no_proof() {
        let silent = back_off(10, (0, 0, Outcome::ClosedByPeerBeforeAnyByte));
        let findings = diagnosed(&silent);
        let limit = findings
            .iter()
            .find(|one| one.name == Churn::ConnectionLimit);
        let proof = &limit.unwrap().reasons_for;
        assert!(!proof.iter().any(|why| why.contains("RST")), "{proof:?}");
    }

    /// A server that reads the request and refuses it closes without a RST.
    #[test]
    fn few_resets_may_be_a_server_that_refuses() {
        let mut connections = back_off(12, (49, 0, Outcome::ClosedByPeerWithoutAnswer));
        let reset = back_off(5, (49, 0, Outcome::ResetByPeer));
        connections.splice(0..5, reset);
        let findings = diagnosed(&connections).into_iter();
        let mut limits = findings.filter(|one| one.name == Churn::ConnectionLimit);
        let finding = limits.next().expect("it is one");
        assert_eq!(finding.confidence, Confidence::Possible);
        assert!(finding.cannot_tell_from.contains(&Churn::NotServed));
        let against = finding.reasons_against.join(" ");
        assert!(
            against.contains("most were closed without a RST"),
            "{against}"
        );
    }

    #[test]
    fn a_client_that_sends_its_digest_at_once_is_turned_away_too() {
        let finding = only(diagnosed(&back_off(10, (106, 0, Outcome::ResetByPeer))));
        assert_eq!(finding.name, Churn::ConnectionLimit);
    }
}
