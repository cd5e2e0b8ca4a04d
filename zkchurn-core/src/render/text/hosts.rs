// SPDX-License-Identifier: MIT
//! Several hosts: the heading over their reports, and the reports.

use std::io::{self, Write};

use super::{Page, wrap::wrapped};
use crate::{
    hosts::Hosts,
    render::{
        Options,
        words::hosts::{COLUMNS, answer, cells, common},
    },
    text::printable,
};

/// Writes the answer, a paragraph a host, and the reports in the order of the hosts.
///
/// # Errors
///
/// What the output fails with.
pub(super) fn write(
    to: &mut dyn Write,
    hosts: &Hosts,
    reports: &[Vec<u8>],
    options: &Options,
) -> io::Result<()> {
    let page = &Page::of(options);
    for line in wrapped("", &answer(hosts, &page.zone), page.columns) {
        writeln!(to, "{}", page.style.bold(&line))?;
    }
    writeln!(to)?;
    for row in &hosts.hosts {
        let cells = cells(row, &page.zone);
        for (name, cell) in COLUMNS
            .iter()
            .zip(&cells)
            .filter(|(_, cell)| !cell.is_empty())
        {
            let name = format!("{:10}", name.to_lowercase());
            lines(to, &name, &printable(cell.as_bytes()), page)?;
        }
        writeln!(to)?;
    }
    lines(to, "time: ", &common(hosts, &page.zone), page)?;
    for note in &hosts.notes {
        lines(to, "note: ", note, page)?;
    }
    for (row, report) in hosts.hosts.iter().zip(reports) {
        let host = printable(row.host.as_bytes());
        writeln!(
            to,
            "\n{}\n",
            page.style.bold(&format!("==== host {host} ===="))
        )?;
        to.write_all(report)?;
    }
    Ok(())
}

fn lines(to: &mut dyn Write, name: &str, words: &str, page: &Page) -> io::Result<()> {
    for line in wrapped(name, words, page.columns) {
        writeln!(to, "{line}")?;
    }
    Ok(())
}
