// SPDX-License-Identifier: MIT
//! The helper that writes the recording: its file system may hang, and whoever waits for
//! that cannot be ended. It is given a path, bytes, and the order to finish; without that
//! order, as after the end of a trace that was killed, the file stays `FILE.partial`, unless there
//! is nothing in it.

use std::{
    ffi::OsString,
    fs::File,
    io::{self, ErrorKind, Seek, Write},
    os::unix::{ffi::OsStringExt, net::UnixStream},
    path::PathBuf,
};

use serde::{Deserialize, Serialize};

use super::wire::{receive_bytes, send};
use crate::host::{
    otlp::Progress,
    privilege::{held, needs},
    recording_file::{self, Unfinished},
};

/// First byte of a message to this helper: the path of the file follows.
pub(super) const CREATE: u8 = b'C';
/// Bytes of the recording follow.
pub(super) const DATA: u8 = b'D';
/// The recording is complete.
pub(super) const FINISH: u8 = b'F';

/// What the helper says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Said {
    /// The file is there.
    Created {
        /// Whether it was left to root, in a directory that is not the caller's.
        roots: bool,
    },
    /// It is not, and whether because a file has its name.
    NotCreated { exists: bool, error: String },
    /// It can no longer be written.
    Failed(String),
    /// Likewise, and so many bytes of it are there.
    Cut { error: String, bytes: u64 },
    /// A flight recorder writes nothing for now, and tries again by itself.
    Stopped(String),
    /// Likewise, until there is room again.
    Full(String),
    /// It writes again, and so many records are missing.
    Resumed { lost: u64 },
    /// These are in a flight recorder's directory, and not its own.
    Foreign(Vec<String>),
    /// What became of what was to be sent to a collector.
    Exported(Box<Progress>),
    /// It is complete and has its name.
    Finished,
    /// It is complete without its name, and whether it was removed or replaced.
    NotNamed { lost: bool, error: String },
}

/// Writes what it is given, until the other side ends.
pub(super) fn serve(mut socket: UnixStream) -> io::Result<()> {
    let mut bytes = Vec::new();
    let Some(path) = path(&mut socket, &mut bytes)? else {
        return Ok(());
    };
    let (file, unfinished) = match recording_file::create(&path) {
        Ok(created) => created,
        Err(error) => {
            let exists = error.kind() == ErrorKind::AlreadyExists;
            let error = error.to_string();
            return send(&mut socket, &Said::NotCreated { exists, error });
        }
    };
    let mut begun = Begun {
        file,
        unfinished: Some(unfinished),
        is_empty: true,
    };
    let written = begun.write_all(&mut socket, &mut bytes);
    // The trace has ended before it began, or before it had a report, or there was no room.
    if let (Some(unfinished), true) = (begun.unfinished, begun.is_empty) {
        unfinished.discard()?;
    }
    written
}

/// The path that a helper is given first; `None` where the other side has ended.
pub(super) fn path(socket: &mut UnixStream, bytes: &mut Vec<u8>) -> io::Result<Option<PathBuf>> {
    if !receive_bytes(socket, bytes)? {
        return Ok(None);
    }
    match &bytes[..] {
        [CREATE, path @ ..] => Ok(Some(OsString::from_vec(path.to_vec()).into())),
        _ => Err(ErrorKind::InvalidData.into()),
    }
}

/// A file that is there.
struct Begun {
    file: File,
    /// `None` once it has its name, or should have.
    unfinished: Option<Unfinished>,
    is_empty: bool,
}

impl Begun {
    /// Says that the file is there, and writes what comes until it is complete or the other side
    /// ends.
    fn write_all(&mut self, socket: &mut UnixStream, bytes: &mut Vec<u8>) -> io::Result<()> {
        held::keep_only(needs::KEPT_BY_RECORDER)?;
        let roots = self.unfinished.as_ref().is_some_and(Unfinished::is_roots);
        send(socket, &Said::Created { roots })?;
        let mut has_failed = false;
        while receive_bytes(socket, bytes)? {
            match &bytes[..] {
                [DATA, data @ ..] if !has_failed => {
                    if let Some(cut) = self.append(data) {
                        has_failed = true;
                        send(socket, &cut)?;
                    }
                }
                [FINISH] if !has_failed => {
                    let said = self.truncated().unwrap_or_else(|| self.finish());
                    return send(socket, &said);
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Writes it; what there is of the file, where that does not succeed.
    fn append(&mut self, data: &[u8]) -> Option<Said> {
        // What is written behind a hole nobody could read.
        if let Some(cut) = self.truncated() {
            return Some(cut);
        }
        let written = self.file.write_all(data);
        // The first part of the data may have found room.
        self.is_empty &= written.is_err() && length(&mut self.file) == 0;
        let error = written.err()?.to_string();
        let bytes = length(&mut self.file);
        Some(Said::Cut { error, bytes })
    }

    /// What is left of the file, where somebody else has shortened it.
    fn truncated(&mut self) -> Option<Said> {
        let bytes = self.file.metadata().ok()?.len();
        if bytes >= length(&mut self.file) {
            return None;
        }
        self.is_empty |= bytes == 0;
        Some(Said::Cut {
            error: "something else truncated it during the trace".to_owned(),
            bytes,
        })
    }

    fn finish(&mut self) -> Said {
        match self.unfinished.take().map(Unfinished::finish) {
            Some(Err(error)) => Said::NotNamed {
                lost: error.kind() == ErrorKind::NotFound,
                error: error.to_string(),
            },
            Some(Ok(())) | None => Said::Finished,
        }
    }
}

/// Bytes that were written to a file that was empty.
fn length(file: &mut File) -> u64 {
    file.stream_position().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{super::recording::message, *};

    /// Ctrl-C ends a trace while its helper creates the file.
    #[test]
    fn who_is_gone_as_the_file_is_created_leaves_none() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x.zkchurn");
        let (mut ours, theirs) = UnixStream::pair().unwrap();
        let order = message(CREATE, path.as_os_str().as_encoded_bytes());
        ours.write_all(&order).unwrap();
        drop(ours);
        // A thread of its own gives up its capabilities.
        let served = std::thread::spawn(move || serve(theirs)).join();
        assert!(served.unwrap().is_err(), "nobody takes the answer");
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
    }
}
