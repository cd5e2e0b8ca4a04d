// SPDX-License-Identifier: MIT
//! The part of docs/measurements/fleet.md about Prometheus.

use std::fmt::Write as _;

use anyhow::{Context, Result};

use super::Measured;

/// Seconds from one sample to the next.
const SCRAPED_EVERY: f64 = 60.0;
/// What Prometheus keeps unless told otherwise.
const DAYS_KEPT: f64 = 15.0;

/// One line on what was measured.
pub(in crate::fleet) fn summary(measured: &Measured) -> String {
    let blocks = &measured.blocks;
    format!(
        "fleet: {} hosts in Prometheus: {} series, {} samples of {:.2} bytes; {:.0} MB of text in {} pieces, made and \
         put in in {:.0} s",
        measured.hosts,
        blocks.series,
        blocks.samples,
        blocks.bytes as f64 / blocks.samples as f64,
        blocks.text_bytes as f64 / 1e6,
        blocks.pieces,
        measured.filling.as_secs_f64(),
    )
}

/// The part.
pub(in crate::fleet) fn part(all: &[Measured]) -> Result<String> {
    let largest = all.last().context("nothing was measured")?;
    let mut page = "\
## The same fleet in Prometheus

Two hours of that day, from 20:00 to 22:00, as the counts that [zkchurn exports](../reference/metrics.md): zkchurn's
own code counted each host's connections and made the text of each minute, a line was added for what
node_exporter says of that file, and `promtool tsdb create-blocks-from openmetrics` put it into a
Prometheus (2.42). promtool maps its input into memory and reads it twice, so it cannot be a pipe: it got 64 MB
at a time in memory that is no file (memfd), and no text was on the disk. `promtool tsdb create-blocks-from rules` then
recorded what the recording rules record.

At 21:55 each alert of [contrib/prometheus](../../contrib/prometheus/README.md) named exactly whom it should:
`ZooKeeperClientChurn` the three that churn and the one that is not restarted yet, `ZooKeeperChurnDiagnosed` these and the
one that leaks, `ZkchurnSilent` the silent one, `ZkchurnClockAhead` the one whose clock is ahead, and all others nobody. A leak of
30 connections an hour is seen by `ZooKeeperConnectionsGrow` when there is a day to compare with, which is not here; the finding shows it. In the
[dashboard](../../contrib/grafana/README.md) the four that churn are the first twelve rows of \"Who churns most\", one for
each server.

## Measured in Prometheus

| hosts | series | a host | samples | bytes a sample | two hours, MB | text, MB | made and put in, s |
|---|---|---|---|---|---|---|---|
"
    .to_owned();
    for measured in all {
        let blocks = &measured.blocks;
        writeln!(
            page,
            "| {} | {} | {:.0} | {} | {:.2} | {:.1} | {:.0} | {:.0} |",
            measured.hosts,
            blocks.series,
            per_host(measured),
            blocks.samples,
            blocks.bytes as f64 / blocks.samples as f64,
            blocks.bytes as f64 / 1e6,
            blocks.text_bytes as f64 / 1e6,
            measured.filling.as_secs_f64(),
        )?;
    }
    page.push_str(
        "
The bytes are those of whole blocks, with their index.

The answer to each question by HTTP, milliseconds, the best of three:

| question |",
    );
    for measured in all {
        write!(page, " {} hosts |", measured.hosts)?;
    }
    page.push_str("\n|---|");
    page.push_str(&"---|".repeat(all.len()));
    page.push('\n');
    for (at, (question, _)) in largest.questions.iter().enumerate() {
        write!(page, "| {question} |")?;
        for measured in all {
            let (_, took) = measured.questions.get(at).context("another question")?;
            write!(page, " {:.1} |", took.as_secs_f64() * 1e3)?;
        }
        page.push('\n');
    }
    page.push_str(&arithmetic(largest)?);
    Ok(page)
}

fn per_host(measured: &Measured) -> f64 {
    measured.blocks.series as f64 / f64::from(measured.hosts)
}

/// More than was measured, by multiplication.
fn arithmetic(largest: &Measured) -> Result<String> {
    let bytes = largest.blocks.bytes as f64 / largest.blocks.samples as f64;
    let group = largest.group()?.as_secs_f64();
    let mut text = format!(
        "
## By arithmetic, not measured, for Prometheus

From the figures of {} hosts: as many series a host, as many bytes a sample, and rules that take longer in
proportion. A host with 20 programs and servers or more has about 500 series.

| hosts | series | samples a second at 60 s | GB a day | 15 days, GB | all rules once, s | series if each host had 500 |
|---|---|---|---|---|---|---|
",
        largest.hosts
    );
    for hosts in [1_000.0, 10_000.0, 100_000.0_f64] {
        let series = hosts * per_host(largest);
        let a_day = series / SCRAPED_EVERY * 86_400.0 * bytes / 1e9;
        writeln!(
            text,
            "| {hosts:.0} | {series:.2e} | {:.0} | {a_day:.2} | {:.0} | {:.1} | {:.1e} |",
            series / SCRAPED_EVERY,
            a_day * DAYS_KEPT,
            group * hosts / f64::from(largest.hosts),
            hosts * 500.0,
        )?;
    }
    write!(
        text,
        "
Where it would break first: not on the disk. Prometheus holds each series that is being written in memory; how
much that takes was not measured here. All rules have to be asked within a minute, and of 100,000 hosts that
takes {:.0} s on two busy processors, more where hosts have more series. Before that, share the hosts out
among several servers (`hashmod`), each with the same rules, and have one more collect only
`instance_process_peer:zkchurn_connections_ended:rate5m` from them. Where processes come and go under ever new
names, series of a host come and go as well, at most 20 families at a time; those that went stay in the blocks
of their two hours.
",
        group * 100_000.0 / f64::from(largest.hosts),
    )?;
    Ok(text)
}
