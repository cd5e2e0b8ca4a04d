// SPDX-License-Identifier: MIT
//! Which connections are open at the moment, whenever they began: before the trace, too, and
//! before a pipeline that takes another one's place.

use crate::{connection::Connection, hash::HashSet};

/// Most connections that are followed, 5 MB of them; what is more is not counted.
const MOST: usize = 1 << 18;

/// The sockets of connections that were established and have not ended.
#[derive(Debug, Default)]
pub(crate) struct OpenNow(HashSet<u64>);

impl OpenNow {
    /// Takes a record that is counted, of a connection that goes on.
    pub(crate) fn begin(&mut self, connection: &Connection) {
        if connection.stage.goes_on() && connection.was_established() && self.0.len() < MOST {
            self.0.insert(connection.socket);
        }
    }

    /// Takes any record: what is over is open no more, also where its last record is not
    /// counted.
    pub(crate) fn end(&mut self, connection: &Connection) {
        if !connection.stage.goes_on() {
            self.0.remove(&connection.socket);
        }
    }

    /// These sockets are there no more, and there is no record of their end.
    pub(crate) fn forget(&mut self, sockets: &[u64]) {
        for socket in sockets {
            self.0.remove(socket);
        }
    }

    /// How many are open.
    pub(crate) fn count(&self) -> u64 {
        self.0.len() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        connection::Stage,
        ledger::test_connection::{ended, established},
        outcome::Outcome,
    };

    #[test]
    fn what_goes_on_is_open_once_until_it_is_over_or_gone() {
        let mut open = OpenNow::default();
        let over = ended(1, 49, 41, Outcome::AnsweredThenClosedByUs);
        let connecting = Connection {
            stage: Stage::SeenOpen,
            ..ended(2, 0, 0, Outcome::Refused)
        };
        for connection in [established(over), established(over), connecting] {
            open.begin(&connection);
        }
        assert_eq!(open.count(), 1, "once, and not while it connects");
        open.end(&connecting);
        assert_eq!(open.count(), 1);
        open.end(&over);
        assert_eq!(open.count(), 0);
        open.begin(&over);
        assert_eq!(open.count(), 0);
        open.begin(&established(over));
        open.forget(&[over.socket, 7]);
        assert_eq!(open.count(), 0);
    }

    #[test]
    fn more_than_it_has_room_for_is_not_counted() {
        let mut open = OpenNow::default();
        let over = ended(1, 49, 41, Outcome::AnsweredThenClosedByUs);
        for socket in 0..MOST as u64 + 10 {
            open.begin(&Connection {
                socket,
                ..established(over)
            });
        }
        assert_eq!(open.count(), MOST as u64);
    }
}
