// SPDX-License-Identifier: MIT
//! Sends what waits until it is told to end: of each signal one request after the other, and neither
//! signal waits for the other. Whoever puts requests in waits for nothing.

use std::{
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::{sync::Notify, time::timeout};
use zkchurn_core::otlp::{Answer, Signal};

use super::{
    Course, Endpoint, Progress, Request,
    back_off::BackOff,
    client::{Attempt, Client},
    queue::{MOST_WAITING, Queue},
};
use crate::host::threads;

/// How often a request is tried that the collector takes and does not answer: it may be this
/// request that breaks it.
const MOST_BROKEN: u32 = 5;

/// What waits, and the thread that sends it.
pub(in crate::host) struct Sender {
    events: Arc<Lane>,
    counts: Arc<Lane>,
}

/// One signal on its way, with its own connection and its own tries.
struct Lane {
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
    course: Course,
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
        let clients = (Client::new(endpoint.clone()), Client::new(endpoint));
        Self::start_with(clients, MOST_WAITING)
    }

    fn start_with((logs, metrics): (Client, Client), limit: usize) -> std::io::Result<Self> {
        let events = Arc::new(Lane::new(Signal::Logs, limit));
        let counts = Arc::new(Lane::new(Signal::Metrics, limit));
        let theirs = (Arc::clone(&events), Arc::clone(&counts));
        threads::named("otlp").spawn(move || send_all((logs, &theirs.0), (metrics, &theirs.1)))?;
        Ok(Self { events, counts })
    }

    /// Puts a request in, or counts its events as dropped.
    pub(in crate::host) fn put(&self, request: Request) {
        match request.signal {
            Signal::Logs => self.events.put(request),
            Signal::Metrics => self.counts.put(request),
        }
    }

    /// How it goes.
    pub(in crate::host) fn progress(&self) -> Progress {
        Progress {
            events: self.events.lock().course.clone(),
            counts: self.counts.lock().course.clone(),
        }
    }

    /// Sends what waits, without waiting between tries; events that are not confirmed by
    /// `deadline`, or once one of them has failed, count as unsent.
    pub(in crate::host) fn finish(&self, deadline: Instant) -> Progress {
        self.events.end();
        self.counts.end();
        Progress {
            events: self.events.ended(deadline),
            counts: self.counts.ended(deadline),
        }
    }
}

impl Drop for Sender {
    /// The thread ends, with its sockets.
    fn drop(&mut self) {
        self.events.end();
        self.counts.end();
    }
}

impl State {
    fn is_done(&self) -> bool {
        self.has_failed || (self.queue.is_empty() && self.under_way == 0)
    }
}

impl Lane {
    fn new(signal: Signal, limit: usize) -> Self {
        Self {
            state: Mutex::new(State {
                queue: Queue::new(signal, limit),
                under_way: 0,
                course: Course::default(),
                ends: false,
                has_failed: false,
            }),
            wake: Notify::new(),
            is_done: Condvar::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, request: Request) {
        let mut state = self.lock();
        let no_room = state.queue.put(request);
        state.course.no_room = state.course.no_room.saturating_add(no_room);
        drop(state);
        self.wake.notify_one();
    }

    fn end(&self) {
        self.lock().ends = true;
        self.wake.notify_one();
    }

    /// What has become of all of it once it is done, or at the deadline.
    fn ended(&self, deadline: Instant) -> Course {
        let mut state = self.lock();
        while !state.is_done() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            let waited = self.is_done.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        let unsent = state.queue.records().saturating_add(state.under_way);
        let mut course = state.course.clone();
        course.unanswered |= state.under_way > 0;
        match state.queue.signal() {
            Signal::Logs => course.unsent = course.unsent.saturating_add(unsent),
            Signal::Metrics => course.lacks_last |= unsent > 0,
        }
        course
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
        // Of what was given up nobody knows.
        state.course.unanswered = state.course.given_up > 0;
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
            Attempt::Answered(Answer::Absent { why }, _) => {
                *broken = 0;
                state.refused(records, why);
                // Whoever sets a collector up for events alone misses no metrics.
                state.course.lacks_last = false;
                return None;
            }
            Attempt::Answered(Answer::Later { why }, asked) => {
                *broken = 0;
                (why, asked)
            }
            Attempt::Unreachable(why) => (why, None),
            Attempt::Broken(why) => {
                *broken += 1;
                state.course.unanswered = true;
                if *broken >= MOST_BROKEN && request.signal == Signal::Logs {
                    *broken = 0;
                    state.give_up(records, why.clone());
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
        let course = &mut self.course;
        let takes_some = rejected < records || records == 0;
        // One that rejects all of them takes none.
        if takes_some {
            course.trouble = None;
        } else if course.trouble.is_some() {
            course.trouble = Some(why.clone().unwrap_or_else(|| "it rejects all".to_owned()));
        }
        course.taken = course.taken.saturating_add(records - rejected.min(records));
        course.lacks_last = false;
        if rejected > 0 {
            let rejects = || format!("it rejects {rejected} of {records}");
            match self.queue.signal() {
                Signal::Logs => {
                    course.refused = course.refused.saturating_add(rejected);
                    course.why_refused = why;
                }
                Signal::Metrics => {
                    let why = why.map_or_else(rejects, |why| format!("{}: {why}", rejects()));
                    self.refused(rejected, why);
                    self.course.has_some = takes_some;
                }
            }
        }
    }

    /// Metrics are no lost records: later ones have what was in them.
    fn refused(&mut self, records: u64, why: String) {
        let course = &mut self.course;
        match self.queue.signal() {
            Signal::Logs => {
                // It takes none again by that: what was wrong is wrong still, or something else is.
                if course.trouble.is_some() {
                    course.trouble = Some(why.clone());
                }
                course.refused = course.refused.saturating_add(records);
                course.why_refused = Some(why);
            }
            Signal::Metrics => {
                course.trouble = Some(why);
                course.lacks_last = true;
                course.has_some = false;
            }
        }
    }

    /// Takes note of events that may be what breaks the collector.
    fn give_up(&mut self, records: u64, why: String) {
        let course = &mut self.course;
        course.given_up = course.given_up.saturating_add(records);
        course.why_given_up = Some(why);
    }

    fn fail(&mut self, why: String) {
        self.course.trouble = Some(why);
        self.course.has_some = false;
        self.has_failed = self.ends;
    }
}

/// Until the end.
fn send_all(events: (Client, &Lane), counts: (Client, &Lane)) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let Ok(runtime) = runtime else { return };
    runtime.block_on(async { tokio::join!(send(events.0, events.1), send(counts.0, counts.1)) });
}

/// All of one signal.
async fn send(mut client: Client, lane: &Lane) {
    let (mut back_off, mut broken) = (BackOff::default(), 0);
    loop {
        let Some(request) = lane.next() else {
            if lane.lock().ends {
                return;
            }
            lane.wake.notified().await;
            continue;
        };
        let attempt = client.post(&request).await;
        let wait = lane.note(request, attempt, (&mut back_off, &mut broken));
        match wait {
            Some(_) if lane.lock().has_failed => return,
            Some(wait) => pause(lane, wait).await,
            None => {}
        }
    }
}

/// Waits, unless the end comes.
async fn pause(lane: &Lane, wait: Duration) {
    let until = tokio::time::Instant::now() + wait;
    loop {
        let left = until.saturating_duration_since(tokio::time::Instant::now());
        if left.is_zero() || lane.lock().ends {
            return;
        }
        // More that came is no reason to try sooner.
        let _ = timeout(left, lane.wake.notified()).await;
    }
}

#[cfg(test)]
mod tests;
