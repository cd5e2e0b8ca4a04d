// SPDX-License-Identifier: MIT
//! The file system of a guest: the programs under test, and what they call,
//! taken from this machine with its libraries, at the same paths.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use super::{
    Programs,
    archive::{Image, MODULES},
};
use crate::{command, workspace};

const INIT: &str = include_str!("init.sh");

/// What init and the tests call.
const TOOLS: [&str; 43] = [
    "bash", "bpftool", "cat", "chmod", "chown", "cp", "dd", "echo", "env", "false", "getcap",
    "grep", "head", "insmod", "ip", "ln", "ls", "mkdir", "mkfifo", "mknod", "mount", "nsenter",
    "openssl", "perl", "rm", "sed", "seq", "setcap", "setpriv", "setsid", "sh", "sleep", "ss",
    "strace", "stty", "tail", "tc", "touch", "tr", "true", "umount", "uname", "unshare",
];

/// Debian's merged `/usr`.
const LINKS: [&str; 4] = ["bin", "lib", "lib64", "sbin"];

/// What users and addresses are called, and the core modules of perl.
const DATA: [&str; 5] = [
    "/etc/passwd",
    "/etc/group",
    "/etc/hosts",
    "/etc/nsswitch.conf",
    "/usr/lib/x86_64-linux-gnu/perl-base",
];

/// Builds the initramfs of a guest that runs these tests.
pub(crate) fn build(
    dir: &Path,
    image: &Image,
    programs: &Programs,
    tests: &[String],
) -> Result<PathBuf> {
    let root = dir.join("root");
    skeleton(&root)?;
    for data in DATA {
        copy_tree(Path::new(data), &root)?;
    }
    for tool in TOOLS {
        let found = command::on_path(tool);
        let found = found.with_context(|| format!("{tool} is not installed"))?;
        copy_program(&found, &found, &root)?;
    }
    copy_program(&programs.tests, &programs.tests, &root)?;
    copy_program(&programs.zkchurn, &programs.zkchurn_in_guest, &root)?;
    for program in [&programs.tests, &programs.zkchurn_in_guest] {
        // Debugging information is most of what they are.
        let mut strip = Command::new("strip");
        command::output(strip.arg("--strip-debug").arg(inside(&root, program)))?;
    }
    copy_modules(image, &root)?;
    fs::write(root.join("tests"), tests.join("\n"))?;
    write_init(&root, programs)?;
    pack(&root, &dir.join("initramfs"))
}

fn skeleton(root: &Path) -> Result<()> {
    for dir in [
        "proc", "sys", "dev", "run", "tmp", "root", "etc", "var/tmp", "modules",
    ] {
        fs::create_dir_all(root.join(dir))?;
    }
    for link in LINKS {
        let target = format!("usr/{link}");
        fs::create_dir_all(root.join(&target))?;
        symlink(&target, root.join(link))?;
    }
    fs::create_dir_all(inside(root, &tests_directory()))?;
    Ok(())
}

/// Where cargo itself would run the tests.
fn tests_directory() -> PathBuf {
    workspace::root().join("zkchurn")
}

/// The place in the guest's tree of a path of this machine.
fn inside(root: &Path, path: &Path) -> PathBuf {
    root.join(path.strip_prefix("/").unwrap_or(path))
}

/// Copies a program to a path of the guest, with its libraries.
fn copy_program(program: &Path, to: &Path, root: &Path) -> Result<()> {
    for library in libraries(program)? {
        copy(&library, &library, root)?;
    }
    copy(program, to, root)
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

fn copy(file: &Path, to: &Path, root: &Path) -> Result<()> {
    let to = inside(root, to);
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::copy(file, &to).with_context(|| format!("cannot copy {}", file.display()))?;
    Ok(())
}

fn copy_tree(path: &Path, root: &Path) -> Result<()> {
    if path.is_dir() {
        for entry in fs::read_dir(path)? {
            copy_tree(&entry?.path(), root)?;
        }
        return Ok(());
    }
    copy(path, path, root)
}

fn copy_modules(image: &Image, root: &Path) -> Result<()> {
    for entry in fs::read_dir(&image.modules)? {
        let entry = entry?;
        fs::copy(entry.path(), root.join("modules").join(entry.file_name()))?;
    }
    Ok(())
}

fn write_init(root: &Path, programs: &Programs) -> Result<()> {
    let init = INIT
        .replace("@modules@", &MODULES.join(" "))
        .replace("@zkchurn@", &quoted(&programs.zkchurn_in_guest))
        .replace("@tests@", &quoted(&programs.tests))
        .replace("@directory@", &quoted(&tests_directory()));
    let file = root.join("init");
    fs::write(&file, init)?;
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755))?;
    Ok(())
}

fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', r"'\''"))
}

/// Everything belongs to root, whoever packs it.
fn pack(root: &Path, archive: &Path) -> Result<PathBuf> {
    let mut pack = Command::new("sh");
    pack.args(["-c", r#"find . | cpio --quiet -o -H newc -R 0:0 >"$0""#])
        .arg(archive)
        .current_dir(root);
    command::run(&mut pack)?;
    ensure!(archive.metadata()?.len() > 0, "cpio packed nothing");
    Ok(archive.to_owned())
}
