// SPDX-License-Identifier: MIT
//! The connections of a family that are kept, the latest first.

use ratatui_core::style::Style;
use zkchurn_core::{
    render::text::parts::{self, cell},
    tape::Kept,
    text,
};

use super::{
    canvas::Canvas,
    columns::{Column, column, fitted},
    visible,
};
use crate::view::{
    View,
    snapshot::{ConnectionId, Snapshot, id, moment_ns},
};

#[derive(Clone, Copy, Debug)]
enum What {
    Time,
    Thread,
    Lived,
    Closed,
    Out,
    In,
    Outcome,
}

/// What is said where there is no row.
const NONE: &str = "none to show: each has a row once it has ended, and until others come after it";

const COLUMNS: [Column<What>; 7] = [
    column(What::Time, "TIME", (12, 12), 0, false),
    column(What::Thread, "THREAD", (9, 24), 3, false),
    column(What::Lived, "LIVED", (8, 12), 0, true),
    column(What::Closed, "CLOSED", (6, 6), 2, false),
    column(What::Out, "OUT", (6, 10), 4, true),
    column(What::In, "IN", (6, 10), 4, true),
    column(What::Outcome, "OUTCOME", (14, 40), 1, false),
];

impl View {
    /// The connections that are kept, or those of one thread.
    pub(in crate::view) fn connections(&self, tid: Option<u32>) -> Vec<&Kept> {
        let shown = self.shown();
        let all = shown.map_or(&[][..], |shown| &shown.connections);
        let is_of = |kept: &&Kept| {
            let opener = kept.connection.opener;
            tid.is_none() || opener.map(|opener| opener.thread.tid) == tid
        };
        all.iter().filter(is_of).collect()
    }
}

/// Draws them; returns how many rows fit.
pub(super) fn draw(
    canvas: &mut Canvas<'_>,
    view: &View,
    shown: &Snapshot,
    (tid, cursor): (Option<u32>, Option<ConnectionId>),
    (top, rows): (u16, u16),
) -> usize {
    let columns = fitted(&COLUMNS, canvas.columns().saturating_sub(1));
    let mut at = 1;
    for (column, width) in &columns {
        let name = match column.right {
            true => format!("{:>1$}", column.name, usize::from(*width)),
            false => column.name.to_owned(),
        };
        canvas.put(top, at, *width, &name, canvas.bold());
        at += width + 1;
    }
    let room = usize::from(rows.saturating_sub(1));
    let kept = view.connections(tid);
    if kept.is_empty() {
        canvas.put(top + 1, 1, canvas.columns(), NONE, Style::new());
    }
    let at = cursor.and_then(|cursor| kept.iter().position(|kept| id(kept) == cursor));
    let first = visible(kept.len(), at, room);
    let shown_kept = kept.iter().enumerate().skip(first).take(room);
    for (row, (number, kept)) in (top + 1..).zip(shown_kept) {
        let mut column_at = 1;
        for (column, width) in &columns {
            let words = words(view, shown, column.what, kept, usize::from(*width));
            let words = match column.right {
                true => format!("{words:>0$}", usize::from(*width)),
                false => words,
            };
            let style = match column.what {
                What::Outcome => canvas.outcome(kept.outcome),
                _ => Style::new(),
            };
            canvas.put(row, column_at, *width, &words, style);
            column_at += width + 1;
        }
        if at.unwrap_or(0) == number {
            canvas.mark(row, canvas.selected());
        }
    }
    room
}

fn words(view: &View, shown: &Snapshot, what: What, kept: &Kept, width: usize) -> String {
    let connection = &kept.connection;
    let bytes = |count: Option<u64>| count.map_or_else(|| "-".to_owned(), text::count);
    match what {
        What::Time => {
            let at = shown.clock.timestamp(moment_ns(kept));
            parts::time_of_day(at, &view.zone)
        }
        What::Thread => {
            let thread = connection.opener.map(|opener| opener.thread);
            let words = thread.map(|thread| format!("{} {}", thread.tid, thread.comm));
            cell(&words.unwrap_or_else(|| "-".to_owned()), width)
        }
        What::Lived => parts::lived(connection),
        What::Closed => parts::first_close(connection).to_owned(),
        What::Out => bytes(connection.traffic.payload_out),
        What::In => bytes(connection.traffic.payload_in),
        What::Outcome => match width > kept.outcome.label().len() {
            true => kept.outcome.label().to_owned(),
            false => kept.outcome.short().to_owned(),
        },
    }
}
