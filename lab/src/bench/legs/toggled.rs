// SPDX-License-Identifier: MIT
//! The slow-down of a running closed loop while a tool is attached: windows with and without
//! it alternate, so that what else the machine does meets both. The loop makes connections, or
//! sends packets on a port that is not traced.

use std::thread;
use std::time::Duration;

use anyhow::Result;

use super::{Extent, in_turn};
use crate::bench::generator::Generator;
use crate::bench::load::{Made, Order};
use crate::bench::running::{Bench, Running};
use crate::bench::sample::Sample;
use crate::bench::tool::Tool;

/// Between a change and the next window.
const CALM: Duration = Duration::from_millis(100);

/// Each tool for some windows of connections.
pub(super) fn round(
    bench: &Bench,
    load: &mut Generator,
    extent: &Extent,
    round: usize,
) -> Result<Vec<Sample>> {
    load.order(&Order::Begin { rate: None })?;
    let mut samples = Vec::new();
    for tool in in_turn(&extent.toggled, round) {
        let windows = one(bench, load, tool, extent, |made| made.connections)?;
        say("slow-down", tool, &windows);
        samples.extend(windows.into_iter().map(|window| Sample::Toggled {
            tool,
            slow_down: window.slow_down,
        }));
    }
    load.order(&Order::End)?;
    Ok(samples)
}

/// Those that look at packets, or at all sockets, for some windows of other ports' packets.
pub(super) fn other_ports(
    bench: &Bench,
    load: &mut Generator,
    extent: &Extent,
    round: usize,
) -> Result<Vec<Sample>> {
    /// A byte to and one fro.
    const PACKETS: u64 = 2;
    load.order(&Order::Exchange)?;
    let mut samples = Vec::new();
    for tool in in_turn(&extent.other_ports, round) {
        let windows = one(bench, load, tool, extent, |made| PACKETS * made.exchanged)?;
        say("other ports", tool, &windows);
        samples.extend(windows.into_iter().map(|window| Sample::OtherPorts {
            tool,
            slow_down: window.slow_down,
            packets: window.without,
        }));
    }
    load.order(&Order::End)?;
    Ok(samples)
}

fn say(what: &str, tool: Tool, windows: &[Window]) {
    let slow_downs: Vec<_> = windows.iter().map(|window| window.slow_down).collect();
    println!("bench: {what} {tool:22} {slow_downs:.3?}");
}

/// A window with a tool, beside those before and after it.
struct Window {
    slow_down: f64,
    /// What the loop did in a second without the tool.
    without: f64,
}

fn one(
    bench: &Bench,
    load: &mut Generator,
    tool: Tool,
    extent: &Extent,
    done: fn(&Made) -> u64,
) -> Result<Vec<Window>> {
    let mut windows = Vec::new();
    let mut before = window(load, extent.window, done)?;
    for _ in 0..extent.windows {
        let mut running = Running::start(tool, bench, &load.namespace)?;
        let with = window(load, extent.window, done)?;
        running.end()?;
        let after = window(load, extent.window, done)?;
        let without = (before + after) / 2.0;
        windows.push(Window {
            slow_down: without / with,
            without,
        });
        before = after;
    }
    Ok(windows)
}

/// What the loop does in a second, in the next window.
fn window(load: &mut Generator, seconds: f64, done: fn(&Made) -> u64) -> Result<f64> {
    thread::sleep(CALM);
    let before = load.order(&Order::Count)?;
    thread::sleep(Duration::from_secs_f64(seconds));
    let after = load.order(&Order::Count)?;
    Ok((done(&after) - done(&before)) as f64 / (after.seconds - before.seconds))
}
