// SPDX-License-Identifier: MIT
//! Logs about which something false could be said, and what is said.

use super::{
    moment::Moment,
    report::{self, LogReport},
    scan::Scanner,
    window::Window,
};
use crate::{
    diagnose::{Churn, Confidence},
    text,
};

/// The report on these files, read one after another.
fn report(files: &[&str]) -> LogReport {
    report_within(Window::default(), files)
}

fn report_within(window: Window, files: &[&str]) -> LogReport {
    let mut scanner = Scanner::new(window);
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
    let (day, hour) = (25 + hour / 24, hour % 24);
    format!(
        "2026-11-{day:02} {hour:02}:{minute:02}:{second:02},{ms:03} [myid:1] - {level} \
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

fn election_requests(count: u64, every_ms: u64, address: &str) -> String {
    (0..count)
        .map(|n| {
            let message = format!("Received connection request from /{address}:{}", 40_000 + n);
            line(n * every_ms, "INFO ", "QuorumCnxManager$Listener", &message)
        })
        .collect()
}

fn broken(count: u64, every_ms: u64) -> String {
    let message = "Connection broken for id 2, my id = 1, error = ";
    (0..count)
        .map(|n| {
            line(
                n * every_ms,
                "WARN ",
                "QuorumCnxManager$RecvWorker",
                message,
            )
        })
        .collect()
}

/// A check of port 3888 from a monitor: no server is at fault, and nothing broke.
#[test]
fn who_opens_the_election_port_may_be_a_probe() {
    let probed = election_requests(60, 10_000, "10.9.9.9");
    let found = &report(&[&probed]).findings[0];
    assert_eq!(found.confidence, Confidence::Possible);
    assert!(found.cannot_tell_from.contains(&Churn::TcpHealthProbe));
    // What this server says of itself stays, beside a probe.
    let both = report(&[&probed, &broken(25, 10_000)]);
    let sure = both
        .findings
        .iter()
        .map(|found| (&*found.who.label, found.confidence));
    let sure: Vec<_> = sure.collect();
    assert!(
        sure.contains(&("10.9.9.9", Confidence::Possible)),
        "{sure:?}"
    );
    assert!(
        sure.contains(&("this server", Confidence::Certain)),
        "{sure:?}"
    );
    let served = report(&[&probed, &broken(55, 10_000)]);
    assert_eq!(served.findings[0].confidence, Confidence::Likely);
}

#[test]
fn seldom_restarts_are_not_called_certain() {
    let two_hours = 2 * 3_600_000;
    for log in [
        election_requests(12, two_hours, "10.0.0.2"),
        broken(12, two_hours),
    ] {
        let found = &report(&[&log]).findings[0];
        assert_eq!(found.confidence, Confidence::Possible);
        assert!(found.reasons_against[0].contains("planned restarts"));
    }
    let often = &report(&[&broken(12, 10_000)]).findings[0];
    assert_eq!(often.confidence, Confidence::Certain);
    assert!(often.reasons_against.is_empty());
}

#[test]
fn one_thing_has_one_rate() {
    // Eleven in 12 s, from the end of the first second on.
    let log: String = (0..11)
        .map(|n| closed(999 + n * 1_200, &format!("10.0.0.1:{}", 1000 + n)))
        .collect();
    // Accepted long before the first ended.
    let accepted = "Accepted socket connection from /10.0.0.1:999";
    let log = line(0, "DEBUG", "NIOServerCnxnFactory", accepted) + &log;
    let report = report(&[&log]);
    assert_eq!(report.addresses[0].per_second, Some(10.0 / 12.0));
    let rate = text::rate(10.0 / 12.0);
    let summary = &report.findings[0].summary;
    assert!(summary.contains(&format!(", {rate},")), "{summary}");
}

/// A small pool of ports, or a check that binds one.
#[test]
fn a_port_that_is_taken_again_at_once_is_another_connection() {
    for every_ms in [200, 1000] {
        let log: String = (0..60)
            .map(|n| closed(n * every_ms, "10.0.0.1:40000"))
            .collect();
        assert_eq!(report(&[&log]).ended, 60, "{every_ms}");
    }
}

#[test]
fn what_a_part_of_the_log_cannot_tell_gives_no_all_clear() {
    let version = |at_ms, version: &str| {
        let message = format!("Server environment:zookeeper.version={version}-1, built on 2020");
        line(at_ms, "INFO ", "ZooKeeperServer", &message)
    };
    let accepted = |level: &str| {
        let message = "Accepted socket connection from /10.0.0.1:1";
        line(5_000, level, "NIOServerCnxnFactory", message)
    };
    let quiet = line(60_000, "INFO ", "FileTxnSnapLog", "Snapshotting: 0x1");
    let old = version(0, "3.4.14") + &accepted("INFO ");
    let new = version(50_000, "3.8.4") + &quiet;
    let debug = version(0, "3.8.4") + &accepted("DEBUG");
    for files in [
        &[&*(old.clone() + &new)][..],
        &[&*old, &*new],
        &[&*debug, &*new],
    ] {
        let report = report(files);
        let answer = &report.answer;
        assert!(answer.contains("But this log cannot tell"), "{answer}");
        assert_eq!(
            (report.total["accepted"], report.total["established"]),
            (Some(1), None)
        );
        assert!(
            report
                .notes
                .iter()
                .any(|note| note.contains("in a part of this log only"))
        );
    }
    // An old server's next file, and one that logs all of it.
    for files in [&[&*old, &*quiet][..], &[&*debug]] {
        let report = report(files);
        assert!(!report.answer.contains("cannot tell"), "{}", report.answer);
        assert_eq!(report.total["established"], Some(0));
        assert!(report.notes.is_empty(), "{:?}", report.notes);
    }
}

#[test]
fn many_addresses_with_few_each_are_no_all_clear() {
    let log = |addresses: u64| -> String {
        let ends = (0..2 * addresses).map(|n| {
            closed(
                n * 50,
                &format!("10.0.{}.{}:{}", n / 400, n / 2 % 200, 1000 + n),
            )
        });
        ends.collect()
    };
    let answer = report(&[&log(500)]).answer;
    assert!(
        answer.starts_with("No single address churns, but 1,000 connections"),
        "{answer}"
    );
    assert!(answer.contains("--side server"), "{answer}");
    let answer = report(&[&log(5)]).answer;
    assert!(answer.starts_with("No churn found"), "{answer}");
}

/// A probe for an hour, then a burst.
#[test]
fn a_rhythm_of_the_latest_says_so() {
    let probe = (0..720).map(|n| closed(n * 5_000, &format!("10.0.0.1:{}", 1000 + n)));
    let burst = (0..40).map(|n| closed(3_600_000 + n * 10, &format!("10.0.0.1:{}", 9000 + n)));
    let rhythm = |log: String| {
        report(&[&log]).findings[0]
            .rhythm
            .clone()
            .unwrap_or_default()
    };
    let both = rhythm(probe.chain(burst.clone()).collect());
    assert!(both.ends_with(" (the last 32 intervals)"), "{both}");
    let few = rhythm(burst.take(20).collect());
    assert!(few.contains("every 10") && !few.contains("last"), "{few}");
}

#[test]
fn a_date_without_a_year_is_not_called_none() {
    let log = "Nov 25 10:00:00 zk1 zookeeper[1]: INFO [x:NIOServerCnxn@1] - Accepted socket \
               connection from /10.0.0.1:1";
    let notes = report(&[log]).notes.join(" ");
    assert!(
        notes.contains("without a year") && notes.contains("short-iso"),
        "{notes}"
    );
}

/// DEBUG until 10:01, INFO since.
#[test]
fn what_cannot_be_known_goes_by_the_part_that_is_counted() {
    let accepted = "Accepted socket connection from /10.0.0.1:1";
    let log = line(0, "DEBUG", "NIOServerCnxnFactory", accepted)
        + &line(120_000, "INFO ", "ZooKeeperServer", "x");
    let since = Window {
        since: Moment::read(b"2026-11-25 10:01:00"),
        until: None,
    };
    let part = report_within(since, &[&log]);
    assert_eq!(part.total["accepted"], None);
    assert!(part.answer.contains("cannot tell"), "{}", part.answer);
    // Two lines each, of which the second has the level.
    let two_lines = "Nov 25, 2026 10:02:00 AM org.apache.zookeeper.server.ZooKeeperServer run\n\
                     INFO: Server environment:zookeeper.version=3.8.4-1, built on x\n";
    assert_eq!(report_within(since, &[two_lines]).total["expired"], Some(0));
}

/// `maxCnxns`: Netty writes the factory's line only, NIO its own behind it, with a limited rate.
#[test]
fn the_limit_of_all_is_told_once_whichever_lines_tell_it() {
    let factory = |at_ms| {
        let text = "Too many connections 1000 - max is 1000";
        line(at_ms, "ERROR", "ServerCnxnFactory", text)
    };
    let acceptor = |at_ms, times: &str| {
        let text = format!(
            "{times}Error accepting new connection: Too many connections max allowed is 1000"
        );
        line(at_ms, "WARN ", "RateLogger", &text)
    };
    let netty: String = (0..30).map(|n| factory(n * 2_000)).collect();
    let slow: String = (0..30)
        .map(|n| factory(n * 2_000) + &acceptor(n * 2_000, ""))
        .collect();
    let fast: String = (0..10)
        .map(|n| {
            let at_ms = n * 2_000;
            let first = factory(at_ms) + &acceptor(at_ms, "");
            let more = factory(at_ms + 1) + &factory(at_ms + 2);
            first + &more + &acceptor(at_ms + 101, "[2 times] Message: ")
        })
        .collect();
    let warnings: String = (0..30).map(|n| acceptor(n * 2_000, "")).collect();
    for log in [netty, slow, fast, warnings] {
        let report = report(&[&log]);
        let finding = &report.findings[0];
        let told = (finding.name, finding.confidence, finding.connections);
        assert_eq!(told, (Churn::ConnectionLimit, Confidence::Certain, 30));
        assert!(report.answer.contains("were refused 30 connections"));
        let why = &finding.reasons_for[0];
        assert!(
            why.contains("maxCnxns") && why.contains("limit is 1,000"),
            "{why}"
        );
        assert!(finding.would_decide[0].contains("names no client"));
        assert_eq!(report.total["limit_reached"], Some(30));
    }
    // Others' words.
    let other = line(
        0,
        "ERROR",
        "ServerCnxnFactory",
        "Too many connections, max is 9",
    );
    assert!(report(&[&other]).findings.is_empty());
}
