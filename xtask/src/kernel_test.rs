// SPDX-License-Identifier: MIT
//! `kernel-test`: the kernel tests on stock Debian kernels, each booted under
//! QEMU's software emulation, and the table of what each kernel offers.

mod archive;
mod guest;
mod kernels;
mod left_out;
mod machine;
mod newest;
mod outcome;
mod table;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;

use self::archive::{Archive, Image};
use self::kernels::{KERNELS, Kernel};
use self::outcome::Outcome;
use crate::{command, privileged_tests, setup, workspace};

/// Options of `kernel-test`.
#[derive(Args)]
pub(crate) struct Options {
    /// Kernels to boot, as `--list` names them; all if none is named
    #[arg(value_name = "KERNEL")]
    pub kernels: Vec<String>,
    /// Only name the kernels
    #[arg(long)]
    pub list: bool,
    /// Only tests whose name holds one of these words
    #[arg(long, value_name = "WORD")]
    pub only: Vec<String>,
    /// Also the tests that are not of the matrix
    #[arg(long)]
    pub all_tests: bool,
    /// Write the table into docs/reference/kernels.md; needs all kernels, --all-tests and no --only
    #[arg(long)]
    pub write: bool,
    /// Longest time for one kernel, in seconds
    #[arg(long, default_value_t = 900, value_name = "SECONDS")]
    pub limit: u64,
}

impl Options {
    /// Two kernels: the one whose classic tracepoint has other offsets, and its plain sibling.
    pub(crate) fn of_the_suite() -> Self {
        let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
        Self {
            kernels: words(&["6.1-rt", "6.1"]),
            list: false,
            only: Vec::new(),
            all_tests: false,
            write: false,
            limit: 300,
        }
    }
}

/// What a guest is made of, beside its kernel.
struct Programs {
    /// Optimised: emulation makes it slow enough.
    zkchurn: PathBuf,
    /// Where the tests look for it.
    zkchurn_in_guest: PathBuf,
    tests: PathBuf,
    /// Names of all tests, in the order in which they run.
    names: Vec<String>,
}

/// Runs the verb.
pub(crate) fn run(options: &Options) -> Result<()> {
    if options.list {
        for kernel in &KERNELS {
            println!("{}", kernel.name);
        }
        return Ok(());
    }
    let kernels = kernels::named(&options.kernels)?;
    let complete = options.all_tests && options.only.is_empty() && kernels.len() == KERNELS.len();
    ensure!(
        complete || !options.write,
        "--write needs all kernels, --all-tests and no --only"
    );
    setup::ensure(&[setup::Group::Tests, setup::Group::Kernels])?;
    let programs = programs()?;
    let dir = workspace::target("kernels")?;
    let archive = Archive::open(&dir)?;
    let mut outcomes = Vec::new();
    for kernel in kernels {
        let image = archive.image(kernel)?;
        outcomes.push(test_one(kernel, &image, &programs, options, &dir)?);
    }
    println!("\n{}", table::lines(&outcomes));
    if options.write {
        table::write(&outcomes)?;
    }
    verdict(&outcomes)
}

fn programs() -> Result<Programs> {
    let tests = privileged_tests::build("kernel")?;
    let mut cargo = command::cargo();
    cargo.args(["build", "--package", "zkchurn", "--bin", "zkchurn"]);
    let zkchurn_in_guest = command::built(&mut cargo, "zkchurn")?;
    let zkchurn = command::zkchurn()?;
    let list = command::output(Command::new(&tests).args(["--list", "--ignored"]))?;
    let names: Vec<_> = list
        .lines()
        .filter_map(|line| line.strip_suffix(": test"))
        .map(str::to_owned)
        .collect();
    ensure!(!names.is_empty(), "there are no kernel tests");
    Ok(Programs {
        zkchurn,
        zkchurn_in_guest,
        tests,
        names,
    })
}

fn test_one(
    kernel: &'static Kernel,
    image: &Image,
    programs: &Programs,
    options: &Options,
    dir: &Path,
) -> Result<Outcome> {
    let chosen = left_out::choose(&programs.names, kernel, options.all_tests, &options.only);
    println!(
        "\n{}: {}, {} tests",
        kernel.name,
        image.abi,
        chosen.run.len()
    );
    ensure!(
        !chosen.run.is_empty(),
        "no test is left for {}",
        kernel.name
    );
    let scratch = workspace::scratch("kernels")?;
    let initramfs = guest::build(scratch.path(), image, programs, &chosen.run)?;
    let console = dir.join(format!("{}.console", kernel.name));
    let results = dir.join(format!("{}.results", kernel.name));
    let started = Instant::now();
    let limit = Duration::from_secs(options.limit);
    let end = machine::boot(kernel, image, &initramfs, &console, &results, limit)?;
    let said = std::fs::read(&results).with_context(|| format!("no {}", results.display()))?;
    let said = String::from_utf8_lossy(&said);
    let outcome = outcome::read(kernel, &said, chosen, started.elapsed());
    for line in outcome.lines() {
        println!("  {line}");
    }
    if let machine::End::TimeLimit = end {
        println!("  stopped after {} s", limit.as_secs());
    }
    if outcome.release.is_none() {
        println!("  it said nothing; its console is in {}", console.display());
    }
    Ok(outcome)
}

fn verdict(outcomes: &[Outcome]) -> Result<()> {
    let failed: Vec<_> = outcomes
        .iter()
        .filter(|outcome| !outcome.passed())
        .map(|outcome| outcome.kernel.name)
        .collect();
    if !failed.is_empty() {
        bail!(
            "tests failed on {}; what they said is in target/kernels/*.results",
            failed.join(", ")
        );
    }
    Ok(())
}
