// SPDX-License-Identifier: MIT
//! What zkchurn and its helper still hold while they trace, in each of their threads.

use std::{fs, process::Command, time::Duration};

use zkchurn_lab::harness::proc;

use super::user::Place;
use crate::{
    helper,
    tracer::{Tracer, unused_port, wait_for},
};

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
    /// `None` where the thread has ended.
    fn of(pid: u32, tid: u32) -> Option<Self> {
        let status = proc::thread_status(pid, tid).ok()?;
        let mask = |name| status.mask(name).unwrap();
        Some(Self {
            permitted: mask("CapPrm"),
            effective: mask("CapEff"),
            inheritable: mask("CapInh"),
            ambient: mask("CapAmb"),
            no_new_privs: mask("NoNewPrivs"),
        })
    }
}

/// Asserts what every thread of a process holds, once it holds that.
fn assert_held_by(pid: u32, permitted: u64, effective: u64) {
    let expected = Held {
        permitted,
        effective,
        inheritable: 0,
        ambient: 0,
        no_new_privs: 1,
    };
    // It says that it traces before the last sockets are listed, and gives the rest up
    // after that; each new thread of it does so by itself.
    wait_for(Duration::from_secs(5), "it to give the rest up", || {
        let threads = proc::threads(pid).unwrap();
        let mut held = threads.iter().filter_map(|tid| Held::of(pid, *tid));
        held.all(|held| held == expected || held.permitted == 0)
    });
    assert_eq!(Held::of(pid, pid), Some(expected));
}

/// The same for a trace that root starts with these arguments, and its helper.
fn assert_held(arguments: &[&str], by_trace: u64, by_helper: u64) {
    let port = unused_port().to_string();
    let tracer = Tracer::start(&[&["--port", &port], arguments].concat());
    assert_held_by(tracer.pid(), by_trace, 0);
    assert_held_by(
        helper::of(tracer.pid(), "zkchurn-look"),
        by_helper,
        SYS_PTRACE | DAC_READ_SEARCH,
    );
    tracer.finish();
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn root_keeps_what_reading_other_processes_takes_in_the_helper_alone() {
    let reading = SYS_PTRACE | DAC_READ_SEARCH | SYS_ADMIN;
    assert_held(&[], 0, reading);
    assert_held(&["--handshake"], 0, reading);
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn what_an_option_adds_is_not_in_effect_until_it_is_used() {
    let reading = SYS_PTRACE | DAC_READ_SEARCH | SYS_ADMIN;
    assert_held(&["--jvm", "dump"], 0, reading | SETUID | SETGID);
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("x.zkchurn");
    let record = ["--record", file.to_str().unwrap()];
    assert_held(&record, 0, reading);
    fs::remove_file(&file).unwrap();
    let port = unused_port().to_string();
    let tracer = Tracer::start(&[&["--port", &port], &record[..]].concat());
    assert_held_by(helper::of(tracer.pid(), "zkchurn-record"), DAC_OVERRIDE, 0);
    tracer.finish();
    let file = directory.path().join("x.prom");
    let metrics = ["--prom-file", file.to_str().unwrap()];
    let tracer = Tracer::start(&[&["--port", &port], &metrics[..]].concat());
    assert_held_by(helper::of(tracer.pid(), "zkchurn-publish"), DAC_OVERRIDE, 0);
    tracer.finish();
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn a_user_who_was_granted_two_capabilities_holds_none_while_tracing() {
    let place = Place::new();
    let start = |command: Command| {
        let object = place.object.clone();
        Tracer::start_with(command, &["--port", &unused_port().to_string()], object)
    };
    let assert_none = |command| {
        let tracer = start(command);
        assert_held_by(tracer.pid(), 0, 0);
        assert_held_by(helper::of(tracer.pid(), "zkchurn-look"), 0, 0);
    };
    assert_none(place.as_user_with(&["bpf", "perfmon"]));
    place.set_file_capabilities("cap_bpf,cap_perfmon+ep");
    assert_none(place.as_user());
}
