// SPDX-License-Identifier: MIT
//! What connections said first, counted.

use std::collections::BTreeMap;

use crate::handshake::{
    Handshake,
    message::Message,
    session::{SessionId, Zxid},
    word::FourLetterWord,
};
use crate::hash::HashMap;

/// Most sessions that are told apart in one tally.
pub const MOST_SESSIONS: usize = 256;

/// Counts over the connections of which at least one first message was captured.
#[derive(Clone, Debug, Default)]
pub struct Handshakes {
    /// Such connections.
    pub connections: u64,
    /// ConnectRequests for a new session: a new ZooKeeper handle.
    pub new_handles: u64,
    /// ConnectRequests for a session that there was already.
    pub reconnects: u64,
    /// ConnectRequests that were granted their session.
    pub granted: u64,
    /// ConnectRequests whose answer was that the session has expired.
    pub expired: u64,
    /// ConnectRequests without any answer.
    pub unanswered: u64,
    /// Handshakes of either side that break off before the session's id.
    pub incomplete: u64,
    /// Four-letter words; there are not many.
    pub words: BTreeMap<FourLetterWord, u64>,
    /// TLS at the port.
    pub tls: u64,
    /// HTTP at the port.
    pub http: u64,
    /// Clients that said something else.
    pub other_requests: u64,
    /// Servers that said something else than a ConnectResponse.
    pub other_responses: u64,
    /// Those of them that had been asked for a session.
    pub unexpected_responses: u64,
    /// Of the former, errors in place of a session (`KeeperException.Code`).
    pub error_replies: Option<MinMax<i32>>,
    /// Connections by session, presented or granted; see [`MOST_SESSIONS`].
    sessions: HashMap<SessionId, u64>,
    /// Whether there were more sessions than are told apart.
    pub sessions_left_out: bool,
    /// Session timeouts that were asked for, milliseconds.
    pub asked_timeout_ms: Option<MinMax<i32>>,
    /// Session timeouts that were granted, milliseconds.
    pub granted_timeout_ms: Option<MinMax<i32>>,
    /// The latest transactions that clients had seen; 0 is none.
    pub last_zxid: Option<MinMax<Zxid>>,
}

/// The least and the greatest of some values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct MinMax<T> {
    /// The least.
    pub min: T,
    /// The greatest.
    pub max: T,
}

impl<T: Copy + Ord> MinMax<T> {
    fn widen(range: &mut Option<Self>, value: T) {
        let (min, max) = range.map_or((value, value), |range| (range.min, range.max));
        *range = Some(Self {
            min: min.min(value),
            max: max.max(value),
        });
    }

    fn absorb(range: &mut Option<Self>, other: Option<Self>) {
        if let Some(other) = other {
            Self::widen(range, other.min);
            Self::widen(range, other.max);
        }
    }
}

impl Handshakes {
    /// Takes one connection's handshake into account.
    pub fn observe(&mut self, handshake: &Handshake) {
        self.connections += 1;
        if let Some(first) = handshake.request {
            self.request(first.message);
        }
        if let Some(first) = handshake.response {
            self.response(first.message);
        }
        self.unexpected_responses += u64::from(handshake.is_answer_unexpected());
        self.unanswered += u64::from(handshake.is_unanswered());
        if let Some(session) = handshake.session() {
            self.note_session(session, 1);
        }
    }

    fn request(&mut self, message: Message) {
        match message {
            Message::ConnectRequest {
                session,
                timeout_ms,
                last_zxid,
            } => {
                match session.if_any() {
                    Some(_) => self.reconnects += 1,
                    None => self.new_handles += 1,
                }
                MinMax::widen(&mut self.asked_timeout_ms, timeout_ms);
                MinMax::widen(&mut self.last_zxid, last_zxid);
            }
            Message::FourLetterWord { word } => *self.words.entry(word).or_default() += 1,
            Message::TlsClientHello => self.tls += 1,
            Message::Http => self.http += 1,
            Message::Incomplete => self.incomplete += 1,
            Message::ConnectResponse { .. } | Message::ErrorReply { .. } | Message::Other => {
                self.other_requests += 1;
            }
        }
    }

    fn response(&mut self, message: Message) {
        match message {
            Message::ConnectResponse { .. } if message.is_expired() => self.expired += 1,
            Message::ConnectResponse { timeout_ms, .. } => {
                self.granted += 1;
                MinMax::widen(&mut self.granted_timeout_ms, timeout_ms);
            }
            Message::Incomplete => self.incomplete += 1,
            Message::ErrorReply { error } => {
                self.other_responses += 1;
                MinMax::widen(&mut self.error_replies, error);
            }
            _ => self.other_responses += 1,
        }
    }

    /// Adds the counts of other connections.
    pub fn absorb(&mut self, other: &Self) {
        self.connections += other.connections;
        self.new_handles += other.new_handles;
        self.reconnects += other.reconnects;
        self.granted += other.granted;
        self.expired += other.expired;
        self.unanswered += other.unanswered;
        self.incomplete += other.incomplete;
        self.tls += other.tls;
        self.http += other.http;
        self.other_requests += other.other_requests;
        self.other_responses += other.other_responses;
        self.unexpected_responses += other.unexpected_responses;
        for (word, count) in &other.words {
            *self.words.entry(*word).or_default() += count;
        }
        let mut sessions: Vec<_> = other.sessions.iter().collect();
        // Which of too many are kept must not depend on the hash.
        sessions.sort_unstable();
        for (session, count) in sessions {
            self.note_session(*session, *count);
        }
        self.sessions_left_out |= other.sessions_left_out;
        MinMax::absorb(&mut self.asked_timeout_ms, other.asked_timeout_ms);
        MinMax::absorb(&mut self.error_replies, other.error_replies);
        MinMax::absorb(&mut self.granted_timeout_ms, other.granted_timeout_ms);
        MinMax::absorb(&mut self.last_zxid, other.last_zxid);
    }

    fn note_session(&mut self, session: SessionId, connections: u64) {
        if self.sessions.len() >= MOST_SESSIONS && !self.sessions.contains_key(&session) {
            self.sessions_left_out = true;
            return;
        }
        *self.sessions.entry(session).or_default() += connections;
    }

    /// How many sessions there were; at least, where `sessions_left_out`.
    pub fn sessions(&self) -> u64 {
        self.sessions.len() as u64
    }

    /// The session of most connections, and how many those were.
    pub fn main_session(&self) -> Option<(SessionId, u64)> {
        let by_count =
            |(session, count): &(&SessionId, &u64)| (**count, std::cmp::Reverse(**session));
        let (session, count) = self.sessions.iter().max_by_key(by_count)?;
        Some((*session, *count))
    }

    /// Four-letter words of all kinds.
    pub fn four_letter_words(&self) -> u64 {
        self.words.values().sum()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::handshake::First;

    /// A captured message.
    pub(crate) fn first(message: Message) -> Option<First> {
        Some(First {
            message,
            at_ns: 1,
            first_packet: 49,
        })
    }

    /// A request for `session`, and its answer if there is one.
    pub(crate) fn asked(session: i64, answer: Option<(i64, i32)>) -> Handshake {
        Handshake {
            request: first(Message::ConnectRequest {
                session: SessionId(session),
                timeout_ms: 30_000,
                last_zxid: Zxid(session),
            }),
            response: answer.and_then(|(session, timeout_ms)| {
                first(Message::ConnectResponse {
                    session: SessionId(session),
                    timeout_ms,
                })
            }),
        }
    }

    /// A new session that is answered with an error.
    pub(crate) fn refused_with(error: i32) -> Handshake {
        Handshake {
            response: first(Message::ErrorReply { error }),
            ..asked(0, None)
        }
    }

    #[test]
    fn requests_and_answers_are_counted() {
        let mut all = Handshakes::default();
        all.observe(&asked(0, Some((0x10, 4_000))));
        all.observe(&asked(0x10, Some((0x10, 4_000))));
        all.observe(&asked(0x20, Some((0, 0))));
        all.observe(&asked(0x10, None));
        assert_eq!((all.new_handles, all.reconnects), (1, 3));
        assert_eq!((all.granted, all.expired, all.unanswered), (2, 1, 1));
        assert_eq!((all.sessions(), all.sessions_left_out), (2, false));
        assert_eq!(all.main_session(), Some((SessionId(0x10), 3)));
        assert_eq!(
            all.granted_timeout_ms,
            Some(MinMax {
                min: 4_000,
                max: 4_000
            })
        );
        let zxids = all.last_zxid.map(|range| (range.min.0, range.max.0));
        assert_eq!(zxids, Some((0, 0x20)));
    }

    #[test]
    fn sessions_beyond_the_limit_are_said_to_be_there() {
        let mut all = Handshakes::default();
        for session in 1..=MOST_SESSIONS as i64 + 5 {
            all.observe(&asked(session, None));
        }
        assert_eq!((all.sessions(), all.sessions_left_out), (256, true));
        // Equally frequent ones never depend on the hash.
        assert_eq!(all.main_session(), Some((SessionId(1), 1)));
    }

    /// One of each kind that there is, some of them twice.
    fn of_each_kind() -> Vec<Handshake> {
        let said = |request: Option<Message>, response: Option<Message>| Handshake {
            request: request.and_then(first),
            response: response.and_then(first),
        };
        let word = |text: &str| Message::FourLetterWord {
            word: FourLetterWord::of(text.as_bytes()).unwrap(),
        };
        vec![
            asked(0, Some((0x10, 4_000))),
            asked(0x10, Some((0x10, 6_000))),
            asked(0x30, Some((0, 0))),
            asked(0x20, None),
            refused_with(-4),
            refused_with(-122),
            said(Some(word("ruok")), Some(Message::Other)),
            said(Some(word("mntr")), None),
            said(Some(word("ruok")), None),
            said(Some(Message::TlsClientHello), Some(Message::Other)),
            said(Some(Message::Http), Some(Message::Http)),
            said(Some(Message::Incomplete), None),
            said(Some(Message::Other), Some(Message::Incomplete)),
            said(None, Some(Message::Other)),
        ]
    }

    /// All fields; the sessions in order.
    fn fields(all: &Handshakes) -> (String, Vec<(SessionId, u64)>) {
        let mut sessions: Vec<_> = all.sessions.iter().map(|(id, n)| (*id, *n)).collect();
        sessions.sort_unstable();
        let others = Handshakes {
            sessions: HashMap::default(),
            ..all.clone()
        };
        (format!("{others:?}"), sessions)
    }

    #[test]
    fn counts_of_parts_are_those_of_the_whole_wherever_it_is_cut() {
        let kinds = of_each_kind();
        let of = |part: &[Handshake]| {
            let mut counted = Handshakes::default();
            part.iter().for_each(|one| counted.observe(one));
            counted
        };
        // Counts of 1 would not tell a sum from a product.
        let all: Vec<_> = [&kinds[..], &kinds[..], &kinds[..]].concat();
        let whole = of(&all);
        for cut in 0..=all.len() {
            let mut parts = of(&all[..cut]);
            parts.absorb(&of(&all[cut..]));
            assert_eq!(fields(&parts), fields(&whole), "cut at {cut}");
        }
        assert_eq!(whole.connections, 42);
        assert_eq!((whole.new_handles, whole.reconnects), (9, 9));
        assert_eq!((whole.granted, whole.expired), (6, 3));
        assert_eq!((whole.tls, whole.http, whole.incomplete), (3, 3, 6));
        assert_eq!((whole.other_requests, whole.four_letter_words()), (3, 9));
        let errors = whole.error_replies.map(|errors| (errors.min, errors.max));
        assert_eq!(errors, Some((-122, -4)));
        let granted = whole.granted_timeout_ms.map(|range| (range.min, range.max));
        assert_eq!(granted, Some((4_000, 6_000)));
    }

    #[test]
    fn sessions_of_others_are_counted_up_to_the_limit() {
        let of = |sessions: std::ops::Range<i64>| {
            let mut counted = Handshakes::default();
            sessions.for_each(|session| counted.observe(&asked(session, None)));
            counted
        };
        let most = MOST_SESSIONS as i64;
        for (others, sessions, left_out) in [
            (1..most + 1, 256, false),
            (2..most + 2, 256, true),
            (1..1, 255, false),
        ] {
            let mut all = of(1..most);
            all.absorb(&of(others));
            assert_eq!(
                (all.sessions(), all.sessions_left_out),
                (sessions, left_out)
            );
        }
    }
}
