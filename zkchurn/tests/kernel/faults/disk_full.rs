// SPDX-License-Identifier: MIT
//! The disk is full while recording: the trace goes on and reports, and what was
//! recorded can be replayed. Of a report it is said how much of it is there.

use std::{
    fs::{self, File},
    path::Path,
};

use rustix::{
    fs::{AtFlags, statat},
    process::Signal,
};

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

/// What is said of a report for which there is so much room, and the size of what is there then,
/// if it is there.
fn of_report(room: u64, fill: u64) -> (String, Option<u64>) {
    let (ended, size) = in_namespace(move || {
        let port = unused_port();
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().display();
        let small = format!(
            "mount -t tmpfs -o size={room} none {path} && head -c {fill} /dev/zero >{path}/full"
        );
        let mut command = in_mount_namespace(&small);
        command.arg(env!("CARGO_BIN_EXE_zkchurn"));
        let (port, report) = (port.to_string(), format!("{path}/r.html"));
        let run = Run::start(command, &["--port", &port, "--report", &report]);
        // The file system is the namespace's own, which outlives it in what is open.
        let inside = File::open(format!("/proc/{}/root{path}", run.pid())).unwrap();
        run.signal(Signal::INT);
        let ended = run.wait();
        let partial = statat(&inside, "r.html.partial", AtFlags::empty());
        (ended, partial.ok().map(|partial| partial.st_size as u64))
    });
    assert_eq!(ended.code, Some(7), "{}", ended.stderr);
    let mut lines = ended.stderr.lines();
    let said = lines.find(|line| line.contains("r.html.partial")).unwrap();
    (said.to_owned(), size)
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn how_much_of_a_report_is_there_is_true() {
    const PAGE: u64 = 4_096;
    let (said, size) = of_report(8 * PAGE, 8 * PAGE);
    assert!(
        said.ends_with("(No space left on device (os error 28)): nothing of the report is there"),
        "{said}"
    );
    assert!(size.is_none_or(|size| size == 0), "{size:?}");
    // The page of an empty trace is longer than one of the kernel's.
    let (said, size) = of_report(8 * PAGE, 7 * PAGE);
    assert!(
        said.ends_with("it has the first 4,096 bytes of the report"),
        "{said}"
    );
    assert_eq!(size, Some(PAGE));
}
