// SPDX-License-Identifier: MIT
//! Numbers that ZooKeeper writes in hexadecimal, in its own notation, so that
//! they can be searched for in its logs.

use std::fmt;

use serde::{Serialize, Serializer};

/// Id of a session; 0 is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct SessionId(pub i64);

impl SessionId {
    /// The session, if there is one.
    pub fn if_any(self) -> Option<Self> {
        (self.0 != 0).then_some(self)
    }
}

/// Id of a transaction; 0 means that the client has seen none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Zxid(pub i64);

/// `0x` and Java's `Long.toHexString`: lower case, no leading zeroes, negative
/// numbers as their two's complement.
macro_rules! written_as_hex {
    ($name:ident) => {
        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(formatter, "{:#x}", self.0)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
    };
}

written_as_hex!(SessionId);
written_as_hex!(Zxid);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_written_as_zookeeper_writes_them() {
        assert_eq!(
            SessionId(0x0149_c216_0973_1325).to_string(),
            "0x149c21609731325"
        );
        assert_eq!(SessionId(0).to_string(), "0x0");
        // Server ids from 128 on make the highest bit (SessionTrackerImpl,
        // initializeNextSessionId); Long.toHexString has no sign.
        assert_eq!(SessionId(i64::MIN).to_string(), "0x8000000000000000");
        assert_eq!(Zxid(-1).to_string(), "0xffffffffffffffff");
    }
}
