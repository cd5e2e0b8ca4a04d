// SPDX-License-Identifier: MIT
//! `diagnose-matrix`: every kind of churn brought about live, traced, and the
//! findings held against the ground truth. Prints the confusion table and
//! keeps it in docs/measurements/diagnose-matrix.md.

mod keep;
mod outcome;
mod pairs;
mod plain;
mod table;
mod verdict;

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use xtask::abandoned;
use xtask::setup::{self, Group};
use xtask::{command, privilege, workspace};

use self::outcome::Outcome;
use crate::kinds::scene::Scene;
use crate::kinds::tools::Tools;
use crate::kinds::{self, Kind};
use crate::recorded::Recorded;

/// Options of `diagnose-matrix`.
#[derive(Args)]
pub(crate) struct Options {
    /// Only these kinds, comma-separated
    #[arg(long, value_name = "KIND", value_delimiter = ',')]
    only: Vec<String>,
    /// Only the kinds that start in under 20 s
    #[arg(long)]
    quick: bool,
    /// Keep each recording and its ground truth in this directory
    #[arg(long, value_name = "DIR")]
    record: Option<PathBuf>,
    /// Run chosen pairs of kinds, both at once, and no single ones
    #[arg(long, conflicts_with_all = ["only", "quick", "record", "list"])]
    pairs: bool,
    /// List the kinds and run none
    #[arg(long)]
    list: bool,
    /// How many kinds run at once
    #[arg(long, value_name = "N", default_value_t = 6, value_parser = clap::value_parser!(u8).range(1..=16))]
    at_once: u8,
    /// zkchurn as it was built by the user who called sudo
    #[arg(long, hide = true)]
    built: Option<PathBuf>,
}

/// The traced ports: one for each kind, below those that the kernel hands out.
const FIRST_PORT: u16 = 21_810;

/// Runs the verb.
pub(crate) fn run(options: &Options) -> Result<()> {
    let kinds = chosen(options)?;
    if options.list {
        for kind in kinds {
            let quick = if kind.quick { "quick" } else { "slow" };
            println!("{:24} {quick:6} {}", kind.name, kind.about);
        }
        return Ok(());
    }
    if let Some(zkchurn) = &options.built {
        return matrix(options, &kinds, zkchurn);
    }
    let of_suite = [Group::Incident, Group::Kazoo, Group::Kinds];
    setup::ensure(&of_suite)?;
    if kinds.iter().any(|kind| !kind.quick) {
        setup::ensure(&[Group::Clients])?;
    }
    let zkchurn = command::zkchurn()?;
    if privilege::is_root() {
        return matrix(options, &kinds, &zkchurn);
    }
    as_root(options, &zkchurn)
}

/// All of it runs as root, because each thread enters a network namespace.
/// What was built belongs to the user all the same.
fn as_root(options: &Options, zkchurn: &Path) -> Result<()> {
    privilege::acquire("to make network namespaces and to trace in the kernel")?;
    let this = std::env::current_exe().context("cannot tell this program's path")?;
    let mut again = privilege::as_root(this);
    again.arg("diagnose-matrix").arg("--built").arg(zkchurn);
    again.args(["--at-once", &options.at_once.to_string()]);
    if options.quick {
        again.arg("--quick");
    }
    if options.pairs {
        again.arg("--pairs");
    }
    if !options.only.is_empty() {
        again.args(["--only", &options.only.join(",")]);
    }
    if let Some(directory) = &options.record {
        again.arg("--record").arg(directory);
    }
    command::run(&mut again)
}

fn chosen(options: &Options) -> Result<Vec<&'static Kind>> {
    let all = kinds::all();
    for name in &options.only {
        ensure!(
            all.iter().any(|kind| kind.name == name),
            "there is no kind {name}; --list names them"
        );
    }
    let asked =
        |kind: &&Kind| options.only.is_empty() || options.only.iter().any(|name| name == kind.name);
    let quick = |kind: &&Kind| !options.quick || kind.quick;
    Ok(all.into_iter().filter(asked).filter(quick).collect())
}

fn matrix(options: &Options, kinds: &[&'static Kind], zkchurn: &Path) -> Result<()> {
    let begun = Instant::now();
    abandoned::namespaces()?;
    let tools = Tools::prepare(zkchurn)?;
    if options.pairs {
        return pairs::run(&tools, usize::from(options.at_once));
    }
    let outcomes = all_of(
        kinds,
        usize::from(options.at_once),
        &tools,
        options.record.as_deref(),
    );
    println!("\n{}", table::text(&outcomes));
    println!(
        "{} kinds in {:.0} s",
        outcomes.len(),
        begun.elapsed().as_secs_f64()
    );
    if options.only.is_empty() && !options.quick {
        let file = workspace::root().join("docs/measurements/diagnose-matrix.md");
        std::fs::write(&file, table::document(&outcomes))
            .with_context(|| format!("cannot write {}", file.display()))?;
        keep::give_to_owner_of(&workspace::root(), &file)?;
    }
    let failed: Vec<_> = outcomes.iter().filter(|one| !one.passed()).collect();
    for outcome in &failed {
        println!("FAILED {}", outcome.kind.name);
        for failure in &outcome.failures {
            println!("  {failure}");
        }
    }
    if !failed.is_empty() {
        bail!("{} of {} kinds failed", failed.len(), outcomes.len());
    }
    Ok(())
}

/// Runs the kinds, several at once: they are slow because of the programs' own
/// timers. Returns what came of them in the order in which they were given.
fn all_of(
    kinds: &[&'static Kind],
    at_once: usize,
    tools: &Tools,
    record: Option<&Path>,
) -> Vec<Outcome> {
    let all = kinds::all();
    let port_of = |kind: &Kind| {
        let place = all.iter().position(|one| one.name == kind.name);
        FIRST_PORT + u16::try_from(place.unwrap_or_default()).unwrap_or_default()
    };
    let waiting: Mutex<VecDeque<_>> = Mutex::new(kinds.iter().enumerate().collect());
    let done = Mutex::new(Vec::new());
    let take = || {
        waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop_front()
    };
    thread::scope(|scope| {
        for _ in 0..at_once {
            scope.spawn(|| {
                while let Some((place, kind)) = take() {
                    let port = port_of(kind);
                    let outcome = on_its_own_thread(kind, port, tools, record);
                    println!("{outcome}");
                    let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
                    done.push((place, outcome));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(place, _)| *place);
    done.into_iter().map(|(_, outcome)| outcome).collect()
}

/// A thread that has entered a network namespace does nothing else any more.
fn on_its_own_thread(
    kind: &'static Kind,
    port: u16,
    tools: &Tools,
    record: Option<&Path>,
) -> Outcome {
    let begun = Instant::now();
    let ran = thread::scope(|scope| {
        let running = scope.spawn(|| one(kind, port, tools, record));
        running
            .join()
            .unwrap_or_else(|_| bail!("the kind's thread panicked"))
    });
    let mut outcome = ran.unwrap_or_else(|error| Outcome::broken(kind, &error));
    outcome.took = begun.elapsed();
    outcome
}

fn one(kind: &'static Kind, port: u16, tools: &Tools, record: Option<&Path>) -> Result<Outcome> {
    let scratch = workspace::scratch_elsewhere("kind")?;
    let traced = traced(kind, port, tools, record, scratch.path());
    if !traced.as_ref().is_ok_and(Outcome::passed) {
        println!(
            "{}: logs are kept in {}",
            kind.name,
            scratch.keep().display()
        );
    }
    traced
}

fn traced(
    kind: &'static Kind,
    port: u16,
    tools: &Tools,
    record: Option<&Path>,
    dir: &Path,
) -> Result<Outcome> {
    let scene = Scene::enter(tools, dir, port)?;
    let truth = (kind.run)(&scene)?;
    let recording = scene.recording();
    let whole = std::fs::read(&recording).context("cannot read the recording")?;
    let without = scene.file("plain.zkchurn");
    std::fs::write(&without, plain::without_handshakes(&whole)?)
        .context("cannot write the recording")?;
    let trace = Recorded::replay(&tools.zkchurn, &recording)?;
    let plain = Recorded::replay(&tools.zkchurn, &without)?;
    let mut outcome = verdict::judge(kind, &truth, &trace, &plain)?;
    outcome.preparation = scene.preparation();
    if let Some(directory) = record {
        keep::keep(directory, kind, &truth, &trace, &recording)?;
    }
    Ok(outcome)
}
