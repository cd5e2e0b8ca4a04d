// SPDX-License-Identifier: MIT
//! The row of one connection, as wide as the terminal: a row that wraps cannot be read.

use std::io::{self, Write};

use unicode_width::UnicodeWidthStr;

use super::{
    Page,
    cell::{cell_of_end, clip},
    column::{Column, Layout, OUTCOME, Placed, SECONDS, aligned},
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

/// Writes the row of one connection.
pub(super) fn write(
    to: &mut impl Write,
    line: &ConnectionLine<'_>,
    page: &Page,
    layout: &Layout,
) -> io::Result<()> {
    let mut taken = 0;
    let last = layout.cells.len().saturating_sub(1);
    for (index, at) in layout.cells.iter().enumerate() {
        let room = layout.room_behind(taken);
        if room == 0 {
            break;
        }
        let words = match at.column {
            // The last one has all the room that there is.
            Column::Outcome if index == last => outcome(line, room >= OUTCOME),
            column => in_column(column, line, page, at, layout),
        };
        let words = match index == last {
            true => words.trim_end(),
            false => &words,
        };
        let words = clip(words, room);
        taken += words.width() + 1;
        match at.column {
            Column::Outcome => write!(to, "{}", page.style.outcome(line.outcome, &words))?,
            _ => write!(to, "{words}")?,
        }
        if index != last && taken <= layout.room_behind(0) {
            write!(to, " ")?;
        }
    }
    writeln!(to)
}

fn in_column(
    column: Column,
    line: &ConnectionLine<'_>,
    page: &Page,
    at: &Placed,
    layout: &Layout,
) -> String {
    let connection = line.connection;
    let thread = || connection.opener.map(|opener| opener.thread);
    let words = match column {
        Column::Time => moment(line, page, at.width),
        Column::Pid => ProcessKey::of(connection).map_or_else(dash, |key| key.pid.to_string()),
        Column::Process => process(line),
        Column::Tid => thread().map_or_else(dash, |thread| thread.tid.to_string()),
        Column::Thread => thread().map_or_else(dash, |thread| thread.comm.to_string()),
        Column::Local => return address(&connection.local.to_string(), at, layout),
        Column::Peer => return address(&connection.remote.to_string(), at, layout),
        Column::Lived => lived(connection),
        Column::Closed => first_close(connection).to_owned(),
        Column::Out => bytes(connection.traffic.payload_out),
        Column::In => bytes(connection.traffic.payload_in),
        Column::Outcome => outcome(line, at.width >= OUTCOME),
    };
    aligned(at, &words)
}

/// Of an address its port tells most, so it is cut at its start; and only where the row has
/// no room to spare.
fn address(words: &str, at: &Placed, layout: &Layout) -> String {
    let most = at.width.saturating_add(layout.spare());
    cell_of_end(words, at.width.max(most.min(words.len())))
}

/// The time of day, as far as there is room.
fn moment(line: &ConnectionLine<'_>, page: &Page, width: usize) -> String {
    let connection = line.connection;
    let at = connection.ended_ns.unwrap_or(connection.started_ns);
    let at = time_of_day(line.clock.timestamp(at), &page.zone);
    match width > SECONDS {
        true => at,
        false => at.split('.').next().unwrap_or_default().to_owned(),
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

/// The outcome; where there is room with its error, and with the time that a failed connect
/// took.
fn outcome(line: &ConnectionLine<'_>, has_room: bool) -> String {
    if !has_room {
        return line.outcome.short().to_owned();
    }
    let label = match line.connection.is_reset_in_peers_name() {
        true => "reset in the peer's name",
        false => line.label(),
    };
    let mut words = label.to_owned();
    if let Some(name) = line.connection.told_error().and_then(errno::name) {
        words.push_str(&format!(" ({name})"));
    }
    if !line.connection.was_established()
        && let Some(tried) = line.connection.connecting_for_ns()
    {
        words.push_str(&format!(" after {}", text::duration(tried)));
    }
    let closer = line.connection.closed_by_other_process();
    let closer = closer.map(|closer| {
        let (pid, tid, name) = (closer.tgid, closer.tid, closer.comm);
        format!("pid {pid} thread {tid} \"{name}\"")
    });
    let is_ours = line.outcome.is_by_us();
    if let Some(closer) = closer.as_ref().filter(|_| is_ours) {
        words.push_str(&format!(" by another process: {closer}"));
    }
    if let Some(handshake) = &line.connection.handshake {
        words.push_str(&format!("; {}", handshakes::of_connection(handshake)));
    }
    // How it ended is the peer's doing, or nobody's.
    if let Some(closer) = closer.filter(|_| !is_ours) {
        words.push_str(&format!("; another process closed this side: {closer}"));
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        clock::ClockPair,
        ledger::test_connection::{ended, name},
        outcome::Outcome,
    };

    #[test]
    fn what_was_reset_before_it_left_this_host_was_not_reset_by_the_peer() {
        let mut connection = ended(0, 49, 41, Outcome::ResetByPeer);
        let words = |connection: &Connection| {
            let line = ConnectionLine {
                connection,
                outcome: Outcome::ResetByPeer,
                process: None,
                placed: None,
                clock: ClockPair {
                    monotonic_ns: 0,
                    realtime_ns: 0,
                },
            };
            outcome(&line, true)
        };
        assert_eq!(words(&connection), "reset by peer (ECONNRESET)");
        (connection.traffic.unsent, connection.traffic.in_flight) = (Some(12), Some(0));
        assert_eq!(words(&connection), "reset in the peer's name (ECONNRESET)");
    }

    #[test]
    fn what_another_process_closes_behind_the_peer_is_the_peers_end() {
        let words = |end| {
            let mut connection = ended(0, 9, 9, end);
            connection.closer = connection.opener.map(|opener| opener.thread);
            if let Some(closer) = &mut connection.closer {
                (closer.tgid, closer.tid, closer.comm) = (50, 51, name("worker"));
            }
            let clock = ClockPair {
                monotonic_ns: 0,
                realtime_ns: 0,
            };
            let line = ConnectionLine {
                connection: &connection,
                outcome: end,
                process: None,
                placed: None,
                clock,
            };
            outcome(&line, true)
        };
        assert_eq!(
            words(Outcome::AnsweredThenClosedByPeer),
            "answered, closed by peer; another process closed this side: pid 50 thread 51 \"worker\""
        );
        assert_eq!(
            words(Outcome::AnsweredThenClosedByUs),
            "answered, closed by us by another process: pid 50 thread 51 \"worker\""
        );
    }
}
