// SPDX-License-Identifier: MIT
//! A line now and then beside work that may print nothing for long, so that
//! nobody takes it to hang.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

/// Between two lines: less than the half minute after which people wonder.
const INTERVAL: Duration = Duration::from_secs(20);

/// Does the work, and prints "… still running: NAME, 20 s" beside it.
pub(crate) fn beside<T>(name: &str, work: impl FnOnce() -> T) -> T {
    every(INTERVAL, work, |so_far| {
        println!("… still running: {name}, {} s", so_far.as_secs());
    })
}

fn every<T>(interval: Duration, work: impl FnOnce() -> T, beat: impl Fn(Duration) + Send) -> T {
    let started = Instant::now();
    thread::scope(|scope| {
        // Dropped when the work is done or panics, which ends the thread.
        let (_done, ended) = mpsc::channel::<()>();
        scope.spawn(move || {
            while ended.recv_timeout(interval) == Err(RecvTimeoutError::Timeout) {
                beat(started.elapsed());
            }
        });
        work()
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn work_is_accompanied_to_its_end_and_no_longer() {
        let beats = Mutex::new(Vec::new());
        let (first, heard) = mpsc::channel();
        let beat = |so_far| {
            beats.lock().expect("nobody panicked").push(so_far);
            let _ = first.send(());
        };
        let work = || heard.recv_timeout(Duration::from_secs(60)).is_ok();
        assert!(every(Duration::from_millis(1), work, beat));
        assert!(!beats.into_inner().expect("nobody panicked").is_empty());
    }

    #[test]
    fn short_work_is_left_alone() {
        let beat = |_| panic!("an hour has not passed");
        assert_eq!(every(Duration::from_secs(3600), || 7, beat), 7);
    }
}
