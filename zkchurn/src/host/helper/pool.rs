// SPDX-License-Identifier: MIT
//! Threads for work that may never end. One that hangs is left hanging, and another takes
//! its place, up to a bound.

use std::{
    collections::VecDeque,
    io,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
};

use crate::host::threads;

/// Jobs that may wait for a thread.
const MOST_WAITING: usize = 4096;

/// Up to so many threads, which do the same with each job.
pub(super) struct Pool<J> {
    name: &'static str,
    most: usize,
    threads: usize,
    shared: Arc<Shared<J>>,
    work: Arc<dyn Fn(J) + Send + Sync>,
}

struct Shared<J> {
    state: Mutex<State<J>>,
    ready: Condvar,
}

struct State<J> {
    jobs: VecDeque<J>,
    idle: usize,
}

impl<J> Shared<J> {
    fn lock(&self) -> MutexGuard<'_, State<J>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next(&self) -> J {
        let mut state = self.lock();
        state.idle += 1;
        loop {
            if let Some(job) = state.jobs.pop_front() {
                state.idle -= 1;
                return job;
            }
            let woken = self.ready.wait(state);
            state = woken.unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl<J: Send + 'static> Pool<J> {
    /// A pool of at most `most` threads called `name`. None is started before there is
    /// work for it.
    pub(super) fn new(
        name: &'static str,
        most: usize,
        work: impl Fn(J) + Send + Sync + 'static,
    ) -> Self {
        Self {
            name,
            most,
            threads: 0,
            shared: Arc::new(Shared {
                state: Mutex::new(State {
                    jobs: VecDeque::new(),
                    idle: 0,
                }),
                ready: Condvar::new(),
            }),
            work: Arc::new(work),
        }
    }

    /// Has a job done. Where all threads hang it waits, for as long as they do.
    ///
    /// # Errors
    ///
    /// The system grants no thread, or too many jobs wait.
    pub(super) fn submit(&mut self, job: J) -> io::Result<()> {
        let mut state = self.shared.lock();
        if state.jobs.len() >= MOST_WAITING {
            return Err(io::Error::other("too many wait already"));
        }
        state.jobs.push_back(job);
        let all_busy = state.idle < state.jobs.len();
        drop(state);
        self.shared.ready.notify_one();
        if all_busy
            && self.threads < self.most
            && let Err(error) = self.start_thread()
            && self.threads == 0
        {
            self.shared.lock().jobs.pop_back();
            return Err(error);
        }
        Ok(())
    }

    fn start_thread(&mut self) -> io::Result<()> {
        let shared = Arc::clone(&self.shared);
        let work = Arc::clone(&self.work);
        threads::named(self.name).spawn(move || {
            loop {
                work(shared.next());
            }
        })?;
        self.threads += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::mpsc::{channel, sync_channel},
        time::Duration,
    };

    use super::*;

    const SOON: Duration = Duration::from_secs(20);

    #[test]
    fn a_job_that_hangs_delays_no_other() {
        let (done, results) = channel();
        let (release, hang) = sync_channel::<()>(0);
        let hang = Mutex::new(hang);
        let mut pool = Pool::new("test", 3, move |job: u32| {
            if job < 2 {
                let _ = hang.lock().unwrap().recv();
            }
            done.send(job).unwrap();
        });
        for job in 0..100 {
            pool.submit(job).unwrap();
        }
        let others: Vec<_> = (2..100)
            .map(|_| results.recv_timeout(SOON).unwrap())
            .collect();
        assert!(others.iter().all(|job| *job >= 2), "{others:?}");
        assert!(pool.threads <= 3);
        drop(release);
        let mut hung = [(); 2].map(|()| results.recv_timeout(SOON).unwrap());
        hung.sort_unstable();
        assert_eq!(hung, [0, 1]);
    }

    #[test]
    fn what_waits_is_bounded() {
        let (release, hang) = sync_channel::<()>(0);
        let hang = Mutex::new(hang);
        let mut pool = Pool::new("test", 1, move |(): ()| {
            let _ = hang.lock().unwrap().recv();
        });
        let refused = (0..MOST_WAITING + 2).find(|_| pool.submit(()).is_err());
        assert!(refused.is_some());
        drop(release);
    }
}
