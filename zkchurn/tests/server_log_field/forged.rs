//! What a client can have the server write counts for nothing, wherever it stands: a path,
//! an id for authentication, the name of its host, a scheme.

use std::{fs, path::Path};

use serde_json::{Value, json};
use zkchurn_core::serverlog::{report::build, scan::Scanner, window::Window};

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
        format!("févr. 25, 2024 1:00:00 AM {path} run\nINFOS: {message}"),
        format!("{time} INFO {path} run {message}"),
        format!(
            "<log4j:event logger=\"{path}\" timestamp=\"1704067200000\" level=\"INFO\" thread=\"T\">\n<log4j:message><![CDATA[{message}]]></log4j:message>"
        ),
        format!(
            "{time},\"{time} [myid:1] - INFO  [T:{class}@1] - {}\"",
            message.replace('"', "\"\"")
        ),
        format!("{time}.000000000 +0000 zk.server: {{\"message\":{field}}}"),
        format!("2024-01-01T00:00:00+00:00\tzk.server\t{{\"log\":{field}}}"),
        format!("MESSAGE={message}"),
        format!("    MESSAGE={message}"),
        format!("118 <134>1 2024-01-01T00:00:00Z zk1 zk 8 - - {message}"),
        format!("2024-01-01T00:00:00.00+0000 [APP/PROC/WEB/0] OUT {message}"),
        format!("2024-01-01_00:00:00.00000 {message}"),
        format!("<Jan 1, 2024 1:00:00 AM UTC> <Info> <{path}> <BEA-0> <{message}>"),
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
        texts.push(format!("> <{text}"));
        texts.push(format!("run {text}"));
        texts.push(format!("\",\"{text}"));
        texts.push(format!("kube.x: {{\"log\":\"{text}\"}}"));
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

/// A line longer than the buffer of a container engine or of the journal comes in pieces, and
/// a client can choose what the second begins with: the path of a node is up to 1 MB long.
#[test]
fn what_goes_on_with_a_split_line_begins_no_record() {
    let record = "2024-01-01 00:00:00,000 [myid:] - INFO  [T:";
    let long = |bytes: usize, letter: &str| {
        let beginning = format!(
            "{record}PrepRequestProcessor@1] - Got user-level KeeperException when processing sessionid:0x1 Error Path:/"
        );
        let letters = letter.repeat((bytes - beginning.len()) / letter.len());
        beginning + &letters
    };
    let forged =
        format!("{record}NIOServerCnxnFactory@1] - Accepted socket connection from /6.6.6.6:1");
    let engine = 16 * 1024;
    let (path, next) = (long(engine, "a"), &forged);
    let time = "2024-01-01T00:00:00.000000000Z";
    let docker = |text: &str| json!({"log": text, "stream": "stdout", "time": time}).to_string();
    let fields = |key: &str, value: &str, text: &str| json!({key: value, "log": text}).to_string();
    let mut logs = vec![
        vec![
            format!("{time} stdout P {path}"),
            format!("{time} stdout F {next}"),
        ],
        // Of three, and with a line of the other stream between.
        vec![
            format!("{time} stdout P {path}"),
            format!("{time} stderr F {record}ZooKeeperServer@1] - x"),
            format!("{time} stdout P {next}"),
            format!("{time} stdout F {next}"),
        ],
        vec![docker(&path), docker(&format!("{next}\n"))],
        vec![
            docker(&path),
            docker(&(forged.clone() + &"b".repeat(engine - forged.len()))),
            docker(&format!("{next}\n")),
        ],
        vec![docker(&long(engine, "é")), docker(&format!("{next}\n"))],
        // Docker escapes this one, so that the line has 98 kB.
        vec![
            docker(&long(engine, "<")).replace('<', "\\u003c"),
            docker(&format!("{next}\n")),
        ],
        vec![fields("_p", "P", &path), fields("_p", "F", next)],
        vec![fields("logtag", "P", &path), fields("logtag", "F", next)],
        vec![
            json!({"log": path, "partial_message": "true", "partial_last": "false"}).to_string(),
            json!({"log": next, "partial_message": "true", "partial_last": "true"}).to_string(),
        ],
        vec![
            json!({"MESSAGE": path, "_LINE_BREAK": "line-max"}).to_string(),
            json!({"MESSAGE": next}).to_string(),
        ],
        vec![
            json!({"MESSAGE": path, "CONTAINER_PARTIAL_MESSAGE": "true"}).to_string(),
            json!({"MESSAGE": next}).to_string(),
        ],
    ];
    // The journal's short forms mark nothing.
    for head in [
        "Nov 25 04:13:01 zk1 java[812]: ",
        "2024-01-01T00:00:00+0100 zk1 java[812]: ",
    ] {
        let path = long(48 * 1024, "a");
        logs.push(vec![format!("{head}{path}"), format!("{head}{next}")]);
    }
    for log in logs {
        let log = log.join("\n");
        let report = report_of(&log);
        let beginning: String = log.chars().take(200).collect();
        assert!(!report.to_string().contains("6.6.6.6"), "{beginning}");
        assert_eq!(report["total"]["accepted"], json!(null), "{beginning}");
        // Behind the last piece a record begins again.
        if log.contains(" stdout P ") {
            let after = format!("{log}\n{time} stdout F {next}\n");
            let report = report_of(&after);
            assert_eq!(*counts(&report, "6.6.6.6"), json!({"accepted": 1}));
        }
    }
}

/// The beginning of a message is the logger's own, also where others fill in the rest.
#[test]
fn arguments_of_a_template_are_no_message() {
    for (template, arguments) in [
        ("{}", json!(["Accepted socket connection from /6.6.6.6:1"])),
        (
            "Authentication failed for scheme: {}",
            json!(["x", "Accepted socket connection from /6.6.6.6:1"]),
        ),
        (
            "got {}",
            json!("Accepted socket connection from /6.6.6.6:1"),
        ),
    ] {
        let line = json!({
            "level": "INFO",
            "loggerName": "org.apache.zookeeper.server.ZooKeeperServer",
            "message": template,
            "arguments": arguments,
        });
        let report = report_of(&line.to_string());
        assert!(!report.to_string().contains("6.6.6.6"), "{line}");
    }
}

/// The path of a node holds a whole line of the very layout that the log has, and what else
/// may lead a reader astray in one of them.
#[test]
fn a_line_of_the_layout_itself_is_no_record_within_a_message() {
    const TEXT: &str = "Accepted socket connection from /6.6.6.6:1";
    let ends = [
        "] - ",
        "] ",
        "| ",
        ": ",
        ") ",
        "INFO ",
        "\",\"",
        "]]><![CDATA[",
        "> <",
        "run ",
        "message repeated 9 times: [ ",
        "[9 times] Message: ",
        "|T|INFO|",
    ];
    let mut forged = 0;
    for entry in fs::read_dir(Path::new("tests/serverlog/layouts")).unwrap() {
        let path = entry.unwrap().path();
        let log = fs::read_to_string(&path).unwrap();
        let is_accepted = |line: &&str| line.contains("Accepted") && line.contains("10.20.0.1:");
        // The journal's array of bytes holds no text.
        let Some(line) = log.lines().find(is_accepted) else {
            continue;
        };
        let mut texts = vec![line.replace("10.20.0.1:", "6.6.6.6:")];
        texts.extend(ends.map(|end| format!("{end}{TEXT}")));
        let is_json = log.lines().any(|line| line.contains("{\""));
        for text in texts {
            for before in ["", "a ", "x: "] {
                let mut text = format!("{before}{text}");
                // An object within a text of another one is escaped twice.
                let is_nested = log.contains(r#"{\"level\""#);
                for _ in 0..u8::from(is_json) + u8::from(is_nested) {
                    let field = serde_json::to_string(&text).unwrap();
                    text = field[1..field.len() - 1].to_owned();
                }
                // As log4j escapes it.
                if log.contains("<![CDATA[") {
                    text = text.replace("]]>", "]]>]]&gt;<![CDATA[");
                }
                let report = report_of(&log.replace(TEXT, &text));
                let place = format!("{}: {text}", path.display());
                assert!(!report.to_string().contains("6.6.6.6"), "{place}");
                assert_eq!(report["total"]["limit_reached"], 3, "{place}");
                forged += 1;
            }
        }
    }
    assert_eq!(forged, 103 * 14 * 3);
}
