// SPDX-License-Identifier: MIT
//! An application makes a client for each request and throws it away: each
//! costs a handshake, a session in the ensemble's log, and its end.

use super::{Rule, idle_timeout, one_session_two_clients, server_restarts};
use crate::{
    diagnose::{
        case::{Case, Runtime},
        churn::Churn,
        finding::{Confidence, Severity, Verdict},
        held_back,
        protocol::Scope,
        runs::{Deaths, HOW_THEY_END},
        who::Who,
    },
    ledger::{
        common_ends::CommonMoments,
        handshakes::Handshakes,
        shape::{Ending, Shape, Spoken},
        sizes,
    },
    text,
};

pub(super) const RULE: Rule = Rule {
    name: Churn::ClientPerRequest,
    severity: Severity::Wasteful,
    scope: Scope::ZooKeeperBySize,
    judge,
};

const FEWEST: u64 = 3;
/// Who is done with a request has closed by then, if the server did not.
const DONE_NS: u64 = 300_000_000;
/// A read timeout of the shortest session takes as long (see `read_timeouts`).
const BRIEF_NS: u64 = 900_000_000;
/// A ClientHello and a server's answer with one certificate have about as many bytes and
/// more; with the largest key share in use (X25519MLKEM768: 1,216 bytes) it has less than
/// `LONGEST_HELLO`, an alert behind it included.
const CLIENT_HELLO: u64 = 180;
const LONGEST_HELLO: u64 = 2_000;
const TLS_ANSWER: u64 = 700;
/// By no more do the tries of one client differ: the server's name in the hello, the length of
/// a signature (measured with OpenSSL 3.0: 3 bytes), an alert of some 30 bytes that is sent or not.
const HELLOS_DIFFER: u64 = 64;
/// One that fails takes some round trips.
const SLOW_HANDSHAKE_NS: u64 = 2_000_000_000;
/// What the threads of a client that reconnects do.
const OPENED_OTHERS: &str = "its threads opened others, too, to other peers or such as are open or \
                             ended in another way: a client that reconnects does, maybe to the next \
                             server of its connect string";

pub(super) fn judge(case: &Case<'_>) -> Option<Verdict> {
    let refused = case.first_requests_refused();
    let restarts = server_restarts::confidence(case);
    // What holds its connection until the server goes away is no client for each request.
    if case.most(refused) || restarts > Some(Confidence::Possible) {
        return None;
    }
    let verdict = match case.handshakes() {
        Some(handshakes) => by_requests(case, handshakes),
        // Each lost its connection, and came back: what asks for a new session is not seen.
        None if case.is_return_of_each() => None,
        None => by_sizes(case),
    };
    let verdict = match (restarts, case.common_moments) {
        (None, None) => verdict,
        (Some(_), _) => verdict.map(or_restarts),
        (None, Some(common)) => verdict.map(|verdict| or_at_once(verdict, common)),
    };
    match Deaths::of(case) {
        None => verdict,
        Some(deaths) => verdict.map(|verdict| or_deaths(verdict, deaths)),
    }
}

/// What a run that dies leaves to the kernel is not what its program does with clients.
fn or_deaths(mut verdict: Verdict, deaths: Deaths) -> Verdict {
    if deaths == Deaths::Possible {
        return verdict
            .but(
                "the client closed each of them first, as the kernel does for a program that crashes, \
                 or is killed",
            )
            .decided_by(HOW_THEY_END);
    }
    let first = format!("find out {HOW_THEY_END}");
    verdict.next.insert(0, first);
    verdict.at_most(Confidence::Possible).but(
        "the client reset them with an answer unread, each run its own: so does the kernel for a \
         program that crashes, or is killed while it works; few that are done leave one unread",
    )
}

fn or_restarts(mut verdict: Verdict) -> Verdict {
    let first = "find out first whether the server was restarted when they ended";
    verdict.next.insert(0, first.to_owned());
    verdict
        .at_most(Confidence::Possible)
        .but(
            "the server ended them, and those of other clients at the same moments, as one that \
             dies or is restarted",
        )
        .cannot_tell_from(&[Churn::ServerRestarts])
}

/// Seen from the server: who is done with a request ends alone.
fn or_at_once(mut verdict: Verdict, common: CommonMoments) -> Verdict {
    let first = "look first for what happened at these moments: in the server's log here (LOOKING is \
                 a lost quorum), at a proxy before it, and among what starts and stops the clients";
    verdict.next.insert(0, first.to_owned());
    verdict
        .at_most(Confidence::Possible)
        .number("common_moments", common.moments)
        .but(format!(
            "at {} moments {} to this port ended together (within 50 ms each time), which had begun \
             at different times: a server that loses its quorum or is drained, a proxy that is \
             reloaded, and clients that are stopped together do that",
            text::count(common.moments),
            text::counted(common.connections, "connection")
        ))
}

/// One client with one connection at a time that it never closes itself, for longer than a
/// request takes: what keeps its connection until the server goes away does that.
fn may_be_kept(case: &Case<'_>) -> bool {
    let by_client = case
        .shapes()
        .count(|ending, _| matches!(ending, Ending::ClosedByClient | Ending::ResetByClient));
    let by_server = case
        .shapes()
        .count(|ending, _| matches!(ending, Ending::ClosedByServer | Ending::ResetByServer));
    let lived = case.tally.established_for.percentile(50.0);
    by_client == 0
        && case.most(by_server)
        && !case.is_remote_host()
        && !case.is_new_one_each_time()
        && case.in_flight <= 1
        && lived.is_some_and(|lived| lived >= BRIEF_NS)
}

fn or_kept(verdict: Verdict, case: &Case<'_>) -> Verdict {
    let meanwhile = match case.turned_away_beside {
        0 => String::new(),
        some => format!(", and turned {} away", text::counted(some, "other")),
    };
    let by = match held_back::are_resets(case) {
        true => "the server, or something in its name,",
        false => "the server",
    };
    verdict
        .but(format!(
            "{by} ended each of them{meanwhile}, and the client, with one at a time, came \
             back: so does one that keeps its connection while the server dies, or is restarted"
        ))
        .cannot_tell_from(&[Churn::ServerRestarts])
        .decided_by("--handshake, which distinguishes a new session from a reconnect")
        .next(format!(
            "on the server: find out whether {} ended at these times: the end of its log, its \
             restarts (`systemctl status`, `kubectl get pods`)",
            case.protocol.service()
        ))
        .next(
            "if it went on, see with --handshake whether each asks for a new session: then the \
             program makes a client for each, and one would do",
        )
}

/// Whether something cuts them: a RST is no answer to a client that is done, and where the server's
/// side ended nearly all of them later than one is done, hardly one was closed by its client.
fn may_be_cut(case: &Case<'_>) -> bool {
    let by = |ending| case.shapes().ending(ending);
    let by_server = by(Ending::ResetByServer) + by(Ending::ClosedByServer);
    let by_client = by(Ending::ClosedByClient) + by(Ending::ResetByClient);
    let lived = case.tally.established_for.percentile(50.0);
    let is_late = lived.is_some_and(|lived| lived >= DONE_NS);
    // As one dies that a client is about to leave, that may close first.
    are_reset(case) || (by_client <= 1 && case.most(by_server) && is_late)
}

/// Whether the server's side ended most of them by a RST.
fn are_reset(case: &Case<'_>) -> bool {
    case.most(case.shapes().ending(Ending::ResetByServer))
}

/// Whether others of the program have taken the place of those that ended, and stay.
fn may_be_replaced(case: &Case<'_>) -> bool {
    case.is_started_for_each() && case.open_of_name * 2 >= case.ended()
}

/// Whether each process has made one, and no program of theirs is known to run again and again.
fn is_once(case: &Case<'_>) -> bool {
    let has_one_each = match case.who {
        Who::Programs { processes, .. } => case.tally.opened() <= processes,
        _ => false,
    };
    !case.run_again && (case.is_started_for_each() || has_one_each)
}

fn or_once(mut verdict: Verdict, case: &Case<'_>) -> Verdict {
    let first = "find out first whether they are running still (`ps -o pid,lstart,args -p PID`): a \
                 service that used ZooKeeper once, at its start, needs no change";
    verdict.next.insert(0, first.to_owned());
    let each = match case.who {
        Who::Programs { processes, .. } => text::count(processes),
        _ => text::count(case.threads),
    };
    verdict.but(format!(
        "each of these {each} processes made a client, and nothing shows that they are runs that end \
         and come again and again: services that use ZooKeeper once, at their start, look the same \
         after a deploy, a boot or a scale-up"
    ))
}

fn or_cut(mut verdict: Verdict, case: &Case<'_>) -> Verdict {
    let first = "find out first who ended them: the server's log from these times (`Expiring session`, \
                 LOOKING, a restart), then a load balancer or a firewall on the way";
    verdict.next.insert(0, first.to_owned());
    let why = match are_reset(case) {
        true => {
            "most ended by a RST from the server's side, and a client that is done is not answered \
             so: a server that dies, and a load balancer, firewall or NAT that cuts clients which go \
             on, do that"
        }
        false => {
            "the server's side ended them, and hardly a client closed one: so do sessions that \
             expire, a server that is restarted, and what cuts clients which go on"
        }
    };
    let mut verdict = verdict.at_most(Confidence::Possible).but(why);
    for kind in [Churn::IdleTimeout, Churn::ServerRestarts] {
        if !verdict.cannot_tell_from.contains(&kind) {
            verdict = verdict.cannot_tell_from(&[kind]);
        }
    }
    let says_how = |what: &String| what.starts_with("--handshake");
    match verdict.would_decide.iter().any(says_how) || case.handshakes().is_some() {
        true => verdict,
        false => {
            verdict.decided_by("--handshake, which distinguishes a new session from a reconnect")
        }
    }
}

/// Each connection asks for a new session, and gets it.
fn by_requests(case: &Case<'_>, handshakes: &Handshakes) -> Option<Verdict> {
    let granted = handshakes.granted.min(handshakes.new_handles);
    if granted < FEWEST || handshakes.reconnects * 2 > handshakes.new_handles {
        return None;
    }
    // Those that stay open are a leak, if anything.
    let thrown_away = case.shapes().count(|_, spoken| spoken == Spoken::Both);
    if !case.most(thrown_away) || thrown_away < FEWEST {
        return None;
    }
    let lives_on = idle_timeout::may_be(case);
    let after_expiry = case.expired_beside * 2 >= granted;
    let may_be_sasl = is_like_failed_sasl(case);
    let is_late = is_closed_late(case);
    let is_ended_by_server = is_ended_by_server(case);
    let is_reset = are_reset(case);
    // Not certain: a client whose session is refused or cut each time asks for a new one, too.
    let is_other = after_expiry || may_be_sasl || is_late || is_ended_by_server || is_reset;
    let is_other = is_other || is_once(case);
    // One thread that serves many handles is everywhere.
    let of_many = case.threads * 10 >= case.tally.opened() * 6;
    let is_back = (case.comes_again && of_many) || case.reconnects_beside * 2 >= granted;
    let (confidence, perhaps) = match lives_on || is_other || is_back {
        true => (Confidence::Possible, "perhaps "),
        false => (Confidence::Likely, ""),
    };
    let verdict = Verdict::new(
        confidence,
        format!(
            "{} asked for a new session, got it, and ended: {perhaps}{}.",
            text::counted(granted, "connection"),
            whose_fault(case)
        ),
    )
    .because("ConnectRequests with session 0 (a new handle) were seen on the wire")
    .number("thrown_away", thrown_away);
    let verdict = match lives_on {
        true => verdict
            .but(
                "most ended from outside at the same age: a client that lives on, and asks for a \
                 new session after each loss, does the same",
            )
            .cannot_tell_from(&[Churn::IdleTimeout]),
        false => verdict,
    };
    let verdict = match after_expiry {
        true => verdict
            .but(format!(
                "the same client was answered {} that its session had expired, and must ask for a \
                 new one then",
                text::counted(case.expired_beside, "time")
            ))
            .cannot_tell_from(&[Churn::SessionExpiredLoop]),
        false => verdict,
    };
    let verdict = match may_be_sasl {
        true => or_sasl(verdict, case),
        false => verdict,
    };
    let verdict = match is_late {
        true => or_held(verdict),
        false => verdict,
    };
    let verdict = match is_back {
        true => or_back(verdict, case),
        false => verdict,
    };
    let verdict = match is_ended_by_server {
        true => verdict
            .but(
                "the server ended them, and no client had asked it to: their sessions expired for \
                 want of pings, or something between cut them",
            )
            .cannot_tell_from(&[Churn::IdleTimeout, Churn::HeldInCloseWait]),
        false => verdict,
    };
    let verdict = advice(verdict, case);
    let verdict = match is_once(case) {
        true => or_once(verdict, case),
        false => verdict,
    };
    Some(match is_reset {
        true => or_cut(verdict, case),
        false => verdict,
    })
}

/// A client asks for a new session once, and for that one from then on.
fn or_back(verdict: Verdict, case: &Case<'_>) -> Verdict {
    verdict
        .but(match case.reconnects_beside {
            0 => OPENED_OTHERS.to_owned(),
            some => format!(
                "{} asked for a session that it had: clients that lost their connection once, and \
                 came back, do that",
                text::counted(some, "other connection")
            ),
        })
        .cannot_tell_from(&[Churn::ReadTimeouts, Churn::IdleTimeout])
}

/// Nothing but the handshake was said, not even the end of the session, and the server
/// closed.
fn is_ended_by_server(case: &Case<'_>) -> bool {
    case.most(case.shapes().count_by_size(|shape| {
        sizes::is_handshake_alone(shape)
            && matches!(shape.ending, Ending::ClosedByServer | Ending::ResetByServer)
    }))
}

/// Seen by the server, of whoever connects: it closes first when a client ends its session,
/// which the client may do at the same moment. What is cut on the way, or given up, is not
/// closed by the server.
fn is_ended_in_order(case: &Case<'_>, answered: u64) -> bool {
    case.is_remote_host() && case.shapes().ending(Ending::ClosedByServer) * 3 >= answered
}

/// Who is done with a request closes.
fn is_closed_late(case: &Case<'_>) -> bool {
    case.most(case.tally.closed_late)
}

fn or_held(verdict: Verdict) -> Verdict {
    verdict
        .but("the client did not close them when it was done: they were in CLOSE_WAIT first")
        .cannot_tell_from(&[Churn::HeldInCloseWait])
}

/// A DIGEST-MD5 exchange, of which the server refuses the second step, has such sizes: a
/// challenge of some 150 bytes, and an answer of some 300.
fn is_like_failed_sasl(case: &Case<'_>) -> bool {
    let by_server = case
        .shapes()
        .count(|ending, _| matches!(ending, Ending::ClosedByServer | Ending::ResetByServer));
    (250..=600).contains(&case.client_bytes().min)
        && (120..=300).contains(&case.server_bytes().min)
        && case.most(by_server)
}

fn or_sasl(verdict: Verdict, case: &Case<'_>) -> Verdict {
    verdict
        .but("these are the sizes of a SASL exchange that the server refuses, too")
        .cannot_tell_from(&[Churn::AuthenticationRefused])
        .decided_by(case.log_that_decides())
}

/// A process that ends after its one client has nothing that it could reuse.
fn whose_fault(case: &Case<'_>) -> &'static str {
    match case.who {
        _ if case.is_started_for_each() && case.run_again => {
            "each run of this program makes a client, and it runs often"
        }
        _ if case.is_started_for_each() => "each run of this program makes a client",
        Who::Programs { .. } => {
            "these processes create a client for each request instead of reusing one"
        }
        _ => "the application creates a client for each request instead of reusing one",
    }
}

fn advice(verdict: Verdict, case: &Case<'_>) -> Verdict {
    if case.is_started_for_each() {
        let verdict = verdict.next(
            "have what starts it do so less often, or let one process that stays do the work with \
             one client",
        );
        return match case.starter() {
            Some(_) => verdict,
            None => verdict.next(
                "find what starts it: a script's loop, cron, a timer or a health check (`ps -o \
                 ppid= -p PID` while one runs)",
            ),
        };
    }
    let verdict = verdict.next("create one client per process and share it");
    match case.runtime {
        Runtime::Jvm => verdict.next(
            "find the caller: `jstack` during a connect shows who calls `new ZooKeeper` \
             or `CuratorFramework.start`",
        ),
        Runtime::Other => verdict.next(format!(
            "find where it creates the client: {}",
            constructor(case.label().split(' ').next().unwrap_or_default())
        )),
        Runtime::Unknown => verdict,
    }
}

/// The call to look for in what runs on this program.
fn constructor(program: &str) -> &'static str {
    const OF_PYTHON: [&str; 5] = ["python", "gunicorn", "uwsgi", "uvicorn", "celery"];
    if OF_PYTHON.iter().any(|one| program.starts_with(one)) {
        "`KazooClient(`, or what its library has for it"
    } else if program.starts_with("node") {
        "`createClient(`, or what its library has for it"
    } else {
        "`zk.Connect(` in Go, `zookeeper_init(` in C"
    }
}

/// By the bytes, and by how little went to and fro, and how soon it ended: a session that reads
/// some keys has as many bytes.
fn may_be_failed_tls(case: &Case<'_>) -> bool {
    let lived = case.tally.established_for.percentile(50.0);
    let is_short = match case.tally.segments_known {
        0 => lived.is_none_or(|lived| lived < SLOW_HANDSHAKE_NS),
        known => case.tally.many_segments * 2 < known,
    };
    is_short
        && case.server_bytes().min >= TLS_ANSWER
        && (CLIENT_HELLO..LONGEST_HELLO).contains(&case.client_bytes().min)
        && case.handshakes().is_none()
        && says_the_same(case)
}

/// Whether the clients of most sent about as many bytes: each try of a handshake says the same,
/// and requests may be any.
fn says_the_same(case: &Case<'_>) -> bool {
    let spoke = |shape: &Shape| shape.client_bytes > 0 && shape.server_bytes > 0;
    let Some(usual) = case.shapes().find_exact(spoke) else {
        return true;
    };
    let is_as_long = |shape: &Shape| {
        let difference = shape.client_bytes.abs_diff(usual.client_bytes);
        difference <= HELLOS_DIFFER
    };
    case.most(case.shapes().count_by_size(is_as_long))
}

/// A session was asked for and answered, and the client closed its socket.
fn is_dropped(shape: &Shape) -> bool {
    sizes::is_handshake_alone(shape)
        && matches!(shape.ending, Ending::ClosedByClient | Ending::ResetByClient)
}

/// The answer that a session has expired is as long as the one that grants it, and behind it the
/// server closes at once; a client that does so as soon as it has read it may be first. A process
/// that is started for a connection has no session that could expire.
fn may_have_expired(case: &Case<'_>) -> bool {
    let lived = case.tally.established_for.percentile(50.0);
    !case.is_started_for_each() && lived.is_none_or(|lived| lived < BRIEF_NS)
}

fn or_expired(verdict: Verdict) -> Verdict {
    let says_how = |what: &String| what.starts_with("--handshake");
    let is_said = verdict.would_decide.iter().any(says_how);
    let verdict = verdict
        .but(
            "the answer that a session has expired has these sizes, too, and a client that closes \
             as soon as it has read it may be first",
        )
        .cannot_tell_from(&[Churn::SessionExpiredLoop]);
    match is_said {
        true => verdict,
        false => verdict.decided_by("--handshake, which reads the answer"),
    }
}

fn by_sizes(case: &Case<'_>) -> Option<Verdict> {
    let answered = case.shapes().count(|_, spoken| spoken == Spoken::Both);
    let with_work = case.shapes().count_by_size(sizes::is_work);
    let dropped = case.shapes().count_by_size(is_dropped);
    if answered < FEWEST || !case.most(answered) || (with_work + dropped) * 2 < answered {
        return None;
    }
    // Of whoever only asked for a session no work is told.
    let is_of_dropped = dropped > with_work;
    let new_each_time = case.is_new_one_each_time();
    let lives_on = idle_timeout::may_be(case);
    // Node, gevent, eventlet, asyncio and Go serve many handles with one thread, and a
    // client that reconnects because nobody answers has waited longer.
    let lived = case.tally.established_for.percentile(99.0);
    let (sent, received) = (case.client_bytes(), case.server_bytes());
    let both_spoke = |shape: &Shape| shape.client_bytes > 0 && shape.server_bytes > 0;
    let may_be_tls = may_be_failed_tls(case);
    let may_be_sasl = is_like_failed_sasl(case);
    // Who only asked for a session and got it did no work.
    let (these, did) = match may_be_tls || may_be_sasl {
        true => (answered, "was answered"),
        false if is_of_dropped => (dropped, "asked for a session, was answered and closed"),
        false => (with_work, "got a session and did some work"),
    };
    let is_these = |shape: &Shape| match (these == answered, is_of_dropped) {
        (true, _) => both_spoke(shape),
        (false, true) => is_dropped(shape),
        (false, false) => sizes::is_work(shape),
    };
    let [(least_sent, most_sent), (least_received, most_received)] = case
        .shapes()
        .bytes(is_these)
        .unwrap_or([(sent.min, sent.max), (received.min, received.max)]);
    let in_order = match case.runtime {
        Runtime::Other => true,
        Runtime::Jvm => false,
        Runtime::Unknown => is_ended_in_order(case, answered) && !may_be_tls,
    };
    let ends_soon = lived.is_some_and(|lived| lived < BRIEF_NS);
    let is_brief = in_order && ends_soon;
    let is_late = is_closed_late(case);
    let is_like_it = (new_each_time || is_brief) && !is_late;
    let is_killed = Deaths::of(case) == Some(Deaths::Likely);
    let is_cut = may_be_cut(case);
    let is_replaced = may_be_replaced(case);
    let is_once = is_once(case);
    let is_other = lives_on || may_be_sasl || may_be_tls || is_killed || is_cut || is_replaced;
    let is_other = is_other || is_once;
    let confidence = match is_like_it && !is_other {
        true => Confidence::Likely,
        false => Confidence::Possible,
    };
    let mut verdict = Verdict::new(
        confidence,
        match confidence {
            Confidence::Possible => format!(
                "{} were answered and dropped: perhaps {}.",
                text::counted(answered, "connection"),
                whose_fault(case)
            ),
            _ => format!(
                "{} were opened{} and dropped: {}.",
                text::counted(answered, "client"),
                if is_of_dropped { "" } else { ", used" },
                whose_fault(case)
            ),
        },
    )
    .because(format!(
        "{} {did}: {} sent and {} received",
        match these == case.ended() {
            true => "each".to_owned(),
            false => format!("{} of {}", text::count(these), text::count(case.ended())),
        },
        text::counted_range(least_sent, most_sent, "byte"),
        text::range(least_received, most_received)
    ))
    .number("answered", answered)
    .number("with_work", with_work);
    if is_of_dropped {
        verdict = verdict.because(
            "the client closed first: after the answer that a session has expired the server does",
        );
    }
    if may_be_tls {
        verdict = verdict.next(format!(
            "if port {} speaks TLS, look for errors of TLS or of a certificate in its log first",
            case.port()
        ));
    }
    let may_be_kept = confidence == Confidence::Possible && may_be_kept(case);
    verdict = match may_be_kept {
        true => or_kept(verdict, case),
        false => advice(verdict, case),
    };
    if may_be_kept {
        // Said.
    } else if new_each_time {
        verdict = verdict.because(format!(
            "{} came from {} threads or processes: a client that reconnects keeps its thread",
            text::counted(case.tally.opened(), "connection"),
            text::count(case.threads)
        ));
    } else if is_brief {
        verdict = verdict.because(
            "they were answered and ended within a second: a client that reconnects because \
             nobody answers has waited longer",
        );
    } else if case.is_remote_host() && ends_soon {
        // Too soon for a client that waits in vain.
        verdict = verdict
            .but(
                "seen from the server, a client whose connections are cut on the way does the same",
            )
            .decided_by("--handshake, which distinguishes a new session from a reconnect");
    } else if case.is_remote_host() {
        verdict = verdict
            .cannot_tell_from(&[Churn::ReadTimeouts])
            .decided_by("--handshake, which distinguishes a new session from a reconnect");
    } else {
        verdict = verdict
            .but(match (case.comes_again, case.is_one_thread()) {
                (true, _) => OPENED_OTHERS,
                (_, true) => {
                    "the same thread opened them, as that of a client that reconnects does"
                }
                (_, false) => "some threads opened more than one, as a client that reconnects does",
            })
            .cannot_tell_from(&[Churn::ReadTimeouts])
            .decided_by("--handshake, which distinguishes a new session from a reconnect");
    }
    if lives_on {
        verdict = verdict
            .but("most ended from outside at the same age, as by an idle timeout on the way")
            .cannot_tell_from(&[Churn::IdleTimeout]);
    }
    if is_cut && !may_be_kept {
        verdict = or_cut(verdict, case);
    }
    if confidence == Confidence::Possible && one_session_two_clients::may_be(case) {
        verdict = one_session_two_clients::or_shared(verdict);
    }
    if is_once {
        verdict = or_once(verdict, case);
    }
    if is_replaced {
        verdict = verdict.but(format!(
            "{} of processes of this name stay open: services that were replaced, as by a deploy, \
             look the same, each with one client",
            text::counted(case.open_of_name, "connection")
        ));
    }
    if may_be_sasl {
        verdict = or_sasl(verdict, case);
    }
    if is_late {
        verdict = or_held(verdict);
    }
    if is_of_dropped && may_have_expired(case) {
        verdict = or_expired(verdict);
    }
    if may_be_tls {
        verdict = verdict
            .but(
                "these are the sizes of a session that reads a few large keys, and of a TLS handshake \
                 that fails",
            )
            .cannot_tell_from(&[Churn::TlsHandshakeFailed])
            .decided_by("--handshake, which shows whether TLS is spoken")
            .decided_by(case.log_that_decides());
    }
    Some(verdict)
}

#[cfg(test)]
mod tests {
    use super::Churn;
    use crate::{
        connection::{Connection, Holder},
        diagnose::{
            Confidence, Finding,
            test_case::{
                diagnosed, diagnosed_with, every, gone, living, names_and_alternatives,
                new_thread_each, only,
            },
        },
        ledger::{
            handshakes::tests::asked,
            test_connection::{MS, by, ended, established, name, server_side},
        },
        outcome::Outcome,
    };

    const DONE: (u64, u64, Outcome) = (85, 149, Outcome::AnsweredThenClosedByUs);
    const CUT: (u64, u64, Outcome) = (85, 149, Outcome::AnsweredThenClosedByPeer);

    /// One process each, started for it, as it seems.
    fn of_processes(connections: Vec<Connection>, comm: &str) -> Vec<Connection> {
        let each = connections.into_iter().zip(100..);
        let each = each.map(|(one, pid)| {
            let mut one = by(one, pid, pid, comm);
            let opener = one.opener.as_mut().unwrap();
            opener.process_start_ns = Some(one.started_ns - MS);
            opener.process_comm = Some(name(comm));
            one
        });
        each.collect()
    }

    /// What the finding on those that are answered and dropped says, and against it.
    fn told(connections: &[Connection]) -> (Confidence, String) {
        let findings = diagnosed_with(connections, &gone(connections));
        let of_them = |one: &&Finding| one.name == Churn::ClientPerRequest;
        let finding = findings.iter().find(of_them).expect("there is one");
        (finding.confidence, finding.reasons_against.join("\n"))
    }

    #[test]
    fn what_the_server_s_side_ends_may_be_cut() {
        let reset = (85, 149, Outcome::ResetByPeer);
        let mut three_and_one = every(1_000, 4, CUT);
        three_and_one[1] = every(1_000, 2, DONE).remove(1);
        for (connections, why) in [
            (living(200, every(1_000, 6, reset)), Some("ended by a RST")),
            (living(800, every(1_000, 6, CUT)), Some("side ended them")),
            (living(800, three_and_one), Some("side ended them")),
            (living(200, every(1_000, 6, CUT)), None),
            (living(800, every(1_000, 6, DONE)), None),
        ] {
            let (confidence, against) = told(&of_processes(connections, "app"));
            assert_eq!(confidence == Confidence::Likely, why.is_none(), "{against}");
            assert!(against.contains(why.unwrap_or_default()), "{against}");
        }
    }

    /// Of two clients with one session one is on another host, or both are in one process: the
    /// server closes the connection of either as the other one connects.
    #[test]
    fn what_a_server_ends_at_any_age_may_be_a_session_that_another_client_uses() {
        let named = |lived_ms: [u64; 6], threads: u32, outcome| {
            let all = every(1_600, 6, (85, 101, outcome))
                .into_iter()
                .zip(lived_ms);
            let all = all.flat_map(|(one, lived)| living(lived, vec![one]));
            let all = (0..).zip(all);
            let all = all.map(|(turn, one)| by(one, 77, 78 + turn % threads, "main-SendThread"));
            let findings = diagnosed(&all.collect::<Vec<_>>());
            let mut found = findings
                .iter()
                .filter(|one| one.cannot_tell_from.contains(&Churn::OneSessionTwoClients));
            found.any(|one| one.would_decide.join("; ").contains("renewed from two"))
        };
        let (by_server, by_client) = (
            Outcome::AnsweredThenClosedByPeer,
            Outcome::AnsweredThenClosedByUs,
        );
        let any = [1_150, 565, 1_060, 618, 531, 1_480];
        assert!(named(any, 1, by_server) && named(any, 2, by_server));
        // Who is done closes, or ends its session at once; what cuts does so at one age.
        assert!(!named(any, 1, by_client) && !named(any, 6, by_server));
        assert!(!named([11, 5, 10, 6, 5, 14], 1, by_server));
        assert!(!named([1_000; 6], 1, by_server));
    }

    /// Eight clients that each have a thread of their own.
    #[test]
    fn a_thread_that_comes_again_elsewhere_or_stays_is_of_a_client_that_reconnects() {
        let eight = |port: u16, from_ms: u64| {
            let each = living(1_000, every(50, 8, DONE)).into_iter().zip(10..);
            let each = each.map(move |(one, tid)| {
                let mut one = by(one, 7, tid, "app");
                one.remote.set_ip([10, 0, 0, port as u8].into());
                one.socket += u64::from(port) * 1_000;
                for at in [&mut one.established_ns, &mut one.left_established_ns] {
                    *at = at.map(|at| at + from_ms * MS);
                }
                one.ended_ns = one.ended_ns.map(|at| at + from_ms * MS);
                one.started_ns += from_ms * MS;
                one
            });
            each.collect::<Vec<_>>()
        };
        let first = eight(1, 0);
        assert_eq!(told(&first).0, Confidence::Likely);
        let elsewhere = [first.clone(), eight(2, 9_000)].concat();
        let open = eight(1, 9_000).into_iter().map(|one| {
            let mut one = established(one);
            one.socket += 100_000;
            one
        });
        let stays = first.iter().copied().chain(open).collect();
        let unserved = living(5, every(50, 8, (49, 0, Outcome::ClosedByPeerWithoutAnswer)));
        let unserved = unserved.into_iter().zip(eight(1, 9_000)).map(|(one, at)| {
            let mut one = Connection {
                opener: at.opener,
                remote: at.remote,
                socket: at.socket + 100_000,
                ..one
            };
            let by_ns = 9_000 * MS;
            one.started_ns += by_ns;
            for at in [
                &mut one.established_ns,
                &mut one.left_established_ns,
                &mut one.ended_ns,
            ] {
                *at = at.map(|at| at + by_ns);
            }
            one
        });
        let ended_otherwise = first.iter().copied().chain(unserved).collect();
        for connections in [elsewhere, stays, ended_otherwise] {
            let (confidence, against) = told(&connections);
            assert_eq!(confidence, Confidence::Possible);
            assert!(against.contains("threads opened"), "{against}");
        }
    }

    /// Who closes first is a race where a client is done: both are of one finding.
    #[test]
    fn threads_of_one_finding_have_not_opened_others() {
        let all = (0..16_u64).map(|number| {
            let kind = if number % 3 == 0 { DONE } else { CUT };
            let one = living(5, every(900, number + 1, kind)).remove(number as usize);
            by(one, 7, 10 + number as u32 % 8, "app")
        });
        let (_, against) = told(&all.collect::<Vec<_>>());
        assert!(!against.contains("threads opened others"), "{against}");
    }

    #[test]
    fn services_that_were_replaced_are_no_runs_that_come_often() {
        let over = of_processes(living(100, every(1_000, 6, DONE)), "app");
        assert_eq!(told(&over).0, Confidence::Likely);
        let new = over.iter().map(|one| {
            let mut one = established(*one);
            let opener = one.opener.as_mut().unwrap();
            opener.thread.tgid += 1_000;
            opener.thread.tid += 1_000;
            one.socket += 100_000;
            one
        });
        let (confidence, against) = told(&over.iter().copied().chain(new).collect::<Vec<_>>());
        assert_eq!(confidence, Confidence::Possible);
        assert!(against.contains("services that were replaced"), "{against}");
    }

    #[test]
    fn a_proxy_makes_no_client_of_its_own() {
        let ours = living(100, every(300, 8, DONE));
        let ours = ours.into_iter().map(|one| by(one, 7, 7, "haproxy"));
        let mut of_proxy: Vec<_> = ours.collect();
        for one in &mut of_proxy {
            one.opener.as_mut().unwrap().process_comm = Some(name("haproxy"));
        }
        let (confidence, against) = told(&of_proxy);
        assert_eq!(confidence, Confidence::Likely);
        assert!(against.contains("haproxy is a proxy"), "{against}");
    }

    /// Seen from a server whose process goes on: it ends all, or the clients do, three times.
    #[test]
    fn what_a_server_sees_end_together_is_said_to_have() {
        let seen = |outcome, together: bool| {
            let all = (0..15_u64).map(|place| {
                let (round, client) = (place / 5, place % 5);
                let start = 1_000 + round * 2_500 + client * 130;
                let lived = match together {
                    true => 1_700 - client * 130,
                    false => 700,
                };
                let bytes = (97 + 12 * client, 121 + 20 * client);
                let one = server_side(ended(start, bytes.0, bytes.1, outcome));
                living(lived, vec![one]).remove(0)
            });
            let findings = diagnosed(&all.collect::<Vec<_>>());
            let found = findings
                .into_iter()
                .find(|one| one.name == Churn::ClientPerRequest);
            found.unwrap()
        };
        for outcome in [
            Outcome::AnsweredThenClosedByPeer,
            Outcome::AnsweredThenClosedByUs,
        ] {
            let finding = seen(outcome, true);
            assert_eq!(finding.confidence, Confidence::Possible);
            let against = finding.reasons_against.join("; ");
            assert!(
                against.contains("at 3 moments 15 connections to this port ended together"),
                "{against}"
            );
            assert!(finding.next[0].contains("LOOKING"), "{:?}", finding.next);
            let against = seen(outcome, false).reasons_against.join("; ");
            assert!(!against.contains("moments"), "{against}");
        }
    }

    #[test]
    fn the_requests_themselves_decide_whether_one_thread_reconnects() {
        let mut connections = every(300, 12, (88, 149, Outcome::AnsweredThenClosedByUs));
        for (connection, session) in connections.iter_mut().zip(1..) {
            connection.handshake = Some(asked(0, Some((session, 4_000))));
        }
        let finding = only(diagnosed(&connections));
        assert_eq!(
            (finding.name, finding.confidence),
            (Churn::ClientPerRequest, Confidence::Likely)
        );
        for connection in &mut connections {
            connection.handshake = Some(asked(7, Some((7, 4_000))));
        }
        let findings = diagnosed(&connections);
        assert!(
            findings
                .iter()
                .all(|finding| finding.name != Churn::ClientPerRequest)
        );
    }

    /// A server that dies every few seconds, and one client: nobody else shows that it was the
    /// server.
    #[test]
    fn a_client_that_never_closes_may_keep_its_connection_while_the_server_dies() {
        let found = |lives: u64, outcome| {
            let all = every(3_600, 6, (97, 121, outcome))
                .into_iter()
                .zip(0..6_u64);
            // Whatever is left of the server's time when it comes back.
            let all = all.flat_map(|(one, step)| living(lives + step * lives / 9, vec![one]));
            let all = all.map(|one| by(one, 77, 78, "app"));
            only(diagnosed(&all.collect::<Vec<_>>()))
        };
        let share = |finding: &Finding| finding.next.join(" ").contains("create one client");
        for by_server in [Outcome::AnsweredThenClosedByPeer, Outcome::ResetByPeer] {
            let finding = found(2_200, by_server);
            assert_eq!(
                (finding.name, finding.confidence),
                (Churn::ClientPerRequest, Confidence::Possible)
            );
            assert_eq!(finding.cannot_tell_from[0], Churn::ServerRestarts);
            assert!(!share(&finding), "{:?}", finding.next);
        }
        assert!(share(&found(2_200, Outcome::AnsweredThenClosedByUs)));
        assert!(share(&found(20, Outcome::AnsweredThenClosedByPeer)));
    }

    #[test]
    fn a_new_thread_for_each_is_a_new_client() {
        let mut connections = every(300, 12, (88, 149, Outcome::AnsweredThenClosedByPeer));
        let by_us = every(300, 5, (88, 149, Outcome::AnsweredThenClosedByUs));
        connections.splice(0..5, by_us);
        let finding = only(diagnosed(&new_thread_each(connections)));
        assert_eq!(
            (finding.name, finding.confidence),
            (Churn::ClientPerRequest, Confidence::Likely)
        );
        assert_eq!(finding.who.threads, Some(12));
    }

    /// Of a program in C, whose client reconnects after it has waited, not at once.
    #[test]
    fn one_thread_whose_clients_live_briefly_drops_them() {
        let of_program = |connections: Vec<_>| {
            let connections = connections.into_iter();
            connections
                .map(|one| by(one, 77, 78, "app"))
                .collect::<Vec<_>>()
        };
        let brief = every(300, 12, (88, 149, Outcome::AnsweredThenClosedByUs));
        let longer = living(
            20_000,
            every(21_000, 12, (88, 149, Outcome::AnsweredThenClosedByUs)),
        );
        let confidence = |connections| {
            let findings = diagnosed(&of_program(connections));
            let found = names_and_alternatives(&findings).into_iter();
            let mut found = found.filter(|(name, _)| *name == Churn::ClientPerRequest);
            found.next().map(|(_, confidence)| confidence)
        };
        assert_eq!(confidence(brief), Some(Confidence::Likely));
        assert_ne!(confidence(longer), Some(Confidence::Likely));
    }

    #[test]
    fn a_tls_handshake_that_fails_has_such_sizes_too() {
        let first = |sent, received| {
            let kind = (sent, received, Outcome::AnsweredThenClosedByUs);
            let findings = diagnosed(&new_thread_each(every(300, 12, kind)));
            (
                findings[0].name,
                findings[0].confidence,
                findings[0].clone(),
            )
        };
        let (name, confidence, finding) = first(524, 2_300);
        assert_eq!(
            (name, confidence),
            (Churn::ClientPerRequest, Confidence::Possible)
        );
        assert!(
            finding
                .cannot_tell_from
                .contains(&Churn::TlsHandshakeFailed)
        );
        assert!(!finding.reasons_for[0].contains("session"), "{finding:?}");
        assert!(finding.next[0].contains("certificate"), "{finding:?}");
        // That of a session that did some work is the other reading, and is said as well.
        let against = finding.reasons_against.join("; ");
        assert!(against.contains("reads a few large keys"), "{against}");
        assert_eq!(first(2_100, 3_900).1, Confidence::Likely);
        assert_eq!(first(88, 2_300).1, Confidence::Likely);
    }

    #[test]
    fn a_program_that_is_started_again_and_again_has_nothing_to_reuse() {
        let connections = every(1_000, 12, (82, 81, Outcome::AnsweredThenClosedByUs));
        let numbered = (100..).zip(connections);
        let each = numbered.map(|(pid, one)| by(one, pid, pid, "beeline"));
        let finding = only(diagnosed(&each.collect::<Vec<_>>()));
        assert_eq!(finding.name, Churn::ClientPerRequest);
        assert!(finding.summary.contains("each run of this program"));
        let advice = finding.next.join("\n");
        assert!(advice.contains("find what starts it"), "{advice}");
        assert!(!advice.contains("share it"), "{advice}");
    }

    #[test]
    fn one_thread_may_be_reconnecting() {
        let finding = only(diagnosed(&every(
            300,
            12,
            (88, 149, Outcome::AnsweredThenClosedByUs),
        )));
        assert_eq!(
            (finding.name, finding.confidence),
            (Churn::ClientPerRequest, Confidence::Possible)
        );
        assert_eq!(finding.cannot_tell_from, [Churn::ReadTimeouts]);
    }

    #[test]
    fn three_are_enough_and_two_are_not() {
        let is_found = |count| {
            let connections = every(300, count, (88, 149, Outcome::AnsweredThenClosedByUs));
            let findings = diagnosed(&new_thread_each(connections));
            findings
                .iter()
                .any(|one| one.name == Churn::ClientPerRequest)
        };
        assert!(is_found(3));
        assert!(!is_found(2));
    }

    #[test]
    fn who_only_got_a_session_did_no_work() {
        let mut connections = every(300, 12, (88, 149, Outcome::AnsweredThenClosedByUs));
        connections.splice(
            0..4,
            every(300, 4, (61, 41, Outcome::AnsweredThenClosedByUs)),
        );
        let findings = diagnosed(&new_thread_each(connections));
        let finding = findings
            .iter()
            .find(|one| one.name == Churn::ClientPerRequest && one.connections == 12);
        let why = finding.unwrap().reasons_for.join("; ");
        assert!(
            why.contains("8 of 12 got a session and did some work: 88 bytes sent and 149 received"),
            "{why}"
        );
    }

    /// Short jobs that read some keys: of as many bytes as a handshake that fails, and of many
    /// more segments; or, of a kernel that does not tell these, of more time.
    #[test]
    fn a_session_with_some_requests_is_no_failed_handshake() {
        let advised = |segments: Option<u32>, lived_ms| {
            let kind = (373, 1_261, Outcome::AnsweredThenClosedByUs);
            let mut connections = living(lived_ms, new_thread_each(every(5_000, 8, kind)));
            for connection in &mut connections {
                connection.traffic.segments_out = segments;
            }
            let findings = diagnosed(&connections);
            assert_eq!(findings[0].name, Churn::ClientPerRequest);
            let is_tls = format!("{findings:?}").contains("certificate");
            let is_sure = findings[0].confidence == Confidence::Likely;
            assert_ne!(is_tls, is_sure, "{findings:?}");
            is_tls
        };
        assert!(advised(Some(7), 28));
        assert!(advised(None, 28));
        assert!(advised(Some(7), 3_000));
        assert!(!advised(Some(18), 4));
        assert!(!advised(Some(31), 3_000));
        assert!(!advised(None, 3_000));
    }

    /// Jobs of few and large requests that are not the same each time.
    #[test]
    fn what_says_another_thing_each_time_is_no_failed_handshake() {
        let is_tls = |differ: u64| {
            let kind = (373, 1_261, Outcome::AnsweredThenClosedByUs);
            let mut connections = new_thread_each(every(5_000, 9, kind));
            for (connection, step) in connections.iter_mut().zip(0..) {
                connection.traffic.payload_out = Some(373 + step % 3 * differ);
                connection.traffic.segments_out = Some(7);
            }
            let findings = diagnosed(&connections);
            assert_eq!(findings[0].name, Churn::ClientPerRequest);
            let cannot_tell = &findings[0].cannot_tell_from;
            cannot_tell.contains(&Churn::TlsHandshakeFailed)
        };
        assert!(is_tls(0) && is_tls(3) && is_tls(31));
        assert!(!is_tls(70) && !is_tls(400));
    }

    #[test]
    fn one_thread_is_not_some_threads() {
        let connections = every(300, 12, (88, 149, Outcome::AnsweredThenClosedByUs));
        let findings = format!("{:?}", diagnosed(&connections));
        assert!(
            findings.contains("the same thread opened them"),
            "{findings}"
        );
        assert!(!findings.contains("some threads opened"), "{findings}");
    }

    /// Processes with one session each, which had a connection before the trace that ended, or
    /// none.
    fn one_each(had_one: bool) -> Vec<Finding> {
        let older = every(1, 5, (2_053, 3_381, Outcome::AnsweredThenClosedByPeer));
        let new = every(150, 5, (97, 121, Outcome::AnsweredThenClosedByUs));
        let new = living(1_900, new);
        let of = |(mut one, pid): (Connection, u32)| {
            one = by(one, pid, pid, "python3");
            if let Some(opener) = &mut one.opener {
                // Long before they connected.
                opener.process_start_ns = Some(u64::from(pid) * MS);
            }
            one
        };
        let older = older.into_iter().zip(100..).map(of).map(|mut one| {
            let opener = one.opener.take().unwrap();
            one.before_start = true;
            one.holder = Some(Holder {
                tgid: opener.thread.tgid,
                uid: 0,
                comm: name("python3"),
                process_start_ns: opener.process_start_ns.unwrap(),
            });
            one
        });
        let mut all: Vec<_> = older.filter(|_| had_one).collect();
        all.extend(new.into_iter().zip(100..).map(of));
        diagnosed(&all)
    }

    #[test]
    fn processes_that_come_back_once_each_make_no_client_for_each_request() {
        let named = |findings: &[Finding]| {
            let found = names_and_alternatives(findings);
            found
                .into_iter()
                .any(|(name, _)| name == Churn::ClientPerRequest)
        };
        assert!(named(&one_each(false)));
        assert!(!named(&one_each(true)));
    }
}
