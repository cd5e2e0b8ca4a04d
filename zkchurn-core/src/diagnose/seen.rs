// SPDX-License-Identifier: MIT
//! What was seen of some connections, in one sentence: how many, how they ended, after
//! how long, and with how many bytes.

use crate::{
    connection::Side,
    ledger::tally::{Range, Tally},
    outcome::Outcome,
    text,
};

/// Outcomes that are named; the rest is a number.
const NAMED: usize = 2;

/// The sentence, without a full stop.
pub(super) fn sentence(tally: &Tally, side: Side, window_ns: u64) -> String {
    let opened = text::counted(tally.opened(), "connection");
    let mut parts = vec![format!("{opened} in {}", text::window(window_ns))];
    parts.extend(endings(tally, side));
    if tally.open() > 0 {
        parts.push(format!("{} open", text::count(tally.open())));
    }
    parts.join("; ")
}

/// The most frequent outcomes, with what is known of all that ended.
fn endings(tally: &Tally, side: Side) -> Option<String> {
    let mut outcomes: Vec<_> = tally.outcomes.iter().collect();
    outcomes.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let (first, most) = *outcomes.first()?;
    let mut words = match (outcomes.len(), tally.open()) {
        (1, 0) if most > 1 => format!("each {}", first.by_role(side)),
        _ => {
            let named = outcomes.iter().take(NAMED);
            let named =
                named.map(|(one, count)| format!("{} {}", text::count(*count), one.by_role(side)));
            let mut named: Vec<_> = named.collect();
            let rest: u64 = outcomes.iter().skip(NAMED).map(|(_, count)| count).sum();
            if rest > 0 {
                named.push(format!("{} otherwise", text::count(rest)));
            }
            named.join(", ")
        }
    };
    let took = match tally.ended_established {
        0 => &tally.connecting_for,
        _ => &tally.established_for,
    };
    let (p50, p99) = (took.percentile(50.0), took.percentile(99.0));
    words.push_str(&text::after(took.count(), p50, p99));
    words.push_str(&bytes(tally, first).unwrap_or_default());
    Some(words)
}

/// Where the outcome does not say it already.
fn bytes(tally: &Tally, outcome: Outcome) -> Option<String> {
    let silent = matches!(
        outcome,
        Outcome::ClosedByUsBeforeAnyByte | Outcome::ClosedByPeerBeforeAnyByte
    );
    let (out, back) = (&tally.payload_out, &tally.payload_in);
    let says_it = silent && out.max == 0 && back.max == 0;
    if says_it || tally.ended_established == 0 {
        return None;
    }
    Range::payload(out, back).map(|bytes| format!(", {bytes}"))
}
