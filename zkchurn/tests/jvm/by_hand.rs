// SPDX-License-Identifier: MIT
//! What the JDK's `jstack` says is what zkchurn says, and the command that is
//! printed for the operator works as it is.

use std::{fs, os::unix::fs::PermissionsExt, process::Command};

use tempfile::TempDir;

use crate::{
    in_time::CommandInTime,
    target::{Target, only_thread},
};

const NAME: &str = "main-SendThread(zk1.example.org:2181)";

#[test]
#[ignore = "needs root and a JDK; run by cargo xtask test"]
fn the_result_is_that_of_jstack() {
    let target = Target::start(&[], &["named", NAME]);
    let jvm = target.dump(&[target.tid()]);
    let thread = only_thread(&jvm);
    let shown = run(&jvm.jstack);
    let expected: Vec<_> = shown
        .lines()
        .skip(2)
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.trim().strip_prefix("at "))
        .collect();
    assert!(expected.len() > 2, "{shown}");
    assert_eq!(thread.stack, expected);
    assert!(shown.starts_with(&format!("\"{NAME}\" ")), "{shown}");
    let state = thread.state.as_deref().unwrap();
    assert!(shown.lines().nth(1).unwrap().ends_with(state), "{shown}");
}

#[test]
#[ignore = "needs root and a JDK; run by cargo xtask test"]
fn the_command_works_for_another_user() {
    for user in ["65534", "54321"] {
        let (uid, gid) = (format!("--reuid={user}"), format!("--regid={user}"));
        let prefix = ["setpriv", &uid, &gid, "--clear-groups"];
        let target = Target::start_with("java".as_ref(), &prefix, &[], &["named", NAME], |_| ());
        // Without the attach mechanism started: jstack does that too.
        let command = zkchurn::host::jvm::look(
            target.key(),
            zkchurn::host::jvm::JvmMode::Name,
            &[target.tid()],
        );
        let command = command.unwrap().jstack;
        let shown = run(&command);
        assert!(
            shown.starts_with(&format!("\"{NAME}\" ")),
            "{command}\n{shown}"
        );
    }
}

/// Runs a command as a shell does, `sudo` being `setpriv`: the machine of a test
/// may have none.
pub(crate) fn run(command: &str) -> String {
    let directory = tempfile::tempdir().unwrap();
    put_sudo(&directory);
    let path = std::env::var("PATH").unwrap();
    let output = Command::new("sh")
        .args(["-c", command])
        .env("PATH", format!("{}:{path}", directory.path().display()))
        .output_in_time()
        .unwrap();
    assert!(output.status.success(), "{command}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn put_sudo(directory: &TempDir) {
    let sudo = directory.path().join("sudo");
    let script = r#"#!/bin/sh
case $1 in
    -u) user=${2#\#}; shift 2 ;;
    *) exec "$@" ;;
esac
case $1 in
    -g) group=${2#\#}; shift 2 ;;
    *) group=$(id -g "$user") ;;
esac
exec setpriv --reuid="$user" --regid="$group" --clear-groups "$@"
"#;
    fs::write(&sudo, script).unwrap();
    fs::set_permissions(sudo, fs::Permissions::from_mode(0o755)).unwrap();
}
