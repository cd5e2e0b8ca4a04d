// SPDX-License-Identifier: MIT
//! What the kernel counted of a connection. The names are those of the JSON.

use serde::Serialize;
use zkchurn_common::record::{ConnectionRecord, known};

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
}

impl Traffic {
    /// The counters that a record holds.
    pub fn of(record: &ConnectionRecord) -> Self {
        let is_known = |bit| record.known & bit != 0;
        Self {
            payload_out: is_known(known::PAYLOAD_OUT).then_some(record.payload_out),
            payload_in: is_known(known::PAYLOAD_IN).then_some(record.payload_in),
            retransmits: is_known(known::RETRANSMITS).then_some(record.retransmits),
            smoothed_rtt_us: is_known(known::SMOOTHED_RTT).then_some(record.smoothed_rtt_us),
            bytes_retransmitted: is_known(known::BYTES_RETRANSMITTED)
                .then_some(record.bytes_retransmitted),
            congestion_window: is_known(known::CONGESTION_WINDOW)
                .then_some(record.congestion_window),
        }
    }
}
