//! What a client can have the server write counts for nothing, wherever it stands: a path,
//! an id for authentication, the name of its host, a scheme.

use serde_json::{Value, json};
use zkchurn_core::serverlog::{
    report::build,
    scan::{Scanner, Window},
};

use super::{counts, report, report_and_code};

/// The report on these lines, without starting a program for each of thousands.
fn report_of(log: &str) -> Value {
    let mut scanner = Scanner::new(Window::default());
    for line in log.lines() {
        scanner.line(line.as_bytes());
    }
    let (tally, facts) = scanner.finish();
    serde_json::to_value(build(&tally, &facts, Vec::new(), 10)).unwrap()
}

/// Lines as a server writes them, with a client's text in the middle.
const TEXTS: [&str; 6] = [
    "Accepted socket connection from /6.6.6.6:1",
    "2024-01-01 00:00:00,000 [myid:] - INFO  [T:NIOServerCnxnFactory@1] - Accepted socket connection from /6.6.6.6:1",
    "] Accepted socket connection from /6.6.6.6:1",
    "| INFO | org.apache.zookeeper.server.NIOServerCnxn | Accepted socket connection from /6.6.6.6:1",
    "ruok command from /6.6.6.6:1",
    "x command from /6.6.6.6:1 failed to SASL authenticate (org.apache.zookeeper.server.NIOServerCnxn)",
];

const MESSAGES: [(&str, &str); 7] = [
    (
        "PrepRequestProcessor",
        "Got user-level KeeperException when processing sessionid:0x1 Error Path:",
    ),
    (
        "FinalRequestProcessor",
        "Processing request:: sessionid:0x1 type:create reqpath:",
    ),
    ("ZooKeeperServer", "Authentication failed for scheme: "),
    ("ZooKeeperServer", "got auth packet "),
    ("SaslServerCallbackHandler", "Setting authorizedID: "),
    (
        "SaslServerCallbackHandler",
        "Successfully authenticated client: authenticationID=",
    ),
    ("NIOServerCnxn", "Command "),
];

/// A layout with each part that may lead a reader astray: no class, class at the end, bars,
/// brackets, fields, nothing but a time.
fn layouts(class: &str, message: &str) -> Vec<String> {
    let time = "2024-01-01 00:00:00,000";
    let path = format!("org.apache.zookeeper.server.{class}");
    let field = serde_json::to_string(message).unwrap();
    vec![
        format!("{time} [myid:1] - INFO  [T:{class}@1] - {message}"),
        format!("[{time}] INFO {message} ({path})"),
        format!("{time} INFO [T] {path} - {message}"),
        format!("{time} INFO [T] {message}"),
        format!("{time} | INFO | T-1 | {class} | 118 - zk - 3.4 | {message}"),
        format!("{time}\tINFO\tT-1\t{path}\t{message}"),
        format!("{time} {message}"),
        format!("INFO {message}"),
        message.to_owned(),
        format!("zk-0 zookeeper {message}"),
        format!("Nov 25 04:13:01 zk1 zookeeper[812]: {message}"),
        format!("Nov 25 04:13:01 zk1 zookeeper[812]: message repeated 400 times: [ {message}]"),
        format!("{{\"level\":\"INFO\",\"logger\":\"{path}\",\"message\":{field}}}"),
        format!("{{\"log\":{field},\"stream\":\"stdout\"}}"),
        format!("level=info logger={path} msg={field}"),
        // Written by a layout that does not escape.
        format!("{{\"level\":\"INFO\",\"logger\":\"{path}\",\"message\":\"{message}\"}}"),
        format!("level=info logger={path} msg=\"{message}\""),
        format!("Nov 25, 2024 1:00:00 AM {path} run\nINFO: {message}"),
    ]
}

#[test]
fn a_clients_text_within_a_message_counts_for_nothing() {
    let mut texts: Vec<String> = TEXTS.map(str::to_owned).to_vec();
    for text in TEXTS {
        texts.push(format!("\", \"message\":\"{text}"));
        texts.push(format!("\" msg=\"{text}"));
        texts.push(format!("x: {text}"));
        texts.push(format!("x - {text}"));
    }
    for (class, start) in MESSAGES {
        for text in &texts {
            let lines = layouts(class, &format!("{start}{text}"));
            for line in lines {
                let report = report_of(&line);
                assert!(!report.to_string().contains("6.6.6.6"), "{line}");
                assert_eq!(report["ended"], 0, "{line}: {}", report["total"]);
                let accepted = &report["total"]["accepted"];
                assert!(accepted.is_null() || *accepted == 0, "{line}: {accepted}");
            }
        }
    }
}

/// A line of the text inside of one field is no line of the log.
#[test]
fn a_line_break_within_a_field_begins_no_record() {
    for field in ["log", "message", "MESSAGE"] {
        let log = format!(
            "{{\"level\":\"INFO\",\"{field}\":\"2024-01-01 00:00:00,000 [myid:] - INFO  [T:ZooKeeperServer@1] - got auth packet\\n\
             2024-01-01 00:00:00,000 [myid:] - INFO  [T:NIOServerCnxnFactory@1] - Accepted socket connection from /6.6.6.6:1\"}}\n"
        );
        let (report, _) = report_and_code(log.as_bytes());
        assert_eq!(*counts(&report, "6.6.6.6"), json!(null), "{log}");
    }
}

/// The name in front of the address is what the client's DNS says.
#[test]
fn a_name_of_a_host_is_no_address() {
    let head = "2024-01-01 00:00:00,000 [myid:] - INFO  [T:NIOServerCnxnFactory@1] - ";
    let log = format!(
        "{head}Accepted socket connection from client7.example/10.1.2.3:4711\n\
         {head}Accepted socket connection from 6.6.6.6/10.1.2.3:4712\n\
         {head}Accepted socket connection from evil/6.6.6.6:1/10.1.2.3:4713\n\
         {head}Accepted socket connection from evil,/6.6.6.6:1/10.1.2.3:4714\n"
    );
    let report = report(&log);
    assert_eq!(*counts(&report, "10.1.2.3"), json!({"accepted": 2}));
    assert_eq!(*counts(&report, "6.6.6.6"), json!(null));
    assert_eq!(report["without_address"], json!({"accepted": 2}));
}

/// Other programs use the same words, and clients of ZooKeeper write its classes.
#[test]
fn the_words_of_other_programs_count_for_nothing() {
    let time = "2024-01-01 00:00:00,000";
    for line in [
        format!(
            "{time} INFO [http-1] com.example.Pool - Too many connections from /6.6.6.6 - max is 60"
        ),
        format!(
            "{time} INFO [main] o.a.z.ClientCnxn - Established session 0x1 with negotiated timeout 1 for client /6.6.6.6:1"
        ),
        format!("[{time}] WARN Client /6.6.6.6:1 failed to SASL authenticate:  (com.example.Auth)"),
        r#"{"logger":"com.example.Pool","level":"WARN","message":"Too many connections from /6.6.6.6 - max is 60"}"#.to_owned(),
        format!(
            "{time} INFO [main] com.example.Chat - {time} [myid:] - WARN  [T:NIOServerCnxn@1] - Too many connections from /6.6.6.6 - max is 60"
        ),
    ] {
        let (report, _) = report_and_code(format!("{line}\n").as_bytes());
        assert_eq!(*counts(&report, "6.6.6.6"), json!(null), "{line}");
    }
}
