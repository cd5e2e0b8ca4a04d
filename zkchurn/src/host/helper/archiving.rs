// SPDX-License-Identifier: MIT
//! Our side of the helper that keeps an agent's incidents. Nothing here waits for it.

use std::{
    io,
    os::unix::net::UnixStream,
    process::Child,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use super::{
    process::{self, Kind},
    wire::{encode, receive},
};
use crate::host::{
    incident_store::{Kept, Order},
    outbox::{Outbox, Put},
    privilege::held,
    threads,
};

/// Bytes of an order at most; its sentences are some KiB.
const MOST_WAITING: usize = 1 << 20;

/// A helper that has been started.
pub struct StartedArchiver {
    child: Option<Child>,
    socket: UnixStream,
}

/// The helper at work. It has one order at most.
pub struct Archiver {
    orders: Outbox,
    state: Arc<State>,
    /// Nobody waits for its end, so its pid stays its own.
    child: Option<Child>,
}

#[derive(Default)]
struct State {
    is_at_work: AtomicBool,
    has_ended: AtomicBool,
}

impl StartedArchiver {
    /// Starts the helper.
    ///
    /// # Errors
    ///
    /// The system grants no process.
    pub fn start() -> io::Result<Self> {
        let (child, socket) = process::start(Kind::Archiver)?;
        let child = Some(child);
        Ok(Self { child, socket })
    }

    /// Starts the two threads that talk to it; `tell` is what one of them does with what has
    /// become of an order.
    ///
    /// # Errors
    ///
    /// The system grants no thread.
    pub fn connect(self, mut tell: impl FnMut(Kept) + Send + 'static) -> io::Result<Archiver> {
        let mut answers = self.socket.try_clone()?;
        let state = Arc::new(State::default());
        let theirs = Arc::clone(&state);
        threads::named("archived").spawn(move || {
            let _ = held::give_up_all();
            while let Ok(Some(kept)) = receive::<Kept>(&mut answers) {
                tell(kept);
                theirs.is_at_work.store(false, Ordering::Release);
            }
            theirs.has_ended.store(true, Ordering::Release);
        })?;
        Ok(Archiver {
            orders: Outbox::start("orders", self.socket, MOST_WAITING)?,
            state,
            child: self.child,
        })
    }
}

impl Archiver {
    /// Has an incident kept; `false` where the helper takes nothing any more.
    pub fn keep(&mut self, order: &Order) -> bool {
        let Ok(message) = encode(order) else {
            return false;
        };
        self.state.is_at_work.store(true, Ordering::Release);
        matches!(self.orders.put(message), Put::Taken)
    }

    /// Whether it has not answered to its order.
    pub fn is_at_work(&self) -> bool {
        self.state.is_at_work.load(Ordering::Acquire)
    }

    /// Whether it is gone.
    pub fn has_ended(&self) -> bool {
        self.state.has_ended.load(Ordering::Acquire)
    }

    /// Its pid, if somebody has stopped it (SIGSTOP, a debugger).
    pub fn stopped(&self) -> Option<u32> {
        let pid = self.child.as_ref().map(Child::id)?;
        process::is_stopped(pid).then_some(pid)
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::mpsc::channel, time::Duration};

    use super::*;
    use crate::host::helper::wire::send;

    #[test]
    fn what_became_of_an_order_is_told_once_and_the_end_is_seen() {
        let (socket, mut theirs) = UnixStream::pair().unwrap();
        let started = StartedArchiver {
            child: None,
            socket,
        };
        let (say, told) = channel();
        let mut archiver = started
            .connect(move |kept: Kept| say.send(kept.wrong).unwrap())
            .unwrap();
        assert!(!archiver.is_at_work() && !archiver.has_ended());
        assert!(archiver.keep(&Order::of_a_test("/no/such".as_ref(), 0)));
        assert!(archiver.is_at_work());
        let order: Order = receive(&mut theirs).unwrap().unwrap();
        assert_eq!(order.key, "refused-java");
        let kept = Kept {
            path: None,
            wrong: vec!["no room".to_owned()],
        };
        send(&mut theirs, &kept).unwrap();
        let soon = Duration::from_secs(20);
        assert_eq!(told.recv_timeout(soon).unwrap(), ["no room"]);
        drop(theirs);
        // The thread lets go of its end once it has taken note.
        assert!(told.recv_timeout(soon).is_err());
        assert!(!archiver.is_at_work());
    }
}
