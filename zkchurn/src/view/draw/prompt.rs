// SPDX-License-Identifier: MIT
//! What is typed, with its cursor; and where a filter is wrong, a caret below the place.

use ratatui_core::style::{Modifier, Style};
use unicode_width::UnicodeWidthStr;
use zkchurn_core::{render::text::parts::cell_of_end, text::printable};

use super::{canvas::Canvas, footer};
use crate::view::{View, prompt::Prompt};

pub(super) fn draw(canvas: &mut Canvas<'_>, view: &View, prompt: &Prompt) {
    let last = canvas.rows().saturating_sub(1);
    let row = match prompt.wrong {
        Some(_) => last.saturating_sub(1),
        None => last,
    };
    if let Some(notice) = &view.notice {
        let style = canvas.alarm();
        footer::message(canvas, row.saturating_sub(1), notice, style);
    }
    let columns = usize::from(canvas.columns());
    let question = prompt.question(columns);
    let blank = " ".repeat(columns);
    canvas.line(row, &blank, Style::new());
    let (before, behind) = prompt.typed.around();
    let before = format!("{question}{}", printable(before.as_bytes()));
    let behind = printable(behind.as_bytes());
    // The cursor is always seen, and some of what follows.
    let room = columns.saturating_sub(behind.width().clamp(1, columns / 4));
    let shown = match before.width() > room {
        true => cell_of_end(&before, room),
        false => before.clone(),
    };
    let bold = canvas.bold();
    let mut column = canvas.put(row, 0, canvas.columns(), &shown, bold);
    let mut behind = behind.chars();
    match behind.next() {
        None => canvas.put(row, column, 1, "_", bold),
        Some(under) => {
            let under = under.to_string();
            let style = bold.add_modifier(Modifier::REVERSED);
            column += canvas.put(row, column, under.width() as u16, &under, style);
            canvas.put(row, column, canvas.columns(), behind.as_str(), bold)
        }
    };
    if let Some(wrong) = &prompt.wrong {
        let text = prompt.typed.text();
        let width = |to: usize| printable(&text.as_bytes()[..to.min(text.len())]).width();
        let hidden = before.width().saturating_sub(shown.width());
        let (from, to) = (width(wrong.start), width(wrong.end));
        let at = (question.width() + from).saturating_sub(hidden);
        let carets = "^".repeat(to.saturating_sub(from).max(1));
        canvas.line(last, &blank, Style::new());
        let at = at.min(columns.saturating_sub(1)) as u16;
        let style = canvas.alarm();
        canvas.put(last, at, canvas.columns(), &carets, style);
    }
}
