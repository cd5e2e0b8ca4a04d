// SPDX-License-Identifier: MIT
//! `/proc` mounted with `hidepid=2`: other users' processes are not there.

use std::process::Command;

use super::run::in_mount_namespace;
use crate::{
    namespace::in_namespace,
    peer::{connect, drain, listen, v4},
    privilege::user::Place,
    tracer::{Trace, Tracer, unused_port},
};

const HIDE: &str = "mount -t proc -o hidepid=2 proc /proc";

/// The same where nothing but processes is there: no /proc/net of others, no /proc/sys.
const PIDS_ONLY: &str = "mount -t proc -o hidepid=2,subset=pid proc /proc";

/// Traces three connections of this process.
fn traced(place: &Place, zkchurn: &Command, mount: &str) -> Trace {
    traced_with(place, zkchurn, mount, &[])
}

fn traced_with(place: &Place, zkchurn: &Command, mount: &str, more: &[&str]) -> Trace {
    let mut command = in_mount_namespace(mount);
    command.arg(zkchurn.get_program()).args(zkchurn.get_args());
    let object = place.object.clone();
    let more: Vec<_> = more.iter().map(|one| (*one).to_owned()).collect();
    in_namespace(move || {
        let port = unused_port();
        let accepting = drain(listen(port), 3);
        let port_text = port.to_string();
        let more = more.iter().map(String::as_str);
        let arguments: Vec<_> = ["--port", &port_text].into_iter().chain(more).collect();
        let tracer = Tracer::start_with(command, &arguments, object);
        (0..3).for_each(|_| drop(connect(v4(port))));
        accepting.join().unwrap();
        tracer.finish()
    })
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn a_user_sees_names_from_the_kernel_and_why_there_is_no_more() {
    let place = Place::new();
    let trace = traced(&place, &place.as_user_with(&["bpf", "perfmon"]), HIDE);
    trace.assert_nothing_lost();
    assert_eq!(trace.connections.len(), 3);
    let process = &trace.connections[0]["process"];
    assert_eq!(process["pid"], std::process::id());
    assert!(process["name"].is_string(), "{process}");
    let notes = &trace.report["suspects"][0]["details"]["notes"];
    assert!(notes.to_string().contains("hidepid"), "{notes}");
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn a_hidden_process_is_traced_by_its_pid() {
    let place = Place::new();
    let pid = std::process::id().to_string();
    let user = place.as_user_with(&["bpf", "perfmon"]);
    for mount in [HIDE, PIDS_ONLY] {
        let trace = traced_with(&place, &user, mount, &["--pid", &pid]);
        assert_eq!(trace.connections.len(), 3, "{mount}");
        let limitations = trace.report["degraded"].to_string();
        let told = format!("/proc hides process {pid} (mount option hidepid)");
        assert!(limitations.contains(&told), "{limitations}");
    }
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn cap_sys_ptrace_sees_through_it() {
    let place = Place::new();
    let capabilities = ["bpf", "perfmon", "sys_ptrace", "dac_read_search"];
    for mount in [HIDE, PIDS_ONLY] {
        let trace = traced(&place, &place.as_user_with(&capabilities), mount);
        let this = std::env::current_exe().unwrap();
        let process = &trace.report["flows"][0]["process"];
        assert_eq!(process["executable"], this.to_str().unwrap(), "{mount}");
    }
}
