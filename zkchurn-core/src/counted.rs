// SPDX-License-Identifier: MIT
//! A ledger that may begin later than its trace: what began before is older to it, though
//! whoever is shown the connection sees all of it.

use crate::{connection::Connection, held_now, horizon::Horizon, ledger::Ledger, outcome::Outcome};

/// What is counted, and from when on.
#[derive(Clone, Default)]
pub(crate) struct Counted {
    pub ledger: Ledger,
    horizon: Option<Horizon>,
}

impl Counted {
    /// From now on what began before `from_ns` of `CLOCK_MONOTONIC` is older.
    pub(crate) fn begin_at(&mut self, from_ns: u64) {
        self.horizon = Some(Horizon::new(from_ns));
    }

    /// Takes one record into account.
    pub(crate) fn observe(&mut self, connection: &Connection, outcome: Outcome) {
        if held_now::tells_only_that(connection) {
            return;
        }
        let Some(horizon) = &mut self.horizon else {
            return self.ledger.observe(connection, outcome);
        };
        for connection in horizon.pass(*connection).into_iter().flatten() {
            self.ledger.observe(&connection, Outcome::of(&connection));
        }
    }
}
