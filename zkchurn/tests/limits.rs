// SPDX-License-Identifier: MIT
//! Limits that whoever starts zkchurn has set for it: whatever they are, it works or says in
//! one sentence what to change. Those of a trace are in `kernel/faults/limits.rs`.
#![expect(
    clippy::unwrap_used,
    unused_crate_dependencies,
    reason = "a test that panics has failed; its crates are those of all tests"
)]

use std::{
    fs,
    process::{Command, Output},
};

use zkchurn_lab::harness::in_time::CommandInTime as _;

const RECORDING: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/recordings/incident.zkchurn"
);

/// zkchurn after a line of shell.
fn after(prepare: &str, arguments: &[&str], to: &str) -> Output {
    let mut command = Command::new("sh");
    let script = format!("{prepare} && exec \"$0\" \"$@\" {to}");
    command.args(["-c", &script, env!("CARGO_BIN_EXE_zkchurn")]);
    command.args(arguments).output_in_time().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Each takes more stack than the limit allows.
const COMMANDS: [&[&str]; 3] = [&["--help"], &["doctor"], &["replay", RECORDING]];

#[test]
fn a_small_stack_grows_as_far_as_it_may() {
    for arguments in COMMANDS {
        let as_usual = after("true", arguments, "");
        let output = after("ulimit -S -s 64", arguments, "");
        assert_eq!(output.status.code(), as_usual.status.code());
        assert_eq!(output.stdout, as_usual.stdout, "{}", stderr(&output));
    }
}

/// As a trace says it, which needs root: who may not raise it would be told so there, too.
#[test]
fn doctor_says_which_limit_would_keep_a_trace_from_beginning() {
    for (limit, found, fix) in [
        (
            "ulimit -n 20",
            "open-file limit too low (`ulimit -n 20`)",
            "`ulimit -n 64`",
        ),
        (
            "ulimit -v 66000",
            "memory limit too low (`ulimit -v 66000`)",
            "`ulimit -v 73728`",
        ),
    ] {
        // Who holds CAP_SYS_RESOURCE raises that of files.
        let without = "setpriv --bounding-set -sys_resource true 2>/dev/null && \
                       exec setpriv --bounding-set -sys_resource sh -c";
        let script = format!("{limit} && exec {} doctor", env!("CARGO_BIN_EXE_zkchurn"));
        let mut command = Command::new("sh");
        let prepare = format!("{without} \"$1\"; exec sh -c \"$1\"");
        command.args(["-c", &prepare, "sh", &script]);
        let output = command.output_in_time().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(1), "{said}{}", stderr(&output));
        assert!(said.contains("MISSING   limits"), "{said}");
        assert!(said.contains(found) && said.contains(fix), "{said}");
        assert!(said.contains("zkchurn cannot trace here"), "{said}");
    }
}

#[test]
fn a_stack_that_must_stay_small_is_one_sentence() {
    for arguments in COMMANDS {
        // Who holds CAP_SYS_RESOURCE may raise it.
        let output = after("ulimit -s 64", arguments, "");
        if output.status.code() != Some(1) {
            assert_eq!(output.stdout, after("true", arguments, "").stdout);
            continue;
        }
        let expected = "zkchurn: stack limit too low (64 KiB): zkchurn needs 1024 KiB, raise it \
                        with `ulimit -s 1024`\n";
        assert_eq!(stderr(&output), expected);
        assert_eq!(output.status.code(), Some(1));
    }
}

#[test]
fn the_environment_sets_no_stack_of_threads() {
    let expected = after("true", &["serverlog", LOG], "").stdout;
    for size in ["1", "99999999999999999"] {
        let prepare = format!("export RUST_MIN_STACK={size}");
        let output = after(&prepare, &["serverlog", LOG], "");
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        assert_eq!(output.stdout, expected);
    }
}

const LOG: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/serverlog/zookeeper-3.8.0-info.log"
);

#[test]
fn output_beyond_the_limit_of_file_sizes_is_said() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("output");
    for arguments in [&["doctor"][..], &["replay", RECORDING]] {
        let to = format!("> {}", file.display());
        let output = after("ulimit -f 0", arguments, &to);
        let expected = "zkchurn: the output cannot be written: File too large (os error 27)\n";
        assert_eq!(stderr(&output), expected, "{arguments:?}");
        assert_eq!(output.status.code(), Some(7));
        assert_eq!(fs::metadata(&file).unwrap().len(), 0);
    }
}
