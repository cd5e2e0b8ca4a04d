// SPDX-License-Identifier: MIT
//! The limits of this process, as a trace looks at them before it begins.

use zkchurn_core::doctor::{Check, State};

use crate::host::own_limits::TooLow;

/// Judges them, in the words of a trace.
pub fn check(limits: &Result<(), TooLow>) -> Check {
    match limits {
        Ok(()) => Check::ok("limits", "enough memory and open files for a trace"),
        Err(TooLow { found, needed, fix }) => Check::not_ok(
            "limits",
            State::Unsupported,
            found.as_str(),
            needed.as_str(),
            fix.as_str(),
        ),
    }
}
