// SPDX-License-Identifier: MIT
//! Running the real binary and reading its JSON.

use std::{
    fs::File,
    io::{self, Read},
    os::{
        linux::net::SocketAddrExt as _,
        unix::net::{SocketAddr, UnixDatagram},
    },
    path::PathBuf,
    process::{ChildStdout, Command, Stdio},
    sync::{
        LazyLock,
        atomic::{AtomicU16, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};
use serde_json::Value;
pub(crate) use zkchurn_lab::harness::trace::Trace;
use zkchurn_lab::harness::{tracer, wait};

use crate::{in_time::LIMIT, namespace::enter};

/// A port that no other test uses, so that tests may run side by side although zkchurn
/// sees all network namespaces. Each run has ports of its own, too: two on one host, in
/// two clones, would count each other's connections.
pub(crate) fn unused_port() -> u16 {
    static OF_THIS_RUN: LazyLock<Ports> = LazyLock::new(Ports::take);
    let port = OF_THIS_RUN.next.fetch_add(1, Ordering::Relaxed);
    assert!(
        port < OF_THIS_RUN.end,
        "a run has no more than {PORTS} ports"
    );
    match MAY_BE_ZOOKEEPERS.contains(&port) {
        true => unused_port(),
        false => port,
    }
}

/// Below those that Linux gives to clients (ip-sysctl.rst, `ip_local_port_range`).
const FIRST_PORT: u16 = 12_500;
const PORTS: u16 = 500;
const RUNS: u16 = 40;
/// Other traces tell of these (`host/elsewhere`).
const MAY_BE_ZOOKEEPERS: [u16; 4] = [21_810, 21_811, 22_181, 32_181];

/// The ports of a run, for as long as it lives.
struct Ports {
    next: AtomicU16,
    end: u16,
    /// A name that only one process has: nothing is left of it when that one is killed.
    _name: UnixDatagram,
}

impl Ports {
    fn take() -> Self {
        // Names belong to a network namespace, and this thread may have one of its own. The
        // first thread is where all runs are.
        let taking = thread::spawn(|| {
            enter(&File::open("/proc/self/ns/net").unwrap());
            let mut runs = 0..RUNS;
            runs.find_map(|run| {
                let name = format!("zkchurn-test-ports-{run}");
                let name = SocketAddr::from_abstract_name(name).unwrap();
                Some((run, UnixDatagram::bind_addr(&name).ok()?))
            })
        });
        let (run, name) = taking.join().unwrap().expect("ports that no other run has");
        let first = FIRST_PORT + run * PORTS;
        Self {
            next: AtomicU16::new(first),
            end: first + PORTS,
            _name: name,
        }
    }
}

/// The object under test, unless it is the built-in one.
pub(crate) fn object() -> Option<PathBuf> {
    std::env::var_os("ZKCHURN_BPF_OBJECT").map(PathBuf::from)
}

/// zkchurn, tracing.
pub(crate) struct Tracer {
    running: tracer::Tracer,
    /// What it printed, once it has ended. It is read all the time: to a reader that does not
    /// read zkchurn drops lines.
    printed: mpsc::Receiver<io::Result<String>>,
}

impl Tracer {
    /// Starts zkchurn with `arguments` and waits until it is attached.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        Self::start_command(Command::new(env!("CARGO_BIN_EXE_zkchurn")), arguments)
    }

    /// The same for a command that runs zkchurn in some environment.
    pub(crate) fn start_command(command: Command, arguments: &[&str]) -> Self {
        Self::start_with(command, arguments, object())
    }

    /// The same with an object of the caller's choice; `None` for the built-in one.
    pub(crate) fn start_with(
        mut command: Command,
        arguments: &[&str],
        object: Option<PathBuf>,
    ) -> Self {
        command.args(["--format", "json"]).args(arguments);
        if let Some(object) = object {
            command.arg("--bpf-object").arg(object);
        }
        let mut running = tracer::Tracer::spawn(command.stdout(Stdio::piped()), None).unwrap();
        let printed = read_to_end(running.take_stdout().unwrap());
        Self { running, printed }
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.running.pid()
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.process(), signal).unwrap();
    }

    /// Stops it (SIGSTOP), and returns once all its threads stand still: `kill(2)` returns
    /// earlier, and on a busy machine it goes on reading for a while.
    pub(crate) fn stop(&self) {
        self.signal(Signal::STOP);
        let waited = waitpid(Some(self.process()), WaitOptions::UNTRACED).unwrap();
        let (_, status) = waited.expect("it was waited for");
        assert_eq!(status.stopping_signal(), Some(Signal::STOP.as_raw()));
    }

    fn process(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.pid()).unwrap()).unwrap()
    }

    /// Ends the trace with SIGINT and reads what it said.
    pub(crate) fn finish(self) -> Trace {
        self.signal(Signal::INT);
        self.wait()
    }

    /// Waits for the end of the trace and reads what it said.
    pub(crate) fn wait(self) -> Trace {
        let output = self
            .printed
            .recv_timeout(LIMIT)
            .expect("zkchurn ends in time");
        self.running.wait().unwrap();
        Trace::parse(&output.unwrap()).unwrap()
    }
}

fn read_to_end(mut stdout: ChildStdout) -> mpsc::Receiver<io::Result<String>> {
    let (send, printed) = mpsc::channel();
    thread::spawn(move || {
        let mut output = String::new();
        let read = stdout.read_to_string(&mut output);
        send.send(read.map(|_| output))
    });
    printed
}

/// Reads zkchurn's messages until it is attached; what came with the last of them is
/// handed back.
pub(crate) fn await_tracing(stderr: &mut impl Read) -> Vec<u8> {
    let mut said = Vec::new();
    while !String::from_utf8_lossy(&said).contains("zkchurn: tracing") {
        let mut part = [0; 256];
        let length = stderr.read(&mut part).unwrap();
        assert!(
            length > 0,
            "zkchurn ended: {}",
            String::from_utf8_lossy(&said)
        );
        said.extend_from_slice(&part[..length]);
    }
    said
}

/// Asserts fields of a JSON object, naming the one that differs.
pub(crate) fn assert_fields(value: &Value, expected: &Value) {
    for (name, expected) in expected.as_object().unwrap() {
        assert_eq!(&value[name], expected, "{name} of {value:#}");
    }
}

/// Waits until `condition` holds, at most `limit`.
pub(crate) fn wait_for(limit: Duration, what: &str, mut condition: impl FnMut() -> bool) {
    wait::until(what, limit, || Ok(condition().then_some(()))).unwrap();
}
