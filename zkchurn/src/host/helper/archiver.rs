// SPDX-License-Identifier: MIT
//! The helper that keeps an agent's incidents: the file system may hang, and what cuts and
//! reports with it. It is given one order after another, holds no capability, and ends with
//! the agent, as does what it has started.

use std::{
    io,
    os::unix::net::UnixStream,
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError, channel},
    },
    time::{Duration, Instant},
};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::wire::{receive, send};
use crate::host::{
    incident_files::FILES_WITHIN,
    incident_store::{self, Order, Stored},
    limited_program::ASKED_EVERY,
    privilege::{held, needs::Kept},
    threads,
};

/// How long writing an incident may take: measuring and making its files, and what is done besides.
const STORED_WITHIN: Duration = Duration::from_secs(FILES_WITHIN.as_secs() + 20);
/// How long the thread that writes has after the agent's end, to end what it has started.
const ENDED_WITHIN: Duration = Duration::from_millis(1_500);

/// Keeps what it is told to, until the other side ends.
pub(super) fn serve(mut socket: UnixStream) -> io::Result<()> {
    // What is started gets no more than this (`no_new_privs`).
    held::keep_only(Kept::NOTHING)?;
    let theirs = socket.try_clone()?;
    let is_over: Arc<dyn Fn() -> bool + Send + Sync> = Arc::new(move || has_ended(&theirs));
    let mut store = Store {
        is_over: Arc::clone(&is_over),
        hangs: None,
    };
    while let Some(order) = receive::<Order>(&mut socket)? {
        let stored = store.within(STORED_WITHIN, &order);
        let kept = incident_store::call(&order, stored, &*is_over);
        send(&mut socket, &kept)?;
    }
    Ok(())
}

/// Whether the other side of the socket has ended.
fn has_ended(socket: &UnixStream) -> bool {
    let mut ready = [PollFd::new(socket, PollFlags::RDHUP)];
    let now = Timespec::default();
    let polled = poll(&mut ready, Some(&now));
    polled.is_ok()
        && ready[0]
            .revents()
            .intersects(PollFlags::RDHUP | PollFlags::HUP)
}

/// Writes in a thread that may hang, of which there is one at most.
struct Store {
    is_over: Arc<dyn Fn() -> bool + Send + Sync>,
    /// What comes of a thread that was given up.
    hangs: Option<Receiver<io::Result<Stored>>>,
}

impl Store {
    fn within(&mut self, limit: Duration, order: &Order) -> io::Result<Stored> {
        if let Some(hangs) = &self.hangs
            && matches!(hangs.try_recv(), Err(std::sync::mpsc::TryRecvError::Empty))
        {
            return Err(io::Error::other("its file system still does not answer"));
        }
        self.hangs = None;
        let (say, stored) = channel();
        let (order, is_over) = (order.clone(), Arc::clone(&self.is_over));
        threads::named("incident").spawn(move || {
            let _ = say.send(incident_store::store(&order, &*is_over));
        })?;
        match self.await_it(&stored, limit) {
            Some(result) => result,
            None => {
                self.hangs = Some(stored);
                Err(io::Error::other(format!(
                    "its file system did not answer within {} s",
                    limit.as_secs()
                )))
            }
        }
    }

    fn await_it(
        &self,
        stored: &Receiver<io::Result<Stored>>,
        limit: Duration,
    ) -> Option<io::Result<Stored>> {
        let mut deadline = Instant::now() + limit;
        let mut was_over = false;
        loop {
            match stored.recv_timeout(ASKED_EVERY) {
                Ok(result) => return Some(result),
                Err(RecvTimeoutError::Disconnected) => {
                    return Some(Err(io::Error::other("its thread has ended")));
                }
                Err(RecvTimeoutError::Timeout) if Instant::now() >= deadline => return None,
                Err(RecvTimeoutError::Timeout) => {}
            }
            if !was_over && (self.is_over)() {
                was_over = true;
                deadline = Instant::now() + ENDED_WITHIN;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_the_other_side_is_seen_and_what_it_says_is_not() {
        let (mut ours, theirs) = UnixStream::pair().unwrap();
        assert!(!has_ended(&theirs));
        send(&mut ours, &"order").unwrap();
        assert!(!has_ended(&theirs));
        drop(ours);
        assert!(has_ended(&theirs));
    }

    #[test]
    fn one_that_hangs_is_given_up_and_no_second_one_is_begun_beside_it() {
        let directory = tempfile::tempdir().unwrap();
        let order = Order::of_a_test(&directory.path().join("file"), 1 << 20);
        std::fs::write(&order.directory, "").unwrap();
        let mut store = Store {
            is_over: Arc::new(|| false),
            hangs: None,
        };
        let (say, hangs) = channel();
        store.hangs = Some(hangs);
        let why = store.within(Duration::from_secs(20), &order).unwrap_err();
        assert_eq!(why.to_string(), "its file system still does not answer");
        // Its thread has come to an end since.
        drop(say);
        let why = store.within(Duration::from_secs(20), &order).unwrap_err();
        assert!(why.to_string().contains("is a link or a file"), "{why}");
    }
}
