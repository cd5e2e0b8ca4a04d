// SPDX-License-Identifier: MIT
//! `kernel-test`: the kernel tests on stock Debian kernels, each booted under
//! QEMU's software emulation, and the table of what each kernel offers.

pub(crate) mod architecture;
pub(crate) mod archive;
pub(crate) mod guest;
pub(crate) mod kernels;
mod left_out;
pub(crate) mod machine;
mod newest;
mod outcome;
mod programs;
mod table;
mod tools;

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;

use self::architecture::Architecture;
use self::archive::Archive;
use self::kernels::{KERNELS, Kernel};
use self::outcome::Outcome;
use self::programs::Programs;
use crate::{setup, workspace};

/// Memory of a guest: its file system is in it, too.
const MEMORY_MIB: u32 = 1536;

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
    /// Write the table of a processor into docs/reference/kernels.md; needs all its kernels,
    /// --all-tests and no --only
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
            // Three minutes usually. A guest that is busy has a slow clock, and one of its
            // tests waits for what comes by that clock.
            limit: 600,
        }
    }
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
    let complete = architecture::ALL.map(|one| kernels::all_of(one, &kernels));
    ensure!(
        !options.write
            || (complete.contains(&true) && options.all_tests && options.only.is_empty()),
        "--write needs all kernels of a processor, --all-tests and no --only"
    );
    setup::ensure(&[setup::Group::Tests, setup::Group::Kernels])?;
    let dir = workspace::target("kernels")?;
    let names = programs::names()?;
    let mut all = Vec::new();
    for (architecture, complete) in architecture::ALL.into_iter().zip(complete) {
        let is_of_it = |kernel: &&&Kernel| kernel.architecture == architecture;
        let kernels: Vec<_> = kernels.iter().filter(is_of_it).copied().collect();
        if kernels.is_empty() {
            continue;
        }
        let outcomes = test_all(architecture, &kernels, &names, &dir, options)?;
        println!("\n{}", table::lines(&outcomes));
        if options.write && complete {
            table::write(architecture, &outcomes)?;
        }
        all.extend(outcomes);
    }
    verdict(&all)
}

fn test_all(
    architecture: Architecture,
    kernels: &[&'static Kernel],
    names: &[String],
    dir: &Path,
    options: &Options,
) -> Result<Vec<Outcome>> {
    let laboratory = Laboratory::open(architecture, names, dir)?;
    let kernels = kernels.iter();
    kernels
        .map(|kernel| laboratory.test(kernel, options))
        .collect()
}

/// What all guests with the same processor share.
struct Laboratory<'a> {
    archive: Archive,
    programs: Programs,
    /// Names of all tests.
    names: &'a [String],
    /// Where results are kept.
    dir: &'a Path,
}

impl<'a> Laboratory<'a> {
    fn open(architecture: Architecture, names: &'a [String], dir: &'a Path) -> Result<Self> {
        if architecture.foreign_target().is_some() {
            setup::ensure(&[setup::Group::Arm64Kernels, setup::Group::DistBinary])?;
        }
        Ok(Self {
            archive: Archive::open(dir, architecture)?,
            programs: programs::build(architecture)?,
            names,
            dir,
        })
    }

    fn test(&self, kernel: &'static Kernel, options: &Options) -> Result<Outcome> {
        let image = self.archive.image(kernel)?;
        let chosen = left_out::choose(self.names, kernel, options.all_tests, &options.only);
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
        let initramfs = guest::build(
            scratch.path(),
            &self.archive,
            &image,
            &self.programs,
            &chosen.run,
        )?;
        let console = self.dir.join(format!("{}.console", kernel.name));
        let results = self.dir.join(format!("{}.results", kernel.name));
        let started = Instant::now();
        let limit = Duration::from_secs(options.limit);
        let boot = machine::Boot {
            kernel,
            image: &image,
            initramfs: &initramfs,
            memory_mib: MEMORY_MIB,
            console: &console,
            results: &results,
        };
        let end = machine::boot(&boot, limit)?;
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
