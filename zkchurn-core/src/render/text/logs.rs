// SPDX-License-Identifier: MIT
//! What the logs of a process say, file by file, the most telling one first.

use std::io::{self, Write};

use super::{
    Page,
    suspect::{COMMAND_SHOWN, field},
    wrap::wrapped,
};
use crate::{
    inspection::logs::{LogFinding, LogSearch, SearchedFile},
    text::{self, clip, printable},
};

/// Findings that are shown.
const SHOWN: usize = 3;

/// Writes them.
pub(super) fn write(to: &mut impl Write, logs: &LogSearch, page: &Page) -> io::Result<()> {
    let shown = &logs.findings[..logs.findings.len().min(SHOWN)];
    for file in by_telling(&logs.files, shown) {
        write_file(to, file, logs)?;
        let mut record = None;
        for finding in shown.iter().filter(|finding| finding.path == file.path) {
            write_finding(to, finding, record, page)?;
            record = finding.record.as_ref();
        }
    }
    if let more @ 1.. = logs.findings.len() - shown.len() {
        let more = text::counted(more as u64, "more kind");
        field(
            to,
            "",
            &format!("… {more} of matching lines (--format json has them)"),
        )?;
    }
    for note in &logs.notes {
        field(to, "note", note)?;
    }
    Ok(())
}

/// The files in the order of their first finding, then those without one.
fn by_telling<'a>(files: &'a [SearchedFile], shown: &[LogFinding]) -> Vec<&'a SearchedFile> {
    let rank = |file: &&SearchedFile| {
        let found = shown.iter().position(|finding| finding.path == file.path);
        found.unwrap_or(shown.len())
    };
    let mut files: Vec<_> = files.iter().collect();
    files.sort_by_key(rank);
    files
}

fn write_file(to: &mut impl Write, file: &SearchedFile, logs: &LogSearch) -> io::Result<()> {
    let scope = match file.searched < file.size {
        true => format!("the last {} of {}", bytes(file.searched), bytes(file.size)),
        false => bytes(file.size),
    };
    let says = logs
        .findings
        .iter()
        .any(|finding| finding.path == file.path);
    let verdict = if says { "" } else { ": no known sign of churn" };
    field(
        to,
        "log",
        &format!("{} ({scope} searched){verdict}", file.path),
    )
}

/// `above` is the record that was shown with the finding above.
fn write_finding(
    to: &mut impl Write,
    finding: &LogFinding,
    above: Option<&String>,
    page: &Page,
) -> io::Result<()> {
    let lines = text::counted(finding.count, "line");
    let when = match finding.during_trace {
        true => ", some during the trace",
        false => "",
    };
    let meaning = format!("{lines}{when}: {}", finding.meaning);
    let meaning = printable(meaning.as_bytes());
    for line in wrapped(&format!("  {:<8} ", ""), &meaning, page.columns) {
        writeln!(to, "{}", page.style.warn(&line))?;
    }
    if let Some(record) = finding
        .record
        .as_ref()
        .filter(|record| above != Some(record))
    {
        field(to, "", &format!("  {}", clip(record, COMMAND_SHOWN)))?;
    }
    let place = match finding.position() {
        Some(position) => format!(", {position}"),
        None => String::new(),
    };
    let last = clip(finding.last.trim(), COMMAND_SHOWN);
    field(to, "", &format!("  {last}   <- last one{place}"))
}

fn bytes(count: u64) -> String {
    match count {
        0..=9_999 => text::counted(count, "byte"),
        10_000..=9_999_999 => format!("{} KB", text::count(count / 1_000)),
        _ => format!("{} MB", text::count(count / 1_000_000)),
    }
}
