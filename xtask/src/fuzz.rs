// SPDX-License-Identifier: MIT
//! `fuzz`: hostile bytes for everything that reads bytes, one target after
//! another (docs/measurements/fuzzing.md). An input that fails is kept, and its path told.

mod outcome;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use clap::Args;

use self::outcome::Outcome;
use crate::{command, setup, toolchain, workspace};

/// Options of `fuzz`.
#[derive(Args)]
pub(crate) struct Options {
    /// Only these targets, by the names of the files in fuzz/fuzz_targets
    #[arg(value_name = "TARGET")]
    pub only: Vec<String>,
    /// How long each target runs
    #[arg(long, value_name = "SECONDS", default_value_t = 20,
        value_parser = clap::value_parser!(u32).range(1..))]
    pub seconds: u32,
}

/// Longest input in bytes; a recording needs more than a record does.
const LONGEST: u32 = 16_384;
/// Seconds after which bytes are taken to keep it for ever: what is sound takes milliseconds.
const ENDLESS: u32 = 60;

/// Runs the verb.
pub(crate) fn run(options: &Options) -> Result<()> {
    setup::ensure(&[setup::Group::Fuzz])?;
    let targets = chosen(targets()?, &options.only)?;
    let mut failures = Vec::new();
    println!("{}", outcome::HEADER);
    for target in &targets {
        build(target)?;
        let outcome = fuzz(target, options.seconds)?;
        println!("{}", outcome.row(target));
        failures.extend(outcome.failure);
    }
    if !failures.is_empty() {
        bail!("{}", failures.join("\n"));
    }
    Ok(())
}

/// The targets that there are.
fn targets() -> Result<Vec<String>> {
    let directory = fuzz_crate().join("fuzz_targets");
    let files = std::fs::read_dir(&directory)
        .with_context(|| format!("cannot read {}", directory.display()))?;
    let mut targets = Vec::new();
    for file in files {
        let path = file?.path();
        targets.extend(path.file_stem().map(|name| name.to_string_lossy().into()));
    }
    targets.sort();
    Ok(targets)
}

fn chosen(all: Vec<String>, only: &[String]) -> Result<Vec<String>> {
    if let Some(unknown) = only.iter().find(|name| !all.contains(name)) {
        bail!("there is no target {unknown}, only {}", all.join(", "));
    }
    let is_chosen = |name: &String| only.is_empty() || only.contains(name);
    Ok(all.into_iter().filter(is_chosen).collect())
}

/// zkchurn has no `unsafe` of its own for a sanitizer to watch over: without one
/// the targets run faster, and checks of overflow and bounds are there all the same.
fn cargo_fuzz(verb: &str) -> Result<Command> {
    let program = setup::fuzz::cargo_fuzz().context("cargo-fuzz is not there")?;
    let nightly = toolchain::nightly_name().context("there is no nightly Rust")?;
    let mut command = Command::new(program);
    command
        .args(["fuzz", verb, "--sanitizer", "none", "--fuzz-dir"])
        .arg(fuzz_crate())
        .current_dir(workspace::root())
        // Not the cargo that runs this verb.
        .env_remove("CARGO")
        .env("RUSTUP_TOOLCHAIN", nightly)
        .env("CARGO_TARGET_DIR", workspace::target("fuzz")?);
    Ok(command)
}

fn build(target: &str) -> Result<()> {
    command::run(cargo_fuzz("build")?.arg(target))
}

/// What is found goes into a corpus below `target/`; the committed one stays as
/// it is.
fn fuzz(target: &str, seconds: u32) -> Result<Outcome> {
    let found = workspace::target(&format!("fuzz-corpus/{target}"))?;
    let log_path = workspace::target("fuzz-logs")?.join(format!("{target}.log"));
    let log =
        File::create(&log_path).with_context(|| format!("cannot write {}", log_path.display()))?;
    let mut run = cargo_fuzz("run")?;
    run.arg(target)
        .arg(&found)
        .arg(fuzz_crate().join("corpus").join(target))
        .arg("--")
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-max_len={LONGEST}"))
        .arg(format!("-timeout={ENDLESS}"))
        .arg("-print_final_stats=1")
        .args(dictionary(target))
        .stdout(log.try_clone()?)
        .stderr(log);
    let status = run.status().context("cannot run cargo-fuzz")?;
    let log = std::fs::read(&log_path)?;
    Outcome::of(
        target,
        status.success(),
        &String::from_utf8_lossy(&log),
        &log_path,
    )
}

fn dictionary(target: &str) -> Option<String> {
    let path = fuzz_crate().join("dictionaries").join(target);
    path.exists()
        .then(|| format!("-dict={}", Path::new(&path).display()))
}

fn fuzz_crate() -> PathBuf {
    workspace::root().join("fuzz")
}
