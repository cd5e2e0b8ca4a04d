// SPDX-License-Identifier: MIT
//! The way of one process over several peers: a client with a list of servers
//! goes from one to the next, and its rhythm shows only over all of them.

use super::{Destination, distribution::Distribution};
use crate::connection::Connection;

/// The connections of one process to several peers, in their order.
#[derive(Clone, Debug, Default)]
pub struct Walk {
    /// Time between the starts of two successive connections.
    pub gap: Distribution,
    /// Successive connections that went to another peer than the one before.
    pub hops: u64,
    last: Option<(u64, Destination)>,
}

impl Walk {
    /// Takes the beginning of a connection into account.
    pub fn begin(&mut self, connection: &Connection, destination: Destination) {
        let start = connection.started_ns;
        if let Some((last_start, last)) = self.last {
            if start <= last_start {
                return;
            }
            self.gap.add(start - last_start);
            self.hops += u64::from(last != destination);
        }
        self.last = Some((start, destination));
    }
}
