// SPDX-License-Identifier: MIT
//! What became of one log file.

use serde::Serialize;

use super::{moment::Moment, reading::Reading};

/// What happened to one file.
#[derive(Clone, Debug, Serialize)]
pub struct FileNote {
    /// Its name as it was given, made printable.
    pub name: String,
    /// Bytes that were read, unpacked.
    pub bytes: u64,
    /// Lines that were too long.
    pub cut: u64,
    pub first: Option<Moment>,
    /// Whose log it is.
    pub reading: Reading,
    /// Why it could not be read to its end.
    pub error: Option<String>,
}
