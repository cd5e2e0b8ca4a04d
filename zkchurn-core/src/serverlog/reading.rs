// SPDX-License-Identifier: MIT
//! Whose log it is, and how much of it was understood. A report that says "nothing
//! remarkable" of lines that nobody read is worse than none.

use serde::Serialize;

use super::facts::LogFacts;
use crate::text;

/// Whose log it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reading {
    /// A server's, and its lines were understood.
    Server,
    /// A server's, but more lines that name its classes were not understood than were.
    NotUnderstood,
    /// A client's: of the program that uses ZooKeeper.
    Client,
    /// Of something else.
    Other,
    /// There is no line.
    Empty,
}

impl Reading {
    /// Judges by the lines.
    pub fn of(facts: &LogFacts) -> Self {
        let understood = facts.of_server + facts.known;
        // A quiet server writes none of the messages that are known; one whose messages stand
        // where nobody looks for them is not quiet.
        let is_misread = facts.known == 0
            && (facts.misplaced > 0 && facts.misplaced * 20 >= facts.of_server
                || facts.silent() * 2 > facts.of_server);
        if facts.lines == facts.blank {
            Self::Empty
        } else if facts.unread > understood || is_misread {
            Self::NotUnderstood
        } else if understood > 0 {
            Self::Server
        } else if facts.of_client > 0 {
            Self::Client
        } else {
            Self::Other
        }
    }

    /// Whether counts of clients can be read in it.
    pub fn is_server(self) -> bool {
        self == Self::Server
    }

    /// What it is and what to do, as a sentence about `log`; `None` for a server's log.
    pub fn sentence(self, log: &str, facts: &LogFacts) -> Option<String> {
        let lines = text::counted(facts.lines, "line");
        Some(match self {
            Self::Server => return None,
            Self::NotUnderstood => format!(
                "{log} was not understood: {} of {lines} name a class of ZooKeeper's server, and \
                 the message of {} could be read. Its layout is not known to zkchurn: please report \
                 one line of it, and use `grep -c` until then.",
                text::count(facts.unread + facts.of_server.max(facts.known)),
                text::count(facts.known),
            ),
            Self::Client => format!(
                "{log} is a client's log, not a server's: {} of {lines} name classes of a ZooKeeper \
                 client, and none a server's. Give it the server's log, or run `sudo zkchurn` on the \
                 client's host, which reads such logs itself.",
                text::count(facts.of_client),
            ),
            Self::Other => format!(
                "{log} is not a ZooKeeper server's log: none of {lines} names a class of \
                 ZooKeeper's or has its layout. The server's log is `zookeeper.log`, \
                 `zookeeper.out`, or what `journalctl -u zookeeper` or `kubectl logs` prints.",
            ),
            Self::Empty => format!(
                "not a line of {log} was read: if it is empty, look for the one before it was rotated."
            ),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serverlog::{scan::Scanner, window::Window};

    fn reading(log: &str) -> (Reading, String) {
        let mut scanner = Scanner::new(Window::default());
        for line in log.lines() {
            scanner.line(line.as_bytes());
        }
        let facts = scanner.end_of_file();
        let reading = Reading::of(&facts);
        (
            reading,
            reading.sentence("x.log", &facts).unwrap_or_default(),
        )
    }

    #[test]
    fn whose_log_it_is() {
        let cases = [
            (
                "2026-11-25 04:13:01,249 [myid:] - INFO  [main:QuorumPeerConfig@1] - Reading\n\
                 2026-11-25 04:13:01,249 [myid:] - INFO  [main:ZooKeeperServer@1] - x",
                Reading::Server,
                "",
            ),
            (
                "25-Nov-2026 04:13:01.249 INFO [main-SendThread(zk:2181)] org.apache.zookeeper.ClientCnxn.x Opening\n\
                 25-Nov-2026 04:13:01.249 INFO [main] org.apache.catalina.x.Y.z Starting",
                Reading::Client,
                "x.log is a client's log, not a server's: 1 of 2 lines name",
            ),
            (
                "~~ NIOServerCnxn ~~ something\n~~ else ~~ x",
                Reading::NotUnderstood,
                "x.log was not understood: 1 of 2 lines name a class of ZooKeeper's server, and the message of 0",
            ),
            (
                "Started Session 12 of user root.\nStopped.",
                Reading::Other,
                "x.log is not a ZooKeeper server's log: none of 2 lines",
            ),
            ("\n\n", Reading::Empty, "not a line of x.log was read"),
        ];
        for (log, expected, sentence) in cases {
            let (reading, words) = reading(log);
            assert_eq!(reading, expected, "{log}");
            assert!(words.starts_with(sentence), "{words}");
        }
    }
}
