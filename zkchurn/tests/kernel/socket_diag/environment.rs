// SPDX-License-Identifier: MIT
//! What the tests start and make, and end and remove again.

use std::{
    fs,
    process::{Child, Command, Stdio},
    thread,
};

use crate::{
    in_time::CommandInTime,
    namespace::{enter, keep_time_wait},
};

/// A process that waits for its standard input to end, killed in the end.
pub(crate) struct Waiting(pub Child);

impl Waiting {
    /// Starts it with `input`.
    pub(crate) fn start(input: impl Into<Stdio>) -> Self {
        let mut command = Command::new("cat");
        Self(command.stdin(input).stdout(Stdio::null()).spawn().unwrap())
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A namespace as `ip netns add` makes it.
pub(crate) struct Named(String);

impl Named {
    /// Makes it.
    pub(crate) fn new() -> Self {
        let name = format!("zkchurn-test-{}", std::process::id());
        let named = Self(name);
        named.ip("add");
        named
    }

    fn ip(&self, verb: &str) {
        let status = Command::new("ip")
            .args(["netns", verb, &self.0])
            .status_in_time();
        assert!(status.unwrap().success(), "ip netns {verb}");
    }

    /// Runs `action` in a thread inside.
    pub(crate) fn run<T: Send>(&self, action: impl FnOnce() -> T + Send) -> T {
        let file = fs::File::open(format!("/run/netns/{}", self.0)).unwrap();
        let inside = || {
            enter(&file);
            let up = ["link", "set", "lo", "up"];
            assert!(
                Command::new("ip")
                    .args(up)
                    .status_in_time()
                    .unwrap()
                    .success()
            );
            keep_time_wait();
            action()
        };
        thread::scope(|scope| scope.spawn(inside).join().unwrap())
    }
}

impl Drop for Named {
    fn drop(&mut self) {
        let _ = Command::new("ip")
            .args(["netns", "del", &self.0])
            .status_in_time();
    }
}
