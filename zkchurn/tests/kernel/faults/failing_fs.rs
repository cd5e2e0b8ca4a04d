// SPDX-License-Identifier: MIT
//! The file system of the recording fails while zkchurn traces: a disk with errors, a quota that
//! is used up, a server of NFS that has forgotten the file. The trace goes on and reports.

use std::io;

use rustix::{io::Errno, process::Signal};

use super::{
    hanging_fs::HangingFs,
    run::{Ended, Run},
};
use crate::{
    namespace::in_namespace,
    peer::{connect, drain_one, listen, v4},
    tracer::{Trace, unused_port},
};

/// So many connections are made before it fails, and so many once that was said.
const EACH: usize = 20;

/// A trace whose recording can be written no more after a while.
fn traced(errno: Errno) -> Ended {
    in_namespace(move || {
        let port = unused_port();
        let listener = listen(port);
        let connect_each = || {
            for _ in 0..EACH {
                drop(connect(v4(port)));
                drain_one(&listener);
            }
        };
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().to_str().unwrap();
        let fs = HangingFs::new();
        let record = format!("{path}/x.zkchurn");
        let port = port.to_string();
        let arguments = ["--port", &port, "--interval", "1s", "--record", &record];
        let mut run = Run::start(fs.zkchurn(path, ""), &arguments);
        connect_each();
        fs.fail_writes(errno.raw_os_error());
        connect_each();
        run.await_message("can no longer be written");
        connect_each();
        run.signal(Signal::INT);
        run.wait()
    })
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn a_disk_that_fails_or_a_quota_that_is_used_up_costs_the_recording_only() {
    for errno in [Errno::IO, Errno::DQUOT, Errno::STALE] {
        // Each C library has words of its own.
        let words = io::Error::from(errno);
        let ended = traced(errno);
        assert_eq!(ended.code, Some(7), "{words}: {}", ended.stderr);
        let message = format!("x.zkchurn.partial can no longer be written ({words})");
        assert!(ended.stderr.contains(&message), "{}", ended.stderr);
        let trace = Trace::parse(&ended.stdout).unwrap();
        trace.assert_nothing_lost();
        assert_eq!(trace.connections.len(), 3 * EACH, "{words}");
    }
}
