// SPDX-License-Identifier: MIT
//! One recording, made and replayed at once through a pipe, so that no disk has to hold
//! gigabytes.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
use xtask::command;
use zkchurn_lab::harness::proc;

use super::Scene;

/// How often the memory is looked at: it only ever grows, and is kept by the kernel.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// The two programs.
pub(super) struct Programs {
    zkchurn: PathBuf,
    generator: PathBuf,
}

/// What a replay cost.
pub(super) struct Measured {
    /// Records for each second of the replay's processor time, its system calls included.
    pub per_second: f64,
    /// Most resident memory, KiB.
    pub peak_kib: u64,
}

impl Programs {
    /// Builds both for release.
    pub(super) fn build() -> Result<Self> {
        let mut cargo = command::cargo();
        cargo.args(["build", "--release", "--package", "zkchurn"]);
        cargo.args(["--example", "churn_recording"]);
        Ok(Self {
            generator: command::built(&mut cargo, "churn_recording")?,
            zkchurn: command::zkchurn()?,
        })
    }

    /// Makes the recording and replays it.
    pub(super) fn replay(&self, scene: Scene) -> Result<Measured> {
        let mut generator = Command::new(&self.generator)
            .args(["--connections", &(scene.records / 2).to_string()])
            .args(["--threads", &scene.threads.to_string()])
            .args(["--servers", &scene.servers.to_string()])
            .args(["--live", &scene.live.to_string()])
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start the generator")?;
        let recording = generator.stdout.take().context("no pipe to read from")?;
        let mut replay = Command::new(&self.zkchurn)
            .args(["replay", "/dev/stdin", "--format", "text"])
            .stdin(recording)
            .stdout(Stdio::null())
            .spawn()
            .context("cannot start zkchurn")?;
        let measured = watch(&replay, scene.records);
        let status = replay.wait()?;
        ensure!(status.success(), "the replay failed: {status}");
        ensure!(generator.wait()?.success(), "the generator failed");
        measured
    }
}

/// Waits for the end, without taking it from the kernel: what a process took can be
/// read as long as nobody has waited for it.
fn watch(replay: &Child, records: u64) -> Result<Measured> {
    let pid = replay.id();
    let id = Pid::from_raw(pid.cast_signed()).context("no pid")?;
    let ended = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
    let mut peak_kib = 0;
    while waitid(WaitId::Pid(id), ended)?.is_none() {
        // The line is missing in the moment between the end and the notice of it.
        let peak = proc::status(pid).ok().and_then(|now| now.number("VmHWM"));
        peak_kib = peak.unwrap_or(peak_kib);
        thread::sleep(LOOK_EVERY);
    }
    let seconds = proc::ticks(pid)?.used as f64 / proc::TICKS_PER_SECOND as f64;
    ensure!(seconds > 0.0 && peak_kib > 0, "too short to be measured");
    Ok(Measured {
        per_second: records as f64 / seconds,
        peak_kib,
    })
}
