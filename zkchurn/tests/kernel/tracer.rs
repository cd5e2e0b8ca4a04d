// SPDX-License-Identifier: MIT
//! Running the real binary and reading its JSON.

use std::{
    io::{BufRead, BufReader, Read},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{
        atomic::{AtomicU16, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::Value;

use crate::in_time::{ChildInTime, LIMIT};

/// A port that no other test of this run uses, so that tests may run side by
/// side although zkchurn sees all network namespaces.
pub fn unused_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(21_000);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// The object under test, unless it is the built-in one.
pub fn object() -> Option<PathBuf> {
    std::env::var_os("ZKCHURN_BPF_OBJECT").map(PathBuf::from)
}

/// zkchurn, tracing.
pub struct Tracer {
    child: Child,
}

/// What zkchurn said.
#[derive(Debug)]
pub struct Trace {
    /// The lines of type `connection`.
    pub connections: Vec<Value>,
    /// The line of type `report`, or `timewait` of that command.
    pub report: Value,
}

impl Tracer {
    /// Starts zkchurn with `arguments` and waits until it is attached.
    pub fn start(arguments: &[&str]) -> Self {
        Self::start_command(Command::new(env!("CARGO_BIN_EXE_zkchurn")), arguments)
    }

    /// The same for a command that runs zkchurn in some environment.
    pub fn start_command(command: Command, arguments: &[&str]) -> Self {
        Self::start_with(command, arguments, object())
    }

    /// The same with an object of the caller's choice; `None` for the built-in one.
    pub fn start_with(mut command: Command, arguments: &[&str], object: Option<PathBuf>) -> Self {
        command.args(["--format", "json"]).args(arguments);
        if let Some(object) = object {
            command.arg("--bpf-object").arg(object);
        }
        let child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut tracer = Self { child };
        wait_until_attached(&mut tracer.child);
        tracer
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).unwrap();
        kill(Pid::from_raw(pid), signal).unwrap();
    }

    /// Ends the trace with SIGINT and reads what it said.
    pub fn finish(self) -> Trace {
        self.signal(Signal::SIGINT);
        self.wait()
    }

    /// Waits for the end of the trace and reads what it said.
    pub fn wait(mut self) -> Trace {
        let mut stdout = self.child.stdout.take().unwrap();
        let (send, printed) = mpsc::channel();
        thread::spawn(move || {
            let mut output = String::new();
            let read = stdout.read_to_string(&mut output);
            send.send(read.map(|_| output))
        });
        let output = printed.recv_timeout(LIMIT).expect("zkchurn ends in time");
        let output = output.unwrap();
        let status = self.child.wait_in_time().unwrap();
        assert!(status.success(), "zkchurn ended with {status}");
        Trace::parse(&output)
    }
}

impl Drop for Tracer {
    fn drop(&mut self) {
        // Fails when it has ended already, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn wait_until_attached(child: &mut Child) {
    let stderr = BufReader::new(child.stderr.take().unwrap());
    let (send, lines) = mpsc::channel();
    // Keep the pipe from filling up, and show what comes once nobody waits.
    thread::spawn(move || {
        for line in stderr.lines().map_while(Result::ok) {
            if let Err(mpsc::SendError(line)) = send.send(line) {
                eprintln!("{line}");
            }
        }
    });
    let mut said = Vec::new();
    loop {
        match lines.recv_timeout(LIMIT) {
            Ok(line) if line.starts_with("zkchurn: tracing") => return,
            Ok(line) => said.push(line),
            Err(error) => panic!("zkchurn does not trace ({error}): {said:#?}"),
        }
    }
}

impl Trace {
    /// Reads newline-delimited JSON.
    pub fn parse(output: &str) -> Self {
        let mut connections = Vec::new();
        let mut report = Value::Null;
        for line in output.lines() {
            let value: Value = serde_json::from_str(line).unwrap();
            match value["type"].as_str().unwrap() {
                "connection" => connections.push(value),
                "report" | "timewait" => report = value,
                _ => {}
            }
        }
        assert!(!report.is_null(), "no report in {output}");
        Self {
            connections,
            report,
        }
    }

    /// The only connection.
    pub fn only(&self) -> &Value {
        assert_eq!(self.connections.len(), 1, "{:#?}", self.connections);
        &self.connections[0]
    }

    /// A counter of what could not be recorded.
    pub fn loss(&self, name: &str) -> u64 {
        self.report["loss"][name].as_u64().unwrap()
    }

    /// Asserts that no connection was lost. Recursion misses are not asserted:
    /// the kernel may skip the program on any busy CPU, and what a test asks of
    /// its connections tells whether that hid anything.
    pub fn assert_nothing_lost(&self) {
        for counter in [
            "ended_records_dropped",
            "established_records_dropped",
            "table_full",
            "unmatched_closes",
            "undecodable_records",
        ] {
            assert_eq!(self.loss(counter), 0, "{counter}: {}", self.report["loss"]);
        }
    }
}

/// Asserts fields of a JSON object, naming the one that differs.
pub fn assert_fields(value: &Value, expected: &Value) {
    for (name, expected) in expected.as_object().unwrap() {
        assert_eq!(&value[name], expected, "{name} of {value:#}");
    }
}

/// Waits until `condition` holds, at most `limit`.
pub fn wait_for(limit: Duration, what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + limit;
    while !condition() {
        assert!(Instant::now() < deadline, "{what} within {limit:?}");
        thread::sleep(Duration::from_millis(5));
    }
}
