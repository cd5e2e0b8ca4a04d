// SPDX-License-Identifier: MIT
//! The confusion table: kind × finding, in a grid of letters.

use std::fmt::Write as _;

use super::outcome::{Found, Outcome};
use crate::kinds::expected::Findings;

/// A cell: a letter without and one with the first bytes.
const CELL: usize = 4;

/// The table for a terminal.
pub(super) fn text(outcomes: &[Outcome]) -> String {
    let names = names(outcomes);
    let mut lines = format!("{:28}{:>6}", "KIND", "CONN");
    for number in 1..=names.len() {
        let _ = write!(lines, "{number:>CELL$}");
    }
    for outcome in outcomes {
        let mut row = format!("{:28}{:>6}", outcome.kind.name, outcome.connections);
        for name in &names {
            let _ = write!(row, "{:>CELL$}", cell(outcome, name));
        }
        let _ = write!(lines, "\n{}", row.trim_end());
    }
    lines.push('\n');
    for (number, name) in (1..).zip(&names) {
        let _ = write!(lines, "\n{number:>4} {name}");
    }
    lines + "\n"
}

/// docs/measurements/diagnose-matrix.md.
pub(super) fn document(outcomes: &[Outcome]) -> String {
    let mut lines = INTRODUCTION.to_owned();
    let names = names(outcomes);
    lines.push_str("| kind | n |");
    for number in 1..=names.len() {
        let _ = write!(lines, " {number} |");
    }
    let _ = write!(lines, "\n|---|--:|{}\n", "---|".repeat(names.len()));
    for outcome in outcomes {
        let _ = write!(lines, "| {} | {} |", outcome.kind.name, outcome.connections);
        for name in &names {
            let _ = write!(lines, " {} |", cell(outcome, name));
        }
        lines.push('\n');
    }
    lines.push('\n');
    for (number, name) in (1..).zip(&names) {
        let _ = writeln!(lines, "{number}. `{name}`");
    }
    lines.push_str(&answers(outcomes));
    lines.push_str(
        "\n## The kinds\n\n| kind | what happens | asked for | outcomes |\n|---|---|---|---|\n",
    );
    for outcome in outcomes {
        let kind = outcome.kind;
        let _ = writeln!(
            lines,
            "| {} | {} | {} | {} |",
            kind.name,
            kind.about.replace('|', "\\|"),
            asked_for(&kind.expected.handshake),
            ended(outcome),
        );
    }
    lines
}

const INTRODUCTION: &str = "\
# Kinds of churn, and what zkchurn makes of them

Written by `cargo xtask diagnose-matrix`, which brings about every kind with the real
program, traces it, and compares connections, processes, threads, ports, bytes and
findings with what the programs know themselves.

C is certain, L likely, P possible. The first letter is of the sockets alone, the second
with `--handshake`; `-` is no such finding. Capitals in brackets are findings that are
not asked for and not right for this kind: none of them may be certain. A small `t`
stands for a finding that lists this one as a lookalike.

";

/// How many kinds were answered rightly, left open, or answered wrongly.
fn answers(outcomes: &[Outcome]) -> String {
    let mut lines = format!("\n## Right, open, wrong\n\n{MEANING}\n");
    lines.push_str("| kinds | how | right | open | wrong |\n|---|---|--:|--:|--:|\n");
    let (apart, tuned): (Vec<_>, Vec<_>) =
        outcomes.iter().partition(|one| one.kind.is_kept_apart());
    for (group, outcomes) in [("tuned on", tuned), ("kept apart", apart)] {
        for (how, is_plain) in [("sockets alone", true), ("`--handshake`", false)] {
            let count = |wanted: Answer| {
                let answers = outcomes.iter().map(|one| Answer::of(one, is_plain));
                answers.filter(|answer| *answer == wanted).count()
            };
            let _ = writeln!(
                lines,
                "| {group} ({}) | {how} | {} | {} | {} |",
                outcomes.len(),
                count(Answer::Right),
                count(Answer::Open),
                count(Answer::Wrong),
            );
        }
    }
    let _ = writeln!(lines, "\n{FIRST_SIGHT}");
    lines
}

const MEANING: &str = "\
Right: each cause has a finding that is likely or certain, and no other finding is. Open: a
cause is only possible, or named among what a finding cannot be told from, or nothing is
said. Wrong: something else is likely or certain. Kept apart are kinds for which no rule was
ever changed: what is said of them is what may be expected of a host that nobody has seen.
";

/// What does not come again: a rule that was changed for a kind knows it from then on.
const FIRST_SIGHT: &str = "\
At first sight, before any rule was changed: 13 kinds had been chosen beforehand to be kept
apart. 10 were right, 2 open (`handle_leak_go`, `no_quorum_kazoo`) and 1 wrong
(`idle_timeout_go`: likely from the sockets alone, and certain with `--handshake`). Rules were
then changed for these three, and for `limit_shared` in a short trace, so they count as tuned
on now. Of 25 other new kinds 20 were right at first sight, 3 open and 2 wrong
(`long_pauses`, likely; `read_only_probing`, certain).
";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Right,
    Open,
    Wrong,
}

impl Answer {
    fn of(outcome: &Outcome, is_plain: bool) -> Self {
        let expected = &outcome.kind.expected;
        let (expected, found) = match is_plain {
            true => (&expected.plain, &outcome.plain),
            false => (&expected.handshake, &outcome.handshake),
        };
        let is_sure = |one: &&Found| matches!(&*one.confidence, "likely" | "certain");
        let sure = found.iter().filter(is_sure);
        if sure.clone().any(|one| !expected.allows(&one.name)) {
            return Self::Wrong;
        }
        let mut asked_for = expected.must.iter();
        let is_said = |group: &&[&str]| sure.clone().any(|one| group.contains(&one.name.as_str()));
        let all = asked_for.all(is_said);
        match all {
            true => Self::Right,
            false => Self::Open,
        }
    }
}

/// All findings that were made or asked for, by name.
fn names(outcomes: &[Outcome]) -> Vec<String> {
    let found = |outcome: &Outcome| {
        let both = outcome.plain.iter().chain(&outcome.handshake);
        both.map(|one| one.name.clone()).collect::<Vec<_>>()
    };
    let asked = |outcome: &Outcome| {
        let expected = &outcome.kind.expected;
        let groups = expected.plain.must.iter().chain(expected.handshake.must);
        groups
            .flat_map(|group| group.iter().map(|name| (*name).to_owned()))
            .collect::<Vec<_>>()
    };
    let mut names: Vec<_> = outcomes.iter().flat_map(found).collect();
    names.extend(outcomes.iter().flat_map(asked));
    names.sort();
    names.dedup();
    names
}

fn cell(outcome: &Outcome, name: &str) -> String {
    let expected = &outcome.kind.expected;
    let plain = letter(&outcome.plain, &expected.plain, name);
    let handshake = letter(&outcome.handshake, &expected.handshake, name);
    if (plain, handshake) == ('-', '-') {
        return String::new();
    }
    let right = expected.plain.allows(name) || expected.handshake.allows(name);
    if right || plain == 't' || handshake == 't' {
        format!("{plain}{handshake}")
    } else {
        format!("({plain}{handshake})")
    }
}

fn letter(found: &[Found], expected: &Findings, name: &str) -> char {
    if let Some(one) = found.iter().find(|one| one.name == name) {
        return match one.confidence.as_str() {
            "certain" => 'C',
            "likely" => 'L',
            _ => 'P',
        };
    }
    let lookalike = |one: &Found| one.cannot_tell_from.iter().any(|other| other == name);
    if expected.allows(name) && found.iter().any(lookalike) {
        return 't';
    }
    '-'
}

fn asked_for(expected: &Findings) -> String {
    if expected.must.is_empty() {
        return "none".to_owned();
    }
    let groups = expected.must.iter().map(|group| group.join(" or "));
    groups.collect::<Vec<_>>().join(" and ")
}

fn ended(outcome: &Outcome) -> String {
    let outcomes = outcome.outcomes.iter();
    let counts = outcomes.map(|(name, count)| format!("{name} {count}"));
    counts.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use super::*;
    use crate::kinds;

    fn outcome(plain: &[(&str, &str)], handshake: &[(&str, &str)]) -> Outcome {
        let found = |list: &[(&str, &str)]| {
            let one = |(name, confidence): &(&str, &str)| Found {
                name: (*name).to_owned(),
                confidence: (*confidence).to_owned(),
                cannot_tell_from: vec!["refused".to_owned()],
            };
            list.iter().map(one).collect()
        };
        let all = kinds::all();
        let refused = all.into_iter().find(|kind| kind.name == "refused_java");
        Outcome {
            kind: refused.expect("a kind of this name"),
            connections: 12,
            outcomes: BTreeMap::from([("refused".to_owned(), 12)]),
            plain: found(plain),
            handshake: found(handshake),
            failures: Vec::new(),
            preparation: None,
            took: Duration::ZERO,
        }
    }

    #[test]
    fn a_cell_holds_both_letters_and_brackets_what_is_wrong() {
        let right = outcome(&[("refused", "likely")], &[("refused", "certain")]);
        assert_eq!(cell(&right, "refused"), "LC");
        assert_eq!(cell(&right, "blackhole"), "");
        let wrong = outcome(&[("blackhole", "possible")], &[]);
        assert_eq!(cell(&wrong, "blackhole"), "(P-)");
        // Named as a lookalike of what was found.
        assert_eq!(cell(&wrong, "refused"), "t-");
    }

    #[test]
    fn every_finding_has_a_column_and_every_kind_a_row() {
        let outcomes = [outcome(&[("blackhole", "certain")], &[])];
        assert_eq!(names(&outcomes), ["blackhole", "refused"]);
        let document = document(&outcomes);
        assert!(
            document.contains("| refused_java | 12 | (C-) | t- |"),
            "{document}"
        );
        assert!(document.contains("| tuned on (1) | sockets alone | 0 | 0 | 1 |"));
        assert!(document.contains("| tuned on (1) | `--handshake` | 0 | 1 | 0 |"));
        assert!(document.contains("2. `refused`"), "{document}");
        assert!(text(&outcomes).contains("   2 refused"));
    }
}
