// SPDX-License-Identifier: MIT
//! A JVM in namespaces of its own, as in a container.

use crate::{
    by_hand,
    target::{Target, only_thread, started_attach},
};

const NAME: &str = "main-SendThread(zk1.example.org:2181)";

#[test]
#[ignore = "needs root and a JDK; run by cargo xtask test"]
fn pids_and_files_are_those_of_its_namespaces() {
    // The shell stays pid 1, so that the JVM is somebody else.
    let prefix = [
        "unshare",
        "--pid",
        "--fork",
        "--kill-child",
        "--mount",
        "--mount-proc",
        "sh",
        "-c",
        "mount -t tmpfs none /tmp && \"$@\" && true",
        "sh",
    ];
    let mut target = Target::start_with("java".as_ref(), &prefix, &[], &["named", NAME], |_| ());
    target.descend();
    target.descend();
    let tid = target.tid();
    assert_ne!(Some(tid), target.inner_tid, "it has ids of its own");
    for signal in [true, false] {
        let jvm = target.dump(&[tid]);
        assert_eq!(started_attach(&jvm), signal);
        assert!(jvm.inner_pid < 10, "{}", jvm.inner_pid);
        let thread = only_thread(&jvm);
        assert_eq!(
            (thread.tid, Some(thread.inner_tid)),
            (tid, target.inner_tid)
        );
        assert_eq!((thread.name.as_str(), &thread.doubt), (NAME, &None));
        let shown = by_hand::run(&jvm.jstack);
        assert!(
            shown.starts_with(&format!("\"{NAME}\" ")),
            "{}\n{shown}",
            jvm.jstack
        );
    }
    assert!(!target.socket().exists(), "the socket is in its own /tmp");
    assert_eq!(target.answers(), Vec::<String>::new());
}
