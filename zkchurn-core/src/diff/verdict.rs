// SPDX-License-Identifier: MIT
//! What the families come to, in one sentence.

use super::{
    Class, FamilyChange, FamilyNumbers,
    trace::{Trace, lost},
};
use crate::{frame::Sides, report::TraceSummary, text};

/// Nothing has changed if so large a share of all connections is in families of which that is
/// known.
const NEARLY_ALL: f64 = 0.9;
/// A part of a trace that is shorter shows nothing.
const SHORTEST_NS: u64 = 1_000_000_000;

/// The class of all of it, and the sentence.
pub(super) fn of(families: &[FamilyChange]) -> (Class, String) {
    let worse = select(families, is_worse);
    let new = select(families, |one| one.class == Class::New && !is_worse(one));
    let better = select(families, |one| {
        matches!(one.class, Class::Better | Class::Gone)
    });
    let unknown = select(families, |one| one.class == Class::CannotTell);
    let rest = families.len() - worse.len() - new.len() - better.len() - unknown.len();
    let mut clauses = Vec::new();
    let class = match (worse.first(), new.first(), better.first()) {
        (Some(worst), ..) => {
            clauses.push(format!("Worse: {}", in_words(worst)));
            clauses.extend(more(worse.len() - 1, "worse"));
            clauses.extend(more(new.len(), "new"));
            clauses.extend(more(better.len(), "better or gone"));
            Class::Worse
        }
        (None, Some(first), _) => {
            clauses.push(format!("New: {}", in_words(first)));
            clauses.extend(more(new.len() - 1, "new"));
            clauses.extend(more(better.len(), "better or gone"));
            Class::New
        }
        (None, None, Some(best)) => {
            clauses.push(format!("Better: {}", in_words(best)));
            clauses.extend(more(better.len() - 1, "better or gone"));
            Class::Better
        }
        (None, None, None) => match unknown.first() {
            Some(first) if !is_small(&unknown, families) => {
                clauses.push(format!("Cannot tell: {}", in_words(first)));
                clauses.extend(more(unknown.len() - 1, "that cannot be told"));
                Class::CannotTell
            }
            _ => {
                clauses.push(no_change(families, rest));
                Class::Unchanged
            }
        },
    };
    if class != Class::Unchanged && rest > 0 {
        clauses.push(format!("{} unchanged", text::count(rest as u64)));
    }
    if class != Class::CannotTell && !unknown.is_empty() {
        let count = text::count(unknown.len() as u64);
        clauses.push(format!("{count} cannot be told"));
    }
    (class, clauses.join("; "))
}

/// Whether a family makes the whole worse: a new one that keeps its connections does not.
pub fn is_worse(one: &FamilyChange) -> bool {
    let ends = one.after.as_ref().is_some_and(|after| after.ended > 0);
    one.class == Class::Worse || one.class == Class::New && ends
}

fn select(families: &[FamilyChange], wanted: impl Fn(&FamilyChange) -> bool) -> Vec<&FamilyChange> {
    families.iter().filter(|one| wanted(one)).collect()
}

fn is_small(unknown: &[&FamilyChange], families: &[FamilyChange]) -> bool {
    let opened = |one: &FamilyChange| {
        let of = |numbers: &Option<FamilyNumbers>| numbers.as_ref().map_or(0, |one| one.opened);
        (of(&one.before) + of(&one.after)) as f64
    };
    let all: f64 = families.iter().map(opened).sum();
    let unknown: f64 = unknown.iter().map(|one| opened(one)).sum();
    all > 0.0 && unknown <= all * (1.0 - NEARLY_ALL)
}

/// Why nothing is compared, where neither trace shows a connection that was opened and that does
/// not mean that there was none.
pub(super) fn nothing_compared(
    families: &[FamilyChange],
    before: &Trace<'_>,
    after: &Trace<'_>,
) -> Option<String> {
    if families.iter().any(has_opened) {
        return None;
    }
    let both = [("BEFORE", before), ("AFTER", after)];
    let of_each = |why: &dyn Fn(&Trace<'_>, &str) -> Option<String>| {
        both.iter().find_map(|(name, trace)| why(trace, name))
    };
    of_each(&|trace, name| {
        let is_damaged = trace.taken.is_damaged;
        is_damaged.then(|| format!("a part of {name} cannot be read"))
    })
    .or_else(|| filtered_out(&both))
    .or_else(|| {
        of_each(&|trace, name| {
            let length_ns = trace.length_ns();
            let window = text::window(length_ns);
            (length_ns < SHORTEST_NS).then(|| format!("{name} is too short: {window}"))
        })
    })
    .or_else(|| {
        let (one, other) = (&before.report.trace, &after.report.trace);
        let share_a_port = one.ports.iter().any(|port| other.ports.contains(port));
        let share_a_side =
            one.side == other.side || one.side == Sides::Both || other.side == Sides::Both;
        (!share_a_port || !share_a_side).then(|| traced(one, other))
    })
    .or_else(|| {
        of_each(&|trace, name| {
            let lost = lost(&trace.report.loss);
            let lost_some = format!("{name} lost {}", text::counted(lost, "record"));
            (lost > 0).then_some(lost_some)
        })
    })
}

fn filtered_out(both: &[(&str, &Trace<'_>)]) -> Option<String> {
    let out = both.iter().filter_map(|(name, trace)| {
        let count = trace.report.filtered.as_ref()?.connections;
        let count = (count > 0).then(|| text::counted(count, "connection"))?;
        Some(format!("{count} of {name}"))
    });
    let out = out.collect::<Vec<_>>().join(" and ");
    (!out.is_empty()).then(|| format!("the filter leaves nothing to compare, of {out}"))
}

fn has_opened(one: &FamilyChange) -> bool {
    let of = |numbers: &Option<FamilyNumbers>| numbers.as_ref().is_some_and(|n| n.opened > 0);
    of(&one.before) || of(&one.after)
}

fn traced(one: &TraceSummary, other: &TraceSummary) -> String {
    format!("BEFORE traced {}; AFTER {}", how(one), how(other))
}

fn how(trace: &TraceSummary) -> String {
    let ports: Vec<_> = trace.ports.iter().map(u16::to_string).collect();
    let only = trace.only().map(|only| format!(", {only} only"));
    let sides = trace.side.words();
    format!(
        "port {}, {sides}{}",
        ports.join(","),
        only.unwrap_or_default()
    )
}

fn no_change(families: &[FamilyChange], unchanged: usize) -> String {
    match (families.iter().any(has_opened), unchanged) {
        (false, _) => "No change: neither trace has a connection that was opened".to_owned(),
        (true, 1) => {
            let one = families.iter().find(|one| one.class == Class::Unchanged);
            let one = one.map_or_else(String::new, |one| format!(": {} as before", whom(one)));
            format!("No change{one}")
        }
        (true, many) => format!(
            "No change: {} programs and peers are as before",
            text::count(many as u64)
        ),
    }
}

fn more(count: usize, what: &str) -> Option<String> {
    (count > 0).then(|| format!("{} more {what}", text::count(count as u64)))
}

fn whom(one: &FamilyChange) -> String {
    let program = text::printable(one.program.as_bytes());
    format!("{program} -> {}", one.peer)
}

fn in_words(one: &FamilyChange) -> String {
    let rate = |numbers: &Option<FamilyNumbers>| {
        let per_second = numbers.as_ref().map_or(0.0, |numbers| numbers.per_second);
        text::rate_of_any(per_second)
    };
    let (before, after) = (rate(&one.before), rate(&one.after));
    let whom = whom(one);
    match one.class {
        Class::New => format!("{whom} is new: {after}, {}", one.why),
        Class::Gone => format!("{whom} has stopped: {before} before, {}", one.why),
        Class::CannotTell => format!("{whom}: {}", one.why),
        _ => format!("{whom} {}: {before} before, {after} after", one.why),
    }
}

/// What bears on all of it.
pub(super) fn notes(before: &Trace<'_>, after: &Trace<'_>) -> Vec<String> {
    let mut notes = Vec::new();
    let (one, other) = (&before.report.trace, &after.report.trace);
    let run = before.taken.run_id();
    if run.is_some() && run == after.taken.run_id() && one.from == other.from {
        notes.push("BEFORE and AFTER are the same trace".to_owned());
    } else if other.from < one.from {
        notes.push("AFTER began earlier than BEFORE: are they the right way round?".to_owned());
    }
    for (name, trace) in [("BEFORE", before), ("AFTER", after)] {
        if trace.taken.is_damaged {
            notes.push(format!(
                "a part of {name} cannot be read, so what is not in it may have been"
            ));
        }
        if trace.taken.beyond > 0 {
            let count = text::counted(trace.taken.beyond, "connection");
            let are = if trace.taken.beyond == 1 { "is" } else { "are" };
            notes.push(format!(
                "{count} of {name} {are} of more programs and peers than are told apart"
            ));
        }
    }
    if one.host != other.host {
        let name = |host: &str| text::printable(host.as_bytes());
        notes.push(format!(
            "BEFORE is of the host {}, AFTER of {}",
            name(&one.host),
            name(&other.host)
        ));
    }
    if how(one) != how(other) {
        notes.push(traced(one, other));
    }
    for (name, trace) in [("BEFORE", before), ("AFTER", after)] {
        if let Some(filtered) = &trace.report.filtered {
            let out = text::counted(filtered.connections, "connection");
            notes.push(format!("of {name} {out} were filtered out"));
        }
    }
    notes
}

#[cfg(test)]
mod tests;
