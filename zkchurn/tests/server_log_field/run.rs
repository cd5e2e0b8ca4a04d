// SPDX-License-Identifier: MIT
//! Running `zkchurn serverlog`; `tests/server_log.rs` has it from here, too.

use std::{
    io::Write as _,
    process::{Command, Output, Stdio},
};
use zkchurn_lab::harness::in_time::ChildInTime;

/// Runs it with a log on standard input.
pub(crate) fn server_log(arguments: &[&str], stdin: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_zkchurn"))
        .arg("serverlog")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A program that failed early reads nothing.
    let _ = child.stdin.take().unwrap().write_all(stdin);
    child.output_in_time().unwrap()
}
