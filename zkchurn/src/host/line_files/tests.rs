// SPDX-License-Identifier: MIT

use std::fs;

use super::*;
use crate::host::blocks::BLOCK;

const SMALL: Limits = Limits {
    bytes: 16 * BLOCK,
    files: 100,
    file_age: Duration::from_secs(3600),
};

fn names(path: &Path) -> Vec<String> {
    let entries = fs::read_dir(path).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.collect();
    names.sort();
    names
}

fn on_the_disk(path: &Path) -> u64 {
    let entries = fs::read_dir(path).unwrap();
    entries
        .map(|entry| blocks(entry.unwrap().metadata().unwrap().len()))
        .sum()
}

/// The whole text of what is there, oldest first.
fn text(path: &Path) -> String {
    let names = names(path).into_iter();
    names
        .map(|name| fs::read_to_string(path.join(name)).unwrap())
        .collect()
}

#[test]
fn there_is_never_more_than_was_promised_and_the_newest_stays() {
    let directory = tempfile::tempdir().unwrap();
    let mut files = LineFiles::open(directory.path(), SMALL).unwrap();
    let foreign = directory.path().join("notes.ndjson");
    fs::write(&foreign, "").unwrap();
    for number in 0..200 {
        let line = format!("{number:0>999}\n");
        files.append(line.as_bytes()).unwrap();
        assert!(on_the_disk(directory.path()) <= SMALL.bytes);
    }
    files.end().unwrap();
    assert!(foreign.exists(), "what is somebody else's stays");
    fs::remove_file(foreign).unwrap();
    let text = text(directory.path());
    let numbers: Vec<u32> = text.lines().map(|line| line.parse().unwrap()).collect();
    assert!(numbers.len() >= 40, "{}", numbers.len());
    let newest: Vec<u32> = (200 - numbers.len() as u32..200).collect();
    assert_eq!(numbers, newest);
    let names = names(directory.path());
    assert!(names.iter().all(|name| is_ours(name)), "{names:?}");
}

#[test]
fn there_are_never_more_files_than_were_promised() {
    let directory = tempfile::tempdir().unwrap();
    let limits = Limits {
        files: 3,
        file_age: Duration::ZERO,
        ..SMALL
    };
    let mut files = LineFiles::open(directory.path(), limits).unwrap();
    for number in 0..10 {
        files.append(format!("{number}\n").as_bytes()).unwrap();
        assert!(names(directory.path()).len() <= 3);
    }
    files.end().unwrap();
    assert_eq!(text(directory.path()), "7\n8\n9\n");
}

#[test]
fn a_file_that_a_killed_run_has_left_ends_at_its_last_whole_line() {
    let directory = tempfile::tempdir().unwrap();
    let left = directory
        .path()
        .join("zkchurn-20260101T000000Z-1-000000.ndjson.partial");
    let long = "x".repeat(9000);
    fs::write(&left, format!("one\n{long}\ntw")).unwrap();
    let empty = directory
        .path()
        .join("zkchurn-20260101T000001Z-1-000000.ndjson.partial");
    fs::write(&empty, "no line").unwrap();
    let mut files = LineFiles::open(directory.path(), SMALL).unwrap();
    assert!(!left.exists() && !empty.exists());
    files.append(b"two\n").unwrap();
    files.end().unwrap();
    assert_eq!(text(directory.path()), format!("one\n{long}\ntwo\n"));
}

#[test]
fn of_two_with_one_directory_the_second_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let first = LineFiles::open(directory.path(), SMALL).unwrap();
    let why = LineFiles::open(directory.path(), SMALL).unwrap_err();
    assert!(
        why.to_string().contains("another zkchurn writes to it"),
        "{why}"
    );
    drop(first);
    LineFiles::open(directory.path(), SMALL).unwrap();
}

#[test]
fn what_was_collected_and_removed_makes_room() {
    let directory = tempfile::tempdir().unwrap();
    let limits = Limits {
        file_age: Duration::ZERO,
        ..SMALL
    };
    let mut files = LineFiles::open(directory.path(), limits).unwrap();
    for _ in 0..100 {
        files.append(b"line\n").unwrap();
        let complete = names(directory.path());
        for name in complete.iter().filter(|name| is_ours(name)) {
            fs::remove_file(directory.path().join(name)).unwrap();
        }
    }
    assert!(files.append(&vec![b'\n'; 17 * BLOCK as usize]).is_err());
    files.append(b"last\n").unwrap();
}
