// SPDX-License-Identifier: MIT
//! JVMs that lie, or do not answer.

use std::time::{Duration, Instant};

use crate::target::{Target, assert_doubt, assert_naps, impossible, only_thread, started_attach};

#[test]
#[ignore = "needs root and a JDK; run by cargo xtask test"]
fn a_name_is_taken_as_it_is_whatever_it_holds() {
    let name = r#"\033[2Jx\" #1 prio=5 tid=0x1 nid=0x1 runnable"#;
    let target = Target::start(&[], &["named", name]);
    let jvm = target.dump(&[target.tid()]);
    let thread = only_thread(&jvm);
    assert_eq!(
        (thread.name.as_str(), &thread.doubt),
        ("\u{1b}[2Jx\" #1 prio=5 tid=0x1 nid=0x1 runnable", &None)
    );
    assert_naps(thread);
}

#[test]
#[ignore = "needs root and a JDK; run by cargo xtask test"]
fn a_name_with_line_breaks_is_whole_and_in_doubt() {
    let target = Target::start(&[], &["named", r"one\ntwo\nthree"]);
    let jvm = target.dump(&[target.tid()]);
    let thread = only_thread(&jvm);
    assert_eq!(thread.name, "one\ntwo\nthree");
    assert_doubt(thread, "line breaks");
    assert_naps(thread);
}

#[test]
#[ignore = "needs root and a JDK; run by cargo xtask test"]
fn a_thread_that_another_one_imitates_is_not_decided() {
    let target = Target::start(&[], &["forge"]);
    let jvm = target.dump(&[target.tid()]);
    assert!(started_attach(&jvm));
    let thread = only_thread(&jvm);
    assert_eq!((thread.name.as_str(), thread.stack.len()), ("victim", 0));
    assert_doubt(thread, "2 threads");
}

#[test]
#[ignore = "needs root and a JDK; run by cargo xtask test"]
fn a_jvm_that_never_answers_hits_the_limit() {
    for manner in ["silent", "dribble"] {
        let mut target = start_as_nobody(manner);
        let begun = Instant::now();
        let jvm = target.dump(&[]);
        let took = begun.elapsed();
        assert!(
            impossible(&jvm).contains("did not answer"),
            "{:?}",
            jvm.dump
        );
        let limit = Duration::from_secs(5);
        assert!(
            took >= limit && took < limit + Duration::from_secs(3),
            "{took:?}"
        );
        // What connected to it had no more rights than its own user.
        assert_eq!(target.answers(), ["client nobody nogroup"]);
    }
}

/// Java's `SO_PEERCRED` tells names; Debian calls 65534 so.
pub(crate) fn start_as_nobody(manner: &str) -> Target {
    let prefix = [
        "setpriv",
        "--reuid=65534",
        "--regid=65534",
        "--clear-groups",
    ];
    let options = ["-XX:+DisableAttachMechanism"];
    Target::start_with("java".as_ref(), &prefix, &options, &[manner], |_| ())
}
