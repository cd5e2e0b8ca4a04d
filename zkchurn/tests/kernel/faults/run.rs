// SPDX-License-Identifier: MIT
//! A run of zkchurn of which all is looked at: its messages, its exit code, and
//! what it printed.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, Output},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use zkchurn_lab::harness::proc;

use crate::{
    helper,
    in_time::CommandInTime,
    tracer::{object, wait_for},
};

/// How long anything may take that a test waits for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// zkchurn, with what it says in files.
pub(crate) struct Run {
    child: Child,
    directory: TempDir,
}

/// How it ended.
pub(crate) struct Ended {
    /// Its exit code; `None` where a signal ended it.
    pub code: Option<i32>,
    /// What it printed.
    pub stdout: String,
    /// Its messages.
    pub stderr: String,
}

/// By what it is seen that zkchurn traces.
#[derive(Clone, Copy)]
pub(crate) enum Begun<'a> {
    /// It says so.
    Says,
    /// There is a beginning of this recording.
    Records(&'a str),
}

impl Run {
    /// Runs a command that is zkchurn or becomes it, and waits until it traces.
    pub(crate) fn start(command: Command, arguments: &[&str]) -> Self {
        Self::start_until(command, arguments, Begun::Says)
    }

    /// The same, by what it is seen then.
    pub(crate) fn start_until(mut command: Command, arguments: &[&str], begun: Begun<'_>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let file = |name: &str| File::create(directory.path().join(name)).unwrap();
        command.args(["--format", "json"]).args(arguments);
        if let Some(object) = object() {
            command.arg("--bpf-object").arg(object);
        }
        let child = command
            .stdout(file("stdout"))
            .stderr(file("stderr"))
            .spawn()
            .unwrap();
        let mut run = Self { child, directory };
        match begun {
            Begun::Says => run.await_message("zkchurn: tracing"),
            Begun::Records(recording) => {
                let partial = partial(Path::new(recording));
                wait_for(PATIENCE, "the recording to begin", || {
                    fs::metadata(&partial).is_ok_and(|file| file.len() > 0)
                });
            }
        }
        run
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// What it wrote to standard error so far.
    pub(crate) fn messages(&self) -> String {
        fs::read_to_string(self.directory.path().join("stderr")).unwrap()
    }

    /// Waits until it has said this on standard error.
    pub(crate) fn await_message(&mut self, words: &str) {
        wait_for(PATIENCE, words, || {
            let said = self.messages();
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none(), "zkchurn ended: {ended:?}, {said}");
            said.contains(words)
        });
    }

    /// Waits for its end.
    pub(crate) fn wait(mut self) -> Ended {
        let mut status = None;
        wait_for(PATIENCE, "the end of zkchurn", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        let read = |name: &str| fs::read_to_string(self.directory.path().join(name)).unwrap();
        Ended {
            code: status.unwrap().code(),
            stdout: read("stdout"),
            stderr: read("stderr"),
        }
    }
}

/// A helper of it, by name.
pub(crate) fn helper(run: &Run, name: &str) -> u32 {
    helper::of(run.pid(), name)
}

/// All of that name.
pub(crate) fn helpers(run: &Run, name: &str) -> Vec<u32> {
    helper::all_of(run.pid(), name)
}

/// Waits until a process is no more than a zombie of whoever reaps it.
pub(crate) fn assert_gone(pid: u32) {
    wait_for(PATIENCE, "a helper to be gone", || {
        proc::status(pid).map_or(true, |status| {
            status
                .text("State")
                .is_none_or(|state| state.starts_with('Z'))
        })
    });
}

impl Drop for Run {
    fn drop(&mut self) {
        // Fails when it has ended already, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// zkchurn in a mount namespace that a line of shell has changed.
pub(crate) fn in_mount_namespace(prepare: &str) -> Command {
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", &and_then_the_rest(prepare)]);
    command
}

/// zkchurn in a process that a line of shell has changed.
pub(crate) fn after(prepare: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", &and_then_the_rest(prepare)]);
    command.arg(env!("CARGO_BIN_EXE_zkchurn"));
    command
}

fn and_then_the_rest(prepare: &str) -> String {
    format!("{prepare} && exec \"$0\" \"$@\"")
}

/// The command, tracing a port into a recording.
pub(crate) fn recording_to(mut command: Command, port: u16, recording: &str) -> Command {
    let port = port.to_string();
    command.args(["--port", &port, "--record", recording]);
    if let Some(object) = object() {
        command.arg("--bpf-object").arg(object);
    }
    command
}

/// Replays a recording.
pub(crate) fn replay(recording: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_zkchurn"))
        .args(["replay", "--format", "json"])
        .arg(recording)
        .output_in_time()
        .unwrap()
}

/// `FILE.partial`
pub(crate) fn partial(recording: &Path) -> PathBuf {
    zkchurn::host::recording_file::partial_path(recording)
}
