// SPDX-License-Identifier: MIT
//! What the suite says of its steps, and docs/measurements/fresh.md.

use std::fmt::Write as _;

use anyhow::Result;

use crate::marked;

const PAGE: &str = "docs/measurements/fresh.md";
const BEGIN: &str = "<!-- cargo xtask fresh-test --write renews this -->\n";

/// A step of the suite.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Step {
    name: String,
    /// In words of the suite's, such as `35.0 s`.
    took: String,
    /// Why it failed.
    failure: Option<String>,
}

impl Step {
    /// What a line of the suite says of a step that has ended (`test.rs`).
    pub(super) fn told(line: &str) -> Option<Self> {
        if let Some(rest) = line.strip_prefix("-- passed: ") {
            let (name, took) = rest.strip_suffix(')')?.rsplit_once(" (")?;
            return Some(Self::new(name, took, None));
        }
        let rest = line.strip_prefix("-- FAILED: ")?;
        let (rest, why) = rest.split_once("): ")?;
        let (name, took) = rest.rsplit_once(" (")?;
        Some(Self::new(name, took, Some(why.to_owned())))
    }

    fn new(name: &str, took: &str, failure: Option<String>) -> Self {
        Self {
            name: name.to_owned(),
            took: took.to_owned(),
            failure,
        }
    }
}

/// The steps as Markdown.
pub(super) fn table(steps: &[Step]) -> String {
    let mut text = "| step | result | took |\n|---|---|---:|\n".to_owned();
    for step in steps {
        let result = match &step.failure {
            None => "passed".to_owned(),
            Some(why) => format!("failed: {}", why.replace('|', "\\|")),
        };
        let _ = writeln!(text, "| {} | {result} | {} |", step.name, step.took);
    }
    text
}

/// Puts what was run and what came of it in the place of the last run.
pub(super) fn write(commit: &str, options: &[String], steps: &[Step]) -> Result<()> {
    let command = match options {
        [] => "`cargo xtask fresh-test`".to_owned(),
        options => format!("`cargo xtask fresh-test -- {}`", options.join(" ")),
    };
    let now = format!("{command}, commit {commit}:\n\n{}", table(steps));
    marked::renew(PAGE, BEGIN, &now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_suites_own_lines_tell_its_steps() {
        let passed = Step::told("-- passed: commands (in the documents), run (3.5 s)");
        let expected = Step::new("commands (in the documents), run", "3.5 s", None);
        assert_eq!(passed, Some(expected));
        let failed = Step::told("-- FAILED: setup (0.2 s): no (good): a | b");
        let why = Some("no (good): a | b".to_owned());
        assert_eq!(failed, Some(Step::new("setup", "0.2 s", why)));
        assert_eq!(Step::told("== 3/21 setup"), None);
    }

    #[test]
    fn a_cause_stays_in_its_cell() {
        let steps = [Step::new("setup", "0.2 s", Some("a | b".to_owned()))];
        let table = table(&steps);
        assert!(
            table.ends_with("| setup | failed: a \\| b | 0.2 s |\n"),
            "{table}"
        );
    }
}
