// SPDX-License-Identifier: MIT
//! What zkchurn prints on a terminal.

use std::process::{Command, Stdio};

mod pty;

/// What it prints on a terminal of so many columns.
pub(crate) fn printed_on_terminal(columns: u16, arguments: &[&str]) -> String {
    let (master, slave) = pty::open(columns);
    let mut child = Command::new(env!("CARGO_BIN_EXE_zkchurn"))
        .args(arguments)
        .env("TZ", "UTC")
        .stdin(Stdio::null())
        .env("COLUMNS", columns.to_string())
        .env("TERM", "xterm")
        .stdout(slave.try_clone().unwrap())
        .spawn()
        .unwrap();
    let (text, status) = pty::read_to_the_end(master, slave, &mut child);
    assert_eq!(status.code(), Some(0), "{arguments:?}");
    text
}
