// SPDX-License-Identifier: MIT
//! What a tool costs while nothing happens that it would record. What it does at its start is not
//! counted, nor are the seconds in which zkchurn still walks its table, in case that an end was
//! missed (docs/adr/0023).

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use super::Extent;
use crate::bench::generator::Generator;
use crate::bench::running::{Bench, Running};
use crate::bench::sample::Sample;
use crate::bench::tool::Tool;

/// Each tool that is a process, once.
pub(super) fn round(bench: &Bench, load: &Generator, extent: &Extent) -> Result<Vec<Sample>> {
    let tools = Tool::ALL.into_iter().filter(|tool| tool.is_process());
    tools.map(|tool| one(bench, load, tool, extent)).collect()
}

fn one(bench: &Bench, load: &Generator, tool: Tool, extent: &Extent) -> Result<Sample> {
    let mut running = Running::start(tool, bench, &load.namespace)?;
    thread::sleep(Duration::from_secs_f64(extent.quiet_after));
    let usage = |running: &Running| running.usage()?.context("it has a process");
    let (before, since) = (usage(&running)?, Instant::now());
    thread::sleep(Duration::from_secs_f64(extent.quiet));
    let (used, seconds) = (usage(&running)?.since(&before), since.elapsed());
    running.end()?;
    let each_second = |figure: u64| figure as f64 / seconds.as_secs_f64();
    let (wake_ups, cpu_us) = (each_second(used.wake_ups), each_second(used.cpu_ns) / 1e3);
    println!("bench: quiet {tool:22} {wake_ups:.2} wake-ups and {cpu_us:.0} µs a second");
    Ok(Sample::Quiet {
        tool,
        wake_ups,
        cpu_us,
    })
}
