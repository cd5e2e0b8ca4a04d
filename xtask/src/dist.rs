// SPDX-License-Identifier: MIT
//! `dist`: what is handed to hosts, into `dist/`: static binaries with their debug files,
//! packages, the list of what is inside, and the hashes of all of it. Two runs from the same
//! sources give the same bytes wherever they are; `--prove` shows it (docs/adr/0028).

mod build;
mod check;
mod identity;
mod image;
mod manual;
mod package;
mod prove;
mod sbom;
mod sums;
mod target;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;

pub(crate) use self::build::STATIC;
use self::identity::Identity;
use self::target::Target;
use crate::{setup, workspace};

/// Options of `dist`.
#[derive(Args)]
pub(crate) struct Options {
    /// Only for the architecture of this machine
    #[arg(long)]
    pub(crate) host_only: bool,
    /// Make everything a second time in another folder and compare the bytes
    #[arg(long)]
    pub(crate) prove: bool,
}

/// Where it puts what it makes.
pub(crate) fn folder() -> PathBuf {
    workspace::root().join("dist")
}

/// What this machine can run of it, as files of `dist/`.
pub(crate) struct ForHost {
    /// The static binary.
    pub(crate) binary: PathBuf,
    /// The packages; none where only the binary was made.
    pub(crate) packages: Option<Packages>,
}

/// The packages of a target.
pub(crate) struct Packages {
    /// Debian's.
    pub(crate) deb: PathBuf,
    /// Red Hat's.
    pub(crate) rpm: PathBuf,
    /// The container image.
    pub(crate) image: PathBuf,
}

/// Makes the static binary for this machine and nothing else.
pub(crate) fn binary_for_host() -> Result<ForHost> {
    setup::ensure(&[setup::Group::DistBinary])?;
    let root = workspace::root();
    let identity = Identity::of(&root)?;
    let target = target::wanted(true)?[0];
    let out = workspace::target("dist/alone")?;
    let built = build::run(&root, &identity, &target)?;
    Ok(ForHost {
        binary: build::split(&built, &out, &identity, &target)?,
        packages: None,
    })
}

/// Makes a static binary for this machine of nothing but what every machine has that builds
/// zkchurn: the suite tries it in other roots where Rust's library for musl cannot be had.
pub(crate) fn with_glibc() -> Result<ForHost> {
    Ok(ForHost {
        binary: build::with_glibc()?,
        packages: None,
    })
}

/// Makes all for this machine.
pub(crate) fn for_host() -> Result<ForHost> {
    let options = Options {
        host_only: true,
        prove: false,
    };
    let made = make_all(&options)?;
    let made = made.into_iter().find(|made| made.target.is_host());
    let made = made.context("nothing was made for this machine")?;
    Ok(ForHost {
        binary: made.binary,
        packages: made.packages,
    })
}

/// What was made of one target.
struct Made {
    target: Target,
    binary: PathBuf,
    packages: Option<Packages>,
}

/// Runs the verb.
pub(crate) fn run(options: &Options) -> Result<()> {
    make_all(options).map(drop)
}

fn make_all(options: &Options) -> Result<Vec<Made>> {
    setup::ensure(&[setup::Group::Dist])?;
    let root = workspace::root();
    let identity = Identity::of(&root)?;
    let targets = target::wanted(options.host_only)?;
    let out = folder();
    let made = make(&root, &out, &identity, &targets)?;
    if options.prove {
        prove::run(&root, &out, &identity, &targets)?;
    }
    Ok(made)
}

/// Makes everything from the sources in `root` and puts it into `out`, which is emptied
/// first: a file of another version beside these would look as if it belonged to them.
fn make(root: &Path, out: &Path, identity: &Identity, targets: &[Target]) -> Result<Vec<Made>> {
    if out.exists() {
        fs::remove_dir_all(out).with_context(|| format!("cannot empty {}", out.display()))?;
    }
    fs::create_dir_all(out).with_context(|| format!("cannot make {}", out.display()))?;
    let mut all = Vec::new();
    for target in targets {
        let built = build::run(root, identity, target)?;
        let binary = build::split(&built, out, identity, target)?;
        all.push(Made {
            target: *target,
            binary,
            packages: None,
        });
    }
    let stage = root.join("target/dist/stage");
    manual::write(root, &all, &stage, identity)?;
    for made in &mut all {
        made.packages = Some(Packages {
            deb: package::deb(root, out, &stage, identity, made)?,
            rpm: package::rpm(root, out, &stage, identity, made)?,
            image: image::make(root, out, identity, made)?,
        });
    }
    for packages in all.iter().filter_map(|made| made.packages.as_ref()) {
        check::deb(&packages.deb)?;
        check::rpm(root, &packages.rpm)?;
    }
    sbom::write(root, out, identity)?;
    sums::write(out)?;
    Ok(all)
}
