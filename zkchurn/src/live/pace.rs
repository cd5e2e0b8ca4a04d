// SPDX-License-Identifier: MIT
//! How often the ring buffer is looked at, and when something periodic has its turn.

use std::time::Duration;

use tokio::time::Instant;
use zkchurn_common::record::RECORD_SIZE;

/// The usual pause between two looks. As long as there are records, the kernel program does
/// not wake the reader: a wake-up costs several times what recording does (docs/adr/0003).
pub(super) const POLL: Duration = Duration::from_millis(50);
/// The same after a look that found much.
pub(super) const POLL_BUSY: Duration = Duration::from_millis(5);
/// The same at first, and after the reader was woken, as long as nothing was found; and
/// for how long at most: whoever starts a trace is waiting for its first line.
pub(super) const POLL_EAGER: Duration = Duration::from_millis(2);
pub(super) const EAGER_FOR: Duration = Duration::from_millis(100);
/// For how long it looks as often once something was found: what woke it is often the beginning of a
/// connection that ends a moment later.
const ENDS_SOON: Duration = Duration::from_millis(10);
/// After so long without a record the reader dozes: the next record wakes it. To be woken twice a
/// second costs about as much as to look 20 times.
pub(super) const QUIET_FOR: Duration = Duration::from_millis(500);
/// After so long without a record nothing follows on the last one any more: the table has been
/// walked often enough.
const SETTLED_AFTER: Duration = Duration::from_secs(5);
/// The pause while it dozes: the table is walked then.
pub(super) const DOZE: Duration = Duration::from_secs(10);
/// A look that finds more than this part of the buffer full has found much.
const MUCH: u32 = 4;
/// Records that are taken before signals and timers get their turn.
pub(super) const BATCH: usize = 8_192;

/// The pace at which the ring buffer is looked at.
#[derive(Debug)]
pub(super) struct Pace {
    eager_from: Instant,
    eager_until: Instant,
    last_record: Instant,
    last_work: Instant,
    much: usize,
    pause: Duration,
    sleep: Sleep,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sleep {
    Awake,
    /// The source is to wake us, but a record that was under way may not have done so.
    Drowsy,
    Dozing,
}

impl Pace {
    /// For a ring buffer of so many KiB, from `began` on.
    pub(super) fn new(buffer_kib: u32, began: Instant) -> Self {
        Self {
            eager_from: began,
            eager_until: began + EAGER_FOR,
            last_record: began,
            last_work: began,
            much: records_in(buffer_kib / MUCH),
            pause: POLL_EAGER,
            sleep: Sleep::Awake,
        }
    }

    /// The pause before the next look.
    pub(super) fn pause(&self) -> Duration {
        self.pause
    }

    /// Whether the next look waits for the source.
    pub(super) fn dozes(&self) -> bool {
        self.sleep == Sleep::Dozing
    }

    /// Whether nothing is left to do at `now` but to wait for the source.
    pub(super) fn rests(&self, now: Instant) -> bool {
        self.dozes() && now - self.last_work >= SETTLED_AFTER
    }

    /// Takes note that the source woke us at `now`.
    pub(super) fn woken(&mut self, now: Instant) {
        if self.sleep != Sleep::Awake {
            self.eager_from = now;
            self.eager_until = now + EAGER_FOR;
            self.pause = POLL_EAGER;
        }
        self.stay_awake(now);
    }

    fn stay_awake(&mut self, now: Instant) {
        self.sleep = Sleep::Awake;
        self.last_record = now;
        self.last_work = now;
    }

    /// There is something left to do at `now`, without records too.
    pub(super) fn has_work(&mut self, now: Instant) {
        self.last_work = now;
    }

    /// Takes note that the look at `now` found so many records. Returns whether the source
    /// is to wake us from now on.
    pub(super) fn found(&mut self, records: usize, now: Instant) -> bool {
        if records > 0 {
            self.stay_awake(now);
        }
        if records > 0 {
            self.eager_until = self.eager_until.min(self.eager_from + ENDS_SOON);
        }
        let is_eager = self.pause == POLL_EAGER && now < self.eager_until;
        self.pause = match records {
            BATCH => Duration::ZERO,
            records if records > self.much => POLL_BUSY,
            _ if is_eager => POLL_EAGER,
            _ => POLL,
        };
        match self.sleep {
            Sleep::Awake if now - self.last_record >= QUIET_FOR => {
                self.sleep = Sleep::Drowsy;
                true
            }
            Sleep::Awake => false,
            Sleep::Drowsy | Sleep::Dozing => {
                self.sleep = Sleep::Dozing;
                self.pause = DOZE;
                false
            }
        }
    }
}

/// The next turn of something periodic: after a time in which this process was
/// stopped not one for each that was missed.
/// `None` where it lies beyond the end of the clock.
pub(super) fn next(last: Instant, every: Duration) -> Option<Instant> {
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

    #[test]
    fn after_a_while_without_records_the_source_wakes_the_reader() {
        let began = Instant::now();
        let mut pace = Pace::new(4096, began);
        let at = |ms| began + Duration::from_millis(ms);
        assert!(!pace.found(1, at(1_000)));
        assert!(!pace.found(0, at(1_450)));
        assert!(pace.found(0, at(1_500)), "from now on");
        assert!(!pace.dozes(), "a record may be under way");
        assert_eq!(pace.pause(), POLL);
        assert!(!pace.found(0, at(1_550)));
        assert!(pace.dozes());
        assert_eq!(pace.pause(), DOZE);
        pace.woken(at(9_000));
        assert!(!pace.dozes());
        assert!(!pace.found(1, at(9_000)));
        assert_eq!(pace.pause(), POLL_EAGER, "it may end in a moment");
        assert!(!pace.found(0, at(9_008)));
        assert_eq!(pace.pause(), POLL_EAGER);
        assert!(!pace.found(0, at(9_010)));
        assert_eq!(pace.pause(), POLL, "or later");
        assert!(!pace.found(1, at(9_012)));
        assert_eq!(pace.pause(), POLL, "and not again");
    }

    #[test]
    fn what_follows_on_a_record_is_done_while_the_reader_dozes() {
        let began = Instant::now();
        let mut pace = Pace::new(4096, began);
        let at = |ms| began + Duration::from_millis(ms);
        pace.found(1, at(1_000));
        assert!(!pace.rests(at(9_000)), "it looks");
        pace.found(0, at(1_500));
        pace.found(0, at(1_550));
        assert!(pace.dozes() && !pace.rests(at(5_999)));
        assert!(pace.rests(at(6_000)));
        pace.has_work(at(5_900));
        assert!(pace.dozes() && !pace.rests(at(10_899)));
        assert!(pace.rests(at(10_900)));
    }
}
