// SPDX-License-Identifier: MIT
//! A real Prometheus over two hours of some hosts' counts, which promtool puts into its
//! database: what a dashboard asks has to have an answer there.

use std::fmt::Write as _;
use std::fs;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Result, ensure};
use xtask::prometheus_server::{Server, database};

use super::dashboard::Asked;
use crate::{command, setup, workspace};

/// Hosts that have the same counts; the last of them falls silent.
const HOSTS: [&str; 3] = ["shop-1:9142", "shop-2:9142", "silent:9142"];
const MINUTES: u64 = 120;
/// After which nothing comes from the silent host.
const SILENT_AFTER: u64 = 90;

/// What an agent has beside the example, which is of a trace.
const FINDING: &str = "zkchurn_findings{finding=\"client_per_request\",confidence=\"likely\",\
    process=\"java\",peer=\"10.0.0.5:2181\"} 1\n";

/// What a counter's name ends with; anything else is a gauge.
const COUNTERS: [&str; 4] = ["_total", "_bucket", "_sum", "_count"];

/// Asks a Prometheus each of these.
///
/// # Errors
///
/// Which has no answer.
pub(super) fn answers(asked: &[Asked], example: &str) -> Result<()> {
    let scratch = workspace::scratch("prometheus")?;
    let until = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let made = scratch.path().join("made.om");
    fs::write(&made, open_metrics(&format!("{example}{FINDING}"), until))?;
    let mut fill = Command::new(setup::prometheus::promtool()?);
    fill.args(["tsdb", "create-blocks-from", "openmetrics"]);
    command::output(fill.arg(&made).arg(database(scratch.path())))?;
    let server = Server::start(scratch.path(), None)?;
    let mut without_answer = Vec::new();
    for one in asked {
        let answer = server.ask(&one.expr, until)?;
        if answer.trim().is_empty() {
            without_answer.push(format!("{}: {}", one.panel, one.expr));
        }
    }
    ensure!(
        without_answer.is_empty(),
        "no answer to what the dashboard asks:\n{}",
        without_answer.join("\n")
    );
    println!(
        "all {} expressions of the dashboard have an answer",
        asked.len()
    );
    Ok(())
}

/// The hosts' counts, a sample a minute; each counter rises evenly to what the example has.
fn open_metrics(example: &str, until: u64) -> String {
    let mut text = String::new();
    let series = example.lines().filter(|line| !line.starts_with('#'));
    for (series, value) in series.filter_map(|line| line.rsplit_once(' ')) {
        let Ok(value) = value.parse::<f64>() else {
            continue;
        };
        let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
        let is_counter = COUNTERS.iter().any(|end| name.ends_with(end));
        for host in HOSTS {
            let comma = if labels == "}" { "" } else { "," };
            let last = if host.starts_with("silent") {
                SILENT_AFTER
            } else {
                MINUTES
            };
            for minute in 0..=last {
                let part = if is_counter {
                    minute as f64 / MINUTES as f64
                } else {
                    1.0
                };
                let at = until - (MINUTES - minute) * 60;
                let _ = writeln!(
                    text,
                    "{name}{{instance=\"{host}\"{comma}{labels} {} {at}",
                    value * part
                );
            }
        }
    }
    text + "# EOF\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_rise_to_the_example_and_a_silent_host_ends() {
        let text = open_metrics("# TYPE a counter\na_total{x=\"y z\"} 12\nopen 3\n", 7_200);
        assert!(text.contains("a_total{instance=\"shop-1:9142\",x=\"y z\"} 0 0\n"));
        assert!(text.contains("a_total{instance=\"shop-1:9142\",x=\"y z\"} 12 7200\n"));
        assert!(text.contains("open{instance=\"shop-2:9142\"} 3 7200\n"));
        assert!(text.contains("open{instance=\"silent:9142\"} 3 5400\n"));
        assert!(!text.contains("instance=\"silent:9142\"} 3 5460\n"));
        assert!(text.ends_with("# EOF\n"));
    }
}
