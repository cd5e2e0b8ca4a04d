// SPDX-License-Identifier: MIT
//! `zkchurn serverlog` on real logs, on lines of other releases, on anything.
//!
//! `serverlog/zookeeper-3.8.0-*.log` are real: Debian's server with
//! maxClientCnxns=3, at INFO with all four-letter words allowed and at DEBUG with
//! `ruok` alone, and real clients from 127.0.0.2 to 127.0.0.10. The lines about
//! the start are left out, but for the version. The clients: .2 closes 12
//! connections at once; .4 holds 3 and tries 10 more; .5 sends other protocols;
//! .6 asks four-letter words, one of them unknown; .7 has seen a newer zxid;
//! .8 lets its session expire and wants it back twice; .9 loses its connection
//! twice and then gives a wrong password; .10 resets two connections and closes
//! a session as it should; .1 is kazoo, a client per request.
#![expect(
    clippy::unwrap_used,
    reason = "a test that panics has failed, which is its purpose"
)]

#[path = "server_log_field/run.rs"]
mod run;

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use flate2::{Compression, write::GzEncoder};
use proptest::prelude::*;
use run::server_log;
use serde_json::{Value, json};
use zkchurn_core::{
    render::{FORMS, Options},
    serverlog::{
        kind::Kind,
        report::{self, LogReport},
        scan::Scanner,
        window::Window,
    },
};
use zkchurn_lab::harness::in_time::{ChildInTime, CommandInTime};
use zkchurn_lab::harness::proc;

const INFO: &str = "tests/serverlog/zookeeper-3.8.0-info.log";
const DEBUG: &str = "tests/serverlog/zookeeper-3.8.0-debug.log";

fn json_of(arguments: &[&str], stdin: &[u8]) -> Value {
    let output = server_log(&[arguments, &["--format", "json"]].concat(), stdin);
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{complaint}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn counts<'r>(report: &'r Value, address: &str) -> &'r Value {
    let rows = report["addresses"].as_array().unwrap();
    let row = rows.iter().find(|row| row["address"] == address);
    &row.unwrap_or_else(|| panic!("{address} is missing: {rows:?}"))["counts"]
}

#[test]
fn a_file_that_is_given_by_two_names_is_counted_once() {
    let directory = tempfile::tempdir().unwrap();
    let link = directory.path().join("current.log");
    std::os::unix::fs::symlink(fs::canonicalize(INFO).unwrap(), &link).unwrap();
    let link = link.to_str().unwrap();
    let output = server_log(&["--format", "json", INFO, link, INFO, DEBUG], b"");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert_eq!(said.matches("it is read once").count(), 2, "{said}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report, json_of(&[INFO, DEBUG], b""));
}

#[test]
fn a_real_log_at_info_tells_what_each_client_did() {
    let report = json_of(&[INFO], b"");
    let expected = [
        ("127.0.0.2", json!({"closed_without_session": 12})),
        (
            "127.0.0.4",
            json!({"closed_without_session": 3, "limit_reached": 10}),
        ),
        ("127.0.0.5", json!({"http": 5, "tls": 3, "bad_length": 3})),
        ("127.0.0.6", json!({"four_letter_word": 7, "bad_length": 1})),
        ("127.0.0.7", json!({"zxid_ahead": 6})),
        ("127.0.0.8", json!({"renewal_refused": 2})),
        (
            "127.0.0.9",
            json!({"ended_with_session": 2, "expired": 1, "wrong_password": 1}),
        ),
        ("127.0.0.1", json!({"ended_with_session": 3})),
    ];
    assert_eq!(
        report["addresses"].as_array().unwrap().len(),
        expected.len()
    );
    for (address, expected) in expected {
        assert_eq!(*counts(&report, address), expected, "{address}");
    }
    // A reset is told without its address, and so is a session of which no line
    // named one.
    assert_eq!(
        report["without_address"],
        json!({"broken_without_session": 2, "expired": 1})
    );
    for unknown_counts in ["accepted", "established", "session_asked", "renewal_asked"] {
        assert_eq!(
            report["total"][unknown_counts],
            Value::Null,
            "{unknown_counts}"
        );
    }
    assert_eq!(report["log"]["versions"], json!(["3.8.0"]));
    assert_eq!(report["log"]["foreign"], 0);
}

/// At DEBUG up to four lines tell the end of one connection, and it is counted
/// once: as many ends as connections were accepted, or refused at the limit.
#[test]
fn a_real_log_at_debug_counts_each_connection_once() {
    let report = json_of(&[DEBUG], b"");
    assert_eq!(report["without_address"], json!({}));
    for row in report["addresses"].as_array().unwrap() {
        let counts = &row["counts"];
        let limit = counts["limit_reached"].as_u64().unwrap_or(0);
        let accepted = counts["accepted"].as_u64().unwrap();
        assert_eq!(row["ended"].as_u64().unwrap(), accepted + limit, "{row}");
    }
    assert_eq!(
        *counts(&report, "127.0.0.10"),
        json!({
            "accepted": 3, "session_asked": 1, "established": 1,
            "broken_without_session": 2, "ended_with_session": 1,
        })
    );
    // Four `ruok`, and `srvr`, `isro` and `mntr`; of `zzzz` the server takes the
    // letters for a length.
    let words = counts(&report, "127.0.0.6");
    assert_eq!(words["four_letter_word"], 7);
    assert_eq!(words["bad_length"], 1);
}

#[test]
fn the_text_says_it_in_words_and_fits() {
    let output = server_log(&[INFO], b"");
    let text = String::from_utf8(output.stdout).unwrap();
    // A sentence may go over several lines.
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for sentence in [
        "127.0.0.2 opened 12 connections that closed without a session",
        "confirm the process behind the address: a failing client and a TCP health check look the same",
        "127.0.0.4 was refused 10 connections over its connection limit",
        "(the limit is 3)",
        "127.0.0.7 was refused 6 connections because it has seen a newer zxid",
        "127.0.0.5 spoke HTTP to the ZooKeeper port in 5 connections",
        "(isro, mntr, ruok, srvr)",
        "not reported by this log: accepted",
    ] {
        assert!(words.contains(sentence), "{sentence}: {text}");
    }
    for line in text.lines() {
        assert!(line.chars().count() <= 100, "{line}");
    }
}

#[test]
fn a_part_of_the_time_can_be_chosen() {
    let all = json_of(&[INFO], b"");
    let count = |bounds: &[&str]| {
        let report = json_of(&[&[INFO], bounds].concat(), b"");
        report["ended"].as_u64().unwrap()
    };
    let before = count(&["--until", "2026-11-25 04:45:47"]);
    let after = count(&["--since", "2026-11-25T04:45:47"]);
    assert!(before > 0 && after > 0);
    assert_eq!(before + after, all["ended"].as_u64().unwrap());
}

/// Not one line was looked at, which is no "no churn": also where lines are before and after.
#[test]
fn a_part_of_the_time_without_a_line_gives_no_all_clear() {
    let with_a_gap = "2026-11-25 04:00:00,000 [myid:1] - INFO  [main:ZooKeeperServer@1] - begun\n\
         2026-11-25 08:00:00,000 [myid:1] - INFO  [main:ZooKeeperServer@1] - over\n";
    let without_date = "04:00:00,000 [myid:1] - INFO  [main:ZooKeeperServer@1] - begun\n";
    let goes = "it goes from 2026-11-25 04:00:00 to 2026-11-25 08:00:00.";
    let cases = [
        (with_a_gap, ["--since", "2026-11-25 09:00:00"], goes),
        (with_a_gap, ["--until", "2026-11-25 04:00:00"], goes),
        (
            with_a_gap,
            ["--since=2026-11-25 05:00", "--until=2026-11-25 06:00"],
            "no line between 2026-11-25 05:00:00 and 2026-11-25 06:00:00, so nothing was looked at",
        ),
        (
            without_date,
            ["--since", "2026-11-25 04:00:00"],
            "have no complete date",
        ),
    ];
    for (log, bounds, expected) in cases {
        let output = server_log(
            &[&bounds[..], &["-", "--format", "json"]].concat(),
            log.as_bytes(),
        );
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        let answer = report["answer"].as_str().unwrap();
        assert!(answer.contains(expected), "{answer}");
        assert!(!answer.contains("No churn"), "{answer}");
        assert_eq!(report["log"]["range"]["has_lines"], false);
        assert_eq!(output.status.code(), Some(8), "{answer}");
    }
    let quiet = json_of(
        &["-", "--since", "2026-11-25 08:00:00"],
        with_a_gap.as_bytes(),
    );
    let answer = quiet["answer"].as_str().unwrap();
    assert!(
        answer.contains("no line of this log since 2026-11-25 08:00:00 is about"),
        "{answer}"
    );
    assert_eq!(
        json_of(&["-"], with_a_gap.as_bytes())["log"]["range"],
        Value::Null
    );
    let reversed = ["-", "--since=2026-11-25 06:00", "--until=2026-11-25 05:00"];
    assert_eq!(server_log(&reversed, b"").status.code(), Some(2));
}

/// Lines made from the texts of the sources: 3.4.14 at INFO, with an address
/// only on the line about the socket.
const OF_3_4: &str = "\
2019-03-06 10:00:00,000 [myid:1] - INFO  [main:Environment@100] - Server environment:zookeeper.version=3.4.14-4c25d480, built on 03/06/2019
2019-03-06 10:00:01,000 [myid:1] - INFO  [NIOServerCxn.Factory:0.0.0.0/0.0.0.0:2181:NIOServerCnxnFactory@222] - Accepted socket connection from /10.0.0.1:4001
2019-03-06 10:00:01,001 [myid:1] - WARN  [NIOServerCxn.Factory:0.0.0.0/0.0.0.0:2181:NIOServerCnxn@376] - Unable to read additional data from client sessionid 0x0, likely client has closed socket
2019-03-06 10:00:01,002 [myid:1] - INFO  [NIOServerCxn.Factory:0.0.0.0/0.0.0.0:2181:NIOServerCnxn@1056] - Closed socket connection for client /10.0.0.1:4001 (no session established for client)
2019-03-06 10:00:02,000 [myid:1] - INFO  [NIOServerCxn.Factory:0.0.0.0/0.0.0.0:2181:NIOServerCnxnFactory@222] - Accepted socket connection from /10.0.0.2:4002
2019-03-06 10:00:02,001 [myid:1] - WARN  [NIOServerCxn.Factory:0.0.0.0/0.0.0.0:2181:NIOServerCnxn@383] - Exception causing close of session 0x0: Len error 1195725856
2019-03-06 10:00:02,002 [myid:1] - INFO  [NIOServerCxn.Factory:0.0.0.0/0.0.0.0:2181:NIOServerCnxn@1056] - Closed socket connection for client /10.0.0.2:4002 (no session established for client)
2019-03-06 10:00:03,000 [myid:1] - INFO  [NIOServerCxn.Factory:0.0.0.0/0.0.0.0:2181:NIOServerCnxnFactory@222] - Accepted socket connection from /10.0.0.3:4003
2019-03-06 10:00:03,001 [myid:1] - INFO  [NIOServerCxn.Factory:0.0.0.0/0.0.0.0:2181:NIOServerCnxn@908] - Processing ruok command from /10.0.0.3:4003
2019-03-06 10:00:03,002 [myid:1] - INFO  [Thread-9:NIOServerCnxn@1056] - Closed socket connection for client /10.0.0.3:4003 (no session established for client)
2019-03-06 10:00:04,000 [myid:1] - WARN  [NIOServerCxn.Factory:0.0.0.0/0.0.0.0:2181:NIOServerCnxnFactory@211] - Too many connections from /10.0.0.4 - max is 60
2019-03-06 10:00:05,000 [myid:1] - INFO  [NIOServerCxn.Factory:0.0.0.0/0.0.0.0:2181:NIOServerCnxnFactory@222] - Accepted socket connection from /10.0.0.5:4005
2019-03-06 10:00:05,001 [myid:1] - INFO  [NIOServerCxn.Factory:0.0.0.0/0.0.0.0:2181:ZooKeeperServer@949] - Client attempting to establish new session at /10.0.0.5:4005
2019-03-06 10:00:05,002 [myid:1] - INFO  [SyncThread:0:ZooKeeperServer@694] - Established session 0x16951e7d2a50000 with negotiated timeout 30000 for client /10.0.0.5:4005
2019-03-06 10:00:40,000 [myid:1] - INFO  [SessionTracker:ZooKeeperServer@355] - Expiring session 0x16951e7d2a50000, timeout of 30000ms exceeded
2019-03-06 10:00:40,001 [myid:1] - INFO  [SyncThread:0:NIOServerCnxn@1056] - Closed socket connection for client /10.0.0.5:4005 which had sessionid 0x16951e7d2a50000
2019-03-06 10:00:41,000 [myid:1] - WARN  [NIOServerCxn.Factory:0.0.0.0/0.0.0.0:2181:NIOServerCnxn@383] - Exception causing close of session 0x0: ZooKeeperServer not running
2019-03-06 10:00:41,001 [myid:1] - INFO  [NIOServerCxn.Factory:0.0.0.0/0.0.0.0:2181:NIOServerCnxn@1056] - Closed socket connection for client /10.0.0.6:4006 (no session established for client)
";

#[test]
fn lines_of_3_4() {
    let report = json_of(&["-"], OF_3_4.as_bytes());
    let expected = [
        (
            "10.0.0.1",
            json!({"accepted": 1, "closed_without_session": 1}),
        ),
        ("10.0.0.2", json!({"accepted": 1, "http": 1})),
        ("10.0.0.3", json!({"accepted": 1, "four_letter_word": 1})),
        ("10.0.0.4", json!({"limit_reached": 1})),
        (
            "10.0.0.5",
            json!({"accepted": 1, "session_asked": 1, "established": 1, "expired": 1, "ended_with_session": 1}),
        ),
        ("10.0.0.6", json!({"not_serving": 1})),
    ];
    for (address, expected) in expected {
        assert_eq!(*counts(&report, address), expected, "{address}");
    }
    assert_eq!(report["without_address"], json!({}));
    assert_eq!(report["total"]["accepted"], 4);
    assert_eq!(report["total"]["renewal_asked"], 0);
}

/// 3.4.0 to 3.4.10: the reason is an exception below its line, and bears neither the server's id nor,
/// in a file, anything else that the line begins with.
#[test]
fn an_end_that_an_exception_tells_is_counted_once_whatever_stands_in_front() {
    for (prefix, own) in [
        ("", ""),
        ("", "[myid:1] "),
        ("zk-0 zookeeper ", "[myid:1] "),
    ] {
        let log: String = (0..20)
            .map(|end| {
                let time = format!("{prefix}2014-05-06 13:12:{end:02},033 {own}-");
                let class = "[NIOServerCxn.Factory:0.0.0.0/0.0.0.0:2181:NIOServerCnxn@357] -";
                let (session, port) = (0x0145_d0a2_a2f6_0000_u64 + end, 40_000 + end);
                format!(
                    "{time} WARN  {class} caught end of stream exception\n\
                     {prefix}EndOfStreamException: Unable to read additional data from client \
                     sessionid {session:#x}, likely client has closed socket\n\
                     {prefix}\tat java.lang.Thread.run(Thread.java:744)\n\
                     {time} INFO  {class} Closed socket connection for client \
                     /10.0.0.1:{port} which had sessionid {session:#x}\n"
                )
            })
            .collect();
        let report = json_of(&["-"], log.as_bytes());
        assert_eq!(
            *counts(&report, "10.0.0.1"),
            json!({"ended_with_session": 20}),
            "{prefix}{own}"
        );
    }
}

/// Single lines made from the texts of the sources of other releases.
#[test]
fn lines_of_other_releases() {
    let cases = [
        // 3.4.0 to 3.4.10.
        (
            "WARN  [F:NIOServerCnxn@357] - caught end of stream exception\nEndOfStreamException: Unable to read additional data from client sessionid 0x0, likely client has closed socket",
            "closed_without_session",
            None,
        ),
        (
            "WARN  [F:NIOServerCnxn@362] - Exception causing close of session 0x0 due to java.io.IOException: Len error 369295616",
            "tls",
            None,
        ),
        // 3.5.5 to 3.5.10.
        (
            "WARN  [NIOWorkerThread-1:NIOServerCnxn@366] - Unable to read additional data from client sessionid 0x0, likely client has closed socket",
            "closed_without_session",
            None,
        ),
        (
            "WARN  [A:RateLogger@50] - [7 times] Error accepting new connection: Too many connections from /10.0.0.9 - max is 60",
            "limit_reached",
            Some(7),
        ),
        // 3.6.
        (
            "WARN  [NIOWorkerThread-1:NIOServerCnxn@371] - Close of session 0x0\njava.io.IOException: ZooKeeperServer not running",
            "not_serving",
            None,
        ),
        (
            "WARN  [NIOWorkerThread-1:NIOServerCnxn@371] - Closing session 0x0\norg.apache.zookeeper.server.ClientCnxnLimitException: Connection throttle rejected connection",
            "throttled",
            None,
        ),
        // 3.8.1 and later.
        (
            "INFO  [NIOWorkerThread-1:NIOServerCnxn@340] - Unable to read additional data from client, it probably closed the socket: address = /10.0.0.9:1, session = 0x0",
            "closed_without_session",
            Some(1),
        ),
        // 3.9.2 and later.
        (
            "INFO  [NIOWorkerThread-1:ZooKeeperServer@1426] - Refusing session(0x0) request for client /10.0.0.9:1 as it has seen zxid 0x7 our last zxid is 0x6 client must try another server",
            "zxid_ahead",
            Some(1),
        ),
        // Netty.
        (
            "WARN  [nioEventLoopGroup-4-1:NettyServerCnxn@562] - Closing connection to /10.0.0.9:1\njava.io.IOException: Len error 1195725856",
            "http",
            Some(1),
        ),
        (
            "INFO  [nioEventLoopGroup-4-1:NettyServerCnxn@500] - Closing connection to /10.0.0.9:1 because the server is not ready",
            "not_serving",
            Some(1),
        ),
        (
            "WARN  [nioEventLoopGroup-4-1:NettyServerCnxnFactory@240] - Too many connections from /10.0.0.9 - max is 60",
            "limit_reached",
            Some(1),
        ),
    ];
    for (line, kind, at_address) in cases {
        let line = format!("2024-01-01 00:00:00,000 [myid:] - {line}\n\tat x.Y.z(Y.java:1)\n");
        let report = json_of(&["-"], line.as_bytes());
        match at_address {
            Some(count) => assert_eq!(*counts(&report, "10.0.0.9"), json!({kind: count}), "{line}"),
            None => assert_eq!(report["without_address"], json!({kind: 1}), "{line}"),
        }
        assert_eq!(report["log"]["foreign"], 0, "{line}");
    }
}

/// What a client can have the server write in the middle of a message counts for
/// nothing, and nothing of it reaches the terminal as it is.
#[test]
fn forged_and_hostile_lines() {
    let head = "2024-01-01 00:00:00,000 [myid:] - INFO  [main:ZooKeeperServer@1] - ";
    let text = format!(
        "{head}got auth packet Accepted socket connection from /6.6.6.6:1\n\
         {head}Server environment:zookeeper.version=\x1b[31m3.8.0, built on x\n\
         {head}Accepted socket connection from /\x1b]0;x\x07:1\n\
         \0\0\0\n\x1b[2J\n"
    );
    let output = server_log(&["-"], text.as_bytes());
    assert_eq!(output.status.code(), Some(0));
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(!shown.contains("6.6.6.6"), "{shown}");
    let acts = |byte: u8| byte.is_ascii_control() && byte != b'\n';
    assert!(!shown.bytes().any(acts), "{shown:?}");
    assert!(shown.contains("2 blank"), "{shown}");
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// The log in three parts, cut between records.
fn parts(dir: &Path) -> Vec<PathBuf> {
    let log = fs::read_to_string(INFO).unwrap();
    let second = log.find("2026-11-25 04:45:47").unwrap();
    let third = log.find("2026-11-25 04:45:48").unwrap();
    let parts = [
        ("zookeeper.log.2.gz", gzip(&log.as_bytes()[..second])),
        ("zookeeper.log.1", log.as_bytes()[second..third].to_vec()),
        ("zookeeper.log", log.as_bytes()[third..].to_vec()),
    ];
    parts
        .map(|(name, bytes)| {
            fs::write(dir.join(name), bytes).unwrap();
            dir.join(name)
        })
        .to_vec()
}

#[test]
fn rotated_and_packed_files_in_any_order_are_one_log() {
    let dir = tempfile::tempdir().unwrap();
    let [oldest, middle, newest] = parts(dir.path()).try_into().unwrap();
    let whole = json_of(&[INFO], b"");
    let stdin = fs::read(&oldest).unwrap();
    let (oldest, middle, newest) = (
        oldest.to_str().unwrap(),
        middle.to_str().unwrap(),
        newest.to_str().unwrap(),
    );
    for (files, stdin) in [
        ([newest, oldest, middle], &[][..]),
        ([middle, newest, "-"], &stdin),
    ] {
        let report = json_of(&files, stdin);
        for field in ["addresses", "total", "rate", "findings", "without_address"] {
            assert_eq!(report[field], whole[field], "{field}");
        }
        assert_eq!(report["log"]["lines"], whole["log"]["lines"]);
    }
}

#[test]
fn files_that_cannot_be_read_are_named_and_the_rest_is_reported() {
    let dir = tempfile::tempdir().unwrap();
    let whole = gzip(&fs::read(INFO).unwrap());
    let cut = dir.path().join("cut.gz");
    fs::write(&cut, &whole[..whole.len() - 100]).unwrap();
    let cut = cut.to_str().unwrap();
    let cases: [(&[&str], i32, &str); 5] = [
        (&["no-such-file"], 6, "no-such-file cannot be read"),
        (&[INFO, "no-such-file"], 6, "no-such-file cannot be read"),
        (&["tests"], 6, "tests cannot be read"),
        (&[cut], 5, "cut.gz is damaged"),
        (&[cut, "no-such-file"], 6, "cut.gz is damaged"),
    ];
    for (arguments, code, sentence) in cases {
        let output = server_log(arguments, b"");
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}");
        assert!(complaint.contains(sentence), "{arguments:?}: {complaint}");
        let reported = arguments.iter().any(|name| [INFO, cut].contains(name));
        let shown = String::from_utf8_lossy(&output.stdout);
        assert_eq!(shown.contains("127.0.0.2 opened"), reported, "{shown}");
    }
    assert_eq!(server_log(&[], b"").status.code(), Some(2));
    let wrong = server_log(&[INFO, "--since", "yesterday"], b"");
    assert_eq!(wrong.status.code(), Some(2));
}

/// The most memory that a process held, in KiB (`VmHWM`, proc(5)).
fn peak_kib(pid: u32) -> Option<u64> {
    proc::status(pid).ok()?.number("VmHWM")
}

/// 200 MB through a pipe: every connection of an address of its own, and a line
/// without an end.
#[test]
fn memory_does_not_grow_with_the_log() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_zkchurn"))
        .args(["serverlog", "-", "--format", "json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let pid = child.id();
    let mut to = child.stdin.take().unwrap();
    let mut written = 0;
    let mut number = 0u32;
    while written < 140_000_000 {
        let mut block = String::new();
        for _ in 0..5000 {
            number += 1;
            let [_, a, b, c] = number.to_be_bytes();
            let (session, second) = (number, number / 100 % 60);
            block.push_str(&format!(
                "2024-01-01 00:00:{second:02},000 [myid:] - INFO  [T{number}:NIOServerCnxn@1] - Unable to read additional data from client, it probably closed the socket: address = /10.{a}.{b}.{c}:1, session = 0x{session:x}\n\
                 2024-01-01 00:00:{second:02},000 [myid:] - WARN  [T{number}:NIOServerCnxn@1] - Exception causing close of session 0x0: Len error 5\n"
            ));
        }
        written += block.len();
        to.write_all(block.as_bytes()).unwrap();
    }
    let endless = vec![b'x'; 1_000_000];
    for _ in 0..60 {
        to.write_all(&endless).unwrap();
    }
    // All but the last pipe's worth has been taken by now.
    let peak = peak_kib(pid).unwrap();
    drop(to);
    let output = child.output_in_time().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["total"]["ended_with_session"], number);
    assert_eq!(report["total"]["bad_length"], number);
    assert_eq!(report["log"]["cut"], 1);
    assert!(report["other_addresses"]["ended_with_session"].as_u64() > Some(0));
    assert!(peak < 120_000, "{peak} KiB");
}

/// 300 KB that grow a thousandfold, with no more memory than the limit allows.
#[test]
fn a_gzip_bomb_needs_no_more_memory() {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    let endless = vec![b'x'; 1_000_000];
    for _ in 0..300 {
        encoder.write_all(&endless).unwrap();
    }
    let bomb = encoder.finish().unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), bomb).unwrap();
    let output = Command::new("sh")
        .args([
            "-c",
            "ulimit -v 200000 && exec \"$0\" serverlog --format json \"$1\"",
        ])
        .arg(env!("CARGO_BIN_EXE_zkchurn"))
        .arg(file.path())
        .output_in_time()
        .unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(8), "{complaint}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["log"]["bytes"], 300_000_000);
    assert_eq!(report["log"]["lines"], 1);
    assert_eq!(report["log"]["cut"], 1);
}

fn scan(bytes: &[u8]) -> LogReport {
    let mut scanner = Scanner::new(Window::default());
    for line in bytes.split(|byte| *byte == b'\n') {
        scanner.line(line);
    }
    let (tally, facts) = scanner.finish();
    report::build(&tally, &facts, Vec::new(), 1000)
}

/// Pieces of real lines, so that chance comes far.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    const PIECES: [&str; 16] = [
        "2024-01-01 00:00:00,000 [myid:] - WARN  [T:NIOServerCnxn@1] - ",
        "2024-01-01 00:01:00,000 INFO org.apache.zookeeper.X: ",
        "Unexpected exception\nEndOfStreamException: ",
        "Unable to read additional data from client, it probably closed the socket: address = /10.0.0.1:1, session = 0x0",
        "Unable to read additional data from client sessionid 0x0, likely",
        "Closed socket connection for client /10.0.0.1:1 (no session established for client)",
        "Closed socket connection for client /10.0.0.2:2 which had sessionid 0x7",
        "Close of session 0x0\njava.io.IOException: Len error 1195725856",
        "Exception causing close of session 0x7: ZooKeeperServer not running",
        "Established session 0x7 with negotiated timeout 1 for client /[0:0:0:0:0:0:0:1]:9",
        "Expiring session 0x7, timeout",
        "[18446744073709551615 times] Error accepting new connection: Too many connections from /10.0.0.3 - max is 6",
        "[4294967295 times] Message: Error accepting new connection: Too many connections from /10.0.0.3 - max is 6",
        "Processing ruok command from /10.0.0.1:3",
        "Accepted socket connection from /10.0.0.1:1",
        "\n",
    ];
    prop_oneof![
        4 => prop::sample::select(&PIECES[..]).prop_map(|piece| piece.as_bytes().to_vec()),
        2 => Just(b"\n".to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..20),
    ]
}

proptest! {
    #[test]
    fn any_bytes_give_a_report_whose_counts_add_up(
        pieces in prop::collection::vec(piece(), 0..80)
    ) {
        let bytes = pieces.concat();
        let report = scan(&bytes);
        let log = &report.log;
        let lines = bytes.split(|byte| *byte == b'\n').count() as u64;
        prop_assert_eq!(log.lines, lines);
        prop_assert_eq!(log.records + log.continuations + log.blank + log.foreign, lines);
        for kind in Kind::ALL {
            let of = |counts: &std::collections::BTreeMap<&str, u64>| {
                counts.get(kind.name()).copied().unwrap_or(0)
            };
            let rows: u64 = report.addresses.iter().map(|row| of(&row.counts)).sum();
            let all = rows + of(&report.other_addresses) + of(&report.without_address);
            prop_assert_eq!(report.total[kind.name()].unwrap_or(0), all, "{:?}", kind);
        }
        let ended: u64 = report.rate.buckets.iter().map(|row| row.bucket.ended).sum();
        prop_assert_eq!(ended.saturating_add(report.rate.ended_without_time), report.ended);
        for form in FORMS {
            let mut output = Vec::new();
            let options = Options::plain(jiff::tz::TimeZone::UTC);
            form.server_log(&mut output, &report, &options).unwrap();
            let acts = |byte: &u8| byte.is_ascii_control() && *byte != b'\n';
            prop_assert!(!output.iter().any(acts));
        }
    }
}
