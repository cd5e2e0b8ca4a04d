// SPDX-License-Identifier: MIT
//! The numbers of some connections, as cells of a table.

use jiff::tz::TimeZone;

use super::moment::{is_same_day, moment};
use crate::{
    ledger::tally::Range,
    report::{FirstCloses, FlowRow, Spread, Summary},
    text,
};

/// Whose connections these are, and where they go.
pub(crate) fn heading(flow: &FlowRow) -> String {
    let among = flow.netns;
    let among = among.map_or_else(String::new, |netns| {
        format!(" (in network namespace {netns})")
    });
    match &flow.process {
        Some(process) => {
            let label = text::printable(process.label.as_bytes());
            format!("pid {} {label} -> {}{among}", process.pid, flow.destination)
        }
        None => {
            let host = flow.destination.split(" -> ").next().unwrap_or_default();
            let place = text::place(&flow.destination);
            format!("remote host {host} -> {place}{among}")
        }
    }
}

/// Rows that are not shown, in words.
pub(crate) fn more_rows(count: u64) -> String {
    match count {
        1 => "1 more process or destination".to_owned(),
        more => format!("{} more processes or destinations", text::count(more)),
    }
}

pub(crate) fn optional<T>(value: Option<T>, show: impl Fn(T) -> String) -> String {
    value.map_or_else(|| "-".to_owned(), show)
}

pub(crate) fn lived(spread: &Spread) -> String {
    match (spread.p50_ns, spread.p99_ns, spread.max_ns) {
        (Some(p50), Some(p99), Some(max)) => format!(
            "{} / {} / {}",
            text::duration(p50),
            text::duration(p99),
            text::duration(max)
        ),
        _ => "-".to_owned(),
    }
}

pub(crate) fn closed_first(closes: &FirstCloses) -> String {
    let parts: Vec<_> = [
        ("us", closes.us),
        ("peer", closes.peer),
        ("kernel", closes.kernel),
    ]
    .iter()
    .filter(|(_, count)| *count > 0)
    .map(|(who, count)| format!("{who} {}", text::count(*count)))
    .collect();
    if parts.is_empty() {
        "-".to_owned()
    } else {
        parts.join(", ")
    }
}

/// The outcomes, most frequent first; a single one without its number.
pub(crate) fn outcomes(summary: &Summary) -> String {
    let mut outcomes: Vec<_> = summary.outcomes.iter().collect();
    outcomes.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    let mut parts: Vec<_> = match outcomes.as_slice() {
        [(outcome, _)] => vec![outcome.label().to_owned()],
        many => many
            .iter()
            .map(|(outcome, count)| format!("{} {}", text::count(**count), outcome.label()))
            .collect(),
    };
    if summary.half_closed > 0 {
        parts.push(format!(
            "{} of them half-closed",
            text::count(summary.half_closed)
        ));
    }
    if summary.open > 0 {
        parts.push(format!("{} open", text::count(summary.open)));
    }
    if parts.is_empty() {
        "-".to_owned()
    } else {
        parts.join("; ")
    }
}

pub(crate) fn bytes(range: &Range) -> String {
    match (range.connections, range.min == range.max) {
        (0, _) => "-".to_owned(),
        (_, true) => text::count(range.min),
        (_, false) => format!("{}-{}", text::count(range.min), text::count(range.max)),
    }
}

pub(crate) fn seen(summary: &Summary, zone: &TimeZone) -> String {
    match (&summary.first_seen, &summary.last_seen) {
        (Some(first), Some(last)) => {
            let with_date = !is_same_day(first, last, zone);
            format!(
                "{} - {}",
                moment(first, zone, with_date),
                moment(last, zone, with_date)
            )
        }
        _ => "-".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_more_is_no_plural() {
        assert_eq!(more_rows(1), "1 more process or destination");
        assert_eq!(more_rows(1_200), "1,200 more processes or destinations");
    }
}
