// SPDX-License-Identifier: MIT
//! The disk is full while recording: the trace goes on and reports, and what was
//! recorded can be replayed.

use std::{fs, path::Path};

use rustix::process::Signal;

use super::run::{Run, in_mount_namespace, replay};
use crate::{
    namespace::in_namespace,
    peer::{connect, drain_one, listen, v4},
    tracer::{Trace, unused_port},
};

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn the_trace_goes_on_and_what_was_recorded_is_kept() {
    const COUNT: usize = 600;
    const ROOM: usize = 64 << 10;
    let (ended, partial) = in_namespace(|| {
        let port = unused_port();
        let listener = listen(port);
        let directory = tempfile::tempdir().unwrap();
        let recording = directory.path().join("x.zkchurn");
        // A frame of 308 bytes a connection: 64 KiB are full after some 210, or some fewer where
        // the process is looked at meanwhile.
        let small = format!(
            "mount -t tmpfs -o size={ROOM} none {}",
            directory.path().display()
        );
        let mut command = in_mount_namespace(&small);
        command.arg(env!("CARGO_BIN_EXE_zkchurn"));
        let port_text = port.to_string();
        let record = recording.to_str().unwrap();
        let mut run = Run::start(command, &["--port", &port_text, "--record", record]);
        // Each ends before the next begins: how many whole ones there is room for
        // does not depend on who runs when.
        for _ in 0..COUNT {
            drop(connect(v4(port)));
            drain_one(&listener);
        }
        run.await_message("can no longer be written");
        // The file system is the namespace's own.
        let inside = format!("/proc/{}/root{record}.partial", run.pid());
        let partial = fs::read(Path::new(&inside)).unwrap();
        drop(connect(v4(port)));
        drain_one(&listener);
        run.signal(Signal::INT);
        (run.wait(), partial)
    });
    assert_eq!(ended.code, Some(7), "{}", ended.stderr);
    let message = "x.zkchurn.partial can no longer be written (No space left on device";
    assert!(ended.stderr.contains(message), "{}", ended.stderr);
    let trace = Trace::parse(&ended.stdout).unwrap();
    trace.assert_nothing_lost();
    assert_eq!(trace.connections.len(), COUNT + 1);

    let directory = tempfile::tempdir().unwrap();
    let copy = directory.path().join("x.zkchurn.partial");
    let size = partial.len();
    fs::write(&copy, partial).unwrap();
    let replayed = replay(&copy);
    assert_eq!(replayed.status.code(), Some(5));
    let message = String::from_utf8(replayed.stderr).unwrap();
    assert!(message.contains("its trace was cut short"), "{message}");
    let recorded = Trace::parse(std::str::from_utf8(&replayed.stdout).unwrap()).unwrap();
    let count = recorded.connections.len();
    assert!((150..215).contains(&count), "{count} were recorded");
    assert!(size <= ROOM && size + 4096 > ROOM, "{size} bytes were used");
}
