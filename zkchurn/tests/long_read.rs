// SPDX-License-Identifier: MIT
//! Reading that takes long: how far it is, and Ctrl-C.

#![expect(
    clippy::unwrap_used,
    reason = "a test that panics has failed, which is its purpose"
)]

#[path = "terminal/pty.rs"]
mod pty;

use std::{
    fs::File,
    io::Write as _,
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use rustix::{
    fs::{CWD, FileType, Mode, mknodat},
    io::ioctl_fionread,
    pipe::fcntl_setpipe_size,
    process::{Pid, Signal, kill_process},
};
use tempfile::TempDir;

/// A bar is drawn of what takes longer than a second.
const LONGER: Duration = Duration::from_millis(1_300);

/// Whatever waits is ended by a signal within a second; a machine that is busy needs longer.
const MOST_TO_END: Duration = Duration::from_secs(10);

/// The smallest pipe, in bytes (pipe(7)).
const PIPE: usize = 4_096;

/// A file that is written while it is read.
struct Slow {
    path: PathBuf,
    content: Vec<u8>,
    _directory: TempDir,
}

impl Slow {
    fn of(content: &str) -> Self {
        let tests = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests");
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("slow");
        mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        Self {
            path,
            content: std::fs::read(tests.join(content)).unwrap(),
            _directory: directory,
        }
    }

    fn read_by(&self, verb: &str, stderr: Stdio) -> (Child, File) {
        let child = Command::new(env!("CARGO_BIN_EXE_zkchurn"))
            .args([verb, self.path.to_str().unwrap()])
            .env("TERM", "xterm")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(stderr)
            .spawn()
            .unwrap();
        // It waits for the reader.
        let writer = File::options().write(true).open(&self.path).unwrap();
        (child, writer)
    }

    /// Half of it is there when Ctrl-C is pressed.
    fn stopped_in_the_middle(&self, verb: &str) -> Output {
        let (mut child, mut writer) = self.read_by(verb, Stdio::piped());
        fcntl_setpipe_size(&writer, PIPE).unwrap();
        let (first, rest) = self.content.split_at(self.content.len() / 2);
        // There is no room for all of it: it returns once something was read.
        assert!(first.len() > PIPE);
        writer.write_all(first).unwrap();
        kill_process(Pid::from_child(&child), Signal::INT).unwrap();
        // A read that waits goes on waiting; what it gets once it was stopped is the last.
        for byte in rest.chunks(1) {
            if child.try_wait().unwrap().is_some() || writer.write_all(byte).is_err() {
                break;
            }
            thread::sleep(Duration::from_millis(20));
        }
        drop(writer);
        child.wait_with_output().unwrap()
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn a_replay_that_is_stopped_reports_on_what_was_read() {
    let recording = Slow::of("recordings/incident.zkchurn");
    let output = recording.stopped_in_the_middle("replay");
    let (report, said) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(5), "{said}");
    assert!(
        said.contains("stopped: the report covers what was read"),
        "{said}"
    );
    assert!(!said.contains("is cut"), "{said}");
    assert!(report.contains("client side"), "{report}");
    assert!(report.contains("connections in all"), "{report}");
}

#[test]
fn a_server_log_that_is_stopped_is_reported_on_as_far_as_it_was_read() {
    let log = Slow::of("serverlog/made.log");
    let output = log.stopped_in_the_middle("serverlog");
    let (report, said) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(5), "{said}");
    assert!(
        said.contains("stopped: the report covers what was read"),
        "{said}"
    );
    assert!(report.contains("connections"), "{report}");
}

#[test]
fn on_a_terminal_it_is_said_how_far_it_is_and_taken_away_again() {
    let recording = Slow::of("recordings/incident.zkchurn");
    let (master, slave) = pty::open(80);
    let messages = Stdio::from(slave.try_clone().unwrap());
    let (mut child, mut writer) = recording.read_by("replay", messages);
    let (first, rest) = recording.content.split_at(recording.content.len() / 2);
    writer.write_all(first).unwrap();
    thread::sleep(LONGER);
    writer.write_all(rest).unwrap();
    drop(writer);
    let (drawn, status) = pty::read_to_the_end(master, slave, &mut child);
    assert_eq!(status.code(), Some(0), "{drawn}");
    assert!(drawn.contains("kB read, "), "{drawn:?}");
    // Of the last line nothing stays.
    assert!(drawn.ends_with("\u{1b}[2K"), "{drawn:?}");
}

#[test]
fn what_is_no_terminal_gets_no_bar() {
    let recording = Slow::of("recordings/incident.zkchurn");
    let (child, mut writer) = recording.read_by("replay", Stdio::piped());
    let (first, rest) = recording.content.split_at(recording.content.len() / 2);
    writer.write_all(first).unwrap();
    thread::sleep(LONGER);
    writer.write_all(rest).unwrap();
    drop(writer);
    let output = child.wait_with_output().unwrap();
    assert_eq!(text(&output.stderr), "");
}

/// Whether it has a handler of SIGINT (proc(5), `SigCgt`).
fn handles_interrupts(child: &Child) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    let caught = u64::from_str_radix(caught.unwrap().trim(), 16).unwrap();
    caught & 1 << (Signal::INT.as_raw() - 1) != 0
}

/// The end of a program that reads, and has this long to end, once Ctrl-C was pressed.
fn interrupted(child: Child) -> Output {
    let began = Instant::now();
    while !handles_interrupts(&child) && began.elapsed() < MOST_TO_END {
        thread::sleep(Duration::from_millis(1));
    }
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    ended(child)
}

fn ended(mut child: Child) -> Output {
    let began = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if began.elapsed() > MOST_TO_END {
            child.kill().unwrap();
        }
        thread::sleep(Duration::from_millis(10));
    }
    child.wait_with_output().unwrap()
}

/// What it writes waits in the kernel, and would for ever.
#[test]
fn one_signal_ends_what_writes_to_a_reader_that_pauses() {
    for signal in [Signal::INT, Signal::TERM] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_zkchurn"))
            .args(["replay", "--format", "html"])
            .arg(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/tests/recordings/incident.zkchurn"
            ))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let unread = child.stdout.take().unwrap();
        fcntl_setpipe_size(&unread, PIPE).unwrap();
        let began = Instant::now();
        while ioctl_fionread(&unread).unwrap() == 0 && began.elapsed() < MOST_TO_END {
            thread::sleep(Duration::from_millis(1));
        }
        kill_process(Pid::from_child(&child), signal).unwrap();
        let output = ended(child);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(130), "{said}");
        assert!(said.contains("what reads the output has paused"), "{said}");
    }
}

fn compared(before: &str, after: &str) -> Child {
    Command::new(env!("CARGO_BIN_EXE_zkchurn"))
        .args(["diff", before, after])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
fn a_pipe_without_a_byte_is_stopped_at_once_and_is_not_judged() {
    let first = Slow::of("recordings/incident.zkchurn");
    let second = Slow::of("recordings/incident.zkchurn");
    let (child, _writer) = second.read_by("replay", Stdio::piped());
    let replayed = interrupted(child);
    let child = compared(first.path.to_str().unwrap(), second.path.to_str().unwrap());
    let mut writer = File::options().write(true).open(&first.path).unwrap();
    writer.write_all(&first.content).unwrap();
    drop(writer);
    let _writer = File::options().write(true).open(&second.path).unwrap();
    let diffed = interrupted(child);
    for output in [replayed, diffed] {
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(5), "{said}");
        assert!(
            said.contains("stopped before there was anything of"),
            "{said}"
        );
        assert!(!said.contains("not a zkchurn recording"), "{said}");
    }
}

#[test]
fn a_second_pipe_that_nobody_writes_to_is_not_waited_for() {
    let first = Slow::of("serverlog/made.log");
    let second = Slow::of("serverlog/made.log");
    let child = Command::new(env!("CARGO_BIN_EXE_zkchurn"))
        .arg("serverlog")
        .args([&first.path, &second.path])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut writer = File::options().write(true).open(&first.path).unwrap();
    writer.write_all(&first.content).unwrap();
    drop(writer);
    let output = interrupted(child);
    assert_eq!(output.status.code(), Some(5), "{}", text(&output.stderr));
}

/// A part by time is looked for before it is read.
#[test]
fn a_part_of_a_pipe_is_refused_instead_of_waited_for() {
    let pipe = Slow::of("recordings/incident.zkchurn");
    let output = Command::new(env!("CARGO_BIN_EXE_zkchurn"))
        .args(["replay", "--since", "10m", pipe.path.to_str().unwrap()])
        .output()
        .unwrap();
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("can be read once only"), "{said}");
}
