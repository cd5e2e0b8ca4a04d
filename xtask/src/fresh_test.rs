// SPDX-License-Identifier: MIT
//! `fresh-test`: the suite on a Debian 12 that has nothing but what the README asks for,
//! started by an ordinary user who may call sudo. `setup` has to find and install the rest.

mod page;
mod rust;

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use clap::Args;

use self::page::Step;
use crate::debian_root::{self, Root};
use crate::{command, privilege, setup, workspace};

/// Options of `fresh-test`.
#[derive(Args)]
pub(crate) struct Options {
    /// Write what came of each step into docs/measurements/fresh.md
    #[arg(long)]
    write: bool,
    /// Let the root stay in target/roots/fresh, to be looked at
    #[arg(long)]
    keep: bool,
    /// Go on in the root that --keep has left, with the commit that is there
    #[arg(long)]
    again: bool,
    /// Behind `--`: options of `cargo xtask test`, such as --only 'kernel tests'
    #[arg(value_name = "OPTION", last = true)]
    suite: Vec<String>,
}

const RELEASE: &str = "12";
const NAME: &str = "fresh";
/// Who starts the suite.
const USER: &str = "newcomer";
const PREPARE: &str = include_str!("fresh_test/prepare.sh");
/// Where an administrator puts certificates of the network's own.
const CERTIFICATES: &str = "/usr/local/share/ca-certificates";

/// Runs the verb.
pub(crate) fn run(options: &Options) -> Result<()> {
    setup::ensure(&[setup::Group::Roots])?;
    privilege::acquire("to enter another root file system and to test in it")?;
    let root = match options.again {
        true => Root::kept(NAME)?,
        false => fresh()?,
    };
    let commit = commit(&root)?;
    let tested = suite(&root, &options.suite);
    if !options.keep {
        root.remove()?;
    }
    let tested = tested?;
    println!("\n{}", page::table(&tested.steps));
    if options.write {
        page::write(&commit, &options.suite, &tested.steps)?;
    }
    if !tested.passed {
        bail!("the suite failed on a fresh Debian {RELEASE}");
    }
    Ok(())
}

/// A root with what the README asks for.
fn fresh() -> Result<Root> {
    let releases = debian_root::named(&[RELEASE.to_owned()])?;
    let release = *releases.first().context("it was named")?;
    let root = Root::open(release)?.copied(NAME)?;
    prepare(&root)?;
    Ok(root)
}

/// That of the clone in it.
fn commit(root: &Root) -> Result<String> {
    let line = "cd zkchurn && git rev-parse --short=12 HEAD";
    let mut command = root.command("runuser");
    let said = command::output(command.args(["--login", USER, "--command", line]))?;
    Ok(said.trim().to_owned())
}

/// Installs what the README asks for.
fn prepare(root: &Root) -> Result<()> {
    println!("fresh-test: git, gcc, sudo and Rust for a user {USER}");
    let shared = root.shared();
    let clone = shared.join("clone");
    // What is committed, as others get it.
    command::output(
        git()
            .args(["clone", "--quiet", "--no-hardlinks", "."])
            .arg(&clone),
    )?;
    copy(Path::new("/etc/resolv.conf"), &shared.join("resolv.conf"))?;
    let certificates = shared.join("certificates");
    fs::create_dir(&certificates)?;
    for file in fs::read_dir(CERTIFICATES).into_iter().flatten() {
        let file = file?;
        copy(&file.path(), &certificates.join(file.file_name()))?;
    }
    rust::put_into(shared)?;
    let script = shared.join("prepare.sh");
    fs::write(&script, PREPARE)?;
    let mut prepare = root.command("sh");
    prepare.arg(&script).arg(shared).arg(USER);
    command::output(&mut prepare).context("cannot prepare the root")?;
    Ok(())
}

/// What came of the suite.
struct Tested {
    passed: bool,
    steps: Vec<Step>,
}

/// Runs the suite as a login of the user would, and listens.
fn suite(root: &Root, options: &[String]) -> Result<Tested> {
    let mut test = Command::new("cargo");
    test.args(["xtask", "test"]).args(options);
    let line = format!("cd zkchurn && {}", command::shown(&test));
    println!("fresh-test: {USER}$ {line}");
    let mut command = rust::with_toolchains(root, USER)?;
    command.args(["runuser", "--login", USER, "--command", &line]);
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot run `{}`", command::shown(&command)))?;
    let stdout = child.stdout.take().context("it has no output")?;
    let mut steps = Vec::new();
    for line in BufReader::new(stdout).lines() {
        let line = line.context("what the suite says cannot be read")?;
        println!("{line}");
        steps.extend(Step::told(&line));
    }
    let passed = child.wait()?.success();
    Ok(Tested { passed, steps })
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::copy(from, to).with_context(|| format!("cannot copy {}", from.display()))?;
    Ok(())
}

fn git() -> Command {
    let mut git = Command::new("git");
    git.current_dir(workspace::root());
    git
}
