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
            "; {ends} missed (the connections were found closed later, how they ended is unknown)"
        ));
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

/// What is missing between segments, if anything is: the limitations say from when to when.
fn missing(loss: &Loss) -> Option<String> {
    let Missing {
        records_missing,
        gaps,
    } = loss.missing;
    let records = (records_missing > 0)
        .then(|| format!("{} missing", text::counted(records_missing, "record")));
    let gaps = (gaps > 0).then(|| format!("{} in the recording", text::counted(gaps, "gap")));
    let all: Vec<_> = records.into_iter().chain(gaps).collect();
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
            "{pairs} of process and destination evicted, least recently active first (totals \
             kept: {opened} opened, {ended} ended)"
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
            "{threads} evicted, least recently active first; counted in their process's row only"
        ));
    }
    sentences
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
