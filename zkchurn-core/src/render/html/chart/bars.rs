// SPDX-License-Identifier: MIT
//! Shares of a whole: who closes, and whose the TIME_WAIT sockets are.

use maud::{Markup, html};

use super::Figure;
use crate::{
    render::html::{
        page::{Count, Page, cut},
        svg::{WIDTH, at, picture},
    },
    text::{count, share},
};

const LEFT: f64 = 12.0;
const ROW: f64 = 42.0;

pub(super) fn closes(page: &Page) -> Option<Figure> {
    let sentence = "Who sent the first FIN or RST of established connections: there the reason is \
                    to be sought. Who sends the first FIN keeps the TIME_WAIT socket, unless a RST \
                    ends it.";
    figure("closes", "Who closes", sentence.to_owned(), &page.closes)
}

pub(super) fn time_wait(page: &Page) -> Option<Figure> {
    let sockets = page.time_wait.as_ref()?;
    let mut sentence = sockets.sentence.clone();
    for note in &sockets.notes {
        sentence.push_str(". ");
        sentence.push_str(note);
    }
    figure(
        "time-wait",
        "Whose the TIME_WAIT sockets are",
        sentence,
        &sockets.owners,
    )
}

fn figure(
    id: &'static str,
    title: &'static str,
    sentence: String,
    counts: &[Count],
) -> Option<Figure> {
    if counts.is_empty() {
        return None;
    }
    let total = counts
        .iter()
        .fold(0_u64, |sum, one| sum.saturating_add(one.count))
        .max(1);
    let inner = html! {
        @for (index, one) in counts.iter().enumerate() {
            (bar(one, total, 4.0 + ROW * index as f64))
        }
    };
    let height = 8.0 + ROW * counts.len() as f64;
    Some(Figure {
        id,
        title,
        picture: picture(id, height, title, &sentence, &inner),
        sentence,
        columns: &["Who", "Count", "Share"],
        of_rows: counts.len(),
        rows: counts
            .iter()
            .map(|one| vec![one.label.clone(), count(one.count), share(part(one, total))])
            .collect(),
    })
}

fn part(one: &Count, total: u64) -> f64 {
    one.count as f64 / total as f64
}

fn bar(one: &Count, total: u64, top: f64) -> Markup {
    let part = part(one, total);
    let width = WIDTH - 2.0 * LEFT;
    html! {
        text.lane x=(at(LEFT)) y=(at(top + 13.0)) {
            (cut(&one.label)) " · " (count(one.count)) " (" (share(part)) ")"
        }
        rect.track x=(at(LEFT)) y=(at(top + 20.0)) width=(at(width)) height="12" rx="3" {}
        rect.share x=(at(LEFT)) y=(at(top + 20.0)) width=(at((width * part).max(2.0))) height="12" rx="3" {}
    }
}
