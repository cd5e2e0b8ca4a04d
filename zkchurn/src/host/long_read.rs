// SPDX-License-Identifier: MIT
//! Reading what may take long: how far it is, on a terminal, and Ctrl-C, which ends the
//! reading so that there is a report on what was read.

use std::{
    fmt,
    fs::{self, File},
    io::{self, ErrorKind::WouldBlock, IsTerminal, Read},
    os::{
        fd::{AsFd, OwnedFd},
        unix::fs::FileTypeExt,
    },
    path::Path,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use indicatif::{
    DecimalBytes, HumanDuration, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle,
    style::TemplateError,
};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
};
use signal_hook::{
    consts::{SIGINT, SIGTERM},
    flag,
};

use super::{paused_reader, proc::files::opened_without_waiting};

/// What takes no longer needs no bar.
const LONG: Duration = Duration::from_secs(1);
/// How often the bar is drawn in a second.
const HERTZ: u8 = 4;
/// What a shell says of a program that SIGINT has ended (128 + 2).
const ENDED_BY_INTERRUPT: i32 = 130;

/// `rate` and `left` are those of [`style`].
const OF_KNOWN_LENGTH: &str =
    "{bar:24} {decimal_bytes} of {decimal_total_bytes}, {rate}, {left} left";
const OF_UNKNOWN_LENGTH: &str = "{spinner} {decimal_bytes} read, {rate}";
/// How often it is looked whether it is to end, and how far it is, while nothing comes.
const BETWEEN_LOOKS: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 250_000_000,
};

/// Set by the first SIGINT or SIGTERM; another one ends this process, and so does the first where
/// nobody reads what is written.
static STOP: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// Whether reading was stopped, so that what follows is of a part.
pub fn was_stopped() -> bool {
    STOP.get().is_some_and(|stop| stop.load(Ordering::Relaxed))
}

/// Opens what may be a pipe. One that nobody writes to yet is not waited for here, where a signal
/// would not end that, but when it is read.
///
/// # Errors
///
/// It cannot be opened.
pub fn open(path: &Path) -> io::Result<File> {
    let is_pipe = fs::metadata(path).is_ok_and(|metadata| metadata.file_type().is_fifo());
    match is_pipe {
        true => opened_without_waiting(path),
        false => File::open(path),
    }
}

/// A reader that ends where it is once Ctrl-C is pressed.
#[derive(Debug)]
pub struct LongRead<R> {
    from: R,
    /// Waited for before each reading; a pipe may have nothing for long.
    awaited: Option<OwnedFd>,
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
            // Without it the next one does.
            let _ = paused_reader::end_without_it(&[SIGINT, SIGTERM], ENDED_BY_INTERRUPT);
            stop
        }));
        let is_shown = !is_silent && is_drawn_on();
        Self {
            from,
            awaited: None,
            stop,
            progress: is_shown.then(|| Progress::new(length)),
        }
    }
}

impl<R: Read + AsFd> LongRead<R> {
    /// The same of a descriptor that nothing is buffered of: the reading ends also where nothing
    /// comes.
    pub fn of(from: R, length: Option<u64>, is_silent: bool) -> Self {
        // Without it the end waits for what comes.
        let awaited = from.as_fd().try_clone_to_owned().ok();
        Self {
            awaited,
            ..Self::new(from, length, is_silent)
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

impl<R> LongRead<R> {
    /// Waits until there is something to read, or it is to end.
    fn wait(&mut self) -> io::Result<()> {
        let Some(awaited) = &self.awaited else {
            return Ok(());
        };
        while !self.stop.load(Ordering::Relaxed) {
            let mut from = [PollFd::new(awaited, PollFlags::IN)];
            match poll(&mut from, Some(&BETWEEN_LOOKS)) {
                Ok(0) => {}
                Ok(_) => return Ok(()),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
            if let Some(progress) = &mut self.progress {
                progress.add(0);
            }
        }
        Ok(())
    }
}

impl<R: Read> Read for LongRead<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let length = loop {
            self.wait()?;
            if self.stop.load(Ordering::Relaxed) {
                break 0;
            }
            match self.from.read(into) {
                // Another reader of the pipe was faster.
                Err(error) if error.kind() == WouldBlock && self.awaited.is_some() => {}
                read => break read?,
            }
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
            self.bar = Some(bar(self.length, self.began));
        }
        if let Some(bar) = &self.bar {
            bar.set_position(self.read);
            bar.tick();
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

fn bar(length: Option<u64>, began: Instant) -> ProgressBar {
    let template = match length {
        Some(_) => OF_KNOWN_LENGTH,
        None => OF_UNKNOWN_LENGTH,
    };
    let bar = ProgressBar::with_draw_target(length, ProgressDrawTarget::stderr_with_hz(HERTZ));
    match style(template, began) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

/// Rates are means since it began: the bar comes later, and what was read by then did not come in
/// the moment of its first drawing.
fn style(template: &str, began: Instant) -> Result<ProgressStyle, TemplateError> {
    let style = ProgressStyle::with_template(template)?;
    let rate = move |state: &ProgressState, to: &mut dyn fmt::Write| {
        let rate = per_second(state.pos(), began.elapsed());
        // Writing to memory does not fail.
        let _ = write!(to, "{}/s", DecimalBytes(rate as u64));
    };
    let left = move |state: &ProgressState, to: &mut dyn fmt::Write| {
        let rest = state.len().unwrap_or_default().saturating_sub(state.pos());
        let left = rest as f64 / per_second(state.pos(), began.elapsed()).max(1.0);
        let left = Duration::try_from_secs_f64(left.ceil()).unwrap_or(Duration::MAX);
        let _ = write!(to, "{:#}", HumanDuration(left));
    };
    Ok(style.with_key("rate", rate).with_key("left", left))
}

fn per_second(bytes: u64, took: Duration) -> f64 {
    bytes as f64 / took.as_secs_f64().max(f64::MIN_POSITIVE)
}

#[cfg(test)]
mod tests {
    use std::{
        io::{PipeReader, Write, pipe},
        thread,
    };

    use super::*;

    fn reader(stop: &Arc<AtomicBool>, from: PipeReader) -> LongRead<PipeReader> {
        LongRead {
            awaited: Some(from.as_fd().try_clone_to_owned().unwrap()),
            from,
            stop: Arc::clone(stop),
            progress: None,
        }
    }

    #[test]
    fn it_ends_where_it_is_stopped() {
        let stop = Arc::new(AtomicBool::new(false));
        let (from, mut to) = pipe().unwrap();
        to.write_all(b"recording").unwrap();
        let mut reader = reader(&stop, from);
        let mut part = [0; 4];
        assert_eq!(reader.read(&mut part).unwrap(), 4);
        stop.store(true, Ordering::Relaxed);
        assert_eq!(reader.read(&mut part).unwrap(), 0);
        assert_eq!(&part, b"reco");
    }

    #[test]
    fn it_ends_where_nothing_comes() {
        let stop = Arc::new(AtomicBool::new(false));
        let (from, _to) = pipe().unwrap();
        let mut reader = reader(&stop, from);
        let reads = thread::spawn(move || reader.read(&mut [0; 4]).unwrap());
        stop.store(true, Ordering::Relaxed);
        assert_eq!(reads.join().unwrap(), 0);
    }

    #[test]
    fn templates_are_understood() {
        for template in [OF_KNOWN_LENGTH, OF_UNKNOWN_LENGTH] {
            assert!(style(template, Instant::now()).is_ok(), "{template}");
        }
    }

    #[test]
    fn a_rate_is_the_mean_since_the_beginning() {
        assert_eq!(per_second(80_000_000, Duration::from_secs(16)), 5_000_000.0);
        assert!(per_second(0, Duration::ZERO) == 0.0);
    }
}
