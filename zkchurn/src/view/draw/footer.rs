// SPDX-License-Identifier: MIT
//! The last two lines: what is shown and what was lost, and the keys.

use ratatui_core::style::Style;
use unicode_width::UnicodeWidthStr;
use zkchurn_core::{
    render::text::parts,
    tape::MOST_EACH,
    text::{self, clip, printable},
};

use super::{canvas::Canvas, help, prompt};
use crate::view::{
    View,
    snapshot::{Position, Snapshot},
};

/// Bytes of a filter that are shown.
const SHOWN: usize = 120;
/// Columns of it that are left where what was lost takes most of the row.
const FILTER_LEAST: usize = 8;
/// Rows that a message takes at most.
const MESSAGE: usize = 2;
/// Rows that it takes.
pub(super) const ROWS: u16 = 2;

pub(super) fn draw(canvas: &mut Canvas<'_>, view: &View) {
    let last = canvas.rows().saturating_sub(1);
    if let Some(shown) = view.shown() {
        let loss = loss(view, shown, usize::from(canvas.columns()));
        let is_lossless = shown.report.loss.kernel.is_none() && loss.contains("nothing ");
        let style = match is_lossless {
            true => canvas.quiet(),
            false => canvas.alarm(),
        };
        canvas.line(last.saturating_sub(1), &loss, style);
    }
    if let Some(prompt) = &view.prompt {
        prompt::draw(canvas, view, prompt);
        return;
    }
    if let Some(notice) = view.notice.as_ref().or(view.message.as_ref()) {
        let style = canvas.bold();
        message(canvas, last, notice, style);
        return;
    }
    let mut column = 0;
    for (key, does) in help::hints(view) {
        let width = (key.chars().count() + 1 + does.len()) as u16;
        if column + width > canvas.columns() {
            break;
        }
        column += canvas.put(last, column, width, key, canvas.bold()) + 1;
        column += canvas.put(last, column, width, does, canvas.quiet()) + 2;
    }
}

/// A message in the row `last`, and in the one above where it is longer; returns how many rows
/// it takes.
pub(super) fn message(canvas: &mut Canvas<'_>, last: u16, words: &str, style: Style) -> u16 {
    let lines = parts::in_rows(words, canvas.columns(), MESSAGE);
    let first = (last + 1).saturating_sub(lines.len() as u16);
    for (row, line) in (first..).zip(&lines) {
        canvas.line(
            row,
            &" ".repeat(usize::from(canvas.columns())),
            Style::new(),
        );
        canvas.line(row, line, style);
    }
    lines.len() as u16
}

/// The filter, whether the trace could do less than others, and what was lost: in as many words
/// as fit, the numbers of the loss last to go.
fn loss(view: &View, shown: &Snapshot, columns: usize) -> String {
    let limitations = match shown.report.degraded.len() as u64 {
        0 => String::new(),
        count => format!("{}; ", text::counted(count, "limitation")),
    };
    let losses = parts::loss(&shown.report);
    // In front: it changes what everything else on the screen means.
    let filter = shown.report.filtered.as_ref().map(|filtered| {
        let words = printable(clip(&filtered.filter, SHOWN).as_bytes());
        format!("filter {words}")
    });
    let Some(filter) = filter else {
        return fitting(columns, &losses, |loss| format!("{limitations}{loss}"));
    };
    let scope = match view.filter.is_some() && !view.is_recording {
        true => format!(" on the last {MOST_EACH} of each"),
        false => String::new(),
    };
    let whole = fitting(columns, &losses, |loss| {
        format!("{filter}{scope}; {limitations}{loss}")
    });
    if whole.width() <= columns {
        return whole;
    }
    let short = match scope.is_empty() {
        true => String::new(),
        false => format!(" (last {MOST_EACH})"),
    };
    let behind = [
        (&scope, &*limitations),
        (&short, &limitations),
        (&short, ""),
    ];
    for (scope, limitations) in behind {
        let behind = fitting(0, &losses, |loss| format!("{scope}; {limitations}{loss}"));
        let room = columns.saturating_sub(behind.width());
        if room >= FILTER_LEAST {
            return format!("{}{behind}", parts::clip(&filter, room));
        }
    }
    fitting(columns, &losses, |loss| format!("filtered{short}; {loss}"))
}

/// The first that fits, else the shortest.
fn fitting(columns: usize, losses: &[String], line: impl Fn(&str) -> String) -> String {
    let mut lines = losses.iter().map(|loss| line(loss));
    let shortest = losses.last().map_or_else(String::new, |loss| line(loss));
    let fits = |line: &String| line.width() <= columns;
    lines.find(fits).unwrap_or(shortest)
}

/// What is shown: a live trace, a frozen screen, or a moment of a recording.
pub(super) fn status(view: &View, shown: &Snapshot) -> String {
    let moment = |rfc3339: &str| parts::moment(rfc3339, &view.zone);
    if let Some(position) = &shown.position {
        return recording(position, &moment(&shown.report.trace.to));
    }
    match view.ended_since() {
        Some(since) => format!(
            "FROZEN at {}, +{} ended since",
            moment(&shown.report.trace.to),
            text::count(since)
        ),
        None => format!("LIVE since {}", moment(&shown.report.trace.from)),
    }
}

fn recording(position: &Position, at: &str) -> String {
    let passed = |until_ns: u64| text::window(until_ns.saturating_sub(position.from_ns));
    let how = match (position.is_moving, position.speed) {
        (true, _) => "READING".to_owned(),
        (false, Some(speed)) => format!("PLAYING {speed}×"),
        (false, None) => "RECORDING".to_owned(),
    };
    format!(
        "{how} at {at}, {} of {}",
        passed(position.now_ns),
        passed(position.until_ns)
    )
}
