// SPDX-License-Identifier: MIT
//! What a log got since the last look, and which of its lines have words that are looked for.
//! It reads a file that may hang: it belongs into a helper (`host/helper`), which keeps nothing
//! from one look to the next.

use std::{
    borrow::Cow,
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    os::unix::fs::MetadataExt as _,
};

use memchr::memmem;
use serde::{Deserialize, Serialize};
use zkchurn_core::{process::secret, text};

use super::{
    logs::engine,
    watched_log::{self, Opened, WatchedLog},
};

/// Bytes that are read at most: of what came since the last look the last ones.
const MOST_BYTES: u64 = 1 << 20;
/// Bytes of a line that are shown.
const SHOWN: usize = 300;

/// What to look for, and from where on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    pub log: WatchedLog,
    pub words: Vec<String>,
    /// How far it was read; `None` where this is the first look, which finds only the end.
    pub read: Option<Place>,
}

/// How far a file was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    pub device: u64,
    pub inode: u64,
    /// In bytes.
    pub offset: u64,
}

/// What has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewLines {
    /// The log as it is to be asked for next.
    pub log: WatchedLog,
    pub read: Place,
    /// Those of the words that occur, each with its lines.
    pub found: Vec<Occurrence>,
}

/// Lines with these words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Occurrence {
    pub words: String,
    pub lines: u64,
    /// The last of them, as it can be shown.
    pub last: String,
}

/// Reads what has come since.
///
/// # Errors
///
/// A clause: the file cannot be opened or read, or is none that is followed.
pub fn look(request: &Request) -> Result<NewLines, String> {
    let Opened {
        mut file,
        log,
        is_framed,
    } = watched_log::open(&request.log)?;
    let metadata = file.metadata().map_err(|error| error.to_string())?;
    if !metadata.is_file() {
        return Err("it is not a regular file".to_owned());
    }
    let (device, inode, length) = (metadata.dev(), metadata.ino(), metadata.len());
    let offset = match request.read {
        None => length,
        // Another file by the same name, or one that was emptied.
        Some(read) if (read.device, read.inode) != (device, inode) || read.offset > length => 0,
        Some(read) => read.offset,
    };
    let offset = offset.max(length.saturating_sub(MOST_BYTES));
    let text = read_from(&mut file, offset).map_err(|error| error.to_string())?;
    let whole = whole_lines(&text);
    let read = Place {
        device,
        inode,
        offset: offset + whole.len() as u64,
    };
    let lines = match is_framed {
        true => Cow::Owned(engine::unframed(whole)),
        false => Cow::Borrowed(whole),
    };
    let found = request.words.iter();
    let found = found.filter_map(|words| occurrence(&lines, words));
    Ok(NewLines {
        log,
        read,
        found: found.collect(),
    })
}

fn read_from(file: &mut File, offset: u64) -> io::Result<Vec<u8>> {
    file.seek(SeekFrom::Start(offset))?;
    let mut text = Vec::new();
    file.take(MOST_BYTES).read_to_end(&mut text)?;
    Ok(text)
}

/// Without a line that is being written; but one that fills all that is read is none to wait for.
fn whole_lines(text: &[u8]) -> &[u8] {
    match memchr::memrchr(b'\n', text) {
        Some(end) => &text[..=end],
        None if text.len() as u64 == MOST_BYTES => text,
        None => &[],
    }
}

fn occurrence(text: &[u8], words: &str) -> Option<Occurrence> {
    let finder = memmem::Finder::new(words);
    let lines = text.split(|byte| *byte == b'\n');
    let with_words = lines.filter(|line| finder.find(line).is_some());
    let (lines, last) = with_words.fold((0, None), |(count, _), line| (count + 1, Some(line)));
    let last = secret::hidden_in_line(&text::printable(last?.trim_ascii()));
    let last = text::clip(&last, SHOWN);
    Some(Occurrence {
        words: words.to_owned(),
        lines,
        last,
    })
}

#[cfg(test)]
mod tests {
    use std::{fs, io::Write as _, path::Path};

    use super::*;

    fn after(path: &Path, read: Option<Place>) -> Result<NewLines, String> {
        look(&Request {
            log: WatchedLog::Named(path.to_owned()),
            words: vec!["Session expired".to_owned(), "no such".to_owned()],
            read,
        })
    }

    fn append(path: &Path, text: &str) {
        let mut file = File::options().append(true).create(true).open(path);
        file.as_mut().unwrap().write_all(text.as_bytes()).unwrap();
    }

    #[test]
    fn only_what_comes_later_counts_and_each_line_once() {
        let directory = tempfile::tempdir().unwrap();
        let log = directory.path().join("app.log");
        append(&log, "Session expired long ago\n");
        let first = after(&log, None).unwrap();
        assert_eq!(first.found, []);
        append(
            &log,
            "a\n1 Session expired\nb\n2 Session expired \x1b[2J\nSession exp",
        );
        let second = after(&log, Some(first.read)).unwrap();
        let expected = Occurrence {
            words: "Session expired".to_owned(),
            lines: 2,
            last: "2 Session expired \\u{1b}[2J".to_owned(),
        };
        assert_eq!(second.found, [expected]);
        // The line that was being written, now that it is.
        append(&log, "ired\n");
        let third = after(&log, Some(second.read)).unwrap();
        assert_eq!(third.found[0].last, "Session expired");
        assert_eq!(after(&log, Some(third.read)).unwrap().found, []);
    }

    #[test]
    fn a_rotated_and_an_emptied_log_are_read_from_their_begin() {
        let directory = tempfile::tempdir().unwrap();
        let log = directory.path().join("app.log");
        append(&log, "some lines that were there\n");
        let read = after(&log, None).unwrap().read;
        fs::rename(&log, directory.path().join("app.log.1")).unwrap();
        append(&log, "Session expired\n");
        let rotated = after(&log, Some(read)).unwrap();
        assert_eq!(rotated.found[0].lines, 1);
        fs::write(&log, "no such\n").unwrap();
        let emptied = after(&log, Some(rotated.read)).unwrap();
        assert_eq!(emptied.found[0].words, "no such");
    }

    #[test]
    fn however_much_comes_a_bounded_part_is_read() {
        let directory = tempfile::tempdir().unwrap();
        let log = directory.path().join("app.log");
        append(&log, "begin\n");
        let read = after(&log, None).unwrap().read;
        append(&log, "Session expired early\n");
        append(&log, &"x".repeat(MOST_BYTES as usize + 1));
        // A line without end is passed over.
        let long = after(&log, Some(read)).unwrap();
        assert_eq!(long.found, []);
        assert_eq!(long.read.offset, fs::metadata(&log).unwrap().len());
        append(&log, "\nSession expired\n");
        assert_eq!(after(&log, Some(long.read)).unwrap().found[0].lines, 1);
    }

    #[test]
    fn neither_a_link_nor_a_pipe_is_read() {
        let directory = tempfile::tempdir().unwrap();
        let log = directory.path().join("app.log");
        std::os::unix::fs::symlink("/etc/passwd", &log).unwrap();
        assert!(after(&log, None).unwrap_err().starts_with("it is a link"));
        let missing = after(&directory.path().join("none"), None).unwrap_err();
        assert!(missing.contains("No such file"), "{missing}");
        assert_eq!(
            after(Path::new("/dev/null"), None).unwrap_err(),
            "it is not a regular file"
        );
    }
}
