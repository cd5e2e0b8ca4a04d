// SPDX-License-Identifier: MIT
//! The pictures: each is a pure function of what stands on the page, and has a sentence that
//! says what to see in it, and its table.

mod bars;
mod distribution;
mod ladder;
#[cfg(test)]
mod tests;
mod timeline;

use maud::{Markup, html};

use super::{document::table, page::Page, page::cut};
use crate::text::{count, counted};

/// A picture, its sentence and its table.
pub(super) struct Figure {
    pub id: &'static str,
    pub title: &'static str,
    /// What to see.
    pub sentence: String,
    pub picture: Markup,
    pub columns: &'static [&'static str],
    pub rows: Vec<Vec<String>>,
    /// Rows that a whole table would have.
    pub of_rows: usize,
}

/// All pictures of a page.
pub(super) fn all(page: &Page) -> Markup {
    let figures = [
        timeline::figure(page),
        distribution::gaps(page),
        distribution::lived(page),
        bars::closes(page),
        bars::time_wait(page),
        ladder::figure(page),
    ];
    html! {
        @for figure in figures.into_iter().flatten() {
            (shown(&figure))
        }
    }
}

fn shown(figure: &Figure) -> Markup {
    html! {
        section.figure aria-labelledby=(format!("{}-h", figure.id)) {
            h2 id=(format!("{}-h", figure.id)) { (figure.title) }
            p.see { (cut(&figure.sentence)) }
            (figure.picture)
            details {
                summary {
                    @if figure.rows.len() < figure.of_rows {
                        "The first " (count(figure.rows.len() as u64)) " of "
                        (counted(figure.of_rows as u64, "row")) " of this as a table"
                    } @else { "The same as a table" }
                }
                (table(figure.columns, &figure.rows))
            }
        }
    }
}
