// SPDX-License-Identifier: MIT
//! The kernel program's own log, with `-vv`: a program with it has to load wherever one
//! without it does.

use std::{fs, io::Read as _, process::Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::{
    fallback::MOUNT_TRACEFS,
    faults::run::in_mount_namespace,
    in_time::ChildInTime as _,
    namespace::in_namespace,
    peer::{connect, drain, listen, v4},
    tracer::{await_tracing, object, unused_port},
};

/// The verifier gives up at a million. It took 285,000 for the classic tracepoint on 6.1, and
/// 41,000 on 6.18 (docs/reference/kernels.md).
const MOST_VERIFIED: u64 = 500_000;

/// Instructions that the verifier went through for each program that a process holds; none
/// before Linux 5.16, which does not tell.
fn verified(pid: u32) -> Vec<u64> {
    let files = fs::read_dir(format!("/proc/{pid}/fdinfo")).unwrap();
    let texts = files.filter_map(|file| fs::read_to_string(file.unwrap().path()).ok());
    let counts = texts.filter_map(|text| {
        let count = text.split_once("verified_insns:")?.1;
        Some(count.split_whitespace().next()?.parse().unwrap())
    });
    counts.collect()
}

/// Traces one connection with the program's log, by one hook; the largest program that
/// there is.
fn logged(hook: &'static [&'static str]) -> (Vec<u64>, String, u16) {
    in_namespace(move || {
        let port = unused_port();
        let accepting = drain(listen(port), 1);
        let mut command = in_mount_namespace(MOUNT_TRACEFS);
        command.arg(env!("CARGO_BIN_EXE_zkchurn"));
        command.args(["-vv", "--handshake", "--side", "both", "--port"]);
        command.arg(port.to_string()).args(hook);
        if let Some(object) = object() {
            command.arg("--bpf-object").arg(object);
        }
        let command = command.stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stderr = child.stderr.take().unwrap();
        let mut said = await_tracing(&mut stderr);
        let verified = verified(child.id());
        drop(connect(v4(port)));
        accepting.join().unwrap();
        let pid = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
        kill_process(pid, Signal::INT).unwrap();
        stderr.read_to_end(&mut said).unwrap();
        assert!(child.wait_in_time().unwrap().success());
        (verified, String::from_utf8(said).unwrap(), port)
    })
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn each_change_has_a_line_and_the_verifier_is_far_from_its_limit() {
    for hook in [&[][..], &["--hook", "tracepoint"]] {
        assert_logged(logged(hook));
    }
}

fn assert_logged((verified, said, port): (Vec<u64>, String, u16)) {
    assert!(
        verified.iter().all(|count| *count < MOST_VERIFIED),
        "{verified:?}"
    );
    println!("figure: verified instructions {verified:?}");
    for change in [
        "CLOSE       to SYN_SENT   : ",
        "SYN_SENT    to ESTABLISHED: ",
        "SYN_RECV    to ESTABLISHED: ",
        "ESTABLISHED to FIN_WAIT1  : ",
        "ESTABLISHED to CLOSE_WAIT : ",
    ] {
        let lines = said.lines().filter(|line| line.contains(change));
        let lines: Vec<_> = lines.collect();
        assert_eq!(lines.len(), 1, "{change}: {said}");
        assert!(lines[0].contains(&format!(" port {port}, ")), "{lines:?}");
    }
}
