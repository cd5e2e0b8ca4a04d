// SPDX-License-Identifier: MIT
//! The page of `zkchurn report`, of all recordings: one file that fetches nothing, has the
//! same bytes each time, and can be made again of itself.
#![expect(
    clippy::unwrap_used,
    reason = "a test that panics has failed, which is its purpose"
)]

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};
use zkchurn_lab::harness::in_time::CommandInTime;

/// Bytes of a page at most, and of the incident's.
const LARGEST: usize = 2 << 20;
const INCIDENT: usize = 300 << 10;

fn zkchurn(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_zkchurn"))
        .args(arguments)
        .env("TZ", "UTC")
        .output_in_time()
        .unwrap()
}

fn recordings() -> Vec<PathBuf> {
    let mut all = Vec::new();
    for directory in ["", "kinds", "messy"] {
        for entry in fs::read_dir(Path::new("tests/recordings").join(directory)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|end| end == "zkchurn") {
                all.push(path);
            }
        }
    }
    assert!(all.len() > 40);
    all
}

fn report(from: &Path, to: &Path) -> String {
    let output = zkchurn(&["report", from.to_str().unwrap(), "-o", to.to_str().unwrap()]);
    assert!(to.exists(), "{}: {output:?}", from.display());
    fs::read_to_string(to).unwrap()
}

#[test]
fn every_recording_has_a_page_that_fetches_nothing() {
    let directory = tempfile::tempdir().unwrap();
    for (number, recording) in recordings().iter().enumerate() {
        let first = directory.path().join(format!("{number}.html"));
        let page = report(recording, &first);
        let name = recording.display();
        assert!(page.len() < LARGEST, "{name}: {} bytes", page.len());
        for fetches in [
            " src=", " style=", "url(", "@import", "<link", "<img", " onclick",
        ] {
            assert!(!page.contains(fetches), "{name}: {fetches}");
        }
        assert!(page.matches("href=").count() == page.matches("href=\"#").count());
        assert_eq!(page.matches("<script").count(), 2, "{name}");
        assert!(page.contains("default-src 'none'"), "{name}");
        let second = directory.path().join(format!("{number}-again.html"));
        assert!(
            report(&first, &second) == page,
            "{name}: not the same page again"
        );
        let third = directory.path().join(format!("{number}-third.html"));
        assert!(
            report(recording, &third) == page,
            "{name}: other bytes the second time"
        );
    }
}

#[test]
fn the_incident_is_small_and_says_it_all() {
    let directory = tempfile::tempdir().unwrap();
    let page = report(
        Path::new("tests/recordings/incident.zkchurn"),
        &directory.path().join("incident.html"),
    );
    assert!(page.len() < INCIDENT, "{} bytes", page.len());
    for said in [
        "<h1>The client fails before it speaks</h1>",
        "Connections over time",
        "back-off of the Java client",
        "closed by us without an answer",
        "15 of 19 sockets belong to",
        "the client sends nothing",
        "StaticHostProvider.next",
        "lost: 0 ring buffer full",
    ] {
        assert!(page.contains(said), "{said}");
    }
}

#[test]
fn what_a_page_cannot_do_it_says() {
    let directory = tempfile::tempdir().unwrap();
    let page = directory.path().join("incident.html");
    let _ = report(Path::new("tests/recordings/incident.zkchurn"), &page);
    let page = page.to_str().unwrap();
    let to = directory.path().join("x.html");
    let to = to.to_str().unwrap();
    let refused = |arguments: &[&str], code: i32, said: &str| {
        let output = zkchurn(arguments);
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{words}");
        assert!(words.contains(said), "{words}");
    };
    refused(
        &["report", page, "-o", to, "--filter", "process:java"],
        2,
        "need the recording",
    );
    refused(
        &["report", page, "-o", "x.md"],
        2,
        "other forms need the recording",
    );
    refused(
        &["report", page, "-o", "x.pdf"],
        2,
        "the ending says what to write",
    );
    refused(&["report", page, "-o", page], 7, "exists already");
    let broken = directory.path().join("broken.html");
    fs::write(&broken, "<!DOCTYPE html><p>hello").unwrap();
    refused(
        &["report", broken.to_str().unwrap(), "-o", to],
        5,
        "no page of `zkchurn report`",
    );
}

/// Nothing is written where not all of it can be.
#[test]
fn one_file_twice_and_one_that_is_there_are_refused_before_any_is_written() {
    let directory = tempfile::tempdir().unwrap();
    let recording = "tests/recordings/incident.zkchurn";
    let own = directory.path().join("i.zkchurn");
    fs::copy(recording, &own).unwrap();
    let own = own.to_str().unwrap();
    let at = |name: &str| format!("{}/{name}", directory.path().display());
    let (html, same, md) = (at("q.html"), at("./q.html"), at("q.md"));
    let report = ["report", own];
    let diff = ["diff", own, recording];
    let trace = ["--duration", "1s"];
    let cases: [(&[&str], &[&str], i32, &str); 6] = [
        (&report, &["-o", &html, "-o", &html], 2, "twice"),
        (
            &report,
            &["-o", &html, "-o", &md, "-o", &same],
            2,
            "are one file",
        ),
        (&report, &["-o", &html, "-o", own], 7, "exists already"),
        (&diff, &["-o", &html, "-o", &same], 2, "are one file"),
        (
            &trace,
            &["--record", &html, "--report", &same],
            2,
            "are one file",
        ),
        (
            &trace,
            &["--prom-file", &at("a.prom"), "--record", &at("a.prom")],
            2,
            "twice",
        ),
    ];
    for (command, outputs, code, said) in cases {
        let output = zkchurn(&[command, outputs].concat());
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{outputs:?}: {words}");
        assert!(words.contains(said), "{words}");
        let left = fs::read_dir(directory.path()).unwrap().count();
        assert_eq!(left, 1, "{outputs:?}");
    }
}

#[test]
fn what_is_expected_decides_the_exit_code() {
    let expect = |terms: &str| {
        let output = zkchurn(&[
            "replay",
            "tests/recordings/incident.zkchurn",
            "--expect",
            terms,
        ]);
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.code().unwrap(), words)
    };
    let (code, words) = expect("finding=client_fails_before_it_speaks,confidence>=likely");
    assert_eq!(code, 0, "{words}");
    let (code, words) = expect("finding=refused");
    assert_eq!(code, 9, "{words}");
    assert!(
        words.contains("expected finding=refused, found client_fails_before_it_speaks (certain)"),
        "{words}"
    );
    let (code, words) = expect("process=java");
    assert_eq!(code, 2, "{words}");
}

/// A client for each request, and others that are never closed: dozens of threads with one
/// connection each, of two kinds.
#[test]
fn threads_that_are_named_alike_have_one_row() {
    let directory = tempfile::tempdir().unwrap();
    let recording = Path::new("tests/recordings/kinds/leak_and_per_request_in_one_jvm.zkchurn");
    let page = report(recording, &directory.path().join("page.html"));
    for row in [
        "20 threads such as HandleLeak-Send 11186 · 20 connections",
        "14 threads such as PerRequest-Send 11184 · 14 connections",
    ] {
        assert!(page.contains(row), "{row}");
    }
    assert!(!page.contains(" · 1 connection<"));
    assert!(page.contains("20 of 34 connections are of java (Together) 11150, 20 threads"));
}
