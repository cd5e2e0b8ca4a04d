// SPDX-License-Identifier: MIT
//! Connections, losses and costs of each tool at each rate.

use std::thread;
use std::time::Duration;

use anyhow::Result;

use super::{Extent, in_turn};
use crate::bench::floor;
use crate::bench::generator::Generator;
use crate::bench::load::Order;
use crate::bench::process::Usage;
use crate::bench::running::{Bench, Running};
use crate::bench::sample::{Counted, Rate, Sample, Used};
use crate::bench::tool::Tool;

/// What a tool does at its start is not counted as the cost of connections.
const AFTER_START: Duration = Duration::from_millis(200);

/// Every tool at every rate, once.
pub(super) fn round(
    bench: &Bench,
    load: &mut Generator,
    extent: &Extent,
    round: usize,
) -> Result<Vec<Sample>> {
    // As long as this is kept: no other leg is to pay for it.
    let _statistics = floor::count_runs()?;
    let mut samples = Vec::new();
    for &rate in &extent.rates {
        for tool in in_turn(&Tool::ALL, round) {
            let counted = one(bench, load, tool, rate, extent.seconds)?;
            println!("{}", line(&counted));
            samples.push(Sample::Counted(counted));
        }
    }
    Ok(samples)
}

fn one(
    bench: &Bench,
    load: &mut Generator,
    tool: Tool,
    rate: Rate,
    seconds: f64,
) -> Result<Counted> {
    let running = Running::start(tool, bench, &load.namespace)?;
    thread::sleep(AFTER_START);
    let used_before = running.usage()?;
    let before = load.order(&Order::Count)?;
    let after = load.order(&match rate {
        Rate::PerSecond(rate) => Order::Open {
            count: (rate as f64 * seconds).round() as u64,
            rate: rate as f64,
        },
        Rate::FlatOut => Order::Flat { seconds },
    })?;
    running.settle();
    let used = running.usage()?;
    let seen = running.stop(&bench.zkchurn)?;
    let generated = after.connections - before.connections;
    Ok(Counted {
        tool,
        rate,
        came_to: generated as f64 / (after.seconds - before.seconds),
        generated,
        seen,
        used: match (used_before, used) {
            (Some(before), Some(after)) => used_between(&before, &after),
            _ => Used::default(),
        },
    })
}

fn used_between(before: &Usage, after: &Usage) -> Used {
    let used = after.since(before);
    Used {
        cpu_ns: used.cpu_ns,
        wake_ups: used.wake_ups,
        peak_kib: used.peak_kib,
        program_ns: used.programs.run_ns,
        program_runs: used.programs.runs,
        recursion_misses: used.programs.recursion_misses,
    }
}

fn line(counted: &Counted) -> String {
    format!(
        "bench: {:9} {:22} made {:6} ({:6.0}/s) recorded {:6} said lost {} misses {}",
        counted.rate.to_string(),
        counted.tool.to_string(),
        counted.generated,
        counted.came_to,
        counted.seen.recorded,
        counted.seen.said_lost,
        counted.used.recursion_misses
    )
}
