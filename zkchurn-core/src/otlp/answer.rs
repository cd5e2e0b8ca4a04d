// SPDX-License-Identifier: MIT
//! What a collector answers, as hostile bytes. Which statuses are tried again is laid down by the
//! OTLP specification (Failures of OTLP/HTTP).

use prost::Message;

use super::message::{Response, Status};
use crate::text;

/// Bytes of an answer that are worth reading.
pub const MOST_READ: usize = 64 * 1024;
/// Bytes of what a collector says that are shown.
const SHOWN: usize = 200;

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The collector has it, but for `rejected` of its records, and says why.
    Taken { rejected: u64, why: Option<String> },
    /// It may take it later.
    Later { why: String },
    /// It does not take it, now or later.
    Refused { why: String },
    /// Likewise, as it has nothing for such requests at all: a collector may be set up for events
    /// alone.
    Absent { why: String },
}

impl Answer {
    /// What a status and a body of at most [`MOST_READ`] bytes say to a request of so many
    /// records.
    pub fn of(status: u16, body: &[u8], records: u64) -> Self {
        match status {
            200..=299 => Self::taken(body, records),
            429 | 502 | 503 | 504 => Self::Later {
                why: words(status, body),
            },
            404 => Self::Absent {
                why: words(status, body),
            },
            _ => Self::Refused {
                why: words(status, body),
            },
        }
    }

    /// What is no message says nothing against the records.
    fn taken(body: &[u8], records: u64) -> Self {
        let response = Response::decode(body).unwrap_or_default();
        let partial = response.partial_success.unwrap_or_default();
        // Nobody can reject more than there were.
        let rejected = u64::try_from(partial.rejected).unwrap_or(0).min(records);
        let why = shown(&partial.error_message);
        Self::Taken { rejected, why }
    }
}

fn words(status: u16, body: &[u8]) -> String {
    let said = Status::decode(body).ok();
    let said = said.and_then(|status| shown(&status.message));
    match said {
        Some(said) => format!("it answers {status}: {said}"),
        None => format!("it answers {status}"),
    }
}

fn shown(message: &str) -> Option<String> {
    let printable = text::printable(text::clip(message.trim(), SHOWN).as_bytes());
    (!printable.is_empty()).then_some(printable)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::otlp::message::PartialSuccess;

    fn partial(rejected: i64, why: &str) -> Vec<u8> {
        let partial_success = PartialSuccess {
            rejected,
            error_message: why.to_owned(),
        };
        Response {
            partial_success: Some(partial_success),
        }
        .encode_to_vec()
    }

    #[test]
    fn what_is_rejected_is_counted_and_no_lie_is_believed() {
        let taken = |rejected, why: &str| Answer::Taken {
            rejected,
            why: (!why.is_empty()).then(|| why.to_owned()),
        };
        for (body, answer) in [
            (Vec::new(), taken(0, "")),
            (partial(0, ""), taken(0, "")),
            (partial(0, "slow down"), taken(0, "slow down")),
            (partial(3, "too old"), taken(3, "too old")),
            (partial(i64::MAX, "\u{1b}[2J"), taken(10, "\\u{1b}[2J")),
            (partial(-5, ""), taken(0, "")),
            (b"<html>".to_vec(), taken(0, "")),
        ] {
            assert_eq!(Answer::of(200, &body, 10), answer, "{body:?}");
        }
    }

    #[test]
    fn the_statuses_of_the_specification_are_tried_again_and_no_other() {
        for status in 100..600 {
            let is_later = matches!(Answer::of(status, b"", 1), Answer::Later { .. });
            let is_taken = matches!(Answer::of(status, b"", 1), Answer::Taken { .. });
            assert_eq!(is_later, [429, 502, 503, 504].contains(&status), "{status}");
            assert_eq!(is_taken, (200..300).contains(&status), "{status}");
            let is_absent = matches!(Answer::of(status, b"", 1), Answer::Absent { .. });
            assert_eq!(is_absent, status == 404, "{status}");
        }
        let said = Status {
            message: "no \u{7}bell".to_owned(),
        };
        let answer = Answer::of(400, &said.encode_to_vec(), 1);
        let why = "it answers 400: no \\u{7}bell".to_owned();
        assert_eq!(answer, Answer::Refused { why });
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_harm(
            status in 0_u16..1_000,
            body in prop::collection::vec(any::<u8>(), 0..300),
            records in any::<u64>(),
        ) {
            match Answer::of(status, &body, records) {
                Answer::Taken { rejected, why } => {
                    prop_assert!(rejected <= records);
                    let why = why.unwrap_or_default();
                    prop_assert!(!why.chars().any(char::is_control));
                }
                Answer::Later { why } | Answer::Refused { why } | Answer::Absent { why } => {
                    prop_assert!(!why.chars().any(char::is_control) && why.len() < 5 * SHOWN);
                }
            }
        }
    }
}
