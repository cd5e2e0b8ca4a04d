// SPDX-License-Identifier: MIT
//! The helper that writes what a person asks for while the full-screen view goes on. It waits
//! for that with no rights but those of the user who called sudo, and with no capability: what
//! it makes belongs to that user, where that user could have made it.

use std::{
    fs::File,
    io::{self, ErrorKind, Write},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
};

use rustix::{
    process::{Gid, Uid, geteuid},
    thread::{
        CapabilitySet, capabilities, set_thread_groups, set_thread_res_gid, set_thread_res_uid,
    },
};
use serde::{Deserialize, Serialize};

use super::{
    recorder::{DATA, FINISH, path},
    wire::{receive_bytes, send},
};
use crate::host::{
    privilege::{held, needs::Kept},
    recording_file::{self, Unfinished},
};

/// Names that are tried for one file.
const MOST_NAMES: u32 = 100;

/// What became of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Written {
    /// What it is called: the name that was asked for, or one with a number.
    pub path: PathBuf,
    /// Why it was not written, if so.
    pub error: Option<String>,
}

/// Writes one file after the other, until the other side ends.
pub(super) fn serve(mut socket: UnixStream) -> io::Result<()> {
    become_caller()?;
    held::keep_only(Kept::NOTHING)?;
    let mut bytes = Vec::new();
    while let Some(path) = path(&mut socket, &mut bytes)? {
        let written = match create(&path) {
            Ok((path, file, unfinished)) => {
                let error = write(&mut socket, file, unfinished, &mut bytes)?;
                Written { path, error }
            }
            Err(error) => {
                skip(&mut socket, &mut bytes)?;
                let error = Some(error.to_string());
                Written { path, error }
            }
        };
        send(&mut socket, &written)?;
    }
    Ok(())
}

/// Where that cannot be done, as beside `live FILE`, which has given everything up, what is
/// written stays root's, as of `zkchurn report`.
///
/// In Linux credentials belong to a thread; there is this one only. Groups first: once the
/// user is changed, it may no longer change groups.
fn become_caller() -> io::Result<()> {
    const TAKES: CapabilitySet = CapabilitySet::SETUID.union(CapabilitySet::SETGID);
    let Some((uid, gid)) = recording_file::caller().filter(|_| geteuid().is_root()) else {
        return Ok(());
    };
    if !capabilities(None)?.permitted.contains(TAKES) {
        return Ok(());
    }
    let (uid, gid) = (Uid::from_raw(uid), Gid::from_raw(gid));
    held::raise(TAKES)?;
    set_thread_groups(&[])?;
    set_thread_res_gid(gid, gid, gid)?;
    set_thread_res_uid(uid, uid, uid)?;
    Ok(())
}

/// Creates a file of this name, or of one with a number where that is taken.
fn create(path: &Path) -> io::Result<(PathBuf, File, Unfinished)> {
    let mut taken = io::Error::from(ErrorKind::AlreadyExists);
    for number in 1..=MOST_NAMES {
        let path = numbered(path, number);
        match recording_file::create(&path) {
            Ok((file, unfinished)) => return Ok((path, file, unfinished)),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => taken = error,
            Err(error) => return Err(error),
        }
    }
    Err(taken)
}

/// `page.html`, `page-2.html`, …
fn numbered(path: &Path, number: u32) -> PathBuf {
    if number == 1 {
        return path.to_owned();
    }
    let mut name = path.file_stem().unwrap_or_default().to_owned();
    name.push(format!("-{number}"));
    if let Some(extension) = path.extension() {
        name.push(".");
        name.push(extension);
    }
    path.with_file_name(name)
}

/// Writes what comes up to the order to finish; why that did not succeed, if so.
fn write(
    socket: &mut UnixStream,
    mut file: File,
    unfinished: Unfinished,
    bytes: &mut Vec<u8>,
) -> io::Result<Option<String>> {
    while receive_bytes(socket, bytes)? {
        match &bytes[..] {
            [DATA, data @ ..] => {
                if let Err(error) = file.write_all(data) {
                    // A part of a page is of no use.
                    let _ = unfinished.discard();
                    skip(socket, bytes)?;
                    return Ok(Some(error.to_string()));
                }
            }
            [FINISH] => return Ok(unfinished.finish().err().map(|error| error.to_string())),
            _ => return Err(ErrorKind::InvalidData.into()),
        }
    }
    // The trace was killed.
    let _ = unfinished.discard();
    Err(ErrorKind::UnexpectedEof.into())
}

/// Passes by what comes up to the order to finish.
fn skip(socket: &mut UnixStream, bytes: &mut Vec<u8>) -> io::Result<()> {
    while receive_bytes(socket, bytes)? {
        if let [FINISH] = &bytes[..] {
            return Ok(());
        }
    }
    Err(ErrorKind::UnexpectedEof.into())
}
