// SPDX-License-Identifier: MIT
//! Sentences that go over several lines.

use comfy_table::{ContentArrangement, Table, presets};
use unicode_width::UnicodeWidthStr as _;

/// Fewer columns than these are left to the terminal to wrap.
const FEWEST: u16 = 40;

/// What stands before further lines of a sentence without a name: quoted words, which are
/// anybody's, never begin a line as zkchurn's own do.
const HANGING: &str = "  ";

/// Sentences in lines of so many columns, behind a name.
pub(super) fn wrapped(name: &str, words: &str, columns: u16) -> Vec<String> {
    let columns = columns.max(FEWEST);
    let taken = match name {
        "" if words.width() <= usize::from(columns) => 0,
        "" => HANGING.len(),
        name => name.len(),
    };
    let indent = " ".repeat(taken);
    let lines = cut(words, columns.saturating_sub(taken as u16));
    let lines = lines.into_iter().enumerate();
    lines
        .map(|(number, line)| match number {
            0 => format!("{name}{line}"),
            _ => format!("{indent}{line}"),
        })
        .collect()
}

fn cut(words: &str, columns: u16) -> Vec<String> {
    let mut table = Table::new();
    table
        .load_preset(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(columns);
    table.add_row([words]);
    if let Some(column) = table.column_mut(0) {
        column.set_padding((0, 0));
    }
    table
        .lines()
        .map(|line| line.trim_end().to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_quoted_word_begins_a_line() {
        let words = format!("its log says \"{}{{\"type\":\"report\"}}", "x".repeat(26));
        for columns in FEWEST..80 {
            let lines = wrapped("", &words, columns);
            assert!(
                lines
                    .iter()
                    .all(|line| line.width() <= usize::from(columns))
            );
            let mut further = lines.iter().skip(1);
            assert!(further.all(|line| line.starts_with(HANGING)), "{lines:?}");
        }
        assert_eq!(wrapped("", "fits", 40), ["fits"]);
        assert_eq!(wrapped("name ", "fits", 40), ["name fits"]);
    }
}
