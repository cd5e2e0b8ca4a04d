// SPDX-License-Identifier: MIT
//! The kernel's TCP states, and what a change of state means.
//!
//! Numbers from include/net/tcp_states.h; they are exported through BPF
//! (`BPF_TCP_*`) and cannot change.

/// `TCP_ESTABLISHED`
pub const ESTABLISHED: u8 = 1;
/// `TCP_SYN_SENT`
pub const SYN_SENT: u8 = 2;
/// `TCP_SYN_RECV`
pub const SYN_RECV: u8 = 3;
/// `TCP_FIN_WAIT1`
pub const FIN_WAIT1: u8 = 4;
/// `TCP_FIN_WAIT2`
pub const FIN_WAIT2: u8 = 5;
/// `TCP_CLOSE`
pub const CLOSE: u8 = 7;
/// `TCP_CLOSE_WAIT`
pub const CLOSE_WAIT: u8 = 8;
/// `TCP_LAST_ACK`
pub const LAST_ACK: u8 = 9;
/// `TCP_LISTEN`
pub const LISTEN: u8 = 10;
/// `TCP_CLOSING`
pub const CLOSING: u8 = 11;

/// The bit of a state in a record's set of visited states.
#[inline(always)]
pub const fn bit(state: u8) -> u16 {
    1 << (state & 15)
}

/// What a change of state says about the life of a connection.
///
/// The kernel program has one handler for each of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transition {
    /// CLOSE to SYN_SENT, in the connecting thread: `tcp_connect`. The source
    /// port is not chosen yet.
    Connect,
    /// To ESTABLISHED, in softirq: `tcp_finish_connect` on the opening side,
    /// `tcp_rcv_state_process` on the accepting side.
    Established,
    /// To FIN_WAIT1 in the closing thread, before the peer's FIN:
    /// `tcp_close` or `tcp_shutdown`.
    ActiveClose,
    /// ESTABLISHED to CLOSE_WAIT in softirq: the peer's FIN came first (`tcp_fin`).
    PeerClose,
    /// CLOSE_WAIT to LAST_ACK in the closing thread, after the peer's FIN:
    /// `tcp_close` or `tcp_shutdown`.
    PassiveClose,
    /// To CLOSE from a state of a connection: its end.
    End,
    /// Nothing that zkchurn records: listening, the last steps of an orderly
    /// close, and FIN_WAIT1 to itself (shutdown, then close).
    Uninteresting,
}

impl Transition {
    /// Classifies the change from `old` to `new`.
    #[inline(always)]
    pub const fn of(old: u8, new: u8) -> Self {
        match (old, new) {
            (_, SYN_SENT) => Self::Connect,
            (_, ESTABLISHED) => Self::Established,
            (FIN_WAIT1, FIN_WAIT1) => Self::Uninteresting,
            (_, FIN_WAIT1) => Self::ActiveClose,
            (_, CLOSE_WAIT) => Self::PeerClose,
            (_, LAST_ACK) => Self::PassiveClose,
            (LISTEN | CLOSE, CLOSE) => Self::Uninteresting,
            (_, CLOSE) => Self::End,
            _ => Self::Uninteresting,
        }
    }
}

/// The state's name as the kernel, `ss` and RFC 9293 write it.
pub const fn name(state: u8) -> &'static str {
    match state {
        ESTABLISHED => "ESTABLISHED",
        SYN_SENT => "SYN_SENT",
        SYN_RECV => "SYN_RECV",
        FIN_WAIT1 => "FIN_WAIT1",
        FIN_WAIT2 => "FIN_WAIT2",
        CLOSE => "CLOSE",
        CLOSE_WAIT => "CLOSE_WAIT",
        LAST_ACK => "LAST_ACK",
        LISTEN => "LISTEN",
        CLOSING => "CLOSING",
        _ => "UNKNOWN",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classifies_the_lives_of_incident_probe_and_refusal() {
        use Transition::*;
        let lives: [(&[u8], &[Transition]); 4] = [
            (
                &[
                    CLOSE,
                    SYN_SENT,
                    ESTABLISHED,
                    FIN_WAIT1,
                    FIN_WAIT1,
                    FIN_WAIT2,
                    CLOSE,
                ],
                &[
                    Connect,
                    Established,
                    ActiveClose,
                    Uninteresting,
                    Uninteresting,
                    End,
                ],
            ),
            (
                &[CLOSE, SYN_SENT, ESTABLISHED, CLOSE_WAIT, LAST_ACK, CLOSE],
                &[Connect, Established, PeerClose, PassiveClose, End],
            ),
            (&[CLOSE, SYN_SENT, CLOSE], &[Connect, End]),
            (&[CLOSE, LISTEN, CLOSE], &[Uninteresting, Uninteresting]),
        ];
        for (states, expected) in lives {
            let seen: [Transition; 6] = core::array::from_fn(|step| {
                states
                    .get(step + 1)
                    .map_or(Uninteresting, |new| Transition::of(states[step], *new))
            });
            assert_eq!(&seen[..expected.len()], expected);
        }
    }
}
