// SPDX-License-Identifier: MIT
//! `mutants`: small faults in a sample of the core crate's lines, and whether the tests that
//! a plain user runs notice them. cargo-mutants makes the faults; what its tests miss is
//! tried again with the tests of what is printed, which take longer to build.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use clap::Args;

use crate::{command, setup, workspace};

/// Options of `mutants`.
#[derive(Args)]
pub(crate) struct Options {
    /// How many faults are tried, about; they are spread over the whole crate
    #[arg(long, value_name = "COUNT", default_value_t = 200,
        value_parser = clap::value_parser!(u32).range(1..))]
    sample: u32,
    /// Which sample: the same number is the same one as long as the code is
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u32,
}

const CRATE: &str = "zkchurn-core";
/// The crate whose tests look at what is printed.
const PRINTS: &str = "zkchurn";
/// Of ten faults so many have to be noticed.
const NOTICED_OF_TEN: usize = 9;

/// cargo-mutants has tried all, and the tests missed some, or ran into a time limit.
const MISSED: i32 = 2;
const TIMED_OUT: i32 = 3;

/// Runs the verb.
pub(crate) fn run(options: &Options) -> Result<()> {
    setup::ensure(&[setup::Group::Mutants])?;
    let all = command::output(cargo_mutants()?.args(["--list", "--package", CRATE]))?;
    let all = all.lines().count();
    let shard = shard(all, options);
    let output = workspace::target("mutants")?;
    println!("sample {shard} of {all} faults in {CRATE}");

    let first = attempt(&shard, &output, &[CRATE], false)?;
    let survivors = match first.missed.is_empty() {
        true => Vec::new(),
        false => attempt(&shard, &output, &[CRATE, PRINTS], true)?.missed,
    };
    let tried = first.noticed + first.missed.len();
    for survivor in &survivors {
        println!("survived: {survivor}");
    }
    let noticed = tried - survivors.len();
    println!(
        "{noticed} of {tried} noticed, {} survived; {} do not compile",
        survivors.len(),
        first.unviable
    );
    ensure!(tried > 0, "no fault was tried");
    ensure!(
        noticed * 10 >= tried * NOTICED_OF_TEN,
        "the tests notice fewer than {NOTICED_OF_TEN} of 10"
    );
    Ok(())
}

/// The part of all faults that is tried, as cargo-mutants numbers them: each *n*-th, from
/// one on that the seed chooses.
fn shard(all: usize, options: &Options) -> String {
    let parts = (all / options.sample as usize).max(1);
    format!("{}/{parts}", options.seed as usize % parts)
}

/// What came of trying.
#[derive(Debug, Default, PartialEq, Eq)]
struct Attempt {
    /// Also by tests that do not end any more.
    noticed: usize,
    missed: Vec<String>,
    unviable: usize,
}

/// Tries a part of the faults with the tests of these crates; `again` those only that were
/// missed the last time.
fn attempt(shard: &str, output: &Path, tests: &[&str], again: bool) -> Result<Attempt> {
    // What a run leaves behind that is killed is below `target/`, and goes with the next one.
    let copies = workspace::target("mutants/copies")?;
    fs::remove_dir_all(&copies).context("cannot remove the copies of an earlier run")?;
    let copies = workspace::target("mutants/copies")?;
    let mut mutants = cargo_mutants()?;
    mutants
        .args(["--package", CRATE, "--shard", shard, "--sharding"])
        .args(["round-robin", "--no-times", "--output"])
        .arg(output)
        .env("TMPDIR", &copies)
        // A snapshot that differs is a fault noticed, and nothing to be written.
        .env("INSTA_UPDATE", "no");
    for name in tests {
        mutants.args(["--test-package", name]);
    }
    if again {
        mutants.arg("--iterate");
    } else {
        let _ = fs::remove_dir_all(output.join("mutants.out"));
    }
    let status = mutants.status().context("cannot run cargo-mutants")?;
    ensure!(
        matches!(status.code(), Some(0 | MISSED | TIMED_OUT)),
        "cargo-mutants failed: {status}"
    );
    read(&output.join("mutants.out"))
}

fn read(directory: &Path) -> Result<Attempt> {
    let lines = |name: &str| -> Result<Vec<String>> {
        let path = directory.join(name);
        let text = fs::read_to_string(&path);
        let text = text.with_context(|| format!("cannot read {}", path.display()))?;
        Ok(text.lines().map(str::to_owned).collect())
    };
    Ok(Attempt {
        noticed: lines("caught.txt")?.len() + lines("timeout.txt")?.len(),
        missed: lines("missed.txt")?,
        unviable: lines("unviable.txt")?.len(),
    })
}

fn cargo_mutants() -> Result<Command> {
    let program = setup::mutants::cargo_mutants().context("cargo-mutants is not there")?;
    let mut command = Command::new(program);
    command.arg("mutants").current_dir(workspace::root());
    Ok(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_chooses_the_part() {
        let shard = |seed, sample| shard(5_769, &Options { sample, seed });
        assert_eq!(shard(1, 200), "1/28");
        assert_eq!(shard(30, 200), "2/28");
        assert_eq!(shard(7, 10_000), "0/1", "all of them");
    }

    #[test]
    fn what_came_of_it_is_read_from_the_lists() {
        let directory = tempfile::tempdir().unwrap();
        assert!(read(directory.path()).is_err());
        let lists = [
            ("caught.txt", "a\nb\n"),
            ("timeout.txt", "c\n"),
            ("missed.txt", "d\n"),
            ("unviable.txt", ""),
        ];
        for (name, text) in lists {
            fs::write(directory.path().join(name), text).unwrap();
        }
        let expected = Attempt {
            noticed: 3,
            missed: vec!["d".to_owned()],
            unviable: 0,
        };
        assert_eq!(read(directory.path()).unwrap(), expected);
    }
}
