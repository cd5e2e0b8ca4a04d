// SPDX-License-Identifier: MIT
//! Our side of the helper that looks into other processes. Nothing here waits for it.

use std::{io, os::unix::net::UnixStream, process::Child, time::Duration};

use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::{
    process::{self, Kind},
    wire::{Answer, Found, Job, Task, encode, receive, send},
};
use crate::host::{
    outbox::{Outbox, Put},
    privilege::held,
    threads,
};

/// Bytes of tasks that may wait for the helper; one has below 1 KiB, or names some logs.
const MOST_WAITING: usize = 1 << 20;

/// A helper that has been started.
pub struct StartedLooker {
    child: Child,
    socket: UnixStream,
}

impl StartedLooker {
    /// Starts the helper, while this process still holds all that it needs.
    ///
    /// # Errors
    ///
    /// The system grants no process.
    pub fn start(dumps: bool) -> io::Result<Self> {
        let (child, socket) = process::start(Kind::Looker { dumps })?;
        Ok(Self { child, socket })
    }

    /// Asks for something now and waits for the answer, before there are threads.
    ///
    /// # Errors
    ///
    /// The helper has ended, or does not answer `within` that time.
    pub fn ask_now(&mut self, task: Task, within: Duration) -> io::Result<Found> {
        self.socket.set_read_timeout(Some(within))?;
        send(&mut self.socket, &Job { id: 0, task })?;
        let answer: Option<Answer> = receive(&mut self.socket)?;
        self.socket.set_read_timeout(None)?;
        Ok(answer.ok_or(io::ErrorKind::UnexpectedEof)?.found)
    }

    /// Starts the two threads that talk to it.
    ///
    /// # Errors
    ///
    /// The system grants no thread.
    pub fn connect(self) -> io::Result<Looker> {
        let answers = self.socket.try_clone()?;
        let mut looker = Looker::over(self.socket, answers)?;
        looker.child = Some(self.child);
        Ok(looker)
    }
}

/// The helper, while it is asked.
pub struct Looker {
    tasks: Outbox,
    answers: Receiver<Answer>,
    next_id: u64,
    /// Held so that it is known to be ours; nobody waits for its end.
    child: Option<Child>,
}

impl Looker {
    fn over(tasks: UnixStream, answers: UnixStream) -> io::Result<Self> {
        let (say, said) = channel(64);
        let tasks = Outbox::start("tasks", tasks, MOST_WAITING)?;
        threads::named("answers").spawn(move || {
            let _ = held::give_up_all();
            read_answers(answers, &say);
        })?;
        Ok(Self {
            tasks,
            answers: said,
            next_id: 0,
            child: None,
        })
    }

    /// Asks for something; the answers bear the number that is returned. `None` where the
    /// helper has ended or does not take any more.
    pub fn ask(&mut self, task: Task) -> Option<u64> {
        self.next_id += 1;
        let id = self.next_id;
        let message = encode(&Job { id, task }).ok()?;
        match self.tasks.put(message) {
            Put::Taken => Some(id),
            Put::Full | Put::Failed(_) => None,
        }
    }

    /// The next answer; `None` once the helper has ended.
    pub async fn answer(&mut self) -> Option<Answer> {
        self.answers.recv().await
    }

    /// Its pid, if somebody has stopped it (SIGSTOP, a debugger).
    pub fn stopped(&self) -> Option<u32> {
        let pid = self.child.as_ref().map(Child::id)?;
        process::is_stopped(pid).then_some(pid)
    }
}

fn read_answers(mut from: UnixStream, say: &Sender<Answer>) {
    while let Ok(Some(answer)) = receive(&mut from) {
        if say.blocking_send(answer).is_err() {
            return;
        }
    }
}
