// SPDX-License-Identifier: MIT
//! What Prometheus itself says of what is exported, and of the alert rules in
//! contrib/prometheus. A test of the core crate holds the example there to what it exports.

use std::fs::File;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use crate::{command, setup, workspace};

/// Has promtool check the example and the rules, and try the rules.
pub(crate) fn run() -> Result<()> {
    let directory = workspace::root().join("contrib/prometheus");
    let promtool = || -> Result<Command> {
        let mut promtool = Command::new(setup::prometheus::promtool()?);
        promtool.current_dir(&directory);
        Ok(promtool)
    };
    let example = directory.join("example.prom");
    let example =
        File::open(&example).with_context(|| format!("cannot read {}", example.display()))?;
    command::run(
        promtool()?
            .args(["check", "metrics"])
            .stdin(Stdio::from(example)),
    )?;
    command::run(promtool()?.args(["check", "rules", "zkchurn.rules.yml"]))?;
    command::run(promtool()?.args(["test", "rules", "zkchurn.test.yml"]))
}
