// SPDX-License-Identifier: MIT
//! `lint`: what can be told of a change without running the project, in less
//! than a minute on a warm tree. One file a check; the suite makes the same.

mod clippy;
mod commands;
mod cycles;
mod format;
mod links;

use std::time::Instant;

use anyhow::{Result, bail};
use clap::Args;

use crate::{heartbeat, supply_chain};

/// Options of `lint`.
#[derive(Args)]
pub(crate) struct Options {}

/// A check and what it is called.
pub(crate) type Check = (&'static str, fn() -> Result<()>);

/// All checks, the fastest first.
pub(crate) const CHECKS: [Check; 7] = [
    ("links between the documents", links::check),
    ("commands in the documents", commands::check),
    ("import cycles", cycles::check),
    ("supply chain", supply_chain::run),
    ("format", format::check),
    ("clippy, host crates", clippy::host),
    ("clippy, kernel program", clippy::kernel_program),
];

/// Runs the verb: all checks, also after one has failed.
pub(crate) fn run(_: &Options) -> Result<()> {
    let mut failures = 0;
    for (name, check) in CHECKS {
        let started = Instant::now();
        let result = heartbeat::beside(name, check);
        let took = started.elapsed().as_secs_f64();
        match result {
            Ok(()) => println!("-- passed: {name} ({took:.1} s)"),
            Err(error) => {
                println!("-- FAILED: {name} ({took:.1} s)\n{error:#}");
                failures += 1;
            }
        }
    }
    if failures > 0 {
        bail!("{failures} of {} checks failed", CHECKS.len());
    }
    Ok(())
}
