// SPDX-License-Identifier: MIT
//! A file of settings, which may lie on a file system that does not answer: it is read by a process
//! of its own, when an agent begins and while it traces.

use std::{
    ffi::OsString,
    io::{self, ErrorKind, Read},
    path::Path,
    time::Duration,
};

use rustix::{
    fs::{Access, access},
    io::Errno,
};

use super::{helper::short::Question, proc::files};

/// Bytes of the largest file that is read.
const LARGEST: u64 = 1 << 20;
/// How long another process has for it.
const WITHIN: Duration = Duration::from_secs(5);
/// How an answer begins.
const READ: u8 = b'r';
const MISSING: u8 = b'm';
const WRONG: u8 = b'w';
const FAILED: u8 = b'f';

/// Reads it whole.
///
/// # Errors
///
/// It cannot be read; [`ErrorKind::InvalidInput`] where it is no regular file, or too large.
pub(crate) fn read(path: &Path) -> io::Result<Vec<u8>> {
    let file = files::opened_without_waiting(path)?;
    if !file.metadata().is_ok_and(|about| about.is_file()) {
        return Err(io::Error::new(ErrorKind::InvalidInput, "it is no file"));
    }
    let mut text = Vec::new();
    file.take(LARGEST + 1).read_to_end(&mut text)?;
    // What stands behind the limit would silently not hold.
    if text.len() as u64 > LARGEST {
        let why = format!("it is larger than {} MiB", LARGEST >> 20);
        return Err(io::Error::new(ErrorKind::InvalidInput, why));
    }
    Ok(text)
}

/// The same by another process, within some seconds.
///
/// # Errors
///
/// As [`read`], or it is not done by then.
pub(crate) fn read_in_time(path: &Path) -> io::Result<Vec<u8>> {
    understood(asked(Question::Settings, path)?)
}

fn understood(mut answer: Vec<u8>) -> io::Result<Vec<u8>> {
    let [kind, ..] = answer[..] else {
        return Err(has_ended());
    };
    answer.remove(0);
    let why = || String::from_utf8_lossy(&answer).into_owned();
    match kind {
        READ => Ok(answer),
        MISSING => Err(Errno::NOENT.into()),
        WRONG => Err(io::Error::new(ErrorKind::InvalidInput, why())),
        _ => Err(io::Error::other(why())),
    }
}

/// Whether this is a program that can be run.
pub(crate) fn is_program(path: &Path) -> bool {
    access(path, Access::EXEC_OK).is_ok() && path.is_file()
}

/// The same by another process, within some seconds.
///
/// # Errors
///
/// It is not done by then, or the other process ended without an answer.
pub(crate) fn is_program_in_time(path: &Path) -> io::Result<bool> {
    is_yes(&asked(Question::Program, path)?)
}

fn is_yes(answer: &[u8]) -> io::Result<bool> {
    match answer {
        [READ] => Ok(true),
        [MISSING] => Ok(false),
        _ => Err(has_ended()),
    }
}

/// It said nothing: it was killed, or ran out of memory.
fn has_ended() -> io::Error {
    let why = "the process that looks at it has ended without an answer";
    io::Error::new(ErrorKind::UnexpectedEof, why)
}

fn asked(question: Question, path: &Path) -> io::Result<Vec<u8>> {
    let answer = question.ask(&[path.into()], WITHIN);
    answer.map_err(not_asked)?.ok_or_else(|| {
        let why = format!(
            "there was no answer within {} s: its file system hangs, or this host is slow",
            WITHIN.as_secs()
        );
        io::Error::new(ErrorKind::TimedOut, why)
    })
}

/// That /proc is missing, where the process is started from, does not mean that the file is.
fn not_asked(error: io::Error) -> io::Error {
    match error.kind() {
        ErrorKind::NotFound => io::Error::other(format!(
            "the process that looks at it cannot be started from /proc/self/exe: {error}"
        )),
        _ => error,
    }
}

/// What the process says that reads it.
pub(super) fn answer(mut about: impl Iterator<Item = OsString>) -> Vec<u8> {
    let (kind, bytes) = match read(Path::new(&about.next().unwrap_or_default())) {
        Ok(text) => (READ, text),
        Err(error) => match error.kind() {
            ErrorKind::NotFound => (MISSING, Vec::new()),
            ErrorKind::InvalidInput => (WRONG, error.to_string().into_bytes()),
            _ => (FAILED, error.to_string().into_bytes()),
        },
    };
    [&[kind], &bytes[..]].concat()
}

/// What the process says that looks whether it is a program.
pub(super) fn answer_whether_program(mut about: impl Iterator<Item = OsString>) -> Vec<u8> {
    match is_program(Path::new(&about.next().unwrap_or_default())) {
        true => vec![READ],
        false => vec![MISSING],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_cannot_be_started_says_nothing_of_the_file() {
        assert_ne!(not_asked(Errno::NOENT.into()).kind(), ErrorKind::NotFound);
        assert_eq!(not_asked(Errno::AGAIN.into()).kind(), ErrorKind::WouldBlock);
    }

    #[test]
    fn what_another_process_says_is_what_it_read() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        std::fs::write(at("a"), "port = 4181\n").unwrap();
        std::fs::write(at("large"), "#\n".repeat(1 << 20)).unwrap();
        for name in ["a", "large", "none", "."] {
            let said = understood(answer([at(name).into()].into_iter()));
            let read = read(&at(name));
            match (said, read) {
                (Ok(said), Ok(read)) => assert_eq!(said, read),
                (Err(said), Err(read)) => assert_eq!(said.kind(), read.kind(), "{name}"),
                other => panic!("{name}: {other:?}"),
            }
        }
        let program = |path: &str| is_yes(&answer_whether_program([path.into()].into_iter()));
        assert!(program("/bin/sh").unwrap());
        assert!(!program("/bin").unwrap());
        assert!(!program("/no/such").unwrap());
    }

    #[test]
    fn a_process_that_ends_without_an_answer_has_not_said_no() {
        for said in [
            understood(Vec::new()).unwrap_err(),
            is_yes(&[]).unwrap_err(),
        ] {
            assert_eq!(said.kind(), ErrorKind::UnexpectedEof);
            assert!(said.to_string().contains("has ended"), "{said}");
        }
    }
}
