// SPDX-License-Identifier: MIT
//! A trace as requests to a collector: events gathered for a moment, and the counts at each
//! interval.

use std::io;

use jiff::Timestamp;
use prost::Message;

use super::{
    attributes::Attributes,
    changes::Changes,
    connection, finding,
    measured::{self, Window},
    message::{
        LogRecord, LogsRequest, MetricsRequest, Resource, ResourceLogs, ResourceMetrics, Scope,
        ScopeLogs, ScopeMetrics,
    },
    unix_ns,
};
use crate::{
    diagnose::Finding,
    frame::TraceStart,
    metrics::Metrics,
    outcome::Outcome,
    render::{ConnectionLine, Renderer},
    report::{IntervalSummary, Report},
};

/// Records in one request at most: half a megabyte, as most have a kilobyte.
const MOST_RECORDS: usize = 512;
/// Bytes of records in one request at most, if they are long; one more may come on top.
const MOST_BYTES: usize = 512 * 1024;

/// What a request is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Signal {
    /// Its body is an `ExportLogsServiceRequest`.
    Logs,
    /// Its body is an `ExportMetricsServiceRequest`, and has all counts: the next one has
    /// them too.
    Metrics,
}

/// Where requests go.
pub trait Export {
    /// Takes a request with so many records, or drops it and counts that. It waits for nobody.
    fn export(&mut self, signal: Signal, records: u64, request: Vec<u8>);
    /// Whether records have waited here long enough.
    fn is_due(&self) -> bool;
}

/// Makes requests of a trace as it goes on.
pub struct Exporting<E> {
    to: E,
    resource: Resource,
    scope: Scope,
    records: Vec<LogRecord>,
    /// Bytes of them.
    bytes: usize,
    changes: Changes,
    metrics: Metrics,
    /// When counting began, once it has.
    counts_since: Option<u64>,
    /// When somebody looked last.
    looked: Timestamp,
}

impl<E: Export> Exporting<E> {
    /// Nothing has happened yet.
    pub fn new(to: E) -> Self {
        Self {
            to,
            resource: Resource::default(),
            scope: Scope::default(),
            records: Vec::new(),
            bytes: 0,
            changes: Changes::default(),
            metrics: Metrics::default(),
            counts_since: None,
            looked: Timestamp::UNIX_EPOCH,
        }
    }

    fn add(&mut self, record: LogRecord) {
        self.bytes += record.encoded_len();
        self.records.push(record);
        if self.records.len() >= MOST_RECORDS || self.bytes >= MOST_BYTES {
            self.send_records();
        }
    }

    fn send_records(&mut self) {
        if self.records.is_empty() {
            return;
        }
        let log_records = std::mem::take(&mut self.records);
        self.bytes = 0;
        let count = log_records.len() as u64;
        let request = LogsRequest {
            resource_logs: vec![ResourceLogs {
                resource: Some(self.resource.clone()),
                scope_logs: vec![ScopeLogs {
                    scope: Some(self.scope.clone()),
                    log_records,
                }],
            }],
        };
        self.to.export(Signal::Logs, count, request.encode_to_vec());
    }

    fn send_metrics(&mut self) {
        let window = Window {
            started: self.counts_since.unwrap_or(0),
            now: unix_ns(self.looked),
        };
        let metrics = measured::metrics(&self.metrics.families(), window);
        let count = metrics.len() as u64;
        let request = MetricsRequest {
            resource_metrics: vec![ResourceMetrics {
                resource: Some(self.resource.clone()),
                scope_metrics: vec![ScopeMetrics {
                    scope: Some(self.scope.clone()),
                    metrics,
                }],
            }],
        };
        self.to
            .export(Signal::Metrics, count, request.encode_to_vec());
    }
}

impl<E: Export> Renderer for Exporting<E> {
    fn start(&mut self, start: &TraceStart) -> io::Result<()> {
        // What came before was of another start.
        self.send_records();
        self.resource = resource(start);
        self.scope = Scope {
            name: "zkchurn".to_owned(),
            version: start.zkchurn.clone(),
        };
        let now = start.clock.timestamp(start.clock.monotonic_ns);
        self.looked = now;
        self.counts_since.get_or_insert(unix_ns(now));
        self.metrics.start(start);
        Ok(())
    }

    fn connection(&mut self, line: &ConnectionLine<'_>) -> io::Result<()> {
        // One that is open at the end has not ended.
        if line.outcome != Outcome::StillOpen {
            self.metrics.ends(line);
            self.add(connection::record(line));
        }
        Ok(())
    }

    fn found(&mut self, findings: &[Finding], at: Timestamp) -> io::Result<()> {
        self.looked = at;
        self.metrics.found(findings);
        for news in self.changes.look(findings, at) {
            self.add(finding::record(&news, at));
        }
        Ok(())
    }

    fn interval(&mut self, summary: &IntervalSummary) -> io::Result<()> {
        self.metrics.interval(summary);
        self.send_records();
        self.send_metrics();
        Ok(())
    }

    fn report(&mut self, report: &Report) -> io::Result<()> {
        for news in self.changes.end() {
            self.add(finding::record(&news, self.looked));
        }
        self.metrics.report(report);
        self.send_records();
        self.send_metrics();
        Ok(())
    }

    fn time_wait(&mut self, _report: &Report) -> io::Result<()> {
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.to.is_due() {
            self.send_records();
        }
        Ok(())
    }
}

/// What all of it is about. The instance is the host, so that what Prometheus makes of it goes on
/// after a restart; two traces of one host at once are told apart by their run.
fn resource(start: &TraceStart) -> Resource {
    let mut attributes = Attributes::default();
    attributes.text("service.name", "zkchurn");
    attributes.text("service.version", &*start.zkchurn);
    attributes.text("service.instance.id", &*start.host);
    attributes.text("host.name", &*start.host);
    attributes.text("os.type", "linux");
    attributes.text("zkchurn.boot_id", start.boot_id.as_deref());
    attributes.text("zkchurn.run_id", start.run_id.as_deref());
    Resource {
        attributes: attributes.all(),
    }
}
