// SPDX-License-Identifier: MIT
//! A JVM of a test's own, which ends with the test.

use std::{
    ffi::OsString,
    fs,
    io::{BufRead, BufReader, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
    sync::{
        OnceLock,
        mpsc::{self, Receiver},
    },
    thread,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use zkchurn::host::jvm::{JvmMode, look};
use zkchurn_core::{
    inspection::jvm::{Dump, JavaThread, Jvm},
    process::{ProcessKey, TICK_NS},
};
use zkchurn_lab::harness::proc;

use crate::in_time::{ChildInTime, CommandInTime};

/// How long anything may take that a test waits for.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running `Target.java`.
pub(crate) struct Target {
    child: Child,
    lines: Receiver<String>,
    /// The JVM itself; `child` may be what started it.
    pub pid: u32,
    /// The thread that it told of, as it knows it.
    pub inner_tid: Option<u32>,
    /// The port that it connects to.
    pub port: Option<u16>,
    /// Its working directory.
    pub directory: TempDir,
}

impl Target {
    /// `java OPTIONS Target ARGUMENTS`.
    pub(crate) fn start(options: &[&str], arguments: &[&str]) -> Self {
        Self::start_with(Path::new("java"), &[], options, arguments, |_| ())
    }

    /// With this `java`, started by `prefix`, the command changed as said.
    pub(crate) fn start_with(
        java: &Path,
        prefix: &[&str],
        options: &[&str],
        arguments: &[&str],
        change: impl FnOnce(&mut Command),
    ) -> Self {
        let directory = directory();
        for (name, class) in classes() {
            fs::write(directory.path().join(name), class).unwrap();
        }
        let mut words: Vec<_> = prefix.iter().map(AsRef::as_ref).collect();
        words.push(java.as_os_str());
        let mut command = Command::new(words[0]);
        command
            .args(&words[1..])
            .args(["-Xmx32m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"])
            .args(options)
            .args(["-cp", ".", "Target"])
            .args(arguments)
            .current_dir(directory.path())
            .env_remove("JAVA_TOOL_OPTIONS")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        change(&mut command);
        let mut child = command
            .spawn()
            .expect("java is installed (cargo xtask setup)");
        let mut target = Self {
            pid: child.id(),
            lines: lines_of(child.stdout.take().unwrap()),
            child,
            inner_tid: None,
            port: None,
            directory,
        };
        target.await_ready();
        target
    }

    fn await_ready(&mut self) {
        loop {
            let line = self.line().expect("it starts");
            if let Some(tid) = line.strip_prefix("thread ") {
                self.inner_tid = Some(tid.parse().unwrap());
            } else if let Some(port) = line.strip_prefix("port ") {
                self.port = Some(port.parse().unwrap());
            } else if line == "ready" {
                return;
            }
        }
    }

    /// The next line of its output; `None` once it has ended.
    pub(crate) fn line(&self) -> Option<String> {
        match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => Some(line),
            Err(mpsc::RecvTimeoutError::Disconnected) => None,
            Err(mpsc::RecvTimeoutError::Timeout) => panic!("no output within {PATIENCE:?}"),
        }
    }

    /// Speaks to it and waits for its answer: it is alive and was not hurt.
    /// Returns what it wrote before.
    pub(crate) fn answers(&mut self) -> Vec<String> {
        let input = self.child.stdin.as_mut().unwrap();
        input.write_all(b"you\n").expect("the JVM is alive");
        let mut before = Vec::new();
        loop {
            match self.line() {
                Some(line) if line == "heard you" => return before,
                Some(line) => before.push(line),
                None => panic!("the JVM has ended: {:?}", self.child.wait_in_time()),
            }
        }
    }

    /// Says how often it was sent SIGQUIT and wrote a dump of it, by sending one
    /// more: when that dump has come, all before it have come as well.
    pub(crate) fn dumps_written(&mut self) -> usize {
        self.signal(Signal::QUIT);
        let mut dumps = 0;
        loop {
            let line = self.line().expect("it writes a dump");
            dumps += usize::from(line.starts_with("Full thread dump"));
            // A dump ends with the heap.
            if line.trim_start().starts_with("class space") {
                return dumps - 1;
            }
        }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.process(), signal).unwrap();
    }

    /// Its pid, as rustix wants it.
    pub(crate) fn process(&self) -> Pid {
        Pid::from_raw(self.pid.try_into().unwrap()).expect("no pid is 0")
    }

    /// The process that `child` started, where that is no JVM itself.
    pub(crate) fn descend(&mut self) {
        let children = proc::children(self.pid).unwrap();
        assert_eq!(children.len(), 1, "one child");
        self.pid = children[0];
    }

    /// Its pid and start, as the kernel program reports them.
    pub(crate) fn key(&self) -> ProcessKey {
        let ticks = proc::ticks(self.pid).unwrap().started;
        // Somewhere in the tick.
        ProcessKey::new(self.pid, ticks * TICK_NS + TICK_NS / 3)
    }

    /// The thread that it told of, as this host knows it.
    pub(crate) fn tid(&self) -> u32 {
        let inner = self.inner_tid.expect("it told of a thread").to_string();
        for tid in proc::threads(self.pid).unwrap() {
            let status = proc::thread_status(self.pid, tid).unwrap();
            let ids = status.text("NSpid").unwrap();
            if ids.split_whitespace().next_back() == Some(&inner) {
                return tid;
            }
        }
        panic!("no task {inner}");
    }

    /// A look with a thread dump.
    pub(crate) fn dump(&self, tids: &[u32]) -> Jvm {
        look(self.key(), JvmMode::Dump, tids).expect("it is a JVM")
    }

    /// Its attach socket, and the two places of the trigger.
    pub(crate) fn socket(&self) -> PathBuf {
        PathBuf::from(format!("/tmp/.java_pid{}", self.pid))
    }

    pub(crate) fn triggers(&self) -> [PathBuf; 2] {
        let name = format!(".attach_pid{}", self.pid);
        [
            self.directory.path().join(&name),
            Path::new("/tmp").join(name),
        ]
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        // unshare --kill-child takes the JVM along.
        let _ = self.child.kill();
        let _ = self.child.wait();
        // A JVM that is killed leaves its socket.
        let _ = fs::remove_file(self.socket());
    }
}

fn lines_of(output: ChildStdout) -> Receiver<String> {
    let (sender, lines) = mpsc::channel();
    // Ends with the JVM.
    thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    lines
}

/// Whether the dump was taken, and whether by a signal; fails else.
pub(crate) fn started_attach(jvm: &Jvm) -> bool {
    match &jvm.dump {
        Dump::Taken {
            started_attach,
            threads,
        } => {
            assert!(*threads > 5, "{jvm:?}");
            *started_attach
        }
        other => panic!("{other:?}"),
    }
}

/// Why there is no dump; fails if there is one.
pub(crate) fn impossible(jvm: &Jvm) -> &str {
    match &jvm.dump {
        Dump::Impossible { why } => why,
        other => panic!("{other:?}"),
    }
}

/// The only thread that was found.
pub(crate) fn only_thread(jvm: &Jvm) -> &JavaThread {
    match &jvm.threads[..] {
        [thread] => thread,
        other => panic!("{other:?}"),
    }
}

/// The thread is asleep where `Target.java` puts it to sleep.
pub(crate) fn assert_naps(thread: &JavaThread) {
    let mut stack = thread.stack.iter();
    assert!(stack.any(|frame| frame.starts_with("Target.napHere(")));
}

/// The thread is doubted, for a reason with these words.
pub(crate) fn assert_doubt(thread: &JavaThread, words: &str) {
    let doubt = thread.doubt.as_deref().expect("a doubt");
    assert!(doubt.contains(words), "{doubt}");
}

/// A directory that all users can read and a new `/tmp` does not hide.
fn directory() -> TempDir {
    let directory = tempfile::tempdir_in("/var/tmp").unwrap();
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
    directory
}

/// `Target.class` and what it needs, compiled once.
fn classes() -> &'static [(OsString, Vec<u8>)] {
    static CLASSES: OnceLock<Vec<(OsString, Vec<u8>)>> = OnceLock::new();
    CLASSES.get_or_init(|| {
        let directory = directory();
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/jvm/Target.java");
        let javac = Command::new("javac")
            .args(["--release", "17", "-d"])
            .args([directory.path(), Path::new(source)])
            .status_in_time();
        let javac = javac.expect("javac is installed (cargo xtask setup)");
        assert!(javac.success());
        let classes = fs::read_dir(directory.path()).unwrap().map(Result::unwrap);
        classes
            .map(|class| (class.file_name(), fs::read(class.path()).unwrap()))
            .collect()
    })
}
