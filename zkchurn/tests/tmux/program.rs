// SPDX-License-Identifier: MIT
//! The program that the shell of a terminal runs.

use std::process::Command;

use zkchurn_lab::harness::in_time::CommandInTime;

use crate::tmux::Tmux;

/// Its pid.
pub(crate) fn program(tmux: &Tmux) -> u32 {
    let shell = tmux.run(&["display-message", "-p", "#{pane_pid}"]);
    child_of(&shell, &[])
}

/// The only child of a process that pgrep finds with these options.
pub(crate) fn child_of(parent: &str, options: &[&str]) -> u32 {
    let mut pgrep = Command::new("pgrep");
    let found = pgrep.args(["-P", parent.trim()]).args(options);
    let found = found.output_in_time().unwrap();
    let found = String::from_utf8(found.stdout).unwrap();
    found.trim().parse().expect("one child")
}

/// Sends it a signal, such as `-TERM`.
pub(crate) fn kill(tmux: &Tmux, signal: &str) {
    let pid = program(tmux).to_string();
    let status = Command::new("kill")
        .args([signal, &pid])
        .status_in_time()
        .unwrap();
    assert!(status.success(), "kill {signal} {pid}");
}
