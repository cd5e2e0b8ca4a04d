// SPDX-License-Identifier: MIT
//! Kinds of ends that a picture tells apart, by colour and by shape: some readers see no
//! colours, and paper may have none.

use serde::{Deserialize, Serialize};

use crate::outcome::Outcome;

/// How a connection ended, as far as a picture shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Look {
    Failed,
    Reset,
    ClosedByUs,
    ClosedByPeer,
    Answered,
    Closed,
    Open,
}

impl Look {
    /// Worst first.
    pub(super) const ALL: [Self; 7] = [
        Self::Failed,
        Self::Reset,
        Self::ClosedByUs,
        Self::ClosedByPeer,
        Self::Answered,
        Self::Closed,
        Self::Open,
    ];

    pub(super) fn of(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Refused
            | Outcome::TimedOut
            | Outcome::Unreachable
            | Outcome::GivenUp
            | Outcome::NoLocalPort
            | Outcome::LocalAddressInUse
            | Outcome::NeverSent
            | Outcome::ConnectFailed => Self::Failed,
            Outcome::ResetByPeer | Outcome::ResetByUs | Outcome::Aborted | Outcome::Broken => {
                Self::Reset
            }
            Outcome::ClosedByUsBeforeAnyByte | Outcome::ClosedByUsWithoutAnswer => Self::ClosedByUs,
            Outcome::ClosedByPeerBeforeAnyByte | Outcome::ClosedByPeerWithoutAnswer => {
                Self::ClosedByPeer
            }
            Outcome::AnsweredThenClosedByUs | Outcome::AnsweredThenClosedByPeer => Self::Answered,
            Outcome::ClosedByUs | Outcome::ClosedByPeer => Self::Closed,
            Outcome::StillOpen | Outcome::Unknown => Self::Open,
        }
    }

    /// The class that gives it its colour.
    pub(super) const fn class(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Reset => "reset",
            Self::ClosedByUs => "us",
            Self::ClosedByPeer => "peer",
            Self::Answered => "answered",
            // The grey of what is not known, in a shape of its own.
            Self::Closed | Self::Open => "open",
        }
    }

    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Failed => "never established",
            Self::Reset => "reset or broken",
            Self::ClosedByUs => "closed by us without an answer",
            Self::ClosedByPeer => "closed by the peer without an answer",
            Self::Answered => "answered, then closed",
            Self::Closed => "closed, byte counts unknown",
            Self::Open => "open, or end unknown",
        }
    }

    /// The path of its shape around a point, 10 units wide.
    pub(super) fn shape(self, x: f64, y: f64) -> String {
        let at = |parts: &[(&str, f64, f64)]| {
            let parts = parts.iter();
            let parts = parts.map(|(step, dx, dy)| format!("{step}{:.1} {:.1}", x + dx, y + dy));
            parts.collect::<String>()
        };
        match self {
            // A cross, a triangle, a diamond, a square, a dash, a disc and a ring.
            Self::Failed => at(&[
                ("M", -4.0, -4.0),
                ("L", 4.0, 4.0),
                ("M", 4.0, -4.0),
                ("L", -4.0, 4.0),
            ]),
            Self::Reset => at(&[("M", 0.0, -5.0), ("L", 5.0, 4.0), ("L", -5.0, 4.0)]) + "Z",
            Self::ClosedByUs => {
                at(&[
                    ("M", 0.0, -5.5),
                    ("L", 5.5, 0.0),
                    ("L", 0.0, 5.5),
                    ("L", -5.5, 0.0),
                ]) + "Z"
            }
            Self::ClosedByPeer => {
                at(&[
                    ("M", -4.0, -4.0),
                    ("L", 4.0, -4.0),
                    ("L", 4.0, 4.0),
                    ("L", -4.0, 4.0),
                ]) + "Z"
            }
            Self::Closed => at(&[("M", -4.5, 0.0), ("L", 4.5, 0.0)]),
            Self::Answered | Self::Open => {
                let start = format!("M{:.1} {y:.1}", x - 4.5);
                start + "a4.5 4.5 0 1 0 9 0a4.5 4.5 0 1 0 -9 0"
            }
        }
    }
}
