// SPDX-License-Identifier: MIT
//! Searching the tails of log files for lines that explain churn.
//!
//! | file | does |
//! |---|---|
//! | `signatures` | the list of such lines, and which of them a line belongs to |
//! | `tail` | reads the end of a file that a process holds open |
//! | `scan` | one pass over a text: what occurs, how often, where last |
//! | `record` | the log record that a line of a stack trace belongs to |
//! | `excerpt` | a line cut to a length that can be shown |

mod excerpt;
mod record;
mod scan;
pub mod signatures;
pub mod tail;

use self::{signatures::Signatures, tail::Tail};
use zkchurn_core::inspection::{
    LogFile,
    logs::{LogFinding, LogSearch, SearchedFile},
};

/// Files that are searched, [`tail::TAIL_LIMIT`] bytes of each.
const FILE_LIMIT: usize = 16;

/// Searches the log files of process `pid`, as [`super::proc::details::read`] found
/// them. Nothing is written, and no more than 16 times 4 MiB are read.
/// `left_out` is how many more it found.
pub fn search(pid: u32, files: &[LogFile], left_out: u64) -> LogSearch {
    let mut search = LogSearch::default();
    let signatures = match Signatures::built_in() {
        Ok(signatures) => signatures,
        Err(error) => {
            search.notes.push(format!("No log was searched: {error}."));
            return search;
        }
    };
    let mut found = Vec::new();
    for file in files.iter().take(FILE_LIMIT) {
        match tail::read(pid, file) {
            Ok(tail) => {
                found.extend(findings(&signatures, &file.path, &tail));
                search.files.push(SearchedFile {
                    path: file.path.clone(),
                    size: tail.size,
                    searched: tail.text.len() as u64,
                });
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
    search.findings = in_order(found);
    search
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
fn findings(signatures: &Signatures, path: &str, tail: &Tail) -> Vec<Ranked> {
    let text = &tail.text;
    let hits = scan::scan(signatures, text).into_iter();
    hits.filter_map(|hit| {
        let signature = signatures.list().get(hit.signature)?;
        let record = record::head(text, &hit.line);
        let finding = LogFinding {
            signature: signature.id.clone(),
            meaning: signature.meaning.clone(),
            path: path.to_owned(),
            count: hit.count,
            last: excerpt::around(text, &hit.line, &hit.word),
            record: record.map(|line| excerpt::beginning(text, &line)),
            line: (tail.offset == 0).then_some(hit.lines_before + 1),
            offset: tail.offset + hit.line.start as u64,
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
