// SPDX-License-Identifier: MIT
//! The slow-down of one running closed loop while a tool is attached: windows
//! with and without it alternate, so that what else the machine does meets both.

use std::thread;
use std::time::Duration;

use anyhow::Result;

use super::{Extent, in_turn};
use crate::bench::generator::Generator;
use crate::bench::load::Order;
use crate::bench::running::{Bench, Running};
use crate::bench::sample::Sample;
use crate::bench::tool::Tool;

/// Between a change and the next window.
const CALM: Duration = Duration::from_millis(100);

/// Each tool for some windows.
pub(super) fn round(
    bench: &Bench,
    load: &mut Generator,
    extent: &Extent,
    round: usize,
) -> Result<Vec<Sample>> {
    load.order(&Order::Begin { rate: None })?;
    let mut samples = Vec::new();
    for tool in in_turn(&extent.toggled, round) {
        let slow_downs = one(bench, load, tool, extent)?;
        println!("bench: slow-down {tool:22} {slow_downs:.3?}");
        samples.extend(
            slow_downs
                .into_iter()
                .map(|slow_down| Sample::Toggled { tool, slow_down }),
        );
    }
    load.order(&Order::End)?;
    Ok(samples)
}

fn one(bench: &Bench, load: &mut Generator, tool: Tool, extent: &Extent) -> Result<Vec<f64>> {
    let mut slow_downs = Vec::new();
    let mut before = window(load, extent.window)?;
    for _ in 0..extent.windows {
        let mut running = Running::start(tool, bench, &load.namespace)?;
        let with = window(load, extent.window)?;
        running.end()?;
        let after = window(load, extent.window)?;
        slow_downs.push((before + after) / 2.0 / with);
        before = after;
    }
    Ok(slow_downs)
}

/// Connections a second in the next window.
fn window(load: &mut Generator, seconds: f64) -> Result<f64> {
    thread::sleep(CALM);
    let before = load.order(&Order::Count)?;
    thread::sleep(Duration::from_secs_f64(seconds));
    let after = load.order(&Order::Count)?;
    Ok((after.connections - before.connections) as f64 / (after.seconds - before.seconds))
}
