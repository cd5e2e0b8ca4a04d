// SPDX-License-Identifier: MIT
//! What an earlier search of a process's logs found and a later one does not: a log may be closed,
//! moved away, deleted or emptied in between, and the line was there all the same.

use super::{
    logs::{Gone, LogFinding, LogSearch, SearchedFile},
    rotation::is_rotated_from,
};

/// Most files that are kept and were not read again.
const MOST_FILES: usize = 16;
/// Most findings that are kept of an earlier search.
const MOST_FINDINGS: usize = 64;

impl LogSearch {
    /// Keeps what an `earlier` search found, `elapsed_ms` before this one, and this one does not
    /// tell of the same log. The most telling stay where that is too much.
    pub(super) fn keep_from(&mut self, earlier: &Self, elapsed_ms: u64) {
        if self.serves.is_empty() != earlier.serves.is_empty() {
            // A server's log is read for other lines.
            return;
        }
        let mut kept = 0;
        for (index, finding) in earlier.findings.iter().enumerate() {
            let file = earlier.files.iter().find(|file| finding.is_of(file));
            let Some(file) = file.filter(|file| !self.tells(finding, file)) else {
                continue;
            };
            let Some(file) = self.file_of(finding, file, elapsed_ms) else {
                continue;
            };
            if kept == MOST_FINDINGS || !self.has_entered(&file) {
                continue;
            }
            kept += 1;
            let ago = finding.logged_ago_ms;
            let finding = LogFinding {
                path: file.path,
                gone: file.gone,
                logged_ago_ms: ago.map(|ago| ago.saturating_add(elapsed_ms)),
                ..finding.clone()
            };
            self.insert_before(finding, &earlier.findings[index + 1..]);
        }
        self.new_ones_first();
    }

    /// Whether a line of the same kind was found in the same log, or in what it was rotated into.
    fn tells(&self, finding: &LogFinding, file: &SearchedFile) -> bool {
        let is_kind = |now: &&LogFinding| {
            (&now.signature, now.client) == (&finding.signature, finding.client)
        };
        let mut same_kind = self.findings.iter().filter(is_kind);
        same_kind.any(|now| {
            let mut files = self.files.iter();
            let is_copy = || now.offset >= finding.offset && now.count >= finding.count;
            now.path == finding.path
                || files.any(|one| now.is_of(one) && one.is_same(file))
                || (is_rotated_from(&now.path, &finding.path) && is_copy())
        })
    }

    /// The file that `finding` is in now, as far as this search tells; `None` where it is told of
    /// that already.
    fn file_of(
        &self,
        finding: &LogFinding,
        file: &SearchedFile,
        elapsed_ms: u64,
    ) -> Option<SearchedFile> {
        let before = file.read_before_ms.unwrap_or(0).saturating_add(elapsed_ms);
        let kept = SearchedFile {
            read_before_ms: Some(before),
            ..file.clone()
        };
        let Some(now) = self.files.iter().find(|now| now.is_same(file)) else {
            let has_its_name = |now: &SearchedFile| now.gone.is_none() && now.path == file.path;
            let is_taken = self.files.iter().any(has_its_name);
            return Some(SearchedFile {
                gone: file.gone.or(is_taken.then_some(Gone::Renamed)),
                ..kept
            });
        };
        let is_file = file.path.starts_with('/');
        let is_above = finding.offset < now.size.saturating_sub(now.searched);
        if !is_file || (is_above && now.size >= file.size) {
            // It has got so much since that the line was not read again.
            return Some(now.clone());
        }
        // It was emptied: the file is there, but not what was in it.
        Some(SearchedFile {
            device: 0,
            inode: 0,
            gone: Some(Gone::Renamed),
            ..kept
        })
    }

    /// Whether the file is among those of this search, or has found room.
    fn has_entered(&mut self, file: &SearchedFile) -> bool {
        let is_it = |one: &SearchedFile| (&one.path, one.gone) == (&file.path, file.gone);
        if self.files.iter().any(is_it) {
            return true;
        }
        let kept = (self.files.iter()).filter(|one| one.read_before_ms.is_some());
        let has_room = kept.count() < MOST_FILES;
        if has_room {
            self.files.push(file.clone());
        }
        has_room
    }

    /// Puts it before those that told less in its own search.
    fn insert_before(&mut self, finding: LogFinding, less_telling: &[LogFinding]) {
        let tells_less = |now: &LogFinding| {
            let mut less = less_telling.iter();
            now.signature != finding.signature && less.any(|one| one.signature == now.signature)
        };
        let at = self.findings.iter().position(tells_less);
        let at = at.unwrap_or(self.findings.len());
        self.findings.insert(at, finding);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        inspection::{Details, Inspection, logs::Moved},
        process::ProcessKey,
    };

    const CAUSE: &str = "zookeeper-class-missing";

    fn file(path: &str, inode: u64, size: u64) -> SearchedFile {
        SearchedFile {
            path: path.to_owned(),
            size,
            searched: size,
            device: u64::from(inode != 0),
            inode,
            gone: None,
            read_before_ms: None,
        }
    }

    fn line(signature: &str, path: &str, offset: u64) -> LogFinding {
        LogFinding {
            signature: signature.to_owned(),
            meaning: String::new(),
            path: path.to_owned(),
            gone: None,
            count: 2,
            last: String::new(),
            record: None,
            line: None,
            offset,
            logged_ago_ms: Some(1_000),
            during_trace: true,
            client: None,
        }
    }

    fn look(second: u64, files: &[SearchedFile], findings: &[LogFinding]) -> Inspection {
        Inspection {
            key: ProcessKey::new(7, 0),
            at_ns: second * 1_000_000_000,
            details: Some(Details::default()),
            jvm: None,
            logs: Some(LogSearch {
                files: files.to_vec(),
                findings: findings.to_vec(),
                ..LogSearch::default()
            }),
        }
    }

    /// The first look has read `app.log`; what is known behind a second one.
    fn after(files: &[SearchedFile], findings: &[LogFinding]) -> LogSearch {
        let mut later = look(15, files, findings);
        let first = [line(CAUSE, "/app.log", 500)];
        later.complete_from(look(5, &[file("/app.log", 7, 1_000)], &first));
        later.logs.unwrap()
    }

    #[test]
    fn a_log_that_is_closed_has_said_what_it_said() {
        let logs = after(&[], &[]);
        assert_eq!(logs.findings.len(), 1);
        assert_eq!(logs.findings[0].place(), "byte 500 of /app.log");
        assert_eq!(logs.findings[0].logged_ago_ms, Some(11_000));
        assert_eq!(logs.files[0].read_before_ms, Some(10_000));
    }

    #[test]
    fn a_log_that_is_moved_away_deleted_or_emptied_has_said_what_it_said() {
        let other = file("/app.log", 8, 50);
        let emptied = file("/app.log", 7, 50);
        let rewritten = file("/app.log", 7, 5_000);
        for now in [other, emptied, rewritten] {
            let logs = after(&[now], &[line("connection-refused", "/app.log", 20)]);
            let places: Vec<_> = logs.findings.iter().map(LogFinding::place).collect();
            let gone = "byte 500 of /app.log, since renamed, deleted or emptied";
            assert_eq!(places, ["byte 20 of /app.log", gone]);
            assert_eq!(logs.files.len(), 2);
            assert!(logs.findings[0].is_of(&logs.files[0]));
            assert!(logs.findings[1].is_of(&logs.files[1]));
        }
    }

    #[test]
    fn a_log_that_has_grown_beyond_what_is_read_has_the_line_still() {
        let mut grown = file("/app.log", 7, 9_000_000);
        grown.searched = 4_000_000;
        let logs = after(&[grown], &[]);
        assert_eq!(logs.findings[0].place(), "byte 500 of /app.log");
        assert_eq!((logs.files.len(), logs.files[0].read_before_ms), (1, None));
    }

    #[test]
    fn what_is_read_again_is_there_once() {
        let renamed = file("/app.log.1", 7, 1_000);
        let copied = file("/app.log.1", 9, 1_000);
        let live = file("/app.log", 7, 50);
        for (files, path) in [
            (vec![file("/app.log", 7, 2_000)], "/app.log"),
            (vec![live.clone(), renamed], "/app.log.1"),
            (vec![live, copied], "/app.log.1"),
        ] {
            let logs = after(&files, &[line(CAUSE, path, 500)]);
            assert_eq!((logs.findings.len(), logs.files.len()), (1, files.len()));
            assert_eq!(logs.findings[0].path, path);
        }
    }

    #[test]
    fn what_is_found_again_elsewhere_is_kept_there() {
        let other = [file("/app.log", 8, 50)];
        let mut logs = after(&other, &[]);
        logs.take_moves(&[Moved {
            from: "/app.log".to_owned(),
            device: 1,
            inode: 7,
            to: "/old/app.log".to_owned(),
            gone: None,
            note: None,
        }]);
        assert_eq!(logs.findings[0].place(), "byte 500 of /old/app.log");
        let mut again = look(15, &[], &[]);
        again.logs = Some(logs.clone());
        let mut changed = again.clone();
        changed.complete_from(again);
        assert_eq!(changed.logs.as_ref(), Some(&logs), "told twice");
        let mut third = look(25, &other, &[]);
        third.complete_from(changed);
        let third = third.logs.unwrap();
        assert_eq!(third.findings[0].place(), "byte 500 of /old/app.log");
        let before: Vec<_> = third.files.iter().map(|one| one.read_before_ms).collect();
        assert_eq!(before, [None, Some(20_000)]);
    }

    #[test]
    fn what_told_more_then_stands_first() {
        let mut later = look(15, &[file("/b.log", 8, 50)], &[line("other", "/b.log", 0)]);
        let files = [file("/app.log", 7, 1_000), file("/b.log", 8, 40)];
        let first = [line(CAUSE, "/app.log", 500), line("other", "/b.log", 0)];
        later.complete_from(look(5, &files, &first));
        assert_eq!(later.logs.unwrap().findings[0].signature, CAUSE);
    }

    #[test]
    fn logs_that_come_and_go_for_days_take_no_more_memory() {
        let mut known = look(0, &[], &[]);
        for second in 1..200 {
            let path = format!("/{second}.log");
            let files = [file(&path, 100 + second, 1_000)];
            let mut later = look(second, &files, &[line(CAUSE, &path, 1)]);
            later.complete_from(known);
            known = later;
        }
        let logs = known.logs.unwrap();
        assert_eq!(logs.files.len(), 1 + MOST_FILES);
        assert_eq!(logs.findings.len(), logs.files.len());
        assert_eq!(logs.findings[0].path, "/199.log");
    }
}
