// SPDX-License-Identifier: MIT
//! Frames without the secrets that an earlier version has recorded, and this one hides.

use super::Frame;
use crate::decode::names;

impl Frame<'_> {
    /// Hands it to `take` with what is secret hidden in names, paths and sentences.
    pub fn without_secrets<T>(self, take: impl FnOnce(Frame<'_>) -> T) -> T {
        match self {
            Self::Record(record) => {
                let hidden = names::without_secrets(record);
                take(Frame::Record(hidden.as_deref().unwrap_or(record)))
            }
            Self::Process(process) => {
                let mut process = process.clone();
                process.hide_secrets();
                take(Frame::Process(&process))
            }
            Self::Inspection(inspection) => {
                let mut inspection = inspection.clone();
                inspection.hide_secrets();
                take(Frame::Inspection(&inspection))
            }
            frame => take(frame),
        }
    }
}
