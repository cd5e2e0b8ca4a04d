// SPDX-License-Identifier: MIT
//! The program that the shell of a terminal runs.

use std::process::Command;

use zkchurn_lab::harness::in_time::CommandInTime;

use crate::tmux::Tmux;

/// Sends it a signal, such as `-TERM`.
pub(crate) fn kill(tmux: &Tmux, signal: &str) {
    let shell = tmux.run(&["display-message", "-p", "#{pane_pid}"]);
    let children = Command::new("pgrep")
        .args(["-P", shell.trim()])
        .output_in_time();
    let children = String::from_utf8(children.unwrap().stdout).unwrap();
    let pid = children.trim();
    let status = Command::new("kill")
        .args([signal, pid])
        .status_in_time()
        .unwrap();
    assert!(status.success(), "kill {signal} {pid}");
}
