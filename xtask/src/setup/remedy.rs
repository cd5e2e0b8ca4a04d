// SPDX-License-Identifier: MIT
//! What is missing, and how it is had.

use std::fmt;
use std::process::Command;

use anyhow::Result;

use crate::{command, privilege};

/// Something that is missing.
pub struct Missing {
    /// Its name, for people.
    pub what: String,
    /// How it is had.
    pub remedy: Remedy,
}

/// How something missing is had.
pub enum Remedy {
    /// Debian's packages of these names.
    Packages(Vec<String>),
    /// A command that needs no root.
    Command(Command),
    /// A sentence for people, where no command is known to work.
    ByHand(String),
}

impl Missing {
    /// A program or file that a Debian package holds; elsewhere it has to be
    /// installed by hand.
    pub fn package(what: impl Into<String>, packages: &[&str]) -> Self {
        let what = what.into();
        let remedy = if has_apt() {
            Remedy::Packages(packages.iter().map(|&name| name.to_owned()).collect())
        } else {
            Remedy::ByHand(format!(
                "install what Debian calls `{}` with this system's package manager",
                packages.join(" ")
            ))
        };
        Self { what, remedy }
    }

    /// Something that a command brings.
    pub fn command(what: impl Into<String>, command: Command) -> Self {
        Self {
            what: what.into(),
            remedy: Remedy::Command(command),
        }
    }

    /// Something that people have to see to.
    pub fn by_hand(what: impl Into<String>, how: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            remedy: Remedy::ByHand(how.into()),
        }
    }
}

impl fmt::Display for Remedy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Packages(names) => write!(f, "apt-get install {}", names.join(" ")),
            Self::Command(command) => f.write_str(&with_environment(command)),
            Self::ByHand(how) => f.write_str(how),
        }
    }
}

/// Those of these programs that are not on PATH; beside each is Debian's package.
pub(super) fn missing_programs(programs: &[(&str, &str)]) -> Vec<Missing> {
    let absent = programs
        .iter()
        .filter(|(program, _)| command::on_path(program).is_none());
    absent
        .map(|(program, package)| Missing::package(*program, &[package]))
        .collect()
}

/// Whether this system takes Debian's packages.
pub(super) fn has_apt() -> bool {
    command::on_path("apt-get").is_some()
}

/// Installs Debian packages without asking. The lists are fetched first: on a
/// fresh machine there are none.
pub(super) fn install_packages(names: &[String]) -> Result<()> {
    // Another apt may be at work, as it is on a machine that just started.
    let patience = "DPkg::Lock::Timeout=300";
    let apt = || {
        // sudo would not pass the variable on.
        let mut apt = privilege::as_root("env");
        apt.args(["DEBIAN_FRONTEND=noninteractive", "apt-get", "-o", patience]);
        apt
    };
    print_and_run(apt().args(["-q", "update"]))?;
    print_and_run(
        apt()
            .args(["-q", "install", "-y", "--no-install-recommends"])
            .args(names),
    )
}

/// Prints a command as one would type it, then runs it.
pub(super) fn print_and_run(command: &mut Command) -> Result<()> {
    println!("setup: {}", with_environment(command));
    command::run(command)
}

fn with_environment(command: &Command) -> String {
    let variables = command.get_envs().filter_map(|(name, value)| {
        let value = value?.to_string_lossy();
        Some(format!("{}={value} ", name.to_string_lossy()))
    });
    variables.chain([command::shown(command)]).collect()
}
