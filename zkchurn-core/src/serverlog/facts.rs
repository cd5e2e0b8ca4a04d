// SPDX-License-Identifier: MIT
//! What the log itself is like: how many lines of which sort, which levels,
//! which versions wrote it, from when to when.

use super::{
    class::Class,
    line::{self, LEVELS, Level, Line, Record},
    moment::{Clock, Moment, Stamp},
    signature::{self, MESSAGES, behind},
    window::Window,
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
    /// Lines that are not of a ZooKeeper server's log, or of a layout that is not understood.
    pub foreign: u64,
    /// Records that a class of ZooKeeper's server wrote.
    pub of_server: u64,
    /// Records that a class of a ZooKeeper client wrote, and other lines that name one.
    pub of_client: u64,
    /// Records of other classes, and of layouts that name none.
    pub of_others: u64,
    /// Lines whose message is a known one of the server's.
    pub known: u64,
    /// Lines that name a class of the server's, but whose layout is not understood.
    pub unread: u64,
    /// Records of the server's in which a known message stands, but not where the message
    /// seems to begin.
    pub misplaced: u64,
    /// Records of the server's with no word on their line.
    headers: u64,
    /// Records that are a part of ZooKeeper's name in large letters.
    banner: u64,
    /// Lines that are the message of a record above.
    bodies: u64,
    /// Lines that syslog or the journal left out, by its own count.
    pub lost: u64,
    /// How often a record is more than a second older than the one before it.
    pub steps_back: u64,
    /// Records with a time that is a number, and so of UTC.
    pub in_utc: u64,
    /// Records with a time as people write it, by the server's clock.
    pub by_own_clock: u64,
    /// Records by level.
    pub levels: [u64; LEVELS.len()],
    has_info_of_server: bool,
    has_debug_of_connections: bool,
    /// Whether it reports connections that were accepted, or sessions that began.
    pub(super) has_begins: bool,
    /// Files of servers that report these, and files that do not or that do in part.
    files_with_begins: u64,
    files_without_begins: u64,
    /// Versions of the servers that started, without the commit, made printable.
    pub versions: Vec<String>,
    /// Whether a server said that it uses Netty.
    pub netty: bool,
    /// Pairs of files that hold the same lines, by their places.
    pub copies: Vec<(usize, usize)>,
    /// What of the log is counted.
    pub window: Window,
    /// A second of a line that is over, and that the window has a part of.
    is_in_window: bool,
    clock: Clock,
    /// The time of the record before.
    latest: Option<Stamp>,
    first_second: Option<i64>,
    last_second: Option<i64>,
    first: Option<Moment>,
    last: Option<Moment>,
}

/// A line of what a server of 3.6 and later writes when it starts (`ZookeeperBanner`): `___` and
/// the like, and nothing else.
fn is_of_banner(message: &[u8]) -> bool {
    let draws = message.iter().any(|byte| b"_|".contains(byte));
    draws && message.iter().all(|byte| b" _|/\\<.'()`".contains(byte))
}

impl LogFacts {
    /// Nothing yet, of a log of which `window` is counted.
    pub fn within(window: Window) -> Self {
        Self {
            window,
            ..Self::default()
        }
    }

    /// Whether a line of the log, to the second, is in the part that is counted.
    pub fn any_in_window(&self) -> bool {
        let latest = self.latest.and_then(|stamp| stamp.moment());
        let touches = |at| self.window.touches_second_of(at);
        self.window.is_all() || self.is_in_window || latest.is_some_and(touches)
    }

    /// Takes a line into account; `message_of` is whose record it is the second line of.
    pub fn line(&mut self, line: &Line<'_>, message_of: Option<(Option<Class>, Stamp)>) {
        let is_message = message_of.is_some();
        self.lines += 1;
        self.bodies += u64::from(is_message);
        match line {
            Line::Record(record) if is_message => {
                self.continuations += 1;
                let (class, stamp) = message_of.unwrap_or((None, Stamp::UNKNOWN));
                self.level(record.level, class, stamp);
            }
            Line::Record(record) | Line::RecordWithException(record, _) => self.record(record),
            Line::Foreign(_) if is_message => self.continuations += 1,
            Line::Exception(_) | Line::Continuation | Line::Repeated(_) => self.continuations += 1,
            Line::Lost(lines) => {
                self.continuations += 1;
                self.lost = self.lost.saturating_add(*lines);
            }
            Line::Blank => self.blank += 1,
            Line::Foreign(text) => {
                self.foreign += 1;
                match line::names_class(text) {
                    Some(class) if class.is_server() => self.unread += 1,
                    Some(_) => self.of_client += 1,
                    None => {}
                }
            }
        }
    }

    fn record(&mut self, record: &Record<'_>) {
        self.records += 1;
        self.level(record.level, record.class, record.stamp);
        self.in_utc += u64::from(record.stamp.is_number());
        self.by_own_clock += u64::from(!record.stamp.is_number() && !record.stamp.is_unknown());
        self.time(record.stamp);
        if record.class >= Some(Class::Shared) {
            let has_words = record.message.iter().any(u8::is_ascii_alphabetic);
            let is_banner = is_of_banner(record.message);
            self.banner += u64::from(is_banner);
            self.headers += u64::from(!has_words && !is_banner);
        }
        match record.class {
            Some(Class::Server | Class::Connections) => {
                self.of_server += 1;
                // Once a message is known the number means nothing, and it costs searches.
                self.misplaced += u64::from(self.known == 0 && line::holds_message(record.message));
            }
            Some(Class::Client) => self.of_client += 1,
            Some(Class::Shared) => {}
            class @ (Some(Class::Other) | None) => {
                self.of_others += 1;
                let is_known =
                    class.is_none() && signature::find(MESSAGES, record.message).is_some();
                match line::names_class(record.message) {
                    Some(class) if class.is_server() && !is_known => self.unread += 1,
                    Some(Class::Client) => self.of_client += 1,
                    _ => {}
                }
            }
        }
    }

    fn level(&mut self, level: Option<Level>, class: Option<Class>, stamp: Stamp) {
        let Some(level) = level else { return };
        if let Some(count) = self.levels.get_mut(level as usize) {
            *count += 1;
        }
        // What another part of the log reports the one that is counted may not.
        if !self.window.is_all() && !self.window.holds(self.clock.moment(&stamp)) {
            return;
        }
        // Of a layout without classes all lines are taken for the server's.
        let is_of_server = class.is_none_or(|class| class >= Class::Shared);
        self.has_info_of_server |= is_of_server && level <= Level::Info;
        self.has_debug_of_connections |= class == Some(Class::Connections) && level <= Level::Debug;
    }

    /// Most records are of the same second as the one before: then there is nothing to do.
    fn time(&mut self, stamp: Stamp) {
        if let Some(latest) = self.latest.replace(stamp) {
            if latest.is_of_same_second(&stamp) {
                return;
            }
            self.reach(&latest);
        }
        self.reach(&stamp);
    }

    fn reach(&mut self, stamp: &Stamp) {
        let Some(at) = self.clock.moment(stamp) else {
            return;
        };
        self.first = Some(self.first.map_or(at, |first| first.min(at)));
        self.last = Some(self.last.map_or(at, |last| last.max(at)));
        self.is_in_window |= self.window.touches_second_of(at);
        let second = at.0.div_euclid(1000);
        self.step(second);
        self.first_second = self.first_second.or(Some(second));
        self.last_second = Some(second);
    }

    fn step(&mut self, second: i64) {
        if self.last_second.is_some_and(|last| second + 1 < last) {
            self.steps_back += 1;
        }
    }

    /// Adds what was seen of the lines that follow.
    pub fn add(&mut self, later: &Self) {
        let sums = [
            (&mut self.lines, later.lines),
            (&mut self.records, later.records),
            (&mut self.continuations, later.continuations),
            (&mut self.blank, later.blank),
            (&mut self.foreign, later.foreign),
            (&mut self.of_server, later.of_server),
            (&mut self.of_client, later.of_client),
            (&mut self.of_others, later.of_others),
            (&mut self.known, later.known),
            (&mut self.unread, later.unread),
            (&mut self.misplaced, later.misplaced),
            (&mut self.lost, later.lost),
            (&mut self.headers, later.headers),
            (&mut self.banner, later.banner),
            (&mut self.in_utc, later.in_utc),
            (&mut self.by_own_clock, later.by_own_clock),
            (&mut self.bodies, later.bodies),
        ];
        let levels = self.levels.iter_mut().zip(later.levels);
        for (sum, more) in sums.into_iter().chain(levels) {
            *sum = sum.saturating_add(more);
        }
        for version in &later.versions {
            self.version(version.clone());
        }
        self.netty |= later.netty;
        self.has_info_of_server |= later.has_info_of_server;
        self.has_debug_of_connections |= later.has_debug_of_connections;
        self.has_begins |= later.has_begins;
        self.is_in_window |= later.any_in_window();
        if let Some(second) = later.first_second {
            self.step(second);
            self.first_second = self.first_second.or(Some(second));
        }
        self.steps_back += later.steps_back;
        self.last_second = later.last_second.or(self.last_second);
        let (first, last) = (later.first(), later.last());
        self.first = self.first.into_iter().chain(first).min();
        self.last = self.last.into_iter().chain(last).max();
    }

    /// Takes a message into account that is about the server itself.
    pub fn message(&mut self, message: &[u8]) {
        if message.starts_with(b"Server environment:zookeeper.version=") {
            let version = behind(message, "version=").unwrap_or_default();
            let version = version.split(|byte| matches!(byte, b',' | b'-')).next();
            let version = text::printable(version.unwrap_or_default());
            self.version(text::clip(&version, VERSION_LENGTH));
            self.known += 1;
        } else if message.starts_with(b"Using org.apache.zookeeper.server.NettyServerCnxnFactory") {
            self.netty = true;
            self.known += 1;
        }
    }

    fn version(&mut self, version: String) {
        if self.versions.len() < VERSIONS && !self.versions.contains(&version) {
            self.versions.push(version);
        }
    }

    /// Records of the server's whose message was not found, neither on their line nor on the
    /// next.
    pub fn silent(&self) -> u64 {
        // Above and below the eight lines of a banner there is an empty one each, and one of
        // them may look like something else.
        let around = self.banner.div_ceil(3);
        self.headers.saturating_sub(self.bodies + around)
    }

    /// Lines of the server's that may have told something and did not.
    pub fn not_understood(&self) -> u64 {
        self.unread + self.silent()
    }

    /// When the log begins: its earliest time.
    pub fn first(&self) -> Option<Moment> {
        self.first
    }

    /// When it ends: its latest time.
    pub fn last(&self) -> Option<Moment> {
        let latest = self.latest.and_then(|stamp| stamp.moment());
        self.last.into_iter().chain(latest).max()
    }

    /// Whether all times are of UTC, and none by the server's clock.
    pub fn is_in_utc(&self) -> bool {
        self.in_utc > 0 && self.by_own_clock == 0
    }

    /// Whether records of the server's at INFO would be in the log: one of that level or a lower
    /// one is. Other programs in one process with it have levels of their own.
    pub fn has_info_of_server(&self) -> bool {
        self.has_info_of_server
    }

    /// Whether records at DEBUG about single connections would be in the log: a class that
    /// writes these has written one.
    pub fn has_debug_of_connections(&self) -> bool {
        self.has_debug_of_connections
    }

    /// Takes into account whether a file reports connections and sessions that begin; both where
    /// it does in part.
    pub(super) fn file(&mut self, with_begins: bool, without: bool) {
        self.files_with_begins += u64::from(with_begins);
        self.files_without_begins += u64::from(without);
    }

    /// Whether some of the files report what begins, and others do not.
    pub fn reports_begins_in_part(&self) -> bool {
        self.files_with_begins > 0 && self.files_without_begins > 0
    }

    /// Whether a server that started is known to be older than `version`.
    pub fn any_is_before(&self, version: [u32; 3]) -> bool {
        let mut versions = self.versions.iter().filter_map(|text| numbers(text));
        versions.any(|numbers| numbers < version)
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

    /// A clock that goes back by a second may have been read by two threads in turn.
    #[test]
    fn a_clock_that_goes_back_by_more_than_a_second_is_counted() {
        let steps = |seconds: &[i64]| {
            let mut facts = LogFacts::default();
            for second in seconds {
                facts.step(*second);
                facts.last_second = Some(*second);
            }
            facts.steps_back
        };
        assert_eq!(steps(&[]), 0);
        assert_eq!(steps(&[10, 11, 11, 20]), 0);
        assert_eq!(steps(&[10, 9]), 0);
        assert_eq!(steps(&[10, 8]), 1);
        assert_eq!(steps(&[10, 8, 10, 7, 6]), 2);
        assert_eq!(steps(&[-5, -7]), 1);
    }

    #[test]
    fn each_line_is_counted_as_what_it_is() {
        let mut facts = LogFacts::default();
        let lines = [
            (Line::Blank, false),
            (Line::Continuation, false),
            (Line::Exception(b"java.io.IOException"), false),
            (Line::Repeated(3), false),
            (Line::Lost(40), false),
            (Line::Lost(2), false),
            (Line::Foreign(b"of somebody else"), false),
            (Line::Foreign(b"the message of the line above"), true),
        ];
        for (line, is_message) in &lines {
            facts.line(line, is_message.then_some((None, Stamp::UNKNOWN)));
        }
        assert_eq!((facts.lines, facts.blank, facts.foreign), (8, 1, 1));
        assert_eq!((facts.continuations, facts.bodies, facts.lost), (6, 1, 42));
    }

    #[test]
    fn what_one_part_knows_all_know() {
        let mut netty = LogFacts::default();
        netty.message(b"Using org.apache.zookeeper.server.NettyServerCnxnFactory as server");
        let plain = LogFacts::default();
        for (one, other, is_netty) in [
            (&plain, &netty, true),
            (&netty, &plain, true),
            (&netty, &netty, true),
            (&plain, &plain, false),
        ] {
            let mut sum = one.clone();
            sum.add(other);
            assert_eq!(sum.netty, is_netty);
            assert_eq!(sum.known, one.known + other.known);
        }
    }
}
