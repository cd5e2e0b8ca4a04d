// SPDX-License-Identifier: MIT
//! The terminal or the reader of a pipe goes away: the trace ends, and its
//! recording is whole nevertheless.

use std::{
    fs::File,
    io::{Read, Write},
    os::fd::OwnedFd,
    process::{Child, Command, Stdio},
};

use rustix::pty::{OpenptFlags, ioctl_tiocgptpeer, openpt, unlockpt};

use super::run::{PATIENCE, partial, recording_to, replay};
use crate::{
    namespace::in_namespace,
    peer::{connect, drain, listen, v4},
    tracer::{Trace, unused_port, wait_for},
};

/// A child that does not outlive its test.
struct Zkchurn(Child);

impl Zkchurn {
    fn exit_code(&mut self) -> Option<i32> {
        let mut status = None;
        wait_for(PATIENCE, "the end of zkchurn", || {
            status = self.0.try_wait().unwrap();
            status.is_some()
        });
        status.unwrap().code()
    }
}

impl Drop for Zkchurn {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Asserts that the recording has its name, its end and `connections`.
fn assert_whole(recording: &std::path::Path, connections: usize) {
    assert!(!partial(recording).exists());
    let replayed = replay(recording);
    assert_eq!(replayed.status.code(), Some(0));
    let trace = Trace::parse(std::str::from_utf8(&replayed.stdout).unwrap()).unwrap();
    assert_eq!(trace.connections.len(), connections);
    assert_eq!(trace.report["total"]["ended"], connections);
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn a_terminal_that_is_gone_ends_the_trace_with_a_whole_recording() {
    let directory = tempfile::tempdir().unwrap();
    let recording = directory.path().join("x.zkchurn");
    let path = recording.to_str().unwrap().to_owned();
    let code = in_namespace(move || {
        let port = unused_port();
        let accepting = drain(listen(port), 3);
        // Were the master inherited, the terminal would never be gone.
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let master = openpt(flags).unwrap();
        unlockpt(&master).unwrap();
        let terminal = ioctl_tiocgptpeer(&master, flags).unwrap();
        let slave = || Stdio::from(terminal.try_clone().unwrap());
        // It becomes the leader of a session on that terminal, as a login shell's
        // program would be part of one: the kernel sends it SIGHUP.
        // Beneath `nohup` it would be ignored.
        let mut setsid = Command::new("setsid");
        setsid.args(["--ctty", "env", "--default-signal=HUP"]);
        setsid.arg(env!("CARGO_BIN_EXE_zkchurn"));
        let mut command = recording_to(setsid, port, &path);
        command.stdin(slave()).stdout(slave()).stderr(slave());
        let mut child = Zkchurn(command.spawn().unwrap());
        // It holds the slave's side as well.
        drop(command);
        let master = await_tracing(master);
        drop(terminal);
        (0..3).for_each(|_| drop(connect(v4(port))));
        accepting.join().unwrap();
        drop(master);
        child.exit_code()
    });
    // What it wanted to print found no terminal, and nor did its complaint.
    assert_eq!(code, Some(7));
    assert_whole(&recording, 3);
}

fn await_tracing(master: OwnedFd) -> File {
    let mut master = File::from(master);
    let mut said = Vec::new();
    while !String::from_utf8_lossy(&said).contains("zkchurn: tracing") {
        let mut part = [0; 256];
        let length = master.read(&mut part).unwrap();
        said.extend_from_slice(&part[..length]);
    }
    // Nobody reads on, and the terminal holds more than will be said.
    master.flush().unwrap();
    master
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn a_reader_that_goes_away_leaves_a_whole_recording() {
    let directory = tempfile::tempdir().unwrap();
    let recording = directory.path().join("x.zkchurn");
    let path = recording.to_str().unwrap().to_owned();
    let code = in_namespace(move || {
        let port = unused_port();
        let accepting = drain(listen(port), 1);
        let mut command = recording_to(Command::new(env!("CARGO_BIN_EXE_zkchurn")), port, &path);
        command.args(["--format", "json"]).stdout(Stdio::piped());
        let mut child = Zkchurn(command.spawn().unwrap());
        let mut stdout = child.0.stdout.take().unwrap();
        stdout.read_exact(&mut [0; 16]).unwrap();
        drop(stdout);
        drop(connect(v4(port)));
        accepting.join().unwrap();
        child.exit_code()
    });
    assert_eq!(code, Some(0));
    assert_whole(&recording, 1);
}
