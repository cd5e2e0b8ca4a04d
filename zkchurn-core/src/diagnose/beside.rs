// SPDX-License-Identifier: MIT
//! What was traced beside the connections that are judged: a filter chooses what findings are
//! about, not what they may know. That nobody was served at a peer is so of all that was traced,
//! or it is not so.

use crate::{
    connection::{Connection, Stage},
    ledger::Ledger,
};

/// What a filter leaves out.
#[derive(Clone, Debug)]
pub struct Beside<'a> {
    /// What it has left out for good.
    pub ledger: &'a Ledger,
    /// The latest record of each connection that goes on and of which it cannot tell yet.
    pub undecided: Vec<&'a Connection>,
}

impl Beside<'_> {
    /// Those that are established and of which it cannot tell yet.
    pub(super) fn open(&self) -> impl Iterator<Item = &Connection> {
        let undecided = self.undecided.iter().copied();
        undecided.filter(|one| matches!(one.stage, Stage::Established | Stage::Open))
    }
}
