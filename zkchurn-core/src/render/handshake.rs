// SPDX-License-Identifier: MIT
//! The handshake of one connection in JSON.

use serde::Serialize;

use crate::{
    clock::{ClockPair, rfc3339},
    handshake::{First, Handshake, message::Message},
};

/// What both sides said first.
#[derive(Serialize)]
pub(super) struct HandshakeBody {
    request: Option<FirstBody>,
    response: Option<FirstBody>,
}

#[derive(Serialize)]
struct FirstBody {
    at: String,
    first_packet: u32,
    #[serde(flatten)]
    message: Message,
    #[serde(skip_serializing_if = "Option::is_none")]
    new_handle: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expired: Option<bool>,
}

impl HandshakeBody {
    /// The body, with times of day by `clock`.
    pub(super) fn new(handshake: &Handshake, clock: ClockPair) -> Self {
        let body = |first: First| FirstBody {
            at: rfc3339(clock.timestamp(first.at_ns)),
            first_packet: first.first_packet,
            message: first.message,
            new_handle: match first.message {
                Message::ConnectRequest { session, .. } => Some(session.if_any().is_none()),
                _ => None,
            },
            expired: match first.message {
                Message::ConnectResponse { .. } => Some(first.message.is_expired()),
                _ => None,
            },
        };
        Self {
            request: handshake.request.map(body),
            response: handshake.response.map(body),
        }
    }
}
