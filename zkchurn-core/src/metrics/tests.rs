// SPDX-License-Identifier: MIT
//! A world that grows until the bounds bite, and names that nobody would choose.

use std::{cell::RefCell, collections::BTreeMap, rc::Rc};

use super::*;
use crate::{
    clock::ClockPair,
    connection::Connection,
    diagnose::{
        Confidence,
        test_case::{diagnosed, every},
    },
    errno,
    frame::{Frame, Mark},
    ledger::test_connection::{by, ended, server_side},
    pipeline::{Pipeline, View},
    render::Several,
    report::Loss,
};

const CLOCK: ClockPair = ClockPair {
    monotonic_ns: 0,
    realtime_ns: 1_795_000_000_000_000_000,
};
/// What docs/reference/metrics.md promises, whatever happens.
const MOST_SERIES: usize = 1_200;
const HOUR_MS: u64 = 3_600_000;

/// A trace, and the last text that it published.
struct World {
    metering: Metering<Last>,
    text: Last,
}

/// The last text that was published.
#[derive(Clone, Default)]
struct Last(Rc<RefCell<String>>);

impl Publish for Last {
    fn publish(&mut self, text: &str) -> io::Result<()> {
        self.0.replace(text.to_owned());
        Ok(())
    }
}

impl World {
    fn new() -> Self {
        let text = Last::default();
        let mut metering = Metering::new(text.clone());
        metering.start(&TraceStart::of_port(2181, CLOCK)).unwrap();
        Self { metering, text }
    }

    fn ends(&mut self, connection: &Connection, outcome: Outcome) {
        let line = ConnectionLine {
            connection,
            outcome,
            process: None,
            placed: None,
            clock: CLOCK,
        };
        self.metering.connection(&line).unwrap();
    }

    /// The connections of a program to one of many servers.
    fn connects(&mut self, at_ms: u64, program: &str, server: u32, count: u64) {
        for _ in 0..count {
            let mut connection = by(
                ended(at_ms, 49, 41, Outcome::AnsweredThenClosedByUs),
                7,
                7,
                program,
            );
            let [_, high, middle, low] = server.to_be_bytes();
            connection.remote = ([10, high, middle, low], 2181).into();
            self.ends(&connection, Outcome::AnsweredThenClosedByUs);
        }
    }

    fn finds(&mut self, findings: &[Finding]) {
        self.metering
            .found(findings, Timestamp::UNIX_EPOCH)
            .unwrap();
    }

    /// What is exported now: each series with its value.
    fn exported(&mut self) -> BTreeMap<String, f64> {
        self.interval(0)
    }

    /// What is exported after an interval at whose end so many connections are open.
    fn interval(&mut self, open: u64) -> BTreeMap<String, f64> {
        let summary = IntervalSummary {
            at: String::new(),
            length_ns: 1,
            opened: 0,
            ended: 0,
            open,
            established: open,
            open_undecided: 0,
            filtered_out: None,
            busiest: None,
            leading: None,
            loss: Loss::default(),
            limitations: 2,
        };
        self.metering.interval(&summary).unwrap();
        self.last()
    }

    /// What was exported last.
    fn last(&self) -> BTreeMap<String, f64> {
        let text = self.text.0.borrow();
        let samples = text.lines().filter(|line| !line.starts_with('#'));
        let samples = samples.map(|line| {
            let (series, value) = line.rsplit_once(' ').unwrap();
            (series.to_owned(), value.parse().unwrap())
        });
        samples.collect()
    }
}

fn total(exported: &BTreeMap<String, f64>) -> f64 {
    let counts = exported.iter();
    counts
        .filter(|(series, _)| series.starts_with("zkchurn_connections_total"))
        .map(|(_, count)| count)
        .sum()
}

fn families(exported: &BTreeMap<String, f64>) -> usize {
    let series = exported.keys();
    series
        .filter(|series| series.starts_with("zkchurn_connect_seconds_count"))
        .count()
}

#[test]
fn however_much_churns_the_series_are_bounded_and_none_shrinks() {
    let mut world = World::new();
    let mut before = BTreeMap::new();
    let mut connections = 0;
    for round in 0..60_u32 {
        let families_now = round * round;
        for server in 0..families_now {
            let count = 1 + u64::from(server % 3);
            world.connects(u64::from(round) * HOUR_MS / 7, "java", server, count);
            connections += count;
        }
        let now = world.exported();
        assert!(families(&now) <= MOST_FAMILIES + 1, "{}", families(&now));
        #[expect(clippy::cast_precision_loss, reason = "a small number")]
        let expected = connections as f64;
        assert!((total(&now) - expected).abs() < 0.5, "{round}");
        for (series, value) in &before {
            let shrank = now.get(series).is_some_and(|now| now < value);
            assert!(!shrank, "{series}");
        }
        before = now;
    }
    assert_eq!(families(&before), MOST_FAMILIES + 1);
    assert!(before["zkchurn_families_folded_total"] > 1_000.0);
}

#[test]
fn the_largest_have_series_of_their_own_and_an_idle_one_makes_room() {
    let mut world = World::new();
    for server in 0..40 {
        world.connects(0, "java", server, u64::from(server) + 1);
    }
    let has = |exported: &BTreeMap<String, f64>, peer: &str| {
        let peer = format!("peer=\"{peer}\"");
        exported.keys().any(|series| series.contains(&peer))
    };
    let first = world.exported();
    assert!(has(&first, "10.0.0.39:2181") && has(&first, "10.0.0.20:2181"));
    assert!(!has(&first, "10.0.0.19:2181") && has(&first, "_other"));
    // Half an hour later all are still there, an hour after its last connection one goes.
    for server in 21..40 {
        world.connects(HOUR_MS / 2, "java", server, 1);
    }
    world.connects(HOUR_MS / 2, "java", 1_000, 1);
    let second = world.exported();
    assert!(has(&second, "10.0.0.20:2181") && !has(&second, "10.0.3.232:2181"));
    world.connects(HOUR_MS + HOUR_MS / 4, "java", 1_000, 1);
    let third = world.exported();
    assert!(!has(&third, "10.0.0.20:2181") && has(&third, "10.0.3.232:2181"));
    assert!(has(&third, "10.0.0.21:2181"));
    assert!((total(&third) - (820.0 + 19.0 + 2.0)).abs() < 0.5);
}

/// What is asked of one side has all of it.
#[test]
fn the_rest_of_each_side_is_counted_by_itself() {
    let mut world = World::new();
    for server in 0..30 {
        world.connects(0, "java", server, 2);
        let accepted = server_side(ended(0, 49, 41, Outcome::AnsweredThenClosedByUs));
        let mut accepted = by(accepted, 8, 8, "server");
        let [_, high, middle, low] = server.to_be_bytes();
        accepted.remote = ([11, high, middle, low], 40_000).into();
        world.ends(&accepted, Outcome::AnsweredThenClosedByUs);
    }
    let exported = world.exported();
    let of_side = |side: &str| -> f64 {
        let side = format!("side=\"{side}\"");
        let ended = exported
            .iter()
            .filter(|(series, _)| series.starts_with("zkchurn_connections_total"));
        ended
            .filter(|(series, _)| series.contains(&side))
            .map(|(_, count)| count)
            .sum()
    };
    assert!((of_side("client") - 60.0).abs() < 0.5);
    assert!((of_side("server") - 30.0).abs() < 0.5);
    assert_eq!(families(&exported), MOST_FAMILIES + 2);
}

/// Each way to end, by whoever may close first, of more programs than there is room for, on both
/// sides, with all that a look may find: the most that there ever are.
#[test]
fn all_ways_to_end_together_stay_within_what_is_promised() {
    let mut world = World::new();
    let ways = Outcome::ALL
        .into_iter()
        .filter(|outcome| *outcome != Outcome::StillOpen);
    for outcome in ways {
        let by_peer = Connection {
            error: Some(errno::ECONNRESET),
            ..ended(0, 49, 41, outcome)
        };
        let by_nobody = Connection {
            left_established_ns: None,
            ..ended(0, 49, 41, outcome)
        };
        for way in [ended(0, 49, 41, outcome), by_peer, by_nobody] {
            for server in 0..60 {
                let mut of_client = by(way, 7, 7, "java");
                of_client.remote = ([10, 0, 0, server], 2181).into();
                world.ends(&of_client, outcome);
                let mut of_server = by(server_side(way), 8, 8, "server");
                of_server.remote = ([11, 0, 0, server], 40_000).into();
                world.ends(&of_server, outcome);
            }
        }
    }
    world.finds(&(0..90).map(finding_of).collect::<Vec<_>>());
    let exported = world.exported();
    let ways = exported
        .keys()
        .filter(|series| series.starts_with("zkchurn_connections_total"));
    assert!(ways.count() > 22 * 21, "each family has each way to end");
    assert!(exported.len() <= MOST_SERIES, "{}", exported.len());
}

/// A finding of a program of its own.
fn finding_of(number: u32) -> Finding {
    let refused = every(1_000, 5, (0, 0, Outcome::Refused));
    let name = format!("client-{number}");
    let by_program = refused
        .into_iter()
        .map(|one| by(one, number, number, &name));
    diagnosed(&by_program.collect::<Vec<_>>()).remove(0)
}

#[test]
fn findings_that_only_pids_tell_apart_are_one_series_and_possible_ones_are_none() {
    let mut world = World::new();
    let (first, other) = (finding_of(1), finding_of(2));
    let mut restarted = first.clone();
    restarted.who.pid = Some(77);
    let mut possible = finding_of(3);
    possible.confidence = Confidence::Possible;
    world.finds(&[first, other, restarted, possible]);
    let exported = world.exported();
    let of = |program: &str| {
        let series = exported.iter().filter(|(series, _)| {
            series.starts_with("zkchurn_findings{") && series.contains(program)
        });
        series.map(|(_, count)| *count).collect::<Vec<_>>()
    };
    assert_eq!(of("\"client-1\""), [2.0], "{exported:?}");
    assert_eq!(of("\"client-2\""), [1.0]);
    assert!(of("\"client-3\"").is_empty());
    // Of thirty the first ten are named, and the rest is counted.
    world.finds(&(10..40).map(finding_of).collect::<Vec<_>>());
    let exported = world.exported();
    let of_all = exported
        .keys()
        .filter(|series| series.starts_with("zkchurn_findings{"));
    assert_eq!(of_all.count(), 11);
    let others = "zkchurn_findings{confidence=\"certain\",finding=\"_other\",\
        peer=\"_other\",process=\"_other\"}";
    assert_eq!(exported.get(others), Some(&20.0), "{exported:?}");
    // The next look has none.
    world.finds(&[]);
    let exported = world.exported();
    assert!(!exported.keys().any(|series| series.contains("findings")));
}

#[test]
fn nothing_of_a_name_gets_out_of_its_label() {
    let mut world = World::new();
    let name = "a\"} 1\n# x\\";
    world.connects(0, name, 1, 1);
    let exported = world.exported();
    let text = world.text.0.borrow();
    assert!(text.contains(r#"process="a\"} 1"#), "{text}");
    assert!(text.lines().all(|line| !line.starts_with("# x")));
    assert!((total(&exported) - 1.0).abs() < 0.5);
}

#[test]
fn neither_pid_nor_local_port_is_in_a_label() {
    let mut world = World::new();
    for pid in 0..500 {
        let mut connection = by(ended(1, 4, 5, Outcome::Refused), pid, pid, "nc");
        connection
            .local
            .set_port(u16::try_from(40_000 + pid).unwrap());
        world.ends(&connection, Outcome::Refused);
        let mut accepted = server_side(ended(1, 4, 5, Outcome::Refused));
        accepted.remote = ([10, 0, 0, 9], u16::try_from(40_000 + pid).unwrap()).into();
        world.ends(&accepted, Outcome::AnsweredThenClosedByPeer);
    }
    let exported = world.exported();
    assert_eq!(families(&exported), 2, "{exported:?}");
    assert!(
        exported
            .keys()
            .any(|series| series.contains("peer=\"10.0.0.9\""))
    );
}

/// promtool checks the example; where this fails its output is the new one.
#[test]
fn the_example_is_what_is_exported() {
    let mut world = World::new();
    world.connects(1_000, "java", 5, 40);
    for at_ms in [1_000, 2_000, 4_000] {
        let refused = by(ended(at_ms, 0, 0, Outcome::Refused), 9, 9, "a \"\\ name");
        world.ends(&refused, Outcome::Refused);
    }
    world.exported();
    let exported = world.text.0.borrow();
    let example = include_str!("../../../contrib/prometheus/example.prom");
    assert!(*exported == example, "{exported}");
}

#[test]
fn what_is_open_at_the_end_has_not_ended() {
    let mut world = World::new();
    world.ends(&ended(1, 4, 5, Outcome::Refused), Outcome::StillOpen);
    assert!(total(&world.exported()).abs() < 0.5);
}

#[test]
fn the_last_text_has_no_step_in_what_is_open() {
    let view = View {
        top: 1,
        time_wait_rows: false,
    };
    let mut pipeline = Pipeline::new(Several(Vec::new()), view);
    let start = TraceStart::of_port(2181, CLOCK);
    pipeline.accept(Frame::Start(&start)).unwrap();
    let mut report = pipeline.report_at(&Mark::default()).unwrap();
    // Of a report, that includes connections that still connect.
    report.total.open = 7;
    report.total.older.open = 2;
    let open = |world: &World| world.last()["zkchurn_connections_open"];
    let mut world = World::new();
    world.interval(5);
    world.metering.report(&report).unwrap();
    assert!((open(&world) - 5.0).abs() < 0.5);
    let mut short = World::new();
    short.metering.report(&report).unwrap();
    assert!(
        (open(&short) - 9.0).abs() < 0.5,
        "too short for an interval"
    );
}
