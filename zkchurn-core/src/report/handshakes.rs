// SPDX-License-Identifier: MIT
//! What connections said first, as it is reported.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{
    handshake::{
        session::{SessionId, Zxid},
        word::FourLetterWord,
    },
    ledger::handshakes::{Handshakes, MinMax},
};

/// Counts over the connections whose first bytes were captured.
#[derive(Clone, Debug, Serialize)]
pub struct HandshakeSummary {
    /// Connections of which at least one first message was captured.
    pub connections: u64,
    /// Requests for a new session.
    pub new_handles: u64,
    /// Requests for a session that there was already.
    pub reconnects: u64,
    /// Requests that were granted their session.
    pub granted: u64,
    /// Requests whose session had expired.
    pub expired: u64,
    /// Requests without any answer.
    pub unanswered: u64,
    /// Handshakes that break off.
    pub incomplete: u64,
    pub four_letter_words: BTreeMap<FourLetterWord, u64>,
    /// TLS at the port.
    pub tls: u64,
    /// HTTP at the port.
    pub http: u64,
    /// Clients that said something else.
    pub other_requests: u64,
    /// Servers that said something else than a ConnectResponse.
    pub other_responses: u64,
    /// Those of them that had been asked for a session.
    #[serde(skip)]
    pub unexpected_responses: u64,
    /// Sessions; at least, if `sessions_uncounted`.
    pub sessions: u64,
    /// Whether there were more sessions than are told apart.
    pub sessions_uncounted: bool,
    /// The session of most connections.
    pub main_session: Option<MainSession>,
    /// Session timeouts that were asked for, milliseconds.
    pub asked_timeout_ms: Option<MinMax<i32>>,
    /// Session timeouts that were granted, milliseconds.
    pub granted_timeout_ms: Option<MinMax<i32>>,
    /// The latest transactions that clients had seen; 0x0 is none.
    pub last_zxid: Option<MinMax<Zxid>>,
}

/// The session of most connections.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct MainSession {
    pub session: SessionId,
    pub connections: u64,
}

impl HandshakeSummary {
    /// The summary, if anything was captured.
    pub fn of(handshakes: &Handshakes) -> Option<Self> {
        (handshakes.connections > 0).then(|| Self {
            connections: handshakes.connections,
            new_handles: handshakes.new_handles,
            reconnects: handshakes.reconnects,
            granted: handshakes.granted,
            expired: handshakes.expired,
            unanswered: handshakes.unanswered,
            incomplete: handshakes.incomplete,
            four_letter_words: handshakes.words.clone(),
            tls: handshakes.tls,
            http: handshakes.http,
            other_requests: handshakes.other_requests,
            other_responses: handshakes.other_responses,
            unexpected_responses: handshakes.unexpected_responses,
            sessions: handshakes.sessions(),
            sessions_uncounted: handshakes.sessions_left_out,
            main_session: handshakes
                .main_session()
                .map(|(session, connections)| MainSession {
                    session,
                    connections,
                }),
            asked_timeout_ms: handshakes.asked_timeout_ms,
            granted_timeout_ms: handshakes.granted_timeout_ms,
            last_zxid: handshakes.last_zxid,
        })
    }
}
