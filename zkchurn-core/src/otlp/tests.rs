// SPDX-License-Identifier: MIT
//! What is sent, read with the messages that OpenTelemetry itself publishes.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use opentelemetry_proto::tonic::{
    collector::{logs::v1::ExportLogsServiceRequest, metrics::v1::ExportMetricsServiceRequest},
    common::v1::{KeyValue, any_value::Value},
    logs::v1::LogRecord,
    metrics::v1::{Metric, metric::Data, number_data_point},
    resource::v1::Resource,
};
use prost::Message;

use super::*;
use crate::{
    clock::ClockPair,
    connection::Connection,
    frame::TraceStart,
    ledger::test_connection::{by, ended},
    outcome::Outcome,
    process::{ProcessIdentity, ProcessKey},
    render::{ConnectionLine, Renderer},
    report::{IntervalSummary, Loss},
};

const CLOCK: ClockPair = ClockPair {
    monotonic_ns: 0,
    realtime_ns: 1_795_000_000_000_000_000,
};

/// A request, and how many records it has.
type Requested = (Signal, u64, Vec<u8>);

/// All that was handed over, and whether records have waited long enough.
#[derive(Clone, Default)]
struct Sent {
    requests: Rc<RefCell<Vec<Requested>>>,
    is_due: Rc<Cell<bool>>,
}

impl Export for Sent {
    fn export(&mut self, signal: Signal, records: u64, request: Vec<u8>) {
        self.requests.borrow_mut().push((signal, records, request));
    }

    fn is_due(&self) -> bool {
        self.is_due.get()
    }
}

struct World {
    exporting: Exporting<Sent>,
    sent: Sent,
}

impl World {
    fn new() -> Self {
        let sent = Sent::default();
        let mut exporting = Exporting::new(sent.clone());
        let start = TraceStart {
            host: "app-1".to_owned(),
            run_id: Some("7f1c".to_owned()),
            ..TraceStart::of_port(2181, CLOCK)
        };
        exporting.start(&start).unwrap();
        Self { exporting, sent }
    }

    fn ends(&mut self, connection: &Connection, outcome: Outcome, process: Option<&str>) {
        let process = process.map(|command| {
            ProcessIdentity::new(
                ProcessKey::new(42, 0),
                "java".to_owned(),
                Some("/usr/bin/java".to_owned()),
                command.split(' ').map(str::to_owned).collect(),
            )
        });
        let line = ConnectionLine {
            connection,
            outcome,
            process: process.as_ref(),
            placed: None,
            clock: CLOCK,
        };
        self.exporting.connection(&line).unwrap();
    }

    fn interval(&mut self) {
        let summary = IntervalSummary {
            at: String::new(),
            length_ns: 1,
            opened: 0,
            ended: 0,
            open: 3,
            established: 3,
            open_undecided: 0,
            filtered_out: None,
            busiest: None,
            leading: None,
            loss: Loss::default(),
            limitations: 2,
        };
        self.exporting.found(&[], at(60)).unwrap();
        self.exporting.interval(&summary).unwrap();
    }

    fn logs(&self) -> Vec<(Resource, Vec<LogRecord>)> {
        let requests = self.sent.requests.borrow();
        let logs = requests
            .iter()
            .filter(|(signal, ..)| *signal == Signal::Logs);
        let logs = logs.map(|(_, count, request)| {
            let request = ExportLogsServiceRequest::decode(&request[..]).unwrap();
            let [logs] = &request.resource_logs[..] else {
                panic!("{request:?}");
            };
            let scope = &logs.scope_logs[0];
            assert_eq!(scope.scope.as_ref().unwrap().name, "zkchurn");
            assert_eq!(scope.log_records.len() as u64, *count);
            (logs.resource.clone().unwrap(), scope.log_records.clone())
        });
        logs.collect()
    }

    fn metrics(&self) -> Vec<Metric> {
        let requests = self.sent.requests.borrow();
        let mut metrics = requests.iter().rev();
        let last = metrics.find(|(signal, ..)| *signal == Signal::Metrics);
        let (_, count, request) = last.unwrap();
        let request = ExportMetricsServiceRequest::decode(&request[..]).unwrap();
        let metrics = request.resource_metrics[0].scope_metrics[0].metrics.clone();
        assert_eq!(metrics.len() as u64, *count);
        metrics
    }
}

fn at(second: i64) -> Timestamp {
    CLOCK.timestamp(0) + jiff::SignedDuration::from_secs(second)
}

/// An attribute's value as text; of several that have one name none.
fn value<'a>(attributes: &'a [KeyValue], key: &str) -> Option<&'a Value> {
    let mut found = attributes.iter().filter(|one| one.key == key);
    let value = found.next()?.value.as_ref()?.value.as_ref();
    assert!(found.next().is_none(), "{key} is there twice");
    value
}

fn text_of(attributes: &[KeyValue], key: &str) -> String {
    match value(attributes, key) {
        Some(Value::StringValue(text)) => text.clone(),
        other => panic!("{key}: {other:?}"),
    }
}

fn int_of(attributes: &[KeyValue], key: &str) -> i64 {
    match value(attributes, key) {
        Some(Value::IntValue(number)) => *number,
        other => panic!("{key}: {other:?}"),
    }
}

#[test]
fn a_connection_that_ended_is_an_event_by_the_conventions() {
    let mut world = World::new();
    let connection = ended(1_000, 49, 41, Outcome::AnsweredThenClosedByUs);
    world.ends(
        &connection,
        Outcome::AnsweredThenClosedByUs,
        Some("java -Dpassword=hunter2 -jar shop.jar"),
    );
    world.interval();
    let (resource, records) = world.logs().remove(0);
    let resource = &resource.attributes;
    assert_eq!(text_of(resource, "service.name"), "zkchurn");
    assert_eq!(text_of(resource, "zkchurn.run_id"), "7f1c");
    assert_eq!(text_of(resource, "host.name"), "app-1");
    let [record] = &records[..] else {
        panic!("{records:?}");
    };
    assert_eq!(record.event_name, event::CONNECTION_ENDED);
    assert_eq!(record.severity_number, 9);
    assert_eq!(record.time_unix_nano, 1_795_000_001_004_000_000);
    let attributes = &record.attributes;
    for (key, expected) in [
        ("network.transport", "tcp"),
        ("network.type", "ipv4"),
        ("network.peer.address", "127.0.0.1"),
        ("network.local.address", "127.0.0.1"),
        ("server.address", "127.0.0.1"),
        ("process.executable.name", "java"),
        ("process.executable.path", "/usr/bin/java"),
        ("zkchurn.process.label", "java (shop.jar)"),
        ("thread.name", "main-SendThread"),
        ("zkchurn.connection.side", "client"),
        ("zkchurn.connection.outcome", "answered_then_closed_by_us"),
        ("zkchurn.connection.first_close", "us"),
    ] {
        assert_eq!(text_of(attributes, key), expected, "{key}");
    }
    for (key, expected) in [
        ("network.peer.port", 2181),
        ("network.local.port", 40_000),
        ("server.port", 2181),
        ("process.pid", 42),
        ("process.user.id", 0),
        ("zkchurn.thread.tid", 43),
        ("zkchurn.connection.established_for_ns", 2_000_000),
        ("zkchurn.connection.payload_out", 49),
        ("zkchurn.connection.payload_in", 41),
        (
            "zkchurn.connection.started_unix_ns",
            1_795_000_001_000_000_000,
        ),
    ] {
        assert_eq!(int_of(attributes, key), expected, "{key}");
    }
    // The conventions' thread.id is the runtime's; and what is not known is absent.
    for absent in ["thread.id", "event.name", "error.type", "container.id"] {
        assert_eq!(value(attributes, absent), None, "{absent}");
    }
    assert!(!format!("{record:?}").contains("hunter2"));
}

#[test]
fn a_failure_has_its_type_and_wants_to_be_seen() {
    let mut world = World::new();
    world.ends(&ended(1, 0, 0, Outcome::Refused), Outcome::Refused, None);
    world.ends(&ended(1, 0, 0, Outcome::Refused), Outcome::StillOpen, None);
    world.interval();
    let (_, records) = world.logs().remove(0);
    assert_eq!(records.len(), 1, "what is open has not ended");
    assert_eq!(records[0].severity_number, 13);
    assert_eq!(text_of(&records[0].attributes, "error.type"), "refused");
    assert_eq!(
        text_of(&records[0].attributes, "zkchurn.connection.error"),
        "ECONNREFUSED"
    );
}

#[test]
fn requests_are_bounded_in_records_and_in_bytes() {
    let mut world = World::new();
    let long = "x".repeat(4_000);
    for number in 0..2_000 {
        let connection = ended(number, 1, 1, Outcome::AnsweredThenClosedByUs);
        let command = format!("java -jar {long}.jar");
        world.ends(
            &connection,
            Outcome::AnsweredThenClosedByUs,
            (number > 1_000).then_some(&*command),
        );
    }
    world.interval();
    let requests = world.sent.requests.borrow();
    let logs = requests
        .iter()
        .filter(|(signal, ..)| *signal == Signal::Logs);
    let largest = logs.clone().map(|(.., request)| request.len()).max();
    assert!(largest.unwrap() < 600 * 1024, "{largest:?}");
    assert!(logs.clone().all(|(_, count, _)| *count <= 512));
    assert_eq!(logs.map(|(_, count, _)| count).sum::<u64>(), 2_000);
}

#[test]
fn records_go_when_they_are_due_and_not_at_each_turn() {
    let mut world = World::new();
    let connection = ended(1, 1, 1, Outcome::AnsweredThenClosedByUs);
    world.ends(&connection, Outcome::AnsweredThenClosedByUs, None);
    world.exporting.flush().unwrap();
    assert!(world.logs().is_empty());
    world.sent.is_due.set(true);
    world.exporting.flush().unwrap();
    assert_eq!(world.logs().len(), 1);
}

#[test]
fn the_counts_are_those_of_prometheus_under_names_that_translate_back() {
    let mut world = World::new();
    for number in 0..5 {
        let one = by(
            ended(number, 4, 5, Outcome::AnsweredThenClosedByUs),
            7,
            7,
            "java",
        );
        world.ends(&one, Outcome::AnsweredThenClosedByUs, None);
    }
    world.interval();
    let metrics = world.metrics();
    let named = |name: &str| metrics.iter().find(|metric| metric.name == name).unwrap();
    let Some(Data::Sum(sum)) = &named("zkchurn.connections").data else {
        panic!("{metrics:?}");
    };
    assert!(sum.is_monotonic);
    assert_eq!(sum.aggregation_temporality, 2);
    let [point] = &sum.data_points[..] else {
        panic!("{sum:?}");
    };
    assert_eq!(point.value, Some(number_data_point::Value::AsInt(5)));
    assert_eq!(point.start_time_unix_nano, 1_795_000_000_000_000_000);
    assert_eq!(point.time_unix_nano, 1_795_000_060_000_000_000);
    assert_eq!(text_of(&point.attributes, "process"), "java");
    assert_eq!(text_of(&point.attributes, "peer"), "127.0.0.1:2181");
    let lifetime = named("zkchurn.connection_lifetime");
    assert_eq!(lifetime.unit, "s");
    let Some(Data::Histogram(histogram)) = &lifetime.data else {
        panic!("{lifetime:?}");
    };
    let point = &histogram.data_points[0];
    assert_eq!(point.count, 5);
    assert_eq!(point.bucket_counts.len(), point.explicit_bounds.len() + 1);
    assert_eq!(point.bucket_counts.iter().sum::<u64>(), 5);
    // Each lived for 2 ms.
    assert_eq!(point.bucket_counts[1], 5, "{point:?}");
    let names: Vec<_> = metrics.iter().map(|metric| &*metric.name).collect();
    for metric in [
        "zkchurn.connect",
        "zkchurn.connections_open",
        "zkchurn.records_lost",
        "zkchurn.trace_start_timestamp",
    ] {
        assert!(names.contains(&metric), "{names:?}");
    }
    // Translated as by Prometheus: dots, the unit, `_total` of a sum.
    let example = include_str!("../../../contrib/prometheus/example.prom");
    for metric in &metrics {
        let mut name = metric.name.replace('.', "_");
        if metric.unit == "s" {
            name.push_str("_seconds");
        }
        if matches!(&metric.data, Some(Data::Sum(_))) {
            name.push_str("_total");
        }
        assert!(example.contains(&format!("# TYPE {name} ")), "{name}");
    }
}
