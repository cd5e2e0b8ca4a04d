// SPDX-License-Identifier: MIT
//! What the log itself is like: how many lines of which sort, which levels,
//! which versions wrote it, from when to when.

use super::{
    line::{LEVELS, Level, Line},
    moment::{Moment, Stamp},
    signature::behind,
};
use crate::text;

/// Versions that are kept; a log holds one for each start of the server.
const VERSIONS: usize = 16;

/// Bytes of a version that are kept.
const VERSION_LENGTH: usize = 60;

/// What was seen of the log.
#[derive(Clone, Debug, Default)]
pub struct LogFacts {
    pub lines: u64,
    /// Lines that begin a record.
    pub records: u64,
    /// Lines that go on with one, such as those of a stack trace.
    pub continuations: u64,
    /// Empty lines.
    pub blank: u64,
    /// Lines that are not of a ZooKeeper server's log.
    pub foreign: u64,
    /// Records by level.
    pub levels: [u64; LEVELS.len()],
    /// Versions of the servers that started, without the commit, made printable.
    pub versions: Vec<String>,
    /// Whether a server said that it uses Netty.
    pub netty: bool,
    first: Option<Moment>,
    last: Option<Stamp>,
}

impl LogFacts {
    /// Takes a line into account.
    pub fn line(&mut self, line: &Line<'_>) {
        self.lines += 1;
        match line {
            Line::Record(record) => {
                self.records += 1;
                if let Some(count) = self.levels.get_mut(record.level as usize) {
                    *count += 1;
                }
                if self.first.is_none() {
                    self.first = record.stamp.moment();
                }
                self.last = Some(record.stamp);
            }
            Line::Exception(_) | Line::Continuation => self.continuations += 1,
            Line::Blank => self.blank += 1,
            Line::Foreign => self.foreign += 1,
        }
    }

    /// Takes a message into account that is about the server itself.
    pub fn message(&mut self, message: &[u8]) {
        if message.starts_with(b"Server environment:zookeeper.version=") {
            let version = behind(message, "version=").unwrap_or_default();
            let version = version.split(|byte| matches!(byte, b',' | b'-')).next();
            let version = text::printable(version.unwrap_or_default());
            let version = text::clip(&version, VERSION_LENGTH);
            if self.versions.len() < VERSIONS && !self.versions.contains(&version) {
                self.versions.push(version);
            }
        } else if message.starts_with(b"Using org.apache.zookeeper.server.NettyServerCnxnFactory") {
            self.netty = true;
        }
    }

    /// When the log begins.
    pub fn first(&self) -> Option<Moment> {
        self.first
    }

    /// When it ends.
    pub fn last(&self) -> Option<Moment> {
        self.last.and_then(|stamp| stamp.moment()).or(self.first)
    }

    /// Whether a record of this level or a lower one was seen, so that records
    /// of this level would be in the log.
    pub fn has_level(&self, level: Level) -> bool {
        let up_to = self.levels.iter().take(level as usize + 1);
        up_to.sum::<u64>() > 0
    }

    /// Whether all servers that started are known to be older than `version`.
    pub fn is_before(&self, version: [u32; 3]) -> bool {
        !self.versions.is_empty()
            && self
                .versions
                .iter()
                .all(|text| numbers(text).is_some_and(|numbers| numbers < version))
    }
}

fn numbers(version: &str) -> Option<[u32; 3]> {
    let end = version.find(|char: char| !char.is_ascii_digit() && char != '.');
    let mut parts = version.get(..end.unwrap_or(version.len()))?.split('.');
    let mut next = || parts.next()?.parse().ok();
    Some([next()?, next()?, next().unwrap_or(0)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_number() {
        let mut facts = LogFacts::default();
        assert!(!facts.is_before([3, 5, 5]));
        facts.message(b"Server environment:zookeeper.version=3.4.14-4c25d480, built on 03/06/2019");
        assert_eq!(facts.versions, ["3.4.14"]);
        assert!(facts.is_before([3, 5, 5]));
        facts.message(b"Server environment:zookeeper.version=3.5.10-1, built on x");
        assert!(!facts.is_before([3, 5, 5]));
    }
}
