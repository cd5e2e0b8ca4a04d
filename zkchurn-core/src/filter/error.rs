// SPDX-License-Identifier: MIT
//! Why a filter is not understood, with a caret below the place.

use std::{fmt, ops::Range};

use unicode_width::UnicodeWidthStr;

use crate::text::{clip, printable};

/// Why a filter is not understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct FilterError {
    /// What is wrong, and what is accepted.
    sentence: String,
    /// The filter.
    text: String,
    /// The bytes of it that are wrong.
    place: Range<usize>,
}

/// Bytes of the filter that are shown on each side of the place.
const AROUND: usize = 60;
/// Bytes that are shown of the place itself at most.
const OF_PLACE: usize = 120;

impl FilterError {
    pub(super) fn new(text: &str, place: Range<usize>, sentence: impl Into<String>) -> Self {
        Self {
            sentence: sentence.into(),
            text: text.to_owned(),
            place,
        }
    }

    /// The words that are wrong, made printable; empty where something is missing.
    pub fn wrong(&self) -> String {
        let wrong = &self.text[self.place()];
        printable(wrong.as_bytes())
    }

    /// The bytes of the filter that are wrong, at the boundaries of characters; none where
    /// something is missing.
    pub fn place(&self) -> Range<usize> {
        let from = self.text.floor_char_boundary(self.place.start);
        let to = self.place.end.clamp(from, self.text.len());
        from..self.text.ceil_char_boundary(to)
    }

    /// What is wrong, without the filter.
    pub fn sentence(&self) -> &str {
        &self.sentence
    }
}

impl fmt::Display for FilterError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let from = self.text.floor_char_boundary(self.place.start);
        let to = self
            .text
            .ceil_char_boundary(self.place.end.clamp(from, self.text.len()));
        let first = self.text.floor_char_boundary(from.saturating_sub(AROUND));
        let last = self
            .text
            .ceil_char_boundary((to + AROUND).min(self.text.len()));
        let shown = |range: Range<usize>| printable(self.text[range].as_bytes());
        let wrong = clip(&self.text[from..to], OF_PLACE);
        // What is behind the cut is no neighbour of what is shown.
        let behind = match wrong.len() < to - from {
            true => String::new(),
            false => shown(to..last),
        };
        let (before, wrong) = (shown(first..from), printable(wrong.as_bytes()));
        writeln!(formatter, "{}", self.sentence)?;
        writeln!(formatter, "  {before}{wrong}{behind}")?;
        write!(
            formatter,
            "  {}{}",
            " ".repeat(before.width()),
            "^".repeat(wrong.width().max(1))
        )
    }
}
