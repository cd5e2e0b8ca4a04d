// SPDX-License-Identifier: MIT
//! zkchurn's resident memory in a long run of steady churn.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::bench::generator::Generator;
use crate::bench::load::Order;
use crate::bench::running::{Bench, Running};
use crate::bench::sample::Sample;
use crate::bench::tool::Tool;

const PER_SECOND: f64 = 500.0;
const BETWEEN_SAMPLES: Duration = Duration::from_secs(15);

/// Runs for so many minutes; none where there are none.
pub(super) fn round(bench: &Bench, load: &mut Generator, minutes: f64) -> Result<Vec<Sample>> {
    let mut samples = Vec::new();
    if minutes <= 0.0 {
        return Ok(samples);
    }
    let running = Running::start(Tool::Zkchurn, bench, &load.namespace)?;
    let before = load.order(&Order::Count)?.connections;
    load.order(&Order::Begin {
        rate: Some(PER_SECOND),
    })?;
    let started = Instant::now();
    while started.elapsed().as_secs_f64() < minutes * 60.0 {
        thread::sleep(BETWEEN_SAMPLES);
        let usage = running.usage()?.context("zkchurn has a process")?;
        samples.push(Sample::Resident {
            minute: started.elapsed().as_secs_f64() / 60.0,
            connections: load.order(&Order::Count)?.connections - before,
            kib: usage.resident_kib,
        });
    }
    load.order(&Order::End)?;
    Ok(samples)
}
