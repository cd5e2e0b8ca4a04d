// SPDX-License-Identifier: MIT
//! Root file systems of Debian's releases, made by debootstrap and kept, and entering them.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use tempfile::TempDir;

use crate::{command, privilege, workspace};

const ENTER: &str = include_str!("debian_root/enter.sh");
const MIRROR: &str = "http://deb.debian.org/debian";

/// A release of Debian.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Release {
    /// What people call it.
    pub(crate) name: &'static str,
    /// What the archive calls it.
    pub(crate) suite: &'static str,
}

/// Those that are in use, the oldest first.
pub(crate) const RELEASES: [Release; 3] = [
    Release {
        name: "11",
        suite: "bullseye",
    },
    Release {
        name: "12",
        suite: "bookworm",
    },
    Release {
        name: "13",
        suite: "trixie",
    },
];

/// The releases of these names; all if there are none.
pub(crate) fn named(names: &[String]) -> Result<Vec<Release>> {
    if names.is_empty() {
        return Ok(RELEASES.to_vec());
    }
    let find = |name: &String| {
        let found = RELEASES.iter().find(|release| release.name == name);
        found.copied().with_context(|| {
            let known = RELEASES.map(|release| release.name).join(", ");
            format!("no release is called {name}; there are {known}")
        })
    };
    names.iter().map(find).collect()
}

/// A root file system.
pub(crate) struct Root {
    /// Where it is on this machine.
    pub(crate) path: PathBuf,
    enter: PathBuf,
    shared: TempDir,
}

impl Root {
    /// Opens the one of a release; it is made unless it is there.
    pub(crate) fn open(release: Release) -> Result<Self> {
        let roots = workspace::target("roots")?;
        let path = roots.join(release.suite);
        if !path.exists() {
            make(release, &path)?;
        }
        Self::at(path)
    }

    /// A copy of it, to be changed at will and [removed](Self::remove).
    pub(crate) fn copied(&self, name: &str) -> Result<Self> {
        let path = workspace::target("roots")?.join(name);
        let copy = Self::at(path)?;
        copy.remove()?;
        let mut cp = privilege::as_root("cp");
        cp.args(["--archive", "--reflink=auto"]);
        command::output(cp.arg(&self.path).arg(&copy.path))?;
        Ok(copy)
    }

    /// One that was [copied](Self::copied) and not removed.
    pub(crate) fn kept(name: &str) -> Result<Self> {
        let path = workspace::target("roots")?.join(name);
        ensure!(path.exists(), "{} is not there", path.display());
        Self::at(path)
    }

    /// Removes it, if it is there. Nothing of this machine is mounted in it: mounts are made
    /// in the mount namespace of whoever enters it, and go with that.
    pub(crate) fn remove(&self) -> Result<()> {
        let mut rm = privilege::as_root("rm");
        rm.args(["--recursive", "--force", "--one-file-system"]);
        command::output(rm.arg(&self.path)).map(drop)
    }

    fn at(path: PathBuf) -> Result<Self> {
        let shared = tempfile::Builder::new()
            .prefix("zkchurn-root-")
            .tempdir_in(below_tmp())
            .context("cannot make a directory in /tmp")?;
        let enter = script(&shared.path().join("enter.sh"), ENTER)?;
        Ok(Self {
            path,
            enter,
            shared,
        })
    }

    /// A command that runs in it as root.
    pub(crate) fn command(&self, program: &str) -> Command {
        let [enter, root, shared] = self.words();
        let mut command = privilege::as_root(enter);
        command.args([root, shared]).arg(program);
        command
    }

    /// The words before those of a command that root has run in it.
    pub(crate) fn words(&self) -> [&Path; 3] {
        [&self.enter, &self.path, self.shared.path()]
    }

    /// What its C library calls itself, such as `glibc 2.31`.
    pub(crate) fn libc(&self) -> Result<String> {
        let mut getconf = self.command("getconf");
        let said = command::output(getconf.arg("GNU_LIBC_VERSION"))?;
        Ok(said.trim().to_owned())
    }

    /// Copies a file into it.
    pub(crate) fn put(&self, file: &Path, to: &str) -> Result<()> {
        let to = self.path.join(to);
        let mut install = privilege::as_root("install");
        command::output(install.args(["-m", "755"]).arg(file).arg(to))?;
        Ok(())
    }

    /// Removes what was put there.
    pub(crate) fn take_away(&self, file: &str) -> Result<()> {
        command::output(privilege::as_root("rm").arg("-r").arg(self.path.join(file)))?;
        Ok(())
    }

    /// The paths of all that is in it, but for what package managers keep for themselves.
    pub(crate) fn files(&self) -> Result<BTreeSet<String>> {
        let mut find = privilege::as_root("find");
        find.arg(&self.path).args(["-xdev", "-printf", "%P\\n"]);
        let found = command::output(&mut find)?;
        let own = ["var/lib/dpkg", "var/log", "var/cache", "run", "tmp"];
        let is_own = |path: &str| own.iter().any(|own| path.starts_with(own));
        let paths = found.lines().filter(|path| !is_own(path));
        Ok(paths.map(str::to_owned).collect())
    }

    /// A directory that has the same path inside.
    pub(crate) fn shared(&self) -> &Path {
        self.shared.path()
    }

    /// A script that enters it and becomes this program, for whoever starts zkchurn.
    pub(crate) fn script(&self, program: &str) -> Result<PathBuf> {
        let text = format!(
            "#!/bin/sh\nexec '{}' '{}' '{}' '{program}' \"$@\"\n",
            self.enter.display(),
            self.path.display(),
            self.shared.path().display()
        );
        script(&self.shared.path().join("zkchurn-inside"), &text)
    }
}

/// A directory in `/tmp`, which has the same path inside: where the guard cleans up, if this
/// run has one.
fn below_tmp() -> PathBuf {
    let own = std::env::temp_dir();
    match own.starts_with("/tmp") {
        true => own,
        false => PathBuf::from("/tmp"),
    }
}

fn script(file: &Path, text: &str) -> Result<PathBuf> {
    fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))?;
    fs::set_permissions(file, fs::Permissions::from_mode(0o755))?;
    Ok(file.to_owned())
}

/// Made under another name, so that what was cut short is not taken for a root.
fn make(release: Release, path: &Path) -> Result<()> {
    println!("making a root of Debian {}, 1 minute", release.name);
    let partial = path.with_extension("partial");
    if partial.exists() {
        command::output(privilege::as_root("rm").arg("-r").arg(&partial))?;
    }
    let mut debootstrap = privilege::as_root("debootstrap");
    debootstrap
        .args(["--variant=minbase", release.suite])
        .arg(&partial);
    if let Err(error) = command::output(debootstrap.arg(MIRROR)) {
        bail!("cannot make a root of Debian {}: {error:#}", release.name);
    }
    command::output(privilege::as_root("mv").arg(&partial).arg(path))?;
    Ok(())
}
