// SPDX-License-Identifier: MIT
//! Our side of the helper that writes what a person asks for. A thread makes the bytes, hands
//! them over and waits; nobody waits for that thread but the end, for a moment.

use std::{
    io::{self, ErrorKind, Write},
    os::unix::{ffi::OsStrExt, net::UnixStream},
    path::PathBuf,
    process::Child,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
};

use super::{
    process::{self, Kind},
    recorder::{CREATE, DATA, FINISH},
    recording::message,
    wire::receive,
    writer::Written,
};
use crate::host::{privilege::held, threads};

/// Longest piece in one message.
const PIECE: usize = 512 * 1024;
/// After so long it is said that a file is not written yet.
const LATE_AFTER: Duration = Duration::from_secs(2);

/// A file that is to be made.
#[derive(Debug)]
pub struct NewFile {
    /// Relative to the working directory.
    pub path: PathBuf,
    /// Or why there are none.
    pub bytes: Result<Vec<u8>, String>,
    /// What there is to say of it, for behind its name; may be empty.
    pub about: String,
}

/// Makes the bytes of files, in a thread of its own.
pub type Make = Box<dyn FnOnce() -> Vec<NewFile> + Send>;

/// What there is to say.
#[derive(Debug, PartialEq, Eq)]
pub enum News {
    /// What became of the files, with what there is to say of each.
    Done(Vec<(Written, String)>),
    /// They are not written yet, and why.
    Late(String),
    /// They never will be: the helper has ended.
    Ended,
}

/// A helper that has been started.
pub struct StartedWriter {
    socket: UnixStream,
    child: Option<Child>,
}

/// The helper at work.
#[derive(Debug)]
pub struct Writer {
    orders: SyncSender<Make>,
    state: Arc<State>,
}

#[derive(Debug, Default)]
struct State {
    is_at_work: AtomicBool,
    has_ended: AtomicBool,
    pid: Option<u32>,
}

impl StartedWriter {
    /// Starts the helper, while this process still holds what it takes to become the user
    /// who called sudo.
    ///
    /// # Errors
    ///
    /// The system grants no process.
    pub fn start() -> io::Result<Self> {
        let (child, socket) = process::start(Kind::Writer)?;
        let child = Some(child);
        Ok(Self { socket, child })
    }

    /// Starts the thread that talks to it; `tell` is what that does with what there is to say.
    ///
    /// # Errors
    ///
    /// The system grants no thread.
    pub fn connect(self, tell: impl FnMut(News) + Send + 'static) -> io::Result<Writer> {
        let (orders, taken) = sync_channel(1);
        self.socket.set_nonblocking(true)?;
        let state = Arc::new(State {
            pid: self.child.as_ref().map(Child::id),
            ..State::default()
        });
        let theirs = Arc::clone(&state);
        let desk = Desk {
            socket: self.socket,
            state: theirs,
            tell,
            // Nobody waits for its end, so its pid stays its own.
            _child: self.child,
        };
        threads::named("writing").spawn(move || {
            let _ = held::give_up_all();
            desk.serve(&taken);
        })?;
        Ok(Writer { orders, state })
    }
}

impl Writer {
    /// Has files written.
    ///
    /// # Errors
    ///
    /// Those before are not written yet, or never will be, and why.
    pub fn write(&self, make: Make) -> Result<(), String> {
        if self.state.has_ended.load(Ordering::Acquire) {
            return Err(ENDED.to_owned());
        }
        if self.state.is_at_work.swap(true, Ordering::AcqRel) {
            return Err(self.state.why_late());
        }
        // There is room for one, and the one before was taken.
        self.orders.try_send(make).map_err(|_| ENDED.to_owned())
    }

    /// Waits for what is being written, `within` this time at most; why it is not, if so.
    pub fn settle(&self, within: Duration) -> Option<String> {
        let until = Instant::now() + within;
        while self.state.is_at_work.load(Ordering::Acquire) {
            if Instant::now() >= until {
                return Some(self.state.why_late());
            }
            thread::sleep(Duration::from_millis(2));
        }
        None
    }
}

const ENDED: &str = "the helper process that writes (zkchurn-write) has ended";

impl State {
    fn why_late(&self) -> String {
        match self.pid {
            Some(pid) if process::is_stopped(pid) => {
                format!("the helper process that writes (zkchurn-write, pid {pid}) is stopped")
            }
            _ => "its file system does not answer".to_owned(),
        }
    }
}

/// Where orders are worked on.
struct Desk<T> {
    socket: UnixStream,
    state: Arc<State>,
    tell: T,
    _child: Option<Child>,
}

impl<T: FnMut(News)> Desk<T> {
    fn serve(mut self, orders: &Receiver<Make>) {
        while let Ok(make) = orders.recv() {
            let done = self.work(make());
            let has_ended = done.is_err();
            self.state.has_ended.store(has_ended, Ordering::Release);
            (self.tell)(done.map_or(News::Ended, News::Done));
            self.state.is_at_work.store(false, Ordering::Release);
            if has_ended {
                return;
            }
        }
    }

    fn work(&mut self, files: Vec<NewFile>) -> io::Result<Vec<(Written, String)>> {
        // Of each order it is said once that it is late.
        let mut late_at = Some(Instant::now() + LATE_AFTER);
        let mut done = Vec::new();
        for file in files {
            let written = match &file.bytes {
                Ok(bytes) => self.hand_over(&file.path, bytes, &mut late_at)?,
                Err(error) => Written {
                    path: file.path.clone(),
                    error: Some(error.clone()),
                },
            };
            done.push((written, file.about));
        }
        Ok(done)
    }

    fn hand_over(
        &mut self,
        path: &std::path::Path,
        bytes: &[u8],
        late_at: &mut Option<Instant>,
    ) -> io::Result<Written> {
        self.put(&message(CREATE, path.as_os_str().as_bytes()), late_at)?;
        for piece in bytes.chunks(PIECE) {
            self.put(&message(DATA, piece), late_at)?;
        }
        self.put(&message(FINISH, &[]), late_at)?;
        self.await_it(PollFlags::IN, late_at)?;
        self.socket.set_nonblocking(false)?;
        let written = receive(&mut self.socket)?;
        self.socket.set_nonblocking(true)?;
        written.ok_or_else(|| ErrorKind::BrokenPipe.into())
    }

    fn put(&mut self, mut bytes: &[u8], late_at: &mut Option<Instant>) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.socket.write(bytes) {
                Ok(written) => bytes = &bytes[written..],
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.await_it(PollFlags::OUT, late_at)?;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Waits for the helper for as long as it takes, and says so once.
    fn await_it(&mut self, what: PollFlags, late_at: &mut Option<Instant>) -> io::Result<()> {
        loop {
            let left = late_at.map(|at| at.saturating_duration_since(Instant::now()));
            let left = left.map(|left| Timespec::try_from(left).unwrap_or_default());
            match poll(&mut [PollFd::new(&self.socket, what)], left.as_ref()) {
                Ok(0) => {
                    *late_at = None;
                    (self.tell)(News::Late(self.state.why_late()));
                }
                Ok(_) => return Ok(()),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path, sync::mpsc::channel};

    use super::*;

    const SOON: Duration = Duration::from_secs(20);

    /// The helper in a thread of this process, which has this working directory.
    fn here() -> (Writer, UnixStream, Receiver<News>) {
        let (socket, theirs) = UnixStream::pair().unwrap();
        let (say, told) = channel();
        let started = StartedWriter {
            socket,
            child: None,
        };
        let tell = move |news| drop(say.send(news));
        (started.connect(tell).unwrap(), theirs, told)
    }

    fn file(path: &Path, bytes: &[u8]) -> Make {
        let file = NewFile {
            path: path.to_owned(),
            bytes: Ok(bytes.to_vec()),
            about: "about".to_owned(),
        };
        Box::new(move || vec![file])
    }

    #[test]
    fn files_are_written_one_after_the_other_and_replace_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let (writer, theirs, told) = here();
        thread::spawn(move || super::super::writer::serve(theirs));
        let path = directory.path().join("page.html");
        // More than a socket holds, and more than one message.
        let bytes = vec![7; 3 * PIECE];
        for name in ["page.html", "page-2.html", "page-3.html"] {
            writer.write(file(&path, &bytes)).unwrap();
            assert_eq!(writer.settle(SOON), None);
            let path = directory.path().join(name);
            let done = News::Done(vec![(
                Written {
                    path: path.clone(),
                    error: None,
                },
                "about".to_owned(),
            )]);
            assert_eq!(told.recv_timeout(SOON), Ok(done));
            assert_eq!(fs::read(&path).unwrap(), bytes);
        }
        let nowhere = directory.path().join("none/page.html");
        writer.write(file(&nowhere, &bytes)).unwrap();
        assert_eq!(writer.settle(SOON), None);
        let Ok(News::Done(done)) = told.recv_timeout(SOON) else {
            panic!("nothing is said");
        };
        assert!(done[0].0.error.as_ref().unwrap().contains("No such file"));
        writer.write(file(&path, b"x")).unwrap();
        assert!(matches!(told.recv_timeout(SOON), Ok(News::Done(_))));
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 4);
    }

    #[test]
    fn who_does_not_answer_is_waited_for_by_nobody_and_it_is_said() {
        let (writer, theirs, told) = here();
        writer.write(file(Path::new("x"), &[0; 1 << 20])).unwrap();
        let late = "its file system does not answer";
        assert_eq!(
            writer.write(file(Path::new("y"), b"")),
            Err(late.to_owned())
        );
        assert_eq!(told.recv_timeout(SOON), Ok(News::Late(late.to_owned())));
        assert_eq!(writer.settle(Duration::ZERO), Some(late.to_owned()));
        drop(theirs);
        assert_eq!(told.recv_timeout(SOON), Ok(News::Ended));
        assert_eq!(writer.settle(SOON), None);
        assert_eq!(
            writer.write(file(Path::new("z"), b"")),
            Err(ENDED.to_owned())
        );
    }
}
