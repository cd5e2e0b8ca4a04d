// SPDX-License-Identifier: MIT
//! Counts that a log cannot give. A count of 0 means nothing where the server does
//! not write the line at this level.

use super::{facts::LogFacts, kind::Kind, tally::Counts};
use crate::text;

/// The release that moved the lines about single connections from INFO to DEBUG
/// (read in `NIOServerCnxn`, `NIOServerCnxnFactory` and `ZooKeeperServer`).
const QUIET: [u32; 3] = [3, 5, 5];

/// Why the count of a kind is not known, although it is 0.
pub fn reason_unknown(kind: Kind, facts: &LogFacts, total: &Counts) -> Option<&'static str> {
    if total.of(kind) > 0 || facts.records == 0 {
        return None;
    }
    match kind {
        Kind::Accepted if facts.netty => Some("the Netty server does not log this"),
        Kind::ClosedWithoutSession if facts.netty => {
            Some("the Netty server logs nothing when a client closes")
        }
        Kind::Accepted | Kind::SessionAsked | Kind::RenewalAsked | Kind::Established => {
            connection_lines(facts)
        }
        Kind::Expired
        | Kind::ZxidAhead
        | Kind::ReadOnlyRefused
        | Kind::RenewalRefused
        | Kind::FourLetterWord
        | Kind::ClosedWithoutSession
            if !facts.has_info_of_server() =>
        {
            Some("logged at INFO, and this log has no line of ZooKeeper's server below WARN")
        }
        _ => None,
    }
}

/// What begins: the lines about these moved together, so one of them shows that all are written.
pub(super) const BEGINS: [Kind; 4] = [
    Kind::Accepted,
    Kind::SessionAsked,
    Kind::RenewalAsked,
    Kind::Established,
];

/// Whether servers of this log write the lines about what begins.
fn writes_begins(facts: &LogFacts) -> bool {
    facts.has_begins
        || facts.has_debug_of_connections()
        || (facts.is_before(QUIET) && facts.has_info_of_server())
}

/// Takes into account what a file can tell, at its end.
pub(super) fn add_file(facts: &mut LogFacts, of_file: &LogFacts) {
    if of_file.of_server == 0 {
        return;
    }
    let writes = writes_begins(of_file);
    // It was upgraded on the way.
    let stops = of_file.any_is_before(QUIET)
        && !of_file.is_before(QUIET)
        && !of_file.has_debug_of_connections();
    facts.file(writes, !writes || stops);
}

/// Whether a part of the log tells what begins, and another may not. Of servers that are all old
/// each part tells it, whether the part names its version or not.
pub fn tells_in_part(facts: &LogFacts) -> bool {
    facts.reports_begins_in_part() && !(facts.is_before(QUIET) && facts.has_info_of_server())
}

fn connection_lines(facts: &LogFacts) -> Option<&'static str> {
    if tells_in_part(facts) {
        Some("logged at DEBUG from ZooKeeper 3.5.5 on, and a part of this log has no such line")
    } else if writes_begins(facts) {
        None
    } else if facts.versions.is_empty() {
        Some(
            "logged at DEBUG from ZooKeeper 3.5.5 on; this log has no DEBUG line of NIOServerCnxn or \
             ZooKeeperServer and does not name the version",
        )
    } else {
        Some(
            "logged at DEBUG from ZooKeeper 3.5.5 on; this log has no DEBUG line of NIOServerCnxn or \
             ZooKeeperServer",
        )
    }
}

/// Sentences about incomplete counts.
pub fn notes(facts: &LogFacts, total: &Counts) -> Vec<String> {
    let mut notes = Vec::new();
    let quiet = connection_lines(facts).is_some() && total.of(Kind::Accepted) == 0;
    if quiet && total.of(Kind::EndedWithSession) > 0 {
        notes.push(
            "of connections that had a session, only those are counted whose client left without \
             closing the session: other ends are logged at DEBUG from ZooKeeper 3.5.5 on"
                .to_owned(),
        );
    }
    if tells_in_part(facts) && BEGINS.iter().any(|kind| total.of(*kind) > 0) {
        notes.push(
            "accepted connections and sessions are counted in a part of this log only: from \
             ZooKeeper 3.5.5 on they are logged at DEBUG, and the rest (a newer version, or the \
             file of another server) has no such line"
                .to_owned(),
        );
    }
    if facts.not_understood() > 0 {
        notes.push(format!(
            "{} of {} name a class of ZooKeeper's server and were not understood, so counts here are too low",
            text::count(facts.not_understood()),
            text::counted(facts.lines, "line"),
        ));
    }
    if facts.lost > 0 {
        notes.push(format!(
            "syslog or the journal dropped {} (its own count), so counts here are too low",
            text::counted(facts.lost, "line"),
        ));
    }
    if facts.steps_back > 0 {
        notes.push(format!(
            "the log is not in order: {} more than a second older than the line before it (several \
             logs in one, or the clock was set back), so rates and rhythms may be wrong",
            match facts.steps_back {
                1 => "1 line is".to_owned(),
                count => format!("{} lines are", text::count(count)),
            },
        ));
    }
    if facts.in_utc > 0 && facts.by_own_clock > 0 {
        notes.push(format!(
            "the times of {} are numbers, so they are of UTC, and those of the others are by the \
             server's clock: where that is in another zone, the two do not fit together",
            text::counted(facts.in_utc, "line"),
        ));
    }
    if facts.first().is_none() && facts.records > 0 {
        notes.push(
            "the lines have no complete date (without a year, or day and month may be exchanged), \
             so there are no rates, rhythms and busiest minutes; `journalctl -o short-iso` prints one"
                .to_owned(),
        );
    }
    if facts.netty {
        notes.push(
            "the server uses Netty, which logs neither accepted connections nor clients that \
             close: run `sudo zkchurn --side server` there"
                .to_owned(),
        );
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serverlog::line;

    fn facts(level: &str, version: Option<&str>) -> LogFacts {
        let mut facts = LogFacts::default();
        for line in [
            format!("2026-11-25 04:13:01,249 [myid:] - {level} [main:ZooKeeperServer@1] - x"),
            // Of another program in the same process, and of a part of the server that an
            // operator set to DEBUG.
            "2026-11-25 04:13:01,249 [myid:] - DEBUG [main:X@1] - x".to_owned(),
            "2026-11-25 04:13:01,249 [myid:] - WARN  [main:QuorumPeer@1] - x".to_owned(),
        ] {
            facts.line(&line::Reader::default().read(line.as_bytes()), None);
        }
        if let Some(version) = version {
            facts.message(format!("Server environment:zookeeper.version={version}").as_bytes());
        }
        facts
    }

    fn unknown_counts(kind: Kind, level: &str, version: Option<&str>) -> bool {
        reason_unknown(kind, &facts(level, version), &Counts::default()).is_some()
    }

    #[test]
    fn nothing_is_made_of_lines_that_are_not_written() {
        assert!(unknown_counts(Kind::Accepted, "INFO", Some("3.8.0-1")));
        assert!(unknown_counts(Kind::Accepted, "INFO", None));
        assert!(!unknown_counts(Kind::Accepted, "INFO", Some("3.4.14")));
        assert!(unknown_counts(Kind::Accepted, "WARN", Some("3.4.14")));
        assert!(!unknown_counts(Kind::Accepted, "DEBUG", Some("3.9.2")));
        assert!(unknown_counts(Kind::Expired, "WARN", Some("3.9.2")));
        assert!(!unknown_counts(Kind::Expired, "INFO", Some("3.9.2")));
        assert!(!unknown_counts(Kind::NotServing, "WARN", None));
    }
}
