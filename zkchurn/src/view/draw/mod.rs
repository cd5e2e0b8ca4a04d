// SPDX-License-Identifier: MIT
//! The state as cells.

mod canvas;
mod columns;
mod connections;
mod families;
mod family;
mod footer;
mod help;
mod prompt;

use ratatui_core::{buffer::Buffer, style::Style};
use zkchurn_core::{render::text::parts, report::Older, text};

use super::{
    View,
    page::Page,
    snapshot::{Family, Snapshot},
};
use canvas::{Canvas, severity};
pub(super) use families::name;

/// A terminal of fewer columns or rows than these shows nothing of use.
pub(crate) const LEAST: (u16, u16) = (60, 15);
/// Longer lines are hard to read.
const READABLE: u16 = 110;

impl View {
    /// Draws all of it.
    pub(crate) fn draw(&mut self, cells: &mut Buffer) {
        cells.reset();
        let canvas = &mut Canvas::new(cells, self.colour);
        let (columns, rows) = (canvas.columns(), canvas.rows());
        if columns < LEAST.0 || rows < LEAST.1 {
            too_small(canvas);
        } else if let Some(page) = self.help {
            self.help_pages = help::draw(canvas, self, page);
        } else {
            self.page_rows = self.draw_page(canvas).max(1);
            footer::draw(canvas, self);
        }
    }

    /// Returns how many rows of its list or text fit.
    fn draw_page(&mut self, canvas: &mut Canvas<'_>) -> usize {
        let Some(shown) = self.shown() else {
            canvas.line(0, "waiting for the trace to begin", canvas.bold());
            return 1;
        };
        let bottom = canvas.rows() - footer::ROWS;
        let Some(page) = self.pages.last() else {
            let needed = (shown.families.len() as u16 + 1).clamp(2, bottom / 2);
            let top = draw_answer(canvas, shown, bottom - needed - 1);
            draw_totals(canvas, self, shown, top);
            let top = top + 1;
            return families::draw(canvas, self, shown, top, bottom - top);
        };
        let top = draw_title(canvas, self, shown);
        let place = (top, bottom - top);
        let Some(family) = shown.family(&page.family()) else {
            let words = "it is not in the table at this moment; Esc goes back";
            canvas.line(top, words, Style::new());
            return 1;
        };
        let lines = match page {
            Page::Family { cursor, .. } => {
                return family::draw(canvas, self, (shown, family), *cursor, place);
            }
            Page::Connections { tid, cursor, .. } => {
                canvas.line(top, &family::heading(family), canvas.bold());
                let place = (top + 1, bottom - top - 1);
                return connections::draw(canvas, self, shown, (*tid, *cursor), place);
            }
            page => self.text(page, shown, family, canvas.columns()),
        };
        let heading = family::heading(family);
        self.draw_text(canvas, &heading, &lines, place)
    }

    /// The lines of a page that is read.
    fn text(&self, page: &Page, shown: &Snapshot, family: &Family, columns: u16) -> Vec<String> {
        let columns = columns.min(READABLE);
        match page {
            Page::Connection { .. } if shown.record.is_empty() => {
                vec!["it is kept no longer: others came after it; Esc goes back".to_owned()]
            }
            Page::Connection {
                id: (_, started_ns),
                ..
            } => {
                let without = self.before_handshakes(*started_ns);
                without.into_iter().chain(shown.record.clone()).collect()
            }
            Page::Process { .. } => {
                let suspect = self.suspect(family);
                suspect.map_or_else(Vec::new, |suspect| {
                    parts::process(suspect, &self.zone, columns)
                })
            }
            Page::Evidence { .. } => {
                let finding = family.row.finding;
                let finding = finding.and_then(|at| shown.report.findings.get(at));
                finding.map_or_else(Vec::new, |finding| parts::finding(finding, columns))
            }
            Page::Family { .. } | Page::Connections { .. } => Vec::new(),
        }
    }

    fn draw_text(
        &mut self,
        canvas: &mut Canvas<'_>,
        heading: &str,
        lines: &[String],
        (top, rows): (u16, u16),
    ) -> usize {
        canvas.line(top, heading, canvas.bold());
        let room = usize::from(rows.saturating_sub(1));
        let most = lines.len().saturating_sub(room);
        let scroll = self.pages.last_mut().and_then(Page::scroll);
        let first = scroll.map_or(0, |scroll| {
            *scroll = (*scroll).min(most);
            *scroll
        });
        for (row, line) in (top + 1..).zip(lines.iter().skip(first).take(room)) {
            canvas.line(row, line, Style::new());
        }
        if most > 0 {
            let shown = (first + room).min(lines.len());
            let words = format!(" lines {} to {shown} of {} ", first + 1, lines.len());
            canvas.put_right(top, 40, &words, canvas.bold());
        }
        room
    }
}

fn too_small(canvas: &mut Canvas<'_>) {
    let (columns, rows) = LEAST;
    let words = format!(
        "needs {columns} columns and {rows} rows; this terminal has {} and {}",
        canvas.columns(),
        canvas.rows()
    );
    canvas.line(0, &words, Style::new());
    canvas.line(1, "q ends", Style::new());
}

/// The answer in at most so many rows; returns the row below it.
fn draw_answer(canvas: &mut Canvas<'_>, shown: &Snapshot, rows: u16) -> u16 {
    let columns = canvas.columns().min(READABLE);
    let finding = shown.report.findings.first();
    let lines = match nothing_yet(shown) {
        Some(sentence) => parts::wrapped("", &sentence, columns),
        None => parts::answer(&shown.report, columns, usize::from(rows)),
    };
    let mut column = 0;
    if let Some(finding) = finding {
        let word = format!(" {} ", severity(finding));
        column = canvas.put(0, 0, 12, &word, canvas.badge(finding)) + 1;
    }
    for (row, line) in (0..).zip(&lines) {
        match row {
            0 => canvas.put(0, column, canvas.columns(), line, canvas.bold()),
            _ => canvas.put(row, 0, canvas.columns(), line, Style::new()),
        };
    }
    lines.len() as u16
}

/// At a moment of a recording before its first connection: that there is more to come. What the
/// report asks then, whether host and port are right, is for a trace that is over.
fn nothing_yet(shown: &Snapshot) -> Option<String> {
    let position = shown.position.as_ref()?;
    let total = &shown.report.total;
    let filtered = shown.report.filtered.as_ref();
    let filtered = filtered.map_or(0, |filtered| filtered.connections);
    let seen = total.opened + total.ended + total.older.seen + filtered;
    let left_ns = position.until_ns.saturating_sub(position.now_ns);
    if seen > 0 || left_ns == 0 || !shown.report.findings.is_empty() {
        return None;
    }
    Some(format!(
        "No connection yet at this moment of the recording: {} of it are still to come (→ goes on \
         by a second, End to its end)",
        text::window(left_ns)
    ))
}

/// The answer in one row, above a page; returns the row below it.
fn draw_title(canvas: &mut Canvas<'_>, view: &View, shown: &Snapshot) -> u16 {
    let status = footer::status(view, shown);
    let taken = status.chars().count() as u16;
    canvas.put_right(0, taken, &status, canvas.bold());
    let room = canvas.columns().saturating_sub(taken + 2);
    let mut column = 0;
    let words = match shown.report.findings.first() {
        Some(finding) => {
            let word = format!(" {} ", severity(finding));
            column = canvas.put(0, 0, room, &word, canvas.badge(finding)) + 1;
            parts::title(finding)
        }
        None => nothing_yet(shown).unwrap_or_else(|| shown.report.answer.clone()),
    };
    canvas.put(
        0,
        column,
        room.saturating_sub(column),
        &words,
        canvas.bold(),
    );
    1
}

/// What there is in all, how the rows below are sorted, and what is shown.
fn draw_totals(canvas: &mut Canvas<'_>, view: &View, shown: &Snapshot, row: u16) {
    let total = &shown.report.total;
    let order = match view.held.is_empty() {
        true => view.order.words(),
        false => "order held",
    };
    let left_out = match shown.families_left_out {
        0 => String::new(),
        more => format!(", {} rows not shown", text::count(more)),
    };
    let ended = format!("{} ended", text::count(total.ended));
    let (older, older_ended) = older(&total.older);
    let counts = format!(
        "{} opened, {ended}, {} open",
        text::count(total.opened),
        text::count(total.open)
    );
    let status = footer::status(view, shown);
    let taken = status.chars().count() as u16;
    let room = canvas.columns().saturating_sub(taken + 2);
    let filtered = shown.report.filtered.as_ref();
    let filtered = filtered.map_or_else(String::new, |filtered| {
        let count = text::count(filtered.connections);
        format!("; {count} filtered out")
    });
    let words = [
        format!("{counts}{older}{filtered}; {order}{left_out}"),
        format!("{counts}{older}{filtered}"),
        format!("{counts}{older_ended}{filtered}"),
        format!("{ended}{older_ended}{filtered}"),
        format!("{ended}{older_ended}"),
    ];
    let fits = |words: &&String| words.len() <= usize::from(room);
    let words = words.iter().find(fits).unwrap_or(&words[4]);
    canvas.put(row, 0, room, words, canvas.bold());
    canvas.put_right(row, taken, &status, canvas.bold());
    canvas.underline(row);
}

/// Those that were there when the trace began, which the counts in front do not have, and in
/// few words those of them that ended.
fn older(older: &Older) -> (String, String) {
    let ended = text::count(older.ended);
    let words = match (older.seen, older.ended) {
        (0, _) => return Default::default(),
        (_, 0) => String::new(),
        _ => format!(" + {ended} older"),
    };
    let open = text::count(older.open);
    (format!("; older: {ended} ended, {open} open"), words)
}

/// The first row that is shown, so that the one under the cursor is.
fn visible(all: usize, cursor: Option<usize>, room: usize) -> usize {
    let last = all.saturating_sub(room);
    let cursor = cursor.unwrap_or(0);
    // Some rows ahead, where there are.
    let ahead = (room / 4).min(cursor);
    cursor
        .saturating_sub(room.saturating_sub(ahead + 1))
        .min(last)
}
