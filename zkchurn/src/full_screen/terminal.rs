// SPDX-License-Identifier: MIT
//! The terminal: taken over, drawn on, and given back.

use std::{
    env,
    io::{self, IsTerminal},
    panic,
    sync::{
        Once,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use crossterm::{
    cursor, queue,
    style::{Attribute, SetAttribute},
    terminal::{
        Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode,
        enable_raw_mode, size,
    },
};
use ratatui_core::{backend::Backend, buffer::Buffer, layout::Rect};
use ratatui_crossterm::CrosstermBackend;
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    stdio,
    termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr},
};

use super::wake::Waker;
use crate::{host::patient::await_room, warn};

/// Whether the terminal is ours at present.
static OURS: AtomicBool = AtomicBool::new(false);
static HOOK: Once = Once::new();
/// How long giving it back waits for a terminal that takes nothing.
const GIVE_BACK_WITHIN: Duration = Duration::from_millis(200);
/// A terminal that says it is larger is drawn on up to here.
const MOST: (u16, u16) = (500, 300);

/// The terminal while it is ours.
pub(crate) struct Terminal {
    shown: Buffer,
    next: Buffer,
    /// Who is to be woken when there is a message to show.
    waker: Waker,
}

/// Why the view cannot be shown, if so.
pub(crate) fn why_not() -> Option<&'static str> {
    let term = env::var_os("TERM");
    let is_dumb = term.is_none_or(|term| term.is_empty() || term == "dumb");
    if !io::stdout().is_terminal() {
        Some("standard output is no terminal")
    } else if !io::stdin().is_terminal() {
        Some("standard input is no terminal")
    } else if is_dumb {
        Some("TERM says that this terminal cannot move its cursor")
    } else {
        None
    }
}

impl Terminal {
    /// Takes it over.
    ///
    /// # Errors
    ///
    /// It is none, or it is gone.
    pub(crate) fn take(waker: Waker) -> io::Result<Self> {
        HOOK.call_once(|| {
            let before = panic::take_hook();
            panic::set_hook(Box::new(move |panicked| {
                give_back();
                before(panicked);
            }));
        });
        let mut terminal = Self {
            shown: Buffer::empty(Rect::ZERO),
            next: Buffer::empty(Rect::ZERO),
            waker,
        };
        terminal.take_again()?;
        Ok(terminal)
    }

    /// Takes it over once more, after it was given back.
    pub(crate) fn take_again(&mut self) -> io::Result<()> {
        enable_raw_mode()?;
        OURS.store(true, Ordering::SeqCst);
        keep_signals()?;
        let waker = self.waker.clone();
        warn::hold(move || waker.wake());
        let mut bytes = Vec::new();
        queue!(bytes, EnterAlternateScreen, cursor::Hide)?;
        write_all(&bytes)?;
        self.forget();
        Ok(())
    }

    /// Forgets what it shows: everything is drawn next time.
    pub(crate) fn forget(&mut self) {
        self.shown = Buffer::empty(Rect::ZERO);
    }

    /// Draws, and writes what has changed.
    ///
    /// # Errors
    ///
    /// The terminal is gone, or somebody else has given it back.
    pub(crate) fn draw(&mut self, draw: impl FnOnce(&mut Buffer)) -> io::Result<()> {
        if !OURS.load(Ordering::SeqCst) {
            return Err(io::ErrorKind::NotConnected.into());
        }
        let (columns, rows) = size()?;
        let area = Rect::new(0, 0, columns.min(MOST.0), rows.min(MOST.1));
        self.next.resize(area);
        draw(&mut self.next);
        let mut bytes = Vec::new();
        if self.shown.area != area {
            self.shown = Buffer::empty(area);
            queue!(bytes, SetAttribute(Attribute::Reset), Clear(ClearType::All))?;
        }
        let changed = self.shown.diff(&self.next);
        if !changed.is_empty() {
            CrosstermBackend::new(&mut bytes).draw(changed.into_iter())?;
        }
        if !bytes.is_empty() {
            write_all(&bytes)?;
        }
        std::mem::swap(&mut self.shown, &mut self.next);
        Ok(())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        give_back();
    }
}

/// Gives it back as it was, if it is ours; whoever calls, and however often.
pub(crate) fn give_back() {
    if !OURS.swap(false, Ordering::SeqCst) {
        return;
    }
    let mut bytes = Vec::new();
    // Writing to memory does not fail.
    let _ = queue!(
        bytes,
        SetAttribute(Attribute::Reset),
        cursor::Show,
        LeaveAlternateScreen
    );
    if takes_bytes(GIVE_BACK_WITHIN) {
        let _ = write_all(&bytes);
    }
    // Where the terminal is gone there is nobody to tell.
    let _ = disable_raw_mode();
    warn::release();
}

/// Ctrl-C and Ctrl-Z stay signals: the terminal makes them of keys whoever is busy, also
/// where nobody takes what is drawn.
fn keep_signals() -> io::Result<()> {
    let stdin = stdio::stdin();
    let mut modes = tcgetattr(stdin)?;
    modes.local_modes.insert(LocalModes::ISIG);
    Ok(tcsetattr(stdin, OptionalActions::Now, &modes)?)
}

/// Whether a few bytes can be written after waiting so long at most.
pub(super) fn takes_bytes(within: Duration) -> bool {
    let stdout = stdio::stdout();
    let mut fds = [PollFd::new(&stdout, PollFlags::OUT)];
    let within = Timespec::try_from(within).unwrap_or_default();
    matches!(poll(&mut fds, Some(&within)), Ok(1..))
}

/// Around the standard library's buffer, whose lock others hold.
fn write_all(mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match rustix::io::write(stdio::stdout(), bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => bytes = &bytes[written..],
            Err(rustix::io::Errno::INTR) => {}
            Err(rustix::io::Errno::AGAIN) => await_room(&stdio::stdout())?,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
