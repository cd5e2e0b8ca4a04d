// SPDX-License-Identifier: MIT
//! Reading what may take long: how far it is, on a terminal, and Ctrl-C, which ends the
//! reading so that there is a report on what was read.

use std::{
    io::{self, IsTerminal, Read},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use signal_hook::{
    consts::{SIGINT, SIGTERM},
    flag,
};

/// What takes no longer needs no bar.
const LONG: Duration = Duration::from_secs(1);
/// How often the bar is drawn in a second.
const HERTZ: u8 = 4;
/// What a shell says of a program that SIGINT has ended (128 + 2).
const ENDED_BY_INTERRUPT: i32 = 130;

const OF_KNOWN_LENGTH: &str = "{bar:24} {decimal_bytes} of {decimal_total_bytes}, \
                               {decimal_bytes_per_sec}, {eta} left";
const OF_UNKNOWN_LENGTH: &str = "{spinner} {decimal_bytes} read, {decimal_bytes_per_sec}";

/// Set by the first SIGINT or SIGTERM; another one ends this process.
static STOP: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// Whether reading was stopped, so that what follows is of a part.
pub fn was_stopped() -> bool {
    STOP.get().is_some_and(|stop| stop.load(Ordering::Relaxed))
}

/// A reader that ends where it is once Ctrl-C is pressed.
#[derive(Debug)]
pub struct LongRead<R> {
    from: R,
    stop: Arc<AtomicBool>,
    progress: Option<Progress>,
}

impl<R: Read> LongRead<R> {
    /// Reads on from there; `length` is what there is, in bytes, if that is known. The bar is
    /// shown where standard error is a terminal, unless `is_silent`, as where rows are written
    /// to it meanwhile.
    pub fn new(from: R, length: Option<u64>, is_silent: bool) -> Self {
        let stop = Arc::clone(STOP.get_or_init(|| {
            let stop = Arc::default();
            // Without handlers Ctrl-C ends this process, as ever.
            let _ = stops(&stop);
            stop
        }));
        let is_shown = !is_silent && is_drawn_on();
        Self {
            from,
            stop,
            progress: is_shown.then(|| Progress::new(length)),
        }
    }
}

/// A terminal that can go back to the start of its line.
fn is_drawn_on() -> bool {
    io::stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

fn stops(stop: &Arc<AtomicBool>) -> io::Result<()> {
    for signal in [SIGINT, SIGTERM] {
        // In this order: the first one finds the flag not set.
        flag::register_conditional_shutdown(signal, ENDED_BY_INTERRUPT, Arc::clone(stop))?;
        flag::register(signal, Arc::clone(stop))?;
    }
    Ok(())
}

impl<R: Read> Read for LongRead<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let length = match self.stop.load(Ordering::Relaxed) {
            true => 0,
            false => self.from.read(into)?,
        };
        if let Some(progress) = &mut self.progress {
            progress.add(length as u64);
        }
        if length == 0 && !into.is_empty() {
            // Gone before anything else is said.
            self.progress = None;
        }
        Ok(length)
    }
}

/// How far a reading is.
#[derive(Debug)]
struct Progress {
    began: Instant,
    read: u64,
    length: Option<u64>,
    bar: Option<ProgressBar>,
}

impl Progress {
    fn new(length: Option<u64>) -> Self {
        Self {
            began: Instant::now(),
            read: 0,
            length,
            bar: None,
        }
    }

    fn add(&mut self, bytes: u64) {
        self.read += bytes;
        if self.bar.is_none() && self.began.elapsed() >= LONG {
            self.bar = Some(bar(self.length));
        }
        if let Some(bar) = &self.bar {
            bar.set_position(self.read);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn bar(length: Option<u64>) -> ProgressBar {
    let template = match length {
        Some(_) => OF_KNOWN_LENGTH,
        None => OF_UNKNOWN_LENGTH,
    };
    let bar = ProgressBar::with_draw_target(length, ProgressDrawTarget::stderr_with_hz(HERTZ));
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reader(stop: &Arc<AtomicBool>) -> LongRead<&'static [u8]> {
        LongRead {
            from: b"recording",
            stop: Arc::clone(stop),
            progress: None,
        }
    }

    #[test]
    fn it_ends_where_it_is_stopped() {
        let stop = Arc::new(AtomicBool::new(false));
        let mut reader = reader(&stop);
        let mut part = [0; 4];
        assert_eq!(reader.read(&mut part).unwrap(), 4);
        stop.store(true, Ordering::Relaxed);
        assert_eq!(reader.read(&mut part).unwrap(), 0);
        assert_eq!(&part, b"reco");
    }

    #[test]
    fn templates_are_understood() {
        for template in [OF_KNOWN_LENGTH, OF_UNKNOWN_LENGTH] {
            assert!(ProgressStyle::with_template(template).is_ok(), "{template}");
        }
    }
}
