// SPDX-License-Identifier: MIT
//! Where it is not possible the trace goes on, and the report says why.

use std::{io::Write, process::Command};

use crate::{
    in_time::CommandInTime,
    namespace::in_namespace,
    peer::{connect, drain, listen, v4},
    tracer::{Trace, Tracer, unused_port},
};

/// Traces one connection with zkchurn as `words` start it.
fn traced_by<const N: usize>(
    words: [&'static str; N],
    arguments: &'static [&'static str],
) -> Trace {
    in_namespace(move || {
        let port = unused_port();
        let accepting = drain(listen(port), 1);
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).arg(env!("CARGO_BIN_EXE_zkchurn"));
        let port_text = port.to_string();
        let common = ["--port", &port_text, "--handshake"];
        let tracer = Tracer::start_command(command, &[&common, arguments].concat());
        connect(v4(port)).write_all(b"ruok").unwrap();
        accepting.join().unwrap();
        tracer.finish()
    })
}

/// Asserts that the connection was traced without its handshake, and that the
/// report says why in `words`.
fn assert_refused(trace: &Trace, words: &str) {
    assert_eq!(trace.only()["payload_out"].as_u64().unwrap_or(4), 4);
    assert!(trace.only()["handshake"].is_null());
    let degraded = trace.report["degraded"].as_array().unwrap();
    let says_why = degraded.iter().any(|sentence| {
        let sentence = sentence.as_str().unwrap();
        sentence.starts_with("handshakes: ") && sentence.contains(words)
    });
    assert!(says_why, "{degraded:#?}");
    assert!(trace.report["loss"]["handshake_records_dropped"].is_null());
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn without_a_mounted_cgroup2() {
    let unmount = "while grep -q ' - cgroup2 ' /proc/self/mountinfo; do \
        umount -l \"$(sed -n 's/^[^ ]* [^ ]* [^ ]* [^ ]* \\([^ ]*\\) .* - cgroup2 .*/\\1/p' \
        /proc/self/mountinfo | tail -n 1)\" || exit 9; done; exec \"$0\" \"$@\"";
    let words = ["unshare", "--mount", "sh", "-c", unmount];
    assert_refused(&traced_by(words, &[]), "no cgroup2 is mounted");
}

/// The list of mounts has it still. `zkchurn doctor` says the same as a trace.
#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn where_another_mount_covers_it() {
    const COVER: &str = "sed -n 's/^[^ ]* [^ ]* [^ ]* [^ ]* \\([^ ]*\\) .* - cgroup2 .*/\\1/p' \
        /proc/self/mountinfo | sort -u | while read -r path; do mount -t tmpfs none \"$path\" || \
        exit 9; done; exec \"$0\" \"$@\"";
    const WHY: &str = "which cannot be opened (another mount covers it)";
    let words = ["unshare", "--mount", "sh", "-c", COVER];
    assert_refused(&traced_by(words, &[]), WHY);
    let mut doctor = Command::new(words[0]);
    doctor.args(&words[1..]).arg(env!("CARGO_BIN_EXE_zkchurn"));
    let output = doctor.arg("doctor").output_in_time().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    let fix = "mount -t cgroup2 none /mnt";
    assert!(said.contains(WHY) && said.contains(fix), "{said}");
    assert!(!said.contains("can attach to"), "{said}");
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn without_the_capability() {
    let words = ["setpriv", "--bounding-set", "-net_admin,-sys_admin"];
    let trace = traced_by(words, &[]);
    assert_refused(&trace, "CAP_NET_ADMIN not held");
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn on_the_classic_tracepoint() {
    let mount = "mount -t tracefs nodev /sys/kernel/tracing; exec \"$0\" \"$@\"";
    let words = ["unshare", "--mount", "sh", "-c", mount];
    let trace = traced_by(words, &["--hook", "tracepoint"]);
    assert_refused(&trace, "no socket cookies");
}
