// SPDX-License-Identifier: MIT
//! Another program that runs beside this one and cannot outlive it.

use std::io::Write as _;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use rustix::process::{Signal, kill_process};
use xtask::{command, privilege};

use super::wait;

const ENDS_WITHIN: Duration = Duration::from_secs(20);

/// A running program. It is ended when this is dropped.
pub struct Program {
    child: Child,
}

impl Program {
    /// Starts it with an input that stays open.
    pub fn start(command: &mut Command) -> Result<Self> {
        Self::start_as_it_is(command.stdin(Stdio::piped()))
    }

    /// Starts it with the input that the command has.
    pub fn start_as_it_is(command: &mut Command) -> Result<Self> {
        let child = command
            .spawn()
            .with_context(|| format!("cannot run `{}`", command::shown(command)))?;
        Ok(Self { child })
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Writes a line to its input.
    pub fn tell(&mut self, line: &str) -> Result<()> {
        let input = self
            .child
            .stdin
            .as_mut()
            .context("a program without input")?;
        writeln!(input, "{line}").context("a program does not listen")
    }

    /// Writes its whole input and waits until it has ended by itself, well or
    /// not: some end with a complaint whatever they did.
    pub fn feed(mut self, input: &[u8], at_most: Duration) -> Result<()> {
        if let Some(mut stdin) = self.child.stdin.take() {
            // It may have ended already.
            let _ = stdin.write_all(input);
        }
        self.ended(at_most)?;
        Ok(())
    }

    /// Sends it a signal, such as STOP or CONT.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        kill_process(privilege::pid_of(&self.child)?, signal).context("cannot signal a program")
    }

    /// Waits until it has ended by itself, and well.
    pub fn wait(&mut self, at_most: Duration) -> Result<()> {
        let status = self.ended(at_most)?;
        ensure!(status.success(), "a program failed: {status}");
        Ok(())
    }

    /// Ends it and waits until it has ended.
    pub fn stop(&mut self) -> Result<()> {
        if self.child.try_wait()?.is_none() {
            self.signal(Signal::TERM)?;
            // A stopped one takes the signal only when it goes on.
            self.signal(Signal::CONT)?;
        }
        self.ended(ENDS_WITHIN)?;
        Ok(())
    }

    fn ended(&mut self, at_most: Duration) -> Result<std::process::ExitStatus> {
        let what = format!("program {} to end", self.pid());
        wait::until(&what, at_most, || Ok(self.child.try_wait()?))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if self.stop().is_err() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}
