// SPDX-License-Identifier: MIT
//! Formatting, checked and never changed.

use anyhow::Result;

use crate::command;

/// Whether rustfmt would change nothing.
pub(crate) fn check() -> Result<()> {
    command::run(command::cargo().args(["fmt", "--all", "--check"]))
}
