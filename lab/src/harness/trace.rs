// SPDX-License-Identifier: MIT
//! What zkchurn said in JSON, read as any other program would.

use anyhow::{Context, Result};
use serde_json::Value;

/// A trace from its start to its report.
#[derive(Debug)]
pub struct Trace {
    /// The lines of type `connection`.
    pub connections: Vec<Value>,
    /// Those of type `other_end`.
    pub other_ends: Vec<Value>,
    /// The line of type `report`, or the last one of type `timewait`.
    pub report: Value,
}

impl Trace {
    /// Reads newline-delimited JSON.
    pub fn parse(lines: &str) -> Result<Self> {
        let mut connections = Vec::new();
        let mut other_ends = Vec::new();
        let mut report = None;
        for line in lines.lines() {
            let value: Value =
                serde_json::from_str(line).with_context(|| format!("not JSON: {line}"))?;
            match value["type"].as_str() {
                Some("connection") => connections.push(value),
                Some("other_end") => other_ends.push(value),
                Some("report" | "timewait") => report = Some(value),
                _ => {}
            }
        }
        let report = report.context("zkchurn wrote no report")?;
        Ok(Self {
            connections,
            other_ends,
            report,
        })
    }

    /// The only connection. Panics where there is another or none.
    pub fn only(&self) -> &Value {
        assert_eq!(self.connections.len(), 1, "{:#?}", self.connections);
        &self.connections[0]
    }

    /// A counter of what could not be recorded. Panics where there is none of
    /// that name.
    pub fn loss(&self, name: &str) -> u64 {
        let count = self.report["loss"][name].as_u64();
        count.unwrap_or_else(|| panic!("no {name} in {}", self.report["loss"]))
    }

    /// Asserts that no connection was lost. Recursion misses are not asserted:
    /// the kernel may skip the program on any busy CPU, and what a test asks of
    /// its connections tells whether that hid anything.
    pub fn assert_nothing_lost(&self) {
        for counter in [
            "ended_records_dropped",
            "established_records_dropped",
            "table_full",
            "unmatched_closes",
            "undecodable_records",
        ] {
            assert_eq!(self.loss(counter), 0, "{counter}: {}", self.report["loss"]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_and_the_report_are_taken_and_the_rest_is_left() {
        let lines = "{\"type\":\"start\"}\n{\"type\":\"connection\",\"side\":\"client\"}\n\
            {\"type\":\"other_end\",\"side\":\"server\"}\n\
            {\"type\":\"report\",\"loss\":{\"table_full\":2}}\n";
        let trace = Trace::parse(lines).expect("a whole trace");
        assert_eq!(trace.only()["side"], "client");
        assert_eq!(trace.other_ends[0]["side"], "server");
        assert_eq!(trace.loss("table_full"), 2);
    }

    #[test]
    fn a_trace_without_report_is_refused() {
        assert!(Trace::parse("{\"type\":\"start\"}").is_err());
        assert!(Trace::parse("no JSON").is_err());
    }
}
