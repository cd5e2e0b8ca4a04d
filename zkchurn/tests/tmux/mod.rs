// SPDX-License-Identifier: MIT
//! A real terminal with a shell: tmux with a server of the test's own.

use std::{
    process::Command,
    thread::sleep,
    time::{Duration, Instant},
};

use tempfile::TempDir;
use zkchurn_lab::harness::in_time::CommandInTime;

/// How long anything may take that a test waits for.
pub(crate) const WITHIN: Duration = Duration::from_secs(60);

/// A terminal with a shell.
pub(crate) struct Tmux {
    folder: TempDir,
}

impl Tmux {
    /// A terminal of this size, once its shell prompts.
    pub(crate) fn start(columns: u16, rows: u16) -> Self {
        let tmux = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        let (columns, rows) = (columns.to_string(), rows.to_string());
        tmux.run(&[
            "-f",
            "/dev/null",
            "new-session",
            "-d",
            "-x",
            &columns,
            "-y",
            &rows,
            "env TZ=UTC PS1=prompt: LC_ALL=C.UTF-8 sh",
        ]);
        tmux.wait_for(|text| text.contains("prompt:"));
        tmux
    }

    /// Has tmux do something; returns what it says.
    pub(crate) fn run(&self, arguments: &[&str]) -> String {
        let socket = self.folder.path().join("tmux");
        let output = Command::new("tmux")
            .arg("-S")
            .arg(socket)
            .args(arguments)
            .output_in_time();
        let output = output.expect("tmux is missing; `cargo xtask setup` installs it");
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Types keys, as tmux names them.
    pub(crate) fn keys(&self, keys: &[&str]) {
        self.run(&[&["send-keys"], keys].concat());
    }

    /// What is on the screen.
    pub(crate) fn screen(&self) -> String {
        self.run(&["capture-pane", "-p"])
    }

    /// Waits until the screen is as wanted.
    pub(crate) fn wait_for(&self, wanted: impl Fn(&str) -> bool) -> String {
        let began = Instant::now();
        loop {
            let text = self.screen();
            if wanted(&text) {
                return text;
            }
            assert!(began.elapsed() < WITHIN, "not in time:\n{text}");
            sleep(Duration::from_millis(50));
        }
    }

    /// Whether the shell has the terminal as it was: it echoes, and lines end at Enter.
    pub(crate) fn assert_restored(&self) {
        self.keys(&["echo the shell is $((40 + 2))", "Enter"]);
        self.wait_for(|text| text.contains("the shell is 42"));
        self.keys(&["stty -a", "Enter"]);
        let text = self.wait_for(|text| text.contains("echoke"));
        for on in ["icanon", "echo", "isig", "opost"] {
            let mut words = text.split_whitespace();
            assert!(words.any(|word| word == on), "{on}:\n{text}");
        }
    }
}

impl Drop for Tmux {
    fn drop(&mut self) {
        let socket = self.folder.path().join("tmux");
        let _ = Command::new("tmux")
            .arg("-S")
            .arg(socket)
            .arg("kill-server")
            .output_in_time();
    }
}
