// SPDX-License-Identifier: MIT
//! Starting a helper, and what it does first.
//!
//! A helper is this program once more (`/proc/self/exe`), told by its own name, which
//! nothing but exec can give it. Its standard input is a socket to us; its output (but for
//! the one that writes it) and errors go nowhere, so that neither a pipe nor a terminal
//! waits for it. It leads a group of its own, and then a session, out of the reach of Ctrl-C
//! from its first moment, and outlives no signal but SIGKILL: it ends when its socket does, or
//! else with the thread that started it (`PR_SET_PDEATHSIG`).

use std::{
    ffi::CStr,
    io,
    os::{
        fd::{AsFd, OwnedFd},
        unix::{net::UnixStream, process::CommandExt},
    },
    process::{Child, Command, Stdio},
};

use nix::unistd::{Pid, getpgid, getppid, setpgid, setsid};
use rustix::{
    process::{Signal, set_parent_process_death_signal},
    thread::set_name,
};
use tokio::signal::unix::{SignalKind, signal};

use super::{
    archiver, exporter, journalctl, keeper, let_go, liner, looker, printer, publisher, recorder,
    server, short::Question, writer,
};
use crate::host::{
    privilege::{held, needs},
    proc::{files::directory, status::Status},
    service_manager::VARIABLES,
    signal_list,
};

/// What a helper is called in its argument 0: no shell and no `sudo` starts one by that.
pub(super) const NAME: &str = "zkchurn-helper";

/// The kinds of helpers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Looks into other processes.
    Looker {
        /// Whether it also takes thread dumps.
        dumps: bool,
    },
    /// Writes the recording.
    Recorder,
    /// Writes a flight recorder's segments.
    Keeper,
    /// Writes lines to files which somebody collects.
    Liner,
    /// Replaces the file with metrics.
    Publisher,
    /// Serves metrics by HTTP.
    Server,
    /// Sends events and counts to a collector.
    Exporter,
    /// Keeps an agent's incidents.
    Archiver,
    /// Writes to a file that is our standard output or standard error.
    Printer,
    /// Writes what is asked for in the full-screen view.
    Writer,
}

const KINDS: [(&str, Kind); 11] = [
    ("look", Kind::Looker { dumps: false }),
    ("look-and-dump", Kind::Looker { dumps: true }),
    ("record", Kind::Recorder),
    ("keep", Kind::Keeper),
    ("lines", Kind::Liner),
    ("publish", Kind::Publisher),
    ("serve", Kind::Server),
    ("export", Kind::Exporter),
    ("archive", Kind::Archiver),
    ("print", Kind::Printer),
    ("write", Kind::Writer),
];

/// The name of what writes an agent's segments: an agent is found by it.
pub(crate) const RECORDER: &CStr = c"zkchurn-keep";

impl Kind {
    fn word(self) -> &'static str {
        let found = KINDS.iter().find(|(_, kind)| *kind == self);
        found.map_or("", |(word, _)| word)
    }

    /// Its name, as `ps` and `top` show it.
    fn comm(self) -> &'static CStr {
        match self {
            Self::Looker { .. } => c"zkchurn-look",
            Self::Recorder => c"zkchurn-record",
            Self::Keeper => RECORDER,
            Self::Liner => c"zkchurn-lines",
            Self::Publisher => c"zkchurn-publish",
            Self::Server => c"zkchurn-serve",
            Self::Exporter => c"zkchurn-otlp",
            Self::Archiver => c"zkchurn-archive",
            Self::Printer => c"zkchurn-print",
            Self::Writer => c"zkchurn-write",
        }
    }
}

/// Starts a helper; the socket is its only link with us.
///
/// # Errors
///
/// The system grants no process, or `/proc` is not mounted.
pub(super) fn start(kind: Kind) -> io::Result<(Child, UnixStream)> {
    start_writing_to(kind, Stdio::null())
}

/// The same, with a standard output of its own.
///
/// # Errors
///
/// As [`start`].
pub(super) fn start_writing_to(kind: Kind, output: Stdio) -> io::Result<(Child, UnixStream)> {
    let (ours, theirs) = UnixStream::pair()?;
    let mut command = Command::new("/proc/self/exe");
    // What the service manager has to say is for the service alone.
    for name in VARIABLES {
        command.env_remove(name);
    }
    let child = command
        .arg0(NAME)
        .arg(kind.word())
        // Out of reach of a Ctrl-C that comes before it takes signals over.
        .process_group(0)
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .stdout(output)
        .stderr(Stdio::null())
        .spawn()?;
    // Where it fails nobody waits for its end.
    let _ = let_go::remember(&child, &ours);
    Ok((child, ours))
}

/// Does a helper's work, if this process was started as one. Does not come back then.
pub fn run_if_helper() {
    let mut arguments = std::env::args_os();
    if arguments.next().is_none_or(|name| name != NAME) {
        return;
    }
    let word = arguments.next();
    if word.as_ref().is_some_and(|word| word == journalctl::WORD) {
        journalctl::become_it(arguments);
        std::process::exit(1);
    }
    if let Some(question) = word.as_deref().and_then(Question::of) {
        std::process::exit(i32::from(question.serve(arguments).is_err()));
    }
    let kind = word.and_then(|word| {
        let mut kinds = KINDS.iter();
        kinds
            .find(|(known, _)| word == *known)
            .map(|(_, kind)| *kind)
    });
    let code = match kind.map(serve) {
        Some(Ok(())) => 0,
        Some(Err(_)) | None => 1,
    };
    // Threads that hang would be waited for, if this returned.
    std::process::exit(code);
}

/// Whether somebody has stopped a helper (SIGSTOP, a debugger).
pub(super) fn is_stopped(pid: u32) -> bool {
    let status = Status::read(&directory(pid));
    status.is_ok_and(|status| matches!(status.state, b'T' | b't'))
}

fn serve(kind: Kind) -> io::Result<()> {
    take_signals_over()?;
    leave_the_terminal();
    let _ = set_name(kind.comm());
    // What it was given as standard input.
    let socket = io::stdin().as_fd().try_clone_to_owned()?;
    let socket = UnixStream::from(socket);
    match kind {
        Kind::Looker { dumps } => {
            set_parent_process_death_signal(Some(Signal::KILL))?;
            // So that it keeps no file system from being unmounted.
            std::env::set_current_dir("/")?;
            held::keep_only(needs::kept_by_looker(dumps))?;
            looker::serve(socket)
        }
        // After the end of a trace that was killed it still writes what it was given.
        Kind::Recorder => recorder::serve(socket),
        Kind::Keeper => keeper::serve(socket),
        Kind::Liner => liner::serve(socket),
        Kind::Publisher => publisher::serve(socket),
        Kind::Server => {
            std::env::set_current_dir("/")?;
            server::serve(socket)
        }
        Kind::Exporter => {
            std::env::set_current_dir("/")?;
            exporter::serve(socket)
        }
        Kind::Archiver => {
            std::env::set_current_dir("/")?;
            archiver::serve(socket)
        }
        Kind::Printer => {
            held::give_up_all()?;
            printer::serve(socket)
        }
        // What it is to write comes while the trace goes on.
        Kind::Writer => writer::serve(socket),
    }
}

/// A session of its own. setsid(2) refuses who leads a group, as each helper does from its
/// start: so back into the group of whoever started it first. Where that is over, of another
/// session or outside of our pid namespace, it stays in the group that it leads, which Ctrl-C
/// does not reach either.
fn leave_the_terminal() {
    let nobodys = Pid::from_raw(0);
    if let Ok(group) = getpgid(Some(getppid()))
        && group != nobodys
    {
        let _ = setpgid(nobodys, group);
    }
    let _ = setsid();
}

/// Whoever ends all processes of a control group, or all that are called zkchurn, shall
/// get a report: for that the helper is needed until we end it.
fn take_signals_over() -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let _context = runtime.enter();
    for number in signal_list::that_end().chain([signal_list::FILE_TOO_LARGE]) {
        // What is taken over stays so; nobody asks whether it came.
        drop(signal(SignalKind::from_raw(number))?);
    }
    Ok(())
}
