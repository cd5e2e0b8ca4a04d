// SPDX-License-Identifier: MIT
//! The last two lines: what is shown and what was lost, and the keys.

use zkchurn_core::{
    render::text::parts::{self, cell_of_end},
    text::{self, clip, printable},
};

use super::{canvas::Canvas, help};
use crate::view::{
    View,
    snapshot::{Position, Snapshot},
};

/// Bytes of a filter that are shown.
const SHOWN: usize = 120;
/// Rows that it takes.
pub(super) const ROWS: u16 = 2;

pub(super) fn draw(canvas: &mut Canvas<'_>, view: &View) {
    let last = canvas.rows().saturating_sub(1);
    let is_refused = view.prompt.is_some() && view.notice.is_some();
    if let Some(shown) = view.shown().filter(|_| !is_refused) {
        let loss = loss(shown);
        let style = match shown.report.loss.kernel.is_none() && loss.contains("lost: 0") {
            true => canvas.quiet(),
            false => canvas.alarm(),
        };
        canvas.line(last.saturating_sub(1), &loss, style);
    }
    if let Some(prompt) = &view.prompt {
        if let Some(notice) = &view.notice {
            canvas.line(last.saturating_sub(1), notice, canvas.alarm());
        }
        // The end of what is typed is what matters.
        let words = format!(
            "{}{}_",
            prompt.question(),
            printable(prompt.typed.as_bytes())
        );
        canvas.line(
            last,
            &cell_of_end(&words, usize::from(canvas.columns())),
            canvas.bold(),
        );
        return;
    }
    if let Some(notice) = view.notice.as_ref().or(view.message.as_ref()) {
        canvas.line(last, notice, canvas.bold());
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

/// The filter, whether the trace could do less than others, and what was lost: the end is what
/// narrow screens lack.
fn loss(shown: &Snapshot) -> String {
    let limitations = match shown.report.degraded.len() as u64 {
        0 => String::new(),
        count => format!("{}; ", text::counted(count, "limitation")),
    };
    let filter = shown.report.filtered.as_ref();
    // In front: it changes what everything else on the screen means.
    let filter = filter.map_or_else(String::new, |filtered| {
        let words = printable(clip(&filtered.filter, SHOWN).as_bytes());
        format!("filter {words}; ")
    });
    format!("{filter}{limitations}{}", parts::loss(&shown.report))
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
