// SPDX-License-Identifier: MIT
//! The keyboard. crossterm takes the end of a terminal for an empty read and reads again for
//! ever, and the terminal can go between any check and its next read. It also waits for the rest
//! of a sequence of which only a part has come, or that it does not know. So it reads in a
//! thread, which nobody waits for.

use std::{
    collections::VecDeque,
    io,
    sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    time::Duration,
};

use crossterm::event::{self, Event};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
};

use super::wake::Wake;
use crate::host::threads;

/// Events that are taken at once.
const AT_ONCE: usize = 64;
/// How long the reader is waited for: what is there it has long read then.
const WAITED_FOR: Duration = Duration::from_millis(20);

/// What was typed.
pub(super) struct Keyboard {
    ask: SyncSender<()>,
    typed: Receiver<io::Result<Vec<Event>>>,
    /// Whether the reader was asked and has not answered.
    is_asked: bool,
    /// Was read and not yet taken.
    pending: VecDeque<Event>,
}

impl Keyboard {
    /// # Errors
    ///
    /// The system grants no thread.
    pub(super) fn new() -> io::Result<Self> {
        let (ask, asked) = sync_channel(1);
        let (tell, typed) = sync_channel(1);
        let read = move || {
            while asked.recv().is_ok() && tell.send(what_is_there()).is_ok() {}
        };
        threads::named("keyboard").spawn(read)?;
        Ok(Self {
            ask,
            typed,
            is_asked: false,
            pending: VecDeque::new(),
        })
    }

    /// Waits for a key, for being woken, a signal or the end of `wait`.
    ///
    /// # Errors
    ///
    /// The terminal is gone.
    pub(super) fn wait(&mut self, wait: Option<Duration>, wake: &Wake) -> io::Result<()> {
        let wait = if self.pending.is_empty() {
            wait
        } else {
            Some(Duration::ZERO)
        };
        wait_for_input(wait, wake)?;
        if self.pending.is_empty() {
            self.pending = self.read()?.into();
        }
        Ok(())
    }

    /// Takes what was typed first.
    pub(super) fn take(&mut self) -> Option<Event> {
        self.pending.pop_front()
    }

    /// Reads what is there. A reader that waits is asked again another time.
    ///
    /// # Errors
    ///
    /// The terminal is gone.
    pub(super) fn read(&mut self) -> io::Result<Vec<Event>> {
        if !self.is_asked {
            self.ask.send(()).map_err(io::Error::other)?;
            self.is_asked = true;
        }
        match self.typed.recv_timeout(WAITED_FOR) {
            Ok(events) => {
                self.is_asked = false;
                events
            }
            Err(RecvTimeoutError::Timeout) => is_still_there().map(|()| Vec::new()),
            Err(error) => Err(io::Error::other(error)),
        }
    }
}

fn what_is_there() -> io::Result<Vec<Event>> {
    let mut events = Vec::new();
    while events.len() < AT_ONCE {
        match event::poll(Duration::ZERO) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => break,
            is_there => {
                if !is_there? {
                    break;
                }
            }
        }
        events.push(event::read()?);
    }
    Ok(events)
}

fn wait_for_input(wait: Option<Duration>, wake: &Wake) -> io::Result<()> {
    let stdin = io::stdin();
    let socket = wake.socket();
    let mut terminal = [
        PollFd::new(&stdin, PollFlags::IN),
        PollFd::new(&socket, PollFlags::IN),
    ];
    let wait = wait.map(Timespec::try_from).transpose();
    let wait = wait.map_err(io::Error::other)?;
    match poll(&mut terminal, wait.as_ref()) {
        Err(Errno::INTR) => Ok(()),
        ready => {
            ready?;
            not_gone(&terminal[0])
        }
    }
}

/// Whether the terminal is still there.
pub(super) fn is_still_there() -> io::Result<()> {
    let stdin = io::stdin();
    let mut terminal = [PollFd::new(&stdin, PollFlags::empty())];
    match poll(&mut terminal, Some(&Timespec::default())) {
        Err(Errno::INTR) => Ok(()),
        ready => {
            ready?;
            not_gone(&terminal[0])
        }
    }
}

fn not_gone(terminal: &PollFd<'_>) -> io::Result<()> {
    let gone = PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL;
    match terminal.revents().intersects(gone) {
        true => Err(io::ErrorKind::UnexpectedEof.into()),
        false => Ok(()),
    }
}
