// SPDX-License-Identifier: MIT
//! lab/bench/measurements.json: every measurement, and where it was made.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use xtask::{command, workspace};

use super::sample::Sample;

/// The file.
#[derive(Serialize, Deserialize)]
pub(super) struct Archive {
    /// The kernel.
    pub linux: String,
    /// CPUs of the machine.
    pub cpus: usize,
    /// The other tools' versions, as Debian's packages have them.
    pub peers: String,
    /// How many rounds it came from, those with some legs only included.
    pub rounds: usize,
    /// What was measured.
    pub samples: Vec<Sample>,
}

impl Archive {
    /// Without measurements, for this machine.
    pub(super) fn new() -> Result<Self> {
        let uname = rustix::system::uname();
        Ok(Self {
            linux: uname.release().to_string_lossy().into_owned(),
            cpus: std::thread::available_parallelism()?.get(),
            peers: peers(),
            rounds: 0,
            samples: Vec::new(),
        })
    }

    /// As the file holds it.
    pub(super) fn read() -> Result<Self> {
        let path = path();
        let text =
            fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        serde_json::from_str(&text).with_context(|| format!("{} is damaged", path.display()))
    }

    /// Writes the file, a line for each measurement: it is under version control.
    pub(super) fn write(&self) -> Result<()> {
        let samples: Vec<_> = self
            .samples
            .iter()
            .map(serde_json::to_string)
            .collect::<Result<_, _>>()?;
        let head = serde_json::to_string(&Self {
            linux: self.linux.clone(),
            peers: self.peers.clone(),
            samples: Vec::new(),
            ..*self
        })?;
        let head = head
            .strip_suffix("]}")
            .context("samples are the last field")?;
        let path = path();
        fs::write(&path, format!("{head}\n{}\n]}}\n", samples.join(",\n")))
            .with_context(|| format!("cannot write {}", path.display()))
    }
}

fn path() -> PathBuf {
    workspace::root().join("lab/bench/measurements.json")
}

/// Elsewhere than on Debian nobody can be asked.
fn peers() -> String {
    let mut query = Command::new("dpkg-query");
    query.args([
        "-W",
        "-f",
        "${Package} ${Version}\n",
        "bpftrace",
        "libbpf-tools",
        "tcpdump",
    ]);
    command::output(&mut query).map_or_else(
        |_| "not known".to_owned(),
        |said| said.trim().replace('\n', ", "),
    )
}
