// SPDX-License-Identifier: MIT
//! How much a record wants to be seen (`SeverityNumber` of the logs data model).

/// The first of each range of four.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Severity {
    Info = 9,
    Warn = 13,
    Error = 17,
}

impl Severity {
    pub(super) const fn number(self) -> i32 {
        self as i32
    }

    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Info => "INFO",
            Self::Warn => "WARN",
            Self::Error => "ERROR",
        }
    }
}
