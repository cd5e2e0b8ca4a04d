// SPDX-License-Identifier: MIT
//! What was open when a window ended, as records behind its end tell it: a connection has its
//! first record up to some seconds after it began, or only when it ends.

use zkchurn_common::{
    record::{ConnectionRecord, STAGE_FOUND_CLOSED, STAGE_SEEN_OPEN, TOLD_NOTHING, known},
    state,
};

use crate::connection::Connection;

/// So much behind the end is read: the walks of a large table are 20 s apart at most
/// (docs/adr/0023), and what they find is written some time later.
pub(super) const AHEAD_NS: u64 = 30_000_000_000;

/// What tells of the end, or counts until then.
const OF_END: u32 = known::ERROR | known::SOFT_ERROR | known::ENDING;
const OF_TRAFFIC: u32 = known::PAYLOAD_OUT
    | known::PAYLOAD_IN
    | known::RETRANSMITS
    | known::SMOOTHED_RTT
    | known::CONGESTION_WINDOW
    | known::BYTES_RETRANSMITTED
    | known::SEGMENTS_OUT
    | known::ACKED
    | known::UNSENT
    | known::UNREAD;

/// The latest moment that a record tells of. Of an end that was missed it is when that was
/// found.
pub(super) fn last_moment_ns(record: &ConnectionRecord, connection: &Connection) -> u64 {
    match record.stage {
        STAGE_FOUND_CLOSED => connection.last_moment_ns().max(record.until_ns),
        _ => connection.last_moment_ns(),
    }
}

/// A connection at `until_ns`, by a later record of it. How much it had sent by then is unknown,
/// unless nothing more was to come.
pub(super) fn as_of(record: ConnectionRecord, until_ns: u64) -> ConnectionRecord {
    let by_then = |at_ns: u64| if at_ns <= until_ns { at_ns } else { 0 };
    let established_ns = by_then(record.established_ns);
    let left_established_ns = by_then(record.left_established_ns);
    let local_close_ns = by_then(record.local_close_ns);
    let mut unknown = OF_END;
    let mut unseen = state::bit(state::CLOSE);
    if left_established_ns == 0 {
        unknown |= OF_TRAFFIC;
        unseen |= AFTER_ESTABLISHED;
    }
    if local_close_ns == 0 {
        unknown |= known::CLOSER;
        unseen |= state::bit(state::LAST_ACK);
    }
    if established_ns == 0 && left_established_ns == 0 {
        unseen |= state::bit(state::ESTABLISHED);
    }
    ConnectionRecord {
        stage: STAGE_SEEN_OPEN,
        until_ns,
        established_ns,
        left_established_ns,
        local_close_ns,
        state_left: 0,
        states_seen: record.states_seen & !unseen,
        known: record.known & !unknown,
        ..record
    }
}

const AFTER_ESTABLISHED: u16 = state::bit(state::FIN_WAIT1)
    | state::bit(state::FIN_WAIT2)
    | state::bit(state::CLOSING)
    | state::bit(state::CLOSE_WAIT)
    | state::bit(state::LAST_ACK);

/// Whether a record tells that a connection was there of which no earlier one told. What is
/// older than its trace has a record of its own for that.
pub(super) fn is_first(record: &ConnectionRecord) -> bool {
    let told_before = record.known & known::TOLD != 0 && record.told != TOLD_NOTHING;
    !told_before && record.known & known::BEFORE_START == 0
}
