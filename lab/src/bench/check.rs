// SPDX-License-Identifier: MIT
//! What a smoke test asserts: counts exactly, ratios only that they are not
//! absurd. Times on a shared machine prove nothing.

use anyhow::{Result, ensure};

use super::figures::Figures;
use super::sample::{Counted, Sample, Viewed};
use super::tool::Tool;

/// A tool that halves the rate of a loop three times over is broken.
const ABSURD_SLOW_DOWN: f64 = 8.0;
/// µs of CPU or kernel time for each connection.
const ABSURD_COST_US: f64 = 500.0;
/// ms by which a lifetime may be wrong.
const ABSURD_ERROR_US: f64 = 50_000.0;

/// Checks the measurements.
pub(super) fn run(samples: &[Sample], figures: &Figures<'_>) -> Result<()> {
    for sample in samples {
        match sample {
            Sample::Counted(counted) => check_counts(counted)?,
            Sample::View { record, live } => {
                check_seen("view, --record", record)?;
                check_seen("view", live)?;
            }
            Sample::Toggled { tool, slow_down } => {
                ensure!(
                    *slow_down < ABSURD_SLOW_DOWN,
                    "slow-down {slow_down} with {tool}"
                );
            }
            Sample::Lifetime {
                tool: tool @ Tool::Json,
                held_ms,
                error_us,
            } => {
                let error = error_us.unwrap_or(f64::INFINITY);
                ensure!(
                    error.abs() < ABSURD_ERROR_US,
                    "{tool} is wrong by {error} µs on a connection of {held_ms} ms"
                );
            }
            _ => {}
        }
    }
    for rate in figures.rates() {
        let kernel = figures.kernel_us(Tool::Record, rate);
        ensure!(
            kernel.is_some_and(|us| us.middle < ABSURD_COST_US),
            "{kernel:?} µs in the kernel for each connection"
        );
    }
    println!("bench: every connection is accounted for; no ratio is absurd");
    Ok(())
}

fn check_seen(what: &str, viewed: &Viewed) -> Result<()> {
    let accounted = viewed.seen.recorded + viewed.seen.said_lost;
    ensure!(
        accounted <= viewed.generated && viewed.unsaid() <= viewed.recursion_misses,
        "{what}: {viewed:?}"
    );
    Ok(())
}

fn check_counts(counted: &Counted) -> Result<()> {
    let Counted {
        tool,
        rate,
        generated,
        seen,
        used,
        ..
    } = counted;
    ensure!(*generated > 0, "no load at {rate}");
    if *tool == Tool::Empty {
        // Two sockets with five changes of state each; other work adds to it.
        let least = generated * 10;
        ensure!(
            used.program_runs + used.recursion_misses >= least,
            "{} runs of an empty program for {generated} connections",
            used.program_runs
        );
    }
    if *tool == Tool::Idle {
        ensure!(seen.recorded == 0, "{tool} recorded {}", seen.recorded);
    }
    if tool.is_zkchurn() && tool.records() {
        ensure!(
            seen.recorded + seen.said_lost <= *generated
                && counted.unsaid() <= used.recursion_misses,
            "{tool} at {rate}: {generated} made, {} recorded, {} said to be lost, {} recursion misses",
            seen.recorded,
            seen.said_lost,
            used.recursion_misses
        );
        ensure!(
            counted.each(used.cpu_ns) / 1e3 < ABSURD_COST_US,
            "{tool} at {rate} took {} ns of CPU",
            used.cpu_ns
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::output::Seen;
    use crate::bench::sample::{Rate, Used};

    fn counted(recorded: u64, said_lost: u64, recursion_misses: u64) -> Counted {
        Counted {
            tool: Tool::Record,
            rate: Rate::PerSecond(1_000),
            came_to: 1_000.0,
            generated: 1_000,
            seen: Seen {
                recorded,
                said_lost,
            },
            used: Used {
                recursion_misses,
                ..Used::default()
            },
        }
    }

    #[test]
    fn what_is_recorded_lost_or_missed_is_accounted_for() {
        for right in [
            counted(1_000, 0, 0),
            counted(990, 10, 0),
            counted(999, 0, 2),
        ] {
            check_counts(&right).expect("accounted for");
        }
    }

    #[test]
    fn one_connection_less_or_more_is_not() {
        for wrong in [counted(999, 0, 0), counted(1_001, 0, 0), counted(996, 1, 2)] {
            check_counts(&wrong).expect_err("not accounted for");
        }
    }
}
