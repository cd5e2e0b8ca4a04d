// SPDX-License-Identifier: MIT
//! `install-test`: what `dist` made, in root file systems of Debian's releases. The static
//! binary has to trace the demo's exact counts there; the packages have to be installed,
//! work, and be removed without leaving a file; the image has to trace another container's
//! process with what contrib/kubernetes allows it.

mod container;
mod manifest;
mod names;
mod packages;
mod page;
mod seccomp;
mod tracing;

use anyhow::{Result, ensure};
use clap::Args;

use crate::debian_root::{self, Release, Root};
use crate::{dist, privilege, setup};

/// Options of `install-test`.
#[derive(Args)]
pub(crate) struct Options {
    /// Releases of Debian, such as 11; all if none is named
    #[arg(value_name = "RELEASE")]
    pub(crate) releases: Vec<String>,
    /// Only the static binary, no packages
    #[arg(long)]
    pub(crate) binary_only: bool,
    /// Only a static binary that this machine's own toolchain links, with glibc, as the suite
    /// does: it takes no target of rustup's
    #[arg(long, conflicts_with = "binary_only")]
    pub(crate) glibc: bool,
    /// Write the table into docs/measurements/platforms.md; needs all releases and packages
    #[arg(long)]
    pub(crate) write: bool,
}

impl Options {
    /// What takes nothing but Debian's packages: the oldest release, and the containers.
    pub(crate) fn of_the_suite() -> Self {
        Self {
            releases: vec![debian_root::RELEASES[0].name.to_owned()],
            binary_only: false,
            glibc: true,
            write: false,
        }
    }

    fn are_complete(&self, releases: &[Release]) -> bool {
        releases.len() == debian_root::RELEASES.len() && !self.binary_only && !self.glibc
    }
}

/// What was found in one root.
struct Outcome {
    release: Release,
    /// What its own libc calls itself.
    libc: String,
    /// The target of the binary that started.
    started: String,
    /// What the trace said is degraded.
    degraded: Vec<String>,
    /// Connections that the demo made, each of which was recorded.
    traced: u64,
    /// Files that the .deb and the .rpm brought and took away again.
    packages: Option<packages::Files>,
}

/// Runs the verb.
pub(crate) fn run(options: &Options) -> Result<()> {
    let releases = debian_root::named(&options.releases)?;
    ensure!(
        options.are_complete(&releases) || !options.write,
        "--write needs all releases and packages, and neither --binary-only nor --glibc"
    );
    setup::ensure(&[setup::Group::Roots, setup::Group::Manifests])?;
    privilege::acquire("to enter other root file systems and to trace in them")?;
    let made = match options {
        Options { glibc: true, .. } => dist::with_glibc()?,
        Options {
            binary_only: true, ..
        } => dist::binary_for_host()?,
        _ => dist::for_host()?,
    };
    println!("\ninstall-test: containers");
    let content = match &made.packages {
        Some(made) => container::Content::Image(&made.image),
        None => container::Content::Binary(&made.binary),
    };
    let container = container::run(&content, &manifest::checked()?)?;
    let mut outcomes = Vec::new();
    for release in releases {
        println!("\ninstall-test: Debian {}", release.name);
        outcomes.push(test(release, &made)?);
    }
    let lines = page::lines(&outcomes, &container);
    println!("\n{lines}");
    if options.write {
        page::write(&lines)?;
    }
    Ok(())
}

fn test(release: Release, made: &dist::ForHost) -> Result<Outcome> {
    let root = Root::open(release)?;
    let traced = tracing::run(&root, &made.binary)?;
    names::run(&root, &made.binary)?;
    let packages = match &made.packages {
        Some(made) => Some(packages::run(&root, made)?),
        None => None,
    };
    Ok(Outcome {
        release,
        libc: root.libc()?,
        started: traced.target,
        degraded: traced.degraded,
        traced: traced.connections,
        packages,
    })
}
