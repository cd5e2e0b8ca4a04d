// SPDX-License-Identifier: MIT
//! JVMs that a signal would hurt, or not reach, are left alone.

use std::{
    fs,
    process::Command,
    time::{Duration, Instant},
};

use rustix::process::{Signal, WaitOptions, waitpid};
use zkchurn::host::jvm::{JvmMode, look};
use zkchurn_core::process::ProcessKey;

use crate::target::{Target, impossible, only_thread, started_attach};
use zkchurn_lab::harness::in_time::CommandInTime;

/// Looks at a JVM that SIGQUIT would end. It listens from its start (HotSpot:
/// `AttachListener::init_at_startup`), so a dump needs no signal; when a cleaner
/// of /tmp has removed the socket, there is no way.
fn look_without_signal(mut target: Target) -> String {
    let tid = target.tid();
    let jvm = target.dump(&[tid]);
    assert!(!started_attach(&jvm));
    assert_eq!(only_thread(&jvm).name, "sleeper");
    fs::remove_file(target.socket()).unwrap();
    let jvm = target.dump(&[tid]);
    assert_eq!(jvm.threads, []);
    assert_eq!(target.answers(), Vec::<String>::new());
    for trigger in target.triggers() {
        assert!(!trigger.exists());
    }
    impossible(&jvm).to_owned()
}

#[test]
#[ignore = "needs root and a JDK; run by cargo xtask test"]
fn a_jvm_that_the_signal_would_end_survives() {
    let why = look_without_signal(Target::start(&["-Xrs"], &["named", "sleeper"]));
    assert!(
        why.contains("-Xrs") && why.contains("would end it"),
        "{why}"
    );
}

#[test]
#[ignore = "needs root and a JDK; run by cargo xtask test"]
fn it_survives_also_when_the_environment_says_so() {
    let change = |command: &mut Command| {
        command.env("JAVA_TOOL_OPTIONS", "-Da='b c' -X\"rs\"");
    };
    let target = Target::start_with("java".as_ref(), &[], &[], &["named", "sleeper"], change);
    let why = look_without_signal(target);
    assert!(why.contains("-Xrs"), "{why}");
}

#[test]
#[ignore = "needs root and a JDK; run by cargo xtask test"]
fn a_jvm_without_the_attach_mechanism_writes_no_dump() {
    let mut target = Target::start(&["-XX:+DisableAttachMechanism"], &["named", "sleeper"]);
    let jvm = target.dump(&[target.tid()]);
    let why = impossible(&jvm);
    assert!(why.contains("DisableAttachMechanism"), "{why}");
    assert_eq!(target.dumps_written(), 0);
}

#[test]
#[ignore = "needs root and a JDK; run by cargo xtask test"]
fn a_stopped_jvm_is_refused_until_it_goes_on() {
    let mut target = Target::start(&[], &["named", "sleeper"]);
    target.signal(Signal::STOP);
    let waited = waitpid(Some(target.process()), WaitOptions::UNTRACED).unwrap();
    let (process, status) = waited.expect("it was waited for");
    assert_eq!(process, target.process());
    assert_eq!(status.stopping_signal(), Some(Signal::STOP.as_raw()));
    let begun = Instant::now();
    let jvm = target.dump(&[target.tid()]);
    assert!(
        begun.elapsed() < Duration::from_secs(2),
        "it was waited for"
    );
    assert!(impossible(&jvm).contains("stopped"), "{:?}", jvm.dump);
    target.signal(Signal::CONT);
    assert_eq!(
        target.answers(),
        Vec::<String>::new(),
        "no dump was written"
    );
    assert!(started_attach(&target.dump(&[])));
}

#[test]
#[ignore = "needs root and a JDK; run by cargo xtask test"]
fn another_process_with_the_same_pid_is_not_touched() {
    let mut target = Target::start(&[], &["named", "sleeper"]);
    let key = target.key();
    let earlier = ProcessKey {
        start_ns: key.start_ns - 1_000_000_000,
        ..key
    };
    assert_eq!(look(earlier, JvmMode::Dump, &[target.tid()]), None);
    let unknown = ProcessKey { start_ns: 0, ..key };
    let jvm = look(unknown, JvmMode::Dump, &[]).unwrap();
    assert!(
        impossible(&jvm).contains("does not report its start time"),
        "{:?}",
        jvm.dump
    );
    assert!(!target.socket().exists());
    assert_eq!(target.dumps_written(), 0);
}

/// Set where the test below runs a second time, in the other namespace.
const ASKED: &str = "ZKCHURN_TEST_ASKED_JVM";

#[test]
#[ignore = "needs root and a JDK; run by cargo xtask test"]
fn from_a_pid_namespace_of_its_own_nobody_is_asked() {
    if let Ok(key) = std::env::var(ASKED) {
        let (pid, start_ns) = key.split_once(' ').unwrap();
        let key = ProcessKey {
            pid: pid.parse().unwrap(),
            start_ns: start_ns.parse().unwrap(),
        };
        let jvm = look(key, JvmMode::Dump, &[]);
        println!("{}", impossible(&jvm.expect("/proc is the host's")));
        return;
    }
    let mut target = Target::start(&[], &["named", "sleeper"]);
    let key = target.key();
    let again = Command::new("unshare")
        .args(["--pid", "--fork"])
        .arg(std::env::current_exe().unwrap())
        .args(["--ignored", "--nocapture", "--exact"])
        .arg("refused::from_a_pid_namespace_of_its_own_nobody_is_asked")
        .env(ASKED, format!("{} {}", key.pid, key.start_ns))
        .output_in_time()
        .unwrap();
    let said = String::from_utf8_lossy(&again.stdout);
    assert!(said.contains("in its own pid namespace"), "{said}");
    assert!(again.status.success(), "{said}");
    assert_eq!(target.answers(), Vec::<String>::new());
    assert!(!target.socket().exists());
}
