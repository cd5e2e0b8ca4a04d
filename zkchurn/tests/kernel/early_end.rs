// SPDX-License-Identifier: MIT
//! A signal that comes while zkchurn is still about to trace: it says so and ends by it, or it
//! reports; what is recorded is complete or not there.

use std::{
    fs::File,
    os::unix::process::{CommandExt, ExitStatusExt},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tempfile::TempDir;
use zkchurn_lab::harness::proc;

use crate::{
    faults::{
        hanging_fs::HangingFs,
        run::{PATIENCE, partial, replay},
    },
    namespace::in_namespace,
    tracer::{object, unused_port, wait_for},
};

const SAID: &str = "before the trace began: nothing was traced or recorded";

/// How long the end may take on a machine that is busy with other tests.
const ENDS_WITHIN: Duration = Duration::from_secs(4);

/// zkchurn in a group of its own, as a shell starts it.
struct Started {
    child: Child,
    said: TempDir,
}

struct Ended {
    status: ExitStatus,
    stdout: String,
    stderr: String,
}

impl Started {
    /// Starts it, and waits until signals no longer end it without a word.
    fn start(mut command: Command, recording: &Path) -> Self {
        let said = tempfile::tempdir().unwrap();
        let file = |name: &str| File::create(said.path().join(name)).unwrap();
        command.args(["--format", "json", "--port", &unused_port().to_string()]);
        command.arg("--record").arg(recording);
        if let Some(object) = object() {
            command.arg("--bpf-object").arg(object);
        }
        let command = command.stdout(file("stdout")).stderr(file("stderr"));
        let child = command.process_group(0).spawn().unwrap();
        let started = Self { child, said };
        wait_for(PATIENCE, "signals to be caught", || {
            let status = proc::status(started.child.id()).unwrap();
            let caught = status.text("SigCgt").expect("it runs");
            let caught = u64::from_str_radix(caught, 16).unwrap();
            caught >> (Signal::INT.as_raw() - 1) & 1 == 1
        });
        started
    }

    fn ended(mut self) -> Ended {
        let mut status = None;
        wait_for(PATIENCE, "the end of zkchurn", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        let read = |name: &str| std::fs::read_to_string(self.said.path().join(name)).unwrap();
        Ended {
            status: status.unwrap(),
            stdout: read("stdout"),
            stderr: read("stderr"),
        }
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn zkchurn() -> Command {
    Command::new(env!("CARGO_BIN_EXE_zkchurn"))
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn a_signal_at_any_moment_of_the_start_is_answered() {
    const MOMENTS: u64 = 12;
    let directory = tempfile::tempdir().unwrap();
    for moment in 0..MOMENTS {
        let recording = directory.path().join(format!("{moment}.zkchurn"));
        let started = Started::start(zkchurn(), &recording);
        thread::sleep(Duration::from_millis(moment * 40));
        let pid = Pid::from_child(&started.child);
        // Ctrl-C reaches the helpers as well, until they have a session of their own.
        let (signal, sent) = match moment % 3 {
            0 => (Signal::TERM, kill_process(pid, Signal::TERM)),
            _ => (Signal::INT, kill_process_group(pid, Signal::INT)),
        };
        sent.unwrap();
        let begun = Instant::now();
        let ended = started.ended();
        let took = begun.elapsed();
        assert!(took < ENDS_WITHIN, "{moment}: {took:?}");
        match ended.status.signal() {
            Some(number) => {
                assert_eq!(number, signal.as_raw(), "{moment}");
                assert_eq!(ended.stderr.matches(SAID).count(), 1, "{}", ended.stderr);
                assert_eq!(ended.stdout, "");
                await_nothing_is_there(&recording);
            }
            None => {
                assert_eq!(ended.status.code(), Some(0), "{moment}: {}", ended.stderr);
                assert!(!ended.stderr.contains(SAID), "{}", ended.stderr);
                assert!(ended.stdout.contains("\"type\":\"report\""), "{moment}");
                assert!(!partial(&recording).exists(), "{moment}");
                assert_eq!(replay(&recording).status.code(), Some(0), "{moment}");
            }
        }
    }
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn a_signal_while_the_recording_cannot_be_created_is_answered_at_once() {
    let (ended, took) = in_namespace(|| {
        let fs = HangingFs::new();
        let mounted = tempfile::tempdir().unwrap();
        let command = fs.zkchurn(mounted.path().to_str().unwrap(), "");
        let recording: PathBuf = mounted.path().join("x.zkchurn");
        fs.hang_at_creation();
        let started = Started::start(command, &recording);
        wait_for(PATIENCE, "the file to be created", || fs.hangs());
        let begun = Instant::now();
        kill_process(Pid::from_child(&started.child), Signal::INT).unwrap();
        let ended = started.ended();
        let took = begun.elapsed();
        drop(fs);
        (ended, took)
    });
    // It would be waited for longer than that.
    assert!(took < ENDS_WITHIN, "{took:?}");
    assert_eq!(ended.status.signal(), Some(Signal::INT.as_raw()));
    let said = format!("ended by SIGINT {SAID}");
    assert!(ended.stderr.contains(&said), "{}", ended.stderr);
}

/// What was begun is removed by a helper, which may take a moment.
fn await_nothing_is_there(recording: &Path) {
    assert!(!recording.exists());
    let partial = partial(recording);
    wait_for(PATIENCE, "an empty recording to be removed", || {
        !partial.exists()
    });
}
