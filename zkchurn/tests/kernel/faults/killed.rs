// SPDX-License-Identifier: MIT
//! SIGKILL: the kernel takes everything back, and the recording is readable.

use std::{collections::BTreeSet, process::Command};

use rustix::process::Signal;
use zkchurn_lab::harness::proc;

use super::run::{PATIENCE, partial, replay};
use crate::{
    in_time::CommandInTime,
    namespace::in_namespace,
    peer::{connect, drain, listen, v4},
    tracer::{Trace, Tracer, unused_port, wait_for},
};

/// What a process holds of BPF, as bpftool calls it: kind and id, from the
/// information on its descriptors (kernel/bpf/syscall.c, `bpf_prog_show_fdinfo`).
fn held(pid: u32) -> BTreeSet<(&'static str, String)> {
    let mut held = BTreeSet::new();
    for descriptor in proc::descriptors(pid).unwrap() {
        for (field, kind) in [("link_id", "link"), ("map_id", "map"), ("prog_id", "prog")] {
            if let Some(id) = descriptor.text(field) {
                held.insert((kind, id.to_owned()));
            }
        }
    }
    held
}

/// What bpftool says of one of them; `None` where it is not there. Any other failure is none of
/// the kernel's having taken it back. What it shows is there, whatever it ends with: on arm64 Debian's
/// shows a link and ends with a failure that it does not name.
fn shown(kind: &str, id: &str) -> Option<String> {
    let mut bpftool = Command::new("bpftool");
    let output = bpftool
        .args(["--bpffs", kind, "show", "id", id])
        .output_in_time();
    let output = output.expect("`bpftool` is installed (cargo xtask setup)");
    let text = String::from_utf8(output.stdout).unwrap();
    if output.status.success() || text.starts_with(&format!("{id}: ")) {
        return Some(text);
    }
    let why = String::from_utf8(output.stderr).unwrap();
    let is_gone = format!("{text}{why}").contains("No such file or directory");
    assert!(is_gone, "bpftool {kind} show id {id}: {text}{why}");
    None
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn no_program_map_link_or_pinned_object_is_left() {
    let directory = tempfile::tempdir().unwrap();
    let recording = directory.path().join("x.zkchurn");
    let path = recording.to_str().unwrap().to_owned();
    let held = in_namespace(move || {
        let port = unused_port();
        let accepting = drain(listen(port), 5);
        let tracer = Tracer::start(&[
            "--port",
            &port.to_string(),
            "--handshake",
            "--interval",
            "100ms",
            "--record",
            &path,
        ]);
        (0..5).for_each(|_| drop(connect(v4(port))));
        accepting.join().unwrap();
        let recorded = || replay(&partial(std::path::Path::new(&path))).stdout;
        wait_for(PATIENCE, "a record in the file", || {
            String::from_utf8_lossy(&recorded()).contains(r#""ended":5"#)
        });
        let held = held(tracer.pid());
        for (kind, id) in &held {
            let shown = shown(kind, id).expect("it lives as long as zkchurn");
            assert!(!shown.contains("pinned"), "{kind} {id}: {shown}");
        }
        tracer.signal(Signal::KILL);
        held
    });
    let kinds: BTreeSet<_> = held.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(kinds, BTreeSet::from(["link", "map", "prog"]));
    for (kind, id) in &held {
        wait_for(PATIENCE, "the kernel to take it back", || {
            shown(kind, id).is_none()
        });
    }
    // Nothing gave it its name, and it can be read.
    assert!(!recording.exists());
    let replayed = replay(&partial(&recording));
    assert_eq!(replayed.status.code(), Some(5));
    let trace = Trace::parse(std::str::from_utf8(&replayed.stdout).unwrap()).unwrap();
    assert_eq!(trace.connections.len(), 5);
}
