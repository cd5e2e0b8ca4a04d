// SPDX-License-Identifier: MIT
//! From the start of a tool's process to the moment at which its first record
//! can be read, while connections are made all the time.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::Extent;
use crate::bench::generator::Generator;
use crate::bench::load::Order;
use crate::bench::output;
use crate::bench::running::{Bench, Running};
use crate::bench::sample::Sample;
use crate::bench::tool::Tool;

const TOOLS: [Tool; 6] = [
    Tool::Zkchurn,
    Tool::Json,
    Tool::Tcplife,
    Tool::TcplifePort,
    Tool::Bpftrace,
    Tool::Tcpdump,
];
const PER_SECOND: f64 = 1_000.0;
const BETWEEN_LOOKS: Duration = Duration::from_micros(300);
const AT_MOST: Duration = Duration::from_secs(10);

/// Each tool some times.
pub(super) fn round(bench: &Bench, load: &mut Generator, extent: &Extent) -> Result<Vec<Sample>> {
    load.order(&Order::Begin {
        rate: Some(PER_SECOND),
    })?;
    let mut samples = Vec::new();
    for _ in 0..extent.launches {
        for tool in TOOLS {
            let took = one(bench, load, tool)?;
            let milliseconds = took.as_secs_f64() * 1e3;
            samples.push(Sample::Launched { tool, milliseconds });
        }
    }
    load.order(&Order::End)?;
    Ok(samples)
}

fn one(bench: &Bench, load: &Generator, tool: Tool) -> Result<Duration> {
    let started = Instant::now();
    let mut running = Running::launch(tool, bench, &load.namespace, true)?;
    while !output::has_record(tool, &running.files) {
        ensure!(started.elapsed() < AT_MOST, "{tool} records nothing");
        thread::sleep(BETWEEN_LOOKS);
    }
    let took = started.elapsed();
    running.end()?;
    Ok(took)
}
