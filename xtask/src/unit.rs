// SPDX-License-Identifier: MIT
//! What systemd itself says of the unit in contrib/systemd: that it understands all of it, and
//! how much of the host it is exposed to.

use std::{fs, path::Path, process::Command};

use anyhow::{Context, Result, ensure};

use crate::{command, workspace};

const PROGRAM: &str = "systemd-analyze";
const UNIT: &str = "zkchurn-agent.service";
/// Its drop-ins: for who is to be served counts, and for a collector.
const DROP_INS: [&str; 2] = ["listen.conf", "otlp.conf"];
/// Ten times the exposure that is accepted, of 100 for a unit that restricts nothing: by itself, and
/// with any of the drop-ins, which let it have sockets of the Internet.
const MOST_EXPOSED: u32 = 29;
const MOST_EXPOSED_WITH_DROP_INS: u32 = 30;

/// Has it look at the unit.
pub(crate) fn run() -> Result<()> {
    let unit = workspace::root().join("contrib/systemd").join(UNIT);
    let directory = workspace::target("unit")?;
    fs::create_dir_all(&directory)?;
    let text =
        fs::read_to_string(&unit).with_context(|| format!("cannot read {}", unit.display()))?;
    // A program that is there on any host.
    let drop_in = directory.join(format!("{UNIT}.d"));
    fs::create_dir_all(&drop_in)?;
    for name in DROP_INS {
        fs::copy(unit.with_file_name(name), drop_in.join(name))
            .with_context(|| format!("{name} of contrib/systemd cannot be copied"))?;
    }
    let installed = text.replace("/usr/bin/zkchurn ", "/bin/true ");
    ensure!(installed != text, "the unit starts /usr/bin/zkchurn");
    let checked = directory.join(UNIT);
    fs::write(&checked, installed)?;
    // It returns 0 where it has ignored a line, and says so on standard error.
    let said = Command::new(PROGRAM)
        .args(["verify", "--man=no"])
        .arg(&checked)
        .output()
        .with_context(|| format!("{PROGRAM} of the package systemd cannot be run"))?;
    let complaint = String::from_utf8_lossy(&said.stderr);
    let complaints = complaint.lines();
    let is_ours = |line: &&str| {
        let mut ours = DROP_INS.iter().chain([&UNIT]);
        ours.any(|name| line.contains(name))
    };
    let complaints = complaints.filter(is_ours);
    let complaints: Vec<_> = complaints.collect();
    ensure!(
        said.status.success() && complaints.is_empty(),
        "systemd does not understand the unit: {complaint}"
    );
    is_exposed_at_most(MOST_EXPOSED, &unit)?;
    is_exposed_at_most(MOST_EXPOSED_WITH_DROP_INS, &checked)
}

fn is_exposed_at_most(most: u32, unit: &Path) -> Result<()> {
    let threshold = format!("--threshold={most}");
    let security = ["security", "--offline=true", "--no-pager", &threshold];
    command::run(Command::new(PROGRAM).args(security).arg(unit))
}
