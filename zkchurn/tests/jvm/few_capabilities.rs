// SPDX-License-Identifier: MIT
//! A dump of another user's JVM by zkchurn without root: with the right
//! capabilities, and without them.

use std::{fs, os::unix::fs::PermissionsExt, process::Command};

use serde_json::Value;

use crate::{in_time::CommandInTime, target::Target};

/// What tracing and reading other users' `/proc` takes.
const READING: &str = "+bpf,+perfmon,+sys_ptrace,+dac_read_search";

/// Traces a JVM of root's as another user with these capabilities, and returns
/// what became of the dump.
fn dump_with(capabilities: &str) -> (Target, Value) {
    let target = Target::start(&[], &["churn", "main-SendThread(zk1:2181)"]);
    // The build's directory may be closed to that user.
    let directory = tempfile::tempdir().unwrap();
    let copy = |from: &str, name: &str| {
        let to = directory.path().join(name);
        fs::copy(from, &to).unwrap();
        for path in [directory.path(), &to] {
            fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        to
    };
    let mut command = Command::new("setpriv");
    command
        .args(["--reuid", "64999", "--regid", "64999", "--clear-groups"])
        .args(["--inh-caps", capabilities, "--ambient-caps", capabilities])
        .arg(copy(env!("CARGO_BIN_EXE_zkchurn"), "zkchurn"))
        .args(["--jvm", "dump", "--duration", "5s", "--format", "json"])
        .args(["--port", &target.port.unwrap().to_string()]);
    if let Ok(object) = std::env::var("ZKCHURN_BPF_OBJECT") {
        command.arg("--bpf-object").arg(copy(&object, "object"));
    }
    let output = command.output_in_time().unwrap();
    assert!(output.status.success(), "{output:?}");
    let output = String::from_utf8(output.stdout).unwrap();
    let report: Value = serde_json::from_str(output.lines().last().unwrap()).unwrap();
    let jvm = report["suspects"][0]["jvm"].clone();
    (target, jvm)
}

#[test]
#[ignore = "needs root and a JDK; run by cargo xtask test"]
fn with_the_right_to_become_its_user_the_jvm_is_asked() {
    let (mut target, jvm) = dump_with(&format!("{READING},+setuid,+setgid"));
    assert_eq!(jvm["dump"]["outcome"], "taken", "{jvm:#}");
    assert_eq!(jvm["dump"]["started_attach"], true);
    assert_eq!(jvm["threads"][0]["name"], "main-SendThread(zk1:2181)");
    assert_eq!(target.answers(), Vec::<String>::new(), "it wrote nothing");
}

#[test]
#[ignore = "needs root and a JDK; run by cargo xtask test"]
fn without_it_the_report_says_so_and_the_jvm_is_left_alone() {
    let (mut target, jvm) = dump_with(READING);
    assert_eq!(jvm["dump"]["outcome"], "impossible", "{jvm:#}");
    let why = jvm["dump"]["why"].as_str().unwrap();
    assert!(why.contains("cannot switch to its uid/gid"), "{why}");
    assert!(!target.socket().exists());
    assert_eq!(target.answers(), Vec::<String>::new());
}
