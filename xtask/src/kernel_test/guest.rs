// SPDX-License-Identifier: MIT
//! The file system of a guest: the programs under test at the paths where cargo has them,
//! and what they call.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::archive::{Archive, Image, MODULES};
use super::{programs::Programs, tools};
use crate::{command, setup, workspace};

const INIT: &str = include_str!("init.sh");

/// Debian's merged `/usr`.
const LINKS: [&str; 4] = ["bin", "lib", "lib64", "sbin"];

/// Builds the initramfs of a guest that runs these tests.
pub(crate) fn build(
    dir: &Path,
    archive: &Archive,
    image: &Image,
    programs: &Programs,
    tests: &[String],
) -> Result<PathBuf> {
    let root = dir.join("root");
    skeleton(&root)?;
    tools::put(programs.architecture, archive, &root)?;
    put_program(&programs.tests, &programs.tests, &root)?;
    put_program(&programs.zkchurn, &programs.zkchurn_in_guest, &root)?;
    copy_modules(image, &root)?;
    fs::write(root.join("tests"), tests.join("\n"))?;
    write_init(&root, programs)?;
    pack(&root, &dir.join("initramfs"))
}

fn skeleton(root: &Path) -> Result<()> {
    for dir in [
        "proc", "sys", "dev", "run", "tmp", "root", "etc", "var/tmp", "mnt", "modules",
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

/// Without debugging information, which is most of what they are.
fn put_program(program: &Path, to: &Path, root: &Path) -> Result<()> {
    tools::copy_with_libraries(program, to, root)?;
    let (objcopy, libraries) = setup::dist::objcopy().context("this Rust has no rust-objcopy")?;
    let mut strip = Command::new(objcopy);
    strip.env("LD_LIBRARY_PATH", libraries).arg("--strip-debug");
    command::output(strip.arg(inside(root, to)))?;
    Ok(())
}

/// Copies a file to a path of the guest.
pub(crate) fn copy(file: &Path, to: &Path, root: &Path) -> Result<()> {
    let to = inside(root, to);
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::copy(file, &to).with_context(|| format!("cannot copy {}", file.display()))?;
    Ok(())
}

/// Puts the kernel's modules into the tree of a guest.
pub(crate) fn copy_modules(image: &Image, root: &Path) -> Result<()> {
    for entry in fs::read_dir(&image.modules)? {
        let entry = entry?;
        fs::copy(entry.path(), root.join("modules").join(entry.file_name()))?;
    }
    Ok(())
}

fn write_init(root: &Path, programs: &Programs) -> Result<()> {
    let init = INIT
        .replace("@modules@", &MODULES.join(" "))
        .replace("@console@", programs.architecture.console())
        .replace("@results@", programs.architecture.results())
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

/// Packs a tree. Everything belongs to root, whoever packs it.
pub(crate) fn pack(root: &Path, archive: &Path) -> Result<PathBuf> {
    let mut pack = Command::new("sh");
    pack.args(["-c", r#"find . | cpio --quiet -o -H newc -R 0:0 >"$0""#])
        .arg(archive)
        .current_dir(root);
    command::run(&mut pack)?;
    ensure!(archive.metadata()?.len() > 0, "cpio packed nothing");
    Ok(archive.to_owned())
}
