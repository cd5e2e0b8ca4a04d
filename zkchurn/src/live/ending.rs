// SPDX-License-Identifier: MIT
//! The end of a trace takes less than two seconds, whoever does not answer. Each of those
//! that it waits for has its part of them.

use std::time::{Duration, Instant};

/// For the names of processes that came last.
const NAMES: Duration = Duration::from_millis(300);
/// For closer looks and the list of TIME_WAIT sockets.
const LOOKS: Duration = Duration::from_millis(1_200);
/// For the recording to be written and to get its name.
const RECORDING: Duration = Duration::from_millis(1_600);
/// For the reader of standard output to take the report.
const SCREEN: Duration = Duration::from_millis(1_800);
/// How long a list of sockets may take, so that what there is comes in time.
pub(super) const LIST_WITHIN: Duration = Duration::from_millis(800);

/// Until when the end waits for whom.
pub(super) struct Ending {
    pub names: tokio::time::Instant,
    pub looks: tokio::time::Instant,
    pub recording: Instant,
    pub screen: Instant,
}

impl Ending {
    /// It begins now.
    pub(super) fn begins() -> Self {
        let (paused, now) = (tokio::time::Instant::now(), Instant::now());
        Self {
            names: paused + NAMES,
            looks: paused + LOOKS,
            recording: now + RECORDING,
            screen: now + SCREEN,
        }
    }
}
