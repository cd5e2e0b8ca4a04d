// SPDX-License-Identifier: MIT
//! `--redact`: a report that leaves the house.

use clap::Args;
use zkchurn_core::redact::Redactor;

/// Whether names are replaced.
#[derive(Clone, Copy, Debug, Default, Args)]
pub(crate) struct RedactArgs {
    /// Replace hosts, addresses, users, paths, command lines, units, containers and pods by
    /// other names, the same ones for the same things. Programs, applications, threads, classes
    /// and other words of log lines stay: read those before you pass it on.
    ///
    /// A filter would select by the other names, so there can be none.
    #[arg(long, conflicts_with_all = ["filter", "pod", "container", "unit"])]
    pub redact: bool,
}

impl RedactArgs {
    /// Who gives the other names, where they are wanted.
    pub(crate) fn redactor(self) -> Option<Redactor> {
        self.redact.then(Redactor::default)
    }
}
