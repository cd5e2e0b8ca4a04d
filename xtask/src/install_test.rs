// SPDX-License-Identifier: MIT
//! `install-test`: what `dist` made, in root file systems of Debian's releases. The static
//! binary has to trace the demo's exact counts there; the packages have to be installed,
//! work, and be removed without leaving a file; the image has to trace another container's
//! process with what contrib/kubernetes allows it.

mod container;
mod manifest;
mod packages;
mod page;
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
    /// Write the table into docs/measurements/platforms.md; needs all releases and packages
    #[arg(long)]
    pub(crate) write: bool,
}

/// What was found in one root.
struct Outcome {
    release: Release,
    /// What its own libc calls itself.
    libc: String,
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
    let complete = releases.len() == debian_root::RELEASES.len() && !options.binary_only;
    ensure!(
        complete || !options.write,
        "--write needs all releases and no --binary-only"
    );
    setup::ensure(&[setup::Group::Roots, setup::Group::Manifests])?;
    privilege::acquire("to enter other root file systems and to trace in them")?;
    let made = match options.binary_only {
        true => dist::binary_for_host()?,
        false => dist::for_host()?,
    };
    let container = match &made.packages {
        Some(made) => {
            println!("\ninstall-test: the image");
            Some(container::run(&made.image, &manifest::checked()?)?)
        }
        None => None,
    };
    let mut outcomes = Vec::new();
    for release in releases {
        println!("\ninstall-test: Debian {}", release.name);
        outcomes.push(test(release, &made)?);
    }
    let lines = page::lines(&outcomes, container.as_ref());
    println!("\n{lines}");
    if options.write {
        page::write(&lines)?;
    }
    Ok(())
}

fn test(release: Release, made: &dist::ForHost) -> Result<Outcome> {
    let root = Root::open(release)?;
    let traced = tracing::run(&root, &made.binary)?;
    let packages = match &made.packages {
        Some(made) => Some(packages::run(&root, made)?),
        None => None,
    };
    Ok(Outcome {
        release,
        libc: root.libc()?,
        degraded: traced.degraded,
        traced: traced.connections,
        packages,
    })
}
