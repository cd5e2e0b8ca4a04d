// SPDX-License-Identifier: MIT
//! Why nothing of a connection got through any more, when the kernel gave it up.

use crate::traffic::Traffic;

/// What the peer of a broken connection no longer did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stall {
    /// It acknowledged nothing more, or did not answer keepalive probes.
    Silent,
    /// Its window was full, so data had to wait here. It may have answered each probe of the
    /// window: TCP_USER_TIMEOUT ends such a connection all the same (net/ipv4/tcp_timer.c,
    /// `tcp_probe_timer`).
    TookNoMore,
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
            (Some(_), Some(0)) => Self::TookNoMore,
            _ => Self::Unclear,
        }
    }

    /// What the peer did, behind "the peer".
    pub const fn words(self) -> &'static str {
        match self {
            Self::Silent => "stopped answering",
            Self::TookNoMore => "took no more data",
            Self::Unclear => "stopped answering, or took no more data",
        }
    }

    /// One sentence on the connection.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Silent => "The connection broke: the peer stopped answering.",
            Self::TookNoMore => {
                "The connection broke: the peer took no more data. It did not read, or was gone."
            }
            Self::Unclear => {
                "The connection broke: the peer stopped answering, or took no more data."
            }
        }
    }
}

/// Broken connections by why nothing got through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stalls {
    /// Those of [`Stall::Silent`].
    pub silent: u64,
    /// Those of [`Stall::TookNoMore`].
    pub took_no_more: u64,
    /// Those of [`Stall::Unclear`].
    pub unclear: u64,
}

impl Stalls {
    /// Counts one more.
    pub fn add(&mut self, stall: Stall) {
        match stall {
            Stall::Silent => self.silent += 1,
            Stall::TookNoMore => self.took_no_more += 1,
            Stall::Unclear => self.unclear += 1,
        }
    }

    /// Adds those of other connections.
    pub fn absorb(&mut self, other: Self) {
        self.silent += other.silent;
        self.took_no_more += other.took_no_more;
        self.unclear += other.unclear;
    }

    /// What is true of all.
    pub const fn of_all(self) -> Stall {
        match (self.silent, self.took_no_more, self.unclear) {
            (_, 0, 0) => Stall::Silent,
            (0, _, 0) => Stall::TookNoMore,
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
            (Some(2_803_712), Some(0), Stall::TookNoMore),
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
        stalls.add(Stall::TookNoMore);
        assert_eq!(stalls.of_all(), Stall::TookNoMore);
        let mut other = Stalls::default();
        other.add(Stall::Silent);
        stalls.absorb(other);
        assert_eq!(stalls.of_all(), Stall::Unclear);
    }
}
