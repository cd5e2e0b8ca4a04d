// SPDX-License-Identifier: MIT
//! What was seen of some connections, in one sentence: how many, how they ended, after
//! how long, and with how many bytes.

use super::case::Case;
use crate::{
    connection::Side,
    ledger::{
        shape::Shape,
        tally::{Range, Tally},
    },
    outcome::Outcome,
    text,
    traffic::FIRST_WINDOW,
};

/// Outcomes that are named; the rest is a number.
const NAMED: usize = 2;

/// The sentence, without a full stop.
pub(super) fn sentence(case: &Case<'_>) -> String {
    let all = of(&case.tally, case.side, case.window_ns);
    match case.in_part {
        true => format!("at least {all}"),
        false => all,
    }
}

fn of(tally: &Tally, side: Side, window_ns: u64) -> String {
    let opened = text::counted(tally.opened(), "connection");
    let mut parts = vec![format!("{opened} in {}", text::window(window_ns))];
    parts.extend(endings(tally, side));
    match tally.open() {
        0 => {}
        open if open >= tally.opened() && tally.outcomes.iter().next().is_none() => {
            parts.push("all of them open".to_owned());
        }
        open => parts.push(format!("{} open", text::count(open))),
    }
    if let lost @ 1.. = without_end(tally) {
        parts.push(format!("of {} no end was recorded", text::count(lost)));
    }
    parts.join("; ")
}

/// Neither open nor ended, as far as records tell: those of the rest were lost, or it connects.
fn without_end(tally: &Tally) -> u64 {
    let ended: u64 = tally.outcomes.iter().map(|(_, count)| count).sum();
    tally.opened().saturating_sub(ended + tally.open())
}

/// The most frequent outcomes, with what is known of all that ended.
fn endings(tally: &Tally, side: Side) -> Option<String> {
    let mut outcomes: Vec<_> = tally.outcomes.iter().collect();
    outcomes.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let (first, most) = *outcomes.first()?;
    let took = match tally.ended_established {
        0 => &tally.connecting_for,
        _ => &tally.established_for,
    };
    let (p50, p99) = (took.percentile(50.0), took.percentile(99.0));
    let after = text::after(took.count(), p50, p99);
    let bytes = bytes(tally, first).unwrap_or_default();
    let by_role = |one: Outcome, count: u64| match tally.reset_before_sending {
        resets if resets == count && tally.payload_out.max < FIRST_WINDOW => {
            one.by_role_in_name(side)
        }
        _ => one.by_role(side),
    };
    if outcomes.len() == 1 {
        let ended = by_role(first, most);
        let ended = match (tally.open() + without_end(tally), most) {
            (0, 1) => ended,
            (0, _) => format!("each {ended}"),
            (_, most) => format!("{} {ended}", text::count(most)),
        };
        return Some(format!("{ended}{after}{bytes}"));
    }
    let named = outcomes.iter().take(NAMED);
    let named =
        named.map(|(one, count)| format!("{} {}", text::count(*count), by_role(*one, *count)));
    let mut named: Vec<_> = named.collect();
    let rest: u64 = outcomes.iter().skip(NAMED).map(|(_, count)| count).sum();
    if rest > 0 {
        named.push(format!("{} otherwise", text::count(rest)));
    }
    let named = named.join(", ");
    let ended: u64 = tally.outcomes.iter().map(|(_, count)| count).sum();
    // So that it is not taken for the last one's, nor for that of connects that failed.
    let is_part = (1..ended).contains(&tally.ended_established);
    let of = if is_part {
        "; those established ended"
    } else {
        "; ended"
    };
    let bytes = match is_part {
        true => of_established(tally, side).unwrap_or_default(),
        false => bytes,
    };
    Some(match after.is_empty() {
        true => format!("{named}{bytes}"),
        false => format!("{named}{of}{after}{bytes}"),
    })
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

/// What failed to connect has bytes, too: none.
fn of_established(tally: &Tally, side: Side) -> Option<String> {
    let is_established = |shape: &Shape| !shape.ending.is_failed_connect();
    let [client, server] = tally.shapes.bytes(is_established)?;
    let [out, back] = match side {
        Side::Client => [client, server],
        Side::Server => [server, client],
    };
    Some(format!(", {}", text::sent_and_received(out, back)))
}

#[cfg(test)]
mod tests {
    use crate::{
        connection::{Connection, Side, Stage, Told},
        diagnose::test_case::every,
        ledger::{Ledger, test_connection::established},
        outcome::Outcome,
    };

    fn seen(side: Side, connections: &[Connection]) -> String {
        let mut ledger = Ledger::default();
        for connection in connections {
            ledger.observe(&established(*connection), Outcome::StillOpen);
            if connection.stage != Stage::Established {
                ledger.observe(connection, Outcome::of(connection));
            }
        }
        super::of(&ledger.total, side, 60_000_000_000)
    }

    #[test]
    fn client_and_server_are_told_apart_on_both_sides() {
        let silent = every(1_000, 3, (0, 0, Outcome::ClosedByUsBeforeAnyByte));
        assert_eq!(
            seen(Side::Client, &silent),
            "3 connections in 60 s; each closed by the client before any byte after 2.0 ms"
        );
        let of_server = seen(Side::Server, &silent);
        assert!(
            of_server.contains("each closed by the server before"),
            "{of_server}"
        );
    }

    #[test]
    fn what_all_have_in_common_is_not_said_of_the_last_outcome() {
        let mut mixed = every(1_000, 3, (79, 98, Outcome::AnsweredThenClosedByUs));
        mixed.extend(every(1_500, 2, (79, 98, Outcome::AnsweredThenClosedByPeer)));
        assert_eq!(
            seen(Side::Client, &mixed),
            "5 connections in 60 s; 3 answered and closed by the client, 2 answered and closed by \
             the server; ended after 2.0 ms, 79 bytes sent and 98 received"
        );
    }

    #[test]
    fn times_of_those_established_are_not_said_of_connects_that_failed() {
        let mut mixed = every(1_000, 3, (0, 0, Outcome::Refused));
        mixed.extend(every(1_500, 2, (79, 98, Outcome::AnsweredThenClosedByPeer)));
        let mut ledger = Ledger::default();
        for connection in &mixed {
            ledger.observe(connection, Outcome::of(connection));
        }
        let seen = super::of(&ledger.total, Side::Client, 60_000_000_000);
        assert!(
            seen.ends_with("; those established ended after 2.0 ms, 79 bytes sent and 98 received"),
            "{seen}"
        );
    }

    /// What is in CLOSE_WAIT has bytes that the kernel has not told of.
    #[test]
    fn bytes_that_are_not_known_are_not_those_of_a_connect_that_failed() {
        let mut mixed = every(1_000, 6, (49, 41, Outcome::AnsweredThenClosedByPeer));
        for one in &mut mixed {
            (one.traffic.payload_out, one.traffic.payload_in) = (None, None);
        }
        mixed.extend(every(1_500, 1, (0, 0, Outcome::Refused)));
        let mut ledger = Ledger::default();
        for connection in &mixed {
            ledger.observe(connection, Outcome::of(connection));
        }
        let seen = super::of(&ledger.total, Side::Client, 60_000_000_000);
        assert!(!seen.contains("byte"), "{seen}");
    }

    #[test]
    fn what_has_no_end_on_record_did_not_end_like_the_rest() {
        let silent = every(1_000, 3, (0, 0, Outcome::ClosedByUsBeforeAnyByte));
        let mut ledger = Ledger::default();
        for (connection, is_lost) in silent.iter().zip([false, true, false]) {
            let mut begun = established(*connection);
            (begun.stage, begun.told) = (Stage::SeenOpen, Some(Told::Nothing));
            (begun.established_ns, begun.state_left) = (None, zkchurn_common::state::SYN_SENT);
            begun.states_seen = 0;
            ledger.observe(&begun, Outcome::StillOpen);
            if !is_lost {
                let mut ended = *connection;
                ended.told = Some(Told::Connecting);
                ledger.observe(&ended, Outcome::of(&ended));
            }
        }
        assert_eq!(
            super::of(&ledger.total, Side::Client, 60_000_000_000),
            "3 connections in 60 s; 2 closed by the client before any byte after 2.0 ms; of 1 no \
             end was recorded"
        );
    }

    #[test]
    fn one_and_none_that_ended_have_no_number() {
        let one = every(1_000, 1, (0, 0, Outcome::ClosedByUsBeforeAnyByte));
        let one = seen(Side::Client, &one);
        assert!(one.starts_with("1 connection in 60 s; closed by"), "{one}");
        let open = every(1_000, 2, (0, 0, Outcome::ClosedByUs));
        let open: Vec<_> = open.into_iter().map(established).collect();
        let open = seen(Side::Client, &open);
        assert_eq!(open, "2 connections in 60 s; all of them open");
    }
}
