// SPDX-License-Identifier: MIT
//! The command line without privilege: one clear sentence and its exit code for
//! every way to go wrong, and nothing on standard output.
#![expect(
    clippy::unwrap_used,
    reason = "a test that panics has failed, which is its purpose"
)]

use std::process::{Command, Output};
use zkchurn_lab::harness::in_time::{ChildInTime, CommandInTime};

fn zkchurn(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_zkchurn"))
        .args(arguments)
        .output_in_time()
        .unwrap()
}

fn assert_fails(arguments: &[&str], code: i32, sentence: &str) {
    let output = zkchurn(arguments);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {stderr}");
    assert!(stderr.contains(sentence), "{arguments:?}: {stderr}");
    assert!(output.stdout.is_empty(), "{arguments:?} wrote a report");
}

#[test]
fn bad_values_are_named_with_the_accepted_form() {
    assert_fails(
        &["--port", "no-such-service"],
        2,
        "a port is a number from 1 to 65535",
    );
    assert_fails(&["--port", "0"], 2, "a port is a number from 1 to 65535");
    assert_fails(&["--duration", "soon"], 2, "a number with a unit");
    assert_fails(&["--pid", "-1"], 2, "");
    assert_fails(&["--buffer", "5"], 2, "a power of two");
    assert_fails(&["--top", "0"], 2, "a positive number");
    assert_fails(&["--format", "xml"], 2, "possible values: text, json");
    assert_fails(&["--pid", "1", "--side", "server"], 2, "--side client only");
    assert_fails(&["--pid", "4194304"], 2, "no process 4194304 on this host");
    assert_fails(
        &["--handshake=later"],
        2,
        "key h of `zkchurn live`: use --handshake",
    );
    assert_fails(&["--handshake=x"], 2, "possible values: start, later");
}

/// Each option that takes a value, values that it refuses, and what it says of
/// the form that it takes.
const REFUSED: &[(&[&str], &str, &[&str], &str)] = &[
    (
        &[],
        "--port",
        &["x", "0", "65536", "-1", "9-1"],
        "from 1 to 65535",
    ),
    (
        &[],
        "--pid",
        &["0", "-1", "4294967296"],
        "a positive number, as shown by `ps`",
    ),
    (&[], "--side", &["x"], "client, server, both"),
    (
        &[],
        "--duration",
        &["x", "-5s", "5 parsecs"],
        "such as 500ms, 60s",
    ),
    (&[], "--interval", &["x", "-1s"], "such as 500ms, 60s"),
    (&[], "--jvm", &["x"], "off, name, dump"),
    (
        &[],
        "--table-size",
        &["x", "0", "-1", "16777217"],
        "from 1 to 16777216",
    ),
    (
        &[],
        "--buffer",
        &["x", "5", "2", "2097152"],
        "a power of two from 4 to 1048576",
    ),
    (&[], "--hook", &["x"], "tp_btf, tracepoint"),
    (&[], "--format", &["xml"], "text, json"),
    (&[], "--top", &["x", "0", "-1"], "a positive number"),
    (&[], "--lines", &["x", "-1", "4294967296"], "0 is no limit"),
    (&[], "--columns", &["x", "PID"], "time, pid, process"),
    (
        &["timewait"],
        "--watch",
        &["x", "-1s"],
        "such as 500ms, 60s",
    ),
    (&["timewait"], "--watch", &["0", "0s"], "a duration above 0"),
    (&["timewait"], "--port", &["x", "0"], "from 1 to 65535"),
    (&["timewait"], "--side", &["x"], "client, server, both"),
    (&["timewait"], "--format", &["xml"], "text, json"),
    (&["timewait"], "--jvm", &["x"], "off, name, dump"),
    (&["replay", "file"], "--format", &["xml"], "text, json"),
    (&["replay", "file"], "--top", &["0"], "a positive number"),
    (&["serverlog", "file"], "--format", &["xml"], "text, json"),
    (
        &["serverlog", "file"],
        "--top",
        &["x", "0"],
        "a positive number",
    ),
    (
        &["serverlog", "file"],
        "--since",
        &["x", "2026", "25.11.2026"],
        "as in the log",
    ),
    (
        &["serverlog", "file"],
        "--until",
        &["x", "12:00"],
        "as in the log",
    ),
    (&["doctor"], "--format", &["xml"], "text, json"),
];

#[test]
fn every_refused_value_is_named_with_its_option_and_the_accepted_form() {
    for (before, option, values, form) in REFUSED {
        for value in *values {
            let assigned = format!("{option}={value}");
            for argument in [&[assigned.as_str()][..], &[option, value]] {
                let arguments = [*before, argument].concat();
                assert_fails(&arguments, 2, form);
                assert_fails(&arguments, 2, option);
                assert_fails(&arguments, 2, &format!("'{value}'"));
            }
        }
    }
}

/// Of whatever is typed a message has the beginning, and then what is wrong with it.
#[test]
fn what_is_absurdly_long_is_not_repeated_to_its_end() {
    let long = "a".repeat(100_000);
    let terms = "a ".repeat(5_000);
    let of = |before: &str| format!("{before}{long}");
    let options = REFUSED.iter().filter(|(_, option, ..)| *option != "--pid");
    let mut cases: Vec<Vec<String>> = options
        .map(|(before, option, ..)| {
            let before = before.iter().map(|word| (*word).to_owned());
            before.chain([format!("{option}={long}")]).collect()
        })
        .collect();
    let more = [
        vec![of("--")],
        vec![of("")],
        vec![of("--filter=")],
        vec![of("--filter=process:a ") + ":"],
        vec![format!("--filter={terms}")],
        vec![of("--columns=time,")],
        vec![of("--otlp=http://")],
        vec![of("--otlp=http://127.0.0.1/ ")],
        vec!["replay".into(), of("--expect=finding="), "x".into()],
        vec!["replay".into(), of("")],
        vec!["diff".into(), of(""), of("b")],
        vec!["serverlog".into(), of("")],
        vec!["man".into(), of("")],
        vec!["agent".into(), of("--reports=")],
        vec!["agent".into(), of("--config=")],
        vec!["agent".into(), "--check".into(), of("--directory=")],
        vec!["agent".into(), "--check".into(), of("--command=/")],
        vec!["doctor".into(), of("--")],
    ];
    cases.extend(more);
    for case in cases {
        let arguments: Vec<&str> = case.iter().map(String::as_str).collect();
        let output = zkchurn(&arguments);
        let named = format!("{:.60}", case.join(" "));
        assert!(!output.status.success(), "{named}");
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(stderr.len() < 2_048, "{named}: {} bytes", stderr.len());
        assert!(stderr.contains('…'), "{named}: {stderr}");
    }
}

#[test]
fn files_that_cannot_be_replayed() {
    assert_fails(
        &["replay", "no-such-file"],
        6,
        "no-such-file cannot be read",
    );
    assert_fails(
        &["replay", "Cargo.toml"],
        5,
        "this is not a zkchurn recording",
    );
    assert_fails(&["replay", "/proc/self/mem"], 6, "cannot be re");
    // Whoever names a file may mean the terminal.
    assert_fails(
        &["replay", "no\u{1b}[31m"],
        6,
        "no\\u{1b}[31m cannot be read",
    );
}

#[test]
fn recordings_of_which_a_filter_leaves_nothing_are_not_as_before() {
    let recording = "tests/recordings/incident.zkchurn";
    for wanted in [["--filter", "process:nosuch"], ["--since", "0s"]] {
        let diff = zkchurn(
            &[
                &["diff", recording, recording, "--fail-on", "worse"],
                &wanted[..],
            ]
            .concat(),
        );
        let said = String::from_utf8_lossy(&diff.stdout);
        assert!(said.starts_with("Cannot tell: "), "{said}");
        assert_eq!(diff.status.code(), Some(8), "{said}");
    }
}

#[test]
fn recordings_are_compared_and_pages_are_not() {
    let recording = "tests/recordings/incident.zkchurn";
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("incident.html");
    let page = page.to_str().unwrap();
    let quiet = "tests/recordings/quiet.zkchurn";
    let diff = |arguments: &[&str]| zkchurn(&[&["diff"], arguments].concat());

    let same = diff(&[recording, recording, "--fail-on", "new,worse"]);
    assert_eq!(same.status.code(), Some(0), "{same:?}");
    let text = String::from_utf8(same.stdout).unwrap();
    assert!(
        text.starts_with("No change: java (IncidentClient)"),
        "{text}"
    );

    let kinds = "tests/recordings/kinds";
    // Another program at the same port.
    let before = format!("{kinds}/oversized_packet.zkchurn");
    let after = format!("{kinds}/refused_node.zkchurn");
    let new = diff(&[&before, &after, "--fail-on", "new"]);
    assert_eq!(new.status.code(), Some(10), "{new:?}");
    let text = String::from_utf8(new.stderr).unwrap();
    assert!(
        text.contains("Worse: node (node_client.js) -> 127.0.0.1:21835 is new"),
        "{text}"
    );
    // Of other ports nothing can be told.
    let other = diff(&["--fail-on", "worse", recording, &after]);
    assert_eq!(other.status.code(), Some(0), "{other:?}");

    assert_eq!(diff(&[recording, quiet, "-o", page]).status.code(), Some(0));
    let written = std::fs::read_to_string(page).unwrap();
    assert!(
        written.contains("AFTER did not trace port 11035"),
        "{written}"
    );
    let made = zkchurn(&["report", recording, "-o", &format!("{page}.html")]);
    assert_eq!(made.status.code(), Some(0), "{made:?}");
    assert_fails(
        &["diff", &format!("{page}.html"), recording],
        2,
        "a comparison needs the recording it was made of",
    );
}

#[test]
fn help_names_every_option_and_the_exit_codes() {
    let help = String::from_utf8(zkchurn(&["--help"]).stdout).unwrap();
    for word in [
        "--port",
        "--pid",
        "--side",
        "--duration",
        "--interval",
        "--record",
        "--top",
        "--format",
        "--no-color",
        "--table-size",
        "--buffer",
        "--hook",
        "replay",
        "doctor",
        "Exit codes",
    ] {
        assert!(help.contains(word), "{word}");
    }
}

#[test]
fn doctor_works_without_privilege() {
    let output = zkchurn(&["doctor"]);
    let finding = String::from_utf8(output.stdout).unwrap();
    assert!(finding.contains("kernel"), "{finding}");
    assert!(finding.contains("zkchurn can"), "{finding}");
    assert!(matches!(output.status.code(), Some(0 | 3 | 4)));
}

#[test]
fn the_version_names_commit_and_target() {
    let version = String::from_utf8(zkchurn(&["--version"]).stdout).unwrap();
    let begins = concat!("zkchurn ", env!("CARGO_PKG_VERSION"), " (commit ");
    assert!(version.starts_with(begins), "{version}");
    let target = format!("{}-unknown-linux-", std::env::consts::ARCH);
    assert!(version.contains(&target), "{version}");
}

#[test]
fn completions_are_what_the_shell_accepts() {
    for shell in ["bash", "zsh", "fish"] {
        let output = zkchurn(&["completions", shell]);
        assert!(output.status.success());
        let script = String::from_utf8(output.stdout).unwrap();
        for word in ["serverlog", "handshake", "since"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
    assert_fails(&["completions", "csh"], 2, "possible values: bash");
}

#[test]
fn bash_completes_a_command() {
    let complete = r#"
        source /dev/stdin
        COMP_WORDS=(zkchurn server) COMP_CWORD=1
        _zkchurn zkchurn server zkchurn
        echo "${COMPREPLY[@]}""#;
    let script = zkchurn(&["completions", "bash"]).stdout;
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), script).unwrap();
    let output = Command::new("bash")
        .args(["-c", complete])
        .stdin(std::fs::File::open(file.path()).unwrap())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap()
        .output_in_time()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "serverlog");
}

/// Another process has other descriptors.
#[test]
fn settings_may_come_from_standard_input() {
    let settings = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(settings.path(), "size = \"8MiB\"\n").unwrap();
    let check = |config: &str| {
        let output = Command::new(env!("CARGO_BIN_EXE_zkchurn"))
            .args(["agent", "--check", "--config", config, "--directory"])
            .arg(
                settings
                    .path()
                    .parent()
                    .unwrap()
                    .join("zkchurn-is-not-there"),
            )
            .stdin(std::fs::File::open(settings.path()).unwrap())
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap()
            .output_in_time()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    for config in ["/dev/stdin", settings.path().to_str().unwrap()] {
        let said = check(config);
        assert!(said.contains("at most 8 MiB and"), "{said}");
    }
}

#[test]
fn settings_that_are_right_are_said_to_be_or_the_output_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("agent.toml");
    std::fs::write(&config, "").unwrap();
    let mut check = Command::new(env!("CARGO_BIN_EXE_zkchurn"));
    check.args(["agent", "--check", "--config"]).arg(&config);
    check.arg("--directory").arg(directory.path().join("kept"));
    let full = std::fs::File::create("/dev/full").unwrap();
    let child = check.stdout(full).stderr(std::process::Stdio::piped());
    let output = child.spawn().unwrap().output_in_time().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(7), "{said}");
    assert!(said.contains("No space left on device"), "{said}");
}
