// SPDX-License-Identifier: MIT
//! The TIME_WAIT sockets: whose they are, and one by one.

use std::io::{self, Write};

use comfy_table::{CellAlignment, Table, presets};

use super::{Page, wrap::wrapped};
use crate::{
    render::words::time_wait::{left, owner, sentence, whose},
    text,
    timewait::table::{Group, Row, TimeWait},
};

const GROUPS_SHOWN: usize = 10;

/// Writes whose the sockets are.
pub(super) fn write(to: &mut impl Write, table: &TimeWait, page: &Page) -> io::Result<()> {
    for line in wrapped("", &sentence(table), page.columns) {
        writeln!(to, "{}", page.style.bold(&line))?;
    }
    if table.groups.len() > 1 {
        write_groups(to, &table.groups)?;
    }
    for note in &table.notes {
        let note = text::printable(note.as_bytes());
        for line in wrapped("TIME_WAIT: ", &note, page.columns) {
            writeln!(to, "{}", page.style.warn(&line))?;
        }
    }
    Ok(())
}

/// Of the owner with most sockets; where many have none, of the known one.
fn write_groups(to: &mut impl Write, groups: &[Group]) -> io::Result<()> {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table.set_header(["  SOCKETS", "OWNER", "PEER", "GONE IN"]);
    for group in groups.iter().take(GROUPS_SHOWN) {
        table.add_row([
            text::count(group.count),
            whose(&group.owner, group.threads),
            group.remote.clone(),
            left(group.first_left_ms, group.last_left_ms),
        ]);
    }
    write_table(to, table)?;
    if let more @ 1.. = groups.len().saturating_sub(GROUPS_SHOWN) {
        let more = text::counted(more as u64, "more group");
        writeln!(to, "           … {more} (--format json has them)")?;
    }
    Ok(())
}

/// Writes the sockets one by one.
pub(super) fn write_rows(to: &mut impl Write, rows: &[Row]) -> io::Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table.set_header([
        "  AGE", "LEFT", "OWNER", "LOCAL", "REMOTE", "SOCKET", "NETNS",
    ]);
    for row in rows {
        table.add_row([
            text::duration(row.age_ms * 1_000_000),
            text::duration(u64::from(row.left_ms) * 1_000_000),
            owner(&row.owner),
            row.local.clone(),
            row.remote.clone(),
            format!("sk:{}", row.socket),
            row.netns.to_string(),
        ]);
    }
    if let Some(left) = table.column_mut(1) {
        left.set_cell_alignment(CellAlignment::Right);
    }
    write_table(to, table)
}

fn write_table(to: &mut impl Write, mut table: Table) -> io::Result<()> {
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    if let Some(first) = table.column_mut(0) {
        first.set_cell_alignment(CellAlignment::Right);
    }
    for line in table.lines() {
        writeln!(to, "{}", line.trim_end())?;
    }
    Ok(())
}
