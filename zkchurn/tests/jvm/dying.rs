// SPDX-License-Identifier: MIT
//! A JVM that dies while it is asked: there is an answer soon, and it says so.

use std::{
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Signal, kill_process};
use zkchurn::host::jvm::{JvmMode, look};
use zkchurn_core::inspection::jvm::{Dump, Jvm};

use crate::{
    hostile::start_as_nobody,
    target::{Target, impossible},
};

/// Less than the limits of time for a JVM that lives but does not answer.
const SOON: Duration = Duration::from_secs(3);

/// Takes a dump and kills the JVM this long after the beginning.
fn killed_after(target: &Target, delay: Duration) -> Option<Jvm> {
    let (key, pid) = (target.key(), target.process());
    let (jvm, took) = thread::scope(|scope| {
        scope.spawn(|| {
            // Part of what is tested: the moment.
            thread::sleep(delay);
            kill_process(pid, Signal::KILL).unwrap();
        });
        let begun = Instant::now();
        (look(key, JvmMode::Dump, &[]), begun.elapsed())
    });
    assert!(took < SOON, "{took:?}");
    jvm
}

#[test]
#[ignore = "needs root and a JDK; run by cargo xtask test"]
fn after_it_accepted_and_before_it_answered() {
    let target = start_as_nobody("silent");
    let jvm = killed_after(&target, Duration::from_millis(700)).expect("it lived");
    assert_eq!(target.line().as_deref(), Some("client nobody nogroup"));
    let why = impossible(&jvm);
    assert!(why.contains("without an answer"), "{why}");
}

#[test]
#[ignore = "needs root and a JDK; run by cargo xtask test"]
fn at_any_moment_of_a_real_dump() {
    for delay in [0, 5, 15, 40] {
        let target = Target::start(&[], &["named", "sleeper"]);
        let jvm = killed_after(&target, Duration::from_millis(delay));
        // Whichever was first; what is not whole is not taken for a dump.
        match jvm.map(|jvm| jvm.dump) {
            None | Some(Dump::Impossible { .. }) => {}
            Some(Dump::Taken { threads, .. }) => assert!(threads > 5, "{threads}"),
            Some(Dump::NotAsked) => panic!("it was asked"),
        }
        for trigger in target.triggers() {
            assert!(!trigger.exists(), "{} is left", trigger.display());
        }
    }
}
