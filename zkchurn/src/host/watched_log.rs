// SPDX-License-Identifier: MIT
//! A log that is looked at again and again for lines: one that somebody has named, one that a
//! process has open, or what a container's engine keeps. To open it may hang: it belongs into a
//! helper (`host/helper`).

use std::{fs::File, io, path::PathBuf};

use serde::{Deserialize, Serialize};
use zkchurn_core::{inspection::LogFile, process::ProcessKey};

use super::{
    logs::{container, tail},
    others_links,
    proc::{files, identity, log_files},
};

/// Which log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum WatchedLog {
    /// By its path.
    Named(PathBuf),
    /// One that a process has open, by the path that the process sees.
    Open { process: ProcessKey, file: LogFile },
    /// Of the container with this id.
    Container(String),
}

/// A log that is open for reading.
pub(super) struct Opened {
    pub file: File,
    /// As it is to be asked for next.
    pub log: WatchedLog,
    /// Whether an engine of containers has put something around its lines.
    pub is_framed: bool,
}

/// Opens it without waiting.
///
/// # Errors
///
/// A clause: it cannot be opened, or is none that is watched.
pub(super) fn open(log: &WatchedLog) -> Result<Opened, String> {
    let (file, now) = match log {
        WatchedLog::Named(path) => (others_links::open(path)?, log.clone()),
        WatchedLog::Open { process, file } => {
            let (opened, file) = of_process(*process, file).map_err(|error| error.to_string())?;
            let process = *process;
            (opened, WatchedLog::Open { process, file })
        }
        WatchedLog::Container(id) => {
            let opened = container::open(id).map_err(|error| error.to_string())?;
            (opened, log.clone())
        }
    };
    Ok(Opened {
        file,
        log: now,
        is_framed: matches!(log, WatchedLog::Container(_)),
    })
}

/// The very file that the process writes to. After a rotation the process has it by another
/// descriptor as a rule, and is asked for all of them.
fn of_process(process: ProcessKey, file: &LogFile) -> io::Result<(File, LogFile)> {
    let opened = of_pid(process.pid, file)?;
    // Another one may have its pid by now, and a file of that path where it runs.
    match identity::is_there(process) {
        true => Ok(opened),
        false => Err(io::Error::other("its process has ended")),
    }
}

fn of_pid(pid: u32, file: &LogFile) -> io::Result<(File, LogFile)> {
    let error = match tail::open(pid, file) {
        Ok(opened) => return Ok((opened, file.clone())),
        Err(error) => error,
    };
    let found = log_files::read(&files::directory(pid)).files;
    let again = found.into_iter().find(|other| other.path == file.path);
    let again = again.ok_or(error)?;
    Ok((tail::open(pid, &again)?, again))
}

#[cfg(test)]
mod tests {
    use std::{fs, io::Write as _, os::fd::AsRawFd as _, path::Path};

    use super::*;
    use crate::host::new_lines::{NewLines, Request, look};

    fn appending(path: &Path) -> File {
        let mut options = File::options();
        options.append(true).create(true).open(path).unwrap()
    }

    #[test]
    fn the_log_of_a_process_is_read_through_its_descriptor_and_over_a_rotation() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("app.log");
        let mut log = appending(&path);
        writeln!(log, "Session expired long ago").unwrap();
        let mut request = Request {
            log: WatchedLog::Open {
                process: ProcessKey::new(std::process::id(), 0),
                file: LogFile {
                    fd: log.as_raw_fd().cast_unsigned(),
                    path: path.to_string_lossy().into_owned(),
                    deleted: false,
                    size: 0,
                    modified: None,
                },
            },
            words: vec!["Session expired".to_owned()],
            read: None,
        };
        let mut again = || {
            let NewLines { log, read, found } = look(&request)?;
            (request.log, request.read) = (log, Some(read));
            Ok::<_, String>(found.into_iter().map(|one| one.lines).sum::<u64>())
        };
        assert_eq!(again(), Ok(0), "it was there");
        writeln!(log, "Session expired").unwrap();
        assert_eq!(again(), Ok(1));
        // Nobody else's file by the same name is read.
        fs::rename(&path, directory.path().join("app.log.1")).unwrap();
        fs::write(&path, "Session expired, says somebody else\n").unwrap();
        again().unwrap_err();
        // The process goes on with a new one, by another descriptor.
        fs::remove_file(&path).unwrap();
        let mut rotated = appending(&path);
        assert_ne!(rotated.as_raw_fd(), log.as_raw_fd());
        writeln!(rotated, "Session expired\nSession expired").unwrap();
        assert_eq!(again(), Ok(2));
        writeln!(rotated, "Session expired").unwrap();
        assert_eq!(again(), Ok(1));
    }

    #[test]
    fn of_another_process_that_has_its_pid_by_now_nothing_is_read() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let of = |start_ns| WatchedLog::Open {
            process: ProcessKey::new(std::process::id(), start_ns),
            file: LogFile {
                fd: file.as_file().as_raw_fd().cast_unsigned(),
                path: file.path().to_string_lossy().into_owned(),
                deleted: false,
                size: 0,
                modified: None,
            },
        };
        assert!(open(&of(0)).is_ok(), "when it began is not known");
        let error = open(&of(10_000_000)).err();
        assert_eq!(error.as_deref(), Some("its process has ended"));
    }

    #[test]
    fn of_a_process_that_is_gone_and_a_container_without_a_log_nothing_is_read() {
        let file = LogFile {
            fd: 1,
            path: "/var/log/app.log".to_owned(),
            deleted: false,
            size: 0,
            modified: None,
        };
        // Above what Linux gives to any process (`PID_MAX_LIMIT`).
        let gone = WatchedLog::Open {
            process: ProcessKey::new(1 << 23, 0),
            file,
        };
        for log in [gone, WatchedLog::Container("4f0cbd6a31c0".to_owned())] {
            assert!(open(&log).is_err(), "{log:?}");
        }
    }
}
