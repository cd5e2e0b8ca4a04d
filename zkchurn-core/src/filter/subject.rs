// SPDX-License-Identifier: MIT
//! What a filter looks at.

use crate::{
    connection::Connection, inspection::Placed, outcome::Outcome, process::ProcessIdentity,
};

/// A connection, with what is known of its process.
#[derive(Clone, Debug)]
pub struct Subject<'a> {
    pub connection: &'a Connection,
    /// How it ended.
    pub outcome: Outcome,
    /// The opening process, where it could be identified.
    pub process: Option<&'a ProcessIdentity>,
    /// Where that process runs, once anybody has seen that.
    pub placed: Option<Placed<'a>>,
    /// The whole name of the opening thread, where it is known and longer than the kernel's;
    /// see [`super::Filter::wants_thread_names`].
    pub thread_name: Option<String>,
}

impl Subject<'_> {
    /// Whether more of it may come: it has neither ended nor is the trace over.
    pub(super) fn goes_on(&self) -> bool {
        self.connection.stage.goes_on()
    }
}
