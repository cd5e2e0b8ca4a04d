// SPDX-License-Identifier: MIT
//! What was lost, and what was not told apart, in words.

use crate::{
    frame::Missing,
    report::{AggregatedOnly, Loss},
    text,
};

/// Loss in words; zero is said too.
pub(crate) fn line(loss: &Loss) -> String {
    let kernel = &loss.kernel;
    let misses = match kernel.recursion_misses {
        Some(misses) => format!("{} recursion misses", text::count(misses)),
        // This kernel does not report them, or the recording has not come to a count yet.
        None => "recursion misses unknown".to_owned(),
    };
    let ring_buffer = kernel.ended_records_dropped;
    let ring_buffer = ring_buffer.saturating_add(kernel.established_records_dropped);
    let mut line = format!(
        "lost: {} ring buffer full, {} table full, {misses}; {}",
        text::count(ring_buffer),
        text::count(kernel.table_full),
        text::counted(
            kernel.unmatched_closes.saturating_sub(kernel.table_full),
            "unmatched close"
        ),
    );
    if let Some(dropped) = kernel.handshake_records_dropped {
        let early = kernel.handshakes_before_accept.unwrap_or(0);
        line.push_str(&format!(
            "; handshakes lost: {} buffer full, {} before accept, {} evicted",
            text::count(dropped),
            text::count(early),
            text::count(loss.handshakes_evicted)
        ));
    }
    if loss.found_closed > 0 {
        let ends = text::counted(loss.found_closed, "end");
        line.push_str(&format!(
            "; {ends} missed (the connections were found closed later: their byte counts are \
             unknown, and perhaps how they ended)"
        ));
    }
    if let Some(unsent) = kernel.records_not_exported.filter(|count| *count > 0) {
        let unsent = text::counted(unsent, "record");
        line.push_str(&format!("; {unsent} not taken by the collector"));
    }
    if loss.undecodable_records > 0 {
        let damaged = text::counted(loss.undecodable_records, "unreadable record");
        line.push_str(&format!("; {damaged}"));
    }
    if loss.unknown_records > 0 {
        let newer = text::counted(loss.unknown_records, "record");
        line.push_str(&format!("; {newer} from a newer zkchurn skipped"));
    }
    if let Some(missing) = missing(loss) {
        line.push_str(&format!("; {missing}"));
    }
    line
}

const UNMATCHED: &str = "unmatched";

/// Loss in one line of any width, the most words first: what is not zero stands first, and words
/// go before numbers do. Only the last may leave zeros out, which it says as "(0)".
pub(crate) fn in_lines(loss: &Loss) -> Vec<String> {
    let counts = counts(loss);
    let (some, none): (Vec<_>, Vec<_>) = counts.into_iter().partition(Count::is_some);
    let words = |counts: &[Count], of: fn(&Count) -> String| {
        counts.iter().map(of).collect::<Vec<_>>().join(", ")
    };
    let is_known = loss.kernel.recursion_misses.is_some();
    if some.is_empty() {
        let nothing = match is_known {
            true => "nothing lost",
            false => "nothing known to be lost",
        };
        return vec![
            format!("{nothing}: {}", words(&none, Count::long)),
            format!("{nothing}: {}", words(&none, Count::short)),
            match is_known {
                true => format!("{nothing} (0)"),
                false => nothing.to_owned(),
            },
        ];
    }
    let lost = match some.iter().all(|count| count.short == UNMATCHED) {
        // Closes without a beginning are of older connections as a rule.
        true => "not matched",
        false => "lost",
    };
    vec![
        format!(
            "{lost}: {}; {}",
            words(&some, Count::long),
            words(&none, Count::long)
        ),
        format!(
            "{lost}: {}; {}",
            words(&some, Count::long),
            words(&none, Count::short)
        ),
        format!(
            "{lost}: {}; {}",
            words(&some, Count::short),
            words(&none, Count::short)
        ),
        match is_known {
            true => format!("{lost}: {}; else 0", words(&some, Count::short)),
            false => format!("{lost}: {}; misses unknown", words(&some, Count::short)),
        },
        format!("{lost}: {}", words(&some, Count::short)),
    ]
}

/// How many of something were lost; `None` where this kernel does not report it.
struct Count {
    count: Option<u64>,
    one: &'static str,
    several: &'static str,
    short: &'static str,
}

impl Count {
    fn is_some(&self) -> bool {
        self.count.is_some_and(|count| count > 0)
    }

    fn long(&self) -> String {
        match self.count {
            None => format!("{} unknown", self.several),
            Some(1) => format!("1 {}", self.one),
            Some(count) => format!("{} {}", text::count(count), self.several),
        }
    }

    fn short(&self) -> String {
        match self.count {
            None => format!("{} unknown", self.short),
            Some(count) => format!("{} {}", text::count(count), self.short),
        }
    }
}

fn counts(loss: &Loss) -> Vec<Count> {
    let kernel = &loss.kernel;
    let count = |count, one, several, short| Count {
        count,
        one,
        several,
        short,
    };
    let ring_buffer = kernel.ended_records_dropped;
    let ring_buffer = ring_buffer.saturating_add(kernel.established_records_dropped);
    let full = "ring buffer full";
    let unmatched = kernel.unmatched_closes.saturating_sub(kernel.table_full);
    let mut counts = vec![
        count(Some(ring_buffer), full, full, "buffer"),
        count(Some(kernel.table_full), "table full", "table full", "table"),
        count(
            kernel.recursion_misses,
            "recursion miss",
            "recursion misses",
            "misses",
        ),
        count(
            Some(unmatched),
            "unmatched close",
            "unmatched closes",
            UNMATCHED,
        ),
    ];
    if let Some(dropped) = kernel.handshake_records_dropped {
        let early = kernel.handshakes_before_accept.unwrap_or(0);
        let all = dropped.saturating_add(early);
        let all = all.saturating_add(loss.handshakes_evicted);
        counts.push(count(Some(all), "handshake", "handshakes", "handshakes"));
    }
    let Missing {
        records_missing,
        gaps,
        damaged_parts,
    } = loss.missing;
    // What most recordings have nothing of has no zero either, as in the long line.
    let rare = [
        count(Some(loss.found_closed), "end missed", "ends missed", "ends"),
        count(
            Some(kernel.records_not_exported.unwrap_or(0)),
            "record not taken by the collector",
            "records not taken by the collector",
            "not exported",
        ),
        count(
            Some(loss.undecodable_records),
            "unreadable record",
            "unreadable records",
            "unreadable",
        ),
        count(
            Some(loss.unknown_records),
            "record from a newer zkchurn skipped",
            "records from a newer zkchurn skipped",
            "newer",
        ),
        count(
            Some(records_missing),
            "record missing",
            "records missing",
            "missing",
        ),
        count(
            Some(gaps),
            "gap in the recording",
            "gaps in the recording",
            "gaps",
        ),
        count(
            Some(damaged_parts),
            "damaged part of the recording skipped",
            "damaged parts of the recording skipped",
            "damaged",
        ),
    ];
    counts.extend(rare.into_iter().filter(Count::is_some));
    counts
}

/// What is missing between segments, if anything is: the limitations say from when to when.
fn missing(loss: &Loss) -> Option<String> {
    let Missing {
        records_missing,
        gaps,
        damaged_parts,
    } = loss.missing;
    let records = (records_missing > 0)
        .then(|| format!("{} missing", text::counted(records_missing, "record")));
    let gaps = (gaps > 0).then(|| format!("{} in the recording", text::counted(gaps, "gap")));
    let damaged = (damaged_parts > 0).then(|| {
        let parts = text::counted(damaged_parts, "damaged part");
        format!("{parts} of the recording skipped")
    });
    let all: Vec<_> = records.into_iter().chain(gaps).chain(damaged).collect();
    (!all.is_empty()).then(|| all.join(", "))
}

/// Whether anything was lost, in a few words; the numbers where it was.
pub(crate) fn in_short(loss: &Loss) -> String {
    let kernel = &loss.kernel;
    let counts = [
        (kernel.ended_records_dropped, "end"),
        (kernel.established_records_dropped, "beginning"),
        (kernel.table_full, "connection"),
        (kernel.recursion_misses.unwrap_or(0), "skipped run"),
        (
            kernel
                .handshake_records_dropped
                .unwrap_or(0)
                .saturating_add(kernel.handshakes_before_accept.unwrap_or(0))
                .saturating_add(loss.handshakes_evicted),
            "handshake",
        ),
        (loss.found_closed, "missed end"),
        (loss.undecodable_records, "unreadable record"),
        (loss.unknown_records, "newer record"),
        (
            kernel.records_not_exported.unwrap_or(0),
            "unexported record",
        ),
    ];
    let lost: Vec<_> = counts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| text::counted(*count, what))
        .collect();
    let lost = match (missing(loss), lost.is_empty(), kernel.recursion_misses) {
        (Some(missing), true, _) => missing,
        (Some(missing), false, _) => format!("{missing}, lost: {}", lost.join(", ")),
        (None, true, Some(_)) => "nothing lost".to_owned(),
        (None, true, None) => "nothing known to be lost".to_owned(),
        (None, false, _) => format!("lost: {}", lost.join(", ")),
    };
    // Of connections that are older than the trace, or that it has missed.
    match kernel.unmatched_closes.saturating_sub(kernel.table_full) {
        0 => lost,
        closes => format!("{lost}, {}", text::counted(closes, "unmatched close")),
    }
}

/// Memory is bounded: what made room, a sentence each.
pub(crate) fn aggregated_only(row: &AggregatedOnly) -> Vec<String> {
    let mut sentences = Vec::new();
    if row.flows_evicted > 0 {
        let pairs = text::counted(row.flows_evicted, "pair");
        let (opened, ended) = (text::count(row.opened), text::count(row.ended));
        sentences.push(format!(
            "{pairs} of process and destination evicted: the least recently active, or some of \
             whoever has most (totals kept: {opened} opened, {ended} ended)"
        ));
    }
    if row.opened_over_limit > 0 {
        let opened = text::count(row.opened_over_limit);
        let ended = text::count(row.ended_over_limit);
        sentences.push(format!(
            "more processes or destinations at once than can be tracked: {opened} opened, \
             {ended} ended"
        ));
    }
    if row.threads_evicted > 0 {
        let threads = text::counted(row.threads_evicted, "thread");
        sentences.push(format!(
            "{threads} evicted, the least recently active or some of the process with most; \
             counted in their process's row only"
        ));
    }
    sentences
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_lost_stands_first_and_words_go_before_numbers() {
        let mut loss = Loss::default();
        loss.kernel.recursion_misses = Some(0);
        let lines = in_lines(&loss);
        assert_eq!(
            lines,
            [
                "nothing lost: 0 ring buffer full, 0 table full, 0 recursion misses, 0 unmatched \
                 closes",
                "nothing lost: 0 buffer, 0 table, 0 misses, 0 unmatched",
                "nothing lost (0)",
            ]
        );
        loss.kernel.unmatched_closes = 12_345;
        let lines = in_lines(&loss);
        assert!(lines[0].starts_with("not matched: 12,345 unmatched closes; 0 ring buffer full"));
        loss.kernel.recursion_misses = Some(1);
        loss.found_closed = 7;
        let lines = in_lines(&loss);
        assert!(
            lines[0]
                .starts_with("lost: 1 recursion miss, 12,345 unmatched closes, 7 ends missed; 0 "),
            "{lines:?}"
        );
        assert!(
            lines.windows(2).all(|pair| pair[0].len() > pair[1].len()),
            "{lines:?}"
        );
        for line in &lines {
            assert!(
                ["1 ", "12,345 ", "7 "]
                    .iter()
                    .all(|count| line.contains(count)),
                "{line}"
            );
        }
        assert_eq!(lines[4], "lost: 1 misses, 12,345 unmatched, 7 ends");
        loss.kernel.recursion_misses = None;
        let lines = in_lines(&loss);
        assert!(lines[2].ends_with("0 table, misses unknown"), "{lines:?}");
        // What is not known is no 0.
        assert!(lines[3].ends_with("7 ends; misses unknown"), "{lines:?}");
        assert_eq!(in_lines(&Loss::default())[2], "nothing known to be lost");
    }

    #[test]
    fn what_the_collector_did_not_take_is_lost_and_not_unmatched() {
        let mut loss = Loss::default();
        loss.kernel.recursion_misses = Some(0);
        loss.kernel.records_not_exported = Some(500);
        assert_eq!(in_short(&loss), "lost: 500 unexported records");
        for line in in_lines(&loss) {
            assert!(line.starts_with("lost: 500 "), "{line}");
        }
        loss.kernel.records_not_exported = None;
        loss.kernel.unmatched_closes = 2;
        assert!(in_lines(&loss)[0].starts_with("not matched: 2 "));
    }

    #[test]
    fn whatever_was_missed_is_said_in_short_too() {
        let mut loss = Loss::default();
        loss.kernel.recursion_misses = Some(0);
        assert_eq!(in_short(&loss), "nothing lost");
        loss.kernel.unmatched_closes = 3;
        loss.kernel.table_full = 3;
        assert_eq!(in_short(&loss), "lost: 3 connections");
        loss.kernel.table_full = 0;
        assert_eq!(in_short(&loss), "nothing lost, 3 unmatched closes");
        loss.kernel.recursion_misses = None;
        assert_eq!(
            in_short(&loss),
            "nothing known to be lost, 3 unmatched closes"
        );
        loss.kernel.unmatched_closes = 0;
        loss.found_closed = 1;
        assert_eq!(in_short(&loss), "lost: 1 missed end");
        loss.found_closed = 0;
        loss.kernel.handshakes_before_accept = Some(1);
        assert_eq!(in_short(&loss), "lost: 1 handshake");
        loss.missing.gaps = 2;
        assert_eq!(
            in_short(&loss),
            "2 gaps in the recording, lost: 1 handshake"
        );
        loss.kernel.handshakes_before_accept = None;
        loss.missing.records_missing = 999;
        assert_eq!(
            in_short(&loss),
            "999 records missing, 2 gaps in the recording"
        );
    }

    #[test]
    fn each_thing_that_made_room_is_said_once_and_nothing_else() {
        let none = AggregatedOnly {
            flows_evicted: 0,
            opened: 0,
            ended: 0,
            opened_over_limit: 0,
            ended_over_limit: 0,
            threads_evicted: 0,
        };
        assert_eq!(aggregated_only(&none), Vec::<String>::new());
        let flows = AggregatedOnly {
            flows_evicted: 1,
            opened: 1_200,
            ended: 7,
            ..none
        };
        assert_eq!(
            aggregated_only(&flows),
            [
                "1 pair of process and destination evicted: the least recently active, or some of \
                 whoever has most (totals kept: 1,200 opened, 7 ended)"
            ]
        );
        let over = AggregatedOnly {
            opened_over_limit: 1,
            ended_over_limit: 0,
            ..none
        };
        assert_eq!(
            aggregated_only(&over),
            ["more processes or destinations at once than can be tracked: 1 opened, 0 ended"]
        );
        let threads = AggregatedOnly {
            threads_evicted: 2,
            ..none
        };
        assert_eq!(
            aggregated_only(&threads),
            [
                "2 threads evicted, the least recently active or some of the process with most; \
                 counted in their process's row only"
            ]
        );
    }
}
