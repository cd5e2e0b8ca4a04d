// SPDX-License-Identifier: MIT
//! Yes, no, or not known: Kleene's logic, because a process's pod is not known before
//! somebody has looked, and a lifetime not before the end.

use std::ops::Not;

/// Whether something fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Decision {
    /// It does not, whatever is learned later.
    No,
    /// What was learned so far does not decide it.
    Unknown,
    /// It does, whatever is learned later.
    Yes,
}

impl Decision {
    /// Both.
    pub fn and(self, other: Self) -> Self {
        self.min(other)
    }

    /// Either.
    pub fn or(self, other: Self) -> Self {
        self.max(other)
    }

    /// Not known, where there is no value to test.
    pub fn of<T>(value: Option<T>, test: impl FnOnce(T) -> bool) -> Self {
        value.map_or(Self::Unknown, |value| test(value).into())
    }
}

/// The opposite; of what is not known, that is not known either.
impl Not for Decision {
    type Output = Self;

    fn not(self) -> Self {
        match self {
            Self::No => Self::Yes,
            Self::Unknown => Self::Unknown,
            Self::Yes => Self::No,
        }
    }
}

impl From<bool> for Decision {
    fn from(fits: bool) -> Self {
        match fits {
            true => Self::Yes,
            false => Self::No,
        }
    }
}
