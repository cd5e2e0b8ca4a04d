// SPDX-License-Identifier: MIT
//! The commands of the documents, run as they are written: what a newcomer
//! copies works, because the suite copied it first.

use std::collections::BTreeSet;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail};

use super::fence::{self, Block};
use crate::{command, privilege, workspace};

/// Runs each block that has no excuse, in order, in the repository's root. Files
/// that a block leaves there are removed, if it names them.
pub(crate) fn all() -> Result<()> {
    privilege::acquire("for those commands in the documents that begin with sudo")?;
    let mut failures = Vec::new();
    for document in super::all()? {
        for block in fence::blocks(&document.text) {
            let place = format!("{}:{}", document.name, block.line);
            if let Err(error) = run_unless_excused(&block, &place) {
                println!("-- {place} FAILED: {error:#}");
                failures.push(place);
            }
        }
    }
    if !failures.is_empty() {
        bail!("commands in the documents fail: {}", failures.join(", "));
    }
    Ok(())
}

fn run_unless_excused(block: &Block<'_>, place: &str) -> Result<()> {
    if let Some(reason) = block.excuse {
        println!("-- {place} is not run: {reason}");
        return Ok(());
    }
    println!("-- {place}\n{}", block.commands);
    let started = Instant::now();
    run(&block.commands)?;
    println!("-- {place} took {:.1} s", started.elapsed().as_secs_f64());
    Ok(())
}

fn run(commands: &str) -> Result<()> {
    let before = listed()?;
    // What it prints is for readers; where it fails, `-x` has told the command.
    let mut shell = Command::new("sh");
    shell.args(["-eux", "-c", commands]);
    let result = command::output(shell.current_dir(workspace::root()));
    for name in listed()?.difference(&before) {
        let file = workspace::root().join(name);
        if commands.contains(name.as_str()) && file.is_file() {
            std::fs::remove_file(&file).with_context(|| format!("cannot remove {name}"))?;
        }
    }
    result.map(drop)
}

/// What is in the repository's root.
fn listed() -> Result<BTreeSet<String>> {
    let entries = std::fs::read_dir(workspace::root()).context("cannot read the repository")?;
    let names = entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
    names.collect()
}
