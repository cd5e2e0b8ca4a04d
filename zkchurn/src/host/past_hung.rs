// SPDX-License-Identifier: MIT
//! The same for each of many, where any one may hang for good: a look into `/proc/PID` of a
//! process that holds its locks, a file on a file system that does not answer. What hangs
//! keeps its thread, and another goes on behind it.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    },
    time::{Duration, Instant},
};

use super::threads;

/// After so long without a result another thread goes on.
const NEXT_AFTER: Duration = Duration::from_millis(200);
/// What has not answered by then, after the last that has, is said to hang; or sooner, after
/// a third of the time that there is, so that there is some left for what comes then.
const HANGS_AFTER: Duration = Duration::from_secs(1);
/// Most that may hang: each keeps a thread.
const MOST_THREADS: usize = 16;

/// What came of it.
pub(super) struct Outcomes<T, R> {
    /// In the order of the items.
    pub done: Vec<(T, R)>,
    /// Those that did not answer, or were not reached.
    pub hung: Vec<T>,
}

/// Does `work` with each item, at most until `deadline`.
///
/// # Errors
///
/// The system grants no thread.
pub(super) fn each<T, R>(
    items: Vec<T>,
    deadline: Instant,
    work: impl Fn(T) -> R + Send + Sync + 'static,
) -> io::Result<Outcomes<T, R>>
where
    T: Copy + Send + Sync + 'static,
    R: Send + 'static,
{
    let (say, said) = channel();
    let shared = Arc::new(Shared {
        items,
        next: AtomicUsize::new(0),
        work,
    });
    let mut results: Vec<Option<R>> = shared.items.iter().map(|_| None).collect();
    let ended = gather(&shared, &say, &said, deadline, &mut results);
    // Nothing more is begun.
    shared.next.store(shared.items.len(), Ordering::Relaxed);
    ended?;
    let mut outcomes = Outcomes {
        done: Vec::new(),
        hung: Vec::new(),
    };
    for (item, result) in shared.items.iter().zip(results) {
        match result {
            Some(result) => outcomes.done.push((*item, result)),
            None => outcomes.hung.push(*item),
        }
    }
    Ok(outcomes)
}

struct Shared<T, W> {
    items: Vec<T>,
    /// The item that comes next.
    next: AtomicUsize,
    work: W,
}

fn gather<T, R, W>(
    shared: &Arc<Shared<T, W>>,
    say: &Sender<(usize, R)>,
    said: &Receiver<(usize, R)>,
    deadline: Instant,
    results: &mut [Option<R>],
) -> io::Result<()>
where
    T: Copy + Send + Sync + 'static,
    R: Send + 'static,
    W: Fn(T) -> R + Send + Sync + 'static,
{
    let mut threads = 0;
    let mut left = results.len();
    let mut last = Instant::now();
    let hangs_after = HANGS_AFTER.min(deadline.saturating_duration_since(last) / 3);
    while left > 0 {
        let now = Instant::now();
        let all_begun = shared.next.load(Ordering::Relaxed) >= results.len();
        if now >= deadline || (now >= last + hangs_after && (all_begun || threads == MOST_THREADS))
        {
            return Ok(());
        }
        if threads == 0 || (now >= last + NEXT_AFTER && !all_begun && threads < MOST_THREADS) {
            match start(shared, say) {
                Ok(()) => threads += 1,
                Err(error) if threads == 0 => return Err(error),
                // Those that there are may still answer.
                Err(_) => {}
            }
        }
        let wait = NEXT_AFTER.min(deadline.saturating_duration_since(now));
        match said.recv_timeout(wait) {
            Ok((index, result)) => {
                last = Instant::now();
                results[index] = Some(result);
                left -= 1;
            }
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
        }
    }
    Ok(())
}

fn start<T, R, W>(shared: &Arc<Shared<T, W>>, say: &Sender<(usize, R)>) -> io::Result<()>
where
    T: Copy + Send + Sync + 'static,
    R: Send + 'static,
    W: Fn(T) -> R + Send + Sync + 'static,
{
    let (shared, say) = (Arc::clone(shared), say.clone());
    let run = move || {
        loop {
            let index = shared.next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = shared.items.get(index) else {
                return;
            };
            if say.send((index, (shared.work)(*item))).is_err() {
                return;
            }
        }
    };
    threads::named("one-by-one").spawn(run).map(drop)
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Mutex,
        mpsc::{Receiver, sync_channel},
    };

    use super::*;

    fn hanging_at(which: &'static [u32]) -> (impl Fn(u32) -> u32 + Send + Sync, impl Drop) {
        struct Release(Option<std::sync::mpsc::SyncSender<()>>);
        impl Drop for Release {
            fn drop(&mut self) {
                self.0.take();
            }
        }
        let (release, hang) = sync_channel::<()>(0);
        let hang: Mutex<Receiver<()>> = Mutex::new(hang);
        let work = move |item| {
            if which.contains(&item) {
                let _ = hang.lock().unwrap().recv();
            }
            item * 2
        };
        (work, Release(Some(release)))
    }

    fn in_a_minute() -> Instant {
        Instant::now() + Duration::from_secs(60)
    }

    #[test]
    fn those_that_hang_delay_no_other() {
        let (work, release) = hanging_at(&[0, 50, 99]);
        let outcomes = each((0..100).collect(), in_a_minute(), work).unwrap();
        assert_eq!(outcomes.hung, [0, 50, 99]);
        let done: Vec<_> = (1..99)
            .filter(|item| *item != 50)
            .map(|item| (item, item * 2))
            .collect();
        assert_eq!(outcomes.done, done);
        drop(release);
    }

    #[test]
    fn threads_and_time_are_bounded() {
        let all: &[u32] = &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17];
        let (work, release) = hanging_at(all);
        let outcomes = each((0..30).collect(), in_a_minute(), work).unwrap();
        assert_eq!(outcomes.hung.len(), 30);
        drop(release);
        let (work, release) = hanging_at(all);
        let outcomes = each((0..30).collect(), Instant::now(), work).unwrap();
        assert_eq!(outcomes.hung.len(), 30);
        drop(release);
    }

    #[test]
    fn nothing_to_do_is_done() {
        let outcomes = each(Vec::<u32>::new(), in_a_minute(), |item| item).unwrap();
        assert!(outcomes.done.is_empty() && outcomes.hung.is_empty());
    }
}
