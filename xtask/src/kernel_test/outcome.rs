// SPDX-License-Identifier: MIT
//! What came out of a boot, read from what init wrote.

use std::time::Duration;

use serde_json::Value;

use super::{kernels::Kernel, left_out::Chosen};

/// What came out of one boot.
pub struct Outcome {
    /// The row.
    pub kernel: &'static Kernel,
    /// What `uname -r` says, if the guest came that far.
    pub release: Option<String>,
    /// What `zkchurn doctor` said, or the reason why that is not known.
    pub doctor: Result<Value, String>,
    /// Tests that passed.
    pub passed: Vec<String>,
    /// Tests that failed or did not come to an end.
    pub failed: Vec<String>,
    /// Tests that did not run, with the reason.
    pub left_out: Vec<(String, &'static str)>,
    /// From power on to power off.
    pub took: Duration,
}

/// Reads what init wrote. A test without a result has failed.
pub fn read(kernel: &'static Kernel, said: &str, chosen: Chosen, took: Duration) -> Outcome {
    let line = |prefix: &str| {
        let mut lines = said.lines().filter_map(|line| line.strip_prefix(prefix));
        lines.next().map(|rest| rest.trim().to_owned())
    };
    let doctor = match line("doctor: ") {
        None => Err("the guest did not come to it".to_owned()),
        Some(text) => serde_json::from_str(&text).map_err(|_| text),
    };
    let (passed, failed) = chosen.run.into_iter().partition(|name| passes(said, name));
    Outcome {
        kernel,
        release: line("release: "),
        doctor,
        passed,
        failed,
        left_out: chosen.left_out,
        took,
    }
}

fn passes(said: &str, name: &str) -> bool {
    // Tests ignored by default carry the reason behind their name.
    let begins = format!("test {name} ");
    said.lines()
        .filter_map(|line| line.strip_prefix(&begins))
        .any(|rest| rest.ends_with("... ok"))
}

impl Outcome {
    /// Whether all that ran passed, and doctor could tell what is there.
    pub fn passed(&self) -> bool {
        self.failed.is_empty() && self.doctor.is_ok()
    }

    /// For people who wait.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = vec![format!(
            "{}: {} passed, {} failed, {} left out, {:.0} s",
            self.release.as_deref().unwrap_or("?"),
            self.passed.len(),
            self.failed.len(),
            self.left_out.len(),
            self.took.as_secs_f64()
        )];
        lines.extend(self.failed.iter().map(|name| format!("failed: {name}")));
        if let Err(reason) = &self.doctor {
            lines.push(format!("doctor: {reason}"));
        }
        let left_out = self.left_out.iter();
        lines.extend(left_out.map(|(name, reason)| format!("left out: {name}: {reason}")));
        lines
    }
}
