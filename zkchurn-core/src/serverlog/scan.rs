// SPDX-License-Identifier: MIT
//! From what lines tell to counts.
//!
//! The end of one connection may be told by up to three lines: why it ended, an
//! exception, and that its socket was closed. It is counted once: see
//! [`RecentEnds`] and [`Waiting`].

use super::{
    address::Client,
    copies::Copies,
    facts::LogFacts,
    kind::Kind,
    moment::Moment,
    recent::{Failed, OldClients, Reason, RecentEnds, Sessions, Waiting},
    refusals::Refusals,
    tally::{Event, LogTally},
    told::{LogReader, Source, Told, What},
    unknown_counts,
    window::Window,
};

/// Counts lines.
#[derive(Default)]
pub struct Scanner {
    window: Window,
    reader: LogReader,
    /// Of the files that are over.
    facts: LogFacts,
    tally: LogTally,
    recent_ends: RecentEnds,
    waiting: Waiting,
    sessions: Sessions,
    old_clients: OldClients,
    failed: Failed,
    refusals: Refusals,
    copies: Copies,
}

impl Scanner {
    /// Counts what is in `window`.
    pub fn new(window: Window) -> Self {
        let mut scanner = Self {
            window,
            ..Self::default()
        };
        scanner.reader.state.facts = LogFacts::within(window);
        scanner.facts = LogFacts::within(window);
        scanner
    }

    /// What is counted.
    pub fn window(&self) -> Window {
        self.window
    }

    /// Takes the next line.
    pub fn line(&mut self, bytes: &[u8]) {
        if let Some(told) = self.reader.line(bytes) {
            self.tell(&told);
        }
    }

    /// Takes what the next lines tell, and what they are like.
    pub fn lines_told(&mut self, told: &[Told], facts: &LogFacts) {
        self.reader.state.facts.add(facts);
        for told in told {
            self.tell(told);
        }
    }

    /// One file is over and another may begin. Returns what was seen of it.
    pub fn end_of_file(&mut self) -> LogFacts {
        let of_file = self.reader.end_of_file();
        self.copies.end_of_file();
        self.facts.add(&of_file);
        unknown_counts::add_file(&mut self.facts, &of_file);
        of_file
    }

    /// The counts, and what was seen of the log.
    pub fn finish(mut self) -> (LogTally, LogFacts) {
        self.end_of_file();
        for reason in self.waiting.take_all() {
            self.without_address(reason);
        }
        self.tally.histogram.finish();
        self.facts.copies = self.copies.found();
        (self.tally, self.facts)
    }

    fn tell(&mut self, told: &Told) {
        if !self.window.holds(told.at) {
            return;
        }
        self.copies.event(told);
        match told.what {
            What::Event(kind) => self.no_end(kind, told),
            What::End(kind) => self.end(kind, told),
            What::SocketClosed => self.socket_closed(told),
            What::Word(place) => {
                let address = told.client.and_then(|client| self.tally.address(client.ip));
                if let (Some(place), Some(address)) = (place, address) {
                    address.words |= 1u32.checked_shl(u32::from(place)).unwrap_or(0);
                }
                self.end(Kind::FourLetterWord, told);
            }
            What::Limit(limit) => self.limit(limit, told),
            What::LimitOfAll(limit, source) => self.limit_of_all(limit, source, told),
            What::ElectionBroken(id) => {
                self.tally.broken_with(id, told.times);
                self.no_end(Kind::ElectionBroken, told);
            }
        }
    }

    fn no_end(&mut self, kind: Kind, told: &Told) {
        let event = event(kind, told);
        let session = told.session.unwrap_or(0);
        let mut client = told.client;
        match kind {
            Kind::AuthenticationFailed => self.failed.remember(told.thread, client, told.at),
            // The line names no client; the one that failed just before in this thread is it.
            Kind::AuthenticationRequired => client = self.failed.take(told.thread, told.at),
            Kind::OldClient => self.old_clients.asked(client, told.at),
            _ => {}
        }
        if let Some(client) = client {
            self.sessions.learn(session, client.ip);
            if session != 0 {
                self.old_clients.named(client.ip);
            }
        }
        self.tally.count_in_time(event);
        match client
            .map(|client| client.ip)
            .or_else(|| self.address_of(session, told.at))
        {
            Some(ip) => self.tally.count(ip, event),
            None => self.tally.count_without_address(event),
        }
    }

    /// The end of a connection, for a reason.
    fn end(&mut self, kind: Kind, told: &Told) {
        let session = told.session.unwrap_or(0);
        let kind = match kind {
            Kind::ClosedWithoutSession | Kind::BrokenWithoutSession if session != 0 => {
                Kind::EndedWithSession
            }
            kind => kind,
        };
        let event = event(kind, told);
        match told.client {
            Some(client) => {
                self.sessions.learn(session, client.ip);
                // What syslog counted is no second line about one end.
                if told.times == 1 && self.recent_ends.is_told(client, told.at, told.source) {
                    return;
                }
                self.tally.count(client.ip, event);
                self.tally.count_in_time(event);
            }
            None => {
                self.tally.count_in_time(event);
                let reason = Reason {
                    kind,
                    session,
                    at: told.at,
                    times: told.times,
                };
                // While the old client's line is near.
                let _ = self.address_of(session, told.at);
                if told.times > 1 {
                    self.without_address(reason);
                    return;
                }
                for given_up in self.waiting.put(told.thread, reason) {
                    self.without_address(given_up);
                }
            }
        }
    }

    /// A socket was closed: the end of a connection, if no line told it before.
    fn socket_closed(&mut self, told: &Told) {
        let session = told.session.unwrap_or(0);
        let (waiting, given_up) = self.waiting.take(told.thread, session, told.at);
        if let Some(other) = given_up {
            self.without_address(other);
        }
        let Some(client) = told.client else {
            if let Some(reason) = waiting {
                self.without_address(reason);
            }
            return;
        };
        if let Some(reason) = waiting {
            self.tally.count(client.ip, reason.event());
        } else if self.recent_ends.forget(client, told.at) {
        } else if let Some(reason) = self.waiting.take_unpaired(session, told.at) {
            self.tally.count(client.ip, reason.event());
        } else {
            self.end(Kind::ClosedWithoutSession, told);
            self.recent_ends.forget(client, told.at);
        }
    }

    /// A reason whose address no line told; the session may tell it.
    fn without_address(&mut self, reason: Reason) {
        match self.sessions.of(reason.session) {
            Some(ip) => self.tally.count(ip, reason.event()),
            None => self.tally.count_without_address(reason.event()),
        }
    }

    /// The address of a session, where a line named it, or where the only client of the old
    /// protocol that asked in these seconds must be it.
    fn address_of(&mut self, session: u64, at: Option<Moment>) -> Option<std::net::IpAddr> {
        if session == 0 {
            return None;
        }
        self.sessions.of(session).or_else(|| {
            let ip = self.old_clients.take(at)?;
            self.sessions.learn(session, ip);
            if let Some(address) = self.tally.address(ip) {
                address.inferred_sessions += 1;
            }
            Some(ip)
        })
    }

    /// A refusal at the limit ends no connection that had a thread, so it waits
    /// for no other line.
    fn limit(&mut self, limit: Option<u64>, told: &Told) {
        let event = event(Kind::LimitReached, told);
        self.tally.count_in_time(event);
        let Some(Client { ip, .. }) = told.client else {
            self.tally.count_without_address(event);
            return;
        };
        self.tally.count(ip, event);
        if let Some(address) = self.tally.address(ip) {
            address.limit = limit.or(address.limit);
        }
    }

    /// A refusal at the limit of all names no client.
    fn limit_of_all(&mut self, limit: Option<u64>, source: Source, told: &Told) {
        let of_all = &mut self.tally.without_address;
        of_all.limit = limit.or(of_all.limit);
        let event = Event {
            times: self.refusals.new_ones(source, told.times),
            ..event(Kind::LimitReached, told)
        };
        if event.times > 0 {
            self.tally.count_in_time(event);
            self.tally.count_without_address(event);
        }
    }
}

fn event(kind: Kind, told: &Told) -> Event {
    Event {
        kind,
        times: told.times,
        at: told.at,
    }
}
