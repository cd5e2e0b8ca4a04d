// SPDX-License-Identifier: MIT
//! Bytes on their way to somebody who may be slow, or never take them: a bounded queue,
//! and a thread that writes it out. Who puts something in never waits.
//!
//! The thread waits in write(2) for as long as the reader likes. On pipes, sockets and
//! terminals that wait ends with the process, so nobody joins the thread.

use std::{
    collections::VecDeque,
    io::{self, ErrorKind, Write},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use super::{privilege::held, threads};

/// A bounded queue in front of a writer.
#[derive(Clone)]
pub struct Outbox {
    shared: Arc<Shared>,
    limit: usize,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Vec<u8>>,
    /// Bytes in the queue and in the hands of the thread.
    bytes: usize,
    failure: Option<io::Error>,
}

/// What became of something that was put in.
#[derive(Debug)]
pub enum Put {
    /// It is on its way.
    Taken,
    /// There is no room: it was not taken.
    Full,
    /// Writing has failed before: nothing goes out any more.
    Failed(io::Error),
}

/// What became of all that was put in.
#[derive(Debug)]
pub enum Drained {
    /// It is written.
    All,
    /// Writing failed.
    Failed(io::Error),
    /// The time is up, and the writer has not taken everything.
    Waiting,
}

impl Outbox {
    /// Starts the thread, called `name`, which writes to `to`. The queue holds `limit`
    /// bytes.
    ///
    /// # Errors
    ///
    /// The system grants no thread.
    pub fn start(name: &str, to: impl Write + Send + 'static, limit: usize) -> io::Result<Self> {
        Self::start_joining(name, to, limit, TOGETHER)
    }

    /// The same, with a write of its own for whatever is put in.
    ///
    /// # Errors
    ///
    /// As [`Self::start`].
    pub fn start_each(
        name: &str,
        to: impl Write + Send + 'static,
        limit: usize,
    ) -> io::Result<Self> {
        Self::start_joining(name, to, limit, 0)
    }

    fn start_joining(
        name: &str,
        mut to: impl Write + Send + 'static,
        limit: usize,
        together: usize,
    ) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            changed: Condvar::new(),
        });
        let theirs = Arc::clone(&shared);
        let run = move || {
            // What it writes to is open. Where that fails it writes with what it has.
            let _ = held::give_up_all();
            theirs.write_out(&mut to, together);
        };
        threads::named(name).spawn(run)?;
        Ok(Self { shared, limit })
    }

    /// Puts bytes in, all or none of them.
    pub fn put(&self, bytes: Vec<u8>) -> Put {
        self.put_within(bytes, self.limit)
    }

    /// Puts bytes in, whether there is room or not: for what comes once, at the end.
    pub fn put_anyway(&self, bytes: Vec<u8>) -> Put {
        self.put_within(bytes, usize::MAX)
    }

    fn put_within(&self, bytes: Vec<u8>, limit: usize) -> Put {
        let mut state = self.shared.lock();
        if let Some(failure) = &state.failure {
            return Put::Failed(same(failure));
        }
        let held = state.bytes.saturating_add(bytes.len());
        if held > limit && state.bytes > 0 {
            return Put::Full;
        }
        if !bytes.is_empty() {
            state.bytes = held;
            state.queue.push_back(bytes);
            drop(state);
            self.shared.changed.notify_all();
        }
        Put::Taken
    }

    /// Bytes that are not written yet.
    pub fn waiting(&self) -> usize {
        self.shared.lock().bytes
    }

    /// Why nothing goes out any more, if that is so.
    pub fn failure(&self) -> Option<io::Error> {
        self.shared.lock().failure.as_ref().map(same)
    }

    /// Waits until all is written, at most until `deadline`.
    pub fn drain(&self, deadline: Instant) -> Drained {
        let mut state = self.shared.lock();
        loop {
            if let Some(failure) = &state.failure {
                return Drained::Failed(same(failure));
            }
            if state.bytes == 0 {
                return Drained::All;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Drained::Waiting;
            }
            let waited = self.shared.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Until writing fails, or for as long as the process lives.
    fn write_out(&self, to: &mut impl Write, together: usize) {
        loop {
            let mut state = self.lock();
            while state.queue.is_empty() {
                let woken = self.changed.wait(state);
                state = woken.unwrap_or_else(PoisonError::into_inner);
            }
            let mut queue = std::mem::take(&mut state.queue);
            drop(state);
            while let Some(bytes) = next_of(&mut queue, together) {
                let written = to.write_all(&bytes).and_then(|()| to.flush());
                let mut state = self.lock();
                state.bytes -= bytes.len();
                if let Err(failure) = written {
                    state.failure = Some(failure);
                    state.queue.clear();
                    state.bytes = 0;
                    drop(state);
                    self.changed.notify_all();
                    return;
                }
                drop(state);
                self.changed.notify_all();
            }
        }
    }
}

/// Bytes that are written together at most, where they wait in smaller pieces.
const TOGETHER: usize = 256 * 1024;

fn next_of(queue: &mut VecDeque<Vec<u8>>, together: usize) -> Option<Vec<u8>> {
    let mut bytes = queue.pop_front()?;
    while let Some(next) = queue.pop_front_if(|next| bytes.len() + next.len() <= together) {
        bytes.extend_from_slice(&next);
    }
    Some(bytes)
}

/// An error cannot be cloned; what is told of it can.
fn same(error: &io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(number) => io::Error::from_raw_os_error(number),
        None => match error.kind() {
            ErrorKind::Other => io::Error::other(error.to_string()),
            kind => kind.into(),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::Read,
        os::unix::net::UnixStream,
        time::{Duration, Instant},
    };

    use super::*;

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(20)
    }

    #[test]
    fn all_comes_out_in_order() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let outbox = Outbox::start("out", ours, 1 << 20).unwrap();
        for text in ["one ", "", "two ", "three"] {
            assert!(matches!(outbox.put(text.into()), Put::Taken));
        }
        assert!(matches!(outbox.drain(soon()), Drained::All));
        let mut read = [0; 13];
        theirs.read_exact(&mut read).unwrap();
        assert_eq!(&read, b"one two three");
    }

    #[test]
    fn each_has_a_write_of_its_own_where_that_matters() {
        let mut queue: VecDeque<Vec<u8>> = [b"one".to_vec(), b"two".to_vec()].into();
        assert_eq!(next_of(&mut queue.clone(), TOGETHER).unwrap(), b"onetwo");
        assert_eq!(next_of(&mut queue, 0).unwrap(), b"one");
        assert_eq!(next_of(&mut queue, 0).unwrap(), b"two");
        assert_eq!(next_of(&mut queue, 0), None);
    }

    #[test]
    fn nobody_waits_for_a_reader_that_does_not_read() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let outbox = Outbox::start("out", ours, 1 << 20).unwrap();
        let full = (0..64).find(|_| matches!(outbox.put(vec![0; 1 << 18]), Put::Full));
        assert!(full.is_some(), "what fits is bounded");
        assert!(matches!(outbox.put_anyway(vec![1]), Put::Taken));
        let now = Instant::now();
        assert!(matches!(outbox.drain(now), Drained::Waiting));
        drop(theirs);
        assert!(matches!(outbox.drain(soon()), Drained::Failed(_)));
        assert!(matches!(outbox.put(vec![1]), Put::Failed(_)));
        assert_eq!(outbox.failure().unwrap().kind(), ErrorKind::BrokenPipe);
    }

    #[test]
    fn what_is_larger_than_the_queue_passes_an_empty_one() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let outbox = Outbox::start("out", ours, 10).unwrap();
        assert!(matches!(outbox.put(vec![7; 100]), Put::Taken));
        theirs.read_exact(&mut [0; 100]).unwrap();
        assert!(matches!(outbox.drain(soon()), Drained::All));
    }
}
