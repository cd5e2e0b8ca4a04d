// SPDX-License-Identifier: MIT
//! The file system of a release with systemd, as the archive that a kernel unpacks; made once
//! and kept.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::guest::Script;
use crate::debian_root::{Release, Root};
use crate::{command, privilege};

const PREPARE: &str = include_str!("prepare.sh");

/// Of packages, what no program reads there.
const UNREAD: [&str; 5] = [
    "./usr/share/doc",
    "./usr/share/man",
    "./usr/share/locale",
    "./var/cache",
    "./var/lib/apt",
];

/// Makes it unless it is there.
pub(super) fn archive(release: Release, script: Script, dir: &Path) -> Result<PathBuf> {
    let packages = script.packages();
    let file = dir.join(format!("{}-{}.cpio", release.suite, script.name()));
    let made_of = file.with_extension("packages");
    let is_made = fs::read_to_string(&made_of).is_ok_and(|made| made == packages.join(" "));
    if is_made && file.exists() {
        return Ok(file);
    }
    println!(
        "service-test: installing {} into Debian {}",
        packages.join(", "),
        release.name
    );
    let root = Root::open(release)?.copied(&format!("service-{}", release.suite))?;
    let packed = install(&root, packages).and_then(|()| pack(&root, &file));
    root.remove()?;
    packed.with_context(|| format!("cannot make a Debian {} with systemd", release.name))?;
    fs::write(&made_of, packages.join(" "))?;
    Ok(file)
}

fn install(root: &Root, packages: &[&str]) -> Result<()> {
    let script = root.shared().join("prepare.sh");
    fs::write(&script, PREPARE)?;
    command::output(root.command("sh").arg(&script).args(packages)).map(drop)
}

/// With its owners and modes.
fn pack(root: &Root, file: &Path) -> Result<()> {
    let unread = UNREAD.map(|path| format!("-path '{path}/*' -prune -o"));
    let line = format!(
        "find . -xdev {} -print | cpio --quiet -o -H newc >\"$0\"",
        unread.join(" ")
    );
    let mut pack = privilege::as_root("sh");
    pack.args(["-ec", &format!("cd \"$1\"; {line}")]);
    command::output(pack.arg(file).arg(&root.path)).map(drop)
}
