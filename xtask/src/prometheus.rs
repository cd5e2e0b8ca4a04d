// SPDX-License-Identifier: MIT
//! What Prometheus itself says of what is exported, of the alert rules in contrib/prometheus,
//! and of what the dashboard in contrib/grafana asks. A test of the core crate holds the example
//! there to what it exports.

mod dashboard;
mod server;

use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::{command, setup, workspace};

use self::dashboard::Dashboard;
pub(crate) use self::dashboard::write as write_dashboard;

/// Has promtool check the example and the rules, and try the rules; has Prometheus answer what
/// the dashboard asks.
pub(crate) fn run() -> Result<()> {
    let directory = workspace::root().join("contrib/prometheus");
    let promtool = || -> Result<Command> {
        let mut promtool = Command::new(setup::prometheus::promtool()?);
        promtool.current_dir(&directory);
        Ok(promtool)
    };
    let path = directory.join("example.prom");
    let example =
        fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    check_metrics(promtool()?, &example)?;
    command::run(promtool()?.args(["check", "rules", "zkchurn.rules.yml"]))?;
    command::run(promtool()?.args(["test", "rules", "zkchurn.test.yml"]))?;
    let dashboard = Dashboard::read()?;
    dashboard::check(&dashboard)?;
    server::answers(&dashboard.asked(), &example)
}

fn check_metrics(mut promtool: Command, example: &str) -> Result<()> {
    promtool.args(["check", "metrics"]).stdin(Stdio::piped());
    let mut checks = promtool.spawn().context("cannot run promtool")?;
    let stdin = checks.stdin.take().context("no pipe to promtool")?;
    let written = { stdin }.write_all(example.as_bytes());
    ensure!(checks.wait()?.success(), "promtool refuses the example");
    Ok(written?)
}
