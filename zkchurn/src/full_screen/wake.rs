// SPDX-License-Identifier: MIT
//! Waking the loop of the view while it waits for keys: a byte on a socket.

use std::{
    io::{self, Read, Write},
    os::{
        fd::{AsFd, BorrowedFd},
        unix::net::UnixStream,
    },
    sync::Arc,
};

use signal_hook::low_level::pipe;

/// The end that is waited on.
#[derive(Debug)]
pub(crate) struct Wake(UnixStream);

/// The other end; each clone is the same.
#[derive(Clone, Debug)]
pub(crate) struct Waker(Arc<UnixStream>);

/// Both ends.
///
/// # Errors
///
/// The system grants no socket.
pub(crate) fn pair() -> io::Result<(Waker, Wake)> {
    let (ours, theirs) = UnixStream::pair()?;
    ours.set_nonblocking(true)?;
    theirs.set_nonblocking(true)?;
    Ok((Waker(Arc::new(ours)), Wake(theirs)))
}

impl Waker {
    /// Wakes whoever waits, or will wait next. Never waits itself: a socket that is full
    /// wakes as well.
    pub(crate) fn wake(&self) {
        let _ = (&*self.0).write(&[0]);
    }

    /// Has a signal wake, too. In a program of several threads it interrupts any of them.
    ///
    /// # Errors
    ///
    /// The system grants no handler.
    pub(super) fn wake_at(&self, signal: i32) -> io::Result<()> {
        pipe::register(signal, self.0.try_clone()?).map(drop)
    }
}

impl Wake {
    /// What to wait on.
    pub(super) fn socket(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }

    /// Whether it was woken since the last time.
    pub(super) fn is_woken(&mut self) -> bool {
        let mut is_woken = false;
        let mut bytes = [0; 64];
        while let Ok(1..) = self.0.read(&mut bytes) {
            is_woken = true;
        }
        is_woken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_woken_once_however_often_and_never_waited_for() {
        let (waker, mut wake) = pair().unwrap();
        assert!(!wake.is_woken());
        (0..1_000_000).for_each(|_| waker.wake());
        assert!(wake.is_woken());
        assert!(!wake.is_woken());
    }
}
