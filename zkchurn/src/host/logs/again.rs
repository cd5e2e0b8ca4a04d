// SPDX-License-Identifier: MIT
//! What logs have got since an earlier search. Files that have not grown are not read again, and
//! neither are rotated ones, a journal or the processes behind a pipe: those take seconds.

use std::{fs, io, os::unix::fs::MetadataExt};

use zkchurn_core::inspection::{
    Details, LogFile,
    logs::{LogFinding, LogSearch, SearchedFile},
};

use super::{FILE_LIMIT, Ranked, Searching, openable, signatures::Signatures, tail};

/// What a file is now that a process has open.
enum Now {
    /// As it was searched, to the byte.
    Unchanged,
    /// It has more, or was not searched before.
    Changed,
    /// It has another name, another file has its name, or it was emptied: the log has turned over.
    TurnedOver,
}

/// Searches the logs of process `pid` again that have grown since an `earlier` search,
/// `elapsed_ms` ago; what that found elsewhere stays. `None` where it takes a whole search: a
/// log has turned over, or has grown that the process does not have open itself.
pub fn search_again(
    pid: u32,
    details: &Details,
    earlier: &LogSearch,
    elapsed_ms: u64,
) -> Option<LogSearch> {
    let output = details.output_to.as_deref().unwrap_or_default();
    if !earlier.serves.is_empty() || output.contains("journal") {
        return None;
    }
    let mut searching = Searching::new(pid, Signatures::built_in().ok()?);
    let logs = details.log_files.iter().take(FILE_LIMIT);
    for file in logs {
        match now(pid, file, earlier) {
            Ok(Now::Unchanged) => {}
            Ok(Now::Changed) => searching.open_file(pid, file),
            Ok(Now::TurnedOver) => return None,
            // The first search has said so.
            Err(_) => {}
        }
    }
    let is_read = |file: &SearchedFile| {
        let mut read = searching.search.files.iter();
        read.any(|read| id(read) == id(file) && read.path == file.path)
    };
    let mut others = earlier.files.iter().filter(|file| !is_read(file));
    if others.any(has_grown_elsewhere(pid, details)) {
        return None;
    }
    let kept = earlier.files.iter().filter(|file| !is_read(file));
    let kept = kept.map(|file| SearchedFile {
        read_before_ms: (!is_as_searched(file)).then(|| {
            let before = file.read_before_ms.unwrap_or(0);
            before.saturating_add(elapsed_ms)
        }),
        ..file.clone()
    });
    let kept = kept.collect();
    Some(searching.with_earlier(earlier, kept, elapsed_ms))
}

fn id(file: &SearchedFile) -> (u64, u64) {
    (file.device, file.inode)
}

fn now(pid: u32, file: &LogFile, earlier: &LogSearch) -> io::Result<Now> {
    let opened = tail::open(pid, file)?;
    let metadata = opened.metadata()?;
    let mut files = earlier.files.iter();
    let searched = files.find(|one| id(one) == (metadata.dev(), metadata.ino()));
    let name = openable(pid, &file.path);
    Ok(match searched {
        Some(then) if then.path != name || then.size > metadata.len() => Now::TurnedOver,
        Some(then) if then.size == metadata.len() => Now::Unchanged,
        None if earlier.files.iter().any(|file| file.path == name) => Now::TurnedOver,
        Some(_) | None => Now::Changed,
    })
}

/// Whether a file that was searched has grown that the process does not have open, such as the
/// one that a container's engine writes its output to.
fn has_grown_elsewhere(pid: u32, details: &Details) -> impl Fn(&SearchedFile) -> bool {
    let open = details.log_files.iter().take(FILE_LIMIT);
    let open: Vec<_> = open
        .filter_map(|file| tail::open(pid, file).ok()?.metadata().ok())
        .map(|metadata| (metadata.dev(), metadata.ino()))
        .collect();
    move |file| {
        if open.contains(&id(file)) || !file.path.starts_with('/') {
            return false;
        }
        fs::metadata(&file.path).is_ok_and(|now| {
            now.is_file() && (now.dev(), now.ino()) == id(file) && now.len() > file.size
        })
    }
}

/// Whether it is there to the byte, so that reading it would tell the same.
fn is_as_searched(file: &SearchedFile) -> bool {
    let is_it = |now: fs::Metadata| {
        ((now.dev(), now.ino()), now.len()) == (id(file), file.size) && now.is_file()
    };
    file.gone.is_none() && fs::metadata(&file.path).is_ok_and(is_it)
}

impl Searching {
    /// With what the earlier search found in files that were not read again.
    fn with_earlier(
        mut self,
        earlier: &LogSearch,
        kept: Vec<SearchedFile>,
        elapsed_ms: u64,
    ) -> LogSearch {
        let is_kept = |finding: &&LogFinding| kept.iter().any(|file| finding.is_of(file));
        let found = earlier.findings.iter().filter(is_kept);
        let found: Vec<Ranked> = found
            .map(|finding| (self.rank(finding), older(finding, elapsed_ms)))
            .collect();
        self.found.extend(found);
        self.search.files.extend(kept);
        let notes = std::mem::take(&mut self.search.notes);
        self.search.notes = earlier.notes.clone();
        for note in notes {
            if !self.search.notes.contains(&note) {
                self.search.notes.push(note);
            }
        }
        self.so_far()
    }

    fn rank(&self, finding: &LogFinding) -> u8 {
        let mut signatures = self.signatures.list().iter();
        let signature = signatures.find(|signature| signature.id == finding.signature);
        signature.map_or(u8::MAX, |signature| signature.rank)
    }
}

fn older(finding: &LogFinding, elapsed_ms: u64) -> LogFinding {
    let ago = finding.logged_ago_ms;
    LogFinding {
        logged_ago_ms: ago.map(|ago| ago.saturating_add(elapsed_ms)),
        ..finding.clone()
    }
}

#[cfg(test)]
mod tests {
    use std::{fs::File, io::Write, os::fd::AsRawFd, path::Path};

    use super::*;
    use crate::host::logs;

    const CAUSE: &str = "java.lang.NoClassDefFoundError: org/apache/zookeeper/proto/SetWatches\n";
    const REFUSED: &str = "Connection refused\n";

    fn log(path: &Path) -> (File, LogFile) {
        let options = File::options().create(true).append(true).open(path);
        let file = options.unwrap();
        let log = LogFile {
            fd: u32::try_from(file.as_raw_fd()).unwrap(),
            path: path.to_string_lossy().into_owned(),
            deleted: false,
            size: 0,
            modified: None,
        };
        (file, log)
    }

    fn details(logs: &[&LogFile]) -> Details {
        Details {
            log_files: logs.iter().copied().cloned().collect(),
            ..Details::default()
        }
    }

    fn first(details: &Details) -> LogSearch {
        logs::search(std::process::id(), details, &[], |_| {})
    }

    fn again(details: &Details, earlier: &LogSearch) -> Option<LogSearch> {
        search_again(std::process::id(), details, earlier, 7_000)
    }

    fn told(search: &LogSearch) -> Vec<(&str, u64, bool)> {
        let findings = search.findings.iter();
        findings
            .map(|one| (one.signature.as_str(), one.count, one.during_trace))
            .collect()
    }

    #[test]
    fn a_line_that_comes_later_is_found_and_what_was_found_elsewhere_stays() {
        let directory = tempfile::tempdir().unwrap();
        let (mut grows, grows_log) = log(&directory.path().join("grows.log"));
        let (mut stays, stays_log) = log(&directory.path().join("stays.log"));
        grows.write_all(b"hello\n").unwrap();
        stays.write_all(REFUSED.as_bytes()).unwrap();
        let details = details(&[&grows_log, &stays_log]);
        let mut earlier = first(&details);
        earlier.notes.push("a note".to_owned());
        earlier.findings[0].logged_ago_ms = Some(1_000);
        assert_eq!(again(&details, &earlier).unwrap().files.len(), 2);

        grows.write_all(CAUSE.as_bytes()).unwrap();
        let mut later = again(&details, &earlier).unwrap();

        later.compare_with(&earlier);
        let expected = [
            ("zookeeper-class-missing", 1, true),
            ("connection-refused", 1, false),
        ];
        assert_eq!(told(&later), expected);
        assert_eq!(later.findings[1].logged_ago_ms.unwrap() / 1_000, 8);
        let sizes: Vec<_> = later.files.iter().map(|file| file.size).collect();
        let all = (6 + CAUSE.len() as u64, REFUSED.len() as u64);
        assert_eq!(sizes, [all.0, all.1]);
        assert_eq!(later.notes, ["a note"]);
    }

    #[test]
    fn what_a_log_said_that_is_away_was_read_before() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("app.log");
        let (mut file, app) = log(&path);
        file.write_all(CAUSE.as_bytes()).unwrap();
        let earlier = first(&details(&[&app]));
        let before = |earlier: &LogSearch| {
            let later = again(&details(&[]), earlier).unwrap();
            assert_eq!(later.findings.len(), 1);
            (later.files[0].read_before_ms, later)
        };
        assert_eq!(before(&earlier).0, None, "it has nothing new");
        fs::remove_file(&path).unwrap();
        let (since, later) = before(&earlier);
        assert_eq!(since, Some(7_000));
        assert_eq!(before(&later).0, Some(14_000));
    }

    #[test]
    fn a_log_that_is_opened_later_is_searched() {
        let directory = tempfile::tempdir().unwrap();
        let (_file, one) = log(&directory.path().join("one.log"));
        let earlier = first(&details(&[&one]));
        let (mut new, new_log) = log(&directory.path().join("new.log"));
        new.write_all(CAUSE.as_bytes()).unwrap();
        let later = again(&details(&[&one, &new_log]), &earlier).unwrap();
        assert_eq!(told(&later), [("zookeeper-class-missing", 1, false)]);
    }

    #[test]
    fn a_log_that_turns_over_or_is_somebody_elses_takes_a_whole_search() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("app.log");
        let (mut file, app) = log(&path);
        file.write_all(CAUSE.as_bytes()).unwrap();
        let before = details(&[&app]);
        let earlier = first(&before);
        // The reader of a pipe has it open.
        let none = details(&[]);
        assert!(again(&none, &earlier).is_some());
        file.write_all(REFUSED.as_bytes()).unwrap();
        assert_eq!(again(&none, &earlier), None);
        let journal = Details {
            output_to: Some("journal".to_owned()),
            ..before.clone()
        };
        assert_eq!(again(&journal, &earlier), None);
        // Copied and emptied.
        file.set_len(3).unwrap();
        assert_eq!(again(&before, &earlier), None);
        // Renamed, and another one in its place.
        file.set_len(earlier.files[0].size).unwrap();
        fs::rename(&path, directory.path().join("app.log.1")).unwrap();
        let (_new, new_log) = log(&path);
        assert_eq!(again(&details(&[&new_log]), &earlier), None);
    }
}
