// SPDX-License-Identifier: MIT
//! Which connections are open at the moment, whenever they began: before the trace, too, and
//! before a pipeline that takes another one's place.

use crate::{
    connection::Connection,
    hash::{HashMap, HashSet},
};

/// Most open connections whose last record is kept, 8 MB of them.
const MOST_KEPT: usize = 16_384;

/// Most connections that are followed, 5 MB of them; what is more is not counted.
const MOST: usize = 1 << 18;

/// The sockets of connections that have not ended.
#[derive(Debug, Default)]
pub(crate) struct OpenNow {
    established: HashSet<u64>,
    connecting: HashSet<u64>,
}

impl OpenNow {
    /// Takes a record that is counted, of a connection that goes on.
    pub(crate) fn begin(&mut self, connection: &Connection) {
        if !connection.stage.goes_on() {
            return;
        }
        let of_its_kind = match connection.was_established() {
            true => {
                self.connecting.remove(&connection.socket);
                &mut self.established
            }
            false => &mut self.connecting,
        };
        if of_its_kind.len() < MOST {
            of_its_kind.insert(connection.socket);
        }
    }

    /// Takes any record: what is over is open no more, also where its last record is not
    /// counted.
    pub(crate) fn end(&mut self, connection: &Connection) {
        if !connection.stage.goes_on() {
            self.forget(&[connection.socket]);
        }
    }

    /// These sockets are there no more, and there is no record of their end.
    pub(crate) fn forget(&mut self, sockets: &[u64]) {
        for socket in sockets {
            self.established.remove(socket);
            self.connecting.remove(socket);
        }
    }

    /// How many are established.
    pub(crate) fn established(&self) -> u64 {
        self.established.len() as u64
    }

    /// How many are established or connecting.
    pub(crate) fn count(&self) -> u64 {
        self.established() + self.connecting.len() as u64
    }
}

/// The last record of each connection that goes on, for a filter that is typed later.
#[derive(Debug, Default)]
pub(crate) struct OpenKept {
    by_socket: HashMap<u64, Connection>,
}

impl OpenKept {
    /// Takes any record.
    pub(crate) fn take(&mut self, connection: &Connection) {
        let has_room = self.by_socket.len() < MOST_KEPT;
        if !connection.stage.goes_on() {
            self.by_socket.remove(&connection.socket);
        } else if has_room || self.by_socket.contains_key(&connection.socket) {
            self.by_socket.insert(connection.socket, *connection);
        }
    }

    /// These sockets are there no more, and there is no record of their end.
    pub(crate) fn forget(&mut self, sockets: &[u64]) {
        for socket in sockets {
            self.by_socket.remove(socket);
        }
    }

    /// All that are kept, in the order in which they began.
    pub(crate) fn in_order(&self) -> Vec<Connection> {
        let mut all: Vec<_> = self.by_socket.values().copied().collect();
        all.sort_unstable_by_key(|connection| (connection.started_ns, connection.socket));
        all
    }

    /// Whether there is no room for another one.
    pub(crate) fn is_full(&self) -> bool {
        self.by_socket.len() >= MOST_KEPT
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
        assert_eq!((open.established(), open.count()), (1, 2));
        open.begin(&Connection {
            established_ns: Some(connecting.started_ns),
            ..connecting
        });
        assert_eq!((open.established(), open.count()), (2, 2));
        open.end(&connecting);
        assert_eq!(open.count(), 2);
        open.end(&ended(2, 0, 0, Outcome::Refused));
        assert_eq!((open.established(), open.count()), (1, 1));
        open.end(&over);
        assert_eq!(open.count(), 0);
        open.begin(&over);
        assert_eq!(open.count(), 0);
        open.begin(&established(over));
        open.forget(&[over.socket, 7]);
        assert_eq!(open.count(), 0);
    }

    #[test]
    fn of_each_that_goes_on_the_last_record_is_kept() {
        let mut kept = OpenKept::default();
        let record = |socket: u64| Connection {
            socket,
            ..established(ended(socket, 49, 41, Outcome::AnsweredThenClosedByUs))
        };
        for socket in (1..=MOST_KEPT as u64 + 9).rev() {
            kept.take(&record(socket));
        }
        let sockets = |kept: &OpenKept| -> Vec<_> {
            let all = kept.in_order().into_iter();
            all.map(|one| one.socket).collect()
        };
        let first_nine_had_no_room: Vec<_> = (10..=MOST_KEPT as u64 + 9).collect();
        assert_eq!(sockets(&kept), first_nine_had_no_room);
        assert!(kept.is_full());
        let later = Connection {
            error: Some(104),
            ..record(10)
        };
        kept.take(&later);
        assert_eq!(kept.in_order()[0], later);
        kept.take(&Connection {
            socket: 10,
            ..ended(10, 49, 41, Outcome::AnsweredThenClosedByUs)
        });
        kept.forget(&[11]);
        assert_eq!(sockets(&kept)[0], 12);
        assert!(!kept.is_full());
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
