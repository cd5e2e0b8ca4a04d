// SPDX-License-Identifier: MIT
//! `bench`: what zkchurn costs and loses, beside other tools, in one run under
//! one load. It writes lab/bench/measurements.json (every measurement) and docs/measurements/bench.md,
//! which is made from that.
//!
//! | module | holds |
//! |---|---|
//! | `tool`, `running`, `terminal`, `output` | the tools, one at work, the terminal that it may have, and what it left |
//! | `load`, `generator` | the load's process, and that process from outside |
//! | `legs` | what is measured, one file each |
//! | `floor`, `process` | BPF statistics and the empty program; figures of `/proc` |
//! | `sample`, `archive`, `spread` | one measurement, the file of all, their quartiles |
//! | `figures`, `goals`, `page` | what follows from them, and docs/measurements/bench.md |
//! | `check` | what a smoke test asserts |

mod archive;
mod check;
mod figures;
pub(crate) mod floor;
mod generator;
mod goals;
mod legs;
pub(crate) mod load;
mod output;
mod page;
mod process;
mod running;
mod sample;
pub(crate) mod spread;
mod terminal;
mod tool;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use clap::{Args, ValueEnum as _};
use xtask::abandoned;
use xtask::setup::{self, Group};
use xtask::{command, privilege, workspace};

use self::archive::Archive;
use self::figures::Figures;
use self::generator::Generator;
use self::legs::{Extent, Leg};
use self::running::Bench;
use self::sample::Rate;

/// Options of `bench`.
#[derive(Args)]
pub(crate) struct Options {
    /// A smoke test: few rates, one round; counts are asserted, times are not.
    /// Nothing is written
    #[arg(long)]
    quick: bool,
    /// How often everything is measured
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Only these legs
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Leg>,
    /// Only these rates, in connections a second
    #[arg(long, value_delimiter = ',')]
    rate: Vec<u64>,
    /// Length of the leg `resident`
    #[arg(long, value_name = "MINUTES", default_value_t = 12.0)]
    minutes: f64,
    /// Keep the measurements that lab/bench/measurements.json holds, and add to them
    #[arg(long)]
    add: bool,
    /// Measure nothing: make docs/measurements/bench.md anew from lab/bench/measurements.json
    #[arg(long)]
    page: bool,
    /// zkchurn as it was built by the user who called sudo
    #[arg(long, hide = true)]
    built: Option<PathBuf>,
}

/// Runs the verb.
pub(crate) fn run(options: &Options) -> Result<()> {
    if options.page {
        return page::write(&Archive::read()?);
    }
    ensure!(options.rounds > 0, "--rounds is a positive number");
    if let Some(zkchurn) = &options.built {
        return measure(options, zkchurn);
    }
    setup::ensure(&[Group::Bench])?;
    let zkchurn = command::zkchurn()?;
    privilege::acquire("to make a network namespace and to trace in the kernel")?;
    again(options, &zkchurn)
}

/// tcplife's hook is found through tracefs, which is not mounted everywhere.
const WITH_TRACEFS: &str = "[ -d /sys/kernel/tracing/events ] || \
    mount -t tracefs nodev /sys/kernel/tracing || exit; exec \"$@\"";

/// All of it runs as root: it makes a network namespace and reads what BPF
/// programs have used. What was built belongs to the user all the same. What
/// has to be mounted is in a mount namespace that goes with the run.
fn again(options: &Options, zkchurn: &Path) -> Result<()> {
    let this = std::env::current_exe().context("cannot tell this program's path")?;
    let mut again = privilege::as_root("unshare");
    again.args(["--mount", "sh", "-c", WITH_TRACEFS, "sh"]);
    again.arg(this).arg("bench").arg("--built").arg(zkchurn);
    again.args(["--rounds", &options.rounds.to_string()]);
    again.args(["--minutes", &options.minutes.to_string()]);
    for (name, given) in [("--quick", options.quick), ("--add", options.add)] {
        again.args(given.then_some(name));
    }
    for rate in &options.rate {
        again.args(["--rate", &rate.to_string()]);
    }
    for leg in options.only.iter().filter_map(Leg::to_possible_value) {
        again.args(["--only", leg.get_name()]);
    }
    command::run(&mut again)
}

fn measure(options: &Options, zkchurn: &Path) -> Result<()> {
    abandoned::namespaces()?;
    let scratch = workspace::scratch("bench")?;
    let bench = Bench {
        zkchurn: zkchurn.to_owned(),
        floor: floor::assemble("empty.s", scratch.path())?,
        scratch,
    };
    let mut load = Generator::start()?;
    let (mut extent, rounds) = if options.quick {
        (Extent::quick(), 1)
    } else {
        (Extent::full(options.minutes), options.rounds)
    };
    if !options.rate.is_empty() {
        let rates = options.rate.iter().copied();
        extent.rates = rates.map(Rate::PerSecond).collect();
    }
    let mut archive = if options.add {
        Archive::read()?
    } else {
        Archive::new()?
    };
    for round in 0..rounds {
        for leg in legs(options, round) {
            let samples = leg.round(&bench, &mut load, &extent, archive.rounds + round)?;
            archive.samples.extend(samples);
        }
    }
    archive.rounds += rounds;
    let figures = Figures::of(&archive.samples);
    print!("\n{}", page::tables(&figures));
    if options.quick {
        return check::run(&archive.samples, &figures);
    }
    archive.write()?;
    page::write(&archive)
}

/// The long run is part of the first round only.
fn legs(options: &Options, round: usize) -> Vec<Leg> {
    let all = [
        Leg::Counted,
        Leg::Toggled,
        Leg::OtherPorts,
        Leg::Quiet,
        Leg::Launched,
        Leg::Lifetime,
        Leg::View,
        Leg::Resident,
    ];
    let wanted = |leg: &Leg| options.only.is_empty() || options.only.contains(leg);
    let now = |leg: &Leg| *leg != Leg::Resident || (round == 0 && !options.quick);
    all.into_iter().filter(wanted).filter(now).collect()
}
