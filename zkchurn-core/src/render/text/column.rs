// SPDX-License-Identifier: MIT
//! What a row of one connection can show, and where: which columns, and how wide each.

use std::{borrow::Cow, fmt};

use super::cell::cell;

/// What stands in one column of the lines of connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// When the connection ended, or started where it is open.
    Time,
    /// The process that opened it; of an accepted one, that which holds it.
    Pid,
    /// Its name and application.
    Process,
    /// The thread that opened it.
    Tid,
    /// Its name, as the kernel has it.
    Thread,
    /// This host's address and port.
    Local,
    /// The other end's address and port.
    Peer,
    /// How long it was established.
    Lived,
    /// Who closed it first.
    Closed,
    /// Bytes of payload that were sent and acknowledged.
    Out,
    /// Bytes of payload that were received.
    In,
    /// How it ended, with errno and handshake.
    Outcome,
}

impl Column {
    /// All, in the order in which they stand.
    pub const ALL: [Self; 12] = [
        Self::Time,
        Self::Pid,
        Self::Process,
        Self::Tid,
        Self::Thread,
        Self::Local,
        Self::Peer,
        Self::Lived,
        Self::Closed,
        Self::Out,
        Self::In,
        Self::Outcome,
    ];

    /// Its name behind `--columns`, and in capitals its heading.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Time => "time",
            Self::Pid => "pid",
            Self::Process => "process",
            Self::Tid => "tid",
            Self::Thread => "thread",
            Self::Local => "local",
            Self::Peer => "peer",
            Self::Lived => "lived",
            Self::Closed => "closed",
            Self::Out => "out",
            Self::In => "in",
            Self::Outcome => "outcome",
        }
    }

    /// What it shows, in a few words.
    pub const fn purpose(self) -> &'static str {
        match self {
            Self::Time => "When it ended",
            Self::Pid => "The process that opened it",
            Self::Process => "Its name and application",
            Self::Tid => "The thread that opened it",
            Self::Thread => "The thread's name, as the kernel has it",
            Self::Local => "This host's address and port",
            Self::Peer => "The other end's address and port",
            Self::Lived => "How long it was established",
            Self::Closed => "Who closed it first",
            Self::Out => "Bytes of payload sent",
            Self::In => "Bytes of payload received",
            Self::Outcome => "How it ended",
        }
    }

    /// The one of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|column| column.name() == name)
    }

    /// Numbers stand at the right of their column.
    const fn is_number(self) -> bool {
        matches!(
            self,
            Self::Pid | Self::Tid | Self::Lived | Self::Out | Self::In
        )
    }

    /// Where there is room.
    const fn wide(self) -> usize {
        match self {
            Self::Time => 12,
            Self::Pid | Self::Tid | Self::Out | Self::In => 7,
            Self::Process => 22,
            Self::Thread => 15,
            Self::Local | Self::Peer => 21,
            Self::Lived => 8,
            Self::Closed => 6,
            Self::Outcome => OUTCOME,
        }
    }

    /// Where there is little.
    const fn narrow(self) -> usize {
        match self {
            Self::Time => SECONDS,
            Self::Process => 14,
            Self::Outcome => SHORT_OUTCOME,
            _ => self.wide(),
        }
    }
}

impl fmt::Display for Column {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// Columns of the terminal that the words of most outcomes take, and of most short ones.
pub(super) const OUTCOME: usize = 30;
const SHORT_OUTCOME: usize = 16;
/// A time of day without its fraction.
pub(super) const SECONDS: usize = 8;

/// A column at its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Placed {
    pub column: Column,
    pub width: usize,
}

const fn placed(column: Column, width: usize) -> Placed {
    Placed { column, width }
}

const WIDE: [Placed; 11] = [
    placed(Column::Time, Column::Time.wide()),
    placed(Column::Pid, Column::Pid.wide()),
    placed(Column::Process, Column::Process.wide()),
    placed(Column::Tid, Column::Tid.wide()),
    placed(Column::Thread, Column::Thread.wide()),
    placed(Column::Peer, Column::Peer.wide()),
    placed(Column::Lived, Column::Lived.wide()),
    placed(Column::Closed, Column::Closed.wide()),
    placed(Column::Out, Column::Out.wide()),
    placed(Column::In, Column::In.wide()),
    placed(Column::Outcome, OUTCOME),
];

/// Without what tells least: thread id, closer and bytes.
const MIDDLE: [Placed; 7] = [
    placed(Column::Time, SECONDS),
    placed(Column::Pid, Column::Pid.wide()),
    placed(Column::Process, 20),
    placed(Column::Thread, Column::Thread.wide()),
    placed(Column::Peer, Column::Peer.wide()),
    placed(Column::Lived, Column::Lived.wide()),
    placed(Column::Outcome, OUTCOME),
];

/// Without the thread, too.
const NARROW: [Placed; 6] = [
    placed(Column::Time, SECONDS),
    placed(Column::Pid, Column::Pid.narrow()),
    placed(Column::Process, Column::Process.narrow()),
    placed(Column::Peer, Column::Peer.narrow()),
    placed(Column::Lived, Column::Lived.narrow()),
    placed(Column::Outcome, SHORT_OUTCOME),
];

/// Which columns there are, and how many the terminal has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    pub cells: Cow<'static, [Placed]>,
    /// Columns of the terminal: a row is cut there. `None` is a pipe, where nothing is.
    pub terminal: Option<usize>,
}

impl Layout {
    /// For a terminal of so many columns, or for none. Without any `chosen` the width decides.
    pub(super) fn of(terminal: Option<u16>, chosen: &[Column]) -> Self {
        let terminal = terminal.map(usize::from);
        let fits = |cells: &[Placed]| terminal.is_none_or(|terminal| width(cells) <= terminal);
        let cells = if chosen.is_empty() {
            match () {
                () if fits(&WIDE) => Cow::Borrowed(&WIDE[..]),
                () if fits(&MIDDLE) => Cow::Borrowed(&MIDDLE[..]),
                () => Cow::Borrowed(&NARROW[..]),
            }
        } else {
            let wide = chosen.iter().map(|column| placed(*column, column.wide()));
            let wide: Vec<_> = wide.collect();
            let narrow = chosen.iter().map(|column| placed(*column, column.narrow()));
            Cow::Owned(if fits(&wide) { wide } else { narrow.collect() })
        };
        Self { cells, terminal }
    }

    /// What a row has beyond its columns.
    pub(super) fn spare(&self) -> usize {
        self.room_behind(width(&self.cells))
    }

    /// Columns that are left behind so many.
    pub(super) fn room_behind(&self, taken: usize) -> usize {
        let room = self.terminal.unwrap_or(usize::MAX);
        room.saturating_sub(taken)
    }

    /// The names of the columns.
    pub(super) fn heading(&self) -> String {
        let mut line = String::new();
        for (index, at) in self.cells.iter().enumerate() {
            let name = at.column.name().to_uppercase();
            if index > 0 {
                line.push(' ');
            }
            line.push_str(&aligned(at, &name));
        }
        let line = line.trim_end();
        super::cell::clip(line, self.room_behind(0))
    }
}

/// With the blanks that put it into its column, and cut to it.
pub(super) fn aligned(at: &Placed, words: &str) -> String {
    match at.column.is_number() {
        true => format!("{words:>width$}", width = at.width),
        false => cell(words, at.width),
    }
}

/// Of a row, with a blank between two columns.
fn width(cells: &[Placed]) -> usize {
    let widths = cells.iter().map(|cell| cell.width);
    widths.sum::<usize>() + cells.len().saturating_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_width_chooses_the_columns() {
        let of = |columns| Layout::of(columns, &[]).cells;
        assert_eq!(of(None).len(), WIDE.len());
        assert_eq!(of(Some(200)).len(), WIDE.len());
        assert_eq!(of(Some(120)).len(), MIDDLE.len());
        assert_eq!(of(Some(80)).len(), NARROW.len());
        assert_eq!(of(Some(20)).len(), NARROW.len());
    }

    #[test]
    fn a_heading_is_never_wider_than_the_terminal() {
        for columns in 1..250 {
            for chosen in [&[][..], &Column::ALL[..], &[Column::Outcome, Column::Time]] {
                let heading = Layout::of(Some(columns), chosen).heading();
                assert!(heading.chars().count() <= usize::from(columns), "{heading}");
            }
        }
    }

    #[test]
    fn each_name_is_of_one_column() {
        for column in Column::ALL {
            assert_eq!(Column::named(column.name()), Some(column));
        }
        assert_eq!(Column::named("TIME"), None);
    }

    #[test]
    fn what_is_chosen_stands_in_the_order_in_which_it_was_asked_for() {
        let layout = Layout::of(Some(80), &[Column::Lived, Column::Local, Column::Outcome]);
        assert_eq!(layout.heading(), "   LIVED LOCAL                 OUTCOME");
    }
}
