// SPDX-License-Identifier: MIT
//! What zkchurn still holds while it traces, in each of its threads.

use std::{process::Command, time::Duration};

use zkchurn_lab::harness::proc;

use super::user::Place;
use crate::tracer::{Tracer, unused_port, wait_for};

const DAC_OVERRIDE: u64 = 1 << 1;
const DAC_READ_SEARCH: u64 = 1 << 2;
const SETGID: u64 = 1 << 6;
const SETUID: u64 = 1 << 7;
const SYS_PTRACE: u64 = 1 << 19;
const SYS_ADMIN: u64 = 1 << 21;

/// What one thread holds (`/proc/PID/task/TID/status`, proc(5)).
#[derive(Debug, PartialEq, Eq)]
struct Held {
    permitted: u64,
    effective: u64,
    inheritable: u64,
    ambient: u64,
    no_new_privs: u64,
}

impl Held {
    fn of(pid: u32, tid: u32) -> Self {
        let status = proc::thread_status(pid, tid).unwrap();
        let mask = |name| status.mask(name).unwrap();
        Self {
            permitted: mask("CapPrm"),
            effective: mask("CapEff"),
            inheritable: mask("CapInh"),
            ambient: mask("CapAmb"),
            no_new_privs: mask("NoNewPrivs"),
        }
    }
}

/// Asserts what every thread of a trace holds.
fn assert_held_by(tracer: &Tracer, permitted: u64, effective: u64) {
    let pid = tracer.pid();
    let threads = || proc::threads(pid).unwrap();
    // The last of them begins after it said that it traces; those that list
    // sockets when a trace begins end at about that time.
    wait_for(Duration::from_secs(5), "only main and inspector", || {
        let threads = threads();
        let inspects = |tid: &u32| proc::comm(pid, *tid).is_ok_and(|name| name == "inspector");
        threads.len() == 2 && threads.iter().any(inspects)
    });
    for tid in threads() {
        let expected = Held {
            permitted,
            effective,
            inheritable: 0,
            ambient: 0,
            no_new_privs: 1,
        };
        assert_eq!(Held::of(pid, tid), expected);
    }
}

/// The same for a trace that root starts with these arguments.
fn assert_held(arguments: &[&str], permitted: u64, effective: u64) {
    let port = unused_port().to_string();
    let tracer = Tracer::start(&[&["--port", &port], arguments].concat());
    assert_held_by(&tracer, permitted, effective);
    tracer.finish();
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn root_keeps_what_reading_other_processes_takes() {
    let reading = SYS_PTRACE | DAC_READ_SEARCH;
    let permitted = reading | SYS_ADMIN;
    assert_held(&[], permitted, reading);
    assert_held(&["--handshake", "--logs"], permitted, reading);
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn what_an_option_adds_is_not_in_effect_until_it_is_used() {
    let reading = SYS_PTRACE | DAC_READ_SEARCH;
    let permitted = reading | SYS_ADMIN;
    let with_dump = permitted | SETUID | SETGID;
    assert_held(&["--jvm", "dump"], with_dump, reading);
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("x.zkchurn");
    let record = ["--record", file.to_str().unwrap()];
    assert_held(&record, permitted | DAC_OVERRIDE, reading);
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn a_user_who_was_granted_two_capabilities_holds_none_while_tracing() {
    let place = Place::new();
    let start = |command: Command| {
        let object = place.object.clone();
        Tracer::start_with(command, &["--port", &unused_port().to_string()], object)
    };
    assert_held_by(&start(place.as_user_with(&["bpf", "perfmon"])), 0, 0);
    place.set_file_capabilities("cap_bpf,cap_perfmon+ep");
    assert_held_by(&start(place.as_user()), 0, 0);
}
