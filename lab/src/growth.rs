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
pub(crate) struct Options {
    /// Records of a long recording, two for each connection; at least 10000000, from
    /// where on every bound of what is kept is reached
    #[arg(long, default_value_t = FEWEST_RECORDS)]
    records: u64,
    /// Write docs/measurements/growth.md
    #[arg(long)]
    write: bool,
}

/// Five million connections, each by a thread of its own and a thousand threads a
/// process: more processes than the 4,096 that are told apart.
const FEWEST_RECORDS: u64 = 10_000_000;

/// What a recording is made of.
#[derive(Clone, Copy)]
struct Scene {
    records: u64,
    threads: u64,
    servers: u32,
    live: u64,
}

/// A longer recording may take so much more memory than a shorter one, in KiB: what the
/// allocator holds, not what the records bring.
const MEMORY_WAVERS_KIB: u64 = 2 * 1024;

/// Runs the verb.
pub(crate) fn run(options: &Options) -> Result<()> {
    ensure!(
        options.records >= FEWEST_RECORDS,
        "--records is at least {FEWEST_RECORDS}"
    );
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
    // Ever new threads: what is kept of them comes and goes.
    for length in [records, 2 * records] {
        scenes.push(Scene {
            records: length,
            threads: records,
            ..plain
        });
    }
    scenes
}

/// A recording that is longer, and nothing else, takes no more memory.
fn check(all: &[(Scene, Measured)]) -> Result<()> {
    for pair in all.windows(2) {
        let [(scene, short), (longer, long)] = pair else {
            continue;
        };
        if !longer.is_longer_than(scene) {
            continue;
        }
        ensure!(
            long.peak_kib <= short.peak_kib + MEMORY_WAVERS_KIB,
            "{} records took {} KiB, {} of the same kind {} KiB",
            longer.records,
            long.peak_kib,
            scene.records,
            short.peak_kib
        );
    }
    Ok(())
}

impl Scene {
    /// Whether it is the same, only longer.
    fn is_longer_than(&self, other: &Self) -> bool {
        let kind = |scene: &Self| (scene.threads, scene.servers, scene.live);
        kind(self) == kind(other) && self.records > other.records
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(peaks_kib: &[u64]) -> Vec<(Scene, Measured)> {
        let measured = |peak_kib: &u64| Measured {
            per_second: 1e6,
            peak_kib: *peak_kib,
        };
        let scenes = scenes(FEWEST_RECORDS).into_iter();
        scenes.zip(peaks_kib.iter().map(measured)).collect()
    }

    #[test]
    fn a_longer_recording_may_not_take_more_memory_another_kind_may() {
        let [plain, others, new_threads] = [9_000, 50_000, 40_000];
        let mut peaks = vec![plain; 3];
        peaks.extend([others; 6]);
        peaks.extend([new_threads; 2]);
        assert_eq!(scenes(FEWEST_RECORDS).len(), peaks.len());
        check(&all(&peaks)).expect("nothing has grown");
        for longer in [1, 2, 10] {
            let mut grown = peaks.clone();
            grown[longer] += MEMORY_WAVERS_KIB + 1;
            check(&all(&grown)).expect_err("it has grown");
        }
    }
}
