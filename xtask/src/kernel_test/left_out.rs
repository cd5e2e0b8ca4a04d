// SPDX-License-Identifier: MIT
//! Tests that do not run on some kernels, each with its reason.

use super::kernels::Kernel;

/// Tests that begin with this, left out where `applies`.
struct LeftOut {
    tests: &'static str,
    reason: &'static str,
    applies: fn(&Kernel) -> bool,
}

const LEFT_OUT: [LeftOut; 0] = [];

/// The tests of one boot.
pub struct Chosen {
    /// Names of those that run.
    pub run: Vec<String>,
    /// Those that do not, with the reason.
    pub left_out: Vec<(String, &'static str)>,
}

/// Chooses the tests for a kernel, of those whose name holds one of `only`.
pub fn choose(names: &[String], kernel: &Kernel, only: &[String]) -> Chosen {
    let mut chosen = Chosen {
        run: Vec::new(),
        left_out: Vec::new(),
    };
    for name in names {
        if !only.is_empty() && !only.iter().any(|word| name.contains(word)) {
            continue;
        }
        match reason(name, kernel) {
            Some(reason) => chosen.left_out.push((name.clone(), reason)),
            None => chosen.run.push(name.clone()),
        }
    }
    chosen
}

fn reason(name: &str, kernel: &Kernel) -> Option<&'static str> {
    LEFT_OUT
        .iter()
        .find(|one| name.starts_with(one.tests) && (one.applies)(kernel))
        .map(|one| one.reason)
}
