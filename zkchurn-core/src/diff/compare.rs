// SPDX-License-Identifier: MIT
//! One family in two traces, and all of them.

use std::collections::BTreeMap;

use super::{
    Class, Diff, FamilyChange, FamilyNumbers, Taken,
    family::{Family, Key},
    few, findings,
    starts::PAUSES,
    statistics::{self, Change},
    trace::{Trace, lost},
    verdict,
};
use crate::{outcome::Outcome, text};

/// Events that must have been expected before their absence means something: fewer come out
/// as none in more than one of 1,000 traces.
const EXPECTED: f64 = 7.0;

/// Compares two traces; `None` where one of them has no report.
pub fn compare(before: &Taken, after: &Taken) -> Option<Diff> {
    let (before, after) = (Trace::of(before)?, Trace::of(after)?);
    let pairs = pairs(&before, &after);
    let families = pairs.iter().map(|pair| change(&before, &after, pair));
    let mut families: Vec<_> = families.collect();
    families.sort_by(|one, other| {
        let busy = |change: &FamilyChange| {
            let of = |numbers: &Option<FamilyNumbers>| {
                numbers.as_ref().map_or(0.0, |numbers| numbers.per_second)
            };
            of(&change.before).max(of(&change.after))
        };
        let by_class = one.class.cmp(&other.class);
        by_class.then(busy(other).total_cmp(&busy(one)))
    });
    let findings = findings::changes(&before, &after, &families);
    let mut notes = verdict::notes(&before, &after);
    notes.extend(pairs.iter().filter_map(Pair::note));
    let nothing = verdict::nothing_compared(&families, &before, &after);
    let has_compared = nothing.is_none();
    let (class, verdict) = match nothing {
        Some(why) => (Class::CannotTell, format!("Cannot tell: {why}")),
        None => verdict::of(&families),
    };
    Some(Diff {
        has_compared,
        class,
        verdict,
        before: before.compared(),
        after: after.compared(),
        families,
        not_told_apart: before.taken.beyond + after.taken.beyond,
        findings,
        notes,
    })
}

/// A family, as far as each trace has it.
struct Pair<'a> {
    key: &'a Key,
    /// What it was called before, where only its version differs.
    was: Option<&'a Key>,
    before: Option<&'a Family>,
    after: Option<&'a Family>,
}

fn pairs<'a>(before: &Trace<'a>, after: &Trace<'a>) -> Vec<Pair<'a>> {
    let mut pairs: BTreeMap<&Key, Pair<'a>> = BTreeMap::new();
    let pair = |key| Pair {
        key,
        was: None,
        before: None,
        after: None,
    };
    for (key, family) in &before.taken.families {
        pairs.entry(key).or_insert_with(|| pair(key)).before = Some(family);
    }
    for (key, family) in &after.taken.families {
        pairs.entry(key).or_insert_with(|| pair(key)).after = Some(family);
    }
    other_versions(pairs.into_values().collect())
}

impl Pair<'_> {
    fn note(&self) -> Option<String> {
        let (was, is) = (self.was?.who(), self.key.who());
        let [was, is] = [was, is].map(|one| text::printable(one.as_bytes()));
        Some(format!(
            "{is} in AFTER is compared with {was} in BEFORE: only numbers in their names differ, as \
             those of versions do"
        ))
    }
}

/// Puts what is in one trace only together with the one of the other trace whose name differs in
/// numbers alone, if there is no second one.
fn other_versions(pairs: Vec<Pair<'_>>) -> Vec<Pair<'_>> {
    let mut alone: BTreeMap<Key, [Vec<usize>; 2]> = BTreeMap::new();
    for (place, pair) in pairs.iter().enumerate() {
        let side = match (pair.before, pair.after) {
            (Some(_), None) => 0,
            (None, Some(_)) => 1,
            _ => continue,
        };
        if !pair.key.program.is_empty() {
            alone.entry(pair.key.unversioned()).or_default()[side].push(place);
        }
    }
    let mut pairs: Vec<_> = pairs.into_iter().map(Some).collect();
    for places in alone.into_values() {
        let [[was], [is]] = [&places[0][..], &places[1][..]] else {
            continue;
        };
        if let Some(earlier) = pairs[*was].take()
            && let Some(pair) = &mut pairs[*is]
        {
            (pair.before, pair.was) = (earlier.before, Some(earlier.key));
        }
    }
    pairs.into_iter().flatten().collect()
}

fn change(before: &Trace<'_>, after: &Trace<'_>, pair: &Pair<'_>) -> FamilyChange {
    let (class, why) = match undecidable(before, after, pair.key) {
        Some(why) => (Class::CannotTell, why),
        None => decided(before, after, pair),
    };
    FamilyChange {
        class,
        program: pair.key.who(),
        peer: pair.key.peer(),
        why,
        before: pair.before.map(|family| family.numbers(before.length_ns())),
        after: pair.after.map(|family| family.numbers(after.length_ns())),
    }
}

/// Why its counts in the two traces cannot be compared, whatever they are.
fn undecidable(before: &Trace<'_>, after: &Trace<'_>, key: &Key) -> Option<String> {
    for (trace, name) in [(before, "BEFORE"), (after, "AFTER")] {
        if trace.taken.is_damaged {
            return Some(format!("a part of {name} cannot be read"));
        }
    }
    for (one, other, name) in [(before, after, "BEFORE"), (after, before, "AFTER")] {
        if let Some(why) = one.has_merged(key, other) {
            return Some(format!("{name} {why}"));
        }
    }
    let alike = text::printable(alike(before, after, key)?.as_bytes());
    Some(format!(
        "{alike} may be the same in part: not every process could be looked up"
    ))
}

fn decided(before: &Trace<'_>, after: &Trace<'_>, pair: &Pair<'_>) -> (Class, String) {
    let none = Family::default();
    let (one, other) = (pair.before.unwrap_or(&none), pair.after.unwrap_or(&none));
    match (one.opened, other.opened) {
        (0, 0) => of_quiet(before, after, pair),
        (_, 0) => absent(before, after, pair, one, other),
        (0, _) => absent(after, before, pair, other, one),
        _ => match narrower(before, after) {
            Some(why) => (Class::CannotTell, why),
            None => of_both(before, after, one, other),
        },
    }
}

/// Why one of them may have only a part of what the other has of a family.
fn narrower(before: &Trace<'_>, after: &Trace<'_>) -> Option<String> {
    let before_sees_less = before.sees_less(after);
    let why = before_sees_less.map(|why| format!("BEFORE {why}"));
    why.or_else(|| after.sees_less(before).map(|why| format!("AFTER {why}")))
}

/// A program that may be this one in part, where the two traces do not have the same of both.
fn alike<'a>(before: &Trace<'a>, after: &Trace<'a>, key: &Key) -> Option<&'a str> {
    let alike = before.taken.alike(key).or(after.taken.alike(key))?;
    let differs = |key| {
        let (one, other) = (&before.taken.families, &after.taken.families);
        one.contains_key(key) != other.contains_key(key)
    };
    (differs(key) || differs(alike)).then_some(alike.program.as_str())
}

/// Connections that are older than the traces only.
fn of_quiet(before: &Trace<'_>, after: &Trace<'_>, pair: &Pair<'_>) -> (Class, String) {
    let unseen = match (pair.before, pair.after) {
        (Some(_), None) => after.may_have_missed(pair.key, before, "AFTER"),
        (None, Some(_)) => before.may_have_missed(pair.key, after, "BEFORE"),
        _ => None,
    };
    if let Some(why) = unseen {
        return (Class::CannotTell, why);
    }
    let (only, name, other) = match (pair.before, pair.after) {
        (Some(only), None) => (only, "BEFORE", "AFTER"),
        (None, Some(only)) => (only, "AFTER", "BEFORE"),
        _ => {
            let why = "opened nothing in either, and held connections in both";
            return (Class::Unchanged, why.to_owned());
        }
    };
    let open = text::count(only.open);
    let why = format!(
        "opened none in {name}, and had older ones there ({open} open at its end); {other} has \
         none"
    );
    (Class::CannotTell, why)
}

/// `present` opened connections and `missing` none, whichever came first.
fn absent(
    present: &Trace<'_>,
    missing: &Trace<'_>,
    pair: &Pair<'_>,
    opened: &Family,
    quiet: &Family,
) -> (Class, String) {
    let is_gone = pair.before.is_some_and(|before| before.opened > 0);
    let name = if is_gone { "AFTER" } else { "BEFORE" };
    if let Some(why) = missing.may_have_missed(pair.key, present, name) {
        return (Class::CannotTell, why);
    }
    let rate = opened.rate(present.length_ns());
    let (least, _) = rate.interval(opened.opened, present.seconds());
    let expected = least * missing.seconds();
    let pause = opened.starts.longest_pause_ns(present.length_ns());
    let too_short =
        expected < EXPECTED * rate.clumping || missing.length_ns() < pause.saturating_mul(PAUSES);
    if too_short {
        let other = if is_gone { "BEFORE" } else { "AFTER" };
        let why = format!(
            "{name} is too short: {} in {} of {other} may be none in {}",
            text::counted(opened.opened, "connection"),
            text::window(present.length_ns()),
            text::window(missing.length_ns()),
        );
        return (Class::CannotTell, why);
    }
    // Of all that it lost, since where it recorded nothing there is no share of that.
    let lost = lost(&missing.report.loss) as f64;
    if lost > 0.0 && lost >= expected {
        let why = format!("{name} lost as many connections as it would have opened");
        return (Class::CannotTell, why);
    }
    let window = text::window(missing.length_ns());
    match (is_gone, quiet.open) {
        (true, 0) => (Class::Gone, format!("none in {window} after")),
        (true, open) => {
            let held = text::counted(open, "connection");
            (
                Class::Better,
                format!("opened none in {window} after, and holds {held}"),
            )
        }
        (false, 0) => (Class::New, format!("none in {window} before")),
        (false, open) => {
            let held = text::counted(open, "connection");
            (
                Class::New,
                format!("none opened in {window} before, and {held} held"),
            )
        }
    }
}

/// What was found of a family that opens connections in both.
struct Changes {
    rate: Change,
    failed: Change,
    lived: Change,
    /// Whether, opened as often, more stay open.
    leaves_open: bool,
    /// An outcome whose share changed most surely, where failures did not.
    ends_otherwise: Option<Outcome>,
}

fn of_both(before: &Trace<'_>, after: &Trace<'_>, one: &Family, other: &Family) -> (Class, String) {
    let rate = compared_rate(before, after, one, other);
    let changes = Changes {
        rate,
        failed: compared_share(one, other, |family| family.failed),
        lived: statistics::lifetimes(&one.lifetimes.sorted(), &other.lifetimes.sorted()),
        leaves_open: rate == Change::Same && leaves_open(one, other),
        ends_otherwise: ends_otherwise(one, other),
    };
    let is_same_count = one.opened == other.opened && before.length_ns() == after.length_ns();
    let worse = worse(&changes);
    let better = better(&changes);
    match (worse.is_empty(), better.is_empty()) {
        (false, true) => (Class::Worse, worse.join(", ")),
        (true, false) => (Class::Better, better.join(", ")),
        (false, false) => {
            let why = format!("{}, but {}", better.join(", "), worse.join(", "));
            (Class::CannotTell, why)
        }
        (true, true) => match changes {
            Changes {
                ends_otherwise: Some(outcome),
                ..
            } => {
                let of = |family: &Family| percent(family.outcomes.get(outcome), family.ended);
                let why = format!(
                    "ends otherwise, neither better nor worse: \"{}\" {} of the time, {} before",
                    outcome.label(),
                    of(other),
                    of(one)
                );
                (Class::CannotTell, why)
            }
            Changes {
                rate: Change::Unknown,
                ..
            } if !is_same_count => (Class::CannotTell, too_few(before, after, one, other)),
            Changes {
                failed: Change::Unknown,
                ..
            } if one.outcomes.iter().ne(other.outcomes.iter()) => {
                let why = format!(
                    "too few ended to compare how: {} and {}",
                    text::count(one.ended),
                    text::count(other.ended)
                );
                (Class::CannotTell, why)
            }
            _ => (Class::Unchanged, String::new()),
        },
    }
}

/// Whether most of what it opens stays open, and before fewer did. Where many failed before, those
/// that stay open may be a mend.
fn leaves_open(one: &Family, other: &Family) -> bool {
    const FEW_FAIL: u64 = 10;
    let stay = (one.stay_open(), other.stay_open());
    let change = statistics::share((stay.0, one.opened), (stay.1, other.opened));
    change == Change::Up && stay.1 * 2 > other.opened && one.failed * FEW_FAIL <= one.ended
}

fn worse(changes: &Changes) -> Vec<&'static str> {
    let mut words = Vec::new();
    if changes.leaves_open {
        words.push("leaves more connections open");
    }
    if changes.failed == Change::Up {
        words.push("fails more");
    }
    if changes.rate == Change::Up {
        words.push("connects more often");
    }
    if changes.lived == Change::Down && words.is_empty() && changes.failed != Change::Down {
        words.push("connections live shorter");
    }
    words
}

fn better(changes: &Changes) -> Vec<&'static str> {
    let mut words = Vec::new();
    if changes.failed == Change::Down {
        words.push("fails less");
    }
    if changes.rate == Change::Down {
        words.push("connects less often");
    }
    if changes.lived == Change::Up && words.is_empty() && changes.failed != Change::Up {
        words.push("connections live longer");
    }
    words
}

fn compared_rate(before: &Trace<'_>, after: &Trace<'_>, one: &Family, other: &Family) -> Change {
    let lost = before.lost() + after.lost();
    let (from, to) = (one.rate(before.length_ns()), other.rate(after.length_ns()));
    match statistics::rate(&from, &to, lost) {
        Change::Unknown => {
            let (one, other) = (
                one.begun(before.length_ns()),
                other.begun(after.length_ns()),
            );
            few::change(&one, &other, lost)
        }
        known => known,
    }
}

fn compared_share(one: &Family, other: &Family, of: impl Fn(&Family) -> u64) -> Change {
    match one.ended == 0 || other.ended == 0 {
        true => Change::Unknown,
        false => statistics::share((of(one), one.ended), (of(other), other.ended)),
    }
}

fn ends_otherwise(one: &Family, other: &Family) -> Option<Outcome> {
    let outcomes = one.outcomes.iter().chain(other.outcomes.iter());
    let changed = outcomes.map(|(outcome, _)| outcome).filter(|outcome| {
        let change = compared_share(one, other, |family| family.outcomes.get(*outcome));
        matches!(change, Change::Up | Change::Down)
    });
    // What it does now tells more than what it does no more.
    changed.max_by_key(|outcome| other.outcomes.get(*outcome))
}

fn too_few(before: &Trace<'_>, after: &Trace<'_>, one: &Family, other: &Family) -> String {
    let lost = before.lost() + after.lost();
    if lost > 0.1 {
        return format!("{} of what was to be recorded is lost", text::share(lost));
    }
    let in_window = |count: u64, trace: &Trace<'_>| {
        let window = text::window(trace.length_ns());
        format!("{} in {window}", text::count(count))
    };
    format!(
        "too few, or too irregular, to compare: {} and {}",
        in_window(one.opened, before),
        in_window(other.opened, after)
    )
}

fn percent(some: u64, all: u64) -> String {
    text::share(some as f64 / all.max(1) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_told_in_percent() {
        assert_eq!(percent(1, 4), text::share(0.25));
        assert_eq!(percent(3, 3), text::share(1.0));
        assert_eq!(percent(0, 0), text::share(0.0));
    }
}
