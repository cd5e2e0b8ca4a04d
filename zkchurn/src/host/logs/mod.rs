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
//! | `again` | what the logs have got since an earlier search |
//! | `rotated` | reads the rotated siblings of a log |
//! | `writers` | which files other processes write to |
//! | `container` | reads what a container engine keeps of the output |
//! | `engine` | takes an engine's frame off its lines |
//! | `journal` | what the journal has of a process |
//! | `pipe` | who reads the pipe that the output goes into, and its log files |
//! | `server` | what the log of a ZooKeeper server says of its clients |
//! | `whereabouts` | where logs are that were searched a while ago |
//! | `named` | the path at which a log that is open can be read |
//! | `excerpt` | a line cut to a length that can be shown |

mod again;
mod clock;
pub(super) mod container;
pub(super) mod engine;
mod excerpt;
mod journal;
mod named;
mod pipe;
mod record;
mod rotated;
mod scan;
mod server;
pub mod signatures;
pub mod tail;
pub(super) mod whereabouts;
mod writers;

pub use again::search_again;
pub use whereabouts::Searched;

use std::{
    io,
    time::{Duration, Instant},
};

use jiff::{SignedDuration, Timestamp};

use self::{
    clock::LogClock,
    rotated::Budget,
    signatures::{SignatureError, Signatures},
    tail::Tail,
};
use crate::host::proc::ended::has_ended;
use zkchurn_core::{
    inspection::{
        Details, LogFile,
        journal::JournalOf,
        logs::{LogFinding, LogSearch, SearchedFile},
        own_words::OwnWords,
        signature,
    },
    shell,
};

/// Files that are searched, [`tail::TAIL_LIMIT`] bytes of each.
const FILE_LIMIT: usize = 16;

/// Rank of the signatures that explain churn by themselves.
const DECISIVE: u8 = 1;
/// Bytes of rotated files that are read.
const ROTATED_BYTES: u64 = 64 << 20;
/// How long ago a rotated file was written to that is read although the log decides.
const LATELY: SignedDuration = SignedDuration::from_mins(10);
/// Time for finding out who reads a pipe.
const READERS_WITHIN: Duration = Duration::from_secs(1);
/// Time for reading rotated files.
const ROTATED_FOR: Duration = Duration::from_secs(2);

/// Searches the logs of process `pid`, as [`super::proc::details::read`] found them: its
/// open files; where its output is no file, what it goes into; and, where all that holds
/// nothing decisive, the journal (5,000 lines in 3 s) and the rotated siblings; where it does,
/// of those the ones of the latest ten minutes. Nothing is written; of a file no more than 4 MiB are read, of rotated ones 64 MiB in 2 s. `tell` is
/// given what there is before those. Of a process that listens at the ports `serves` it is
/// told what its log says of its clients.
pub fn search(
    pid: u32,
    details: &Details,
    serves: &[u16],
    tell: impl FnOnce(LogSearch),
) -> LogSearch {
    let signatures = match Signatures::built_in() {
        Ok(signatures) => signatures,
        Err(error) => {
            let notes = vec![format!("No log was searched: {error}.")];
            return LogSearch {
                notes,
                ..LogSearch::default()
            };
        }
    };
    let mut searching = Searching::new(pid, signatures);
    searching.search.serves = serves.to_vec();
    searching.open_files(pid, &details.log_files, details.log_files_left_out);
    searching.output(pid, details);
    let started = details.started.as_ref().and_then(|at| at.parse().ok());
    searching.journal(details, started);
    if let Some(started) = started {
        tell(searching.so_far());
        // A log may have turned over while its lines were written.
        let since = match searching.is_decided() {
            true => started.max(searching.clock.before(LATELY)),
            false => started,
        };
        searching.rotated(pid, &details.log_files, since);
    }
    searching.so_far()
}

/// What a log of these bytes says, which an engine of containers may have framed. No line
/// of it has an age: nobody wrote it. For tests of any bytes.
///
/// # Errors
///
/// The list of signatures cannot be read.
pub fn in_text(text: &[u8], is_framed: bool) -> Result<Vec<LogFinding>, SignatureError> {
    let size = text.len() as u64;
    let text = match is_framed {
        true => engine::unframed(text),
        false => text.to_vec(),
    };
    let clock = LogClock::of_long_ago();
    let found = findings(
        &Signatures::built_in()?,
        &clock,
        "",
        &Tail::new(text, 0, size),
    );
    Ok(in_order(found))
}

/// A search that goes on.
struct Searching {
    signatures: Signatures,
    clock: LogClock,
    began: Instant,
    found: Vec<Ranked>,
    search: LogSearch,
}

impl Searching {
    fn new(pid: u32, signatures: Signatures) -> Self {
        Self {
            signatures,
            clock: LogClock::of(pid),
            began: Instant::now(),
            found: Vec::new(),
            search: LogSearch::default(),
        }
    }

    fn open_files(&mut self, pid: u32, files: &[LogFile], left_out: u64) {
        for file in files.iter().take(FILE_LIMIT) {
            self.open_file(pid, file);
        }
        let more = files.len().saturating_sub(FILE_LIMIT) as u64 + left_out;
        if more > 0 {
            self.search.notes.push(format!(
                "{} open: {FILE_LIMIT} at most are searched, beside what they were rotated into.",
                match more {
                    1 => "1 more log file is".to_owned(),
                    _ => format!("{more} more log files are"),
                }
            ));
        }
    }

    fn open_file(&mut self, pid: u32, file: &LogFile) {
        let tail = tail::read(pid, file);
        if let Err(error) = &tail
            && error.kind() == io::ErrorKind::NotFound
        {
            let name = openable(pid, &file.path);
            return self.search.notes.push(not_open(&name, pid));
        }
        let is_named = tail
            .as_ref()
            .map_or(!file.deleted, |tail| named::leads_to(pid, file, tail.id));
        let name = openable(pid, &file.path);
        if is_named {
            return self.take(&name, tail);
        }
        let held = file.held_at(pid);
        self.take(&held, tail);
        self.search.notes.push(named::note(&name, pid, &held));
    }

    /// What standard output and error go into.
    fn output(&mut self, pid: u32, details: &Details) {
        let goes_to = details.output_to.as_deref().unwrap_or_default();
        if let Some(container) = &details.container {
            for (path, tail) in container::read(container) {
                self.take(&path, tail);
            }
        }
        if !goes_to.contains("pipe") || !self.search.files.is_empty() {
            return;
        }
        let readers = pipe::readers(pid, Instant::now() + READERS_WITHIN);
        for reader in &readers {
            for file in &reader.files {
                self.open_file(reader.pid, file);
            }
        }
        if self.search.files.is_empty() {
            self.search.notes.push(pipe::note(&readers));
        }
    }

    /// The journal, where nothing decisive was found and it may have more.
    fn journal(&mut self, details: &Details, started: Option<Timestamp>) {
        let goes_there = (details.output_to.as_deref()).is_some_and(|to| to.contains("journal"));
        // An engine writes either into files of its own or into the journal.
        let has_files = details.container.is_some() && !self.search.files.is_empty();
        if self.is_decided() || has_files {
            return;
        }
        let Some(of) = JournalOf::process(details) else {
            return;
        };
        match journal::read(&of, started) {
            Ok(read) => {
                if !read.tail.text.is_empty() {
                    self.take(&of.command, Ok(read.tail));
                    self.search.notes.extend(read.note);
                } else if goes_there {
                    self.search.notes.extend(read.note);
                }
            }
            Err(why) if goes_there => self.search.notes.push(why),
            Err(_) => {}
        }
    }

    fn take(&mut self, path: &str, tail: io::Result<Tail>) {
        match tail {
            Ok(tail) => {
                let found = self.findings(path, &tail);
                self.found.extend(found);
                self.search.files.push(searched(path, &tail));
            }
            Err(error) => self.search.notes.push(unread(path, &error)),
        }
    }

    fn findings(&self, path: &str, tail: &Tail) -> Vec<Ranked> {
        match self.search.serves.is_empty() {
            true => findings(&self.signatures, &self.clock, path, tail),
            false => server::findings(&self.clock, path, tail),
        }
    }

    /// Whether a line of ZooKeeper's client explains churn by itself: an error of something
    /// else in the process does not.
    fn is_decided(&self) -> bool {
        let is_of_client = |finding: &LogFinding| {
            let record = finding.record.as_deref().unwrap_or_default();
            [record, &finding.last]
                .into_iter()
                .any(|line| signature::names_client(&OwnWords::of(line).text))
        };
        let mut found = self.found.iter();
        let is_server = !self.search.serves.is_empty();
        found.any(|(rank, finding)| *rank <= DECISIVE && (is_server || is_of_client(finding)))
    }

    fn rotated(&mut self, pid: u32, files: &[LogFile], since: Timestamp) {
        let mut budget = Budget {
            bytes: ROTATED_BYTES,
            until: Instant::now() + ROTATED_FOR,
        };
        let mut left_out = 0;
        let mut packed = Vec::new();
        let logs = files.iter().take(FILE_LIMIT);
        let mut all: Vec<_> = logs
            .map(|file| rotated::find(pid, &file.path, since))
            .collect();
        rotated::leave_out_others(pid, &mut all, &budget);
        for siblings in all {
            let known: Vec<_> = (self.search.files.iter())
                .map(|searched| (searched.device, searched.inode))
                .collect();
            let found = siblings.read(&known, &mut budget);
            left_out += found.left_out;
            packed.extend(found.packed);
            for (path, tail) in found.tails {
                let path = openable(pid, &path);
                let more = self.findings(&path, &tail);
                // A file that says nothing would only make the report longer.
                if !more.is_empty() {
                    self.search.files.push(searched(&path, &tail));
                }
                self.found.extend(more);
            }
        }
        self.not_read(pid, &packed, left_out);
    }

    /// Says which rotated files were not searched.
    fn not_read(&mut self, pid: u32, packed: &[(String, &str, &str)], left_out: usize) {
        if let [(path, packer, command), ..] = packed {
            let path = shell::word(&openable(pid, path));
            self.search.notes.push(format!(
                "{} packed by {packer}, which zkchurn does not unpack: run `{command} {path} | grep \
                 -i zookeeper`.",
                match packed.len() {
                    1 => "A rotated log file is".to_owned(),
                    count => format!("{count} rotated log files are"),
                }
            ));
        }
        if left_out > 0 {
            self.search.notes.push(format!(
                "{} not searched: the limit is the latest 6 of each log, 64 MiB and 2 s.",
                match left_out {
                    1 => "1 more rotated log file was".to_owned(),
                    count => format!("{count} more rotated log files were"),
                }
            ));
        }
    }

    fn so_far(&self) -> LogSearch {
        let mut search = self.search.clone();
        search.findings = in_order(self.found.clone());
        // The look is dated when it ends.
        let took = self.began.elapsed().as_millis() as u64;
        let ages = search.findings.iter_mut();
        for ago in ages.filter_map(|finding| finding.logged_ago_ms.as_mut()) {
            *ago += took;
        }
        search
    }
}

/// The path as whoever reads the report can open it: through the process, where that has
/// mounts of its own, as in a container. It is there as long as the process is.
fn openable(pid: u32, path: &str) -> String {
    let mounts = |process: &str| std::fs::read_link(format!("/proc/{process}/ns/mnt")).ok();
    match (mounts("self"), mounts(&pid.to_string())) {
        (Some(own), Some(other)) if own != other => format!("/proc/{pid}/root{path}"),
        _ => path.to_owned(),
    }
}

fn searched(path: &str, tail: &Tail) -> SearchedFile {
    SearchedFile {
        path: path.to_owned(),
        size: tail.size,
        searched: tail.text.len() as u64,
        device: tail.id.0,
        inode: tail.id.1,
        gone: None,
        read_before_ms: None,
    }
}

fn unread(path: &str, error: &io::Error) -> String {
    let remedy = crate::host::proc::files::more_permission(error);
    format!("{path} could not be read: {error}{remedy}.")
}

/// That a process has not had a log open any more when it came to that.
fn not_open(path: &str, pid: u32) -> String {
    match has_ended(pid) {
        true => format!("Its process ended before this look could read {path}."),
        false => format!("{path} was closed before this look could read it."),
    }
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
            logged_ago_ms: match tail.written_at(hit.line.start) {
                Some(written) => clock.since_ms(written / 1_000),
                None => text.get(stamped).and_then(|line| clock.ago_ms(line)),
            },
            during_trace: false,
            gone: None,
            client: None,
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
