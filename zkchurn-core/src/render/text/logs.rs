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
    let (shown, more) = logs.findings.split_at(logs.findings.len().min(SHOWN));
    for file in by_telling(&logs.files, &logs.findings) {
        write_file(to, file, logs)?;
        let mut record = None;
        for finding in shown.iter().filter(|finding| finding.is_of(file)) {
            write_finding(to, finding, record, page)?;
            record = finding.record.as_ref();
        }
        // Under the file that has them.
        let more = more.iter().filter(|finding| finding.is_of(file));
        if let kinds @ 1.. = more.count() as u64 {
            let kinds = text::counted(kinds, "more kind");
            field(
                to,
                "",
                &format!("… {kinds} of matching lines (--format json has them)"),
            )?;
        }
    }
    for note in &logs.notes {
        field(to, "note", note)?;
    }
    Ok(())
}

/// The files in the order of their first finding, then those without one.
fn by_telling<'a>(files: &'a [SearchedFile], findings: &[LogFinding]) -> Vec<&'a SearchedFile> {
    let rank = |file: &&SearchedFile| {
        let found = findings.iter().position(|finding| finding.is_of(file));
        found.unwrap_or(findings.len())
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
    let says = logs.findings.iter().any(|finding| finding.is_of(file));
    let verdict = if says { "" } else { ": no known sign of churn" };
    let before = file.read_before_ms.map(|before| {
        let before = text::duration(before.saturating_mul(1_000_000));
        format!(" {before} before this look, and not since")
    });
    let before = before.unwrap_or_default();
    let gone = file.gone.map(|gone| format!(", {gone}"));
    let gone = gone.unwrap_or_default();
    field(
        to,
        "log",
        &format!("{}{gone} ({scope} searched{before}){verdict}", file.path),
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
    let when = match (finding.during_trace, finding.count) {
        (true, 1) => ", during the trace",
        (true, _) => ", some during the trace",
        (false, _) => "",
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Two logs had one name.
    #[test]
    fn a_line_of_a_log_that_is_gone_is_not_put_under_the_one_that_has_its_name() {
        let logs: LogSearch = serde_json::from_value(serde_json::json!({
            "files": [
                {"path": "/app.log", "size": 7, "searched": 7},
                {"path": "/app.log", "size": 9, "searched": 9, "gone": "renamed", "read_before_ms": 12_000},
            ],
            "findings": [{
                "signature": "connection-refused", "meaning": "Refused.", "path": "/app.log",
                "gone": "renamed", "count": 1, "last": "the line", "record": null, "line": 1,
                "offset": 0,
            }],
            "notes": [],
        }))
        .unwrap();
        let mut written = Vec::new();
        let page = Page::new(false, &jiff::tz::TimeZone::UTC, 80);
        write(&mut written, &logs, &page).unwrap();
        let written = String::from_utf8(written).unwrap();
        let lines: Vec<_> = written.lines().map(str::trim).collect();
        let gone = "/app.log, since renamed, deleted or emptied (9 bytes searched 12.0 s before this \
                    look, and not since)";
        assert!(lines[0].ends_with(gone), "{written}");
        assert!(lines[1].ends_with("Refused."), "{written}");
        let now = "/app.log (7 bytes searched): no known sign of churn";
        assert!(lines[3].ends_with(now), "{written}");
    }

    #[test]
    fn what_is_not_shown_is_counted_under_its_file() {
        let file = |path: &str| {
            let file = serde_json::json!({"path": path, "size": 100, "searched": 100});
            serde_json::from_value(file).unwrap()
        };
        let finding = |path: &str| {
            serde_json::from_value(serde_json::json!({
                "signature": "connection-refused", "meaning": "Refused.", "path": path,
                "count": 1, "last": "the line", "record": null, "line": 1, "offset": 0,
            }))
            .unwrap()
        };
        let paths = ["/app.log", "/app.log", "/app.log", "/app.log", "/other.log"];
        let logs = LogSearch {
            files: ["/none.log", "/other.log", "/app.log"].map(file).to_vec(),
            findings: paths.map(finding).to_vec(),
            ..LogSearch::default()
        };
        let mut written = Vec::new();
        let page = Page::new(false, &jiff::tz::TimeZone::UTC, 80);
        write(&mut written, &logs, &page).unwrap();
        let written = String::from_utf8(written).unwrap();
        let lines: Vec<_> = written.lines().map(str::trim).collect();
        let ends = |text: &str| lines.iter().position(|line| line.ends_with(text));
        let more = "… 1 more kind of matching lines (--format json has them)";
        assert_eq!(lines.iter().filter(|line| **line == more).count(), 2);
        let other = ends("/other.log (100 bytes searched)").unwrap();
        assert_eq!(
            (lines[other - 1], lines[other + 1]),
            (more, more),
            "{written}"
        );
        assert_eq!(
            ends("/none.log (100 bytes searched): no known sign of churn"),
            Some(lines.len() - 1)
        );
    }
}
