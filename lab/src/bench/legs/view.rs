// SPDX-License-Identifier: MIT
//! The full-screen view on a terminal beside a recording, under the load of the busiest rate:
//! what each costs with its helper processes, what it recorded, and how often it drew.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::Extent;
use crate::bench::generator::Generator;
use crate::bench::load::Order;
use crate::bench::running::{Bench, Running};
use crate::bench::sample::{Sample, Viewed};
use crate::bench::tool::Tool;

/// Connections a second.
pub(in crate::bench) const PER_SECOND: f64 = 20_000.0;
/// What a tool does at its start is not counted.
const AFTER_START: Duration = Duration::from_secs(1);
/// How long nothing happens before the load.
const QUIET: Duration = Duration::from_secs(1);

/// Both, some times, with the other one first each time.
pub(super) fn round(
    bench: &Bench,
    load: &mut Generator,
    extent: &Extent,
    round: usize,
) -> Result<Vec<Sample>> {
    let mut samples = Vec::new();
    for run in 0..extent.views {
        let mut one = |tool| one(bench, load, tool, extent.view_seconds);
        let (record, live) = match (round + run) % 2 {
            0 => {
                let record = one(Tool::Record)?;
                (record, one(Tool::Live)?)
            }
            _ => {
                let live = one(Tool::Live)?;
                (one(Tool::Record)?, live)
            }
        };
        samples.push(Sample::View { record, live });
    }
    Ok(samples)
}

fn one(bench: &Bench, load: &mut Generator, tool: Tool, seconds: f64) -> Result<Viewed> {
    let running = Running::start(tool, bench, &load.namespace)?;
    thread::sleep(AFTER_START);
    let drawn_before = running.drawings();
    thread::sleep(QUIET);
    let drawn_quiet = running.drawings();
    let (used_before, since) = (running.usage_of_all()?, Instant::now());
    let before = load.order(&Order::Count)?;
    let after = load.order(&Order::Open {
        count: (PER_SECOND * seconds).round() as u64,
        rate: PER_SECOND,
    })?;
    running.settle();
    let used = running.usage_of_all()?.since(&used_before);
    let (drawn, took) = (running.drawings(), since.elapsed().as_secs_f64());
    let seen = running.stop(&bench.zkchurn)?;
    let viewed = Viewed {
        generated: after.connections - before.connections,
        seen,
        recursion_misses: used.programs.recursion_misses,
        core_percent: used.cpu_ns as f64 / took / 1e7,
        // Those after the first: of n there are n - 1 pauses.
        redraws: (drawn - drawn_quiet).saturating_sub(1) as f64 / took,
        quiet_redraws: (drawn_quiet - drawn_before) as f64 / QUIET.as_secs_f64(),
    };
    println!(
        "bench: view {tool:22} made {:6} recorded {:6} {:5.2} % of a core, {:.1} redraws a second, {:.1} \
         while quiet",
        viewed.generated,
        viewed.seen.recorded,
        viewed.core_percent,
        viewed.redraws,
        viewed.quiet_redraws
    );
    Ok(viewed)
}
