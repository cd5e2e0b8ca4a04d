// SPDX-License-Identifier: MIT
//! What the log files of a process say about its churn.

use std::{fmt, net::IpAddr};

use serde::{Deserialize, Serialize};

use super::rotation::is_rotated_from;

/// What the logs of one process say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogSearch {
    /// The files that were looked at.
    pub files: Vec<SearchedFile>,
    /// What was found, most telling first.
    pub findings: Vec<LogFinding>,
    /// Why files could not be read, each a sentence.
    pub notes: Vec<String>,
    /// The traced ports at which the process listens: then it is the server, and what is found
    /// is what its log says of its clients.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub serves: Vec<u16>,
}

/// A file that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SearchedFile {
    /// The path, which begins with `/`; or the command that shows the process's lines in the
    /// journal.
    pub path: String,
    /// Size in bytes; of lines of the journal that of their messages.
    pub size: u64,
    /// How many bytes at its end were searched.
    pub searched: u64,
    /// Device and inode, which a rotated file keeps when its name changes; 0 in recordings
    /// of zkchurn before they were noted.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub device: u64,
    /// See `device`.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub inode: u64,
    /// Why it cannot be found at `path` any more; absent where it can, or nobody has looked since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gone: Option<Gone>,
    /// How long before the look it was searched, milliseconds, where the look itself did not read
    /// it: what an earlier one found in it is still true. Absent where it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_before_ms: Option<u64>,
}

/// Why a log cannot be found any more at the path that it had when it was searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gone {
    /// Another file has the name by now, or none, or it was emptied.
    Renamed,
    /// The path is one of the mount namespace of this process, which has ended.
    WithProcess(u32),
}

impl fmt::Display for Gone {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Renamed => formatter.write_str("since renamed, deleted or emptied"),
            Self::WithProcess(pid) => {
                write!(
                    formatter,
                    "in the mount namespace of pid {pid}, which has ended"
                )
            }
        }
    }
}

/// What became of a log after it was searched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moved {
    /// Its path then.
    pub from: String,
    /// As [`SearchedFile::device`]: another log may have the path by now.
    pub device: u64,
    /// As [`SearchedFile::inode`].
    pub inode: u64,
    /// Where it can be read now; where `gone`, the path by which it was known.
    pub to: String,
    /// Why it cannot be found.
    pub gone: Option<Gone>,
    /// That, as a sentence.
    pub note: Option<String>,
}

/// serde hands out a reference.
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// One signature's hits in one file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogFinding {
    /// Id of the signature.
    pub signature: String,
    /// What it means, a sentence.
    pub meaning: String,
    /// The file, as [`SearchedFile::path`].
    pub path: String,
    /// As [`SearchedFile::gone`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gone: Option<Gone>,
    /// Lines that match.
    pub count: u64,
    /// The last of them, cut at 500 bytes; where what it was found by stands
    /// further behind, from shortly before that.
    pub last: String,
    /// The log record that it belongs to, where `last` is a line of a stack
    /// trace: the nearest line above that begins a record.
    pub record: Option<String>,
    /// Number of the last line, where the search began at the file's start.
    pub line: Option<u64>,
    /// Offset of the last line in the file, in bytes.
    pub offset: u64,
    /// How old the last line was at the look, by its own time, milliseconds. `None` where
    /// it has none that is understood.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logged_ago_ms: Option<u64>,
    /// Whether such a line was written during the trace: by its own time, or by its place in
    /// the file since an earlier look.
    #[serde(default)]
    pub during_trace: bool,
    /// In a server's log, of which client it is; `None` is of all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<IpAddr>,
}

impl LogFinding {
    /// Whether it is of this file: of two with one path, one is gone.
    pub fn is_of(&self, file: &SearchedFile) -> bool {
        (&self.path, self.gone) == (&file.path, file.gone)
    }

    /// `app.log:208`, or the byte where lines were not counted; the command for the journal; and
    /// why it cannot be found there any more.
    pub fn place(&self) -> String {
        let place = match (self.line, self.position()) {
            (Some(line), Some(_)) => format!("{}:{line}", self.path),
            (None, Some(byte)) => format!("{byte} of {}", self.path),
            (_, None) => self.path.clone(),
        };
        match self.gone {
            Some(gone) => format!("{place}, {gone}"),
            None => place,
        }
    }

    /// `line 208`, or the byte; `None` in the journal, which has neither.
    pub fn position(&self) -> Option<String> {
        let is_file = self.path.starts_with('/');
        is_file.then(|| match self.line {
            Some(line) => format!("line {line}"),
            None => format!("byte {}", self.offset),
        })
    }
}

impl LogSearch {
    /// Takes over what became of its files.
    pub fn take_moves(&mut self, moves: &[Moved]) {
        for moved in moves {
            let is_it = |file: &&mut SearchedFile| {
                (&file.path, file.device, file.inode) == (&moved.from, moved.device, moved.inode)
            };
            let Some(file) = self.files.iter_mut().find(is_it) else {
                continue;
            };
            let findings = self.findings.iter_mut();
            for finding in findings.filter(|finding| finding.is_of(file)) {
                (finding.path, finding.gone) = (moved.to.clone(), moved.gone);
            }
            (file.path, file.gone) = (moved.to.clone(), moved.gone);
            self.notes.extend(moved.note.clone());
        }
    }

    /// Finds out by their own time which lines were written since the trace began at
    /// `start_ns`; the look was at `at_ns`. Both are of `CLOCK_MONOTONIC`.
    pub fn compare_with_start(&mut self, start_ns: u64, at_ns: u64) {
        let traced_ms = at_ns.saturating_sub(start_ns) / 1_000_000;
        for finding in &mut self.findings {
            finding.during_trace |= finding.logged_ago_ms.is_some_and(|ago| ago <= traced_ms);
        }
        self.new_ones_first();
    }

    /// Finds out which lines are new since an `earlier` search, which was made during the
    /// trace: so they were written during it, whatever time they tell.
    pub fn compare_with(&mut self, earlier: &Self) {
        let Self {
            files, findings, ..
        } = self;
        for finding in findings.iter_mut() {
            let file = files.iter().find(|file| finding.is_of(file));
            // What was not read again has nothing new.
            let file = file.filter(|file| file.read_before_ms.is_none());
            let then = file.and_then(|file| earlier.what_was(file, files));
            let known = then.and_then(|(then, _)| earlier.finding_of(finding, then));
            let is_behind = |known: &LogFinding| finding.offset > known.offset;
            let is_new = match then {
                Some((_, State::Grown)) => known.is_none_or(is_behind),
                Some((_, State::Anew)) => true,
                // It may be an older one, if it does not hold what the log held.
                Some((_, State::Copied)) => {
                    known.is_some_and(|known| is_behind(known) && finding.count > known.count)
                }
                None => false,
            };
            finding.during_trace |= is_new || known.is_some_and(|known| known.during_trace);
        }
        self.new_ones_first();
    }

    /// The file that `file` was at this search, and what became of it: the same one, whatever
    /// its name was then; or the one that had its name; or, where a log has begun anew
    /// meanwhile, the log that it was copied or packed from. `files` are all there are now, of
    /// the rotated ones the latest first.
    fn what_was(
        &self,
        file: &SearchedFile,
        files: &[SearchedFile],
    ) -> Option<(&SearchedFile, State)> {
        if let Some(then) = self.files.iter().find(|then| then.is_same(file)) {
            // A log that is copied and truncated begins anew under the same inode.
            let state = match file.size < then.size {
                true => State::Anew,
                false => State::Grown,
            };
            return Some((then, state));
        }
        if let Some(then) = self.files.iter().find(|then| then.path == file.path) {
            return Some((then, State::Anew));
        }
        let then = self.files.iter().find(|then| {
            let is_elsewhere = |now: &SearchedFile| now.path != then.path && now.is_same(then);
            let mut rotated = files
                .iter()
                .filter(|now| is_rotated_from(&now.path, &then.path));
            rotated.next() == Some(file) && !files.iter().any(is_elsewhere)
        })?;
        Some((then, State::Copied))
    }

    /// The finding of the same signature in the file `then`.
    fn finding_of(&self, finding: &LogFinding, then: &SearchedFile) -> Option<&LogFinding> {
        let mut known = self.findings.iter();
        known.find(|known| {
            known.is_of(then)
                && (&known.signature, known.client) == (&finding.signature, finding.client)
        })
    }

    pub(super) fn new_ones_first(&mut self) {
        self.findings.sort_by_key(|finding| !finding.during_trace);
    }
}

/// What became of a file since an earlier search.
#[derive(Clone, Copy)]
enum State {
    /// It is the same, with more behind.
    Grown,
    /// Another file has its name, or it was emptied: all of it is new.
    Anew,
    /// It was copied or packed, and more may have been written before that.
    Copied,
}

impl SearchedFile {
    pub(super) fn is_same(&self, other: &Self) -> bool {
        let id = |file: &Self| (file.device, file.inode);
        match (self.inode, other.inode) {
            (0, _) | (_, 0) => (&self.path, self.gone) == (&other.path, other.gone),
            _ => id(self) == id(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn search(path: &str, inode: u64, size: u64, offset: u64) -> LogSearch {
        LogSearch {
            files: vec![SearchedFile {
                path: path.to_owned(),
                size,
                searched: size,
                device: 1,
                inode,
                gone: None,
                read_before_ms: None,
            }],
            findings: vec![LogFinding {
                signature: "connection-refused".to_owned(),
                meaning: String::new(),
                path: path.to_owned(),
                count: 1,
                last: String::new(),
                record: None,
                line: None,
                offset,
                logged_ago_ms: None,
                during_trace: false,
                gone: None,
                client: None,
            }],
            ..LogSearch::default()
        }
    }

    fn is_new(mut now: LogSearch, then: &LogSearch) -> bool {
        now.compare_with(then);
        now.findings[0].during_trace
    }

    #[test]
    fn a_file_is_known_by_its_inode_and_not_by_its_name() {
        let then = search("app.log", 7, 1_000, 500);
        let cases = [
            (
                "grown, no new line",
                search("app.log", 7, 2_000, 500),
                false,
            ),
            ("grown", search("app.log", 7, 2_000, 1_500), true),
            ("renamed", search("app.log.1", 7, 1_000, 500), false),
            (
                "renamed after a line",
                search("app.log.1", 7, 1_100, 1_050),
                true,
            ),
            ("a new file", search("app.log", 8, 300, 100), true),
            ("truncated", search("app.log", 7, 300, 100), true),
            ("another log", search("other.log", 9, 300, 100), false),
        ];
        for (what, now, expected) in cases {
            assert_eq!(is_new(now, &then), expected, "{what}");
        }
    }

    #[test]
    fn a_move_is_of_the_file_that_was_looked_for_and_not_of_the_next_with_its_name() {
        let moved = Moved {
            from: "app.log".to_owned(),
            device: 1,
            inode: 7,
            to: "app.log.1".to_owned(),
            gone: None,
            note: Some("It was renamed.".to_owned()),
        };
        for (inode, path, notes) in [(7, "app.log.1", 1), (8, "app.log", 0)] {
            let mut now = search("app.log", inode, 2_000, 500);
            now.take_moves(std::slice::from_ref(&moved));
            assert_eq!((&*now.files[0].path, now.notes.len()), (path, notes));
            assert_eq!(now.findings[0].path, path);
        }
    }

    #[test]
    fn new_lines_stand_before_old_ones() {
        let mut now = search("app.log", 7, 2_000, 500);
        let mut new = now.findings[0].clone();
        new.signature = "session-expired".to_owned();
        new.offset = 1_500;
        now.findings.push(new);
        now.compare_with(&search("app.log", 7, 1_000, 500));
        assert_eq!(now.findings[0].signature, "session-expired");
        assert!(now.findings[0].during_trace && !now.findings[1].during_trace);
    }

    /// `copytruncate`, and a packer: another file, which holds what the log held.
    #[test]
    fn a_copy_of_the_log_is_new_behind_what_the_log_held() {
        let then = search("app.log", 7, 1_000, 500);
        let now = |path: &str, offset, count| {
            let mut now = search(path, 9, 2_000, offset);
            now.findings[0].count = count;
            now.files
                .insert(0, search("app.log", 7, 10, 0).files.remove(0));
            is_new(now, &then)
        };
        assert!(now("app.log.1", 1_500, 4));
        assert!(now("app.log.1.gz", 1_500, 4));
        assert!(!now("app.log.1", 500, 1), "nothing was added");
        assert!(!now("app.log.1", 1_500, 1), "an older one");
        assert!(!now("other.log.1", 1_500, 4));
        let mut renamed = search("app.log.2", 9, 2_000, 1_500);
        renamed.findings[0].count = 4;
        renamed
            .files
            .push(search("app.log.1", 7, 1_000, 500).files.remove(0));
        assert!(!is_new(renamed, &then), "the log itself is another one");
    }

    #[test]
    fn a_line_that_is_younger_than_the_trace_is_new_at_the_first_look() {
        for (ago, expected) in [(Some(2_000), true), (Some(60_000), false), (None, false)] {
            let mut now = search("app.log", 7, 2_000, 1_500);
            now.findings[0].logged_ago_ms = ago;
            now.compare_with_start(10_000_000_000, 20_000_000_000);
            assert_eq!(now.findings[0].during_trace, expected, "{ago:?} ms ago");
        }
    }
}
