// SPDX-License-Identifier: MIT
//! Exit codes. They are part of the interface; README.md lists them.

use std::{io, process};

use zkchurn_core::doctor::{Check, State};

/// How a run of zkchurn ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Code {
    /// The report was made; also when the reader of the output went away.
    Success = 0,
    /// Something failed that has no code of its own.
    Failure = 1,
    /// The command line is wrong (the code that clap uses).
    Usage = 2,
    /// A privilege is missing.
    NotPermitted = 3,
    /// The kernel lacks something that tracing needs.
    Unsupported = 4,
    /// A recording or a gzip file is damaged, or reading it was stopped; what was read is
    /// reported.
    Damaged = 5,
    /// A file cannot be read.
    Unreadable = 6,
    /// A file cannot be written; what was traced is reported.
    Unwritable = 7,
    /// A log is no ZooKeeper server's, its layout is not understood, or no line of it is in the
    /// range that was asked for; or two recordings have nothing to compare.
    NotUnderstood = 8,
    /// No finding is as `--expect` says.
    NotAsExpected = 9,
    /// Something is as `--fail-on` says.
    Changed = 10,
}

impl Code {
    /// The code that a trace ends with before it begins, where these checks forbid it.
    pub fn of_checks(checks: &[Check]) -> Self {
        let any = |state| checks.iter().any(|check| check.state == state);
        if any(State::Unsupported) {
            Self::Unsupported
        } else if any(State::NotPermitted) {
            Self::NotPermitted
        } else {
            Self::Success
        }
    }
}

impl From<Code> for process::ExitCode {
    fn from(code: Code) -> Self {
        Self::from(code as u8)
    }
}

/// An error with the exit code that belongs to it.
#[derive(Debug)]
pub(crate) struct Failure {
    /// The exit code.
    pub code: Code,
    /// What went wrong, with the fix.
    pub error: anyhow::Error,
}

impl Failure {
    /// An error that ends the run with `code`.
    pub(crate) fn new(code: Code, error: impl Into<anyhow::Error>) -> Self {
        Self {
            code,
            error: error.into(),
        }
    }

    /// An error that is a sentence.
    pub(crate) fn sentence(code: Code, sentence: impl Into<String>) -> Self {
        Self::new(code, anyhow::Error::msg(sentence.into()))
    }
}

/// Output that failed: a closed pipe means that the reader has seen enough.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        let code = match error.kind() {
            io::ErrorKind::BrokenPipe => Code::Success,
            _ => Code::Unwritable,
        };
        Self::new(
            code,
            anyhow::Error::new(error).context("the output cannot be written"),
        )
    }
}
