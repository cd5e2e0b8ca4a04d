// SPDX-License-Identifier: MIT
//! Roots and containers that lack what zkchurn asks: `/proc`, `/dev`, or BTF and tracefs at once. One
//! sentence says what is missing and what to do.

use super::run::in_mount_namespace;
use crate::in_time::CommandInTime;

/// What it says with `mounts` done, by the code that it ends with.
fn refused(mounts: &str) -> (Option<i32>, String) {
    let mut command = in_mount_namespace(mounts);
    command.arg(env!("CARGO_BIN_EXE_zkchurn"));
    let output = command.args(["--duration", "1s"]).output_in_time().unwrap();
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(message.lines().count(), 1, "{message}");
    (output.status.code(), message)
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn a_root_without_proc() {
    let (code, message) = refused("mount -t tmpfs none /proc");
    assert_eq!(code, Some(4));
    let wanted = "Fix: mount -t proc proc /proc";
    assert!(message.contains(wanted), "{message}");
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn a_root_without_dev() {
    let (code, message) = refused("mount -t tmpfs none /dev");
    assert_eq!(code, Some(4));
    let wanted = "Fix: mknod -m 666 /dev/null c 1 3";
    assert!(message.contains(wanted), "{message}");
}

/// What `/sys` of a container shows where the kernel has no BTF.
#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn a_container_without_btf() {
    let (code, message) = refused("mount -t tmpfs none /sys/kernel");
    assert_eq!(code, Some(4));
    for words in [
        "without BTF there is no other way to trace",
        "--volume /sys/kernel/tracing:/sys/kernel/tracing:ro",
    ] {
        assert!(message.contains(words), "{message}");
    }
}
