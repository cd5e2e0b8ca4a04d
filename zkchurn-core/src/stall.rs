// SPDX-License-Identifier: MIT
//! Why nothing of a connection got through any more, when the kernel gave it up.

use crate::traffic::Traffic;

/// What is known of why a connection broke. Whether packets were lost, and where, is not: also a
/// firewall or a queue of this host may have dropped them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stall {
    /// Nothing more was acknowledged, or no answer to keepalive probes got through.
    Silent,
    /// Data had to wait here, while all that was sent had been acknowledged: the peer's window was
    /// full, or this host let nothing out. The peer may have answered each probe of the window:
    /// TCP_USER_TIMEOUT ends such a connection all the same (net/ipv4/tcp_timer.c,
    /// `tcp_probe_timer`).
    NothingOut,
    /// One of both.
    Unclear,
}

impl Stall {
    /// By what the kernel counted at the end. Data that was sent and not acknowledged is sent
    /// again. Where data waited and nothing was sent again, all that was sent had been
    /// acknowledged.
    pub fn of(traffic: &Traffic) -> Self {
        match (traffic.unsent, traffic.retransmits) {
            (Some(0), _) => Self::Silent,
            (Some(_), Some(0)) => Self::NothingOut,
            _ => Self::Unclear,
        }
    }

    /// Why, behind "as".
    pub const fn words(self) -> &'static str {
        match self {
            Self::Silent => "no answer of the peer got through any more",
            Self::NothingOut => {
                "data waited here: the peer took no more, or this host let none out"
            }
            Self::Unclear => "no answer of the peer got through any more, or data waited here",
        }
    }

    /// One sentence on the connection.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Silent => "The connection broke: no answer of the peer got through any more.",
            Self::NothingOut => {
                "The connection broke: data waited here and was never sent. The peer took no more, or this \
                 host let none out."
            }
            Self::Unclear => {
                "The connection broke: no answer of the peer got through any more, or data waited here \
                 and was never sent."
            }
        }
    }
}

/// Broken connections by why nothing got through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stalls {
    /// Those of [`Stall::Silent`].
    pub silent: u64,
    /// Those of [`Stall::NothingOut`].
    pub nothing_out: u64,
    /// Those of [`Stall::Unclear`].
    pub unclear: u64,
}

impl Stalls {
    /// Counts one more.
    pub fn add(&mut self, stall: Stall) {
        match stall {
            Stall::Silent => self.silent += 1,
            Stall::NothingOut => self.nothing_out += 1,
            Stall::Unclear => self.unclear += 1,
        }
    }

    /// Adds those of other connections.
    pub fn absorb(&mut self, other: Self) {
        self.silent += other.silent;
        self.nothing_out += other.nothing_out;
        self.unclear += other.unclear;
    }

    /// What is true of all.
    pub const fn of_all(self) -> Stall {
        match (self.silent, self.nothing_out, self.unclear) {
            (_, 0, 0) => Stall::Silent,
            (0, _, 0) => Stall::NothingOut,
            _ => Stall::Unclear,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counted at the end of connections that TCP_USER_TIMEOUT or keepalive ended.
    #[test]
    fn a_full_window_is_told_from_silence() {
        for (unsent, retransmits, expected) in [
            // The peer does not read; it dies meanwhile.
            (Some(2_803_712), Some(0), Stall::NothingOut),
            // Its host is gone: while data is sent, with more waiting, and idle.
            (Some(0), Some(3), Stall::Silent),
            (Some(3_800_972), Some(4), Stall::Unclear),
            (Some(0), Some(0), Stall::Silent),
            // Kernels that do not tell.
            (None, Some(0), Stall::Unclear),
            (Some(9), None, Stall::Unclear),
        ] {
            let traffic = Traffic {
                unsent,
                retransmits,
                ..Traffic::default()
            };
            assert_eq!(Stall::of(&traffic), expected, "{unsent:?} {retransmits:?}");
        }
    }

    #[test]
    fn of_several_only_what_all_have_in_common_is_said() {
        let mut stalls = Stalls::default();
        stalls.add(Stall::NothingOut);
        assert_eq!(stalls.of_all(), Stall::NothingOut);
        let mut other = Stalls::default();
        other.add(Stall::Silent);
        stalls.absorb(other);
        assert_eq!(stalls.of_all(), Stall::Unclear);
    }
}
