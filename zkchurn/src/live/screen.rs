// SPDX-License-Identifier: MIT
//! Standard output, which a reader may pause for as long as it likes. Lines wait in a
//! bounded queue; what does not fit is dropped, by whole lines, and counted.

use std::{
    cell::RefCell,
    io::{self, Write},
    process::Child,
    rc::Rc,
    time::Instant,
};

use zkchurn_core::text;

use crate::{
    host::{
        helper::printing::{self, Stream},
        outbox::{Drained, Outbox, Put},
    },
    warn::warn,
};

/// Bytes that wait for the reader at most: some 20,000 lines, or 6,000 of JSON.
const MOST_WAITING: usize = 8 << 20;

/// Standard output; each clone is the same.
#[derive(Clone)]
pub(super) struct Screen(Rc<RefCell<Lines>>);

struct Lines {
    outbox: Outbox,
    /// The beginning of a line.
    begun: Vec<u8>,
    /// Lines that were dropped, and how many of them it was said of.
    dropped: u64,
    told: u64,
    /// Whether nothing is dropped any more.
    keeps_all: bool,
    /// Whoever writes to a file; none where a reader is waited for.
    helper: Option<Child>,
}

impl Screen {
    /// Starts the thread that writes to standard output.
    ///
    /// # Errors
    ///
    /// The system grants no thread, no descriptor, or no process to write a file.
    pub(super) fn start() -> io::Result<Self> {
        let writer = printing::writer(Stream::Output)?;
        let screen = Self::over(writer.to, MOST_WAITING)?;
        screen.0.borrow_mut().helper = writer.helper;
        Ok(screen)
    }

    fn over(to: impl Write + Send + 'static, limit: usize) -> io::Result<Self> {
        Ok(Self(Rc::new(RefCell::new(Lines {
            outbox: Outbox::start("output", to, limit)?,
            begun: Vec::new(),
            dropped: 0,
            told: 0,
            keeps_all: false,
            helper: None,
        }))))
    }

    /// Who did not take the end in time, and what they did.
    pub(super) fn why_waiting(&self) -> String {
        match &self.0.borrow().helper {
            Some(helper) if printing::is_stopped(helper) => format!(
                "the helper process that writes standard output (zkchurn-print, pid {}) is stopped",
                helper.id()
            ),
            Some(_) => "the file system of standard output does not answer".to_owned(),
            None => "the reader of standard output has paused".to_owned(),
        }
    }

    /// Lines that were dropped so far.
    pub(super) fn dropped(&self) -> u64 {
        self.0.borrow().dropped
    }

    /// Why nothing can be written any more, if that is so.
    pub(super) fn failure(&self) -> Option<io::Error> {
        self.0.borrow().outbox.failure()
    }

    /// From here on everything is kept, for as long as this process lives: the report.
    pub(super) fn keep_all(&self) {
        self.0.borrow_mut().keeps_all = true;
    }

    /// Says how many lines were dropped, once the reader reads again.
    pub(super) fn tell_of_dropped(&self) {
        let mut lines = self.0.borrow_mut();
        let new = lines.dropped - lines.told;
        if new > 0 && lines.outbox.waiting() < MOST_WAITING / 2 {
            lines.told = lines.dropped;
            warn(format_args!(
                "output fell behind: {} not shown; the report counts their connections",
                text::counted(new, "line")
            ));
        }
    }

    /// Waits for the reader to take the rest, at most until `deadline`.
    pub(super) fn drain(&self, deadline: Instant) -> Drained {
        let outbox = self.0.borrow().outbox.clone();
        outbox.drain(deadline)
    }
}

impl Write for Screen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut lines = self.0.borrow_mut();
        let Some(end) = bytes.iter().rposition(|byte| *byte == b'\n') else {
            lines.begun.extend_from_slice(bytes);
            return Ok(bytes.len());
        };
        let (whole, begun) = bytes.split_at(end + 1);
        let mut chunk = std::mem::replace(&mut lines.begun, begun.to_vec());
        chunk.extend_from_slice(whole);
        let count = chunk.iter().filter(|byte| **byte == b'\n').count() as u64;
        let put = match lines.keeps_all {
            true => lines.outbox.put_anyway(chunk),
            false => lines.outbox.put(chunk),
        };
        match put {
            Put::Taken => {}
            Put::Full => lines.dropped += count,
            Put::Failed(error) => return Err(error),
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.failure().map_or(Ok(()), Err)
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{BufRead, BufReader},
        os::unix::net::UnixStream,
        sync::mpsc::{Receiver, channel},
        time::Duration,
    };

    use super::*;

    /// Takes nothing until the other end of the channel is gone, however much a socket holds and
    /// whenever its thread has its turn.
    struct Paused {
        to: UnixStream,
        until: Receiver<()>,
    }

    impl Write for Paused {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _ = self.until.recv();
            self.to.write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            self.to.flush()
        }
    }

    #[test]
    fn a_reader_that_pauses_gets_whole_lines_and_the_end() {
        const LINE: usize = 1_000;
        let (ours, theirs) = UnixStream::pair().unwrap();
        let (pause, until) = channel();
        let paused = Paused { to: ours, until };
        let mut screen = Screen::over(paused, 20 * LINE).unwrap();
        let line = |number: usize| format!("{number:0width$}\n", width = LINE - 1);
        let mut written = 0;
        while screen.dropped() < 50 {
            // In halves: what is dropped is dropped by lines all the same.
            let line = line(written);
            screen.write_all(&line.as_bytes()[..500]).unwrap();
            screen.write_all(&line.as_bytes()[500..]).unwrap();
            written += 1;
        }
        screen.keep_all();
        (0..100).for_each(|_| screen.write_all(b"the report\n").unwrap());
        let now = Instant::now();
        assert!(matches!(screen.drain(now), Drained::Waiting));
        drop(pause);
        let read = BufReader::new(theirs).lines().map(Result::unwrap);
        let shown = written - screen.dropped() as usize;
        let lines: Vec<_> = read.take(shown + 100).collect();
        assert!(lines[..shown].iter().all(|line| line.len() == LINE - 1));
        assert!(lines[shown..].iter().all(|line| line == "the report"));
        let later = Instant::now() + Duration::from_secs(20);
        assert!(matches!(screen.drain(later), Drained::All));
    }
}
