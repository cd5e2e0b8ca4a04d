// SPDX-License-Identifier: MIT
//! tracefs is not mounted: with BTF it is not needed, and without it the message
//! says how to mount it.

use super::run::in_mount_namespace;
use crate::{
    in_time::CommandInTime,
    namespace::in_namespace,
    peer::{connect, drain, listen, v4},
    tracer::{Tracer, unused_port},
};

/// Covers both places, whatever is mounted there.
const NONE: &str = "mount -t tmpfs none /sys/kernel/tracing && \
    { [ ! -d /sys/kernel/debug/tracing ] || mount -t tmpfs none /sys/kernel/debug; }";

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn with_btf_nothing_is_missing() {
    let trace = in_namespace(|| {
        let port = unused_port();
        let accepting = drain(listen(port), 1);
        let mut command = in_mount_namespace(NONE);
        command.arg(env!("CARGO_BIN_EXE_zkchurn"));
        let tracer = Tracer::start_command(command, &["--port", &port.to_string()]);
        drop(connect(v4(port)));
        accepting.join().unwrap();
        tracer.finish()
    });
    trace.assert_nothing_lost();
    assert_eq!(trace.only()["payload_out"], 0);
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn the_classic_tracepoint_says_how_to_mount_it() {
    let mut command = in_mount_namespace(NONE);
    command.arg(env!("CARGO_BIN_EXE_zkchurn"));
    let output = command
        .args(["--hook", "tracepoint"])
        .output_in_time()
        .unwrap();
    assert_eq!(output.status.code(), Some(4));
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(message.contains("mount -t tracefs"), "{message}");
}
