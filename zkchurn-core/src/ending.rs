// SPDX-License-Identifier: MIT
//! What was so when a socket reached CLOSE, and which way a RST went then.

use zkchurn_common::{record::ending, state};

use crate::errno;

/// Which way a RST went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reset {
    /// The peer sent it.
    Received,
    /// This host sent it.
    Sent,
}

/// The bits of a record's `ending`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ending(pub u16);

impl Ending {
    fn has(self, bits: u16) -> bool {
        self.0 & bits == bits
    }

    /// Whether close(2) was called before: it shuts both directions down first.
    pub fn is_closed(self) -> bool {
        self.has(ending::RECEIVE_SHUT | ending::SEND_SHUT)
    }

    /// Whether a thread did it, rather than a packet or a timer. What closes a listener
    /// acts on connections that nobody has accepted without holding their lock.
    pub fn is_by_thread(self, state_left: u8) -> bool {
        let is_unaccepted = self.has(ending::NO_DESCRIPTOR)
            && matches!(state_left, state::ESTABLISHED | state::CLOSE_WAIT);
        self.has(ending::IN_THREAD) || is_unaccepted
    }

    /// Whether it was ended without a word to the peer: in repair mode nothing is sent
    /// (net/ipv4/tcp.c, `tcp_disconnect`).
    pub fn is_silent(self) -> bool {
        self.has(ending::REPAIR | ending::IN_THREAD)
    }

    /// Whether the socket had a source port.
    pub fn had_local_port(self) -> bool {
        self.has(ending::LOCAL_PORT)
    }

    /// Whether a close threw unread bytes away, which Linux answers with a RST
    /// (RFC 2525, 2.17; net/ipv4/tcp.c, `__tcp_close`).
    fn threw_away(self, unread: u32) -> bool {
        unread > 0 && self.is_closed() && self.has(ending::IN_THREAD | ending::NOTHING_QUEUED)
    }
}

/// Which way a RST went when a socket with this error left this state for CLOSE.
///
/// `tcp_reset` sets the error before it changes the state; a close with unread data and
/// SO_LINGER 0 leave it at 0 (net/ipv4/tcp.c, `__tcp_close`, `tcp_disconnect`). An error of
/// 0 outside of a thread was ECONNRESET until a program took it with SO_ERROR.
pub fn reset(error: u32, state_left: u8, ending: Option<Ending>, unread: u32) -> Option<Reset> {
    if ending.is_some_and(Ending::is_silent) {
        return None;
    }
    match error {
        errno::ECONNABORTED => return needs_reset(state_left).then_some(Reset::Sent),
        errno::ECONNRESET | errno::EPIPE => {
            let rejected = ending::DATA_REJECTED | ending::RECEIVE_SHUT;
            return Some(match ending.is_some_and(|ending| ending.has(rejected)) {
                true => Reset::Sent,
                false => Reset::Received,
            });
        }
        0 => {}
        _ => return None,
    }
    let Some(ending) = ending else {
        let needs_one = matches!(
            state_left,
            state::ESTABLISHED | state::CLOSE_WAIT | state::FIN_WAIT1
        );
        return needs_one.then_some(Reset::Sent);
    };
    let by_packet = (!ending.has(ending::RETRYING)).then_some(Reset::Received);
    match state_left {
        state::ESTABLISHED | state::CLOSE_WAIT if ending.is_by_thread(state_left) => {
            Some(Reset::Sent)
        }
        state::ESTABLISHED | state::CLOSE_WAIT => by_packet,
        state::FIN_WAIT1 if ending.has(ending::IN_THREAD) => Some(Reset::Sent),
        // An orphan: data came that nobody can read, or memory is short.
        state::FIN_WAIT1 if ending.has(ending::NO_DESCRIPTOR) => Some(Reset::Sent),
        state::FIN_WAIT1 => by_packet,
        // The orderly end.
        state::FIN_WAIT2 if ending.has(ending::PEER_FIN) => None,
        state::FIN_WAIT2 if ending.has(ending::IN_THREAD) => {
            let is_aborted = ending.threw_away(unread)
                || ending.has(ending::LINGER_ABORTS)
                || !ending.is_closed();
            is_aborted.then_some(Reset::Sent)
        }
        state::FIN_WAIT2 if ending.has(ending::NO_DESCRIPTOR) => {
            ending.has(ending::LINGER_ABORTS).then_some(Reset::Sent)
        }
        state::FIN_WAIT2 => by_packet,
        _ => ending.threw_away(unread).then_some(Reset::Sent),
    }
}

/// Whether an abort in this state sends a RST (net/ipv4/tcp.c, `tcp_need_reset`).
const fn needs_reset(state_left: u8) -> bool {
    matches!(
        state_left,
        state::ESTABLISHED
            | state::CLOSE_WAIT
            | state::FIN_WAIT1
            | state::FIN_WAIT2
            | state::SYN_RECV
    )
}

#[cfg(test)]
mod tests {
    use super::{Ending, Reset, ending::*, errno, reset, state::*};

    const SHUT: u16 = RECEIVE_SHUT | SEND_SHUT;

    /// How sockets end on Linux 5.10 to 7.3: error, state left, bits, unread bytes.
    #[test]
    fn the_way_of_a_reset() {
        let sent = Some(Reset::Sent);
        let received = Some(Reset::Received);
        let thrown = SHUT | IN_THREAD | NOTHING_QUEUED;
        for (error, state_left, bits, unread, expected) in [
            // RST received.
            (errno::ECONNRESET, ESTABLISHED, NOTHING_QUEUED, 0, received),
            (
                errno::EPIPE,
                CLOSE_WAIT,
                RECEIVE_SHUT | PEER_FIN,
                0,
                received,
            ),
            (errno::ECONNRESET, FIN_WAIT2, SHUT, 0, received),
            (
                errno::ECONNRESET,
                FIN_WAIT1,
                SEND_SHUT | DATA_REJECTED,
                0,
                received,
            ),
            // Data after shutdown(RDWR).
            (errno::ECONNRESET, FIN_WAIT2, SHUT | DATA_REJECTED, 0, sent),
            // ss -K.
            (errno::ECONNABORTED, ESTABLISHED, IN_THREAD, 0, sent),
            (errno::ECONNABORTED, FIN_WAIT2, SHUT | IN_THREAD, 0, sent),
            (
                errno::ECONNABORTED,
                LAST_ACK,
                SHUT | PEER_FIN | IN_THREAD,
                0,
                None,
            ),
            // SO_LINGER 0, unread data, AF_UNSPEC.
            (0, ESTABLISHED, SHUT | IN_THREAD | LINGER_ABORTS, 0, sent),
            (0, ESTABLISHED, thrown, 3, sent),
            (0, CLOSE_WAIT, IN_THREAD | RECEIVE_SHUT | PEER_FIN, 0, sent),
            (0, FIN_WAIT1, thrown, 3, sent),
            (0, FIN_WAIT2, thrown, 8, sent),
            (0, FIN_WAIT2, SHUT | IN_THREAD | LINGER_ABORTS, 0, sent),
            (0, FIN_WAIT2, SEND_SHUT | IN_THREAD, 0, sent),
            (0, LAST_ACK, thrown, 8, sent),
            // Closed, or ended by AF_UNSPEC, in repair mode.
            (0, ESTABLISHED, SHUT | IN_THREAD | REPAIR, 0, None),
            (0, CLOSE_WAIT, IN_THREAD | RECEIVE_SHUT | REPAIR, 3, None),
            // The peer resets a socket in repair mode.
            (
                errno::ECONNRESET,
                ESTABLISHED,
                NOTHING_QUEUED | REPAIR,
                0,
                received,
            ),
            // The listener was closed before accept(2).
            (0, ESTABLISHED, NO_DESCRIPTOR, 2, sent),
            // The program took the error.
            (0, ESTABLISHED, NOTHING_QUEUED, 0, received),
            (0, CLOSE_WAIT, RECEIVE_SHUT | PEER_FIN, 0, received),
            (0, FIN_WAIT2, SEND_SHUT, 0, received),
            (0, FIN_WAIT1, SEND_SHUT, 0, received),
            // An orphan: nobody can read what came.
            (0, FIN_WAIT1, SHUT | NO_DESCRIPTOR, 0, sent),
            // An orphan of TCP_LINGER2 below 0, and one that waited in vain for the FIN.
            (0, FIN_WAIT2, SHUT | NO_DESCRIPTOR | LINGER_ABORTS, 0, sent),
            (0, FIN_WAIT2, SHUT | NO_DESCRIPTOR, 0, None),
            // Or it took ETIMEDOUT: nobody knows.
            (0, FIN_WAIT1, SEND_SHUT | RETRYING, 0, None),
            (0, FIN_WAIT2, SEND_SHUT | RETRYING, 0, None),
            (0, ESTABLISHED, RETRYING, 0, None),
            // Orderly, with all read, and with something unread.
            (0, FIN_WAIT2, SHUT | PEER_FIN | NO_DESCRIPTOR, 0, None),
            (0, FIN_WAIT2, SEND_SHUT | RECEIVE_SHUT | PEER_FIN, 8, None),
            (0, FIN_WAIT2, thrown, 0, None),
            (0, LAST_ACK, SHUT | PEER_FIN | NO_DESCRIPTOR, 0, None),
            (0, CLOSING, SHUT | PEER_FIN | NO_DESCRIPTOR, 0, None),
            // No answer any more.
            (errno::ETIMEDOUT, ESTABLISHED, RETRYING, 0, None),
        ] {
            assert_eq!(
                reset(error, state_left, Some(Ending(bits)), unread),
                expected,
                "error {error}, state {state_left}, bits {bits:#x}, {unread} unread"
            );
        }
    }

    #[test]
    fn records_without_the_bits_tell_by_state() {
        for (state_left, expected) in [
            (ESTABLISHED, Some(Reset::Sent)),
            (FIN_WAIT1, Some(Reset::Sent)),
            (FIN_WAIT2, None),
            (LAST_ACK, None),
        ] {
            assert_eq!(reset(0, state_left, None, 0), expected);
        }
    }
}
