// SPDX-License-Identifier: MIT
//! What is built, and when that came to be: of the commit, never of the clock.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use crate::command;

/// What is built.
pub(super) struct Identity {
    /// The version of zkchurn.
    pub(super) version: String,
    /// The commit; `-dirty` stands behind it where files differ from it.
    pub(super) commit: String,
    /// Its day, such as `2026-11-27`.
    pub(super) date: String,
    /// Its moment in seconds since 1970: `SOURCE_DATE_EPOCH`.
    pub(super) epoch: String,
    /// Its moment such as `2026-11-27T12:00:00Z`.
    pub(super) rfc3339: String,
    /// Its moment as a mail has it, for Debian's changelog.
    pub(super) mail_date: String,
}

impl Identity {
    /// Of the clone in `root`.
    pub(super) fn of(root: &Path) -> Result<Self> {
        let mut commit = git(root, &["rev-parse", "--short=12", "HEAD"])?;
        if !git(root, &["status", "--porcelain", "--untracked-files=no"])?.is_empty() {
            commit.push_str("-dirty");
        }
        Ok(Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            commit,
            date: utc(root, "%Y-%m-%d")?,
            epoch: git(root, &["log", "-1", "--format=%ct"])?,
            rfc3339: utc(root, "%Y-%m-%dT%H:%M:%SZ")?,
            mail_date: utc(root, "%a, %d %b %Y %H:%M:%S +0000")?,
        })
    }

    /// The variables that the builds and the tools for packages read.
    pub(super) fn variables(&self) -> [(&'static str, &str); 3] {
        [
            ("ZKCHURN_COMMIT", &self.commit),
            ("ZKCHURN_DATE", &self.date),
            ("SOURCE_DATE_EPOCH", &self.epoch),
        ]
    }
}

/// The moment of the commit in UTC: by the zone of whoever committed the same commit would
/// have two dates.
fn utc(root: &Path, format: &str) -> Result<String> {
    let format = format!("--date=format-local:{format}");
    let mut git = Command::new("git");
    git.env("TZ", "UTC").env("LC_ALL", "C").current_dir(root);
    git.args(["log", "-1", "--format=%cd", &format]);
    Ok(command::output(&mut git)?.trim().to_owned())
}

fn git(root: &Path, arguments: &[&str]) -> Result<String> {
    let mut git = Command::new("git");
    let said = command::output(git.current_dir(root).args(arguments));
    let said = said.context("dist builds from a git clone, whose commit goes into the binary")?;
    Ok(said.trim().to_owned())
}
