// SPDX-License-Identifier: MIT
//! The keys, where they mean something.

use ratatui_core::style::Style;

use super::canvas::Canvas;
use crate::view::{View, offers::Handshakes, page::Page};

/// A key, and what it does.
type Does = (&'static str, &'static str);

const MOVE: [Does; 4] = [
    ("↑ ↓  j k", "move the cursor, or scroll"),
    ("PgUp PgDn", "a page at a time"),
    ("Enter", "look closer: family, thread, connection"),
    ("Esc", "back; on the first page: let the order change again"),
];
const TABLE: [Does; 1] = [("s", "sort: worst, rate, shortest lived, name")];
const FILTER: [Does; 1] = [(
    "/",
    "show only some connections: process:java not lived<10ms",
)];
const LIVE: [Does; 4] = [
    ("p  Space", "freeze the screen; the trace goes on counting"),
    ("d", "ask the JVM under the cursor for a thread dump"),
    ("h", "read handshakes from now on, or how to do so"),
    ("w", "write a page for the ticket, and a recording"),
];
const TIME: [Does; 5] = [
    ("p  Space", "play, or pause"),
    ("+ -", "faster, slower: 1× to 60×"),
    (
        "← →  [ ]",
        "a second back or on, ten; Home End: to start, end",
    ),
    ("t", "jump to a time: 14:03:07, or 90s after the start"),
    ("w", "write a page for the ticket, of what is shown"),
];
const ALWAYS: [Does; 2] = [
    ("Ctrl-Z", "to the shell, fg comes back; Ctrl-L: draw anew"),
    ("q", "end; the answer stays on the normal screen"),
];
const SIGNS: [Does; 3] = [
    ("! ~ ·", "a finding: broken, wasteful, harmless"),
    (
        "GAPS",
        "pauses between connections; half height is the usual one,",
    ),
    (
        "",
        "one and a half bars up is twice as long: flat is steady",
    ),
];

/// The keys that mean something here.
fn keys(view: &View) -> Vec<Does> {
    let mut keys = MOVE.to_vec();
    if view.pages.is_empty() {
        keys.extend(TABLE);
    }
    keys.extend(FILTER);
    match view.is_recording {
        true => keys.extend(TIME),
        false => keys.extend(LIVE),
    }
    keys.extend(ALWAYS);
    keys.extend(SIGNS);
    keys
}

/// Draws so many of them as fit, of this page; returns how many pages there are.
pub(super) fn draw(canvas: &mut Canvas<'_>, view: &View, page: usize) -> usize {
    canvas.line(0, "Keys", canvas.bold());
    let keys = keys(view);
    let last = canvas.rows().saturating_sub(1);
    let room = usize::from(last.saturating_sub(1)).max(1);
    let pages = keys.len().div_ceil(room);
    // After a change of size there may be fewer.
    let page = page.min(pages.saturating_sub(1));
    for (row, (key, does)) in (1..last).zip(keys.iter().skip(page * room)) {
        canvas.put(row, 2, 11, key, canvas.bold());
        canvas.put(row, 14, canvas.columns(), does, Style::new());
    }
    let words = match page + 1 < pages {
        true => format!("any key: more ({} of {pages}), Esc: back", page + 1),
        false => "any key: back".to_owned(),
    };
    canvas.line(last, &words, canvas.bold());
    pages
}

/// The keys in one line, the more important first; the last that do not fit are dropped.
pub(super) fn hints(view: &View) -> Vec<Does> {
    let mut hints = vec![("q", "quit"), ("?", "keys")];
    if view.pages.is_empty() {
        hints.push(("Enter", "look closer"));
        hints.push(("s", "sort"));
    } else {
        hints.push(("Esc", "back"));
        let is_list = matches!(
            view.pages.last(),
            Some(Page::Family { .. } | Page::Connections { .. })
        );
        if is_list {
            hints.push(("Enter", "look closer"));
        }
    }
    match view.is_recording {
        true => {
            let space = if view.plays() { "pause" } else { "play" };
            hints.extend([("Space", space), ("← →", "step"), ("t", "jump")]);
        }
        false if view.frozen.is_some() => hints.push(("Space", "go on")),
        false => hints.push(("Space", "freeze")),
    }
    hints.push(("/", "filter"));
    hints.push(("w", "write"));
    if view.offers.handshakes == Handshakes::OnWish && !view.is_recording {
        hints.push(("h", "handshakes"));
    }
    hints
}
