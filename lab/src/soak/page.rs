// SPDX-License-Identifier: MIT
//! docs/measurements/soak.md: the figures of a run.

use std::fs;

use anyhow::{Context, Result};
use xtask::workspace;

use super::Options;
use super::said::Report;
use super::sample::Sample;

/// Writes the page.
pub(super) fn write(
    options: &Options,
    samples: &[Sample],
    made: u64,
    report: &Report,
) -> Result<()> {
    let path = workspace::root().join("docs/measurements/soak.md");
    fs::write(&path, page(options, samples, made, report))
        .with_context(|| format!("cannot write {}", path.display()))
}

fn page(options: &Options, samples: &[Sample], made: u64, report: &Report) -> String {
    let release = rustix::system::uname()
        .release()
        .to_string_lossy()
        .into_owned();
    let mut page = format!(
        "\
# Soak

`cargo xtask soak --minutes {minutes} --rate {rate} --write` wrote this page. All kinds of the demo run at
once in one process: the stuck client, the health check, a session with a new thread for
each request, the refused client. zkchurn traces them with `--handshake
--format json --record`. Each minute its counts are compared with those of the load, and
its memory, descriptors and threads are checked; both counts must be equal at the end,
but for runs of the program that the kernel skipped.
Linux {release}, {cpus} CPUs, other work going on.

{made} connections were made, {printed} printed, and {ended} counted in the report; {lost} were lost,
and the kernel skipped {skipped} runs of the program.

| minute | made | recorded | lost | resident memory, KiB | descriptors | threads |
|---|---|---|---|---|---|---|
",
        printed = report.connections,
        ended = report.ended,
        lost = report.lost,
        skipped = report.skipped,
        minutes = options.minutes,
        rate = options.rate,
        cpus = std::thread::available_parallelism().map_or(0, usize::from),
    );
    for sample in samples {
        page.push_str(&format!(
            "| {:.1} | {} | {} | {} | {} | {} | {} |\n",
            sample.at.as_secs_f64() / 60.0,
            sample.made_before,
            sample.recorded,
            sample.lost,
            sample.memory_kib,
            sample.descriptors,
            sample.threads
        ));
    }
    page
}
