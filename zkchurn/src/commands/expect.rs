// SPDX-License-Identifier: MIT
//! `--expect`: what a report must find, for a test in somebody's CI.

use zkchurn_core::{diagnose::Finding, filter::Expectation, text::printable};

use crate::{exit::Code, warn::warn};

/// The code of the run: what no finding meets is named. Damage to the recording is worse.
pub(crate) fn check(expected: &[Expectation], findings: &[Finding], code: Code) -> Code {
    let mut unmet = expected
        .iter()
        .filter(|one| !one.is_met_by(findings))
        .peekable();
    if unmet.peek().is_none() {
        return code;
    }
    for one in unmet {
        let found: Vec<_> = findings
            .iter()
            .map(|finding| format!("{} ({})", finding.name, finding.confidence.word()))
            .collect();
        let found = match found.is_empty() {
            true => "nothing".to_owned(),
            false => found.join(", "),
        };
        warn(format_args!(
            "expected {}, found {found}",
            printable(one.text().as_bytes())
        ));
    }
    match code {
        Code::Success => Code::NotAsExpected,
        code => code,
    }
}
