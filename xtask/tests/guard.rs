// SPDX-License-Identifier: MIT
//! A run that is killed, at any moment, leaves no process and no file behind; `guard` is
//! what the verbs run in.
#![expect(
    clippy::unwrap_used,
    reason = "a test that panics has failed, which is its purpose"
)]

use std::{
    fs,
    path::PathBuf,
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
    thread,
    time::Duration,
};

use tempfile::TempDir;
use xtask::wait::until;

/// As long as it may take to end processes that do not want to, on a busy machine.
const LIMIT: Duration = Duration::from_secs(60);
/// Tells what this test has started, wherever it is.
const MARK: &str = "ZKCHURN_GUARD_TEST";

/// Does not end when asked to, has left its session and its parent, and has files.
const STUBBORN: &str = "setsid sh -c 'trap \"\" TERM HUP INT; echo x >\"$TMPDIR/file\"; \
                        while :; do sleep 1; done' >/dev/null 2>&1 &";

struct Guarded {
    guard: Child,
    /// As long as it is open there is a runner.
    runner: Option<ChildStdin>,
    mark: String,
    /// Where the guard makes its directory.
    temporary: TempDir,
}

impl Guarded {
    fn start(script: &str, mark: &str) -> Self {
        let mark = format!("{mark}-{}", std::process::id());
        let temporary = tempfile::tempdir().unwrap();
        let mut guard = Command::new(env!("CARGO_BIN_EXE_xtask"))
            .args(["guard", "sh", "-c", script])
            .env(MARK, &mark)
            .env("TMPDIR", temporary.path())
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let runner = guard.stdin.take();
        Self {
            guard,
            runner,
            mark,
            temporary,
        }
    }

    fn await_file(&self) {
        until("the file of what is guarded", LIMIT, || {
            let written = |run: &PathBuf| run.join("file").exists();
            Ok(self.files().iter().any(written).then_some(()))
        })
        .unwrap();
    }

    fn files(&self) -> Vec<PathBuf> {
        let files = fs::read_dir(self.temporary.path()).unwrap();
        files.map(|file| file.unwrap().path()).collect()
    }

    /// Waits for its end, and asserts that nothing is left.
    fn ended(&mut self) -> ExitStatus {
        let status = until("the guard to end", LIMIT, || Ok(self.guard.try_wait()?)).unwrap();
        let marked = marked(&self.mark);
        assert!(marked.is_empty(), "processes are left: {marked:?}");
        let files = self.files();
        assert!(files.is_empty(), "files are left: {files:?}");
        status
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        drop(self.runner.take());
        let _ = until("the guard to end", LIMIT, || Ok(self.guard.try_wait()?));
    }
}

/// Processes whose environment has the mark.
fn marked(mark: &str) -> Vec<String> {
    let wanted = format!("{MARK}={mark}");
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let is_marked = |environment: Vec<u8>| {
        let mut variables = environment.split(|byte| *byte == 0);
        variables.any(|variable| variable == wanted.as_bytes())
    };
    let found = entries.filter(|entry| fs::read(entry.path().join("environ")).is_ok_and(is_marked));
    found
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect()
}

#[test]
fn what_is_guarded_ends_as_it_would_alone() {
    for (script, code) in [("exit 0", 0), ("exit 3", 3), ("kill -9 $$", 137)] {
        let mut guarded = Guarded::start(script, "alone");
        assert_eq!(guarded.ended().code(), Some(code), "{script}");
    }
}

#[test]
fn what_it_left_behind_is_removed() {
    let mut guarded = Guarded::start(
        &format!("{STUBBORN} until [ -e \"$TMPDIR/file\" ]; do sleep 0.01; done"),
        "behind",
    );
    assert_eq!(guarded.ended().code(), Some(0));
}

#[test]
fn a_runner_may_be_killed_at_any_moment() {
    for milliseconds in [0, 3, 10, 30, 100] {
        let mut guarded = Guarded::start(&format!("{STUBBORN} sleep 600"), "any-moment");
        thread::sleep(Duration::from_millis(milliseconds));
        drop(guarded.runner.take());
        assert!(!guarded.ended().success());
    }
}

#[test]
fn so_may_a_run_that_is_in_full_swing() {
    let mut guarded = Guarded::start(&format!("{STUBBORN} sleep 600"), "full-swing");
    guarded.await_file();
    assert!(!marked(&guarded.mark).is_empty());
    drop(guarded.runner.take());
    assert!(!guarded.ended().success());
}

/// As `pkill -f xtask` does it, the runner being one of those that match.
#[test]
fn one_that_is_told_to_end_cleans_up_first() {
    for signal in ["TERM", "INT", "HUP"] {
        let mut guarded = Guarded::start(&format!("{STUBBORN} sleep 600"), signal);
        guarded.await_file();
        let pid = guarded.guard.id().to_string();
        let sent = Command::new("sh")
            .args(["-c", "kill -s \"$0\" \"$1\"", signal, &pid])
            .status();
        assert!(sent.unwrap().success());
        drop(guarded.runner.take());
        assert!(!guarded.ended().success());
    }
}
