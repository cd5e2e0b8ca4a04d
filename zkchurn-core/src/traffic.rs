// SPDX-License-Identifier: MIT
//! What the kernel counted of a connection. The names are those of the JSON.

use serde::Serialize;
use zkchurn_common::{
    record::{ConnectionRecord, SIDE_OPENED, known},
    state,
};

/// Payload bytes that a peer takes before it may have no room, though it reads nothing: its first
/// window, 10 segments (net/ipv4/tcp_output.c, `tcp_default_init_rwnd`; later kernels give more).
pub const FIRST_WINDOW: u64 = 14_600;

/// The counters of a socket when its connection ended; each is `None` where the kernel
/// does not tell, or before the end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Traffic {
    /// Payload bytes sent, each counted once.
    pub payload_out: Option<u64>,
    /// Payload bytes received in order.
    pub payload_in: Option<u64>,
    /// Segments sent again, SYN included.
    pub retransmits: Option<u32>,
    /// Smoothed round-trip time in microseconds.
    pub smoothed_rtt_us: Option<u32>,
    /// Payload bytes sent again.
    pub bytes_retransmitted: Option<u64>,
    /// Congestion window in segments.
    pub congestion_window: Option<u32>,
    /// Segments sent, SYN and those sent again included.
    pub segments_out: Option<u32>,
    /// Payload bytes that the program wrote and that were never sent.
    pub unsent: Option<u32>,
    /// Payload bytes received that the program never read.
    pub unread: Option<u32>,
    /// Bytes that were sent and not acknowledged; no count of its own in the JSON, where they
    /// are part of `payload_out`.
    #[serde(skip)]
    pub in_flight: Option<u32>,
}

impl Traffic {
    /// The counters that a record holds.
    pub fn of(record: &ConnectionRecord) -> Self {
        let is_known = |bit| record.known & bit != 0;
        Self {
            payload_out: payload_out(record),
            payload_in: is_known(known::PAYLOAD_IN).then_some(record.payload_in),
            retransmits: is_known(known::RETRANSMITS).then_some(record.retransmits),
            smoothed_rtt_us: is_known(known::SMOOTHED_RTT).then_some(record.smoothed_rtt_us),
            bytes_retransmitted: is_known(known::BYTES_RETRANSMITTED)
                .then_some(record.bytes_retransmitted),
            congestion_window: is_known(known::CONGESTION_WINDOW)
                .then_some(record.congestion_window),
            segments_out: is_known(known::SEGMENTS_OUT).then_some(record.segments_out),
            unsent: is_known(known::UNSENT)
                .then(|| record.unsent - u32::from(is_fin_written(record) && record.unsent > 0)),
            unread: is_known(known::UNREAD).then_some(record.unread),
            // They came with one version, as `payload_out` has it.
            in_flight: (is_known(known::ACKED) && is_known(known::UNSENT))
                .then_some(record.in_flight),
        }
    }
}

/// What was acknowledged or is in flight, in 64 bits: what failed on this host is tried
/// again and is counted once. `bytes_sent` counts each try.
fn payload_out(record: &ConnectionRecord) -> Option<u64> {
    let is_known = |bits| record.known & bits == bits;
    if is_known(known::SEGMENTS_OUT) && record.segments_out == 0 {
        return Some(0);
    }
    if !is_known(known::ACKED | known::UNSENT) {
        return is_known(known::PAYLOAD_OUT).then_some(record.payload_out);
    }
    // An accepted socket is made after the handshake, with its SYN acknowledged.
    let syn = u64::from(record.side == SIDE_OPENED);
    let fin = u64::from(is_fin_written(record) && record.unsent == 0);
    let sent = record.acked.saturating_add(record.in_flight.into());
    Some(sent.saturating_sub(syn + fin))
}

/// Whether this side's FIN is the last that was written.
fn is_fin_written(record: &ConnectionRecord) -> bool {
    matches!(
        record.state_left,
        state::FIN_WAIT1 | state::FIN_WAIT2 | state::CLOSING | state::LAST_ACK
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::blank;

    /// A client's record that left `state_left`.
    fn record(state_left: u8, acked: u64, in_flight: u32, unsent: u32) -> ConnectionRecord {
        ConnectionRecord {
            known: known::ACKED | known::UNSENT | known::SEGMENTS_OUT,
            side: SIDE_OPENED,
            segments_out: 3,
            state_left,
            acked,
            in_flight,
            unsent,
            ..blank()
        }
    }

    #[test]
    fn syn_and_fin_are_no_payload() {
        let many = 5 << 30;
        for (state_left, acked, in_flight, unsent, expected) in [
            // The SYN alone, in flight and acknowledged.
            (state::SYN_SENT, 0, 1, 0, (0, 0)),
            (state::ESTABLISHED, 1, 0, 0, (0, 0)),
            // The FIN acknowledged, in flight, and behind what was never sent.
            (state::FIN_WAIT2, 1 + 49 + 1, 0, 0, (49, 0)),
            (state::FIN_WAIT1, 1, 49 + 1, 0, (49, 0)),
            (state::FIN_WAIT1, 1 + 40, 0, 9 + 1, (40, 9)),
            (state::LAST_ACK, 1 + many, 1, 0, (many, 0)),
            // Nothing got through before it was aborted.
            (state::ESTABLISHED, 1, 0, 45, (0, 45)),
        ] {
            let traffic = Traffic::of(&record(state_left, acked, in_flight, unsent));
            let (out, unsent) = expected;
            assert_eq!(traffic.payload_out, Some(out), "{state_left} {acked}");
            assert_eq!(traffic.unsent, Some(unsent), "{state_left} {acked}");
        }
    }

    #[test]
    fn an_accepted_socket_never_sent_its_syn() {
        let mut record = record(state::LAST_ACK, 41 + 1, 0, 0);
        record.side = zkchurn_common::record::SIDE_ACCEPTED;
        assert_eq!(Traffic::of(&record).payload_out, Some(41));
    }

    #[test]
    fn before_the_first_segment_the_numbers_are_of_another_life() {
        let mut record = record(state::SYN_SENT, 700, 5, 9);
        record.segments_out = 0;
        assert_eq!(Traffic::of(&record).payload_out, Some(0));
    }

    #[test]
    fn older_records_counted_it_in_the_kernel() {
        let mut record = record(state::FIN_WAIT2, 0, 0, 0);
        record.known = known::PAYLOAD_OUT;
        record.payload_out = 49;
        assert_eq!(Traffic::of(&record).payload_out, Some(49));
    }
}
