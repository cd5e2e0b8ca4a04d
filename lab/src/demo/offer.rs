// SPDX-License-Identifier: MIT
//! What one can look at after the demo: the recording on the whole screen, and a page.

use std::{
    fs,
    io::{self, BufRead as _, IsTerminal as _, Write as _},
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};
use xtask::{command, workspace};

/// Keeps the recording, makes the page, and offers both; on a terminal the view at once.
pub(super) fn both(zkchurn: &Path, recording: &Path) -> Result<()> {
    let kept = keep(recording)?;
    let page = kept.with_extension("html");
    let mut report = Command::new(zkchurn);
    report.arg("report").arg(&kept).arg("--output").arg(&page);
    command::run(&mut report)?;
    let live = format!("{} live {}", shown(zkchurn), shown(&kept));
    println!(
        "\nSee who churned, and why:\n  {live}\n  {}   in a browser",
        shown(&page)
    );
    if !is_wanted()? {
        return Ok(());
    }
    command::run(Command::new(zkchurn).arg("live").arg(&kept))
}

/// In the place of the last demo's.
fn keep(recording: &Path) -> Result<PathBuf> {
    let folder = workspace::target("demo")?;
    let kept = folder.join("demo.zkchurn");
    for earlier in [kept.clone(), kept.with_extension("html")] {
        match fs::remove_file(&earlier) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(error).context(format!("cannot remove {}", earlier.display()));
            }
            _ => {}
        }
    }
    fs::copy(recording, &kept).context("cannot keep the demo's recording")?;
    Ok(kept)
}

/// As one types it here.
fn shown(path: &Path) -> String {
    let here = path.strip_prefix(workspace::root()).unwrap_or(path);
    here.display().to_string()
}

/// Whether somebody is there and wants to see it now.
fn is_wanted() -> Result<bool> {
    if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
        return Ok(false);
    }
    print!("\nEnter shows it on the whole screen now (q leaves it), n does not: ");
    io::stdout().flush()?;
    let mut answer = String::new();
    let read = io::stdin().lock().read_line(&mut answer)?;
    Ok(read > 0 && answer.trim().is_empty())
}
