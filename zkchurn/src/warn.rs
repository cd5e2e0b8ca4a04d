// SPDX-License-Identifier: MIT
//! Messages on standard error, which may be gone, or whose reader may have paused.

use std::{
    fmt,
    io::{self, Write},
    panic,
    sync::OnceLock,
    time::{Duration, Instant},
};

use zkchurn_core::text::printable;

use crate::host::{
    helper::printing::{self, Stream},
    outbox::Outbox,
};

/// Bytes of messages that wait for their reader at most.
const MOST_WAITING: usize = 1 << 20;
/// How long the end of this process waits for them: after a trace has ended in time.
const WITHIN: Duration = Duration::from_millis(100);

static QUEUE: OnceLock<Outbox> = OnceLock::new();

/// Writes a line with our name in front. Where standard error is gone, as after
/// the end of a terminal, nobody can be told, and that must not end anything:
/// `eprintln!` would panic.
///
/// A message may name a file, and whoever named the file may have meant the terminal.
pub(crate) fn warn(message: fmt::Arguments<'_>) {
    let line = printable(message.to_string().as_bytes());
    let line = format!("zkchurn: {line}\n");
    match QUEUE.get() {
        // What finds no room is dropped: a trace does not wait for the reader.
        Some(queue) => drop(queue.put(line.into_bytes())),
        None => drop(io::stderr().lock().write_all(line.as_bytes())),
    }
}

/// From here on nobody waits for the reader of messages.
///
/// # Errors
///
/// The system grants no thread, or no process to write a file.
pub(crate) fn queue() -> io::Result<()> {
    let writer = printing::writer(Stream::Messages)?;
    let queue = Outbox::start("messages", writer.to, MOST_WAITING)?;
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
