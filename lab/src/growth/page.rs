// SPDX-License-Identifier: MIT
//! docs/measurements/growth.md: the figures of a run.

use std::fs;

use anyhow::{Context, Result};
use xtask::workspace;

use super::{Scene, replay::Measured};

/// Writes the page.
pub(super) fn write(all: &[(Scene, Measured)]) -> Result<()> {
    let path = workspace::root().join("docs/measurements/growth.md");
    let cpus = thread_count();
    let mut page = format!(
        "\
# Growth

`cargo xtask growth --write` wrote this page: recordings of churn that never happened
(`zkchurn/examples/churn_recording.rs`), made and replayed at once through a pipe. A
connection has two records, 20,000 connections begin in each second of the recording; a
thousand threads are a process. Records a second are by the processor time of the replay,
its system calls included; the memory is the most that was resident. {cpus} CPUs, other
work going on.

| records | threads | servers | live sockets | records a second, millions | peak memory, MB |
|---|---|---|---|---|---|
"
    );
    for (scene, measured) in all {
        page.push_str(&row(scene, measured));
        page.push('\n');
    }
    fs::write(&path, page).with_context(|| format!("cannot write {}", path.display()))
}

/// One row of its table.
pub(super) fn row(scene: &Scene, measured: &Measured) -> String {
    format!(
        "| {} | {} | {} | {} | {:.2} | {:.1} |",
        scene.records,
        scene.threads,
        scene.servers,
        scene.live,
        measured.per_second / 1e6,
        measured.peak_kib as f64 / 1024.0
    )
}

fn thread_count() -> usize {
    std::thread::available_parallelism().map_or(0, usize::from)
}
