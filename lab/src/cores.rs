// SPDX-License-Identifier: MIT
//! `cores`: what the map operations of a connection cost on one processor, and on all at once,
//! with maps that they share and with maps of their own. From that follows, by arithmetic, what
//! happens on a host with more processors than there are here.

mod page;
mod rig;

use anyhow::{Context, Result};
use clap::Args;
use serde::{Deserialize, Serialize};
use xtask::setup::{self, Group};
use xtask::{command, privilege, workspace};

use self::rig::{Operation, Rig};
use crate::bench::floor;
use crate::bench::spread::Spread;

/// Options of `cores`.
#[derive(Args)]
pub(crate) struct Options {
    /// How often everything is measured
    #[arg(long, default_value_t = 9, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Write docs/measurements/cores.md
    #[arg(long)]
    write: bool,
    /// Measure as root, and print the figures for the one who called
    #[arg(long, hide = true)]
    as_root: bool,
}

/// Who runs an operation, and in which maps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Way {
    Alone,
    /// All processors at once, in the same maps.
    Shared,
    /// All processors at once, each in maps of its own.
    Apart,
}

impl Way {
    const ALL: [Self; 3] = [Self::Alone, Self::Shared, Self::Apart];
}

/// ns of an operation, less what a run costs that does nothing.
#[derive(Serialize, Deserialize)]
struct Measured {
    operation: Operation,
    way: Way,
    ns: Spread,
}

/// Runs the verb.
pub(crate) fn run(options: &Options) -> Result<()> {
    if options.as_root {
        println!("{}", serde_json::to_string(&measure(options.rounds)?)?);
        return Ok(());
    }
    setup::ensure(&[Group::Bench])?;
    privilege::acquire("to run programs in the kernel")?;
    let this = std::env::current_exe().context("cannot tell this program's path")?;
    let mut again = privilege::as_root(this);
    again.args([
        "cores",
        "--as-root",
        "--rounds",
        &options.rounds.to_string(),
    ]);
    let measured: Vec<Measured> = serde_json::from_str(&command::output(&mut again)?)?;
    println!("{}", page::tables(&measured));
    match options.write {
        true => page::write(&measured),
        false => Ok(()),
    }
}

fn measure(rounds: u32) -> Result<Vec<Measured>> {
    let scratch = workspace::scratch("cores")?;
    let object = floor::assemble("cores.s", scratch.path())?;
    let mut all = Vec::new();
    for operation in [Operation::Table, Operation::Ring] {
        for way in Way::ALL {
            let mut found = Vec::new();
            for _ in 0..rounds {
                let nothing = Rig::new(&object, way)?.ns(Operation::Nothing)?;
                found.push(Rig::new(&object, way)?.ns(operation)? - nothing);
            }
            let ns = Spread::of(found).context("there is at least one round")?;
            all.push(Measured { operation, way, ns });
        }
    }
    Ok(all)
}
