// SPDX-License-Identifier: MIT
//! The thread of a connection is found, with its full name and its stack.

use std::{collections::BTreeSet, fs, os::unix::fs::MetadataExt, path::PathBuf};

use zkchurn::host::jvm::{JvmMode, look};
use zkchurn_core::inspection::jvm::{Dump, JvmKind};

use crate::target::{Target, assert_naps, only_thread, started_attach};

const NAME: &str = "main-SendThread(zk1.example.org:2181)";

#[test]
#[ignore = "needs root and a JDK; run by cargo xtask test"]
fn a_thread_is_found_first_by_signal_then_by_the_socket() {
    let mut target = Target::start(&["-Dcatalina.base=/srv/shop"], &["named", NAME]);
    let tid = target.tid();
    let first = target.dump(&[tid]);
    assert!(started_attach(&first));
    let thread = only_thread(&first);
    assert_eq!((thread.tid, thread.inner_tid), (tid, tid));
    assert_eq!((thread.name.as_str(), &thread.doubt), (NAME, &None));
    assert_eq!(thread.state.as_deref(), Some("WAITING (parking)"));
    let frame = thread
        .stack
        .iter()
        .find(|frame| frame.starts_with("Target.napHere("));
    assert!(frame.is_some(), "{:?}", thread.stack);
    assert_eq!(thread.frames_left_out, 0);
    assert_eq!(first.kind, JvmKind::HotSpot);
    assert_eq!(first.inner_pid, target.pid);
    assert_eq!(first.catalina_base.as_deref(), Some("/srv/shop"));
    assert_eq!(first.flags, ["-Xmx32m", "-Dcatalina.base=/srv/shop"]);

    let second = target.dump(&[tid]);
    assert!(!started_attach(&second), "the socket is there");
    assert_eq!(second.threads, first.threads);
    for trigger in target.triggers() {
        assert!(!trigger.exists(), "{} is left", trigger.display());
    }
    assert_eq!(target.answers(), Vec::<String>::new(), "it wrote nothing");
}

#[test]
#[ignore = "needs root and a JDK; run by cargo xtask test"]
fn every_jdk_of_this_host_is_understood() {
    let jdks = fs::read_dir("/usr/lib/jvm").expect("JDKs are installed there");
    let javas = jdks.map(|jdk| jdk.unwrap().path().join("bin/java"));
    let javas: BTreeSet<PathBuf> = javas.filter_map(|java| java.canonicalize().ok()).collect();
    assert!(!javas.is_empty());
    for java in javas {
        let target = Target::start_with(&java, &[], &[], &["named", NAME], |_| ());
        let jvm = target.dump(&[target.tid()]);
        assert!(started_attach(&jvm), "{}", java.display());
        let thread = only_thread(&jvm);
        assert_eq!(
            (thread.name.as_str(), &thread.doubt),
            (NAME, &None),
            "{}",
            java.display()
        );
        assert_naps(thread);
    }
}

#[test]
#[ignore = "needs root and a JDK; run by cargo xtask test"]
fn the_jvm_of_another_user_is_attached_to_as_that_user() {
    let prefix = [
        "setpriv",
        "--reuid=65534",
        "--regid=65534",
        "--clear-groups",
    ];
    let mut target = Target::start_with("java".as_ref(), &prefix, &[], &["named", NAME], |_| ());
    // Its working directory is not its own, so the trigger goes to /tmp.
    let owner = fs::metadata(format!("/proc/{}", target.pid)).unwrap().uid();
    assert_eq!(owner, 65534);
    for signal in [true, false] {
        let jvm = target.dump(&[target.tid()]);
        assert_eq!(started_attach(&jvm), signal);
        assert_eq!(only_thread(&jvm).name, NAME);
    }
    assert_eq!(target.answers(), Vec::<String>::new());
    assert_eq!(fs::metadata(target.socket()).unwrap().uid(), 65534);
    // Only a thread that has ended had other credentials.
    assert_eq!(rustix::process::geteuid().as_raw(), 0);
    assert_eq!(rustix::process::getegid().as_raw(), 0);
}

#[test]
#[ignore = "needs root and a JDK; run by cargo xtask test"]
fn by_name_only_nothing_is_done_to_the_jvm() {
    let mut target = Target::start(&["-Dzookeeper.x=y"], &["named", NAME]);
    let jvm = look(target.key(), JvmMode::Name, &[target.tid()]).unwrap();
    assert_eq!((&jvm.dump, jvm.threads.len()), (&Dump::NotAsked, 0));
    assert_eq!(jvm.flags, ["-Xmx32m", "-Dzookeeper.x=y"]);
    assert_eq!(look(target.key(), JvmMode::Off, &[]), None);
    assert!(!target.socket().exists());
    assert_eq!(target.dumps_written(), 0);
}
