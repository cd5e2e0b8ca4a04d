use std::{
    fs::File,
    io::Write,
    os::{fd::AsRawFd, unix::fs::MetadataExt},
    path::Path,
    process::{Command, Stdio},
    sync::LazyLock,
    time::SystemTime,
};

use proptest::prelude::*;

use super::*;

/// Built once: the automaton takes its time in a debug build.
static SIGNATURES: LazyLock<Signatures> = LazyLock::new(|| Signatures::built_in().unwrap());

fn found_in(text: &[u8], offset: u64) -> Vec<LogFinding> {
    let size = offset + text.len() as u64;
    let tail = Tail::new(text.to_vec(), offset, size);
    in_order(findings(
        &SIGNATURES,
        &LogClock::of_long_ago(),
        "/logs/app.log",
        &tail,
    ))
}

/// What the client of the incident writes at each attempt.
const ATTEMPT: &str = "\
2026-11-23 13:31:45,567 INFO  [main-SendThread(localhost:2181)] Socket connection established, initiating session, client: /127.0.0.1:40562, server: localhost/127.0.0.1:2181
2026-11-23 13:31:45,568 WARN  [main-SendThread(localhost:2181)] Session 0x10000135cd50000 for server localhost/127.0.0.1:2181, Closing socket connection. Attempting reconnect except it is a SessionExpiredException.
java.lang.NoClassDefFoundError: org/apache/zookeeper/proto/SetWatches
\tat org.apache.zookeeper.ClientCnxn$SendThread.primeConnection(ClientCnxn.java:1068)
Caused by: java.lang.ClassNotFoundException: org.apache.zookeeper.proto.SetWatches
\t... 4 more
";

#[test]
fn the_incident_is_told_cause_first() {
    let text = ATTEMPT.repeat(3);
    let findings = found_in(text.as_bytes(), 0);
    let told: Vec<_> = findings
        .iter()
        .map(|finding| (finding.signature.as_str(), finding.count, finding.line))
        .collect();
    assert_eq!(
        told,
        [
            ("zookeeper-class-missing", 3, Some(15)),
            ("class-not-found", 3, Some(17)),
            ("client-reconnects", 3, Some(14)),
        ]
    );
    let cause = &findings[0];
    assert_eq!(
        cause.last,
        "java.lang.NoClassDefFoundError: org/apache/zookeeper/proto/SetWatches"
    );
    let record = cause.record.as_deref().unwrap();
    assert!(record.contains("Closing socket connection."), "{record}");
    assert_eq!(cause.offset, text.rfind(&cause.last).unwrap() as u64);
    assert_eq!(findings[2].record, None);
}

#[test]
fn within_a_file_lines_have_no_number_but_an_offset() {
    let findings = found_in(format!("cut off\n{ATTEMPT}").as_bytes(), 1000);
    let cause = &findings[0];
    assert_eq!(cause.line, None);
    let at = ATTEMPT.find(&cause.last).unwrap() as u64;
    assert_eq!(cause.offset, 1000 + "cut off\n".len() as u64 + at);
}

#[test]
fn of_equal_rank_the_more_frequent_comes_first() {
    let text = "java.lang.StackOverflowError\n\
        java.lang.ExceptionInInitializerError\n\
        java.lang.ExceptionInInitializerError\n\
        Connection refused\nConnection refused\nConnection refused\n";
    let order: Vec<_> = found_in(text.as_bytes(), 0)
        .into_iter()
        .map(|finding| finding.signature)
        .collect();
    assert_eq!(
        order,
        [
            "class-initialization-failed",
            "stack-overflow",
            "connection-refused"
        ]
    );
}

fn log_file(fd: u32, path: &Path) -> LogFile {
    LogFile {
        fd,
        path: path.to_string_lossy().into_owned(),
        deleted: false,
        size: 0,
        modified: None,
    }
}

fn details(files: &[LogFile]) -> Details {
    Details {
        log_files: files.to_vec(),
        ..Details::default()
    }
}

#[test]
fn files_are_searched_and_what_cannot_be_read_is_said() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("app.log");
    let mut file = File::create(&path).unwrap();
    file.write_all(ATTEMPT.as_bytes()).unwrap();
    let fd = u32::try_from(file.as_raw_fd()).unwrap();
    let files = [log_file(fd, &path), log_file(999_999, &path)];

    let search = search(std::process::id(), &details(&files), &[], |_| {});

    let path = path.to_string_lossy().into_owned();
    let size = ATTEMPT.len() as u64;
    let metadata = file.metadata().unwrap();
    let searched = SearchedFile {
        path: path.clone(),
        size,
        searched: size,
        device: metadata.dev(),
        inode: metadata.ino(),
        gone: None,
        read_before_ms: None,
    };
    assert_eq!(search.files, [searched]);
    assert_eq!(search.findings.len(), 3);
    let closed = format!("{path} was closed before this look could read it.");
    assert_eq!(search.notes, [closed]);
}

#[test]
fn of_a_process_that_ends_during_a_look_no_file_is_said_to_be_missing() {
    let path = Path::new("/srv/app.log");
    let ended = i32::MAX as u32;
    let search = search(ended, &details(&[log_file(3, path)]), &[], |_| {});
    let notes = ["Its process ended before this look could read /srv/app.log."];
    assert_eq!(search.notes, notes);
}

/// What has the name of a deleted log says nothing of this process, and is not to be opened for
/// the line that is quoted.
#[test]
fn a_deleted_log_is_named_by_where_it_can_be_read() {
    for another in [false, true] {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("app.log");
        let mut file = File::create(&path).unwrap();
        file.write_all(ATTEMPT.as_bytes()).unwrap();
        let fd = u32::try_from(file.as_raw_fd()).unwrap();
        std::fs::remove_file(&path).unwrap();
        if another {
            std::fs::write(&path, "quite another file\n").unwrap();
        }
        let log = LogFile {
            deleted: true,
            ..log_file(fd, &path)
        };
        let pid = std::process::id();

        let search = search(pid, &details(&[log]), &[], |_| {});

        let held = format!("/proc/{pid}/fd/{fd}");
        assert_eq!(search.files[0].path, held);
        assert!(search.findings.iter().all(|finding| finding.path == held));
        assert_eq!(std::fs::read(&held).unwrap(), ATTEMPT.as_bytes());
        let note = &search.notes[0];
        assert!(note.starts_with(&*path.to_string_lossy()), "{note}");
        assert!(note.contains(&held), "{note}");
    }
}

#[test]
fn files_beyond_the_limit_are_named() {
    let files: Vec<_> = (0..18)
        .map(|_| log_file(999_999, Path::new("/x")))
        .collect();
    // 24 of them `log_files` did not even keep.
    let search = search(
        std::process::id(),
        &Details {
            log_files_left_out: 24,
            ..details(&files)
        },
        &[],
        |_| {},
    );
    assert_eq!(search.notes.len(), 17);
    assert_eq!(
        search.notes[16],
        "26 more log files are open: 16 at most are searched, beside what they were rotated into."
    );
}

proptest! {
    #[test]
    fn no_bytes_panic_and_counts_add_up(
        parts in prop::collection::vec(prop_oneof![
            3 => Just(ATTEMPT.as_bytes().to_vec()),
            3 => Just(b"Connection refused".to_vec()),
            3 => Just(b"\n".to_vec()),
            2 => Just(vec![b'\xe2'; 700]),
            5 => prop::collection::vec(any::<u8>(), 0..200),
        ], 0..20),
        offset in prop_oneof![Just(0_u64), any::<u32>().prop_map(u64::from)],
    ) {
        let text = parts.concat();
        let lines = text.split(|byte| *byte == b'\n').count() as u64;
        let end = offset + text.len() as u64;
        let findings = found_in(&text, offset);
        // A line belongs to one signature.
        prop_assert!(findings.iter().map(|finding| finding.count).sum::<u64>() <= lines);
        for finding in findings {
            prop_assert!(finding.count > 0);
            prop_assert!(!finding.last.is_empty() && finding.last.len() <= 500);
            prop_assert!(finding.record.is_none_or(|record| record.len() <= 500));
            prop_assert!((offset..end).contains(&finding.offset));
            prop_assert_eq!(finding.line.is_some(), offset == 0);
            prop_assert!(finding.line.is_none_or(|line| line <= lines));
        }
    }
}

fn search_of(text: &str) -> LogSearch {
    LogSearch {
        files: vec![SearchedFile {
            path: "/logs/app.log".to_owned(),
            size: text.len() as u64,
            searched: text.len() as u64,
            device: 0,
            inode: 0,
            gone: None,
            read_before_ms: None,
        }],
        findings: found_in(text.as_bytes(), 0),
        ..LogSearch::default()
    }
}

fn during_trace(search: &LogSearch) -> Vec<(&str, bool)> {
    let findings = search.findings.iter();
    findings
        .map(|finding| (finding.signature.as_str(), finding.during_trace))
        .collect()
}

#[test]
fn what_was_written_between_two_looks_comes_first() {
    let before = format!("{ATTEMPT}java.net.ConnectException: Connection refused\n");
    let now = format!("{before}java.net.ConnectException: Connection refused\n");
    let mut search = search_of(&now);
    assert!(during_trace(&search).iter().all(|(_, fresh)| !fresh));
    search.compare_with(&search_of(&before));
    let told = during_trace(&search);
    assert_eq!(told[0], ("connection-refused", true));
    assert_eq!(told[1], ("zookeeper-class-missing", false));
    // A third look keeps what the second told.
    let mut third = search_of(&now);
    third.compare_with(&search);
    assert_eq!(during_trace(&third)[0], ("connection-refused", true));
}

#[test]
fn a_first_line_of_its_kind_is_new_where_the_file_was_searched_before() {
    let mut search = search_of(ATTEMPT);
    search.compare_with(&search_of(""));
    assert!(during_trace(&search).iter().all(|(_, fresh)| *fresh));
    let mut search = search_of(ATTEMPT);
    search.compare_with(&LogSearch::default());
    assert!(during_trace(&search).iter().all(|(_, fresh)| !fresh));
}

#[test]
fn a_decisive_line_is_found_in_a_rotated_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("app.log");
    let mut file = File::create(&path).unwrap();
    file.write_all(b"java.net.ConnectException: Connection refused\n")
        .unwrap();
    let rotated = directory.path().join("app.log.1");
    std::fs::write(&rotated, ATTEMPT).unwrap();
    let fd = u32::try_from(file.as_raw_fd()).unwrap();
    let files = [log_file(fd, &path)];

    let details = Details {
        started: Some("1970-01-01T00:00:00Z".to_owned()),
        ..details(&files)
    };
    let mut before = None;
    let search = search(std::process::id(), &details, &[], |search| {
        before = Some(search)
    });
    let before = before.expect("what the open files say comes first");
    assert_eq!(before.findings[0].signature, "connection-refused");

    let found = &search.findings[0];
    assert_eq!(found.signature, "zookeeper-class-missing", "{search:#?}");
    assert_eq!(found.path, rotated.to_string_lossy());
    assert_eq!(search.files.len(), 2);
}

/// What is searched of a process that holds `app.log` open, beside `app.log.1`, which was
/// written to so long ago.
fn searched_beside_rotated(log: &str, rotated: &str, ago: SignedDuration) -> LogSearch {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("app.log");
    let mut file = File::create(&path).unwrap();
    file.write_all(log.as_bytes()).unwrap();
    let mut before = File::create(directory.path().join("app.log.1")).unwrap();
    before.write_all(rotated.as_bytes()).unwrap();
    let written = SystemTime::now() - Duration::try_from(ago).unwrap();
    before.set_modified(written).unwrap();
    let details = Details {
        started: Some("1970-01-01T00:00:00Z".to_owned()),
        ..details(&[log_file(u32::try_from(file.as_raw_fd()).unwrap(), &path)])
    };
    search(std::process::id(), &details, &[], |_| ())
}

#[test]
fn an_error_of_something_else_ends_no_search_for_the_decisive_line() {
    let other = "ERROR Reports - java.lang.OutOfMemoryError: Java heap space\n";
    let search = searched_beside_rotated(other, ATTEMPT, SignedDuration::from_hours(5));
    let mut found = search.findings.iter();
    assert!(
        found.any(|one| one.signature == "zookeeper-class-missing"),
        "{search:#?}"
    );
}

/// What is searched of a process that logs into `log`, beside `other`, which holds a decisive
/// line and is `held` open for writing by another process, or by nobody.
fn searched_beside(log: &str, other: &str, held: bool) -> LogSearch {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(log);
    let mut file = File::create(&path).unwrap();
    file.write_all(b"java.net.ConnectException: Connection refused\n")
        .unwrap();
    let mut beside = File::create(directory.path().join(other)).unwrap();
    beside.write_all(ATTEMPT.as_bytes()).unwrap();
    let mut writer = held.then(|| {
        let mut cat = Command::new("cat");
        let cat = cat.stdin(Stdio::piped()).stdout(beside);
        cat.spawn().unwrap()
    });
    let details = Details {
        started: Some("1970-01-01T00:00:00Z".to_owned()),
        ..details(&[log_file(u32::try_from(file.as_raw_fd()).unwrap(), &path)])
    };
    let search = search(std::process::id(), &details, &[], |_| ());
    if let Some(writer) = &mut writer {
        drop(writer.stdin.take());
        writer.wait().unwrap();
    }
    search
}

#[test]
fn the_log_of_another_instance_is_not_searched() {
    for (log, other, held, files) in [
        ("app-1.log", "app-2.log", true, 1),
        ("app-1.log", "app-2.log", false, 1),
        ("app.2026-11-29.log", "app.2026-11-28.log", true, 1),
        ("app.2026-11-29.log", "app.2026-11-28.log", false, 2),
        ("app.log", "app.log.1", true, 1),
        ("app.log", "app.1.log", false, 2),
    ] {
        let search = searched_beside(log, other, held);
        assert_eq!(
            search.files.len(),
            files,
            "{log} {other} {held}: {search:#?}"
        );
        let found = search.findings.iter();
        let told = found.filter(|one| one.signature == "zookeeper-class-missing");
        assert_eq!(told.count(), files - 1, "{log} {other}");
    }
}

/// Its lines belong to the churn as much as those that were written since.
#[test]
fn a_log_that_has_just_turned_over_is_read_with_what_it_was() {
    for (ago, files) in [(0, 2), (5, 1)] {
        let ago = SignedDuration::from_hours(ago);
        let search = searched_beside_rotated(ATTEMPT, ATTEMPT, ago);
        assert_eq!(search.files.len(), files, "{search:#?}");
    }
}

#[test]
fn rotated_files_that_were_not_searched_are_said() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("app.log");
    let file = File::create(&path).unwrap();
    let packed = directory.path().join("app.log.1.bz2");
    std::fs::write(&packed, b"BZh91AY&SY and more").unwrap();
    for number in 2..9 {
        std::fs::write(directory.path().join(format!("app.log.{number}")), "x\n").unwrap();
    }
    let fd = u32::try_from(file.as_raw_fd()).unwrap();
    let details = Details {
        started: Some("1970-01-01T00:00:00Z".to_owned()),
        ..details(&[log_file(fd, &path)])
    };
    let notes = search(std::process::id(), &details, &[], |_| ()).notes;
    let has = |text: &str| notes.iter().any(|note| note.contains(text));
    // Which of the eight are the latest depends on the clock of the files.
    assert!(
        has("more rotated log files were not searched"),
        "{notes:#?}"
    );
    for number in 2..9 {
        std::fs::remove_file(directory.path().join(format!("app.log.{number}"))).unwrap();
    }
    let notes = search(std::process::id(), &details, &[], |_| ()).notes;
    let command = format!("run `bzip2 -dc {} | grep", packed.display());
    assert!(
        notes.iter().any(|note| note.contains(&command)),
        "{notes:#?}"
    );
}
