// SPDX-License-Identifier: MIT
//! A terminal that somebody reads as fast as it is written to, and how often it is drawn on.

use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use rustix::pty::{OpenptFlags, ioctl_tiocgptpeer, openpt, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

const COLUMNS: u16 = 120;
const ROWS: u16 = 35;
/// What comes within this is one drawing: the kernel may hand it over in parts, and the view
/// draws at most each 250 ms.
const ONE_DRAWING: Duration = Duration::from_millis(50);

/// The side of it that is read.
pub(super) struct Terminal {
    drawings: Arc<AtomicU64>,
}

impl Terminal {
    /// Opens one, and has this command draw on it.
    pub(super) fn of(command: &mut Command) -> Result<Self> {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let reading = openpt(flags).context("cannot open a terminal")?;
        unlockpt(&reading)?;
        let drawn_on = ioctl_tiocgptpeer(&reading, flags)?;
        let size = Winsize {
            ws_row: ROWS,
            ws_col: COLUMNS,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(&drawn_on, size)?;
        command.env("TERM", "xterm").stdin(end(&drawn_on)?);
        command.stdout(end(&drawn_on)?);
        let drawings = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&drawings);
        thread::spawn(move || count(File::from(reading), &counted));
        Ok(Self { drawings })
    }

    /// How often it was drawn on so far.
    pub(super) fn drawings(&self) -> u64 {
        self.drawings.load(Ordering::Relaxed)
    }
}

fn end(terminal: &OwnedFd) -> Result<Stdio> {
    Ok(Stdio::from(terminal.try_clone()?))
}

/// Reads until nobody writes any more, which is an error (drivers/tty/n_tty.c, EIO).
fn count(mut reading: File, drawings: &AtomicU64) {
    let mut part = [0; 64 * 1024];
    let mut last: Option<Instant> = None;
    loop {
        match reading.read(&mut part) {
            Ok(1..) => {}
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Ok(0) | Err(_) => return,
        }
        let now = Instant::now();
        if last.is_none_or(|last| now - last > ONE_DRAWING) {
            drawings.fetch_add(1, Ordering::Relaxed);
        }
        last = Some(now);
    }
}
