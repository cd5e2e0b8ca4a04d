// SPDX-License-Identifier: MIT
//! What came out of a boot, read from what init wrote.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::{kernels::Kernel, left_out::Chosen};

/// What came out of one boot.
pub(crate) struct Outcome {
    /// The row.
    pub kernel: &'static Kernel,
    /// What `uname -r` says, if the guest came that far.
    pub release: Option<String>,
    /// What `zkchurn doctor` said, or the reason why that is not known.
    pub doctor: Result<Value, String>,
    /// The first line of a trace, which names the hook, or why there is none.
    pub start: Result<Value, String>,
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
pub(crate) fn read(kernel: &'static Kernel, said: &str, chosen: Chosen, took: Duration) -> Outcome {
    let line = |prefix: &str| {
        let mut lines = said.lines().filter_map(|line| line.strip_prefix(prefix));
        lines.next().map(|rest| rest.trim().to_owned())
    };
    let object = |prefix: &str| match line(prefix) {
        None => Err("the guest did not come to it".to_owned()),
        Some(text) => serde_json::from_str(&text).map_err(|_| text),
    };
    let (passed, failed) = chosen.run.into_iter().partition(|name| passes(said, name));
    Outcome {
        kernel,
        release: line("release: "),
        doctor: object("doctor: "),
        start: object("start: "),
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
    /// Whether all that ran passed, doctor could tell what is there, and
    /// zkchurn traced.
    pub(crate) fn passed(&self) -> bool {
        self.failed.is_empty() && self.doctor.is_ok() && self.start.is_ok()
    }

    /// Reasons for which tests did not run, and how many of which group.
    pub(crate) fn left_out_by_reason(&self) -> BTreeMap<&'static str, String> {
        let mut counts = BTreeMap::<_, BTreeMap<_, usize>>::new();
        for (name, reason) in &self.left_out {
            let (group, _) = name.rsplit_once("::").unwrap_or((name, ""));
            *counts.entry(*reason).or_default().entry(group).or_default() += 1;
        }
        let in_words = |groups: BTreeMap<&str, usize>| {
            let groups = groups.into_iter();
            let words = groups.map(|(group, count)| format!("{group} ({count})"));
            words.collect::<Vec<_>>().join(", ")
        };
        let counts = counts.into_iter();
        counts
            .map(|(reason, groups)| (reason, in_words(groups)))
            .collect()
    }

    /// For people who wait.
    pub(crate) fn lines(&self) -> Vec<String> {
        let mut lines = vec![format!(
            "{}: {} passed, {} failed, {} left out, {:.0} s",
            self.release.as_deref().unwrap_or("?"),
            self.passed.len(),
            self.failed.len(),
            self.left_out.len(),
            self.took.as_secs_f64()
        )];
        lines.extend(self.failed.iter().map(|name| format!("failed: {name}")));
        for (name, said) in [("doctor", &self.doctor), ("start", &self.start)] {
            if let Err(reason) = said {
                lines.push(format!("{name}: {reason}"));
            }
        }
        for (reason, groups) in self.left_out_by_reason() {
            lines.push(format!("left out: {reason}: {groups}"));
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel_test::kernels::KERNELS;

    const SAID: &str = r#"release: 6.1.0-56-cloud-amd64
doctor: {"type":"doctor","checks":[]}
start: {"type":"start","hook":"tp_btf"}

running 3 tests
test closing::one - should panic ... ok
test closing::two ... FAILED
test closing::three ... "#;

    fn chosen() -> Chosen {
        Chosen {
            run: [
                "closing::one",
                "closing::two",
                "closing::three",
                "closing::t",
            ]
            .map(str::to_owned)
            .to_vec(),
            left_out: Vec::new(),
        }
    }

    #[test]
    fn a_test_without_a_result_has_failed() {
        let outcome = read(&KERNELS[0], SAID, chosen(), Duration::ZERO);
        assert_eq!(outcome.passed, ["closing::one"]);
        assert_eq!(
            outcome.failed,
            ["closing::two", "closing::three", "closing::t"]
        );
        assert_eq!(outcome.start.expect("an object")["hook"], "tp_btf");
    }

    #[test]
    fn what_is_no_json_is_the_reason() {
        let said = SAID.replace(r#"{"type":"doctor","checks":[]}"#, "Segmentation fault");
        let outcome = read(&KERNELS[0], &said, chosen(), Duration::ZERO);
        assert_eq!(outcome.doctor, Err("Segmentation fault".to_owned()));
        assert!(!outcome.passed());
    }

    #[test]
    fn a_guest_that_said_nothing_passed_nothing() {
        let outcome = read(&KERNELS[0], "", chosen(), Duration::ZERO);
        assert!(outcome.passed.is_empty() && outcome.release.is_none());
        assert!(!outcome.passed());
    }
}
