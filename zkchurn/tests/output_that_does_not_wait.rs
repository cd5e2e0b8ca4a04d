// SPDX-License-Identifier: MIT
//! Standard output that whoever started us has set not to wait (`O_NONBLOCK`), with a reader
//! that is slower than we are: nothing is missing.
#![expect(
    clippy::unwrap_used,
    unused_crate_dependencies,
    reason = "a test that panics has failed; its crates are those of all tests"
)]

use std::{
    io::Read as _,
    os::{fd::OwnedFd, unix::net::UnixStream},
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use zkchurn_lab::harness::in_time::{ChildInTime as _, CommandInTime as _};

const RECORDING: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/recordings/server_side.zkchurn"
);

fn replay(format: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_zkchurn"));
    command.args(["replay", RECORDING, "--format", format]);
    command
}

/// All that comes out, read so late that what the socket holds has been full.
fn through_a_narrow_socket(format: &str) -> Vec<u8> {
    let (ours, theirs) = UnixStream::pair().unwrap();
    socket2::SockRef::from(&theirs)
        .set_send_buffer_size(4096)
        .unwrap();
    theirs.set_nonblocking(true).unwrap();
    let mut command = replay(format);
    let command = command
        .stdout(OwnedFd::from(theirs))
        .stderr(Stdio::inherit());
    let mut child = command.spawn().unwrap();
    // The command has a copy of its end.
    *command = replay(format);
    thread::sleep(Duration::from_millis(500));
    let mut read = Vec::new();
    (&ours).read_to_end(&mut read).unwrap();
    assert!(child.wait_in_time().unwrap().success(), "{format}");
    read
}

#[test]
fn a_slow_reader_gets_all_of_it() {
    for format in ["json", "text", "html"] {
        let expected = replay(format).output_in_time().unwrap().stdout;
        assert!(
            expected.len() > 8_000,
            "{format}: more than the socket holds"
        );
        assert!(through_a_narrow_socket(format) == expected, "{format}");
    }
}
