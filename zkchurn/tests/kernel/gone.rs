// SPDX-License-Identifier: MIT
//! Clients that are gone before anybody can look at them.

use std::{
    fs,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use serde_json::json;
use zkchurn_core::process::TICK_NS;

use crate::{
    in_time::ChildInTime,
    namespace::in_namespace,
    peer::{drain, listen},
    tracer::{Tracer, unused_port},
};

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn a_short_lived_client_is_named_from_what_was_captured_at_connect() {
    const CLIENTS: usize = 20;
    let (trace, pids) = in_namespace(|| {
        let port = unused_port();
        let accepting = drain(listen(port), CLIENTS);
        let tracer = Tracer::start(&["--port", &port.to_string()]);
        let script = format!("exec 3<>/dev/tcp/127.0.0.1/{port}");
        let mut pids = Vec::new();
        for _ in 0..CLIENTS {
            let mut client = Command::new("bash").args(["-c", &script]).spawn().unwrap();
            pids.push(client.id());
            assert!(client.wait_in_time().unwrap().success());
        }
        accepting.join().unwrap();
        (tracer.finish(), pids)
    });
    trace.assert_nothing_lost();
    let named: Vec<_> = trace
        .connections
        .iter()
        .map(|connection| {
            assert_eq!(connection["process"]["name"], "bash");
            assert_eq!(connection["thread"]["comm"], "bash");
            connection["process"]["pid"].as_u64().unwrap() as u32
        })
        .collect();
    // Lines come in the order of the ends, and those wait for the server.
    let in_order = |mut pids: Vec<u32>| {
        pids.sort_unstable();
        pids
    };
    assert_eq!(in_order(named), in_order(pids.clone()));
    assert_eq!(trace.report["time_wait"]["total"], CLIENTS);
    let owners = &trace.report["time_wait"]["owners"];
    assert_eq!(owners.as_array().unwrap().len(), 1, "{owners:#}");
    assert_eq!(owners[0]["count"], CLIENTS);
    let expected = json!({
        "known": "traced_processes", "process": "bash", "processes": CLIENTS,
        "such_as": pids.iter().min(),
    });
    assert_eq!(owners[0]["owner"], expected);
}

/// Starts a process with this pid, or with one far from those that other tests
/// have now, so that none of theirs is given twice.
fn spawn_with_pid(command: &mut Command, pid: Option<u32>) -> Child {
    const LAST_PID: &str = "/proc/sys/kernel/ns_last_pid";
    let number = |path| {
        fs::read_to_string(path)
            .unwrap()
            .trim()
            .parse::<u32>()
            .unwrap()
    };
    let wanted = pid.unwrap_or(number("/proc/sys/kernel/pid_max") - 500);
    for _ in 0..1000 {
        let last = number(LAST_PID);
        fs::write(LAST_PID, (wanted - 1).to_string()).unwrap();
        let mut child = command.spawn().unwrap();
        fs::write(LAST_PID, last.to_string()).unwrap();
        if pid.is_none_or(|pid| child.id() == pid) {
            return child;
        }
        child.kill().unwrap();
        child.wait_in_time().unwrap();
    }
    panic!("other processes took pid {wanted} each time");
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn a_reused_pid_inherits_nothing() {
    let (trace, pid) = in_namespace(|| {
        let port = unused_port();
        let accepting = drain(listen(port), 3 + 4);
        let tracer = Tracer::start(&["--port", &port.to_string()]);
        let client = |name: &str, count: u32| {
            let script = format!(
                "printf {name} >/proc/$$/comm; for i in $(eval echo {{1..{count}}}); do \
                 exec 3<>/dev/tcp/127.0.0.1/{port}; exec 3>&-; done"
            );
            let mut command = Command::new("bash");
            command.args(["-c", &format!("read; {script}")]);
            command.stdin(Stdio::piped());
            command
        };
        let go = |mut child: Child| {
            drop(child.stdin.take());
            assert!(child.wait_in_time().unwrap().success());
        };
        let first = spawn_with_pid(&mut client("first", 3), None);
        let pid = first.id();
        go(first);
        // `/proc` counts starts in clock ticks: within one, the two would be the
        // same to it. Only a test gives a pid anew so soon.
        thread::sleep(Duration::from_nanos(2 * TICK_NS));
        go(spawn_with_pid(&mut client("second", 4), Some(pid)));
        accepting.join().unwrap();
        (tracer.finish(), pid)
    });
    let flows = trace.report["flows"].as_array().unwrap();
    let seen: Vec<_> = flows
        .iter()
        .map(|flow| {
            let process = &flow["process"];
            (
                &process["pid"],
                &flow["opened"],
                &flow["threads"][0]["comm"],
            )
        })
        .collect();
    let (pid, four, three) = (json!(pid), json!(4), json!(3));
    let (first, second) = (json!("first"), json!("second"));
    assert_eq!(seen, [(&pid, &four, &second), (&pid, &three, &first)]);
    let starts = [0, 1].map(|index| &flows[index]["process"]["start_ns"]);
    assert_ne!(starts[0], starts[1]);
    let owners = trace.report["time_wait"]["owners"].as_array().unwrap();
    let counts: Vec<_> = owners.iter().map(|owner| &owner["count"]).collect();
    assert_eq!(counts, [&four, &three], "{owners:#?}");
}

/// The kernel program goes by the pid.
#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn a_selected_pid_that_another_process_got_is_told_of() {
    let (trace, pid) = in_namespace(|| {
        let port = unused_port();
        let accepting = drain(listen(port), 2);
        let client = || {
            let script = format!("read; exec 3<>/dev/tcp/127.0.0.1/{port}; exec 3>&-");
            let mut command = Command::new("bash");
            command.args(["-c", &script]).stdin(Stdio::piped());
            command
        };
        let go = |mut child: Child| {
            drop(child.stdin.take());
            assert!(child.wait_in_time().unwrap().success());
        };
        let first = spawn_with_pid(&mut client(), None);
        let pid = first.id();
        let tracer = Tracer::start(&["--port", &port.to_string(), "--pid", &pid.to_string()]);
        go(first);
        thread::sleep(Duration::from_nanos(2 * TICK_NS));
        go(spawn_with_pid(&mut client(), Some(pid)));
        accepting.join().unwrap();
        (tracer.finish(), pid)
    });
    assert_eq!(trace.report["flows"].as_array().unwrap().len(), 2);
    let degraded = trace.report["degraded"].to_string();
    let sentence = format!("pid {pid} went to another process during the trace");
    assert!(degraded.contains(&sentence), "{degraded}");
}
