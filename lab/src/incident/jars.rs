// SPDX-License-Identifier: MIT
//! ZooKeeper's jars, and copies of them that lack one class.
//!
//! `SetWatches` is needed only by a client that reconnects and has watches.
//! An application whose class loader was stopped after the first connect has
//! never loaded it, and never will: leaving it out of the jars brings about
//! the same failure without an application server.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use xtask::command;
use xtask::setup::incident::{JARS, JUTE, NEEDED, ZOOKEEPER};

const LOST_CLASS: &str = "org/apache/zookeeper/proto/SetWatches";

/// A class path with all of ZooKeeper.
pub(crate) fn complete() -> String {
    let jars = NEEDED.map(|jar| format!("{JARS}/{jar}"));
    jars.join(":")
}

/// The same and what TLS takes: ZooKeeper speaks it by Netty.
pub(crate) fn with_netty() -> String {
    complete() + ":" + &netty()
}

/// What Netty takes beside the jars that ZooKeeper's manifest names.
pub(crate) fn netty() -> String {
    let parts = ["codec", "resolver"].map(|part| format!("{JARS}/netty-{part}.jar"));
    parts.join(":")
}

/// Makes copies without the lost class below `dir` and returns a class path
/// that starts with them.
///
/// The copies have no manifest: its `Class-Path` would bring the complete jar
/// back by its absolute path. The other jars it names are put on the class
/// path here.
pub(crate) fn stripped(dir: &Path) -> Result<String> {
    let mut class_path = Vec::new();
    let mut removed = 0;
    let mut named = Vec::new();
    for jar in [ZOOKEEPER, JUTE] {
        let unpacked = unpack(&Path::new(JARS).join(jar), &dir.join("unpacked").join(jar))?;
        removed += remove_lost_class(&unpacked)?;
        named.extend(take_class_path(&unpacked)?);
        let copy = dir.join(jar);
        pack(&unpacked, &copy)?;
        class_path.push(copy.display().to_string());
    }
    ensure!(removed > 0, "{LOST_CLASS} is in neither jar");
    class_path.extend(named.into_iter().filter(|jar| !jar.ends_with(JUTE)));
    class_path.extend(NEEDED[2..].iter().map(|jar| format!("{JARS}/{jar}")));
    Ok(class_path.join(":"))
}

fn unpack(jar: &Path, into: &Path) -> Result<PathBuf> {
    std::fs::create_dir_all(into).with_context(|| format!("cannot make {}", into.display()))?;
    command::run(Command::new("jar").arg("-xf").arg(jar).current_dir(into))?;
    Ok(into.to_owned())
}

fn pack(from: &Path, jar: &Path) -> Result<()> {
    // -0: not compressed, -M: no new manifest.
    command::run(
        Command::new("jar")
            .arg("-c0Mf")
            .arg(jar)
            .arg("-C")
            .args([from, Path::new(".")]),
    )
}

/// Removes `SetWatches` and its variants. Says how many there were.
fn remove_lost_class(unpacked: &Path) -> Result<usize> {
    let lost = unpacked.join(LOST_CLASS);
    let (Some(dir), Some(prefix)) = (lost.parent(), lost.file_name()) else {
        return Ok(0);
    };
    let Ok(classes) = std::fs::read_dir(dir) else {
        return Ok(0);
    };
    let mut removed = 0;
    for class in classes {
        let class = class?;
        let name = class.file_name();
        if name
            .to_string_lossy()
            .starts_with(&*prefix.to_string_lossy())
        {
            std::fs::remove_file(class.path())?;
            removed += 1;
        }
    }
    Ok(removed)
}

/// Removes a jar's manifest and returns the jars that it named.
fn take_class_path(unpacked: &Path) -> Result<Vec<String>> {
    let path = unpacked.join("META-INF/MANIFEST.MF");
    let manifest = std::fs::read_to_string(&path)
        .with_context(|| format!("cannot read {}", path.display()))?;
    std::fs::remove_file(&path)?;
    Ok(class_path(&manifest))
}

/// The entries of a manifest's `Class-Path`. Lines end after 72 bytes and go
/// on after a blank.
fn class_path(manifest: &str) -> Vec<String> {
    let unfolded = manifest.replace("\r\n", "\n").replace("\n ", "");
    unfolded
        .lines()
        .find_map(|line| line.strip_prefix("Class-Path:"))
        .unwrap_or_default()
        .split_whitespace()
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folded_class_path_is_read() {
        let manifest = "Manifest-Version: 1.0\r\nClass-Path: /a/commons-io.j\r\n ar \
                        /a/x.jar\r\nCreated-By: Maven\r\n";
        assert_eq!(class_path(manifest), ["/a/commons-io.jar", "/a/x.jar"]);
        assert!(class_path("Manifest-Version: 1.0\n").is_empty());
    }

    #[test]
    fn the_class_and_its_variants_are_removed_and_no_other() {
        let dir = tempfile::tempdir().expect("a directory");
        let proto = dir.path().join("org/apache/zookeeper/proto");
        std::fs::create_dir_all(&proto).expect("directories");
        for class in ["SetWatches", "SetWatches2", "SetDataRequest"] {
            std::fs::write(proto.join(format!("{class}.class")), "").expect("a file");
        }
        assert_eq!(remove_lost_class(dir.path()).expect("removable"), 2);
        assert!(proto.join("SetDataRequest.class").exists());
        assert_eq!(remove_lost_class(&dir.path().join("org")).expect("none"), 0);
    }
}
