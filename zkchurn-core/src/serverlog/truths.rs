// SPDX-License-Identifier: MIT
//! Logs about which something false could be said, and what is said.

use super::{
    report::{self, LogReport},
    scan::Scanner,
    window::Window,
};

/// The report on these files, read one after another.
fn report(files: &[&str]) -> LogReport {
    let mut scanner = Scanner::new(Window::default());
    for file in files {
        for line in file.lines() {
            scanner.line(line.as_bytes());
        }
        scanner.end_of_file();
    }
    let (tally, facts) = scanner.finish();
    report::build(&tally, &facts, Vec::new(), 100)
}

/// A line, so many milliseconds after 10:00.
fn line(at_ms: u64, level: &str, class: &str, message: &str) -> String {
    let (seconds, ms) = (at_ms / 1000, at_ms % 1000);
    let (hour, minute, second) = (10 + seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!(
        "2026-11-25 {hour:02}:{minute:02}:{second:02},{ms:03} [myid:1] - {level} \
         [NIOWorkerThread-1:{class}@379] - {message}\n"
    )
}

fn closed(at_ms: u64, address: &str) -> String {
    let message = format!(
        "Unable to read additional data from client, it probably closed the socket: \
         address = /{address}, session = 0x0"
    );
    line(at_ms, "INFO ", "NIOServerCnxn", &message)
}

#[test]
fn the_busiest_minute_of_two_servers_is_that_of_both() {
    let one: String = (0..180)
        .map(|n| closed(n * 20_000, &format!("10.0.0.1:{}", 1000 + n)))
        .collect();
    let other: String = (0..500)
        .map(|n| closed(1_810_000 + n * 80, &format!("10.0.0.1:{}", 2000 + n)))
        .collect();
    let report = report(&[&one, &other]);
    let said =
        |minute: Option<report::Minute>| minute.map(|minute| (minute.at.to_string(), minute.ended));
    let both = Some(("2026-11-25 10:30:00".to_owned(), 503));
    assert_eq!(said(report.busiest_minute), both);
    assert_eq!(said(report.addresses[0].busiest_minute), both);
}

/// Jetty and Kafka log at DEBUG, or one package of the server's; its connections at INFO.
#[test]
fn a_debug_line_of_another_class_tells_nothing_of_connections() {
    for class in [
        "org.eclipse.jetty.util.log",
        "org.apache.kafka.Foo",
        "FastLeaderElection",
    ] {
        let version = "Server environment:zookeeper.version=3.8.4-abc, built on 2020";
        let log = [
            line(0, "INFO ", "ZooKeeperServer", version),
            line(1, "DEBUG", class, "x"),
            line(2, "INFO ", "FileTxnSnapLog", "Snapshotting: 0x1"),
        ];
        let report = report(&[&log.concat()]);
        assert!(
            report.answer.contains("this log cannot tell"),
            "{}",
            report.answer
        );
        assert_eq!(report.total["accepted"], None);
        assert_eq!(report.total["established"], None);
    }
}
