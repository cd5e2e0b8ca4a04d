// SPDX-License-Identifier: MIT
//! What init and the tests of a guest call: this machine's own programs with their
//! libraries, or those of Debian's packages for another processor.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use super::{architecture::Architecture, archive::Archive, guest};
use crate::command;

const TOOLS: [&str; 43] = [
    "bash", "bpftool", "cat", "chmod", "chown", "cp", "dd", "echo", "env", "false", "getcap",
    "grep", "head", "insmod", "ip", "ln", "ls", "mkdir", "mkfifo", "mknod", "mount", "nsenter",
    "openssl", "perl", "rm", "sed", "seq", "setcap", "setpriv", "setsid", "sh", "sleep", "ss",
    "strace", "stty", "tail", "tc", "touch", "tr", "true", "umount", "uname", "unshare",
];

/// The packages of Debian that hold them, which bring their libraries.
const PACKAGES: [&str; 14] = [
    "bash",
    "bpftool",
    "coreutils",
    "dash",
    "grep",
    "iproute2",
    "kmod",
    "libcap2-bin",
    "mount",
    "openssl",
    "perl-base",
    "sed",
    "strace",
    "util-linux",
];

/// Of packages, what no program reads.
const UNREAD: [&str; 3] = ["usr/share", "var", "boot"];

/// What users and addresses are called.
const DATA: [&str; 4] = [
    "/etc/passwd",
    "/etc/group",
    "/etc/hosts",
    "/etc/nsswitch.conf",
];

/// The core modules of this machine's perl.
const PERL: &str = "/usr/lib/x86_64-linux-gnu/perl-base";

/// Puts them into the tree of a guest.
pub(crate) fn put(architecture: Architecture, archive: &Archive, root: &Path) -> Result<()> {
    for data in DATA {
        guest::copy(Path::new(data), Path::new(data), root)?;
    }
    match architecture {
        Architecture::Amd64 => of_this_machine(root),
        Architecture::Arm64 => of_packages(archive, root),
    }
}

fn of_this_machine(root: &Path) -> Result<()> {
    copy_tree(Path::new(PERL), root)?;
    for tool in TOOLS {
        let found = command::on_path(tool);
        let found = found.with_context(|| format!("{tool} is not installed"))?;
        copy_with_libraries(&found, &found, root)?;
    }
    Ok(())
}

fn of_packages(archive: &Archive, root: &Path) -> Result<()> {
    let unpacked = archive.unpacked("tools", &PACKAGES)?;
    for tool in TOOLS.into_iter().filter(|&tool| tool != "sh") {
        let places = ["usr/bin", "usr/sbin"].map(|place| unpacked.join(place).join(tool));
        places
            .iter()
            .find(|place| place.symlink_metadata().is_ok())
            .with_context(|| format!("none of Debian's packages holds {tool}"))?;
    }
    let mut copy = Command::new("cp");
    copy.args(["--archive", "--no-target-directory"]);
    command::output(copy.arg(unpacked.join("usr")).arg(root.join("usr")))?;
    for unread in UNREAD {
        let _ = fs::remove_dir_all(root.join(unread));
    }
    fs::create_dir_all(root.join("var/tmp"))?;
    // A package's script makes this link, and no script runs here.
    let sh = root.join("usr/bin/sh");
    if sh.symlink_metadata().is_err() {
        std::os::unix::fs::symlink("dash", sh)?;
    }
    Ok(())
}

/// Copies a program to a path of the guest, with the libraries that it names.
pub(crate) fn copy_with_libraries(program: &Path, to: &Path, root: &Path) -> Result<()> {
    for library in libraries(program)? {
        guest::copy(&library, &library, root)?;
    }
    guest::copy(program, to, root)
}

/// The libraries that the loader would take, itself included.
fn libraries(program: &Path) -> Result<Vec<PathBuf>> {
    let output = Command::new("ldd")
        .arg(program)
        .stdin(Stdio::null())
        .output();
    let output = output.context("cannot run ldd")?;
    // It fails for programs that need none, with nothing to read.
    let words = String::from_utf8_lossy(&output.stdout).into_owned();
    let paths = words
        .split_whitespace()
        .filter(|word| word.starts_with('/'));
    Ok(paths
        .map(|path| PathBuf::from(path.trim_end_matches(':')))
        .collect())
}

fn copy_tree(path: &Path, root: &Path) -> Result<()> {
    if path.is_dir() {
        for entry in fs::read_dir(path)? {
            copy_tree(&entry?.path(), root)?;
        }
        return Ok(());
    }
    guest::copy(path, path, root)
}
