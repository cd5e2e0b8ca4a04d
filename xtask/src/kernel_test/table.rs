// SPDX-License-Identifier: MIT
//! The table of kernels in docs/reference/kernels.md.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;

use anyhow::{Context, Result};
use serde_json::Value;

use super::{architecture::Architecture, outcome::Outcome};
use crate::workspace;

const BEGIN: &str = "cargo xtask kernel-test --write renews this -->\n";
const END: &str = "<!-- end -->\n";

/// What `zkchurn doctor` calls what differs between kernels.
const CAPABILITIES: [&str; 5] = [
    "BTF",
    "kernel fields",
    "socket cookies",
    "classic tracepoint",
    "handshakes",
];

/// The table, the tests that did not run, and what is degraded, as Markdown.
pub(crate) fn lines(outcomes: &[Outcome]) -> String {
    let mut text = header();
    for outcome in outcomes {
        text.push_str(&row(outcome));
    }
    text.push_str(&section(
        "Degraded, in the words of a trace:",
        degraded(outcomes),
    ));
    text.push_str(&section("Left out:", left_out(outcomes)));
    text
}

/// Puts those of one processor into docs/reference/kernels.md in the place of the last ones.
pub(crate) fn write(architecture: Architecture, outcomes: &[Outcome]) -> Result<()> {
    let file = workspace::root().join("docs/reference/kernels.md");
    let text = fs::read_to_string(&file).with_context(|| format!("no {}", file.display()))?;
    let text = replaced(&text, architecture, &lines(outcomes))
        .context("docs/reference/kernels.md lacks its marks")?;
    fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))
}

fn replaced(text: &str, architecture: Architecture, table: &str) -> Option<String> {
    let begin = format!("<!-- {}: {BEGIN}", architecture.debian());
    let (before, rest) = text.split_once(&begin)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{begin}\n{table}\n{END}{after}"))
}

fn header() -> String {
    let mut head =
        "| kernel | release | passed | failed | left out | hook | handshakes captured |".to_owned();
    for capability in CAPABILITIES {
        let _ = write!(head, " {capability} |");
    }
    let rule = "|---".repeat(7 + CAPABILITIES.len());
    format!("{head}\n{rule}|\n")
}

fn row(outcome: &Outcome) -> String {
    let mut row = format!(
        "| {} | {} | {} | {} | {} | {} | {} |",
        outcome.kernel.name,
        outcome.release.as_deref().unwrap_or("?"),
        outcome.passed.len(),
        outcome.failed.len(),
        outcome.left_out.len(),
        hook(outcome),
        handshakes(outcome)
    );
    for capability in CAPABILITIES {
        let _ = write!(row, " {} |", state(outcome, capability));
    }
    row.push('\n');
    row
}

fn hook(outcome: &Outcome) -> &str {
    let start = outcome.start.as_ref().ok();
    start
        .and_then(|start| start["hook"].as_str())
        .unwrap_or("?")
}

fn handshakes(outcome: &Outcome) -> &'static str {
    let start = outcome.start.as_ref().ok();
    match start.and_then(|start| start["handshake"].as_bool()) {
        Some(true) => "yes",
        Some(false) => "no",
        None => "?",
    }
}

fn state<'a>(outcome: &'a Outcome, capability: &str) -> &'a str {
    let checks = outcome.doctor.as_ref().ok().map(|doctor| &doctor["checks"]);
    let mut checks = checks.and_then(Value::as_array).into_iter().flatten();
    let check = checks.find(|check| check["name"] == capability);
    check
        .and_then(|check| check["state"].as_str())
        .unwrap_or("?")
}

fn degraded(outcomes: &[Outcome]) -> BTreeMap<String, Vec<&str>> {
    let mut by_sentence = BTreeMap::<String, Vec<&str>>::new();
    for outcome in outcomes {
        let start = outcome.start.as_ref().ok();
        let sentences = start.and_then(|start| start["degraded"].as_array());
        for sentence in sentences.into_iter().flatten().filter_map(Value::as_str) {
            let kernels = by_sentence.entry(sentence.to_owned()).or_default();
            kernels.push(outcome.kernel.name);
        }
    }
    by_sentence
}

fn left_out(outcomes: &[Outcome]) -> BTreeMap<String, Vec<&str>> {
    let mut by_reason = BTreeMap::<String, Vec<&str>>::new();
    for outcome in outcomes {
        for (reason, groups) in outcome.left_out_by_reason() {
            let kernels = by_reason.entry(format!("{reason}: {groups}")).or_default();
            kernels.push(outcome.kernel.name);
        }
    }
    by_reason
}

fn section(title: &str, lines: BTreeMap<String, Vec<&str>>) -> String {
    if lines.is_empty() {
        return String::new();
    }
    let mut text = format!("\n{title}\n\n");
    for (line, kernels) in lines {
        let _ = writeln!(text, "- {}: {line}", kernels.join(", "));
    }
    text
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;
    use crate::kernel_test::kernels::KERNELS;

    fn outcome() -> Outcome {
        Outcome {
            kernel: &KERNELS[0],
            release: Some("5.10.0-46-cloud-amd64".to_owned()),
            doctor: Ok(json!({"checks": [{"name": "socket cookies", "state": "degraded"}]})),
            start: Ok(json!({"hook": "tracepoint", "degraded": ["no cookies"]})),
            passed: vec!["one".to_owned(), "two".to_owned()],
            failed: vec!["three".to_owned()],
            left_out: vec![("older::four".to_owned(), "needs cookies")],
            took: Duration::from_secs(9),
        }
    }

    #[test]
    fn a_row_has_what_was_seen_and_a_question_mark_for_what_was_not() {
        let text = lines(&[outcome()]);
        let row = "| 5.10 | 5.10.0-46-cloud-amd64 | 2 | 1 | 1 | tracepoint | ? | ? | ? | degraded | ? | ? |";
        assert!(text.contains(row), "{text}");
        assert!(text.contains("- 5.10: no cookies"), "{text}");
        assert!(text.contains("- 5.10: needs cookies: older (1)"), "{text}");
    }

    #[test]
    fn only_what_is_between_the_marks_changes() {
        let other = format!("<!-- amd64: {BEGIN}other\n{END}");
        let text = format!("{other}<!-- arm64: {BEGIN}old\n{END}after\n");
        let new = replaced(&text, Architecture::Arm64, "new\n").expect("marks");
        let wanted = format!("{other}<!-- arm64: {BEGIN}\nnew\n\n{END}after\n");
        assert_eq!(new, wanted);
        assert_eq!(replaced("no marks", Architecture::Arm64, "new"), None);
    }
}
