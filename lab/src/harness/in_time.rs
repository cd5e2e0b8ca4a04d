// SPDX-License-Identifier: MIT
//! Other programs, waited for with a limit: a test that would hang fails instead.

use std::{
    io,
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

/// The longest that any program may take: several times what the slowest needs
/// on a busy machine.
pub const LIMIT: Duration = Duration::from_secs(120);

/// A command that is run to its end.
pub trait CommandInTime {
    /// [`Command::output`]; panics after [`LIMIT`].
    fn output_in_time(&mut self) -> io::Result<Output>;

    /// [`Command::status`]; panics after [`LIMIT`].
    fn status_in_time(&mut self) -> io::Result<ExitStatus>;
}

/// A child that is waited for.
pub trait ChildInTime {
    /// [`Child::wait`]; kills the child and panics after [`LIMIT`].
    fn wait_in_time(&mut self) -> io::Result<ExitStatus>;

    /// [`Child::wait_with_output`]; kills the child and panics after [`LIMIT`].
    fn output_in_time(self) -> io::Result<Output>;
}

impl CommandInTime for Command {
    fn output_in_time(&mut self) -> io::Result<Output> {
        self.stdin(Stdio::null());
        let child = self.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        child.output_in_time()
    }

    fn status_in_time(&mut self) -> io::Result<ExitStatus> {
        self.spawn()?.wait_in_time()
    }
}

impl ChildInTime for Child {
    fn wait_in_time(&mut self) -> io::Result<ExitStatus> {
        // Else a child that reads to the end of its input never ends.
        drop(self.stdin.take());
        let deadline = Instant::now() + LIMIT;
        loop {
            if let Some(status) = self.try_wait()? {
                return Ok(status);
            }
            if Instant::now() > deadline {
                let _ = self.kill();
                panic!("process {} has not ended after {LIMIT:?}", self.id());
            }
            thread::sleep(Duration::from_millis(5));
        }
    }

    fn output_in_time(self) -> io::Result<Output> {
        let pid = Pid::from_child(&self);
        let (send, receive) = mpsc::channel();
        thread::spawn(move || send.send(self.wait_with_output()));
        receive.recv_timeout(LIMIT).unwrap_or_else(|_| {
            // Nobody has reaped it: its pipes are read to their ends first.
            let _ = kill_process(pid, Signal::KILL);
            panic!("process {} has not ended after {LIMIT:?}", pid.as_raw_pid());
        })
    }
}
