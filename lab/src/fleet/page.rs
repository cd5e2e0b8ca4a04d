// SPDX-License-Identifier: MIT
//! docs/measurements/fleet.md: the figures of a run.

use std::{fmt::Write as _, fs};

use anyhow::{Context, Result};
use xtask::workspace;

use super::{Measured, arithmetic, prometheus};

/// One line on what was measured.
pub(super) fn summary(day: &Measured) -> String {
    format!(
        "fleet: {} hosts: {} connections of {:.1} bytes, {} intervals of {:.1} bytes, roll-up {} \
         rows of {:.1} bytes; lines of {:.0} bytes, made and loaded in {:.0} s",
        day.hosts,
        day.connections,
        day.connection_bytes,
        day.intervals,
        day.interval_bytes,
        day.rollup_rows,
        day.rollup_bytes,
        day.line_bytes,
        day.loading.as_secs_f64(),
    )
}

/// Writes the page.
pub(super) fn write(
    days: &[Measured],
    random_bytes: f64,
    counted: &[prometheus::Measured],
) -> Result<()> {
    let path = workspace::root().join("docs/measurements/fleet.md");
    let mut page = page(days, random_bytes).context("nothing was measured")?;
    page.push('\n');
    page.push_str(&prometheus::page::part(counted)?);
    fs::write(&path, page).with_context(|| format!("cannot write {}", path.display()))
}

fn page(days: &[Measured], random_bytes: f64) -> Option<String> {
    let largest = days.last()?;
    let cpus = std::thread::available_parallelism().map_or(0, usize::from);
    let mut page = format!(
        "\
# A fleet in ClickHouse and in Prometheus

`cargo xtask fleet --hosts {} --write` wrote this page. Recordings of the tree became a day of so many
hosts, in the lines of `--format json`, and went 8 MiB at a time, never by way of a file, into the ClickHouse
engine (chdb-core 26.9.0, which is ClickHouse 26.9.2 without its server) by [contrib/clickhouse](../../contrib/clickhouse/README.md):
each host has a health check and an interval a minute, three churn as in the incident from 21:00 on
(0.63 connections a second each), one did until it was restarted, one leaks, one has a clock that is
three hours ahead, and one is silent from 21:30 on. An agent tells of an interval each 10 s: what that makes of these
figures is below, by arithmetic. `open` is what an agent sends: what is open at that moment, whenever it
began. Times, durations, ports and process ids vary from line to line. Each shipped question named exactly these. {cpus} CPUs, other work going
on.

## Measured in ClickHouse

| hosts | connections a day | intervals a day | bytes a connection | bytes an interval | roll-up, rows | bytes each | bytes a line of JSON | lines loaded a second |
|---|---|---|---|---|---|---|---|---|
",
        numbers(days)
    );
    for day in days {
        let lines = (day.connections + day.intervals) as f64;
        writeln!(
            page,
            "| {} | {} | {} | {:.1} | {:.1} | {} | {:.1} | {:.0} | {:.0} |",
            day.hosts,
            day.connections,
            day.intervals,
            day.connection_bytes,
            day.interval_bytes,
            day.rollup_rows,
            day.rollup_bytes,
            day.line_bytes,
            lines / day.loading.as_secs_f64(),
        )
        .ok()?;
    }
    let _ = write!(
        page,
        "
Making the lines is part of the time of loading. Small tables take more bytes a row: names and
marks are there once. What hosts do is more alike here than on real ones: 300,000 rows with random timings, ports,
bytes, threads and ways of ending took {random_bytes:.1} bytes each, and real ones should lie between.

The answer to each question, milliseconds, the best of three:

| question |"
    );
    for day in days {
        write!(page, " {} hosts |", day.hosts).ok()?;
    }
    page.push_str("\n|---|");
    page.push_str(&"---|".repeat(days.len()));
    page.push('\n');
    for (at, (question, _)) in largest.questions.iter().enumerate() {
        write!(page, "| {question} |").ok()?;
        for day in days {
            let (_, took) = day.questions.get(at)?;
            write!(page, " {:.0} |", took.as_secs_f64() * 1e3).ok()?;
        }
        page.push('\n');
    }
    page.push_str(&arithmetic::part(largest, random_bytes));
    Some(page)
}

fn numbers(days: &[Measured]) -> String {
    let numbers: Vec<_> = days.iter().map(|day| day.hosts.to_string()).collect();
    numbers.join(",")
}
