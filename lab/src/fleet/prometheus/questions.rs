// SPDX-License-Identifier: MIT
//! What contrib asks a Prometheus: each alert of contrib/prometheus, and panels of the dashboard in
//! contrib/grafana that name hosts; and whom each has to name.

use std::fs;

use anyhow::{Context, Result};
use serde_json::Value;
use xtask::workspace;

use super::api::Rule;
use crate::fleet::host::Planted;

/// A question and its right answer.
pub(super) struct Question {
    pub name: String,
    pub expr: String,
    pub names: Wanted,
}

/// Whom an answer has to name.
#[derive(Clone, Copy, Debug)]
pub(super) enum Wanted {
    /// These, and no other.
    Exactly(&'static [Planted]),
    /// Only these in the first rows, so many for each.
    First(&'static [Planted], usize),
    /// This many hosts fewer than there are, as a number.
    AllBut(f64),
    /// One number.
    Number(f64),
}

const CHURNING: &[Planted] = &[Planted::Churns, Planted::ChurnedUntilRestart];
const WITH_FINDING: &[Planted] = &[
    Planted::Churns,
    Planted::ChurnedUntilRestart,
    Planted::Leaks,
];
/// Connections of one program to each of the three servers.
const SERVERS: usize = 3;

/// Panels by their titles.
const PANELS: [(&str, Wanted); 5] = [
    ("Who churns most", Wanted::First(CHURNING, SERVERS)),
    ("What it is", Wanted::Exactly(WITH_FINDING)),
    ("Hosts that report", Wanted::AllBut(1.0)),
    ("Hosts that have fallen silent", Wanted::Number(1.0)),
    ("Hosts with a finding", Wanted::Number(5.0)),
];

/// All of them. An alert that is not named here has to name nobody.
pub(super) fn all(rules: &[Rule]) -> Result<Vec<Question>> {
    let alerts = rules.iter().filter(|rule| rule.is_alert());
    let alerts = alerts.map(|rule| Question {
        name: rule.name.clone(),
        expr: rule.query.clone(),
        names: Wanted::Exactly(named_by(&rule.name)),
    });
    let mut all: Vec<_> = alerts.collect();
    let dashboard = workspace::root().join("contrib/grafana/zkchurn.json");
    let dashboard: Value = serde_json::from_str(&fs::read_to_string(dashboard)?)?;
    let panels = dashboard["panels"].as_array().context("no panels")?;
    for (title, names) in PANELS {
        let panel = panels.iter().find(|panel| panel["title"] == title);
        let panel = panel.with_context(|| format!("the dashboard has no panel {title}"))?;
        let expr = panel["targets"][0]["expr"].as_str();
        let expr = expr.context("it asks nothing")?;
        all.push(Question {
            name: format!("{title} (dashboard)"),
            expr: expr
                .replace("$instance", ".*")
                .replace("$process", ".*")
                .replace("$__rate_interval", "5m"),
            names,
        });
    }
    Ok(all)
}

fn named_by(alert: &str) -> &'static [Planted] {
    match alert {
        "ZooKeeperClientChurn" => CHURNING,
        "ZooKeeperChurnDiagnosed" => WITH_FINDING,
        "ZkchurnSilent" => &[Planted::Silent],
        "ZkchurnClockAhead" => &[Planted::ClockAhead],
        _ => &[],
    }
}
