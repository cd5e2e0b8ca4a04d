// SPDX-License-Identifier: MIT
//! zkchurn's report against what the client says about itself.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::time::Duration;

use anyhow::{Result, bail};

use crate::trace::{Connection, Trace};

/// What was seen without zkchurn.
pub struct Observed {
    /// The client's JVM.
    pub pid: u32,
    /// The thread that connects.
    pub thread: i64,
    /// The client's port of each attempt, from its log.
    pub ports: Vec<u16>,
}

/// Measured on 119 connections: 0.28 to 8.9 ms, median 1.6 ms.
const MEDIAN: RangeInclusive<Duration> = Duration::from_micros(200)..=Duration::from_millis(10);

/// Prints what holds and what does not, and fails where anything does not.
pub fn print_and_check(observed: &Observed, trace: &Trace) -> Result<()> {
    println!("\nincident: the report against the client's own log and thread dump");
    let mut failed = 0;
    for (holds, what) in findings(observed, trace) {
        println!("  {}  {what}", if holds { "ok  " } else { "FAIL" });
        failed += usize::from(!holds);
    }
    if failed > 0 {
        bail!("{failed} findings of the incident's trace do not hold");
    }
    println!("\nincident: named, and every connection accounted for");
    Ok(())
}

fn findings(observed: &Observed, trace: &Trace) -> Vec<(bool, String)> {
    let all = &trace.connections;
    let every = |test: &dyn Fn(&Connection) -> bool| !all.is_empty() && all.iter().all(test);
    let pid = i64::from(observed.pid);
    let tid = observed.thread;
    let logged: BTreeSet<_> = observed.ports.iter().copied().collect();
    let recorded: BTreeSet<_> = all.iter().filter_map(|one| one.local_port).collect();
    let median = median(all);
    vec![
        (
            all.len() == observed.ports.len(),
            format!(
                "{} connections recorded, {} attempts logged",
                all.len(),
                observed.ports.len()
            ),
        ),
        (
            recorded == logged,
            "from the very ports that the log names".to_owned(),
        ),
        (
            every(&|one| one.pid == Some(pid)),
            format!("opened by process {pid}, the client's JVM"),
        ),
        (
            every(&|one| one.tid == Some(tid)),
            format!("by thread {tid}, its SendThread by name and by jstack"),
        ),
        (
            every(&|one| one.closer_tid == Some(tid) && one.first_close.as_deref() == Some("us")),
            "closed first by this thread itself".to_owned(),
        ),
        (
            every(&|one| one.payload_out == Some(0)),
            "with 0 bytes sent".to_owned(),
        ),
        (
            median.is_some_and(|median| MEDIAN.contains(&median)),
            format!(
                "established for {:?} (median), expected within {MEDIAN:?}",
                median.unwrap_or_default()
            ),
        ),
        (
            names(&trace.answer, pid) && names(&trace.answer, tid),
            "the report's answer names this process and this thread".to_owned(),
        ),
        (trace.lost == 0, format!("lost {}", trace.lost)),
    ]
}

fn median(connections: &[Connection]) -> Option<Duration> {
    let mut lifetimes: Vec<_> = connections
        .iter()
        .filter_map(|one| one.established_for)
        .collect();
    lifetimes.sort_unstable();
    lifetimes.get(lifetimes.len() / 2).copied()
}

/// Whether a number stands in a text as a word of its own.
fn names(text: &str, number: i64) -> bool {
    text.split(|c: char| !c.is_ascii_alphanumeric())
        .any(|word| word == number.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn observed() -> Observed {
        Observed {
            pid: 42,
            thread: 43,
            ports: vec![4000, 4001],
        }
    }

    fn connection(port: u16) -> Connection {
        Connection {
            pid: Some(42),
            tid: Some(43),
            closer_tid: Some(43),
            local_port: Some(port),
            established: true,
            established_for: Some(Duration::from_micros(1600)),
            first_close: Some("us".to_owned()),
            payload_out: Some(0),
        }
    }

    fn trace() -> Trace {
        Trace {
            connections: vec![connection(4000), connection(4001)],
            answer: "pid 42 java thread 43 \"main-SendThread\" opened 2 connections".to_owned(),
            ..Trace::default()
        }
    }

    fn fails(change: impl FnOnce(&mut Trace)) -> bool {
        let mut trace = trace();
        change(&mut trace);
        print_and_check(&observed(), &trace).is_err()
    }

    #[test]
    fn the_incident_as_it_is_passes() {
        print_and_check(&observed(), &trace()).expect("all findings hold");
    }

    #[test]
    fn each_deviation_fails() {
        assert!(fails(|trace| trace.connections.truncate(1)));
        assert!(fails(|trace| trace.connections.clear()));
        assert!(fails(|trace| trace.connections[1].local_port = Some(4002)));
        assert!(fails(|trace| trace.connections[1].pid = Some(41)));
        assert!(fails(|trace| trace.connections[1].tid = None));
        assert!(fails(|trace| trace.connections[1].closer_tid = Some(44)));
        assert!(fails(|trace| trace.connections[1].first_close = None));
        assert!(fails(|trace| trace.connections[1].payload_out = Some(49)));
        assert!(fails(|trace| {
            for one in &mut trace.connections {
                one.established_for = Some(Duration::from_secs(1));
            }
        }));
        assert!(fails(|trace| trace.answer = "pid 420 thread 43".to_owned()));
        assert!(fails(|trace| trace.lost = 1));
    }
}
