// SPDX-License-Identifier: MIT
//! Sends what waits, one request after the other, until it is told to end. Whoever puts requests
//! in waits for nothing.

use std::{
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::{sync::Notify, time::timeout};
use zkchurn_core::otlp::{Answer, Signal};

use super::{
    Endpoint, Progress, Request,
    back_off::BackOff,
    client::{Attempt, Client},
    queue::{MOST_WAITING, Queue},
};
use crate::host::threads;

/// How often a request is tried that the collector takes and does not answer: it may be this
/// request that breaks it.
const MOST_BROKEN: u32 = 5;

/// A queue, and the thread that sends what is in it.
pub(in crate::host) struct Sender(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    /// Something came, or the end has.
    wake: Notify,
    /// All is sent, or cannot be.
    is_done: Condvar,
}

struct State {
    queue: Queue,
    /// Records of the request that is under way.
    under_way: u64,
    progress: Progress,
    /// Nothing is waited for any more.
    ends: bool,
    /// One has failed since then.
    has_failed: bool,
}

impl Sender {
    /// Starts the thread.
    ///
    /// # Errors
    ///
    /// The system grants none.
    pub(in crate::host) fn start(endpoint: Endpoint) -> std::io::Result<Self> {
        Self::start_with(Client::new(endpoint), MOST_WAITING)
    }

    fn start_with(client: Client, limit: usize) -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            state: Mutex::new(State {
                queue: Queue::new(limit),
                under_way: 0,
                progress: Progress::default(),
                ends: false,
                has_failed: false,
            }),
            wake: Notify::new(),
            is_done: Condvar::new(),
        });
        let theirs = Arc::clone(&shared);
        threads::named("otlp").spawn(move || send_all(client, &theirs))?;
        Ok(Self(shared))
    }

    /// Puts a request in, or counts its records as dropped.
    pub(in crate::host) fn put(&self, request: Request) {
        let mut state = self.0.lock();
        let no_room = state.queue.put(request);
        state.progress.no_room = state.progress.no_room.saturating_add(no_room);
        drop(state);
        self.0.wake.notify_one();
    }

    /// How it goes.
    pub(in crate::host) fn progress(&self) -> Progress {
        self.0.lock().progress.clone()
    }

    /// Sends what waits, without waiting between tries; what is not confirmed by `deadline`, or
    /// once one has failed, counts as unsent.
    pub(in crate::host) fn finish(&self, deadline: Instant) -> Progress {
        let mut state = self.0.lock();
        state.ends = true;
        self.0.wake.notify_one();
        while !state.is_done() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            let waited = self.0.is_done.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        let unsent = state.queue.records().saturating_add(state.under_way);
        let mut progress = state.progress.clone();
        progress.unsent = progress.unsent.saturating_add(unsent);
        progress
    }
}

impl State {
    fn is_done(&self) -> bool {
        self.has_failed || (self.queue.is_empty() && self.under_way == 0)
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next(&self) -> Option<Request> {
        let mut state = self.lock();
        let request = state.queue.take();
        state.under_way = request.as_ref().map_or(0, |request| request.records);
        if request.is_none() {
            self.is_done.notify_all();
        }
        request
    }

    /// Takes note of what became of a request; how long the next try has to wait, if it has to.
    fn note(
        &self,
        request: Request,
        attempt: Attempt,
        (back_off, broken): (&mut BackOff, &mut u32),
    ) -> Option<Duration> {
        let mut state = self.lock();
        state.under_way = 0;
        let records = request.records;
        let (why, asked) = match attempt {
            Attempt::Answered(Answer::Taken { rejected, why }, _) => {
                back_off.reset();
                *broken = 0;
                state.taken(records, rejected, why);
                return None;
            }
            Attempt::Answered(Answer::Refused { why }, _) => {
                *broken = 0;
                state.refused(records, why);
                return None;
            }
            Attempt::Answered(Answer::Later { why }, asked) => {
                *broken = 0;
                (why, asked)
            }
            Attempt::Unreachable(why) => (why, None),
            Attempt::Broken(why) => {
                *broken += 1;
                if *broken >= MOST_BROKEN && request.signal == Signal::Logs {
                    *broken = 0;
                    state.refused(records, why.clone());
                    state.fail(why);
                    self.is_done.notify_all();
                    return Some(back_off.next(None));
                }
                (why, None)
            }
        };
        state.queue.put_back(request);
        state.fail(why);
        self.is_done.notify_all();
        Some(back_off.next(asked))
    }
}

impl State {
    fn taken(&mut self, records: u64, rejected: u64, why: Option<String>) {
        let progress = &mut self.progress;
        progress.trouble = None;
        progress.taken = progress
            .taken
            .saturating_add(records - rejected.min(records));
        if rejected > 0 {
            progress.refused = progress.refused.saturating_add(rejected);
            progress.why_refused = why;
        }
    }

    fn refused(&mut self, records: u64, why: String) {
        self.progress.trouble = None;
        self.progress.refused = self.progress.refused.saturating_add(records);
        self.progress.why_refused = Some(why);
    }

    fn fail(&mut self, why: String) {
        self.progress.trouble = Some(why);
        self.has_failed = self.ends;
    }
}

/// Until the end, or for as long as the process lives.
fn send_all(mut client: Client, shared: &Shared) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let Ok(runtime) = runtime else { return };
    runtime.block_on(async {
        let (mut back_off, mut broken) = (BackOff::default(), 0);
        loop {
            let Some(request) = shared.next() else {
                shared.wake.notified().await;
                continue;
            };
            let attempt = client.post(&request).await;
            let wait = shared.note(request, attempt, (&mut back_off, &mut broken));
            match wait {
                Some(_) if shared.lock().has_failed => return,
                Some(wait) => pause(shared, wait).await,
                None => {}
            }
        }
    });
}

/// Waits, unless the end comes.
async fn pause(shared: &Shared, wait: Duration) {
    let until = tokio::time::Instant::now() + wait;
    loop {
        let left = until.saturating_duration_since(tokio::time::Instant::now());
        if left.is_zero() || shared.lock().ends {
            return;
        }
        // More that came is no reason to try sooner.
        let _ = timeout(left, shared.wake.notified()).await;
    }
}

#[cfg(test)]
mod tests;
