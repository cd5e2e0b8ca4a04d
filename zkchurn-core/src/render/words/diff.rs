// SPDX-License-Identifier: MIT
//! Two traces side by side, in words and cells.

use jiff::tz::TimeZone;

use super::{loss, moment::moment};
use crate::{
    diff::{Compared, Diff, FamilyChange, FamilyNumbers, FindingChange},
    text,
};

/// What the cells of a family are.
pub(crate) const COLUMNS: [&str; 8] = [
    "WHAT", "PROGRAM", "PEER", "BEFORE", "AFTER", "LIVED", "FAILED", "WHY",
];

/// Families that are shown; JSON has all.
pub(crate) const SHOWN: usize = 40;

/// The cells of a family; the program as another process wrote it.
pub(crate) fn cells(one: &FamilyChange) -> [String; 8] {
    [
        one.class.words().to_owned(),
        one.program.clone(),
        one.peer.clone(),
        rate(one.before.as_ref()),
        rate(one.after.as_ref()),
        both(one, lived),
        both(one, failed),
        one.why.clone(),
    ]
}

/// The numbers of a family in one line.
pub(crate) fn numbers(one: &FamilyChange) -> String {
    let mut parts = vec![match (&one.before, &one.after) {
        (Some(before), None) => rate(Some(before)),
        (None, Some(after)) => rate(Some(after)),
        (before, after) => format!(
            "{} before, {} after",
            rate(before.as_ref()),
            rate(after.as_ref())
        ),
    }];
    for (what, values) in [("lived", both(one, lived)), ("failed", both(one, failed))] {
        if !values.is_empty() {
            parts.push(format!("{what} {values}"));
        }
    }
    let ends = |numbers: &Option<FamilyNumbers>| numbers.as_ref().and_then(outcome);
    match (ends(&one.before), ends(&one.after)) {
        (Some(before), Some(after)) if before == after => parts.push(format!("ends: {after}")),
        (Some(before), Some(after)) => parts.push(format!("ended: {before}; ends: {after}")),
        (Some(before), None) => parts.push(format!("ended: {before}")),
        (None, Some(after)) => parts.push(format!("ends: {after}")),
        (None, None) => {}
    }
    parts.join("; ")
}

/// `0.50/s (0.45/s to 0.56/s)`, or `none`.
fn rate(numbers: Option<&FamilyNumbers>) -> String {
    let Some(numbers) = numbers else {
        return "none".to_owned();
    };
    if numbers.opened == 0 {
        return match numbers.open {
            0 => "none".to_owned(),
            open => format!("none, {} held", text::count(open)),
        };
    }
    format!(
        "{} ({} to {})",
        text::rate_of_any(numbers.per_second),
        text::rate_of_any(numbers.per_second_from),
        text::rate_of_any(numbers.per_second_to)
    )
}

fn lived(numbers: &FamilyNumbers) -> Option<String> {
    numbers.lived_p50_ns.map(text::duration)
}

fn failed(numbers: &FamilyNumbers) -> Option<String> {
    numbers.failed.map(text::share)
}

/// `1.2 ms -> 0.9 ms`; one value where both are the same; empty where neither has any.
fn both(one: &FamilyChange, of: impl Fn(&FamilyNumbers) -> Option<String>) -> String {
    let before = one.before.as_ref().and_then(&of);
    let after = one.after.as_ref().and_then(&of);
    match (before, after) {
        (None, None) => String::new(),
        (Some(before), Some(after)) if before == after => after,
        // Only one of them has the family at all.
        (Some(only), None) if one.after.is_none() => only,
        (None, Some(only)) if one.before.is_none() => only,
        (before, after) => {
            let or = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
            format!("{} -> {}", or(before), or(after))
        }
    }
}

/// The most frequent way of ending.
fn outcome(numbers: &FamilyNumbers) -> Option<String> {
    let first = numbers.outcomes.first()?;
    let label = first.outcome.label();
    match first.count == numbers.ended {
        true => Some(label.to_owned()),
        false => {
            let share = first.count as f64 / numbers.ended.max(1) as f64;
            Some(format!("{label} {}", text::share(share)))
        }
    }
}

/// When, where and how long a trace was, and what it lost.
pub(crate) fn trace(compared: &Compared, zone: &TimeZone) -> String {
    let trace = &compared.trace;
    format!(
        "{}, {} to {} ({}), {}; {}",
        text::printable(trace.host.as_bytes()),
        moment(&trace.from, zone, true),
        moment(&trace.to, zone, false),
        text::window(trace.length_ns),
        text::counted(compared.opened, "connection"),
        loss::in_short(&compared.loss)
    )
}

/// A finding that is in one of them only.
pub(crate) fn finding(one: &FindingChange) -> String {
    // A remote host is named already.
    let to = one
        .destinations
        .iter()
        .map(|to| match to.split_once(" -> ") {
            Some((_, port)) => port,
            None => to,
        });
    let to: Vec<_> = to.collect();
    format!(
        "{} ({}), {} -> {}",
        one.title,
        one.confidence.word(),
        one.who,
        text::clip(&to.join(", "), 200)
    )
}

/// What becomes of a finding.
pub(crate) fn class_of(one: &FindingChange) -> &'static str {
    use crate::diff::Class;
    match one.class {
        Class::New => "appeared",
        Class::Gone => "went",
        _ => "found in one only",
    }
}

/// What is not shown.
pub(crate) fn left_out(diff: &Diff) -> Vec<String> {
    let mut left_out = Vec::new();
    if let more @ 1.. = diff.families.len().saturating_sub(SHOWN) {
        let more = match more {
            1 => "1 more program and peer".to_owned(),
            more => format!("{} more programs and peers", text::count(more as u64)),
        };
        left_out.push(format!("… {more} (--format json has all)"));
    }
    if diff.not_told_apart > 0 {
        let count = text::counted(diff.not_told_apart, "connection");
        left_out.push(format!(
            "{count} of further programs and peers are not compared"
        ));
    }
    left_out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        diagnose::{Churn, Confidence, Severity},
        diff::{Class, OutcomeShare},
        outcome::Outcome,
    };

    #[test]
    fn what_becomes_of_a_finding_is_said_with_whom_it_is_about() {
        let finding = |class| FindingChange {
            class,
            name: Churn::ALL[0],
            title: "title",
            confidence: Confidence::Likely,
            severity: Severity::Broken,
            who: "pid 7 java".to_owned(),
            destinations: vec!["10.0.0.1:2181".to_owned(), "10.0.0.9 -> :2182".to_owned()],
        };
        for (class, words) in [
            (Class::New, "appeared"),
            (Class::Gone, "went"),
            (Class::CannotTell, "found in one only"),
        ] {
            assert_eq!(class_of(&finding(class)), words);
        }
        let words = "title (likely), pid 7 java -> 10.0.0.1:2181, :2182";
        assert_eq!(super::finding(&finding(Class::New)), words);
    }

    fn some(
        opened: u64,
        open: u64,
        failed: Option<f64>,
        ended: &[(Outcome, u64)],
    ) -> FamilyNumbers {
        let outcomes = ended.iter().map(|(outcome, count)| OutcomeShare {
            outcome: *outcome,
            count: *count,
        });
        FamilyNumbers {
            opened,
            ended: ended.iter().map(|(_, count)| count).sum(),
            open,
            per_second: 2.0,
            per_second_from: 1.0,
            per_second_to: 4.0,
            failed,
            lived_p50_ns: failed.map(|_| 5_000_000),
            outcomes: outcomes.collect(),
        }
    }

    fn change(before: Option<FamilyNumbers>, after: Option<FamilyNumbers>) -> FamilyChange {
        FamilyChange {
            class: Class::Worse,
            program: "java".to_owned(),
            peer: "peer".to_owned(),
            why: "why".to_owned(),
            before,
            after,
        }
    }

    #[test]
    fn numbers_of_both_traces_stand_side_by_side() {
        let refused = || some(9, 0, Some(1.0), &[(Outcome::Refused, 9)]);
        let mixed = || {
            some(
                4,
                1,
                Some(0.5),
                &[(Outcome::Refused, 2), (Outcome::Broken, 1)],
            )
        };
        let held = || some(0, 3, None, &[]);
        let quiet = || some(0, 0, None, &[]);
        let rate = "2.00/s (1.00/s to 4.00/s)";
        let label = Outcome::Refused.label();
        let cases = [
            (
                change(Some(refused()), None),
                format!("{rate}; lived 5.0 ms; failed 100 %; ended: {label}"),
            ),
            (
                change(None, Some(refused())),
                format!("{rate}; lived 5.0 ms; failed 100 %; ends: {label}"),
            ),
            (
                change(Some(refused()), Some(refused())),
                format!("{rate} before, {rate} after; lived 5.0 ms; failed 100 %; ends: {label}"),
            ),
            (
                change(Some(refused()), Some(mixed())),
                format!(
                    "{rate} before, {rate} after; lived 5.0 ms; failed 100 % -> 50 %; \
                     ended: {label}; ends: {label} 67 %"
                ),
            ),
            (
                change(Some(held()), Some(refused())),
                format!(
                    "none, 3 held before, {rate} after; lived - -> 5.0 ms; failed - -> 100 %; \
                     ends: {label}"
                ),
            ),
            (change(None, Some(quiet())), "none".to_owned()),
            (change(None, None), "none before, none after".to_owned()),
        ];
        for (one, words) in &cases {
            assert_eq!(numbers(one), *words);
        }
        let [what, program, peer, before, after, lived, failed, why] = cells(&cases[3].0);
        assert_eq!([what, program, peer, why], ["worse", "java", "peer", "why"]);
        assert_eq!(
            [before, after, lived, failed],
            [rate, rate, "5.0 ms", "100 % -> 50 %"]
        );
    }
}
