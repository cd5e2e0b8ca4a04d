// SPDX-License-Identifier: MIT
//! What zkchurn says meanwhile, counted line by line: there are far too many to
//! keep.

use std::io::{BufRead as _, BufReader};
use std::process::ChildStdout;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};

use anyhow::{Context, Result};
use serde_json::Value;

/// The reader of zkchurn's JSON.
pub(super) struct Said {
    counts: Arc<Counts>,
    reader: JoinHandle<Result<Option<Value>>>,
}

#[derive(Default)]
struct Counts {
    connections: AtomicU64,
    lost: AtomicU64,
    skipped: AtomicU64,
}

/// What zkchurn said in the end.
pub(super) struct Report {
    /// Lines of single connections.
    pub connections: u64,
    /// Connections that the report counts.
    pub ended: u64,
    /// The sum of all losses of connections.
    pub lost: u64,
    /// Runs of the program that the kernel skipped: as many may be among the lost, or missing.
    pub skipped: u64,
}

impl Said {
    /// Begins to read.
    pub(super) fn read(stdout: ChildStdout) -> Self {
        let counts = Arc::new(Counts::default());
        let of_reader = Arc::clone(&counts);
        let reader = thread::spawn(move || read(stdout, &of_reader));
        Self { counts, reader }
    }

    /// Connections so far.
    pub(super) fn connections(&self) -> u64 {
        self.counts.connections.load(Ordering::Relaxed)
    }

    /// Losses so far.
    pub(super) fn lost(&self) -> u64 {
        self.counts.lost.load(Ordering::Relaxed)
    }

    /// Runs of the program that the kernel skipped so far.
    pub(super) fn skipped(&self) -> u64 {
        self.counts.skipped.load(Ordering::Relaxed)
    }

    /// The report, once zkchurn has ended.
    pub(super) fn report(self) -> Result<Report> {
        let report = self.reader.join().ok().context("reading failed")??;
        let report = report.context("zkchurn wrote no report")?;
        Ok(Report {
            connections: self.counts.connections.load(Ordering::Relaxed),
            ended: report["total"]["ended"].as_u64().context("no total")?,
            lost: lost(&report["loss"]),
            skipped: skipped(&report["loss"]),
        })
    }
}

fn read(stdout: ChildStdout, counts: &Counts) -> Result<Option<Value>> {
    let mut report = None;
    for line in BufReader::new(stdout).lines() {
        let line = line?;
        if line.starts_with(r#"{"type":"connection""#) {
            counts.connections.fetch_add(1, Ordering::Relaxed);
            continue;
        }
        let value: Value = serde_json::from_str(&line).context("a line is not JSON")?;
        match value["type"].as_str() {
            Some("interval") => {
                let loss = &value["loss"];
                counts.lost.store(lost(loss), Ordering::Relaxed);
                counts.skipped.store(skipped(loss), Ordering::Relaxed);
            }
            Some("report") => report = Some(value),
            _ => {}
        }
    }
    Ok(report)
}

/// Of no connection that was made: a skipped run of the program is a missed change of state; one
/// that was found closed has a record without its end; an unmatched close may be of a socket of
/// somebody else, on this host or in any of its network namespaces, that is older than the trace.
/// That each connection made is recorded is checked one by one.
const NO_RECORDS: [&str; 3] = ["recursion_misses", "found_closed", "unmatched_closes"];

fn lost(loss: &Value) -> u64 {
    let counters = loss.as_object().into_iter().flatten();
    counters
        .filter(|(name, _)| !NO_RECORDS.contains(&name.as_str()))
        .filter_map(|(_, count)| count.as_u64())
        .sum()
}

fn skipped(loss: &Value) -> u64 {
    loss["recursion_misses"].as_u64().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_lost_is_of_connections_that_were_made() {
        let loss = serde_json::json!({
            "ended_records_dropped": 2, "table_full": 3, "recursion_misses": 70,
            "found_closed": 9, "unmatched_closes": 500, "handshake_records_dropped": null,
        });
        assert_eq!((lost(&loss), skipped(&loss)), (5, 70));
    }
}
