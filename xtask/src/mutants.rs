// SPDX-License-Identifier: MIT
//! `mutants`: small faults in a random sample of the core crate's lines, and whether the
//! tests that a plain user runs notice them (docs/measurements/mutants.md). cargo-mutants
//! makes the faults. What the crate's own tests miss is tried again with those of what is
//! printed, which take longer to build.

mod sample;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use clap::Args;

use crate::{command, heartbeat, setup, workspace};

/// Options of `mutants`.
#[derive(Args)]
pub(crate) struct Options {
    /// How many faults are tried
    #[arg(long, value_name = "COUNT", default_value_t = 200,
        value_parser = clap::value_parser!(u32).range(1..))]
    sample: u32,
    /// Which sample: the same number chooses the same faults as long as their lines stay
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
    /// Go on behind so many of the sample, which an earlier run has tried
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    skip: u32,
    /// Only name the faults of the sample
    #[arg(long)]
    list: bool,
}

const CRATE: &str = "zkchurn-core";

/// Tests, and how cargo is asked for them.
struct Tests {
    package: &'static str,
    chosen: &'static [&'static str],
    /// What cargo-mutants is told of their passing without a fault.
    known_to_pass: &'static [&'static str],
}

impl Tests {
    /// Sees to it that they pass without a fault, where temporary files lie as they will with
    /// one: else all of them would look noticed.
    fn pass(&self) -> Result<()> {
        let mut test = command::cargo();
        test.env("TMPDIR", emptied_copies()?)
            .env("INSTA_UPDATE", "no");
        test.args(["test", "--quiet", "--package", self.package]);
        command::run(test.args(self.chosen)).context("the tests fail without any fault")
    }
}

/// Those of the crate, but for the examples in its documentation.
const OWN: Tests = Tests {
    package: CRATE,
    chosen: &["--lib"],
    known_to_pass: &["--minimum-test-timeout", ENDLESS],
};
/// Those of the shell, and of what is made of recordings and logs and how it is printed. Each program of tests has
/// to be linked again for each fault, so those are left out that need a trace or minutes.
const PRINTED: Tests = Tests {
    package: "zkchurn",
    chosen: &[
        "--lib",
        "--test=snapshots",
        "--test=variations",
        "--test=page",
        "--test=filter",
        "--test=server_log",
        "--test=server_log_field",
        "--test=replay",
        "--test=segments",
        "--test=diff",
        "--test=kinds",
        "--test=messy",
        "--test=relatives",
        "--test=mixed",
        "--test=certainty",
        "--test=diff_made_up",
        "--test=several_hosts",
        "--test=redacted",
        "--test=report_at_any_moment",
        "--test=short_traces",
        "--test=clock_step",
        "--test=limits",
        "--test=untrusted",
        "--test=hostile_numbers",
        "--test=reused_pid",
        "--test=shuffled",
        "--test=wire",
    ],
    known_to_pass: &["--baseline", "skip", "--timeout", ENDLESS_AND_BUILT],
};
/// Of ten faults so many have to be noticed.
const NOTICED_OF_TEN: usize = 9;
/// Seconds after which tests that passed before are taken not to end: other work on the
/// machine must not make a fault look noticed.
const ENDLESS: &str = "180";
/// The same where the time of building them counts.
const ENDLESS_AND_BUILT: &str = "900";

/// cargo-mutants has tried all, and the tests missed some, or ran into a time limit.
const MISSED: i32 = 2;
const TIMED_OUT: i32 = 3;

/// Runs the verb.
pub(crate) fn run(options: &Options) -> Result<()> {
    setup::ensure(&[setup::Group::Mutants])?;
    let all = all()?;
    let sample = sample::of(&all, options.seed);
    let wanted = sample.skip(options.skip as usize);
    let wanted: Vec<&String> = wanted.take(options.sample as usize).collect();
    ensure!(!wanted.is_empty(), "there are only {} faults", all.len());
    println!(
        "{} of {} faults in {CRATE}, seed {}, behind the first {}",
        wanted.len(),
        all.len(),
        options.seed,
        options.skip
    );
    if options.list {
        wanted.iter().for_each(|fault| println!("{fault}"));
        return Ok(());
    }
    heartbeat::beside("mutants", || try_all(&all, &wanted))
}

/// The faults that there are.
fn all() -> Result<Vec<String>> {
    let listed = command::output(cargo_mutants()?.args(["--list", "--package", CRATE]))?;
    Ok(listed.lines().map(str::to_owned).collect())
}

fn try_all(all: &[String], wanted: &[&String]) -> Result<()> {
    let own = attempt("own", all, wanted, &OWN)?;
    let missed: Vec<&String> = own.missed.iter().collect();
    let survivors = match missed.is_empty() {
        true => Vec::new(),
        false => {
            // cargo-mutants tries the crate's own tests without a fault, never those.
            PRINTED.pass()?;
            attempt("printed", all, &missed, &PRINTED)?.missed
        }
    };
    for fault in &own.endless {
        println!("noticed by tests that do not end: {fault}");
    }
    for survivor in &survivors {
        println!("survived: {survivor}");
    }
    let tried = own.caught + own.endless.len() + own.missed.len();
    let noticed = tried - survivors.len();
    println!(
        "{noticed} of {tried} noticed, {} of them by what is printed only; {} survived; \
         {} do not compile",
        own.missed.len() - survivors.len(),
        survivors.len(),
        own.unviable
    );
    judge(noticed, tried)
}

fn judge(noticed: usize, tried: usize) -> Result<()> {
    ensure!(tried > 0, "no fault was tried");
    ensure!(
        noticed * 10 >= tried * NOTICED_OF_TEN,
        "the tests notice {noticed} of {tried} faults, fewer than {NOTICED_OF_TEN} of 10"
    );
    Ok(())
}

/// What came of trying.
#[derive(Debug, Default, PartialEq, Eq)]
struct Attempt {
    caught: usize,
    /// Those with which tests do not end any more, which is noticed as well.
    endless: Vec<String>,
    missed: Vec<String>,
    unviable: usize,
}

/// Tries these faults with the tests of one crate.
fn attempt(name: &str, all: &[String], faults: &[&String], tests: &Tests) -> Result<Attempt> {
    let output = workspace::target(&format!("mutants/{name}"))?;
    leave_out(&output, all, faults)?;
    let mut mutants = cargo_mutants()?;
    mutants
        .args(["--package", CRATE, "--test-package", tests.package])
        .args(tests.known_to_pass)
        .args(["--iterate", "--output"])
        .arg(&output)
        .args(["--jobs", "1", "--no-times", "--colors", "never"])
        // Behind `--` they are not asked for while the crate itself is built.
        .arg("--")
        .args(tests.chosen)
        .env("TMPDIR", emptied_copies()?)
        // What does not change from one fault to the next is built once.
        .env("CARGO_TARGET_DIR", workspace::target("mutants/build")?)
        .env("CARGO_INCREMENTAL", "1")
        .env("CARGO_PROFILE_DEV_DEBUG", "none")
        // A snapshot that differs is a fault noticed, and nothing to be written.
        .env("INSTA_UPDATE", "no");
    let status = mutants.status().context("cannot run cargo-mutants")?;
    if !matches!(status.code(), Some(0 | MISSED | TIMED_OUT)) {
        bail!("cargo-mutants failed: {status}");
    }
    let found = read(&output.join("mutants.out"))?;
    let tried = found.caught + found.endless.len() + found.missed.len() + found.unviable;
    ensure!(
        tried == faults.len(),
        "{tried} of {} faults were tried",
        faults.len()
    );
    Ok(found)
}

/// Has cargo-mutants take all but these faults for caught by an earlier run. Its own ways to
/// choose by name let some kinds of faults through (27.1: fields left out of a struct).
fn leave_out(output: &Path, all: &[String], but: &[&String]) -> Result<()> {
    let directory = output.join("mutants.out");
    if directory.exists() {
        fs::remove_dir_all(&directory).context("cannot remove what an earlier run found")?;
    }
    fs::create_dir(&directory)?;
    let but: BTreeSet<_> = but.iter().copied().collect();
    let others = all.iter().filter(|fault| !but.contains(fault));
    let others: String = others.map(|fault| format!("{fault}\n")).collect();
    let list = directory.join("previously_caught.txt");
    fs::write(&list, others).with_context(|| format!("cannot write {}", list.display()))
}

/// Where cargo-mutants copies the sources to. What a run leaves there that was killed goes
/// with the next one.
fn emptied_copies() -> Result<PathBuf> {
    let copies = workspace::target("mutants/copies")?;
    fs::remove_dir_all(&copies).context("cannot remove the copies of an earlier run")?;
    workspace::target("mutants/copies")
}

fn read(directory: &Path) -> Result<Attempt> {
    let lines = |name: &str| -> Result<Vec<String>> {
        let path = directory.join(name);
        let text = fs::read_to_string(&path);
        let text = text.with_context(|| format!("cannot read {}", path.display()))?;
        Ok(text.lines().map(str::to_owned).collect())
    };
    Ok(Attempt {
        caught: lines("caught.txt")?.len(),
        endless: lines("timeout.txt")?,
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
    fn nine_of_ten_will_do() {
        assert!(judge(180, 200).is_ok());
        assert!(judge(179, 200).is_err());
        assert!(judge(0, 0).is_err());
    }

    #[test]
    fn what_came_of_it_is_read_from_the_lists() {
        let directory = tempfile::tempdir().expect("a directory");
        assert!(read(directory.path()).is_err());
        let lists = [
            ("caught.txt", "a\nb\n"),
            ("timeout.txt", "c\n"),
            ("missed.txt", "d\n"),
            ("unviable.txt", ""),
        ];
        for (name, text) in lists {
            fs::write(directory.path().join(name), text).expect("a file");
        }
        let expected = Attempt {
            caught: 2,
            endless: vec!["c".to_owned()],
            missed: vec!["d".to_owned()],
            unviable: 0,
        };
        assert_eq!(read(directory.path()).expect("all lists"), expected);
    }
}
