// SPDX-License-Identifier: MIT
//! Files, gzip files and standard input, in the order of their first times.

use std::{
    fs::File,
    io::{self, Read, Seek},
    path::{Path, PathBuf},
};

use flate2::read::MultiGzDecoder;

use zkchurn_core::{
    serverlog::{file_note::FileNote, lines::Lines, moment::Moment, scan},
    text,
};

/// What goes wrong with one file.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It cannot be opened or read.
    #[error("{name} cannot be read: {error}")]
    Unreadable {
        /// The file.
        name: String,
        /// Why.
        error: io::Error,
    },
    /// Its gzip data is damaged or cut short.
    #[error("{name} is damaged: {error}; the report covers the readable part")]
    Damaged {
        /// The file.
        name: String,
        /// Why.
        error: io::Error,
    },
}

/// A file that was opened.
pub struct Source {
    name: String,
    first: Option<Moment>,
    is_gzip: bool,
    content: Content,
}

enum Content {
    /// It is opened again when its turn has come: many files would use up what
    /// may be open at once.
    Path(PathBuf),
    /// What can be read once only.
    Open(Box<Lines<Box<dyn Read>>>),
}

/// The first two bytes of gzip (RFC 1952, 2.3.1).
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Opens a file, or standard input for `-`, and looks at its beginning.
///
/// # Errors
///
/// It cannot be read.
pub fn open(path: &Path) -> Result<Source, ReadError> {
    let name = name(path);
    look(path, &name).map_err(|error| classify(name, false, error))
}

fn look(path: &Path, name: &str) -> io::Result<Source> {
    let name = name.to_owned();
    if path != Path::new("-") {
        let file = File::open(path)?;
        if file.metadata()?.is_file() {
            let (is_gzip, reader) = unpacked(file)?;
            // Damage at the beginning is told when the file is read.
            let mut lines = Lines::new(reader);
            let first = lines.peek().ok().and_then(scan::first_moment);
            let content = Content::Path(path.to_owned());
            return Ok(Source {
                name,
                first,
                is_gzip,
                content,
            });
        }
        return once(name, Box::new(file));
    }
    once(name, Box::new(io::stdin()))
}

/// A pipe: its beginning is kept.
fn once(name: String, mut from: Box<dyn Read>) -> io::Result<Source> {
    let mut magic = Vec::with_capacity(GZIP.len());
    from.by_ref()
        .take(GZIP.len() as u64)
        .read_to_end(&mut magic)?;
    let is_gzip = magic == GZIP;
    let whole = io::Cursor::new(magic).chain(from);
    let reader: Box<dyn Read> = match is_gzip {
        true => Box::new(MultiGzDecoder::new(whole)),
        false => Box::new(whole),
    };
    let mut lines = Lines::new(reader);
    let first = lines.peek().ok().and_then(scan::first_moment);
    let content = Content::Open(Box::new(lines));
    Ok(Source {
        name,
        first,
        is_gzip,
        content,
    })
}

fn unpacked(mut file: File) -> io::Result<(bool, Box<dyn Read>)> {
    let mut magic = Vec::with_capacity(GZIP.len());
    file.by_ref()
        .take(GZIP.len() as u64)
        .read_to_end(&mut magic)?;
    file.rewind()?;
    Ok(match magic == GZIP {
        true => (true, Box::new(MultiGzDecoder::new(file))),
        false => (false, Box::new(file)),
    })
}

/// Puts files into the order of their first times; those without one last.
pub fn sort(sources: &mut [Source]) {
    sources.sort_by_key(|source| (source.first.is_none(), source.first));
}

impl Source {
    /// Gives every line to `each`. Returns what happened, and what went wrong.
    pub fn read(self, each: impl FnMut(&[u8])) -> (FileNote, Option<ReadError>) {
        let (name, is_gzip) = (self.name, self.is_gzip);
        let mut note = FileNote {
            name: text::printable(name.as_bytes()),
            bytes: 0,
            cut: 0,
            first: self.first,
            error: None,
        };
        let result = match self.content {
            Content::Open(mut lines) => lines_of(&mut lines, each, &mut note),
            Content::Path(path) => File::open(path)
                .and_then(unpacked)
                .and_then(|(_, reader)| lines_of(&mut Lines::new(reader), each, &mut note)),
        };
        let error = result.err().map(|error| {
            note.error = Some(error.to_string());
            classify(name, is_gzip, error)
        });
        (note, error)
    }
}

fn lines_of<R: Read>(
    lines: &mut Lines<R>,
    each: impl FnMut(&[u8]),
    note: &mut FileNote,
) -> io::Result<()> {
    let result = lines.for_each(each);
    note.bytes = lines.bytes;
    note.cut = lines.cut;
    result
}

fn classify(name: String, is_gzip: bool, error: io::Error) -> ReadError {
    use io::ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
    match error.kind() {
        InvalidData | InvalidInput | UnexpectedEof if is_gzip => ReadError::Damaged { name, error },
        _ => ReadError::Unreadable { name, error },
    }
}

fn name(path: &Path) -> String {
    use std::os::unix::ffi::OsStrExt as _;
    match path == Path::new("-") {
        true => "standard input".to_owned(),
        false => text::printable(path.as_os_str().as_bytes()),
    }
}
