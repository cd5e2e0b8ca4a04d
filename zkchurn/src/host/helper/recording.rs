// SPDX-License-Identifier: MIT
//! Our side of the helper that writes the recording. Frames wait for it in a bounded queue;
//! what does not fit is dropped, by whole frames, and counted.

use std::{
    cell::RefCell,
    io::{self, ErrorKind, Write},
    mem,
    os::unix::{ffi::OsStrExt, net::UnixStream},
    path::Path,
    process::Child,
    rc::Rc,
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    time::{Duration, Instant},
};

use super::{
    keeper::{KEEP, Keep},
    liner::{LINES, Lines},
    process::{self, Kind},
    recorder::{CREATE, DATA, FINISH, Said},
    wire::receive,
};
use crate::host::{
    outbox::{Outbox, Put},
    privilege::held,
    threads,
};

/// Bytes that wait for the file system at most: some seconds of 20,000 connections a
/// second, hours of an ordinary trace.
const MOST_WAITING: usize = 64 << 20;
/// Bytes that are gathered before they go out.
const GATHERED: usize = 256 * 1024;
/// Longest piece in one message.
const PIECE: usize = 512 * 1024;
/// How long creating the file may take.
const CREATED_WITHIN: Duration = Duration::from_secs(5);

/// A helper that has been started.
pub struct StartedRecorder {
    socket: UnixStream,
    child: Option<Child>,
}

/// Why a file was not completed.
#[derive(Debug, PartialEq, Eq)]
pub enum Unfinished {
    /// Its file system does not answer.
    Waits,
    /// Somebody has stopped the helper with this pid.
    Stopped(u32),
    /// The helper has ended.
    Ended,
}

/// The helper at work; each clone is the same. What is written to it comes out once it is
/// flushed.
#[derive(Clone)]
pub struct Recorder(Rc<RefCell<Frames>>);

struct Frames {
    outbox: Outbox,
    said: Receiver<Said>,
    /// Nobody waits for its end, so its pid stays its own.
    helper: Option<Child>,
    /// Whole frames, and how many.
    gathered: Vec<u8>,
    count: u64,
    dropped: u64,
    /// Whether it was given any.
    has_begun: bool,
}

impl StartedRecorder {
    /// Starts the helper, while this process still holds all that it needs.
    ///
    /// # Errors
    ///
    /// The system grants no process.
    pub fn start() -> io::Result<Self> {
        Self::of(Kind::Recorder)
    }

    pub(super) fn of(kind: Kind) -> io::Result<Self> {
        let (child, socket) = process::start(kind)?;
        Ok(Self {
            socket,
            child: Some(child),
        })
    }

    /// The process itself, for who has to know its pid.
    pub(super) fn take_child(&mut self) -> Option<Child> {
        self.child.take()
    }

    /// The same in a thread of this process.
    #[cfg(test)]
    pub fn here() -> io::Result<Self> {
        let (socket, theirs) = UnixStream::pair()?;
        std::thread::spawn(move || super::recorder::serve(theirs));
        let child = None;
        Ok(Self { socket, child })
    }

    /// The same for the segments of a flight recorder.
    ///
    /// # Errors
    ///
    /// The system grants no process.
    pub fn start_keeper() -> io::Result<Self> {
        Self::of(Kind::Keeper)
    }

    /// Has a flight recorder's directory opened, and waits for that.
    ///
    /// # Errors
    ///
    /// It cannot be opened, or not in time.
    pub fn keep(self, keep: &Keep) -> io::Result<Recorder> {
        let order = message(KEEP, &serde_json::to_vec(keep)?);
        Ok(self.begin(order)?.0)
    }

    /// The same for files with lines.
    ///
    /// # Errors
    ///
    /// The system grants no process.
    pub fn start_lines() -> io::Result<Self> {
        Self::of(Kind::Liner)
    }

    /// Has the directory of files with lines opened, and waits for that.
    ///
    /// # Errors
    ///
    /// It cannot be opened, or not in time.
    pub fn lines(self, lines: &Lines) -> io::Result<Recorder> {
        let order = message(LINES, &serde_json::to_vec(lines)?);
        Ok(self.begin(order)?.0)
    }

    /// Has the file created, and waits for that; `true` where it was left to root.
    ///
    /// # Errors
    ///
    /// It cannot be created, or not in time.
    pub fn create(self, path: &Path) -> io::Result<(Recorder, bool)> {
        self.begin(message(CREATE, path.as_os_str().as_bytes()))
    }

    fn begin(mut self, order: Vec<u8>) -> io::Result<(Recorder, bool)> {
        let helper = self.child.take();
        let (outbox, said, roots) = self.opened(order, MOST_WAITING)?;
        let frames = Frames {
            outbox,
            said,
            helper,
            gathered: Vec::new(),
            count: 0,
            dropped: 0,
            has_begun: false,
        };
        Ok((Recorder(Rc::new(RefCell::new(frames))), roots))
    }

    /// Gives the first order and waits for what becomes of it; then `most` bytes may wait for
    /// the helper.
    pub(super) fn opened(
        self,
        order: Vec<u8>,
        most: usize,
    ) -> io::Result<(Outbox, Receiver<Said>, bool)> {
        let mut answers = self.socket.try_clone()?;
        let (say, said) = channel();
        threads::named("recorded").spawn(move || {
            let _ = held::give_up_all();
            while let Ok(Some(said)) = receive(&mut answers) {
                if say.send(said).is_err() {
                    return;
                }
            }
        })?;
        let outbox = Outbox::start("recording", self.socket, most)?;
        outbox.put(order);
        let roots = match said.recv_timeout(CREATED_WITHIN) {
            Ok(Said::Created { roots }) => roots,
            Ok(Said::NotCreated { exists: true, .. }) => {
                return Err(ErrorKind::AlreadyExists.into());
            }
            Ok(Said::NotCreated { error, .. }) => return Err(io::Error::other(error)),
            Err(RecvTimeoutError::Timeout) => {
                return Err(io::Error::other("its file system does not answer"));
            }
            Ok(_) | Err(RecvTimeoutError::Disconnected) => {
                return Err(io::Error::other(
                    "the helper process that writes it has ended",
                ));
            }
        };
        Ok((outbox, said, roots))
    }
}

impl Recorder {
    /// Takes note that a frame is whole.
    pub fn frame_ends(&self) {
        let mut frames = self.0.borrow_mut();
        frames.count += 1;
        if frames.gathered.len() >= GATHERED {
            frames.hand_over(false);
        }
    }

    /// Why the file can no longer be written, if that is so.
    pub fn failure(&self) -> Option<String> {
        let frames = self.0.borrow();
        match frames.said.try_recv() {
            Ok(Said::Failed(error) | Said::Cut { error, .. }) => Some(error),
            _ => frames.outbox.failure().map(|error| match error.kind() {
                ErrorKind::BrokenPipe => "the helper process that writes it has ended".to_owned(),
                _ => error.to_string(),
            }),
        }
    }

    /// What a flight recorder has to say, if that is something new.
    pub fn news(&self) -> Option<Said> {
        self.0.borrow().said.try_recv().ok()
    }

    /// Why nothing goes to the helper any more, if that is so.
    pub fn helper_failure(&self) -> Option<io::Error> {
        self.0.borrow().outbox.failure()
    }

    /// Has a flight recorder take on other limits.
    pub fn keep_again(&self, keep: &Keep) {
        if let Ok(keep) = serde_json::to_vec(keep) {
            self.0.borrow().outbox.put_anyway(message(KEEP, &keep));
        }
    }

    /// Whether the helper was given anything to write: otherwise it removes the file.
    pub fn has_begun(&self) -> bool {
        self.0.borrow().has_begun
    }

    /// Frames that were dropped.
    pub fn dropped(&self) -> u64 {
        self.0.borrow().dropped
    }

    /// Hands everything over, the order to finish behind it, and waits until that is done.
    ///
    /// # Errors
    ///
    /// It is not by `deadline`.
    pub fn finish(&self, deadline: Instant) -> Result<Said, Unfinished> {
        self.order_to_finish();
        self.said_by(deadline)
    }

    /// The same for who is told of each change on the way, as [`Self::news`] is: all that has not
    /// been told yet, and how it ended.
    ///
    /// # Errors
    ///
    /// It is not by `deadline`.
    pub fn finish_with_news(&self, deadline: Instant) -> (Vec<Said>, Result<Said, Unfinished>) {
        self.order_to_finish();
        let mut news = Vec::new();
        loop {
            match self.said_by(deadline) {
                Ok(Said::Finished) => return (news, Ok(Said::Finished)),
                Ok(said) => news.push(said),
                // With its last word it ends.
                Err(Unfinished::Ended) if news.last().is_some_and(may_be_last) => {
                    let last = news.pop().unwrap_or(Said::Finished);
                    return (news, Ok(last));
                }
                Err(unfinished) => return (news, Err(unfinished)),
            }
        }
    }

    fn order_to_finish(&self) {
        let mut frames = self.0.borrow_mut();
        frames.hand_over(true);
        frames.outbox.put_anyway(message(FINISH, &[]));
    }

    fn said_by(&self, deadline: Instant) -> Result<Said, Unfinished> {
        let frames = self.0.borrow();
        let left = deadline.saturating_duration_since(Instant::now());
        frames.said.recv_timeout(left).map_err(|error| {
            let helper = frames.helper.as_ref().map(Child::id);
            match (error, helper) {
                (RecvTimeoutError::Disconnected, _) => Unfinished::Ended,
                (RecvTimeoutError::Timeout, Some(pid)) if process::is_stopped(pid) => {
                    Unfinished::Stopped(pid)
                }
                (RecvTimeoutError::Timeout, _) => Unfinished::Waits,
            }
        })
    }
}

fn may_be_last(said: &Said) -> bool {
    matches!(said, Said::Resumed { .. } | Said::Failed(_))
}

impl Frames {
    fn hand_over(&mut self, anyway: bool) {
        let bytes = mem::take(&mut self.gathered);
        let count = mem::take(&mut self.count);
        let mut messages = Vec::with_capacity(bytes.len() + 16);
        for piece in bytes.chunks(PIECE) {
            messages.extend(message(DATA, piece));
        }
        let put = match anyway {
            true => self.outbox.put_anyway(messages),
            false => self.outbox.put(messages),
        };
        match put {
            Put::Full => self.dropped += count,
            Put::Taken => self.has_begun |= !bytes.is_empty(),
            Put::Failed(_) => {}
        }
    }
}

impl Write for Recorder {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().gathered.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    /// Only whole frames are there: they are written one after the other.
    fn flush(&mut self) -> io::Result<()> {
        self.0.borrow_mut().hand_over(false);
        Ok(())
    }
}

pub(super) fn message(kind: u8, bytes: &[u8]) -> Vec<u8> {
    let mut message = Vec::with_capacity(5 + bytes.len());
    message.extend_from_slice(&(1 + bytes.len() as u32).to_le_bytes());
    message.push(kind);
    message.extend_from_slice(bytes);
    message
}

#[cfg(test)]
mod tests {
    use std::{fs::File, io::Read};

    use super::*;
    use crate::host::{helper::wire::receive_bytes, recording_file::partial_path};

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(20)
    }

    #[test]
    fn what_is_recorded_gets_its_name_at_the_end_and_not_before() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x");
        let (mut recorder, _) = StartedRecorder::here().unwrap().create(&path).unwrap();
        // More than one message holds.
        let bytes = vec![7; 3 * PIECE];
        recorder.write_all(&bytes).unwrap();
        recorder.frame_ends();
        assert!(partial_path(&path).exists() && !path.exists());
        assert_eq!(recorder.finish(soon()), Ok(Said::Finished));
        assert_eq!(std::fs::read(&path).unwrap(), bytes);
        let again = StartedRecorder::here().unwrap().create(&path);
        assert_eq!(again.err().unwrap().kind(), ErrorKind::AlreadyExists);
    }

    /// `: > FILE.partial`: what is written behind that would follow on a hole.
    #[test]
    fn a_file_that_somebody_truncates_does_not_get_its_name() {
        for (left, goes_on) in [(0, false), (0, true), (3, true)] {
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path().join("x");
            let (mut recorder, _) = StartedRecorder::here().unwrap().create(&path).unwrap();
            let mut write = |bytes: &[u8]| {
                recorder.write_all(bytes).unwrap();
                recorder.frame_ends();
                recorder.flush().unwrap();
            };
            write(b"first");
            let partial = partial_path(&path);
            let until = soon();
            while std::fs::metadata(&partial).unwrap().len() < 5 {
                assert!(Instant::now() < until);
                std::thread::yield_now();
            }
            let file = File::options().write(true).open(&partial).unwrap();
            file.set_len(left).unwrap();
            if goes_on {
                write(b"second");
            }
            let said = recorder.finish(soon()).unwrap();
            assert!(
                matches!(said, Said::Cut { bytes, .. } if bytes == left),
                "{said:?}"
            );
            assert!(!path.exists());
            let kept = std::fs::read(&partial).unwrap_or_default();
            assert_eq!(kept, b"first"[..left as usize]);
        }
    }

    /// All that has been said and that nobody has asked for yet is told with the end.
    #[test]
    fn what_has_happened_since_somebody_asked_is_told_at_the_end() {
        let stopped = || Said::Stopped("no such directory".to_owned());
        let resumed = || Said::Resumed { lost: 3 };
        let ends = |all: Vec<Said>| {
            let (socket, mut theirs) = UnixStream::pair().unwrap();
            let started = StartedRecorder {
                socket,
                child: None,
            };
            let says = std::thread::spawn(move || {
                let mut bytes = Vec::new();
                receive_bytes(&mut theirs, &mut bytes).unwrap();
                let created = Said::Created { roots: false };
                super::super::wire::send(&mut theirs, &created).unwrap();
                while receive_bytes(&mut theirs, &mut bytes).unwrap() && bytes != [FINISH] {}
                for said in all {
                    super::super::wire::send(&mut theirs, &said).unwrap();
                }
            });
            let (recorder, _) = started.create(Path::new("x")).unwrap();
            let told = recorder.finish_with_news(soon());
            says.join().unwrap();
            told
        };
        let told = ends(vec![stopped(), resumed()]);
        assert_eq!(told, (vec![stopped()], Ok(resumed())));
        let told = ends(vec![stopped(), resumed(), Said::Finished]);
        assert_eq!(told, (vec![stopped(), resumed()], Ok(Said::Finished)));
        let told = ends(vec![stopped()]);
        assert_eq!(told, (vec![stopped()], Err(Unfinished::Ended)));
    }

    #[test]
    fn a_file_system_that_hangs_is_waited_for_until_the_deadline_only() {
        let (socket, mut theirs) = UnixStream::pair().unwrap();
        let started = StartedRecorder {
            socket,
            child: None,
        };
        // It creates the file, and hangs.
        let hangs = std::thread::spawn(move || {
            receive_bytes(&mut theirs, &mut Vec::new()).unwrap();
            super::super::wire::send(&mut theirs, &Said::Created { roots: false }).unwrap();
            theirs
        });
        let (mut recorder, _) = started.create(Path::new("x")).unwrap();
        let mut theirs = hangs.join().unwrap();
        while recorder.dropped() == 0 {
            recorder.write_all(&vec![0; 1 << 20]).unwrap();
            recorder.frame_ends();
        }
        assert!(recorder.0.borrow().outbox.waiting() <= MOST_WAITING);
        assert_eq!(recorder.failure(), None);
        let limit = Instant::now() + Duration::from_millis(50);
        assert_eq!(recorder.finish(limit), Err(Unfinished::Waits));
        // What it reads once it goes on is whole messages.
        let mut bytes = Vec::new();
        assert!(receive_bytes(&mut theirs, &mut bytes).unwrap());
        assert_eq!((bytes[0], bytes.len()), (DATA, 1 + PIECE));
        assert_eq!(theirs.read(&mut [0; 1]).unwrap(), 1);
    }
}
