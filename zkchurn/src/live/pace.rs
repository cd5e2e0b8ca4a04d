// SPDX-License-Identifier: MIT
//! How often the ring buffer is looked at, and when something periodic has its turn.

use std::time::Duration;

use tokio::time::Instant;
use zkchurn_common::record::RECORD_SIZE;

/// The usual pause between two looks. The kernel program never wakes the reader: a
/// wake-up costs several times what recording does (docs/adr/0003).
pub const POLL: Duration = Duration::from_millis(50);
/// The same after a look that found much.
pub const POLL_BUSY: Duration = Duration::from_millis(5);
/// The same as long as nothing was found, and for how long at most: whoever starts a
/// trace is waiting for its first line.
pub const POLL_EAGER: Duration = Duration::from_millis(2);
pub const EAGER_FOR: Duration = Duration::from_millis(100);
/// A look that finds more than this part of the buffer full has found much.
const MUCH: u32 = 4;
/// Records that are taken before signals and timers get their turn.
pub const BATCH: usize = 8_192;

/// The pace at which the ring buffer is looked at.
#[derive(Debug)]
pub struct Pace {
    began: Instant,
    much: usize,
    pause: Duration,
}

impl Pace {
    /// For a ring buffer of so many KiB, from `began` on.
    pub fn new(buffer_kib: u32, began: Instant) -> Self {
        Self {
            began,
            much: records_in(buffer_kib / MUCH),
            pause: POLL_EAGER,
        }
    }

    /// The pause before the next look.
    pub fn pause(&self) -> Duration {
        self.pause
    }

    /// Takes note that the look at `now` found so many records.
    pub fn found(&mut self, records: usize, now: Instant) {
        let is_eager = self.pause == POLL_EAGER && now - self.began < EAGER_FOR;
        self.pause = match records {
            BATCH => Duration::ZERO,
            records if records > self.much => POLL_BUSY,
            0 if is_eager => POLL_EAGER,
            _ => POLL,
        };
    }
}

/// The next turn of something periodic: after a time in which this process was
/// stopped not one for each that was missed.
/// `None` where it lies beyond the end of the clock.
pub fn next(last: Instant, every: Duration) -> Option<Instant> {
    let next = last.checked_add(every)?;
    match next.checked_duration_since(Instant::now()) {
        Some(_) => Some(next),
        None => Instant::now().checked_add(every),
    }
}

/// How many records fill so many KiB of the ring buffer, each with its header of 8 bytes
/// (kernel/bpf/ringbuf.c, `struct bpf_ringbuf_hdr`).
fn records_in(kib: u32) -> usize {
    kib as usize * 1024 / (RECORD_SIZE + 8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_missed_while_stopped_is_not_made_up_for() {
        let every = Duration::from_secs(10);
        let now = Instant::now();
        assert_eq!(next(now, every), Some(now + every));
        let stopped = now - 6 * every;
        assert!(next(stopped, every) >= Some(now + every));
        assert_eq!(next(now, Duration::MAX), None, "never again");
    }

    #[test]
    fn the_pace_follows_what_is_found() {
        let began = Instant::now();
        let mut pace = Pace::new(4096, began);
        let mut after = |records, ms| {
            pace.found(records, began + Duration::from_millis(ms));
            pace.pause()
        };
        assert_eq!(after(0, 2), POLL_EAGER, "nothing yet");
        assert_eq!(after(0, 101), POLL, "eager for a tenth of a second only");
        assert_eq!(after(0, 102), POLL, "and not again");
        assert_eq!(after(records_in(1024) + 1, 200), POLL_BUSY);
        assert_eq!(after(BATCH, 205), Duration::ZERO, "there is more");
        assert_eq!(after(1, 205), POLL);
    }
}
