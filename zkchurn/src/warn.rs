// SPDX-License-Identifier: MIT
//! Messages on standard error, which may be gone, or whose reader may have paused; in the
//! journal where that is what standard error is.

use std::{
    fmt,
    io::{self, IsTerminal, Write},
    panic,
    sync::{
        LazyLock, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use rustix::termios::tcgetwinsize;
use zkchurn_core::text::{clip, clip_words, counted, printable};

use crate::host::{
    helper::printing::{self, Stream},
    journal::{self, Field, Journal, Priority},
    outbox::{Outbox, Put},
    patient::Patient,
};

/// Bytes of one message: it may quote what somebody else has written, and a path has up to 4 KiB.
const LONGEST: usize = 16 << 10;
/// Bytes of a word of it: no path is longer (`PATH_MAX`). What is longer is no name, and would
/// stand before what is said of it.
const LONGEST_WORD: usize = 4 << 10;
const OF_LONGER: usize = 200;
/// Bytes of messages that wait for their reader at most.
const MOST_WAITING: usize = 1 << 20;
/// How long the end of this process waits for them: after a trace has ended in time.
const WITHIN: Duration = Duration::from_millis(100);

static TO_JOURNAL: LazyLock<bool> = LazyLock::new(journal::is_standard_error);
static QUEUE: OnceLock<Outbox> = OnceLock::new();
/// Messages that found no room in it.
static MISSED: AtomicU64 = AtomicU64::new(0);

/// Messages that were dropped, because their reader was slower.
pub(crate) fn missed() -> u64 {
    MISSED.load(Ordering::Relaxed)
}

/// Writes that something is wrong.
pub(crate) fn warn(message: fmt::Arguments<'_>) {
    say(Priority::Warning, message);
}

/// Writes a message.
pub(crate) fn say(priority: Priority, message: fmt::Arguments<'_>) {
    say_about(priority, message, &[]);
}

/// Writes a message that is about something, which the journal has in fields; elsewhere it is
/// a line with our name in front. Where standard error is gone, as after
/// the end of a terminal, nobody can be told, and that must not end anything:
/// `eprintln!` would panic.
///
/// A message may name a file, and whoever named the file may have meant the terminal.
pub(crate) fn say_about(priority: Priority, message: fmt::Arguments<'_>, fields: &[Field]) {
    let message = printable(message.to_string().as_bytes());
    let message = clip(&clip_words(&message, LONGEST_WORD, OF_LONGER), LONGEST);
    match (*TO_JOURNAL, QUEUE.get()) {
        (true, Some(queue)) => put(queue, journal::entry(priority, &message, fields)),
        // Who is gone soon after a datagram is told of as nobody's; not so on the stream.
        (true, None) => at_once(&journal::line(priority as u8, &message)),
        (false, _) => {
            if let Some(line) = held_back(format!("zkchurn: {message}\n")) {
                write(line);
            }
        }
    }
}

/// The width of the terminal that messages go to; `None` where they go elsewhere.
fn columns() -> Option<usize> {
    let columns = tcgetwinsize(io::stderr()).ok()?.ws_col;
    // Fewer are left to the terminal to wrap.
    (columns >= 40).then_some(columns.into())
}

/// The words in lines that are at most so wide; one that is wider stays whole.
fn folded(line: &str, columns: usize) -> String {
    let mut folded = String::with_capacity(line.len());
    let mut width = 0;
    for word in line.split(' ') {
        let length = word.chars().count();
        if width > 0 {
            let fits = width + 1 + length <= columns;
            folded.push(if fits { ' ' } else { '\n' });
            width = if fits { width + 1 } else { 0 };
        }
        folded.push_str(word);
        width += length;
    }
    folded
}

fn write(mut line: String) {
    if let Some(columns) = columns() {
        line = folded(&line, columns);
    }
    match QUEUE.get() {
        Some(queue) => put(queue, line.into_bytes()),
        None => at_once(&line),
    }
}

/// What finds no room is dropped: a trace does not wait for the reader.
fn put(queue: &Outbox, bytes: Vec<u8>) {
    if matches!(queue.put(bytes), Put::Full) {
        MISSED.fetch_add(1, Ordering::Relaxed);
    }
}

fn at_once(line: &str) {
    drop(Patient(io::stderr().lock()).write_all(line.as_bytes()));
}

/// Messages while something else is on the terminal.
struct Held {
    /// Called when there is one.
    wake: Box<dyn Fn() + Send>,
    lines: Vec<String>,
    /// How many more there were.
    left_out: usize,
    /// The latest, until it is asked for.
    latest: Option<String>,
}

static HELD: Mutex<Option<Held>> = Mutex::new(None);
/// Messages that are held at most.
const MOST_HELD: usize = 200;

fn held() -> MutexGuard<'static, Option<Held>> {
    HELD.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Holds messages back from here on, where they would go to a terminal: a screen is
/// drawn there. `wake` is called when there is one.
pub(crate) fn hold(wake: impl Fn() + Send + 'static) {
    if io::stderr().is_terminal() {
        held().get_or_insert_with(|| Held {
            wake: Box::new(wake),
            lines: Vec::new(),
            left_out: 0,
            latest: None,
        });
    }
}

/// The latest message that was held back, once.
pub(crate) fn latest() -> Option<String> {
    held().as_mut()?.latest.take()
}

/// Writes what was held back.
pub(crate) fn release() {
    let Some(held) = held().take() else { return };
    held.lines.into_iter().for_each(write);
    if held.left_out > 0 {
        let more = counted(held.left_out as u64, "more message");
        write(format!("zkchurn: {more}\n"));
    }
}

/// Keeps a line for later if messages are held back; else it is to be written.
fn held_back(line: String) -> Option<String> {
    match held().as_mut() {
        None => Some(line),
        Some(held) => {
            held.latest = Some(line.trim_end().to_owned());
            match held.lines.len() < MOST_HELD {
                true => held.lines.push(line),
                false => held.left_out += 1,
            }
            (held.wake)();
            None
        }
    }
}

/// From here on nobody waits for the reader of messages.
///
/// # Errors
///
/// The system grants no thread, or no process to write a file.
pub(crate) fn queue() -> io::Result<()> {
    // Before standard error is handed over.
    let to_journal = *TO_JOURNAL;
    let writer = printing::writer(Stream::Messages)?;
    let queue = match to_journal {
        true => Outbox::start_each("messages", Journal::beside(writer.to)?, MOST_WAITING),
        false => Outbox::start("messages", writer.to, MOST_WAITING),
    }?;
    // It fails only if there is one already.
    let _ = QUEUE.set(queue);
    if writer.is_file {
        // The standard library's own goes to where a file is no more.
        panic::set_hook(Box::new(|panicked| {
            warn(format_args!("{panicked}"));
            finish();
        }));
    }
    Ok(())
}

/// Lets messages out before this process ends.
pub(crate) fn finish() {
    if let Some(queue) = QUEUE.get() {
        queue.drain(Instant::now() + WITHIN);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_is_wider_than_the_terminal_but_for_a_word() {
        let line = "zkchurn: limitation: no permission to read it\n";
        let expected = "zkchurn: limitation: no\npermission to read it\n";
        assert_eq!(folded(line, 23), expected);
        assert_eq!(folded(line, 80), line);
        let path = "a /very/long/path b\n";
        assert_eq!(folded(path, 6), "a\n/very/long/path\nb\n");
    }
}
