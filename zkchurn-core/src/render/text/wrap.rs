// SPDX-License-Identifier: MIT
//! Sentences that go over several lines.

use comfy_table::{ContentArrangement, Table, presets};

/// Fewer columns than these are left to the terminal to wrap.
const FEWEST: u16 = 40;

/// Sentences in lines of so many columns, behind a name.
pub(super) fn wrapped(name: &str, words: &str, columns: u16) -> Vec<String> {
    let mut table = Table::new();
    table
        .load_preset(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(columns.max(FEWEST).saturating_sub(name.len() as u16));
    table.add_row([words]);
    if let Some(column) = table.column_mut(0) {
        column.set_padding((0, 0));
    }
    let indent = " ".repeat(name.len());
    let lines = table.lines().enumerate();
    lines
        .map(|(number, line)| match number {
            0 => format!("{name}{}", line.trim_end()),
            _ => format!("{indent}{}", line.trim_end()),
        })
        .collect()
}
