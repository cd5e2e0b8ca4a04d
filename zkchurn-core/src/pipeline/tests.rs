// SPDX-License-Identifier: MIT
//! What the pipeline keeps of frames.

use std::io;

use jiff::tz::TimeZone;

use super::{MOST_LIMITATIONS, Pipeline, View};
use crate::{
    clock::ClockPair,
    connection::{self, Connection, Stage},
    diagnose::Churn,
    ends::End,
    filter::Filter,
    frame::{Frame, Limitation, Mark, Part, TraceStart},
    inspection::Inspection,
    ledger::test_connection::{by, ended, established, server_side},
    outcome::Outcome,
    process::{ProcessIdentity, ProcessKey},
    render::{ConnectionLine, FORMS, Options, Renderer},
    report::{IntervalSummary, Report},
    tape::Tape,
    timewait::{Snapshot, TimeWaitSocket},
};
use zkchurn_common::state;

fn begun() -> Pipeline<Box<dyn Renderer>> {
    let renderer = FORMS[0].renderer(Box::new(io::sink()), Options::plain(TimeZone::UTC));
    let view = View {
        top: 10,
        time_wait_rows: false,
    };
    let mut pipeline = Pipeline::new(renderer, view);
    let clock = ClockPair {
        monotonic_ns: 1,
        realtime_ns: 0,
    };
    pipeline
        .accept(Frame::Start(&TraceStart::of_port(2181, clock)))
        .unwrap();
    pipeline
}

#[test]
fn a_recording_may_hold_any_number_of_limitations() {
    let mut pipeline = begun();
    for number in 0..MOST_LIMITATIONS + 9 {
        let sentence = format!("limitation {number}");
        let limitation = Limitation::of(sentence);
        for _ in 0..2 {
            pipeline.accept(Frame::Limitation(&limitation)).unwrap();
        }
    }
    let report = pipeline.report_at(&Mark::default()).unwrap();
    assert_eq!(report.degraded.len(), MOST_LIMITATIONS);
    assert_eq!(report.degraded[0], "limitation 0");
    assert_eq!(report.degraded[1], "limitation 1", "each is said once");
}

#[test]
fn who_is_missing_is_told_apart_from_what_is() {
    let mut pipeline = begun();
    let limitations = [
        Limitation::of("limitation".to_owned()),
        Limitation::of_who("it ended".to_owned()),
    ];
    for limitation in &limitations {
        let written = serde_json::to_string(limitation).unwrap();
        let read: Limitation = serde_json::from_str(&written).unwrap();
        pipeline.accept(Frame::Limitation(&read)).unwrap();
    }
    let report = pipeline.report_at(&Mark::default()).unwrap();
    assert_eq!(report.degraded, ["limitation", "it ended"]);
    assert_eq!(report.who_is_missing.as_deref(), Some("it ended"));
}

#[test]
fn who_was_looked_at_is_known() {
    let mut pipeline = begun();
    let key = ProcessKey::new(42, 7);
    assert!(!pipeline.has_inspection(key));
    let inspection = Inspection {
        key,
        at_ns: 2,
        details: None,
        jvm: None,
        logs: None,
    };
    pipeline.accept(Frame::Inspection(&inspection)).unwrap();
    assert!(pipeline.has_inspection(key));
    assert!(!pipeline.has_inspection(ProcessKey::new(43, 7)));
}

/// Keeps the sockets of what it is told of.
#[derive(Default)]
struct Told {
    counted: Vec<u64>,
    others: Vec<u64>,
    /// Of each interval, as is the next.
    filtered_out: Vec<Option<u64>>,
    open: Vec<u64>,
}

impl Renderer for Told {
    fn start(&mut self, _start: &TraceStart) -> io::Result<()> {
        Ok(())
    }
    fn connection(&mut self, line: &ConnectionLine<'_>) -> io::Result<()> {
        self.counted.push(line.connection.socket);
        Ok(())
    }
    fn other_end(&mut self, line: &ConnectionLine<'_>) -> io::Result<()> {
        self.others.push(line.connection.socket);
        Ok(())
    }
    fn interval(&mut self, summary: &IntervalSummary) -> io::Result<()> {
        self.filtered_out.push(summary.filtered_out);
        self.open.push(summary.open);
        Ok(())
    }
    fn report(&mut self, _report: &Report) -> io::Result<()> {
        Ok(())
    }
    fn time_wait(&mut self, _report: &Report) -> io::Result<()> {
        Ok(())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

const CLOCK: ClockPair = ClockPair {
    monotonic_ns: 1,
    realtime_ns: 0,
};

fn telling(filter: Option<&str>) -> Pipeline<Told> {
    let view = View {
        top: 10,
        time_wait_rows: false,
    };
    let filter = filter.map(|filter| filter.parse::<Filter>().unwrap());
    let mut pipeline = Pipeline::new(Told::default(), view).with_filter(filter);
    let start = TraceStart::of_port(2181, CLOCK);
    pipeline.accept(Frame::Start(&start)).unwrap();
    pipeline
}

fn refused(socket: u64) -> Connection {
    ended(socket, 0, 0, Outcome::Refused)
}

#[test]
fn what_goes_on_has_no_line_at_either_end() {
    let mut pipeline = telling(None);
    let over = ended(1, 1, 1, Outcome::AnsweredThenClosedByUs);
    let closing = Connection {
        stage: Stage::SeenOpen,
        ended_ns: None,
        ..over
    };
    let ends = [established(over), closing, over].map(Box::new);
    let counted = ends.clone().map(End::Counted);
    let others = ends.map(End::Other);
    let all = counted.into_iter().chain(others).collect();
    pipeline.take_ends(all, CLOCK).unwrap();
    let told = &pipeline.renderer;
    assert_eq!((told.counted.len(), told.others.len()), (1, 1));
    assert_eq!(
        pipeline.counted.ledger.total.ended, 1,
        "the other end counts nowhere"
    );
    assert!(!pipeline.is_quiet());
}

#[test]
fn where_older_connections_end_it_is_not_quiet() {
    let mut pipeline = telling(None);
    assert!(pipeline.is_quiet());
    let mut older = ended(1_000, 1, 1, Outcome::AnsweredThenClosedByUs);
    older.before_start = true;
    let end = End::Counted(Box::new(older));
    pipeline.take_ends(vec![end], CLOCK).unwrap();
    assert!(!pipeline.is_quiet());
}

/// Pids of those that are to be looked at, and how many were not.
fn looks<R: Renderer>(pipeline: &Pipeline<R>, least: u64) -> (Vec<u32>, u64) {
    let churning = pipeline.churning(least, 10);
    let mut pids: Vec<_> = churning.iter().map(|one| one.process.pid).collect();
    pids.sort_unstable();
    (pids, pipeline.uninspected(least))
}

#[test]
fn who_churns_is_looked_at_also_where_the_filter_waits_for_the_look() {
    // What the filter has not decided is in no count, and may yet be.
    for filter in [None, Some("pod:zk-0"), Some("port:2181"), Some("port:9999")] {
        let mut pipeline = telling(filter);
        for (socket, pid) in [(1, 7), (2, 7), (3, 8)] {
            let connection = by(refused(socket), pid, pid, "java");
            pipeline.take(connection, CLOCK).unwrap();
        }
        let (all, busy) = match filter {
            Some("port:9999") => (vec![], vec![]),
            _ => (vec![7, 8], vec![7]),
        };
        let count = |pids: &Vec<u32>| pids.len() as u64;
        assert_eq!(
            looks(&pipeline, 1),
            (all.clone(), count(&all)),
            "{filter:?}"
        );
        assert_eq!(
            looks(&pipeline, 2),
            (busy.clone(), count(&busy)),
            "{filter:?}"
        );
        assert_eq!(looks(&pipeline, 3), (vec![], 0), "{filter:?}");
        let counted = match filter {
            None | Some("port:2181") => 3,
            _ => 0,
        };
        assert_eq!(pipeline.counted.ledger.total.ended, counted, "{filter:?}");
        assert_eq!(pipeline.renderer.counted.len() as u64, counted);
    }
}

/// Where TIME_WAIT sockets are listed afterwards.
#[test]
fn the_namespaces_of_connections_are_known() {
    let mut pipeline = telling(None);
    assert!(pipeline.namespaces().is_empty());
    for (socket, netns) in [(1, Some(5)), (2, Some(9)), (3, None), (4, Some(5))] {
        let connection = Connection {
            netns,
            ..refused(socket)
        };
        pipeline.take(connection, CLOCK).unwrap();
    }
    let mut known: Vec<_> = pipeline.namespaces().iter().copied().collect();
    known.sort_unstable();
    assert_eq!(known, [5, 9]);
}

#[test]
fn an_interval_says_how_many_were_filtered_out_in_it() {
    let mut intervals = Vec::new();
    for filter in [None, Some("port:9999")] {
        let mut pipeline = telling(filter);
        for (socket, ns) in [(1, 2), (2, 3)] {
            for socket in [socket, socket + 10] {
                pipeline.take(refused(socket), CLOCK).unwrap();
            }
            let mark = Mark {
                monotonic_ns: ns,
                ..Mark::default()
            };
            pipeline.accept(Frame::Interval(&mark)).unwrap();
        }
        intervals.push(pipeline.renderer.filtered_out.clone());
    }
    assert_eq!(intervals, [[None, None], [Some(2), Some(2)]]);
}

#[test]
fn a_filter_that_is_typed_later_counts_what_is_open() {
    let of = |socket, connection: Connection, name| Connection {
        socket,
        told: Some(connection::Told::Established),
        ..by(connection, socket as u32, socket as u32, name)
    };
    let whole = |at| ended(at, 49, 41, Outcome::AnsweredThenClosedByUs);
    let mut pipeline = telling(None).keeping_open();
    let long = of(1, whole(1), "long");
    let over = of(2, whole(2), "long");
    let other = of(3, whole(3), "other");
    let seen = Connection {
        stage: Stage::SeenOpen,
        ..established(long)
    };
    for record in [
        established(long),
        established(over),
        established(other),
        seen,
        over,
    ] {
        pipeline.take(record, CLOCK).unwrap();
    }
    let select = |pipeline: &Pipeline<Told>| {
        let filter: Filter = "pid:1".parse().unwrap();
        let selected = pipeline.selecting(filter, &Tape::default(), Told::default());
        selected.unwrap()
    };
    let counts = |pipeline: &Pipeline<Told>| {
        let total = pipeline.report_at(&Mark::default()).unwrap().total;
        (total.opened, total.ended, total.open)
    };

    let mut selected = select(&pipeline);

    assert_eq!(counts(&selected), (1, 0, 1), "as far as it is kept");
    assert_eq!(selected.open_now(), 1);
    selected.take(long, CLOCK).unwrap();
    selected.take(other, CLOCK).unwrap();
    assert_eq!(counts(&selected), (1, 1, 0));
    assert_eq!(selected.open_now(), 0);
    pipeline.take(long, CLOCK).unwrap();
    assert_eq!(counts(&select(&pipeline)), (0, 0, 0), "it is over");
}

/// What is said against the findings on connections that are turned away at once, four of them
/// by one thread, beside `others`.
fn said_against(filter: &str, others: Vec<Connection>, start: &TraceStart) -> String {
    let mut pipeline = telling(Some(filter));
    pipeline.accept(Frame::Start(start)).unwrap();
    let turned_away = (1..=4).map(|step| {
        let at_ms = 1_000 * step;
        Connection {
            told: Some(connection::Told::Nothing),
            ..by(ended(at_ms, 49, 0, Outcome::ResetByPeer), 42, 43, "app")
        }
    });
    let mut all: Vec<_> = turned_away.chain(others).collect();
    all.sort_by_key(|one| one.started_ns);
    for one in all {
        pipeline.take(one, CLOCK).unwrap();
    }
    let mark = Mark {
        monotonic_ns: 9_000_000_000,
        ..Mark::default()
    };
    let findings = pipeline.report_at(&mark).unwrap().findings;
    assert!(!findings.is_empty());
    let against = findings.iter().flat_map(|one| one.reasons_against.clone());
    against.collect::<Vec<_>>().join("\n")
}

#[test]
fn what_a_filter_leaves_out_is_not_denied() {
    const RESET: &str = "outcome:reset_by_peer";
    let start = TraceStart::of_port(2181, CLOCK);
    let served = |at_ms| {
        let one = ended(at_ms, 101, 81, Outcome::AnsweredThenClosedByUs);
        by(one, 42, 43, "app")
    };
    let nobody = said_against(RESET, Vec::new(), &start);
    assert!(
        nobody.contains("nobody that was traced was served there"),
        "{nobody}"
    );
    let beside = said_against(RESET, vec![served(1_500), served(2_500)], &start);
    assert!(!beside.contains("nobody"), "{beside}");
    // Nor is one that goes on, of which the filter cannot tell yet.
    let goes_on = said_against(RESET, vec![established(served(500))], &start);
    assert!(!goes_on.contains("nobody"), "{goes_on}");
    // Nor what was there before the trace, and stays.
    let older = |stage| Connection {
        stage,
        before_start: true,
        ..established(served(500))
    };
    let older = vec![older(Stage::Established), older(Stage::Open)];
    let against = said_against(RESET, older, &start);
    assert!(!against.contains("nobody"), "{against}");
    // Where the filter selects it, it is not beside.
    let all = said_against("port:2181", vec![established(served(500))], &start);
    assert!(!all.contains("nobody"), "{all}");
}

#[test]
fn what_a_part_of_a_trace_leaves_out_is_not_denied() {
    let start = TraceStart {
        part: Some(Part::default()),
        ..TraceStart::of_port(2181, CLOCK)
    };
    let against = said_against("port:2181", Vec::new(), &start);
    assert!(
        against.contains("nobody in this part of the trace was served there"),
        "{against}"
    );
}

/// Others get through while one that is refused is looked at alone, before and after.
#[test]
fn what_got_through_beside_what_a_filter_selects_is_told() {
    let mut pipeline = telling(Some("outcome:refused"));
    for step in 1..=5 {
        let refused = ended(1_000 * step, 0, 0, Outcome::Refused);
        pipeline.take(by(refused, 42, 43, "app"), CLOCK).unwrap();
        let through = ended(1_000 * step + 500, 101, 81, Outcome::AnsweredThenClosedByUs);
        let told = Some(connection::Told::Nothing);
        let through = Connection { told, ..through };
        pipeline.take(by(through, 42, 43, "app"), CLOCK).unwrap();
    }
    let mark = Mark {
        monotonic_ns: 9_000_000_000,
        ..Mark::default()
    };
    let report = pipeline.report_at(&mark).unwrap();
    let against = report.findings[0].reasons_against.join("\n");
    assert!(
        against.contains("5 other connections got through"),
        "{against}"
    );
    assert_eq!(report.total.opened, 5);
}

/// The server has closed, and the client holds its socket: an interval has it as open, and the
/// report, which has it as ended, tells it apart.
#[test]
fn what_one_side_has_closed_is_told_apart_by_the_report() {
    let whole = Connection {
        told: Some(connection::Told::Nothing),
        ..ended(1, 49, 41, Outcome::AnsweredThenClosedByUs)
    };
    let over = Connection {
        told: Some(connection::Told::Established),
        ..whole
    };
    let half_closed = Connection {
        stage: Stage::Closing,
        ended_ns: None,
        ..over
    };
    for before_start in [false, true] {
        for (last, expected) in [(half_closed, [1, 1, 0]), (over, [1, 0, 0])] {
            let record = |connection| Connection {
                before_start,
                ..connection
            };
            let mut pipeline = telling(None);
            pipeline.take(record(established(whole)), CLOCK).unwrap();
            pipeline.end_interval(&Mark::default()).unwrap();
            assert_eq!(pipeline.renderer.open, [1]);
            pipeline.take(record(last), CLOCK).unwrap();
            let total = pipeline.report_at(&Mark::default()).unwrap().total;
            let older = &total.older;
            let counts = match before_start {
                false => [total.ended, total.half_closed, total.open],
                true => [older.ended, older.half_closed, older.open],
            };
            assert_eq!(counts, expected);
        }
    }
}

/// Ten of which the server has closed each, seen half-closed by a walk, at 1 s to 10 s.
fn half_closed_ones() -> Vec<[Connection; 2]> {
    let one = |number: u64| {
        let over = ended(number * 1_000, 101, 81, Outcome::AnsweredThenClosedByPeer);
        let begun = Connection {
            told: Some(connection::Told::Nothing),
            ..established(over)
        };
        let half_closed = Connection {
            stage: Stage::SeenOpen,
            told: Some(connection::Told::Established),
            seen_open_ns: Some(12_000_000_000),
            left_established_ns: over.left_established_ns,
            local_close_ns: None,
            ended_ns: None,
            states_seen: state::bit(state::ESTABLISHED) | state::bit(state::CLOSE_WAIT),
            ..over
        };
        [begun, half_closed]
    };
    (1..=10).map(one).collect()
}

fn at(seconds: u64) -> Mark {
    Mark {
        monotonic_ns: seconds * 1_000_000_000,
        ..Mark::default()
    }
}

/// It would have a record at the end of the trace only, hours later.
#[test]
fn what_is_held_half_closed_is_diagnosed_while_the_trace_goes_on() {
    let mut pipeline = telling(None);
    let names = |report: &Report| -> Vec<_> {
        let findings = report.findings.iter();
        findings.map(|one| (one.name, one.connections)).collect()
    };
    let both = half_closed_ones();
    for [begun, half_closed] in &both {
        pipeline.take(*begun, CLOCK).unwrap();
        pipeline.take(*half_closed, CLOCK).unwrap();
    }
    let report = pipeline.report_at(&at(20)).unwrap();
    assert_eq!(names(&report), [(Churn::HeldInCloseWait, 10)]);
    assert_eq!(report.not_explained, 0);
    let counts = |report: &Report| [report.total.opened, report.total.ended, report.total.open];
    assert_eq!(counts(&report), [10, 10, 0]);
    assert_eq!(report.total.half_closed, 10);
    assert_eq!(pipeline.open_now(), 10);

    // All but one close at last.
    for [_, half_closed] in &both[1..] {
        let over = Connection {
            stage: Stage::Ended,
            ended_ns: Some(21_000_000_000),
            local_close_ns: Some(21_000_000_000),
            ..*half_closed
        };
        pipeline.take(over, CLOCK).unwrap();
    }
    let report = pipeline.report_at(&at(22)).unwrap();
    assert_eq!(counts(&report), [10, 10, 0]);
    assert_eq!(report.total.half_closed, 1);
    // Whoever recorded it was killed: there is no last record of it.
    pipeline.end(&at(23)).unwrap();
    let report = pipeline.report().unwrap();
    assert_eq!(counts(report), [10, 10, 0]);
    assert_eq!(report.total.half_closed, 1);
}

/// The same remote host at the same port of two pods, each with a network namespace of its own.
#[test]
fn rows_that_differ_in_their_network_namespace_alone_name_it() {
    let accepted = |socket, netns| Connection {
        socket,
        netns: Some(netns),
        ..server_side(refused(socket))
    };
    let shown = |records: &[Connection]| {
        let mut pipeline = telling(None);
        for record in records {
            pipeline.take(*record, CLOCK).unwrap();
        }
        let (report, rows, _) = pipeline.families_at(&Mark::default(), 10).unwrap();
        let netns: Vec<_> = report.flows.iter().map(|flow| flow.netns).collect();
        let mut rows: Vec<_> = rows.into_iter().map(|row| row.destination).collect();
        rows.sort_unstable();
        (netns.into_iter().flatten().count(), rows)
    };
    let (one, same, other) = (accepted(1, 100), accepted(2, 100), accepted(3, 200));
    let alone = "port 2181 here".to_owned();
    assert_eq!(shown(&[one, same]), (0, vec![alone.clone()]));
    let apart = [100, 200].map(|netns| format!("{alone} netns {netns}"));
    assert_eq!(shown(&[one, same, other]), (2, apart.to_vec()));
}

/// Processes of one name, of which each has an application of its own.
#[test]
fn sockets_of_a_family_are_those_of_all_its_processes_whatever_their_labels() {
    let mut pipeline = telling(None);
    let mut sockets = Vec::new();
    for pid in 1..=3 {
        let over = ended(u64::from(pid), 0, 0, Outcome::ClosedByUsBeforeAnyByte);
        let mut over = by(over, pid, pid, "python3");
        over.socket = u64::from(pid);
        over.local.set_port(40_000 + pid as u16);
        let script = format!("/srv/app{pid}.py");
        let mut identity = ProcessIdentity::new(
            ProcessKey::of(&over).unwrap(),
            "python3".to_owned(),
            Some("/usr/bin/python3".to_owned()),
            vec!["python3".to_owned(), script],
        );
        identity.name_application();
        pipeline.accept(Frame::Process(&identity)).unwrap();
        pipeline.owners.remember(&over);
        pipeline.take(over, CLOCK).unwrap();
        sockets.push(TimeWaitSocket {
            local: over.local,
            remote: over.remote,
            netns: over.netns.unwrap_or(0),
            left_ms: 50_000,
            cookie: over.socket,
        });
    }
    let snapshot = Snapshot {
        at_ns: 10_000_000_000,
        sockets,
        notes: Vec::new(),
        continued: false,
    };
    pipeline.accept(Frame::TimeWait(&snapshot)).unwrap();
    let (_, rows, _) = pipeline.families_at(&Mark::default(), 10).unwrap();
    let counts: Vec<_> = rows
        .iter()
        .map(|row| (row.processes, row.time_wait))
        .collect();
    assert_eq!(counts, [(3, Some(3))]);
}
