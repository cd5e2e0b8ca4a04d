// SPDX-License-Identifier: MIT
//! Inside of a container with nothing but the needed capabilities.

use std::process::{Command, Stdio};

use zkchurn_lab::harness::proc;

use super::run::{PATIENCE, replay};
use crate::{
    in_time::CommandInTime,
    namespace::in_namespace,
    peer::{connect, drain, listen, v4},
    tracer::{Tracer, unused_port, wait_for},
};

/// zkchurn as root with two capabilities, in namespaces of its own for mounts,
/// host name, messages and, where asked for, pids.
fn in_container(own_pids: bool) -> Command {
    let mut command = Command::new("unshare");
    command.args(["--mount", "--uts", "--ipc"]);
    if own_pids {
        command.args(["--pid", "--fork", "--kill-child", "--mount-proc"]);
    }
    command.args(["setpriv", "--bounding-set", "-all,+bpf,+perfmon"]);
    command.arg(env!("CARGO_BIN_EXE_zkchurn"));
    command
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn with_pids_of_its_own_it_says_that_processes_cannot_be_looked_up() {
    let trace = in_namespace(|| {
        let port = unused_port();
        let accepting = drain(listen(port), 3);
        // A signal would reach `unshare` only.
        let arguments = ["--port", &port.to_string(), "--duration", "2s"];
        let tracer = Tracer::start_command(in_container(true), &arguments);
        (0..3).for_each(|_| drop(connect(v4(port))));
        accepting.join().unwrap();
        tracer.wait()
    });
    trace.assert_nothing_lost();
    assert_eq!(trace.connections.len(), 3);
    let process = &trace.report["flows"][0]["process"];
    // The id on the host, and no other process's details.
    assert_eq!(process["pid"], std::process::id());
    assert!(process["executable"].is_null(), "{process}");
    let degraded = trace.report["degraded"].to_string();
    assert!(degraded.contains("its own pid namespace"), "{degraded}");
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn with_the_hosts_pids_it_is_as_on_the_host() {
    let trace = in_namespace(|| {
        let port = unused_port();
        let accepting = drain(listen(port), 3);
        let arguments = ["--port", &port.to_string()];
        let tracer = Tracer::start_command(in_container(false), &arguments);
        (0..3).for_each(|_| drop(connect(v4(port))));
        accepting.join().unwrap();
        tracer.finish()
    });
    trace.assert_nothing_lost();
    assert_eq!(trace.connections.len(), 3);
    let command = &trace.report["flows"][0]["process"]["command"];
    assert!(!command.as_array().unwrap().is_empty());
    let degraded = trace.report["degraded"].to_string();
    assert!(!degraded.contains("pid namespace"), "{degraded}");
}

/// The group of whoever starts it is outside of the namespace, and has no number there. The first
/// process waits for no child: what outlives zkchurn is a zombie of it from then on.
#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn it_writes_all_and_leaves_no_helper_behind_where_the_first_process_waits_for_nobody() {
    let directory = tempfile::tempdir().unwrap();
    let (recording, report) = (directory.path().join("r"), directory.path().join("r.html"));
    let mut container = Command::new("unshare")
        .args(["--pid", "--fork", "--kill-child", "--mount-proc"])
        .args(["sh", "-c", "\"$@\" & exec sleep 60", "sh"])
        .arg(env!("CARGO_BIN_EXE_zkchurn"))
        .args(["--port", &unused_port().to_string(), "--duration", "300ms"])
        .args(["--record".as_ref(), recording.as_os_str()])
        .args(["--report".as_ref(), report.as_os_str()])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    wait_for(PATIENCE, "the end of zkchurn", || {
        of_the_first_process(container.id()).any(|pid| is_zombie(pid) && name(pid) == "zkchurn")
    });
    let left: Vec<_> = of_the_first_process(container.id()).map(name).collect();
    container.kill().unwrap();
    container.wait().unwrap();
    assert_eq!(left, ["zkchurn"]);
    assert!(replay(&recording).status.success() && report.exists());
}

/// The children of `unshare`'s child.
fn of_the_first_process(unshare: u32) -> impl Iterator<Item = u32> {
    let children = |pid| proc::children(pid).unwrap_or_default().into_iter();
    children(unshare).flat_map(children)
}

fn is_zombie(pid: u32) -> bool {
    let status = proc::status(pid).ok();
    status.is_some_and(|status| {
        let state = status.text("State");
        state.is_some_and(|state| state.starts_with('Z'))
    })
}

fn name(pid: u32) -> String {
    proc::comm(pid, pid).unwrap_or_default()
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn with_clocks_of_its_own_it_is_refused() {
    let mut command = Command::new("unshare");
    command.args([
        "--time",
        "--monotonic",
        "1000000",
        "--boottime",
        "1000000",
        "--fork",
    ]);
    command.args([env!("CARGO_BIN_EXE_zkchurn"), "--duration", "1s"]);
    let output = command.output_in_time().unwrap();
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(4), "{message}");
    assert!(
        message.contains("nsenter --time=/proc/1/ns/time"),
        "{message}"
    );
}

/// What is held in a user namespace counts there only, whatever maps of ids it has.
#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn where_root_is_not_the_hosts_it_says_so_and_blames_nothing_else() {
    for (arguments, blamed) in [
        (&["--duration", "1s"][..], "seccomp"),
        (&["doctor"], "a seccomp filter forbids"),
    ] {
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", env!("CARGO_BIN_EXE_zkchurn")]);
        let output = command.args(arguments).output_in_time().unwrap();
        let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert_eq!(output.status.code(), Some(3), "{said}");
        assert!(said.contains("this is a user namespace"), "{said}");
        assert!(!said.contains(blamed), "{said}");
        assert!(!said.contains("\nheld "), "{said}");
    }
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn a_pid_of_the_container_is_refused_as_a_filter() {
    let output = in_container(true)
        .args(["--pid", "1"])
        .output_in_time()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(message.contains("--pid=host"), "{message}");
}
