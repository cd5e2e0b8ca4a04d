//! Causes that a server's log tells besides clients that come and go.

use serde_json::{Value, json};

use super::{counts, report, server_log};

fn line(second: u32, level: &str, place: &str, message: &str) -> String {
    let (minute, second) = (second / 60, second % 60);
    format!(
        "2024-03-01 10:{minute:02}:{second:02},100 [myid:1] - {level:<5} [{place}@1] - {message}\n"
    )
}

/// The layout of Kafka, which names no threads.
fn without_thread(second: u32, level: &str, class: &str, message: &str) -> String {
    let (minute, second) = (second / 60, second % 60);
    format!(
        "[2024-03-01 10:{minute:02}:{second:02},100] {level} {message} (org.apache.zookeeper.server.{class})\n"
    )
}

fn finding<'r>(report: &'r Value, name: &str) -> &'r Value {
    let findings = report["findings"].as_array().unwrap();
    let found = findings.iter().find(|finding| finding["name"] == name);
    found.unwrap_or_else(|| panic!("no {name}: {findings:#?}"))
}

/// Four workers at once in a layout without threads: reasons and closes are paired by
/// session and order.
#[test]
fn reasons_and_closes_of_several_workers_are_one_end_each() {
    let mut log = String::new();
    for round in 0..8u16 {
        let second = u32::from(round) * 2;
        for host in 1..=4 {
            log += &without_thread(
                second,
                "WARN",
                "NIOServerCnxn",
                "Unable to read additional data from client sessionid 0x0, likely client has closed socket",
            );
            let _ = host;
        }
        log += &without_thread(
            second,
            "WARN",
            "NIOServerCnxn",
            &format!(
                "Unable to read additional data from client sessionid 0x7{round:x}, likely client has closed socket"
            ),
        );
        for host in 1..=4 {
            log += &without_thread(
                second + 1,
                "DEBUG",
                "NIOServerCnxn",
                &format!(
                    "Closed socket connection for client /10.0.1.{host}:{} (no session established for client)",
                    4000 + round
                ),
            );
        }
        log += &without_thread(
            second + 1,
            "DEBUG",
            "NIOServerCnxn",
            &format!(
                "Closed socket connection for client /10.0.1.9:{} which had sessionid 0x7{round:x}",
                4000 + round
            ),
        );
    }
    let report = report(&log);
    for host in 1..=4 {
        assert_eq!(
            *counts(&report, &format!("10.0.1.{host}")),
            json!({"closed_without_session": 8})
        );
    }
    assert_eq!(
        *counts(&report, "10.0.1.9"),
        json!({"ended_with_session": 8})
    );
    assert_eq!(report["without_address"], json!({}));
}

/// Reasons that no line names the address of stay counted without one, and old ones claim
/// no later close.
#[test]
fn a_reason_waits_for_seconds_and_no_longer() {
    let mut log = String::new();
    log += &without_thread(
        0,
        "WARN",
        "NIOServerCnxn",
        "Unable to read additional data from client sessionid 0x0, likely client has closed socket",
    );
    log += &without_thread(
        30,
        "DEBUG",
        "NIOServerCnxn",
        "Closed socket connection for client /10.0.1.1:4000 (no session established for client)",
    );
    let report = report(&log);
    assert_eq!(
        *counts(&report, "10.0.1.1"),
        json!({"closed_without_session": 1})
    );
    assert_eq!(
        report["without_address"],
        json!({"closed_without_session": 1})
    );
}

#[test]
fn failed_and_missing_authentication() {
    let mut log = String::new();
    for second in 0..9 {
        log += &line(
            second,
            "WARN",
            &format!("NIOWorkerThread-{}:ZooKeeperServer", second % 3),
            &format!(
                "Client /10.0.2.1:{} failed to SASL authenticate: {{}}",
                4000 + second
            ),
        );
        log += "javax.security.sasl.SaslException: x\n\tat x.Y.z(Y.java:1)\n";
        log += &line(
            second,
            "WARN",
            &format!("NIOWorkerThread-{}:ZooKeeperServer", second % 3),
            "Closing client connection due to server requires client SASL authenticaiton,but client SASL authentication has failed, or client is not configured with SASL authentication.",
        );
    }
    for second in 20..25 {
        log += &line(
            second,
            "ERROR",
            "NIOWorkerThread-1:AuthenticationHelper",
            "Client authentication scheme(s) [ip] does not match with any of the expected authentication scheme [sasl], closing session.",
        );
    }
    let report = report(&log);
    let expected = json!({"authentication_failed": 9, "authentication_required": 9});
    assert_eq!(*counts(&report, "10.0.2.1"), expected);
    assert_eq!(
        report["without_address"],
        json!({"authentication_required": 5})
    );
    let of_client = finding(&report, "authentication_refused");
    assert_eq!(of_client["who"]["label"], "10.0.2.1");
    assert_eq!(of_client["connections"], 9);
}

#[test]
fn a_server_without_file_descriptors() {
    let accept = "NIOServerCxnFactory.AcceptThread:/0.0.0.0:2181:RateLogger";
    let mut log = line(
        0,
        "WARN",
        accept,
        "Message:Error accepting new connection: Too many open files Value:null",
    );
    log += &line(
        1,
        "WARN",
        accept,
        "[250 times] Message: Error accepting new connection: Too many open files",
    );
    log += &line(
        2,
        "WARN",
        "NIOServerCxn.Factory:0.0.0.0/0.0.0.0:2181:NIOServerCnxnFactory",
        "Ignoring unexpected exception",
    );
    log += "java.io.IOException: Too many open files\n\tat sun.nio.ch.X.accept(X.java:1)\n";
    let report = report(&log);
    let found = finding(&report, "server_out_of_descriptors");
    assert_eq!(found["connections"], 252);
    assert_eq!(found["who"]["label"], "this server");
    assert!(
        report["answer"]
            .as_str()
            .unwrap()
            .starts_with("this server could not accept 252 connections")
    );
}

/// Go's and C's clients: the line about the old protocol is the only one with an address.
#[test]
fn sessions_of_an_old_client_get_its_address_unless_two_asked() {
    let mut log = String::new();
    for round in 0..10 {
        let at = round * 15;
        log += &without_thread(
            at,
            "WARN",
            "ZooKeeperServer",
            &format!(
                "Connection request from old client /0:0:0:0:0:0:0:{}:{}; will be dropped if server is in r-o mode",
                7,
                4000 + round
            ),
        );
        log += &without_thread(
            at + 1,
            "WARN",
            "NIOServerCnxn",
            &format!(
                "Unable to read additional data from client sessionid 0x1000{round:x}, likely client has closed socket"
            ),
        );
        log += &without_thread(
            at + 9,
            "INFO",
            "ZooKeeperServer",
            &format!("Expiring session 0x1000{round:x}, timeout of 6000ms exceeded"),
        );
    }
    let one = report(&log);
    let expected = json!({"old_client": 10, "ended_with_session": 10, "expired": 10});
    assert_eq!(*counts(&one, "::7"), expected);
    let found = finding(&one, "sessions_come_and_go");
    assert!(
        found["for"]
            .to_string()
            .contains("it left 10 sessions to expire"),
        "{found}"
    );
    assert!(
        found["against"]
            .to_string()
            .contains("10 of these sessions"),
        "{found}"
    );

    // Two ask within the same second: which session is whose is not known.
    let mut both = String::new();
    for host in [7, 8] {
        both += &without_thread(
            0,
            "WARN",
            "ZooKeeperServer",
            &format!(
                "Connection request from old client /10.0.3.{host}:1; will be dropped if server is in r-o mode"
            ),
        );
    }
    both += &without_thread(
        1,
        "WARN",
        "NIOServerCnxn",
        "Unable to read additional data from client sessionid 0x10, likely client has closed socket",
    );
    let both = report(&both);
    assert_eq!(both["without_address"], json!({"ended_with_session": 1}));
    // And long after one asked, a session is anybody's.
    let mut late = without_thread(
        0,
        "WARN",
        "ZooKeeperServer",
        "Connection request from old client /10.0.3.7:1; will be dropped if server is in r-o mode",
    );
    late += &without_thread(
        60,
        "WARN",
        "NIOServerCnxn",
        "Unable to read additional data from client sessionid 0x10, likely client has closed socket",
    );
    assert_eq!(
        report(&late)["without_address"],
        json!({"ended_with_session": 1})
    );
}

/// 1.5 sessions a second, each made for one request and closed.
#[test]
fn sessions_made_and_thrown_away() {
    let mut log = String::new();
    for number in 0..40u32 {
        let second = number * 2 / 3;
        let client = format!("/10.0.4.1:{}", 40000 + number);
        log += &line(
            second,
            "DEBUG",
            "NIOWorkerThread-1:ZooKeeperServer",
            &format!(
                "Client attempting to establish new session: session = 0x0, zxid = 0x0, timeout = 30000, address = {client}"
            ),
        );
        log += &line(
            second,
            "DEBUG",
            "SyncThread:0:ZooKeeperServer",
            &format!(
                "Established session 0x10{number:x} with negotiated timeout 30000 for client {client}"
            ),
        );
        log += &line(
            second,
            "DEBUG",
            "NIOWorkerThread-1:NIOServerCnxn",
            &format!(
                "Closed socket connection for client {client} which had sessionid 0x10{number:x}"
            ),
        );
    }
    let report = report(&log);
    let found = finding(&report, "sessions_come_and_go");
    assert_eq!(found["who"]["label"], "10.0.4.1");
    assert_eq!(found["confidence"], "likely");
    assert!(
        found["summary"].as_str().unwrap().contains("1.5"),
        "{found}"
    );
    assert!(found.to_string().contains("40 new sessions"), "{found}");
}

#[test]
fn the_ensemble_itself_churns() {
    let mut log = String::new();
    for round in 0..20 {
        log += &line(
            round * 20,
            "INFO",
            "/10.0.5.1:3888:QuorumCnxManager$Listener",
            &format!("Received connection request /10.0.5.2:{}", 50000 + round),
        );
        log += &line(
            round * 20,
            "WARN",
            "RecvWorker:2:QuorumCnxManager$RecvWorker",
            "Connection broken for id 2, my id = 1, error = ",
        );
    }
    log += &line(
        401,
        "WARN",
        "WorkerSender[myid=1]:QuorumCnxManager",
        "Cannot open channel to 3 at election address /10.0.5.3:3888",
    );
    let report = report(&log);
    let found = finding(&report, "ensemble_churn");
    assert_eq!(found["who"]["label"], "10.0.5.2");
    assert!(
        found.to_string().contains("with server 2 20 times"),
        "{found}"
    );
    let ensemble = report["findings"].as_array().unwrap().iter();
    assert_eq!(
        ensemble
            .filter(|finding| finding["name"] == "ensemble_churn")
            .count(),
        1
    );
    assert_eq!(
        *counts(&report, "10.0.5.3"),
        json!({"election_unreachable": 1})
    );
}

#[test]
fn the_span_is_that_of_all_lines_and_disorder_is_said() {
    let at = |day: u32, message: &str| {
        format!(
            "2024-03-{day:02} 10:00:00,000 [myid:] - INFO  [T:NIOServerCnxnFactory@1] - {message}\n"
        )
    };
    let accepted = "Accepted socket connection from /10.0.6.1:1";
    let log = [3, 9, 1, 4].map(|day| at(day, accepted)).concat();
    let report = report(&log);
    assert_eq!(report["log"]["first"], "2024-03-01T10:00:00.000");
    assert_eq!(report["log"]["last"], "2024-03-09T10:00:00.000");
    assert_eq!(report["log"]["steps_back"], 1);
    assert!(report["notes"].to_string().contains("not in order"));
}

/// From 3.5.5 on ends are logged at DEBUG: what begins, and what expires, is churn seen from
/// there, and no all-clear.
#[test]
fn what_begins_or_expires_without_an_end_in_the_log_is_told() {
    let accepted: String = (0..3_000u32)
        .map(|number| {
            let message = format!(
                "Accepted socket connection from /10.0.0.7:{}",
                20_000 + number
            );
            line(number / 10, "INFO", "T:NIOServerCnxnFactory", &message)
        })
        .collect();
    let expired: String = (0..300u32)
        .map(|number| {
            let message =
                format!("Expiring session 0x1000{number:03x}, timeout of 4000ms exceeded");
            line(
                number * 2,
                "INFO",
                "SessionTracker:ZooKeeperServer",
                &message,
            )
        })
        .collect();
    for (log, name, expected) in [
        (
            &accepted,
            "unexplained_churn",
            "10.0.0.7 opened 3,000 connections whose ends this log does not report, 10",
        ),
        (
            &expired,
            "sessions_come_and_go",
            "report left 300 sessions to expire instead of closing them, 0.50/s",
        ),
    ] {
        let report = report(log);
        let found = finding(&report, name);
        let summary = found["summary"].as_str().unwrap();
        assert!(summary.contains(expected), "{summary}");
        let answer = report["answer"].as_str().unwrap();
        assert!(answer.starts_with(summary), "{answer}");
    }
    let few = report(
        &accepted
            .lines()
            .take(10)
            .fold(String::new(), |log, line| log + line + "\n"),
    );
    let answer = few["answer"].as_str().unwrap();
    assert!(
        answer.contains("(10 connections accepted; this log does not report their ends)"),
        "{answer}"
    );
}

/// `addauth` is no SASL: a password, or a scheme that the server does not know.
#[test]
fn what_addauth_gives_is_no_matter_of_jaas() {
    for (message, kind, expected) in [
        (
            "Authentication failed for scheme: digest",
            "credential_refused",
            "compare what the client gives to `addauth`",
        ),
        (
            "No authentication provider for scheme: x has ip digest ",
            "scheme_unknown",
            "correct the client's, or set `authProvider.1`",
        ),
    ] {
        let place = "NIOWorkerThread-1:ZooKeeperServer";
        let log: String = (0..5)
            .map(|second| line(second, "WARN", place, message))
            .collect();
        let report = report(&log);
        assert_eq!(report["without_address"], json!({kind: 5}));
        let found = finding(&report, "authentication_refused").to_string();
        assert!(found.contains(expected), "{found}");
        for wrong in ["JAAS", "Kerberos", "ticket", "exception"] {
            assert!(!found.contains(wrong), "{wrong}: {found}");
        }
    }
}

/// As `kubectl logs --prefix` and stern print the lines of several: each server calls its threads
/// alike.
#[test]
fn lines_of_several_servers_in_one_stream_are_told_apart() {
    for (one, other) in [
        ("[pod/zk-0/zk] ", "[pod/zk-1/zk] "),
        ("zk-0 zk ", "zk-1 zk "),
        ("", ""),
    ] {
        let mut log = String::new();
        for second in 0..6 {
            let place = "NIOWorkerThread-1:NIOServerCnxn";
            let mut add = |prefix: &str, id: &str, level: &str, message: &str| {
                let line = line(second * 10, level, place, message).replace("myid:1", id);
                log += &format!("{prefix}{line}");
            };
            let reason = "Unable to read additional data from client sessionid 0x0, likely client has closed socket";
            add(one, "myid:1", "WARN", reason);
            let with_session = format!(
                "Closed socket connection for client /10.0.0.99:{} which had sessionid 0x2000{second}",
                900 + second
            );
            add(other, "myid:2", "DEBUG", &with_session);
            let without = format!(
                "Closed socket connection for client /10.0.0.1:{} (no session established for client)",
                700 + second
            );
            add(one, "myid:1", "DEBUG", &without);
        }
        let report = report(&log);
        assert_eq!(
            *counts(&report, "10.0.0.1"),
            json!({"closed_without_session": 6})
        );
        assert_eq!(report["without_address"], json!({}), "{one}");
    }
}

/// A number since 1970 is of UTC, whatever the server's clock shows.
#[test]
fn times_as_numbers_are_said_to_be_of_utc() {
    let of_number = |second: u32| {
        format!(
            "{{\"ts\": {}.5, \"level\": \"INFO\", \"logger\": \"org.apache.zookeeper.server.NIOServerCnxn\", \
             \"message\": \"Processing ruok command from /10.0.0.1:{second}\"}}\n",
            1_709_287_200 + second
        )
    };
    let numbers: String = (0..5).map(of_number).collect();
    let written = line(2, "INFO", "NIOWorkerThread-1:NIOServerCnxn", "x");
    let report_of = |log: &str| report(log);
    let all = report_of(&numbers);
    assert_eq!(all["log"]["in_utc"], 5);
    assert_eq!(all["log"]["first"], "2024-03-01T10:00:00.500");
    assert!(
        !all["notes"].to_string().contains("are numbers"),
        "{}",
        all["notes"]
    );
    let text = |options: &[&str], log: &str| {
        let output = server_log(&[&["-"], options].concat(), log.as_bytes());
        let text = String::from_utf8(output.stdout).unwrap();
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let said = text(&[], &numbers);
    assert!(said.contains("to 2024-03-01 10:00:04 UTC; "), "{said}");
    let said = text(&["--since", "2024-03-02 00:00:00"], &numbers);
    assert!(
        said.contains("go by UTC, as its times are numbers: "),
        "{said}"
    );
    let said = text(&[], &written);
    assert!(said.contains("by the server's clock; "), "{said}");
    let both = report_of(&(numbers + &written));
    assert!(
        both["notes"]
            .to_string()
            .contains("the times of 5 lines are numbers, so they are of UTC"),
        "{}",
        both["notes"]
    );
    assert_eq!(report_of(&written)["log"]["in_utc"], 0);
}

/// A job that runs each 50 minutes, and the same in one minute.
#[test]
fn a_job_that_runs_now_and_then_is_possible_only() {
    let log = |apart: u32| {
        let mut log = String::new();
        for run in 0..12 {
            let second = run * apart;
            let mut add = |message: &str| {
                let place = "NIOWorkerThread-1:NIOServerCnxn";
                let line = line(second % 3600, "DEBUG", place, message);
                log += &line.replace(" 10:", &format!(" {}:", 10 + second / 3600));
            };
            add(&format!(
                "Accepted socket connection from /10.0.0.9:{}",
                5000 + run
            ));
            add(&format!(
                "Client attempting to establish new session: session = 0x1000{run:02x}, zxid = 0x0, timeout = 4000, address = /10.0.0.9:{}",
                5000 + run
            ));
            add(&format!(
                "Closed socket connection for client /10.0.0.9:{} which had sessionid 0x1000{run:02x}",
                5000 + run
            ));
        }
        log
    };
    let slow = report(&log(3000));
    let found = finding(&slow, "sessions_come_and_go");
    assert_eq!(found["confidence"], "possible");
    assert!(
        found["against"][0]
            .as_str()
            .unwrap()
            .contains("a job that runs now and then")
    );
    let fast = report(&log(5));
    let found = finding(&fast, "sessions_come_and_go");
    assert_eq!(found["confidence"], "likely");
    assert_eq!(found["against"], json!([]));
}
