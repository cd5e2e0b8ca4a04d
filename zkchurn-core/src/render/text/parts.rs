// SPDX-License-Identifier: MIT
//! Parts of the report as lines without colour, for a screen that draws them itself.

use jiff::tz::TimeZone;

use super::{Page, cell, findings, screen, suspect, wrap};
use crate::{
    connection::Connection,
    diagnose::Finding,
    render::{ConnectionLine, json, words},
    report::{FirstCloses, Report, Summary, SuspectRow},
    text::{self, printable},
};

pub use cell::{cell, cell_of_end, clip};

/// The answer: the worst finding in at most `room` lines, its title first.
pub fn answer(report: &Report, columns: u16, room: usize) -> Vec<String> {
    screen::in_short(report, columns, room)
}

/// A finding with all its evidence.
pub fn finding(finding: &Finding, columns: u16) -> Vec<String> {
    let page = plain(&TimeZone::UTC, columns);
    let layout = findings::Layout { whole: 1, columns };
    lines(|to| findings::write(to, std::slice::from_ref(finding), &page.style, layout))
}

/// What a closer look at a process brought: who it is, its JVM, its threads' stacks.
pub fn process(suspect: &SuspectRow, zone: &TimeZone, columns: u16) -> Vec<String> {
    let page = plain(zone, columns);
    let written = lines(|to| suspect::write(to, suspect, &page));
    written
        .iter()
        .flat_map(|line| wrapped_line(line, columns))
        .collect()
}

/// All that is known of one connection, by the names of the JSON form.
pub fn connection(line: &ConnectionLine<'_>) -> Vec<String> {
    let fields = json::connection_fields(line);
    // Without the braces around all of it.
    let fields = fields.iter().filter_map(|field| field.strip_prefix("  "));
    fields.map(|field| printable(field.as_bytes())).collect()
}

/// How long a connection was established; of an older one, at least.
pub fn lived(connection: &Connection) -> String {
    super::row::lived(connection)
}

/// Who closed it first.
pub fn first_close(connection: &Connection) -> &'static str {
    super::row::first_close(connection)
}

/// Who closes first, most often first: `us`, or `us 12, peer 1`.
pub fn closes(closes: &FirstCloses) -> String {
    match (closes.us, closes.peer, closes.kernel) {
        (_, 0, 0) if closes.us > 0 => "us".to_owned(),
        (0, _, 0) if closes.peer > 0 => "peer".to_owned(),
        (0, 0, _) if closes.kernel > 0 => "kernel".to_owned(),
        _ => words::summary::closed_first(closes),
    }
}

/// The most frequent outcome in short, with its share where it is not the only one; where none
/// that was opened since the trace began has ended, how many are open, older ones too.
pub fn main_outcome(summary: &Summary) -> String {
    let all: u64 = summary.outcomes.values().sum();
    let main = summary.outcomes.iter().max_by_key(|(_, count)| **count);
    let older = &summary.older;
    let open = summary.open.saturating_add(older.open);
    match main {
        None if open > 0 => format!("{} open", text::count(open)),
        None if older.ended > 0 => format!("{} older ended", text::count(older.ended)),
        None => "-".to_owned(),
        Some((outcome, count)) if *count == all => outcome.short().to_owned(),
        Some((outcome, count)) => format!("{}% {}", count * 100 / all.max(1), outcome.short()),
    }
}

/// The same in so many columns: its share goes before the words that say what it was.
pub fn main_outcome_in(summary: &Summary, columns: usize) -> String {
    let whole = main_outcome(summary);
    let bytes = whole.replace("0 bytes", "0 B");
    let bare = match bytes.split_once("% ") {
        Some((_, outcome)) => outcome.to_owned(),
        None => bytes.clone(),
    };
    let forms = [whole, bytes];
    let mut fitting = forms.into_iter().filter(|form| form.len() <= columns);
    fitting.next().unwrap_or_else(|| clip(&bare, columns))
}

/// What was lost in one line, the most words first; zero is said too.
pub fn loss(report: &Report) -> Vec<String> {
    words::loss::in_lines(&report.loss)
}

/// What kind of churn it is, and how sure that is.
pub fn title(finding: &Finding) -> String {
    words::finding::title(finding.title, finding.confidence)
}

/// A moment as a local time to the second.
pub fn moment(rfc3339: &str, zone: &TimeZone) -> String {
    words::moment::moment(rfc3339, zone, false)
}

/// A moment as a local time to the millisecond.
pub fn time_of_day(timestamp: jiff::Timestamp, zone: &TimeZone) -> String {
    words::moment::time_of_day(timestamp, zone)
}

/// Sentences in lines of so many columns, behind a name.
pub fn wrapped(name: &str, words: &str, columns: u16) -> Vec<String> {
    wrap::wrapped(name, &printable(words.as_bytes()), columns)
}

/// A sentence in at most so many lines.
pub fn in_rows(words: &str, columns: u16, most: usize) -> Vec<String> {
    let lines = wrap::wrapped("", &printable(words.as_bytes()), columns);
    screen::at_most(most, lines, columns)
}

fn plain(zone: &TimeZone, columns: u16) -> Page {
    Page::new(false, zone, columns)
}

/// Writing to memory cannot fail.
fn lines(write: impl FnOnce(&mut Vec<u8>) -> std::io::Result<()>) -> Vec<String> {
    let mut text = Vec::new();
    let _ = write(&mut text);
    let text = String::from_utf8_lossy(&text);
    text.lines().map(str::to_owned).collect()
}

/// A line that is wider than the screen goes on below: behind its name, if it has one, else
/// behind the same indent.
fn wrapped_line(line: &str, columns: u16) -> Vec<String> {
    let words = line.trim_start();
    let indent = line.len() - words.len();
    if let Some((name, behind)) = words.split_once("  ")
        && indent > 0
        && name.len() <= LONGEST_NAME
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphabetic() || byte == b'_')
    {
        let said = behind.trim_start();
        return wrap::wrapped(&line[..line.len() - said.len()], said, columns);
    }
    let indent = indent.min(usize::from(columns) / 3);
    wrap::wrapped(&" ".repeat(indent), words, columns)
}

/// Letters of what stands in front of a line, such as `command`.
const LONGEST_NAME: usize = 10;

#[cfg(test)]
mod tests {
    use super::wrapped_line;

    #[test]
    fn what_is_wider_than_the_screen_goes_on_behind_its_name() {
        let line = format!("  command  java {}", "x ".repeat(40));
        let lines = wrapped_line(&line, 60);
        assert!(lines[0].starts_with("  command  java x x"));
        assert!(lines[1].starts_with("           x x"), "{lines:?}");
        let line = format!("    java.lang  {}", "x ".repeat(40));
        assert!(wrapped_line(&line, 60)[1].starts_with("    x x"), "a frame");
    }
}
