// SPDX-License-Identifier: MIT
//! Walking `/proc` by file descriptors: one that is open on a process's
//! directory never shows another process, even when the pid is reused.

use std::{
    io::{self, Read},
    os::fd::{AsFd, OwnedFd},
};

use rustix::{
    fs::{Dir, Mode, OFlags, openat, readlinkat_raw},
    path::Arg,
};

/// Longest link that is understood: `socket:[4294967295]` and the like.
const LINK_LIMIT: usize = 64;

/// Opens a directory.
pub(in crate::host) fn open(at: impl AsFd, path: impl Arg) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Ok(openat(at, path, flags, Mode::empty())?)
}

/// Opens `/proc`.
pub(in crate::host) fn open_proc() -> io::Result<OwnedFd> {
    open(rustix::fs::CWD, "/proc")
}

/// The entries of `directory` whose names are numbers: pids, tids, descriptors.
pub(in crate::host) fn numbers(directory: impl AsFd) -> io::Result<impl Iterator<Item = u32>> {
    let entries = Dir::read_from(directory)?;
    Ok(entries.map_while(Result::ok).filter_map(|entry| {
        let name = entry.file_name().to_str().ok()?;
        name.parse().ok()
    }))
}

/// The number in a link such as `net:[4026531840]` of the given kind (`net`);
/// `None` for one of another kind.
pub(in crate::host) fn linked(
    at: impl AsFd,
    path: impl Arg,
    kind: &str,
) -> io::Result<Option<u32>> {
    let mut buffer = [0; LINK_LIMIT];
    let length = readlinkat_raw(at, path, &mut buffer)?;
    Ok(buffer.get(..length).and_then(|link| number(link, kind)))
}

/// Parses `KIND:[NUMBER]`.
pub(in crate::host) fn number(link: &[u8], kind: &str) -> Option<u32> {
    let number = link
        .strip_prefix(kind.as_bytes())?
        .strip_prefix(b":[")?
        .strip_suffix(b"]")?;
    std::str::from_utf8(number).ok()?.parse().ok()
}

/// Reads up to `limit` bytes of a file.
pub(in crate::host) fn read(at: impl AsFd, path: impl Arg, limit: u64) -> io::Result<Vec<u8>> {
    let file = openat(at, path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
    let mut bytes = Vec::new();
    std::fs::File::from(file)
        .take(limit)
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_links_of_the_kind_are_numbers() {
        assert_eq!(number(b"net:[4026531840]", "net"), Some(4_026_531_840));
        assert_eq!(number(b"socket:[17]", "socket"), Some(17));
        for other in [
            &b"net:[1]"[..],
            b"socket:[]",
            b"socket:[1",
            b"socket:1]",
            b"socket:[99999999999]",
            b"socket:[1] (deleted)",
            b"socket:[\xff]",
            b"",
        ] {
            assert_eq!(number(other, "socket"), None, "{other:?}");
        }
    }

    #[test]
    fn this_process_is_among_the_processes() {
        let proc = open_proc().unwrap();
        assert!(numbers(&proc).unwrap().any(|pid| pid == std::process::id()));
    }
}
