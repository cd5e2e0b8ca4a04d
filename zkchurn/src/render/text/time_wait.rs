// SPDX-License-Identifier: MIT
//! The TIME_WAIT sockets: whose they are, and one by one.

use std::io::{self, Write};

use comfy_table::{CellAlignment, Table, presets};

use super::style::Style;
use crate::{
    text,
    timewait::table::{Group, OwnerRow, Row, TimeWait},
};

/// Groups that are shown.
const GROUPS_SHOWN: usize = 10;

/// Writes whose the sockets are.
pub fn write(to: &mut impl Write, table: &TimeWait, style: &Style) -> io::Result<()> {
    writeln!(to, "{}", style.bold(&sentence(table)))?;
    if table.groups.len() > 1 {
        write_groups(to, &table.groups)?;
    }
    for note in &table.notes {
        let note = format!("TIME_WAIT: {}", text::printable(note.as_bytes()));
        writeln!(to, "{}", style.warn(&note))?;
    }
    Ok(())
}

fn sentence(table: &TimeWait) -> String {
    match table.groups.first() {
        None => "TIME_WAIT: no socket to or from the traced ports".to_owned(),
        Some(first) => format!(
            "TIME_WAIT: {} of {}{}: {}",
            text::count(first.count),
            text::counted(table.total, "socket"),
            match first.owner {
                OwnerRow::Traced { .. } => " belong to",
                _ => "",
            },
            whose(first),
        )
        .replace("belong to:", "belong to"),
    }
}

fn write_groups(to: &mut impl Write, groups: &[Group]) -> io::Result<()> {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table.set_header(["  SOCKETS", "OWNER", "FAR END", "GONE IN"]);
    for group in groups.iter().take(GROUPS_SHOWN) {
        table.add_row([
            text::count(group.count),
            whose(group),
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
pub fn write_rows(to: &mut impl Write, rows: &[Row]) -> io::Result<()> {
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

fn whose(group: &Group) -> String {
    match (&group.owner, group.threads) {
        (OwnerRow::Traced { pid, process, .. }, 2..) => format!(
            "{}, from {} threads",
            process_name(*pid, process),
            text::count(group.threads)
        ),
        _ => owner(&group.owner),
    }
}

fn process_name(pid: u32, process: &str) -> String {
    format!("pid {pid} {}", text::printable(process.as_bytes()))
}

fn owner(owner: &OwnerRow) -> String {
    match owner {
        OwnerRow::Traced {
            pid,
            process,
            tid,
            thread,
            ..
        } => {
            let process = process_name(*pid, process);
            match (tid, thread) {
                (Some(tid), Some(thread)) => format!("{process} thread {tid} \"{thread}\""),
                _ => format!("{process}, thread not known (older than the trace)"),
            }
        }
        OwnerRow::ClosedBeforeStart => {
            "closed before zkchurn started: nobody can tell whose they were".to_owned()
        }
        OwnerRow::Forgotten => {
            "ended too long ago: more ended since than are remembered".to_owned()
        }
        OwnerRow::NotRecorded => "closed during the trace, but not recorded".to_owned(),
    }
}

fn left(first_ms: u32, last_ms: u32) -> String {
    let duration = |ms: u32| text::duration(u64::from(ms) * 1_000_000);
    match first_ms == last_ms {
        true => duration(first_ms),
        false => format!("{} to {}", duration(first_ms), duration(last_ms)),
    }
}
