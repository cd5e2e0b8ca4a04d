// SPDX-License-Identifier: MIT
//! Keeping recordings with their ground truth, for the golden tests.

use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::Path;

use anyhow::{Context, Result};
use serde::Serialize;

use crate::kinds::Kind;
use crate::kinds::expected::Expected;
use crate::kinds::truth::Truth;
use crate::recorded::Recorded;

/// What lies beside a recording: `NAME.truth.json`.
#[derive(Serialize)]
struct TruthFile<'a> {
    kind: &'a str,
    about: &'a str,
    /// What the programs know themselves.
    truth: &'a Truth,
    /// What zkchurn must make of it.
    expected: &'a Expected,
    /// What the recording holds, so that a change of meaning is noticed.
    recorded: Held<'a>,
}

#[derive(Serialize)]
struct Held<'a> {
    /// Connections that began during the trace.
    connections: usize,
    /// Those that are older.
    older: usize,
    /// How those that began during the trace ended.
    outcomes: BTreeMap<&'a str, usize>,
}

/// Writes recording and truth file, in place of those that may be there.
pub(super) fn keep(
    directory: &Path,
    kind: &Kind,
    truth: &Truth,
    trace: &Recorded,
    recording: &Path,
) -> Result<()> {
    std::fs::create_dir_all(directory)
        .with_context(|| format!("cannot make {}", directory.display()))?;
    let mut outcomes = BTreeMap::new();
    let during = trace.connections.iter().filter(|one| !one.before_start);
    for one in during {
        *outcomes.entry(one.outcome.as_str()).or_default() += 1;
    }
    let older = trace
        .connections
        .iter()
        .filter(|one| one.before_start)
        .count();
    let file = TruthFile {
        kind: kind.name,
        about: kind.about,
        truth,
        expected: &kind.expected,
        recorded: Held {
            connections: trace.connections.len() - older,
            older,
            outcomes,
        },
    };
    let kept = directory.join(format!("{}.zkchurn", kind.name));
    std::fs::copy(recording, &kept).with_context(|| format!("cannot write {}", kept.display()))?;
    let beside = directory.join(format!("{}.truth.json", kind.name));
    let mut text = serde_json::to_string_pretty(&file)?;
    text.push('\n');
    std::fs::write(&beside, text).with_context(|| format!("cannot write {}", beside.display()))?;
    give_to_owner_of(directory, &kept)?;
    give_to_owner_of(directory, &beside)
}

/// Root may have written a file into the directory of another user.
pub(super) fn give_to_owner_of(directory: &Path, file: &Path) -> Result<()> {
    let owner = directory.metadata().context("a directory without owner")?;
    chown(file, Some(owner.uid()), Some(owner.gid()))
        .with_context(|| format!("cannot give {} to its user", file.display()))
}
