// SPDX-License-Identifier: MIT
//! All recordings of the tree, loaded as they are: what the tables have is what `replay` says.

use std::{collections::BTreeMap, fs, path::Path, path::PathBuf, process::Command};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use xtask::{command, workspace};

use crate::clickhouse::{Engine, Row, number, text};

/// What is compared: connections by side, way of ending and first closer.
type Counts = BTreeMap<(String, String, String), Sums>;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Sums {
    connections: u64,
    lived_us: u64,
    payload: u64,
    ports: u64,
    /// Seconds since 1970 of the latest end, as text.
    latest: String,
}

/// A recording of the tree in the lines of `--format json`.
pub(super) fn lines(zkchurn: &Path, recording: &Path) -> Result<String> {
    let mut replay = Command::new(zkchurn);
    replay.arg("replay").arg(recording);
    command::output(replay.args(["--format", "json"]))
}

/// One by its name.
pub(super) fn named(name: &str) -> PathBuf {
    let recordings = workspace::root().join("zkchurn/tests/recordings");
    recordings.join(name).with_extension("zkchurn")
}

fn all() -> Result<Vec<PathBuf>> {
    let recordings = workspace::root().join("zkchurn/tests/recordings");
    let mut found = Vec::new();
    for directory in [recordings.clone(), recordings.join("kinds")] {
        for entry in fs::read_dir(&directory).context("the recordings")? {
            let path = entry?.path();
            if path.extension().is_some_and(|ending| ending == "zkchurn") {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Loads them, and compares.
pub(super) fn load(engine: &mut Engine, zkchurn: &Path) -> Result<Vec<(bool, String)>> {
    let recordings = all()?;
    ensure!(recordings.len() > 50, "{} recordings", recordings.len());
    let mut expected = Counts::new();
    let mut others: BTreeMap<String, u64> = BTreeMap::new();
    for recording in &recordings {
        let lines = lines(zkchurn, recording)?;
        for line in lines.lines() {
            let line: Value = serde_json::from_str(line)?;
            match line["type"].as_str() {
                Some("connection") if line["outcome"] != "still_open" => {
                    count(&mut expected, &line)
                }
                Some(kind) => *others.entry(kind.to_owned()).or_default() += 1,
                None => {}
            }
        }
        // With reports and all: who loads a file need not choose lines.
        engine
            .insert(lines.as_bytes())
            .with_context(|| recording.display().to_string())?;
    }
    let found: Counts = engine.run(LOADED)?.iter().map(found).collect();
    let total: u64 = expected.values().map(|one| one.connections).sum();
    let mut checks = vec![(
        found == expected && total > 500,
        format!(
            "{} recordings: {total} ended connections, with their sides, ways of ending, times, \
             bytes and ports",
            recordings.len()
        ),
    )];
    for (table, kind) in [("intervals", "interval"), ("runs", "start")] {
        let rows = engine.run(&format!("SELECT count() AS rows FROM zkchurn.{table}"))?;
        let rows = rows.first().and_then(|row| number(row, "rows"));
        let wanted = others.get(kind).copied().unwrap_or_default();
        checks.push((
            rows == Some(wanted as f64),
            format!("{wanted} lines of type {kind} are in zkchurn.{table}"),
        ));
    }
    let rolled = engine.run("SELECT sum(connections) AS rows FROM zkchurn.connections_5m")?;
    let rolled = rolled.first().and_then(|row| number(row, "rows"));
    checks.push((
        rolled == Some(total as f64),
        "the roll-up has as many".to_owned(),
    ));
    Ok(checks)
}

const LOADED: &str = "\
SELECT side, outcome, first_close, count() AS connections, sum(established_us) AS lived_us,
    sum(payload_out + payload_in) AS payload, sum(client_port) AS ports,
    toString(max(toUnixTimestamp(ended))) AS latest
FROM zkchurn.connections GROUP BY side, outcome, first_close";

fn found(row: &Row) -> ((String, String, String), Sums) {
    let number = |name| number(row, name).unwrap_or_default() as u64;
    let text = |name| text(row, name).to_owned();
    let sums = Sums {
        connections: number("connections"),
        lived_us: number("lived_us"),
        payload: number("payload"),
        ports: number("ports"),
        latest: text("latest"),
    };
    ((text("side"), text("outcome"), text("first_close")), sums)
}

fn count(counts: &mut Counts, line: &Value) {
    let text = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
    let number = |name: &str| line[name].as_u64().unwrap_or_default();
    let client = match line["side"] == "client" {
        true => "local",
        false => "remote",
    };
    let port = line[client].as_str().and_then(|it| it.rsplit_once(':'));
    let port = port.and_then(|(_, port)| port.parse::<u64>().ok());
    let sums = counts
        .entry((text("side"), text("outcome"), text("first_close")))
        .or_default();
    sums.connections += 1;
    sums.lived_us += number("established_for_ns") / 1_000;
    sums.payload += number("payload_out") + number("payload_in");
    sums.ports += port.unwrap_or_default();
    // One that was still being closed at the end of the trace has no end.
    let times = ["ended", "left_established", "started"].map(text);
    let ended = times.iter().find(|time| !time.is_empty());
    let ended = unix_seconds(ended.map_or("", String::as_str)).to_string();
    if (ended.len(), &ended) > (sums.latest.len(), &sums.latest) {
        sums.latest = ended;
    }
}

/// Of RFC 3339 in UTC; 0 of anything else.
fn unix_seconds(text: &str) -> u64 {
    let number = |range: std::ops::Range<usize>| -> Option<u64> { text.get(range)?.parse().ok() };
    let seconds = || {
        let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
        // Days since March of the year 0, as in Howard Hinnant's days_from_civil.
        let (year, month) = match month {
            3.. => (year, month - 3),
            _ => (year.checked_sub(1)?, month + 9),
        };
        let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day;
        let days = days.checked_sub(719_469)?;
        Some(days * 86_400 + number(11..13)? * 3_600 + number(14..16)? * 60 + number(17..19)?)
    };
    seconds().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read() {
        assert_eq!(unix_seconds("1970-01-01T00:00:00Z"), 0);
        assert_eq!(unix_seconds("2026-11-23T18:11:34.8Z"), 1_795_457_494);
        assert_eq!(unix_seconds("2024-02-29T23:59:59Z"), 1_709_251_199);
        assert_eq!(unix_seconds(""), 0);
    }
}
