// SPDX-License-Identifier: MIT
//! What a run of libFuzzer found, read from its log.

use std::path::Path;

use anyhow::{Context, Result};

/// Heads of the columns of [`Outcome::row`].
pub(crate) const HEADER: &str = "target              executions    edges   corpus";

/// One run of one target.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    executions: u64,
    /// Counters of branches that were reached (`cov:`).
    edges: u64,
    /// Inputs that reach something new.
    corpus: u64,
    /// What failed, with the path of the input.
    pub failure: Option<String>,
}

impl Outcome {
    /// Reads the log of a run that succeeded or not.
    ///
    /// # Errors
    ///
    /// It has no figures: nothing was run.
    pub(crate) fn of(target: &str, succeeded: bool, log: &str, path: &Path) -> Result<Self> {
        let latest = log
            .lines()
            .rfind(|line| number_after(line, "cov: ").is_some());
        let latest = latest.with_context(|| {
            let log = path.display();
            format!("{target} did not run: see {log}")
        })?;
        let executions = log
            .lines()
            .find_map(|line| number_after(line, "stat::number_of_executed_units: "))
            .or_else(|| number_after(latest, "#"));
        Ok(Self {
            executions: executions.unwrap_or_default(),
            edges: number_after(latest, "cov: ").unwrap_or_default(),
            corpus: number_after(latest, "corp: ").unwrap_or_default(),
            failure: (!succeeded).then(|| failure(target, log, path)),
        })
    }

    /// A line of the table.
    pub(crate) fn row(&self, target: &str) -> String {
        let Self {
            executions,
            edges,
            corpus,
            ..
        } = self;
        format!("{target:<18} {executions:>11} {edges:>8} {corpus:>8}")
    }
}

fn number_after(line: &str, mark: &str) -> Option<u64> {
    let (_, rest) = line.split_once(mark)?;
    let rest = rest.trim_start();
    let end = rest
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(rest.len());
    rest[..end].parse().ok()
}

fn failure(target: &str, log: &str, path: &Path) -> String {
    let written = log.lines().find_map(|line| line.split_once("written to "));
    let panicked = log.lines().find(|line| line.contains("panicked at"));
    match written {
        Some((_, input)) => format!(
            "{target} fails on {}: {}",
            input.trim(),
            panicked.unwrap_or("no panic; see the log")
        ),
        None => format!("{target} failed: see {}", path.display()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "\
#2\tINITED cov: 101 ft: 102 corp: 1/1b exec/s: 0 rss: 40Mb
#900\tNEW    cov: 250 ft: 700 corp: 33/2Kb lim: 4 exec/s: 0 rss: 40Mb
#5013\tDONE   cov: 310 ft: 812 corp: 41/3Kb lim: 4 exec/s: 82 rss: 40Mb
stat::number_of_executed_units: 5013
";

    fn read(succeeded: bool, log: &str) -> Result<Outcome> {
        Outcome::of("btf", succeeded, log, Path::new("btf.log"))
    }

    #[test]
    fn the_figures_are_the_last_ones() {
        let outcome = read(true, GOOD).expect("there are figures");
        let row = outcome.row("btf");
        let words: Vec<_> = row.split_whitespace().collect();
        assert_eq!(words, ["btf", "5013", "310", "41"]);
        assert_eq!(outcome.failure, None);
    }

    #[test]
    fn a_crash_is_told_with_its_input() {
        let log = "\
#7\tNEW    cov: 250 ft: 700 corp: 33/2Kb lim: 4 exec/s: 0 rss: 40Mb
thread '<unnamed>' panicked at zkchurn/src/x.rs:1:2:
artifact_prefix='/x/'; Test unit written to /x/crash-1
";
        let failure = read(false, log).expect("it ran").failure;
        let failure = failure.expect("it failed");
        assert!(failure.contains("/x/crash-1"), "{failure}");
        assert!(failure.contains("zkchurn/src/x.rs"), "{failure}");
    }

    #[test]
    fn what_never_ran_is_an_error() {
        let error = read(false, "error: no such target").expect_err("no figures");
        assert!(error.to_string().contains("btf.log"), "{error}");
    }
}
