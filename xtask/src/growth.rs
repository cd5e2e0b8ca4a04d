// SPDX-License-Identifier: MIT
//! `growth`: what a record costs against the number of threads, of live sockets and of
//! records. Recordings of churn that never happened are replayed as fast as it goes.

mod page;
mod replay;

use anyhow::{Result, ensure};
use clap::Args;

use self::replay::{Measured, Programs};

/// Options of `growth`.
#[derive(Args)]
pub struct Options {
    /// Records of the longest recording, two for each connection
    #[arg(long, default_value_t = 10_000_000)]
    records: u64,
    /// Write docs/growth.md
    #[arg(long)]
    write: bool,
}

/// What a recording is made of.
#[derive(Clone, Copy)]
struct Scene {
    records: u64,
    threads: u64,
    servers: u32,
    live: u64,
}

/// The longest recording may take so much more memory than the shortest, in KiB: what
/// the allocator holds, not what the records bring.
const MEMORY_WAVERS_KIB: u64 = 2 * 1024;

/// Runs the verb.
pub fn run(options: &Options) -> Result<()> {
    ensure!(options.records >= 100, "--records is at least 100");
    let programs = Programs::build()?;
    let mut all = Vec::new();
    for scene in scenes(options.records) {
        let measured = programs.replay(scene)?;
        println!("{}", page::row(&scene, &measured));
        all.push((scene, measured));
    }
    if options.write {
        page::write(&all)?;
    }
    check(&all)
}

/// One thing grows at a time.
fn scenes(records: u64) -> Vec<Scene> {
    let plain = Scene {
        records: records / 10,
        threads: 100,
        servers: 1,
        live: 10,
    };
    let mut scenes = Vec::new();
    for length in [records / 10, records / 3, records] {
        scenes.push(Scene {
            records: length,
            ..plain
        });
    }
    for threads in [1, 10_000, 1_000_000] {
        scenes.push(Scene { threads, ..plain });
    }
    for live in [10_000, 100_000] {
        scenes.push(Scene { live, ..plain });
    }
    scenes.push(Scene {
        servers: 10_000,
        ..plain
    });
    scenes
}

/// A recording that is longer, and nothing else, takes no more memory.
fn check(all: &[(Scene, Measured)]) -> Result<()> {
    let (Some((_, short)), Some((_, long))) = (all.first(), all.get(2)) else {
        return Ok(());
    };
    ensure!(
        long.peak_kib <= short.peak_kib + MEMORY_WAVERS_KIB,
        "a longer recording took {} KiB instead of {}",
        long.peak_kib,
        short.peak_kib
    );
    Ok(())
}
