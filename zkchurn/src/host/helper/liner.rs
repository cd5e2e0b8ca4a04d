// SPDX-License-Identifier: MIT
//! The helper that writes lines to files which somebody collects: their file system may hang, or
//! be full. It is given the directory and its limits, then lines, and at last the order to
//! finish. What it cannot write is counted, and it tries again with what comes next.

use std::{
    io::{self, ErrorKind},
    os::unix::net::UnixStream,
    path::PathBuf,
};

use rustix::thread::CapabilitySet;
use serde::{Deserialize, Serialize};

use super::{
    recorder::{DATA, FINISH, Said},
    wire::{receive_bytes, send},
};
use crate::host::{
    line_files::{Limits, LineFiles},
    privilege::{held, needs},
};

/// First byte of a message to this helper: [`Lines`] follow.
pub(super) const LINES: u8 = b'L';

/// Where lines go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lines {
    pub directory: PathBuf,
    pub limits: Limits,
}

/// Writes what it is given, until the other side ends.
pub(super) fn serve(mut socket: UnixStream) -> io::Result<()> {
    let mut bytes = Vec::new();
    if !receive_bytes(&mut socket, &mut bytes)? {
        return Ok(());
    }
    let lines: Lines = match &bytes[..] {
        [LINES, lines @ ..] => serde_json::from_slice(lines)?,
        _ => return Err(ErrorKind::InvalidData.into()),
    };
    let mut writer = match opened(&lines) {
        Ok(files) => Writer::new(files),
        Err(error) => {
            let exists = false;
            let error = error.to_string();
            return send(&mut socket, &Said::NotCreated { exists, error });
        }
    };
    send(&mut socket, &Said::Created { roots: false })?;
    while receive_bytes(&mut socket, &mut bytes)? {
        match &bytes[..] {
            [DATA, data @ ..] => {
                if let Some(said) = writer.take(data) {
                    send(&mut socket, &said)?;
                }
            }
            [FINISH] => {
                let said = writer.finish();
                return send(&mut socket, &said);
            }
            _ => {}
        }
    }
    // The trace was killed: what came is complete.
    writer.files.end()
}

/// Opens the directory, and gives up what was needed for that.
fn opened(lines: &Lines) -> io::Result<LineFiles> {
    let files = LineFiles::open(&lines.directory, lines.limits)?;
    held::keep_only(needs::KEPT_BY_RECORDER)?;
    Ok(files)
}

/// Cuts what comes into whole lines, and counts those that could not be written.
struct Writer {
    files: LineFiles,
    /// The beginning of a line whose end has not come.
    begun: Vec<u8>,
    lost: u64,
}

impl Writer {
    fn new(files: LineFiles) -> Self {
        Self {
            files,
            begun: Vec::new(),
            lost: 0,
        }
    }

    /// Writes what is whole; what is new about that.
    fn take(&mut self, data: &[u8]) -> Option<Said> {
        self.begun.extend_from_slice(data);
        let end = 1 + self.begun.iter().rposition(|byte| *byte == b'\n')?;
        let rest = self.begun.split_off(end);
        let lines = std::mem::replace(&mut self.begun, rest);
        // Its directory may be one that root alone writes to.
        let written = held::with(CapabilitySet::DAC_OVERRIDE, || self.files.append(&lines));
        match written.flatten() {
            Ok(()) if self.lost == 0 => None,
            Ok(()) => Some(Said::Resumed {
                lost: std::mem::take(&mut self.lost),
            }),
            Err(error) => {
                let is_news = self.lost == 0;
                let lines = lines.iter().filter(|byte| **byte == b'\n');
                self.lost += lines.count() as u64;
                is_news.then(|| Said::Stopped(error.to_string()))
            }
        }
    }

    fn finish(&mut self) -> Said {
        let ended = held::with(CapabilitySet::DAC_OVERRIDE, || self.files.end());
        match (ended.flatten(), self.lost) {
            (Ok(()), 0) => Said::Finished,
            (Ok(()), lost) => Said::Resumed { lost },
            (Err(error), _) => Said::Failed(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn lines_that_cannot_be_written_are_counted_and_the_next_ones_are_written() {
        let directory = tempfile::tempdir().unwrap();
        let limits = Limits {
            bytes: 16 * 4096,
            files: 100,
            file_age: Duration::from_secs(3600),
        };
        let files = LineFiles::open(directory.path(), limits).unwrap();
        let mut writer = Writer::new(files);
        assert_eq!(writer.take(b"one\ntw"), None);
        // More than the whole directory may hold.
        let many = [b"o\n".to_vec(), vec![b'\n'; 40 * 4096]].concat();
        let said = writer.take(&many);
        assert!(matches!(said, Some(Said::Stopped(_))), "{said:?}");
        assert_eq!(writer.take(&many), None, "it is said once");
        let lost = 2 * (1 + 40 * 4096);
        assert_eq!(writer.take(b"three\n"), Some(Said::Resumed { lost }));
        assert_eq!(writer.take(b"half"), None);
        assert_eq!(writer.finish(), Said::Finished);
        let mut entries = std::fs::read_dir(directory.path()).unwrap();
        let path = entries.next().unwrap().unwrap().path();
        assert_eq!(std::fs::read_to_string(path).unwrap(), "one\nthree\n");
    }
}
