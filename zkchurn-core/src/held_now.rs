// SPDX-License-Identifier: MIT
//! Connections that the other side has closed and this one holds open, at the moment: they have
//! their last record when this side closes, which may be never.
//!
//! A walk of the table tells of such a one (docs/adr/0023). Until its last record comes it is open,
//! and a report takes it for what it would be if the trace ended now.

use crate::{
    connection::{Connection, Stage, Told},
    hash::HashMap,
};

/// Most that are followed, 8 MB of them; what is more is taken for open until it ends.
const MOST: usize = 16_384;

/// Whether a record tells nothing of a connection but that it is half-closed by now.
pub(crate) fn tells_only_that(connection: &Connection) -> bool {
    is_half_closed(connection) && connection.told == Some(Told::Established)
}

fn is_half_closed(connection: &Connection) -> bool {
    connection.stage == Stage::SeenOpen && connection.left_established_ns.is_some()
}

/// Those connections, by socket.
#[derive(Clone, Debug, Default)]
pub(crate) struct HeldNow {
    by_socket: HashMap<u64, Connection>,
}

impl HeldNow {
    /// Takes a record that is counted.
    pub(crate) fn begin(&mut self, connection: &Connection) {
        let has_room = self.by_socket.len() < MOST;
        if is_half_closed(connection) && has_room {
            self.by_socket.insert(connection.socket, *connection);
        }
    }

    /// Takes any record: what is over is held no more.
    pub(crate) fn end(&mut self, connection: &Connection) {
        if !connection.stage.goes_on() {
            self.by_socket.remove(&connection.socket);
        }
    }

    /// These sockets are there no more, and there is no record of their end.
    pub(crate) fn forget(&mut self, sockets: &[u64]) {
        for socket in sockets {
            self.by_socket.remove(socket);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.by_socket.is_empty()
    }

    /// Their last records if the trace ended at `now_ns`, in the order in which they began.
    pub(crate) fn as_of(&self, now_ns: u64) -> Vec<Connection> {
        let held = self.by_socket.values().map(|connection| Connection {
            stage: Stage::Closing,
            told: Some(Told::Established),
            seen_open_ns: Some(now_ns),
            ..*connection
        });
        let mut held: Vec<_> = held.collect();
        held.sort_unstable_by_key(|connection| (connection.started_ns, connection.socket));
        held
    }
}
