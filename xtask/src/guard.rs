// SPDX-License-Identifier: MIT
//! A run that is killed leaves nothing behind (docs/adr/0031-guarded-runs.md).
//!
//! ```text
//! runner        what was started; waits, and passes the exit code on
//! └─ guard      in a process group of its own; whatever loses its parent becomes its child
//!    └─ work    the verb itself, in the runner's process group, with a TMPDIR of its own
//! ```
//!
//! The guard cleans up when the work has ended, and when the runner has: a pipe between them
//! breaks. It also does when it is told to end: `pkill xtask` tells all three at once. The
//! runner cleans up when the guard has been killed. None of the three can be ended without
//! another one noticing.

pub(crate) mod descendants;
mod leftovers;

use std::ffi::OsString;
use std::io::Read as _;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _, parent_id};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;
use rustix::process::{getpgrp, getpid, set_child_subreaper, setpgid};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use self::leftovers::Leftovers;

/// Tells the work who guards it.
const GUARD: &str = "ZKCHURN_XTASK_GUARD";
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

/// Options of the guard.
#[derive(Args)]
pub(crate) struct Options {
    /// Where temporary files go; one is made unless it is named
    #[arg(long, value_name = "DIRECTORY")]
    directory: Option<PathBuf>,
    /// What is guarded
    #[arg(value_name = "PROGRAM", required = true, trailing_var_arg = true)]
    program: Vec<OsString>,
}

/// Does the work, which is this verb as it was typed, under a guard.
pub(crate) fn guarded(work: impl FnOnce() -> Result<()>) -> Result<ExitCode> {
    let guard = std::env::var(GUARD).ok().and_then(|pid| pid.parse().ok());
    if guard == Some(parent_id()) {
        return work().map(|()| ExitCode::SUCCESS);
    }
    run()
}

/// The runner.
fn run() -> Result<ExitCode> {
    let program = std::env::current_exe().context("this program has no path")?;
    set_child_subreaper(Some(getpid())).context("cannot take over what loses its parent")?;
    // Of the runner's making: whoever cleans up knows it.
    let directory = new_directory()?;
    let mut guard = Command::new(&program)
        .args(["guard", "--directory"])
        .arg(&directory)
        .arg(&program)
        .args(std::env::args_os().skip(1))
        .stdin(Stdio::piped())
        .spawn()
        .context("cannot start a guard for this run")?;
    // Waiting closes a pipe that is still in the child.
    let _open = guard.stdin.take();
    let status = guard.wait().context("cannot wait for the guard")?;
    if status.code().is_none() {
        // It was killed, and had no time for it.
        Leftovers { directory }.remove();
    }
    Ok(exit_code(status))
}

/// The guard: runs the program until it has ended or nobody waits for it any longer, and
/// removes what is left then.
pub(crate) fn guard(options: &Options) -> Result<ExitCode> {
    set_child_subreaper(Some(getpid())).context("cannot take over what loses its parent")?;
    let group = getpgrp();
    // What is sent to the run's group, as a terminal and timeout(1) do, ends the run and not
    // its guard.
    setpgid(None, None).context("cannot leave the process group")?;
    let directory = match &options.directory {
        Some(directory) => directory.clone(),
        None => new_directory()?,
    };
    let leftovers = Leftovers { directory };
    let ended = work(&options.program, group.as_raw_pid(), &leftovers);
    leftovers.remove();
    ended.map(|status| status.map_or(ExitCode::FAILURE, exit_code))
}

fn new_directory() -> Result<PathBuf> {
    let directory = tempfile::Builder::new().prefix("zkchurn-run-").tempdir();
    let directory = directory.context("cannot make a temporary directory")?;
    Ok(directory.keep())
}

/// Runs it in this process group; `None` where nobody waits for it any longer.
fn work(words: &[OsString], group: i32, leftovers: &Leftovers) -> Result<Option<ExitStatus>> {
    let [program, arguments @ ..] = words else {
        anyhow::bail!("there is nothing to run");
    };
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env(GUARD, std::process::id().to_string())
        .stdin(Stdio::null())
        .env("TMPDIR", &leftovers.directory)
        .process_group(group);
    let child = command.spawn();
    let child = child.with_context(|| format!("cannot run {}", Path::new(program).display()))?;
    let is_over = runner_is_gone();
    for signal in [SIGTERM, SIGINT, SIGHUP] {
        signal_hook::flag::register(signal, Arc::clone(&is_over))
            .context("cannot handle signals")?;
    }
    wait(child, &is_over)
}

fn wait(mut child: Child, is_gone: &AtomicBool) -> Result<Option<ExitStatus>> {
    while !is_gone.load(Ordering::Relaxed) {
        if let Some(status) = child.try_wait().context("cannot wait for the work")? {
            return Ok(Some(status));
        }
        thread::sleep(BETWEEN_LOOKS);
    }
    Ok(None)
}

/// Becomes true when the other end of the standard input is closed.
fn runner_is_gone() -> Arc<AtomicBool> {
    let gone = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&gone);
    thread::spawn(move || {
        let mut input = std::io::stdin();
        while matches!(input.read(&mut [0; 64]), Ok(1..)) {}
        told.store(true, Ordering::Relaxed);
    });
    gone
}

/// That of a shell: 128 and the signal where one ended it.
fn exit_code(status: ExitStatus) -> ExitCode {
    let code = status.code().or_else(|| Some(128 + status.signal()?));
    let code = code.and_then(|code| u8::try_from(code).ok());
    code.map_or(ExitCode::FAILURE, ExitCode::from)
}
