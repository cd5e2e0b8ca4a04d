// SPDX-License-Identifier: MIT
//! The four-letter words that ZooKeeper's servers answer without a session
//! (`org.apache.zookeeper.server.command.FourLetterCommands`).

use std::fmt;

use serde::{Serialize, Serializer};

/// All of them, up to ZooKeeper 3.9. The `reqs` of its first releases is none:
/// `FourLetterCommands` does not have it, so a server takes it for an impossible length.
pub const WORDS: [&str; 18] = [
    "conf", "cons", "crst", "dirs", "dump", "envi", "gtmk", "hash", "isro", "mntr", "ruok", "srst",
    "srvr", "stat", "stmk", "wchc", "wchp", "wchs",
];

#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FourLetterWord(&'static str);

impl FourLetterWord {
    /// The word that `bytes` are, with or without white space behind it.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        let (first, rest) = bytes.split_first_chunk::<4>()?;
        let word = WORDS.into_iter().find(|word| word.as_bytes() == first)?;
        rest.trim_ascii().is_empty().then_some(Self(word))
    }
}

impl FourLetterWord {
    /// Whether it asks if the server is read-only.
    pub fn is_read_only(self) -> bool {
        self.0 == "isro"
    }
}

impl fmt::Display for FourLetterWord {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0)
    }
}

impl fmt::Debug for FourLetterWord {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{self}")
    }
}

impl Serialize for FourLetterWord {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stand_alone() {
        for written in ["ruok", "ruok\n", "ruok\r\n", "mntr \n"] {
            assert!(
                FourLetterWord::of(written.as_bytes()).is_some(),
                "{written:?}"
            );
        }
        for other in ["ruo", "RUOK", "confirm", "ruok?", "abcd", ""] {
            assert!(FourLetterWord::of(other.as_bytes()).is_none(), "{other:?}");
        }
    }
}
