// SPDX-License-Identifier: MIT
//! The row of one connection, as wide as the terminal: a row that wraps cannot be read.

use std::io::{self, Write};

use super::{
    Page,
    cell::{cell, cell_of_end, clip},
};
use crate::{
    connection::{Connection, FirstClose},
    errno,
    process::ProcessKey,
    render::{
        ConnectionLine,
        words::{handshakes, moment::time_of_day},
    },
    text,
};

/// Which columns there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// All, however long the outcome is: a pipe.
    Whole,
    /// All, cut at the terminal's width.
    Wide { columns: usize },
    /// Without thread id, closer and bytes.
    Middle { columns: usize },
    /// Without the thread, and with the short outcome.
    Narrow { columns: usize },
}

/// Columns before the outcome, of each layout.
const WIDE: usize = 123;
const MIDDLE: usize = 85;
const NARROW: usize = 63;
/// Columns that the words of most outcomes take.
const OUTCOME: usize = 30;

impl Layout {
    /// For a terminal of so many columns, or for none.
    pub(super) fn of(columns: Option<u16>) -> Self {
        match columns.map(usize::from) {
            None => Self::Whole,
            Some(columns) if columns >= WIDE + OUTCOME => Self::Wide { columns },
            Some(columns) if columns >= MIDDLE + OUTCOME => Self::Middle { columns },
            Some(columns) => Self::Narrow { columns },
        }
    }

    fn room(self) -> usize {
        let (columns, taken) = match self {
            Self::Whole => return usize::MAX,
            Self::Wide { columns } => (columns, WIDE),
            Self::Middle { columns } => (columns, MIDDLE),
            Self::Narrow { columns } => (columns, NARROW),
        };
        columns.saturating_sub(taken).max(1)
    }
}

/// The column names, aligned with [`write()`].
pub(super) fn header(layout: Layout) -> String {
    match layout {
        Layout::Whole | Layout::Wide { .. } => format!(
            "{:<12} {:>7} {:<22} {:>7} {:<15} {:<21} {:>8} {:<6} {:>7} {:>7}  OUTCOME",
            "TIME",
            "PID",
            "PROCESS",
            "TID",
            "THREAD",
            "DESTINATION",
            "LIVED",
            "CLOSED",
            "OUT",
            "IN"
        ),
        Layout::Middle { .. } => format!(
            "{:<8} {:>7} {:<20} {:<15} {:<21} {:>8} OUTCOME",
            "TIME", "PID", "PROCESS", "THREAD", "DESTINATION", "LIVED"
        ),
        Layout::Narrow { .. } => format!(
            "{:<8} {:>7} {:<14} {:<21} {:>8} OUTCOME",
            "TIME", "PID", "PROCESS", "DESTINATION", "LIVED"
        ),
    }
}

/// Writes the row of one connection.
pub(super) fn write(
    to: &mut impl Write,
    line: &ConnectionLine<'_>,
    page: &Page,
    layout: Layout,
) -> io::Result<()> {
    let connection = line.connection;
    let at = connection.ended_ns.unwrap_or(connection.started_ns);
    let at = time_of_day(line.clock.timestamp(at), &page.zone);
    let seconds = at.split('.').next().unwrap_or_default();
    let pid = ProcessKey::of(connection).map(|process| process.pid);
    let pid = pid.map_or_else(dash, |pid| pid.to_string());
    let process = process(line);
    let thread = connection.opener.map(|opener| opener.thread);
    let comm = thread.map_or_else(dash, |thread| thread.comm.to_string());
    let lived = lived(connection);
    let peer = connection.remote.to_string();
    let words = match layout {
        Layout::Narrow { .. } => line.outcome.short().to_owned(),
        _ => outcome(line),
    };
    let words = page
        .style
        .outcome(line.outcome, &clip(&words, layout.room()));
    match layout {
        Layout::Whole | Layout::Wide { .. } => {
            let tid = thread.map_or_else(dash, |thread| thread.tid.to_string());
            writeln!(
                to,
                "{at} {pid:>7} {} {tid:>7} {} {peer:<21} {lived:>8} {:<6} {:>7} {:>7}  {words}",
                cell(&process, 22),
                cell(&comm, 15),
                first_close(connection),
                bytes(connection.traffic.payload_out),
                bytes(connection.traffic.payload_in),
            )
        }
        Layout::Middle { .. } => writeln!(
            to,
            "{seconds:<8} {pid:>7} {} {} {} {lived:>8} {words}",
            cell(&process, 20),
            cell(&comm, 15),
            cell_of_end(&peer, 21),
        ),
        Layout::Narrow { .. } => writeln!(
            to,
            "{seconds:<8} {pid:>7} {} {} {lived:>8} {words}",
            cell(&process, 14),
            cell_of_end(&peer, 21),
        ),
    }
}

fn dash() -> String {
    "-".to_owned()
}

fn bytes(count: Option<u64>) -> String {
    count.map_or_else(dash, text::count)
}

pub(super) fn lived(connection: &Connection) -> String {
    let at_least = if connection.before_start { ">" } else { "" };
    connection
        .established_for_ns()
        .map_or_else(dash, |lived| format!("{at_least}{}", text::duration(lived)))
}

/// The process with its application, or its leader's name.
pub(super) fn process(line: &ConnectionLine<'_>) -> String {
    let captured = || {
        line.connection
            .opener
            .and_then(|opener| opener.process_comm)
            .or(line.connection.holder.map(|holder| holder.comm))
    };
    match line.process {
        Some(process) => text::printable(process.label().as_bytes()),
        None => captured().map_or_else(|| "-".to_owned(), |comm| comm.to_string()),
    }
}

pub(super) fn first_close(connection: &Connection) -> &'static str {
    match connection.first_close() {
        Some(FirstClose::Us) => "us",
        Some(FirstClose::Peer) => "peer",
        Some(FirstClose::Kernel) => "kernel",
        None => "-",
    }
}

/// The outcome, with the time that a failed connect took.
fn outcome(line: &ConnectionLine<'_>) -> String {
    let mut words = line.outcome.label().to_owned();
    if let Some(name) = line.connection.told_error().and_then(errno::name) {
        words.push_str(&format!(" ({name})"));
    }
    if !line.connection.was_established()
        && let Some(tried) = line.connection.connecting_for_ns()
    {
        words.push_str(&format!(" after {}", text::duration(tried)));
    }
    if let Some(handshake) = &line.connection.handshake {
        words.push_str(&format!("; {}", handshakes::of_connection(handshake)));
    }
    if let Some(closer) = line.connection.closed_by_other_process() {
        words.push_str(&format!(
            " by another process: pid {} thread {} \"{}\"",
            closer.tgid, closer.tid, closer.comm
        ));
    }
    words
}
