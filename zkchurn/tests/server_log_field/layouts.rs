//! The same events in every layout of `tests/serverlog/layouts`: 10.20.0.1 closes 4
//! connections without a session, .2 asks two four-letter words, .3 is refused three times,
//! .4 has a session, .5 speaks HTTP, and one has the server write a forged line into the
//! middle of a message.

use std::{fs, path::Path};

use serde_json::json;

use super::{counts, report, server_log};

#[test]
fn every_layout_gives_the_same_counts() {
    let mut wrong = Vec::new();
    let mut read = 0;
    for entry in fs::read_dir(Path::new("tests/serverlog/layouts")).unwrap() {
        let path = entry.unwrap().path();
        let output = server_log(&["--format", "json", path.to_str().unwrap()], b"");
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let expected = [
            (
                "10.20.0.1",
                json!({"accepted": 4, "closed_without_session": 4}),
            ),
            ("10.20.0.2", json!({"accepted": 2, "four_letter_word": 2})),
            ("10.20.0.3", json!({"limit_reached": 3})),
            (
                "10.20.0.4",
                json!({"accepted": 1, "session_asked": 1, "established": 1, "ended_with_session": 1}),
            ),
            ("10.20.0.5", json!({"accepted": 1, "http": 1})),
        ];
        let all = report["addresses"].as_array().unwrap().len() == expected.len()
            && expected
                .iter()
                .all(|(address, expected)| counts(&report, address) == expected)
            && report["without_address"] == json!({})
            && report["log"]["versions"] == json!(["3.4.13"])
            && report["log"]["reading"] == "server"
            && output.status.code() == Some(0);
        if !all {
            wrong.push(format!("{}: {}", path.display(), report["addresses"]));
        }
        read += 1;
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(read, 104);
}

/// The time of a line is its own, not that of what copied it; without a date there is none.
#[test]
fn the_time_is_the_loggers_own() {
    let line = "Too many connections from /10.0.0.9 - max is 60";
    let class = "org.apache.zookeeper.server.NIOServerCnxnFactory";
    for (log, first) in [
        (
            format!(
                "2026-11-25T04:13:01.5Z stdout F 2026-11-25 05:13:01,249 [myid:] - WARN  [T:{class}@1] - {line}\n"
            ),
            Some("2026-11-25T05:13:01.249"),
        ),
        (
            format!("2026-11-25T04:13:01.500Z stdout F WARN {class}: {line}\n"),
            Some("2026-11-25T04:13:01.500"),
        ),
        (format!("04:13:01.249 [T] WARN {class} - {line}\n"), None),
    ] {
        let report = report(&log);
        assert_eq!(report["log"]["first"].as_str(), first, "{log}");
        assert_eq!(
            *counts(&report, "10.0.0.9"),
            json!({"limit_reached": 1}),
            "{log}"
        );
    }
}

/// A record whose exception is a field, and one whose exception is in the text.
#[test]
fn exceptions_in_json() {
    for line in [
        r#"{"level":"WARN","logger_name":"org.apache.zookeeper.server.NIOServerCnxn","message":"Unexpected exception","stack_trace":"EndOfStreamException: Unable to read additional data from client, it probably closed the socket: address = /10.0.0.9:1, session = 0x0\n\tat x.Y"}"#,
        r#"{"log":"2026-11-25 04:13:01,249 [myid:] - WARN  [T:NIOServerCnxn@1] - Unexpected exception\nEndOfStreamException: Unable to read additional data from client, it probably closed the socket: address = /10.0.0.9:1, session = 0x0\n\tat x.Y\n"}"#,
    ] {
        let report = report(&format!("{line}\n"));
        assert_eq!(
            *counts(&report, "10.0.0.9"),
            json!({"closed_without_session": 1}),
            "{line}"
        );
    }
}

/// Syslog counts what comes twice in a row, and says what it left out.
#[test]
fn what_syslog_counted_is_counted() {
    let head = "Nov 25 04:13:01 zk1 zookeeper[812]: ";
    let line = "WARN  [T:NIOServerCnxnFactory@1] - Too many connections from /10.0.0.9 - max is 60";
    let log = format!(
        "{head}{line}\n{head}message repeated 400 times: [ {line}]\n{head}{line}\n\
         Nov 25 04:13:02 zk1 last message repeated 7 times\n\
         Nov 25 04:13:02 zk1 systemd-journald[1]: Suppressed 55 messages from zookeeper.service\n"
    );
    let report = report(&log);
    assert_eq!(*counts(&report, "10.0.0.9"), json!({"limit_reached": 409}));
    assert_eq!(report["log"]["lost"], 55);
    assert!(
        report["notes"].to_string().contains("dropped 55 lines"),
        "{}",
        report["notes"]
    );
}
