// SPDX-License-Identifier: MIT
//! What documents show is what this version prints, to the byte. With INSTA_UPDATE=always,
//! as for snapshots, they are written anew.
#![expect(
    clippy::unwrap_used,
    reason = "a test that panics has failed, which is its purpose"
)]

mod terminal;

use std::{
    env, fs,
    path::Path,
    process::{Command, Stdio},
};

use terminal::printed_on_terminal;
use zkchurn_lab::harness::in_time::CommandInTime;

const INCIDENT: &str = "tests/recordings/incident.zkchurn";
/// A terminal of 24 lines holds so many when the prompt is back.
const LINES: usize = 23;
const OPEN: &str = "```text\n";
const CLOSE: &str = "\n```";

/// What a replay of the incident prints into a pipe.
fn incident(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_zkchurn"))
        .args(["replay", INCIDENT])
        .args(arguments)
        .env("TZ", "UTC")
        .stdin(Stdio::null())
        .output_in_time()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.trim_end().to_owned()
}

/// Compares the first blocks of output in a page.
fn check(page: &str, blocks: &[String]) {
    let path = Path::new("..").join(page);
    let old = fs::read_to_string(&path).unwrap();
    let mut rest = old.as_str();
    let mut new = String::new();
    for block in blocks {
        let (before, from_block) = rest.split_once(OPEN).unwrap();
        let (_, after) = from_block.split_once(CLOSE).unwrap();
        new.extend([before, OPEN, block, CLOSE]);
        rest = after;
    }
    new.push_str(rest);
    if env::var("INSTA_UPDATE").is_ok_and(|update| update == "always") {
        fs::write(&path, &new).unwrap();
        return;
    }
    assert_same_lines(page, &old, &new);
}

/// The first line that differs says more than two pages.
fn assert_same_lines(page: &str, shown: &str, printed: &str) {
    for (number, (shown, printed)) in shown.lines().zip(printed.lines()).enumerate() {
        assert_eq!(shown, printed, "{page}:{}", number + 1);
    }
    assert_eq!(shown.len(), printed.len(), "{page}");
}

#[test]
fn the_example_shows_the_whole_report() {
    check("docs/example.md", &[incident(&["--details"])]);
}

/// The answer stands behind the last empty line.
#[test]
fn the_readme_shows_the_answer() {
    let printed = incident(&[]);
    let (_, answer) = printed.rsplit_once("\n\n").unwrap();
    check("README.md", &[answer.to_owned()]);
}

/// What is on a terminal of 24 lines of 80 columns when the prompt is back, of each
/// recording that the page names.
#[test]
fn the_screens_are_what_stands_there_when_the_prompt_is_back() {
    let page = fs::read_to_string("../docs/screens.md").unwrap();
    let named = page
        .lines()
        .filter_map(|line| line.strip_prefix("Recording: [")?.split_once(']'));
    let screens: Vec<_> = named
        .map(|(name, _)| {
            let file = format!("tests/recordings/{name}.zkchurn");
            let printed = printed_on_terminal(80, &["replay", "--no-color", &file]);
            let lines: Vec<_> = printed.lines().collect();
            lines[lines.len().saturating_sub(LINES)..].join("\n")
        })
        .collect();
    assert!(screens.len() >= 6, "{} screens", screens.len());
    assert_eq!(screens.len(), page.matches(OPEN).count());
    check("docs/screens.md", &screens);
}
