// SPDX-License-Identifier: MIT
//! The tests that need root: those that load the object into this machine's
//! kernel, and those that look at other users' JVMs.

mod ordinary_user;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, ensure};

use self::ordinary_user::OrdinaryUser;
pub(crate) use self::ordinary_user::remove_abandoned as remove_abandoned_user;
use crate::beside::beside;
use crate::{build_ebpf, command, privilege, workspace};

/// The tests find the object to load by this variable.
const OBJECT: &str = "ZKCHURN_BPF_OBJECT";

/// Those that mostly wait: for the minute that an incident takes, for a manager's patience, for what
/// hangs. They run beside the others, in so many processes: what one process starts holds none of
/// another's sockets, and each has ports of its own.
const PATIENT: [(&str, usize); 3] = [("agent::", 3), ("service::", 1), ("faults::", 1)];

/// Runs those of one directory in `zkchurn/tests` against the object that was
/// just rebuilt: as root by way of an ordinary user's sudo, with no more than a
/// login has, because that is how people run zkchurn.
pub(crate) fn run(name: &str) -> Result<()> {
    let user = OrdinaryUser::present_or_made()?;
    run_by(|| user.as_root("env"), name, &[], &[])
}

/// The same in several processes side by side, those of the tests that mostly wait and one more.
pub(crate) fn run_side_by_side(name: &str) -> Result<()> {
    let user = OrdinaryUser::present_or_made()?;
    let tests = Tests::built(name)?;
    let patient = PATIENT.iter().flat_map(|(word, processes)| {
        let names = tests.names.iter().filter(|name| name.starts_with(word));
        shared_out(names.map(String::as_str), *processes)
    });
    let others = PATIENT.iter().flat_map(|(word, _)| ["--skip", *word]);
    let groups = patient.chain([others.collect()]);
    let mut groups: Vec<_> = groups
        .map(|filter| tests.command(user.as_root("env"), &filter, &[]))
        .collect();
    all_beside(&mut groups)
}

/// Filters for so many processes, which run each test once.
fn shared_out<'a>(names: impl Iterator<Item = &'a str>, processes: usize) -> Vec<Vec<&'a str>> {
    let mut filters = vec![vec!["--exact"]; processes];
    for (number, name) in names.enumerate() {
        filters[number % processes].push(name);
    }
    // Without a name all would run.
    filters.retain(|filter| filter.len() > 1);
    filters
}

/// Runs them at the same time; what the last one says is seen as it comes.
fn all_beside(programs: &mut [Command]) -> Result<()> {
    match programs {
        [] => Ok(()),
        [last] => command::run(last),
        [first, rest @ ..] => beside(first, || all_beside(rest)),
    }
}

/// Runs as root those that `filter` lets through, all where it is empty, with
/// these variables set.
pub(crate) fn run_some(name: &str, filter: &[&str], variables: &[&str]) -> Result<()> {
    run_by(|| privilege::as_root("env"), name, filter, variables)
}

/// Runs those that `filter` lets through by a command of the caller, which runs `env` with the
/// arguments that follow, as root.
pub(crate) fn run_in(
    env_as_root: impl FnOnce() -> Command,
    name: &str,
    filter: &[&str],
) -> Result<()> {
    run_by(env_as_root, name, filter, &[])
}

fn run_by(
    env_as_root: impl FnOnce() -> Command,
    name: &str,
    filter: &[&str],
    variables: &[&str],
) -> Result<()> {
    let tests = Tests::built(name)?;
    command::run(&mut tests.command(env_as_root(), filter, variables))
}

/// A program of tests, and the object that it tests.
struct Tests {
    program: PathBuf,
    object: PathBuf,
    names: Vec<String>,
}

impl Tests {
    fn built(name: &str) -> Result<Self> {
        privilege::acquire("to load programs into the kernel and to look at JVMs")?;
        let object = build_ebpf::rebuilt()?;
        let program = build(name)?;
        let list = command::output(Command::new(&program).args(["--list", "--ignored"]))?;
        let names = list.lines().filter_map(|line| line.strip_suffix(": test"));
        let names: Vec<_> = names.map(str::to_owned).collect();
        ensure!(!names.is_empty(), "there are no tests to run in {name}");
        Ok(Self {
            program,
            object,
            names,
        })
    }

    /// Those that `filter` lets through, by what runs `env` as root.
    fn command(&self, mut env_as_root: Command, filter: &[&str], variables: &[&str]) -> Command {
        let variable = |name: &str, value: &Path| {
            let mut variable = OsString::from(format!("{name}="));
            variable.push(value);
            variable
        };
        env_as_root
            // sudo would not pass the variables on.
            // Where cargo itself would run them. An ordinary user may be unable
            // to go there; root goes there itself.
            .arg("--chdir")
            .arg(workspace::root().join("zkchurn"))
            .arg(variable(OBJECT, &self.object))
            .arg(variable("TMPDIR", &std::env::temp_dir()))
            .args(variables)
            .arg(&self.program)
            // A program that one test starts holds copies of another's sockets
            // until its exec is done: the last close would be that program's.
            .args(["--ignored", "--test-threads=1"])
            .args(filter);
        env_as_root
    }
}

/// Builds them as the user who started the verb, so that root leaves no files
/// in `target/`.
pub(crate) fn build(name: &str) -> Result<PathBuf> {
    let mut cargo = command::cargo();
    cargo.args(["test", "--package", "zkchurn", "--test", name]);
    command::built(cargo.arg("--no-run"), name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_test_is_run_once() {
        let names = ["agent::a", "agent::b", "agent::c"];
        let filters = shared_out(names.into_iter(), 2);
        assert_eq!(
            filters,
            [
                vec!["--exact", "agent::a", "agent::c"],
                vec!["--exact", "agent::b"]
            ]
        );
        assert_eq!(shared_out(names.into_iter().take(1), 2).len(), 1);
    }
}
