// SPDX-License-Identifier: MIT
//! The end of a trace takes less than two seconds, whoever does not answer. Each of those
//! that it waits for has its part of them.

use std::time::{Duration, Instant};

/// For the last lines of the kernel program's own log, with `-vv`.
const LOG: Duration = Duration::from_millis(100);
/// For telling what is open from what has ended without having been seen.
const UNSEEN_ENDS: Duration = Duration::from_millis(150);
/// For reading which connections are open, and until when those of which the walk has told
/// get a line of their own: at a hundred thousand that is no limit.
const OPEN_READ: Duration = Duration::from_millis(400);
const OPEN_TAKEN: Duration = Duration::from_millis(900);
/// For the names of processes that came last.
const NAMES: Duration = Duration::from_millis(300);
/// For closer looks and the list of TIME_WAIT sockets.
const LOOKS: Duration = Duration::from_millis(1_200);
/// For the recording to be written and to get its name.
const RECORDING: Duration = Duration::from_millis(1_600);
/// For the reader of standard output to take the report.
const SCREEN: Duration = Duration::from_millis(1_800);
/// What each of the last two has at least: on a busy machine the report itself may take most
/// of the time, which is not their fault.
const AT_LEAST: Duration = Duration::from_millis(200);
/// What each further file has that is waited for behind one that took all the time: who is well
/// answers within milliseconds, and is not to be blamed for the other.
const NEXT_AT_LEAST: Duration = Duration::from_millis(50);
/// How long a list of sockets may take, so that what there is comes in time.
pub(super) const LIST_WITHIN: Duration = Duration::from_millis(800);

/// Until when the end waits for whom.
pub(super) struct Ending {
    pub names: tokio::time::Instant,
    pub looks: tokio::time::Instant,
    pub log: Instant,
    pub unseen_ends: Instant,
    pub open_read: Instant,
    pub open_taken: Instant,
    recording: Instant,
    screen: Instant,
}

impl Ending {
    /// It begins now.
    pub(super) fn begins() -> Self {
        let (paused, now) = (tokio::time::Instant::now(), Instant::now());
        Self {
            names: paused + NAMES,
            looks: paused + LOOKS,
            log: now + LOG,
            unseen_ends: now + UNSEEN_ENDS,
            open_read: now + OPEN_READ,
            open_taken: now + OPEN_TAKEN,
            recording: now + RECORDING,
            screen: now + SCREEN,
        }
    }

    /// Until when the recording is waited for, from now on.
    pub(super) fn recording(&self) -> Instant {
        self.recording.max(Instant::now() + AT_LEAST)
    }

    /// Until when the next file is waited for, behind the recording.
    pub(super) fn next_file(&self) -> Instant {
        self.recording.max(Instant::now() + NEXT_AT_LEAST)
    }

    /// Until when the reader of standard output is waited for, from now on.
    pub(super) fn screen(&self) -> Instant {
        self.screen.max(Instant::now() + AT_LEAST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_asked_late_has_some_time_all_the_same() {
        let late = Ending {
            recording: Instant::now(),
            screen: Instant::now(),
            ..Ending::begins()
        };
        let soon = Instant::now() + AT_LEAST / 2;
        assert!(late.recording() > soon && late.screen() > soon);
        assert!(late.next_file() > Instant::now() + NEXT_AT_LEAST / 2);
        let begins = Ending::begins();
        assert_eq!(begins.recording(), begins.recording);
        assert_eq!(begins.screen(), begins.screen);
        assert_eq!(begins.next_file(), begins.recording);
    }
}
