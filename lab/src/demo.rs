// SPDX-License-Identifier: MIT
//! `demo`: churn of four kinds on loopback, traced by zkchurn, and what was
//! recorded counted against what was done.

mod churn;
pub(crate) mod load;
mod offer;
pub(crate) mod server;
mod verdict;
mod wire;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;
use xtask::{command, privilege, wait, workspace};
use zkchurn_lab::harness::tracer::Tracer;

use self::load::Summary;
use self::server::Ports;
use crate::recorded::Recorded;

/// Several times what a part takes to end on a busy machine.
const ENDS_WITHIN: Duration = Duration::from_secs(120);

/// Options of `demo`.
#[derive(Args)]
pub(crate) struct Options {
    /// How long the load runs
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=3600))]
    seconds: u64,
    /// Trace with this zkchurn instead of building one
    #[arg(long, value_name = "FILE")]
    zkchurn: Option<PathBuf>,
    /// Start this program to trace; it becomes zkchurn, perhaps in another root file system
    #[arg(long, value_name = "FILE", requires = "zkchurn")]
    through: Option<PathBuf>,
    /// Write the recording into this directory
    #[arg(long, value_name = "DIR")]
    recordings: Option<PathBuf>,
}

/// Runs the verb.
pub(crate) fn run(options: &Options) -> Result<()> {
    let zkchurn = match &options.zkchurn {
        Some(built) => built.clone(),
        None => command::zkchurn()?,
    };
    let through = options.through.as_ref().unwrap_or(&zkchurn);
    privilege::acquire("to trace connections in the kernel")?;
    let mut server = Helper::start("demo-server", &[])?;
    let ports: Ports = server.read_line()?;
    explain(options.seconds, &ports);

    let scratch = workspace::scratch("demo")?;
    let directory = options.recordings.as_deref().unwrap_or(scratch.path());
    let recording = directory.join("demo.zkchurn");
    let summary = traced(through, &ports, options.seconds, &recording)?;
    server.finish()?;
    verdict::print_and_check(&summary, &Recorded::replay(&zkchurn, &recording)?)?;
    // Whoever names a directory has plans of their own.
    match options.recordings {
        Some(_) => Ok(()),
        None => offer::both(&zkchurn, &recording),
    }
}

/// The load starts after the tracer and ends before it: not one connection
/// is cut off by either end of the trace.
fn traced(zkchurn: &Path, ports: &Ports, seconds: u64, recording: &Path) -> Result<Summary> {
    let watched = format!("{},{}", ports.server, ports.refused);
    let tracer = Tracer::start(zkchurn, &["--port", &watched], recording)?;
    let mut load = Helper::start(
        "demo-load",
        &[
            "--server",
            &ports.server.to_string(),
            "--refused",
            &ports.refused.to_string(),
        ],
    )?;
    thread::sleep(Duration::from_secs(seconds));
    load.ask_to_stop();
    let summary = load.read_line()?;
    load.finish()?;
    tracer.stop()?;
    Ok(summary)
}

fn explain(seconds: u64, ports: &Ports) {
    println!(
        "\
demo: {seconds} s of four kinds of churn on loopback, all from one process:
  main-SendThread   the incident: one thread connects to port {server}, sends
                    nothing, half-closes after 1 to 3 ms and tries again after
                    1.1 to 2.1 s, here a quarter of that
  tcp-probe         a health check: connects to 127.0.0.2 and closes at once,
                    every 1.00 s
  request-N         a client per request to 127.0.0.3: a new thread,
                    a ZooKeeper session, and away
  refused-client    connects to port {refused}, where nobody listens
",
        server = ports.server,
        refused = ports.refused
    );
}

/// A part of the demo in a process of its own. It runs until its standard
/// input ends, so it cannot outlive this process, however this one dies.
pub(crate) struct Helper {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<std::process::ChildStdout>,
}

impl Helper {
    /// Starts a verb of this program in a process of its own.
    pub(crate) fn start(verb: &str, args: &[&str]) -> Result<Self> {
        let program = std::env::current_exe().context("cannot tell where this program is")?;
        let mut child = Command::new(program)
            .arg(verb)
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {verb}"))?;
        let stdin = child.stdin.take();
        let stdout = child.stdout.take().context("no pipe to read from")?;
        Ok(Self {
            child,
            stdin,
            stdout: BufReader::new(stdout),
        })
    }

    /// Reads one line of JSON that it prints.
    pub(crate) fn read_line<T: serde::de::DeserializeOwned>(&mut self) -> Result<T> {
        let mut line = String::new();
        self.stdout.by_ref().take(1 << 20).read_line(&mut line)?;
        serde_json::from_str(&line).with_context(|| format!("a part of the demo said {line:?}"))
    }

    /// Has it print a line, and reads that.
    pub(crate) fn ask<T: serde::de::DeserializeOwned>(&mut self) -> Result<T> {
        let stdin = self.stdin.as_mut().context("a part that is to stop")?;
        stdin.write_all(b"\n")?;
        self.read_line()
    }

    /// Ends its input, upon which it ends.
    pub(crate) fn ask_to_stop(&mut self) {
        drop(self.stdin.take());
    }

    /// Waits until it has ended, and well.
    pub(crate) fn finish(mut self) -> Result<()> {
        self.ask_to_stop();
        let status = wait::until("a part of the demo to end", ENDS_WITHIN, || {
            Ok(self.child.try_wait()?)
        })?;
        anyhow::ensure!(status.success(), "a part of the demo failed: {status}");
        Ok(())
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        // It has ended in the ordinary case, and then this does nothing.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
