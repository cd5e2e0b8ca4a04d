// SPDX-License-Identifier: MIT
//! Words into cells. All of them pass here, so that none can act on the terminal, stand
//! outside of their room or break a line.

use ratatui_core::{
    buffer::Buffer,
    layout::Rect,
    style::{Color, Modifier, Style},
};
use zkchurn_core::{
    diagnose::{Confidence, Finding, Severity},
    outcome::Outcome,
    render::text::parts::clip,
    text::printable,
};

/// Where the view is drawn.
pub(super) struct Canvas<'a> {
    cells: &'a mut Buffer,
    colour: bool,
}

impl<'a> Canvas<'a> {
    pub(super) fn new(cells: &'a mut Buffer, colour: bool) -> Self {
        Self { cells, colour }
    }

    pub(super) fn columns(&self) -> u16 {
        self.cells.area.width
    }

    pub(super) fn rows(&self) -> u16 {
        self.cells.area.height
    }

    /// Writes words, cut where the row ends.
    pub(super) fn line(&mut self, row: u16, words: &str, style: Style) {
        self.put(row, 0, self.columns(), words, style);
    }

    /// Writes words into so many columns of a row; returns how many they took.
    pub(super) fn put(
        &mut self,
        row: u16,
        column: u16,
        room: u16,
        words: &str,
        style: Style,
    ) -> u16 {
        let room = room.min(self.columns().saturating_sub(column));
        if row >= self.rows() || room == 0 {
            return 0;
        }
        let words = clip(&printable(words.as_bytes()), usize::from(room));
        let room = usize::from(room);
        let (end, _) = self.cells.set_stringn(column, row, words, room, style);
        end.saturating_sub(column)
    }

    /// Writes words that end at the row's end, if they are not too many.
    pub(super) fn put_right(&mut self, row: u16, room: u16, words: &str, style: Style) {
        let words = clip(&printable(words.as_bytes()), usize::from(room));
        let taken = unicode_width::UnicodeWidthStr::width(words.as_str()) as u16;
        let column = self.columns().saturating_sub(taken);
        self.put(row, column, taken, &words, style);
    }

    /// Styles a whole row, and leaves its words.
    pub(super) fn mark(&mut self, row: u16, style: Style) {
        let area = Rect::new(0, row, self.columns(), 1);
        self.cells
            .set_style(area.intersection(self.cells.area), style);
    }

    /// Draws a line under a row: what follows is something else.
    pub(super) fn underline(&mut self, row: u16) {
        self.mark(row, Style::new().add_modifier(Modifier::UNDERLINED));
    }

    pub(super) fn bold(&self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// What is less important. Not dimmed: on half of all terminals that cannot be read.
    pub(super) fn quiet(&self) -> Style {
        Style::new()
    }

    /// The row under the cursor.
    pub(super) fn selected(&self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    /// By how bad a finding is and how sure that is: reversed, so that it is read on light
    /// terminals as on dark ones.
    pub(super) fn badge(&self, finding: &Finding) -> Style {
        let style = Style::new().add_modifier(Modifier::REVERSED | Modifier::BOLD);
        match (finding.severity, finding.confidence) {
            _ if !self.colour => style,
            (Severity::Broken, Confidence::Certain | Confidence::Likely) => style.fg(Color::Red),
            (Severity::Harmless, _) => style,
            _ => style.fg(Color::Yellow),
        }
    }

    /// A mark beside a row: coloured as the finding is.
    pub(super) fn sign(&self, finding: &Finding) -> Style {
        match (finding.severity, finding.confidence) {
            _ if !self.colour => self.bold(),
            (Severity::Broken, Confidence::Certain | Confidence::Likely) => {
                self.bold().fg(Color::Red)
            }
            (Severity::Harmless, _) => self.bold(),
            _ => self.bold().fg(Color::Yellow),
        }
    }

    /// Red where the connection never did any work.
    pub(super) fn outcome(&self, outcome: Outcome) -> Style {
        match outcome {
            _ if !self.colour => Style::new(),
            Outcome::StillOpen | Outcome::Unknown => Style::new(),
            outcome if outcome.is_failure() => Style::new().fg(Color::Red),
            _ => Style::new().fg(Color::Green),
        }
    }

    /// What was lost, or went wrong.
    pub(super) fn alarm(&self) -> Style {
        match self.colour {
            true => self.bold().fg(Color::Red),
            false => self.bold(),
        }
    }
}

/// How bad it is, in a word.
pub(super) fn severity(finding: &Finding) -> &'static str {
    match finding.severity {
        Severity::Broken => "BROKEN",
        Severity::Wasteful => "WASTEFUL",
        Severity::Harmless => "HARMLESS",
    }
}

/// The same as a mark of one column.
pub(super) fn sign(finding: &Finding) -> &'static str {
    match finding.severity {
        Severity::Broken => "!",
        Severity::Wasteful => "~",
        Severity::Harmless => "·",
    }
}
