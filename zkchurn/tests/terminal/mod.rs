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
        .stdout(slave)
        .spawn()
        .unwrap();
    let text = pty::read_to_hang_up(master);
    assert_eq!(child.wait().unwrap().code(), Some(0), "{arguments:?}");
    text
}
