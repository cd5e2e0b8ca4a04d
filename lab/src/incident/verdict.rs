// SPDX-License-Identifier: MIT
//! zkchurn's report against what the client says about itself.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::time::Duration;

use anyhow::{Result, bail};

use serde_json::Value;

use crate::recorded::{Connection, Recorded};

/// What was seen without zkchurn.
pub(super) struct Observed {
    /// The client's JVM.
    pub pid: u32,
    /// The thread that connects.
    pub thread: i64,
    /// The server's port.
    pub port: u16,
    /// The client's port of each attempt, from its log.
    pub ports: Vec<u16>,
}

/// Measured on 119 connections: 0.28 to 8.9 ms, median 1.6 ms.
const MEDIAN: RangeInclusive<Duration> = Duration::from_micros(200)..=Duration::from_millis(10);

/// Prints what holds and what does not, and fails where anything does not.
/// `log` is the client's.
pub(super) fn print_and_check(observed: &Observed, log: &str, trace: &Recorded) -> Result<()> {
    println!("\nincident: the report against the client's own log and thread dump");
    let mut failed = 0;
    let inside = inside(observed, log, trace);
    for (holds, what) in findings(observed, trace).into_iter().chain(inside) {
        println!("  {}  {what}", if holds { "ok  " } else { "FAIL" });
        failed += usize::from(!holds);
    }
    if failed > 0 {
        bail!("{failed} findings of the incident's trace do not hold");
    }
    println!("\nincident: named, and every connection accounted for");
    Ok(())
}

fn findings(observed: &Observed, trace: &Recorded) -> Vec<(bool, String)> {
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

/// The last frame of the thread that connects, in ZooKeeper's own class.
const RUN: &str = "org.apache.zookeeper.ClientCnxn$SendThread.run(";
/// What the client's log repeats.
const CAUSE: &str = "java.lang.NoClassDefFoundError: org/apache/zookeeper/proto/SetWatches";

/// What zkchurn found out beyond the sockets: the Java thread, the line of the
/// log, the owner of what is left in TIME_WAIT.
fn inside(observed: &Observed, log: &str, trace: &Recorded) -> Vec<(bool, String)> {
    let name = format!("main-SendThread(127.0.0.1:{})", observed.port);
    let suspect = &trace.report["suspects"][0];
    let thread = &suspect["jvm"]["threads"][0];
    let stack = thread["stack"].as_array().map_or(&[][..], Vec::as_slice);
    let runs = |frame: &Value| frame.as_str().is_some_and(|frame| frame.contains(RUN));
    let cause = &suspect["logs"]["findings"][0];
    let line = cause["line"].as_u64().unwrap_or_default();
    let quoted = cause["last"].as_str().unwrap_or_default();
    let owned = &trace.report["time_wait"]["groups"][0];
    let count = owned["count"].as_u64().unwrap_or_default();
    vec![
        (
            thread["name"] == name.as_str() && thread["tid"] == observed.thread,
            format!("Java thread {} is \"{name}\"", observed.thread),
        ),
        (stack.iter().any(runs), format!("with {RUN}…) in its stack")),
        (
            quoted == CAUSE && line_of(log, line) == Some(CAUSE),
            format!("line {line} of its log is quoted: {quoted}"),
        ),
        (
            [&name, CAUSE]
                .iter()
                .all(|what| trace.answer.contains(*what)),
            "the answer tells the Java thread and the line".to_owned(),
        ),
        (
            // A stray reset on loopback may end one early (RFC 1337).
            owned["owner"]["tid"] == observed.thread
                && (1..=observed.ports.len() as u64).contains(&count),
            format!("{count} sockets in TIME_WAIT are its own"),
        ),
    ]
}

/// A line by its number, which begins with 1.
fn line_of(text: &str, number: u64) -> Option<&str> {
    let index = usize::try_from(number.checked_sub(1)?).ok()?;
    text.lines().nth(index).map(str::trim)
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
    use serde_json::json;

    use super::*;

    fn observed() -> Observed {
        Observed {
            pid: 42,
            thread: 43,
            port: 2181,
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
            ..Connection::default()
        }
    }

    const LOG: &str =
        "INFO\njava.lang.NoClassDefFoundError: org/apache/zookeeper/proto/SetWatches\n";

    fn trace() -> Recorded {
        let name = "main-SendThread(127.0.0.1:2181)";
        Recorded {
            connections: vec![connection(4000), connection(4001)],
            answer: format!(
                "pid 42 java thread 43 opened 2 connections. In the JVM it is {name}. {CAUSE}"
            ),
            report: json!({
                "suspects": [{
                    "jvm": {"threads": [{"tid": 43, "name": name, "stack": [format!("{RUN}1)")]}]},
                    "logs": {"findings": [{"line": 2, "last": CAUSE}]},
                }],
                "time_wait": {"groups": [{"owner": {"tid": 43}, "count": 2}]},
            }),
            ..Recorded::default()
        }
    }

    fn fails(change: impl FnOnce(&mut Recorded)) -> bool {
        let mut trace = trace();
        change(&mut trace);
        print_and_check(&observed(), LOG, &trace).is_err()
    }

    #[test]
    fn the_incident_as_it_is_passes() {
        print_and_check(&observed(), LOG, &trace()).expect("all findings hold");
    }

    #[test]
    fn each_deviation_inside_the_process_fails() {
        for (place, other) in [
            ("/suspects/0/jvm/threads/0/tid", json!(44)),
            ("/suspects/0/jvm/threads/0/name", json!("main-SendThread")),
            ("/suspects/0/jvm/threads/0/stack", json!([])),
            ("/suspects/0/logs/findings/0/line", json!(1)),
            ("/suspects/0/logs/findings/0/line", json!(null)),
            ("/suspects/0/logs/findings/0/last", json!("INFO")),
            ("/time_wait/groups/0/owner/tid", json!(null)),
            ("/time_wait/groups/0/count", json!(3)),
        ] {
            let change = |trace: &mut Recorded| {
                *trace.report.pointer_mut(place).expect("a place") = other;
            };
            assert!(fails(change), "{place}");
        }
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
        assert!(fails(
            |trace| trace.answer = trace.answer.replace("42", "420")
        ));
        assert!(fails(
            |trace| trace.answer = trace.answer.replace("main-", "")
        ));
        assert!(fails(|trace| trace.lost = 1));
    }
}
