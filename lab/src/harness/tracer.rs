// SPDX-License-Identifier: MIT
//! zkchurn at work: started as root, known to be attached, ended by a signal.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use rustix::process::Signal;
use xtask::command::{self, dies_with_parent};
use xtask::privilege;

use super::wait;

/// What zkchurn says once it is attached.
const ATTACHED: &str = "zkchurn: tracing";
const ATTACHES_WITHIN: Duration = Duration::from_secs(60);
const ENDS_WITHIN: Duration = Duration::from_secs(30);
/// Should everything else fail, zkchurn ends by itself.
const AT_MOST: &str = "3600s";

/// A running zkchurn. It is ended when this is dropped.
pub struct Tracer {
    child: Child,
    complaints: Option<JoinHandle<()>>,
}

impl Tracer {
    /// Starts zkchurn with these arguments and waits until it is attached.
    /// What it prints goes to this process's own output.
    pub fn start(zkchurn: &Path, args: &[&str], recording: &Path) -> Result<Self> {
        Self::start_into(zkchurn, args, recording, None)
    }

    /// The same, with all that it prints in a file: of several at once nobody
    /// could tell who says what.
    pub fn start_quietly(
        zkchurn: &Path,
        args: &[&str],
        recording: &Path,
        output: &Path,
    ) -> Result<Self> {
        let file =
            File::create(output).with_context(|| format!("cannot make {}", output.display()))?;
        Self::start_into(zkchurn, args, recording, Some(file))
    }

    /// The same, with what it prints for the caller to read.
    pub fn start_reading(
        zkchurn: &Path,
        args: &[&str],
        recording: &Path,
    ) -> Result<(Self, ChildStdout)> {
        let mut command = Self::command(zkchurn, args, recording);
        let mut tracer = Self::spawn(command.stdout(Stdio::piped()), None)?;
        let stdout = tracer.take_stdout()?;
        Ok((tracer, stdout))
    }

    /// What it prints, of a command with a pipe for its output.
    pub fn take_stdout(&mut self) -> Result<ChildStdout> {
        self.child.stdout.take().context("no pipe to read from")
    }

    /// The process id: sudo's, where that runs it.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    fn start_into(
        zkchurn: &Path,
        args: &[&str],
        recording: &Path,
        output: Option<File>,
    ) -> Result<Self> {
        let mut command = Self::command(zkchurn, args, recording);
        if let Some(file) = &output {
            command.stdout(file.try_clone()?);
        }
        Self::spawn(&mut command, output)
    }

    fn command(zkchurn: &Path, args: &[&str], recording: &Path) -> Command {
        let mut command = if privilege::is_root() {
            dies_with_parent(zkchurn)
        } else {
            privilege::as_root(zkchurn)
        };
        command
            .args(args)
            .args(["--duration", AT_MOST, "--record"])
            .arg(recording)
            .stdin(Stdio::null());
        command
    }

    /// Starts a command that is zkchurn or becomes it, and waits until it is
    /// attached. Its messages go into this file; without one, they are passed on.
    pub fn spawn(command: &mut Command, messages: Option<File>) -> Result<Self> {
        let mut child = command
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot run `{}`", command::shown(command)))?;
        let stderr = child.stderr.take();
        let (tell, attached) = mpsc::channel();
        let complaints =
            stderr.map(|stderr| thread::spawn(move || pass_on(stderr, &tell, messages)));
        let tracer = Self { child, complaints };
        tracer.wait_until_attached(&attached)?;
        Ok(tracer)
    }

    fn wait_until_attached(&self, attached: &Receiver<()>) -> Result<()> {
        attached
            .recv_timeout(ATTACHES_WITHIN)
            .with_context(|| format!("zkchurn never said `{ATTACHED} …`; its own words tell why"))
    }

    /// Ends the trace as Ctrl-C would and waits for the report.
    pub fn stop(self) -> Result<()> {
        self.signal(Signal::INT)?;
        self.wait()
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        privilege::signal(&self.child, signal)
    }

    /// Waits until it has ended by itself, and well.
    pub fn wait(mut self) -> Result<()> {
        let status = wait::until("zkchurn's report", ENDS_WITHIN, || {
            Ok(self.child.try_wait()?)
        })?;
        if let Some(complaints) = self.complaints.take() {
            ensure!(complaints.join().is_ok(), "cannot read zkchurn's messages");
        }
        if !status.success() {
            bail!("zkchurn failed: {status}");
        }
        Ok(())
    }
}

impl Drop for Tracer {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(Some(_))) {
            return;
        }
        // Not KILL: sudo could not pass it on, and zkchurn would live on.
        let _ = self.signal(Signal::TERM);
        // A stopped one takes the signal only when it goes on.
        let _ = self.signal(Signal::CONT);
        let ended = wait::until("zkchurn to end", ENDS_WITHIN, || {
            Ok(self.child.try_wait()?)
        });
        if ended.is_err() {
            let _ = self.child.kill();
        }
    }
}

fn pass_on(stderr: ChildStderr, attached: &Sender<()>, mut output: Option<File>) {
    for line in BufReader::new(stderr).lines().map_while(Result::ok) {
        match &mut output {
            // The trace goes on, whatever becomes of its messages.
            Some(file) => drop(writeln!(file, "{line}")),
            None => eprintln!("{line}"),
        }
        if line.starts_with(ATTACHED) {
            // Nobody waits any longer when it says so twice.
            let _ = attached.send(());
        }
    }
}
