//! A log that is not understood is never called unremarkable, and the exit code says so.

use std::fs;

use serde_json::json;

use super::{counts, report_and_code, server_log};

/// Each is named for what it is, with what to do; the code is 8.
#[test]
fn what_is_no_servers_log_is_named() {
    let client = "25-Nov-2026 04:13:01.249 INFO [main-SendThread(zk1:2181)] org.apache.zookeeper.ClientCnxn$SendThread.logStartConnect Opening socket connection to server zk1/10.0.0.1:2181\n";
    let other_client = "2026-11-25 04:13:01 INFO  ConnectionStateManager:228 - State change: SUSPENDED\n\
        2026-11-25 04:13:01 INFO  ClientCnxn:1112 - Opening socket connection to server zk1/10.0.0.1:2181\n";
    let unknown = "~NIOServerCnxnFactory~Accepted socket connection from /10.0.0.1:1~\n".repeat(30);
    let cases = [
        (
            client,
            "client",
            "is a client's log, not a server's: 1 of 1 line",
        ),
        (
            other_client,
            "client",
            "is a client's log, not a server's: 2 of 2 lines",
        ),
        (
            &unknown,
            "not_understood",
            "was not understood: 30 of 30 lines name a class of ZooKeeper's server, and the message of 0",
        ),
        (
            "{\"ts\":1,\"msg\":\"hello\"}\n",
            "other",
            "is not a ZooKeeper server's log",
        ),
        (
            "10.0.0.1 - - [25/Nov/2026:04:13:01 +0000] \"GET / HTTP/1.1\" 200 1\n",
            "other",
            "is not a ZooKeeper server's log",
        ),
        ("\0\0\0\0", "empty", "not a line of"),
        ("", "empty", "not a line of"),
    ];
    for (log, reading, sentence) in cases {
        let (report, code) = report_and_code(log.as_bytes());
        let answer = report["answer"].as_str().unwrap();
        assert_eq!(code, 8, "{log}: {answer}");
        assert_eq!(report["log"]["reading"], reading, "{log}");
        assert!(answer.contains(sentence), "{log}: {answer}");
        assert!(!answer.contains("No churn found"), "{answer}");
    }
}

/// A layout in which the message was looked for in the wrong place.
#[test]
fn records_whose_messages_stand_elsewhere_are_no_quiet_server() {
    let line = "2026-11-25 04:13:01,249 INFO [T] org.apache.zookeeper.server.NIOServerCnxnFactory - {x1} @ Accepted socket connection from /10.0.0.1:1\n";
    let (report, code) = report_and_code(line.repeat(20).as_bytes());
    assert_eq!(
        (code, report["log"]["reading"].as_str()),
        (8, Some("not_understood"))
    );
    assert_eq!(report["log"]["of_server"], 20);
}

/// Where brackets hold the message, or fields that are not known, the lines name ZooKeeper's
/// server all the same.
#[test]
fn a_servers_log_in_an_unknown_form_is_no_other_programs() {
    let class = "org.apache.zookeeper.server.NIOServerCnxnFactory";
    let message = "Accepted socket connection from /10.0.0.1:1";
    for line in [
        format!("<Feb 29, 2024 11:59:30 PM UTC> <Info> <{class}> <BEA-000000> <{message}>"),
        format!(
            "[2024-02-29T23:59:30.000+0000] [Payara 5] [INFO] [] [{class}] [tid: _ThreadName=x] [[\n  {message}]]\n"
        ),
        json!({"resourceLogs": [{"scopeLogs": [{"logRecords": [{"body": {"stringValue":
            format!("2024-02-29 23:59:30,000 [myid:2] - INFO  [T:{class}@1] - {message}")}}]}]}]})
        .to_string(),
    ] {
        let (report, code) = report_and_code(format!("{line}\n").repeat(20).as_bytes());
        assert_eq!(code, 8, "{line}");
        assert_eq!(report["log"]["reading"], "not_understood", "{line}");
    }
}

/// A few such lines among many that are understood lower the counts.
#[test]
fn records_whose_messages_were_not_found_are_said() {
    let read = "2026-11-25 04:13:01,249 [myid:] - WARN  [T:NIOServerCnxnFactory@1] - Too many connections from /10.0.0.9 - max is 60\n";
    let lost = "<Nov 25, 2026 4:13:02 AM UTC> <Info> <org.apache.zookeeper.server.NIOServerCnxnFactory> <BEA-000000> <Accepted socket connection from /10.0.0.1:1>\n";
    let (report, code) = report_and_code((read.repeat(9) + &lost.repeat(3)).as_bytes());
    assert_eq!(code, 0);
    assert_eq!(report["log"]["unread"], 3);
    assert!(
        report["notes"]
            .to_string()
            .contains("3 of 12 lines name a class"),
        "{}",
        report["notes"]
    );
}

/// What INFO does not tell is said, instead of an all-clear.
#[test]
fn a_quiet_log_says_what_it_cannot_tell() {
    let line = "2026-11-25 04:13:01,249 [myid:] - INFO  [main:ZooKeeperServer@1] - started\n";
    let (report, code) = report_and_code(line.as_bytes());
    let answer = report["answer"].as_str().unwrap();
    assert_eq!(code, 0);
    assert!(
        answer.contains("this log cannot tell of clients that connect"),
        "{answer}"
    );
}

/// Of several files each that is no server's is named, and the others are counted.
#[test]
fn one_of_several_files_is_a_clients() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = dir.path().join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let server = write(
        "zookeeper.log",
        "2026-11-25 04:13:01,249 [myid:] - WARN  [T:NIOServerCnxnFactory@1] - Too many connections from /10.0.0.9 - max is 60\n",
    );
    let client = write(
        "catalina.out",
        "25-Nov-2026 04:13:01.249 INFO [main] org.apache.zookeeper.ClientCnxn.x Opening\n",
    );
    let empty = write("zookeeper.log.1", "");
    let output = server_log(&["--format", "json", &server, &client, &empty], b"");
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(8), "{complaint}");
    assert!(
        complaint.contains("catalina.out is a client's log"),
        "{complaint}"
    );
    assert!(!complaint.contains("zookeeper.log"), "{complaint}");
    let report = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(*counts(&report, "10.0.0.9"), json!({"limit_reached": 1}));
    // One that has just been rotated is usual among others, and no fault.
    let output = server_log(&["--format", "json", &server, &empty], b"");
    assert_eq!(output.status.code(), Some(0));
}

/// Forms of text, and packers that are named with what unpacks them.
#[test]
fn other_forms_of_text_are_read_or_named() {
    let line = "2026-11-25 04:13:01,249 [myid:] - WARN  [T:NIOServerCnxnFactory@1] - Too many connections from /10.0.0.9 - max is 60\r\n";
    let utf16 = |mark: &str| -> Vec<u8> {
        let text = format!("{mark}{}", line.repeat(4));
        text.encode_utf16().flat_map(u16::to_le_bytes).collect()
    };
    let with_hole = [line.as_bytes(), &[0; 5000], line.repeat(3).as_bytes()].concat();
    let forms = [
        line.repeat(4).into_bytes(),
        format!("\u{feff}{}", line.repeat(4)).into_bytes(),
        with_hole,
        utf16("\u{feff}"),
        utf16(""),
    ];
    for form in forms {
        let (report, code) = report_and_code(&form);
        assert_eq!(code, 0);
        assert_eq!(*counts(&report, "10.0.0.9"), json!({"limit_reached": 4}));
    }
    let packed: [(&[u8], &str); 4] = [
        (b"BZh91AY&SY", "is packed by bzip2"),
        (b"\xfd7zXZ\0\0", "run `xz -dc standard input"),
        (b"\x28\xb5\x2f\xfd0", "zstd"),
        (b"PK\x03\x04..", "unzip -p"),
    ];
    for (bytes, words) in packed {
        let output = server_log(&["-"], bytes);
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(6), "{complaint}");
        assert!(complaint.contains(words), "{complaint}");
    }
}

/// What a server of 3.6 and later writes when it starts tells of no client.
#[test]
fn the_banner_is_understood() {
    let banner = [
        "",
        "  ______                  _                                          ",
        " |___  /                 | |                                         ",
        "    / /    ___     ___   | | __   ___    ___   _ __     ___   _ __   ",
        r"   / /    / _ \   / _ \  | |/ /  / _ \  / _ \ | '_ \   / _ \ | '__|",
        "  / /__  | (_) | | (_) | |   <  |  __/ |  __/ | |_) | |  __/ | |    ",
        r" /_____|  \___/   \___/  |_|\_\  \___|  \___| | .__/   \___| |_|",
        "                                             | |                     ",
        "                                             |_|                     ",
        "",
    ];
    let began = "[2026-11-25 04:13:02,249] INFO Server environment:os.name=Linux (org.apache.zookeeper.server.ZooKeeperServer)\n";
    let lines = banner.map(|line| {
        format!(
            "[2026-11-25 04:13:01,249] INFO {line} (org.apache.zookeeper.server.ZooKeeperServer)\n"
        )
    });
    let log = lines.concat() + &began.repeat(3);
    let (report, code) = report_and_code(log.as_bytes());
    assert_eq!((code, &report["log"]["unread"]), (0, &json!(0)), "{report}");
}

/// `grep -H` and Compose put names in front that begin as anything does.
#[test]
fn a_name_in_front_may_begin_with_any_letter() {
    let line = "2026-11-25 04:13:01,249 [myid:] - WARN  [T:NIOServerCnxnFactory@1] - Too many connections from /10.0.0.9 - max is 60\n";
    for name in ["Mzoo/zookeeper.log:", "Nzoo/zookeeper.log:", "mongo-1  | "] {
        let (report, code) = report_and_code(format!("{name}{line}").repeat(8).as_bytes());
        assert_eq!(code, 0, "{name}");
        assert_eq!(report["total"]["limit_reached"], 8, "{name}");
    }
}

/// A line of one program is no piece of another's.
#[test]
fn a_long_line_of_another_program_swallows_no_record() {
    let long = "x".repeat(48 * 1024);
    let other = format!("Nov 25 04:13:01 zk1 otherapp[99]: {long}\n");
    let ours = "Nov 25 04:13:01 zk1 zookeeper[812]: 2026-11-25 04:13:01,249 [myid:] - WARN  [T:NIOServerCnxnFactory@1] - Too many connections from /10.0.0.9 - max is 60\n";
    let (report, _) = report_and_code((other + ours).repeat(6).as_bytes());
    assert_eq!(report["total"]["limit_reached"], 6);
    // What a piece of a line of its own is followed by is the next piece.
    let piece = format!("Nov 25 04:13:01 zk1 zookeeper[812]: {long}\n");
    let (report, _) = report_and_code((piece + ours + ours).as_bytes());
    assert_eq!(report["total"]["limit_reached"], 1);
}
