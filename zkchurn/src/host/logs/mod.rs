// SPDX-License-Identifier: MIT
//! Searching the tails of log files for lines that explain churn.
//!
//! | file | does |
//! |---|---|
//! | `signatures` | the list of such lines, and which of them a line belongs to |
//! | `tail` | reads the end of a file that a process holds open |
//! | `scan` | one pass over a text: what occurs, how often, where last |
//! | `record` | the log record that a line of a stack trace belongs to |
//! | `clock` | how old a line is by its own time |
//! | `rotated` | reads the rotated siblings of a log |
//! | `excerpt` | a line cut to a length that can be shown |

mod clock;
mod excerpt;
mod record;
mod rotated;
mod scan;
pub mod signatures;
pub mod tail;

use std::time::{Duration, Instant};

use jiff::Timestamp;

use self::{clock::LogClock, rotated::Budget, signatures::Signatures, tail::Tail};
use zkchurn_core::inspection::{
    LogFile,
    logs::{LogFinding, LogSearch, SearchedFile},
};

/// Files that are searched, [`tail::TAIL_LIMIT`] bytes of each.
const FILE_LIMIT: usize = 16;

/// Rank of the signatures that explain churn by themselves.
const DECISIVE: u8 = 1;
/// Bytes of rotated files that are read.
const ROTATED_BYTES: u64 = 64 << 20;
/// Time for reading rotated files.
const ROTATED_FOR: Duration = Duration::from_secs(2);

/// Searches the log files of process `pid`, as [`super::proc::details::read`] found
/// them, and their rotated siblings where the files themselves hold nothing decisive.
/// Nothing is written; of open files no more than 16 times 4 MiB are read, of rotated ones
/// 64 MiB in 2 s. `left_out` is how many more it found, `started` when the process did.
pub fn search(pid: u32, files: &[LogFile], left_out: u64, started: Option<Timestamp>) -> LogSearch {
    let mut search = LogSearch::default();
    let signatures = match Signatures::built_in() {
        Ok(signatures) => signatures,
        Err(error) => {
            search.notes.push(format!("No log was searched: {error}."));
            return search;
        }
    };
    let clock = LogClock::of(pid);
    let began = Instant::now();
    let mut found = Vec::new();
    for file in files.iter().take(FILE_LIMIT) {
        match tail::read(pid, file) {
            Ok(tail) => {
                found.extend(findings(&signatures, &clock, &file.path, &tail));
                search.files.push(searched(&file.path, &tail));
            }
            Err(error) => search.notes.push(unread(&file.path, &error)),
        }
    }
    let more = files.len().saturating_sub(FILE_LIMIT) as u64 + left_out;
    if more > 0 {
        search.notes.push(format!(
            "{} not searched: the limit is {FILE_LIMIT}.",
            match more {
                1 => "1 more log file was".to_owned(),
                _ => format!("{more} more log files were"),
            }
        ));
    }
    let decisive = |found: &[Ranked]| found.iter().any(|(rank, _)| *rank <= DECISIVE);
    if let Some(started) = started.filter(|_| !decisive(&found)) {
        let mut budget = Budget {
            bytes: ROTATED_BYTES,
            until: Instant::now() + ROTATED_FOR,
        };
        for file in files.iter().take(FILE_LIMIT) {
            let known: Vec<_> = (search.files.iter())
                .map(|searched| (searched.device, searched.inode))
                .collect();
            for (path, tail) in rotated::read(pid, &file.path, started, &known, &mut budget) {
                let more = findings(&signatures, &clock, &path, &tail);
                // A file that says nothing would only make the report longer.
                if !more.is_empty() {
                    search.files.push(searched(&path, &tail));
                }
                found.extend(more);
            }
        }
    }
    search.findings = in_order(found);
    // The look is dated when it ends.
    let took = began.elapsed().as_millis() as u64;
    let ages = search.findings.iter_mut();
    for ago in ages.filter_map(|finding| finding.logged_ago_ms.as_mut()) {
        *ago += took;
    }
    search
}

fn searched(path: &str, tail: &Tail) -> SearchedFile {
    SearchedFile {
        path: path.to_owned(),
        size: tail.size,
        searched: tail.text.len() as u64,
        device: tail.id.0,
        inode: tail.id.1,
    }
}

fn unread(path: &str, error: &std::io::Error) -> String {
    let remedy = match error.kind() {
        std::io::ErrorKind::PermissionDenied => "; run as root or as the process's user",
        _ => "",
    };
    format!("{path} could not be read: {error}{remedy}.")
}

/// A finding and the rank of its signature.
type Ranked = (u8, LogFinding);

/// What the end of one file says.
fn findings(signatures: &Signatures, clock: &LogClock, path: &str, tail: &Tail) -> Vec<Ranked> {
    let text = &tail.text;
    let hits = scan::scan(signatures, text).into_iter();
    hits.filter_map(|hit| {
        let signature = signatures.list().get(hit.signature)?;
        let record = record::head(text, &hit.line);
        let stamped = record.clone().unwrap_or(hit.line.clone());
        let finding = LogFinding {
            signature: signature.id.clone(),
            meaning: signature.meaning.clone(),
            path: path.to_owned(),
            count: hit.count,
            last: excerpt::around(text, &hit.line, &hit.word),
            record: record.map(|line| excerpt::beginning(text, &line)),
            line: (tail.offset == 0).then_some(hit.lines_before + 1),
            offset: tail.offset + hit.line.start as u64,
            logged_ago_ms: text.get(stamped).and_then(|line| clock.ago_ms(line)),
            during_trace: false,
        };
        Some((signature.rank, finding))
    })
    .collect()
}

/// By rank, then by count; equals stay in the order of files and of the list.
fn in_order(mut found: Vec<Ranked>) -> Vec<LogFinding> {
    found.sort_by_key(|(rank, finding)| (*rank, std::cmp::Reverse(finding.count)));
    found.into_iter().map(|(_, finding)| finding).collect()
}

#[cfg(test)]
mod tests;
