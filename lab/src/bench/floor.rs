// SPDX-License-Identifier: MIT
//! The floor: a BPF program that does nothing, at the tracepoint that zkchurn
//! uses, and the switch for BPF statistics.

use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use aya::programs::BtfTracePoint;
use aya::sys::{Stats, enable_stats};
use aya::{Btf, Ebpf};
use xtask::setup::bench::assembler;
use xtask::{command, workspace};

const HOOK: &str = "inet_sock_set_state";

/// Has the kernel count the runs and the time of all programs, as long as this
/// descriptor is open (`BPF_ENABLE_STATS`).
pub(crate) fn count_runs() -> Result<OwnedFd> {
    enable_stats(Stats::RunTime).context("cannot switch BPF statistics on")
}

/// A program's object, from its source in lab/bench.
pub(crate) fn assemble(source: &str, into: &Path) -> Result<Vec<u8>> {
    let assembler = assembler().context("there is no llvm-mc")?;
    let object = into.join(source).with_extension("o");
    command::output(
        Command::new(assembler)
            .args(["-triple=bpfel", "-filetype=obj"])
            .arg(workspace::root().join("lab/bench").join(source))
            .arg("-o")
            .arg(&object),
    )?;
    std::fs::read(&object).with_context(|| format!("cannot read {}", object.display()))
}

/// Attaches the empty program until what is returned is dropped.
pub(crate) fn attach(object: &[u8]) -> Result<Ebpf> {
    let mut ebpf = Ebpf::load(object).context("cannot read the empty program")?;
    let program = ebpf.program_mut("empty").context("no program `empty`")?;
    let program: &mut BtfTracePoint = program.try_into()?;
    program.load(HOOK, &Btf::from_sys_fs()?)?;
    program.attach()?;
    Ok(ebpf)
}
