// SPDX-License-Identifier: MIT
//! Limits that whoever starts zkchurn has set for it: files, their sizes, signals.

use std::{
    fs::File,
    process::{Command, Output},
    thread,
    time::{Duration, Instant},
};

use rustix::{
    fs::{CWD, Mode, mkfifoat},
    process::Signal,
};

use super::run::{Ended, Run, after, helper, partial, recording_to};
use zkchurn_lab::harness::proc;

use crate::{
    in_time::CommandInTime,
    namespace::in_namespace,
    peer::{connect, drain_one, listen, v4},
    tracer::{Trace, unused_port},
};

/// Traces 20 connections after a line of shell; `meanwhile` happens after the tenth.
fn trace_after(prepare: &str, meanwhile: impl FnOnce(&mut Run)) -> (Ended, usize) {
    const COUNT: usize = 20;
    let port = unused_port();
    let listener = listen(port);
    let port_text = port.to_string();
    let mut run = Run::start(after(prepare), &["--port", &port_text]);
    let connect_some = || {
        for _ in 0..COUNT / 2 {
            drop(connect(v4(port)));
            drain_one(&listener);
        }
    };
    connect_some();
    meanwhile(&mut run);
    connect_some();
    run.signal(Signal::INT);
    (run.wait(), COUNT)
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn a_limit_of_file_size_is_a_full_disk_and_not_the_end() {
    let directory = tempfile::tempdir().unwrap();
    let recording = directory.path().join("x.zkchurn");
    let path = recording.to_str().unwrap().to_owned();
    let (ended, count) = in_namespace(move || {
        let port = unused_port();
        let listener = listen(port);
        // Messages and reports go into pipes, as the limit is for every file: 1 KiB is
        // enough for no more than the beginning of a recording.
        let mut command = recording_to(after("ulimit -f 1"), port, &path);
        command.args(["--format", "json", "--duration", "3s"]);
        let output = thread::spawn(move || command.output_in_time().unwrap());
        let mut count = 0;
        while !output.is_finished() {
            drop(connect(v4(port)));
            drain_one(&listener);
            count += 1;
            thread::sleep(Duration::from_millis(20));
        }
        (output.join().unwrap(), count)
    });
    let message = stderr(&ended);
    assert_eq!(ended.status.code(), Some(7), "{message}");
    let cause = "can no longer be written (File too large";
    assert!(message.contains(cause), "{message}");
    let trace = Trace::parse(std::str::from_utf8(&ended.stdout).unwrap()).unwrap();
    assert!(!trace.connections.is_empty() && trace.connections.len() <= count);
    assert!(partial(&recording).exists());
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The kernel's BTF takes some megabytes.
#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn a_limit_of_memory_is_not_a_kernel_without_btf() {
    // Kibibytes: for nothing at all, not for what is made of BTF, not for another thread.
    for (arguments, kib) in [&["--duration", "1s"][..], &["doctor"]]
        .into_iter()
        .flat_map(|arguments| [4_000, 8_000, 12_000].map(|kib| (arguments, kib)))
    {
        let mut command = after(&format!("ulimit -d {kib}"));
        let ended = command.args(arguments).output_in_time().unwrap();
        let said = format!(
            "{}{}",
            String::from_utf8_lossy(&ended.stdout),
            stderr(&ended)
        );
        assert_ne!(ended.status.code(), Some(0), "{said}");
        for wrong in ["CONFIG_DEBUG_INFO_BTF", "mount -t tracefs"] {
            assert!(!said.contains(wrong), "{said}");
        }
        if arguments[0] == "doctor" {
            assert_eq!(ended.status.code(), Some(1), "{said}");
            assert!(said.contains("too little memory to read it"), "{said}");
            assert!(said.contains("`ulimit -d`"), "{said}");
        } else {
            assert_eq!(ended.status.code(), Some(1), "{said}");
            let whole = format!(
                "zkchurn: memory limit too low (`ulimit -d {kib}`): a trace needs 40960 KiB, raise it \
                 with `ulimit -d 40960`\n"
            );
            assert_eq!(said, whole);
        }
    }
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn few_open_files_are_made_enough_or_said() {
    for limit in ["ulimit -Sn 4", "ulimit -Sn 8"] {
        let (ended, count) = in_namespace(|| trace_after(limit, |_| ()));
        assert_eq!(ended.code, Some(0), "{limit}: {}", ended.stderr);
        let trace = Trace::parse(&ended.stdout).unwrap();
        trace.assert_nothing_lost();
        assert_eq!(trace.connections.len(), count);
    }

    // Root would raise the hard limit as well, by a capability.
    let mut command = Command::new("setpriv");
    command.args(["--bounding-set", "-sys_resource", "sh", "-c"]);
    command.args([
        "ulimit -n 8 && exec \"$0\" \"$@\"",
        env!("CARGO_BIN_EXE_zkchurn"),
    ]);
    let output = command.args(["--duration", "1s"]).output_in_time().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(
        stderr(&output).contains("`ulimit -n 64`"),
        "{}",
        stderr(&output)
    );
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn a_zone_without_end_is_read_by_no_helper() {
    let (ended, count) = in_namespace(|| {
        trace_after("export TZ=/dev/zero", |run| {
            // Whoever churns is looked at after a second.
            let until = Instant::now() + Duration::from_secs(3);
            let helper = helper(run, "zkchurn-look");
            while Instant::now() < until {
                let status = proc::status(helper).unwrap();
                let resident = status.text("VmRSS").unwrap();
                let kib: u64 = resident.trim_end_matches(" kB").parse().unwrap();
                assert!(kib < 200_000, "the helper takes {resident}");
                thread::sleep(Duration::from_millis(50));
            }
        })
    });
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let trace = Trace::parse(&ended.stdout).unwrap();
    assert_eq!(trace.connections.len(), count);
    assert!(!trace.report["suspects"].as_array().unwrap().is_empty());
    let said = "TZ=/dev/zero names no time zone; times are in UTC";
    assert!(ended.stderr.contains(said), "{}", ended.stderr);
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn a_hang_up_that_was_ignored_from_the_start_stays_ignored() {
    let (ended, count) = in_namespace(|| trace_after("trap '' HUP", |run| run.signal(Signal::HUP)));
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let trace = Trace::parse(&ended.stdout).unwrap();
    assert_eq!(trace.connections.len(), count);
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn an_object_is_a_file_of_some_size() {
    let directory = tempfile::tempdir().unwrap();
    let [pipe, large] = ["pipe", "large"].map(|name| directory.path().join(name));
    mkfifoat(CWD, &pipe, Mode::RWXU).unwrap();
    let file = File::create(&large).unwrap();
    file.set_len(1 << 30).unwrap();
    for (path, why) in [
        (pipe.to_str().unwrap(), "not a regular file"),
        ("/dev/zero", "not a regular file"),
        (large.to_str().unwrap(), "it is larger than 16 MiB"),
    ] {
        let output = after("true")
            .args(["--bpf-object", path])
            .output_in_time()
            .unwrap();
        assert_eq!(output.status.code(), Some(6), "{}", stderr(&output));
        let message = format!("{path} cannot be read: {why}");
        assert!(stderr(&output).contains(&message), "{}", stderr(&output));
    }
}
