// SPDX-License-Identifier: MIT
//! From which address connections came: what a server that counts by address counts.

use std::net::IpAddr;

use crate::connection::{Connection, Side};

/// The address of the clients of some connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Source {
    /// Of none of them it is known.
    #[default]
    Unknown,
    One(IpAddr),
    Several,
}

impl Source {
    /// That of one connection. A socket that is not bound has none.
    pub fn of(connection: &Connection) -> Self {
        let address = match connection.side {
            Side::Client => connection.local.ip(),
            Side::Server => connection.remote.ip(),
        };
        match address.is_unspecified() {
            true => Self::Unknown,
            false => Self::One(address.to_canonical()),
        }
    }

    /// Takes that of others.
    pub fn add(&mut self, other: Self) {
        *self = match (*self, other) {
            (known, Self::Unknown) => known,
            (Self::Unknown, new) => new,
            (known, new) if known == new => known,
            _ => Self::Several,
        };
    }

    /// The only one.
    pub const fn address(self) -> Option<IpAddr> {
        match self {
            Self::One(address) => Some(address),
            Self::Unknown | Self::Several => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ledger::test_connection::{ended, server_side},
        outcome::Outcome,
    };

    #[test]
    fn one_address_is_known_until_there_is_another() {
        let from = |local: &str| {
            Source::of(&Connection {
                local: local.parse().unwrap(),
                ..ended(1, 49, 0, Outcome::ResetByPeer)
            })
        };
        let mut source = from("0.0.0.0:0");
        assert_eq!(source, Source::Unknown);
        source.add(from("10.0.0.7:40000"));
        source.add(from("[::]:0"));
        source.add(from("[::ffff:10.0.0.7]:40001"));
        assert_eq!(source.address(), Some("10.0.0.7".parse().unwrap()));
        source.add(from("10.0.0.8:40000"));
        assert_eq!(source, Source::Several);
    }

    #[test]
    fn an_accepted_connection_came_from_its_other_end() {
        let one = server_side(ended(1, 49, 0, Outcome::ResetByPeer));
        assert_eq!(Source::of(&one).address(), Some(one.remote.ip()));
    }
}
