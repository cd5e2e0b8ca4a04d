// SPDX-License-Identifier: MIT
//! Our side of the helper that sends to a collector. Requests wait for it in a bounded queue; what
//! does not fit is dropped and counted, as that which the helper drops.

use std::{
    cell::RefCell,
    io,
    process::Child,
    rc::Rc,
    sync::mpsc::{Receiver, RecvTimeoutError},
    time::{Duration, Instant},
};

use zkchurn_core::otlp::Signal;

use super::{
    exporter::{ASK, data_of},
    process::{self, Kind},
    recorder::{CREATE, DATA, FINISH, Said},
    recording::{StartedRecorder, Unfinished, message},
};
use crate::host::{
    otlp::{Endpoint, Progress},
    outbox::{Outbox, Put},
};

/// Bytes that wait for the helper at most. It takes them at once, unless somebody has stopped it.
const MOST_WAITING: usize = 4 << 20;
/// How much earlier than this process the helper has to end.
const EARLIER: Duration = Duration::from_millis(50);

/// The helper at work; each clone is the same.
#[derive(Clone)]
pub struct Exporter(Rc<RefCell<Ours>>);

struct Ours {
    outbox: Outbox,
    said: Receiver<Said>,
    /// Nobody waits for its end, so its pid stays its own.
    helper: Option<Child>,
    /// What it said last.
    progress: Progress,
    /// Whether it was asked, and has not said yet.
    is_asked: bool,
    /// Events that found no room on their way to it.
    dropped: u64,
    /// Likewise the last counts: those before are no loss.
    lacks_last_counts: bool,
}

impl Exporter {
    /// Starts the helper, while this process has one thread still.
    ///
    /// # Errors
    ///
    /// The system grants no process.
    pub fn start() -> io::Result<StartedRecorder> {
        StartedRecorder::of(Kind::Exporter)
    }

    /// Tells it where to send to.
    ///
    /// # Errors
    ///
    /// It has ended.
    pub fn open(mut helper: StartedRecorder, endpoint: &Endpoint) -> io::Result<Self> {
        let child = helper.take_child();
        let order = message(CREATE, &serde_json::to_vec(endpoint)?);
        let (outbox, said, _) = helper.opened(order, MOST_WAITING)?;
        Ok(Self(Rc::new(RefCell::new(Ours {
            outbox,
            said,
            helper: child,
            progress: Progress::default(),
            is_asked: false,
            dropped: 0,
            lacks_last_counts: false,
        }))))
    }

    /// Hands a request over, or counts its events as dropped.
    pub fn send(&self, signal: Signal, records: u64, body: &[u8]) {
        let mut ours = self.0.borrow_mut();
        let data = message(DATA, &data_of(signal, records, body));
        let is_lost = !matches!(ours.outbox.put(data), Put::Taken);
        match signal {
            Signal::Logs if is_lost => ours.dropped = ours.dropped.saturating_add(records),
            Signal::Logs => {}
            Signal::Metrics => ours.lacks_last_counts = is_lost,
        }
    }

    /// Asks how it goes, unless that is under way.
    pub fn ask(&self) {
        let mut ours = self.0.borrow_mut();
        ours.learn(Duration::ZERO);
        if !ours.is_asked {
            ours.is_asked = matches!(ours.outbox.put(message(ASK, &[])), Put::Taken);
        }
    }

    /// Waits for the answer, at most so long.
    pub fn wait(&self, within: Duration) {
        self.0.borrow_mut().learn(within);
    }

    /// How it went when it was asked last, with what never came to the helper.
    pub fn progress(&self) -> Progress {
        let mut ours = self.0.borrow_mut();
        ours.learn(Duration::ZERO);
        ours.with_own(ours.progress.clone())
    }

    /// Whether the helper takes nothing any more.
    pub fn is_gone(&self) -> bool {
        self.0.borrow().outbox.failure().is_some()
    }

    /// Has all sent that waits, and learns what the collector lacks.
    ///
    /// # Errors
    ///
    /// The helper does not say so by `deadline`.
    pub fn finish(&self, deadline: Instant) -> Result<Progress, Unfinished> {
        let mut ours = self.0.borrow_mut();
        let left = deadline.saturating_duration_since(Instant::now());
        let within = u32::try_from(left.saturating_sub(EARLIER).as_millis()).unwrap_or(u32::MAX);
        let order = message(FINISH, &within.to_le_bytes());
        ours.outbox.put_anyway(order);
        if std::mem::take(&mut ours.is_asked) {
            // The answer to the question before comes first.
            let _ = ours.said.recv_timeout(left);
        }
        let left = deadline.saturating_duration_since(Instant::now());
        match ours.said.recv_timeout(left) {
            Ok(Said::Exported(progress)) => {
                ours.progress = *progress;
                Ok(ours.with_own(ours.progress.clone()))
            }
            Ok(_) | Err(RecvTimeoutError::Disconnected) => Err(Unfinished::Ended),
            Err(RecvTimeoutError::Timeout) => match ours.helper.as_ref().map(Child::id) {
                Some(pid) if process::is_stopped(pid) => Err(Unfinished::Stopped(pid)),
                _ => Err(Unfinished::Waits),
            },
        }
    }
}

impl Ours {
    fn learn(&mut self, within: Duration) {
        if self.is_asked
            && let Ok(Said::Exported(progress)) = self.said.recv_timeout(within)
        {
            self.is_asked = false;
            self.progress = *progress;
        }
    }

    fn with_own(&self, mut progress: Progress) -> Progress {
        let no_room = &mut progress.events.no_room;
        *no_room = no_room.saturating_add(self.dropped);
        progress.counts.lacks_last |= self.lacks_last_counts;
        progress
    }
}
