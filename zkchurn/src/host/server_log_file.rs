// SPDX-License-Identifier: MIT
//! Files, packed files and standard input, in the order of their first times.

use std::{
    fs::{self, File, Metadata},
    io::{self, Read, Seek},
    os::{fd::AsFd, unix::fs::MetadataExt},
    path::{Path, PathBuf},
};

use zkchurn_core::{
    serverlog::{
        file_note::FileNote, lines::Lines, moment::Moment, reading::Reading, scan::Scanner, told,
    },
    text,
};

use super::{
    long_read::{self, LongRead},
    server_log_cores,
    server_log_text::{self, Form, MAGIC},
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
    /// It is packed in a way that is not read.
    #[error(
        "{name} is packed by {packer}, which zkchurn does not unpack: run `{command} {name} | zkchurn serverlog -`"
    )]
    Packed {
        /// The file.
        name: String,
        packer: &'static str,
        /// What unpacks it.
        command: &'static str,
    },
    /// Its gzip data is damaged or cut short.
    #[error("{name} is damaged: {error}; the report covers the readable part")]
    Damaged {
        /// The file.
        name: String,
        /// Why.
        error: io::Error,
    },
    /// It is no server's log, or not understood.
    #[error("{sentence}")]
    NotUnderstood {
        sentence: String,
        /// It has no lines at all.
        is_empty: bool,
    },
}

/// A file that was opened.
pub struct Source {
    name: String,
    first: Option<Moment>,
    form: Form,
    content: Content,
}

enum Content {
    /// It is opened again when its turn has come: many files would use up what
    /// may be open at once.
    Path(PathBuf),
    /// What can be read once only.
    Open(Box<Lines<Box<dyn Read>>>),
}

/// Which file this is, whatever its name: its device and its inode there. `None` for what is no
/// regular file, which may have something else to tell each time.
pub fn identity(path: &Path) -> Option<(u64, u64)> {
    let metadata = fs::metadata(path).ok().filter(Metadata::is_file)?;
    Some((metadata.dev(), metadata.ino()))
}

/// Opens a file, or standard input for `-`, and looks at its beginning.
///
/// # Errors
///
/// It cannot be read.
pub fn open(path: &Path) -> Result<Source, ReadError> {
    let name = name(path);
    let source = look(path, &name).map_err(|error| classify(name.clone(), Form::Plain, error))?;
    match source.form {
        Form::Other(packer, command) => Err(ReadError::Packed {
            name,
            packer,
            command,
        }),
        _ => Ok(source),
    }
}

fn look(path: &Path, name: &str) -> io::Result<Source> {
    if path == Path::new("-") {
        // As a file, of which nothing is buffered.
        let stdin = io::stdin().as_fd().try_clone_to_owned()?;
        return once(name, Box::new(LongRead::of(File::from(stdin), None, false)));
    }
    let mut file = long_read::open(path)?;
    if !file.metadata()?.is_file() {
        return once(name, Box::new(LongRead::of(file, None, false)));
    }
    let form = server_log_text::of(&beginning(&mut file)?);
    file.rewind()?;
    // Damage at the beginning is told when the file is read.
    let first = server_log_text::decoded(file, form)
        .ok()
        .and_then(|from| first_moment(&mut Lines::new(from)));
    Ok(Source {
        name: name.to_owned(),
        first,
        form,
        content: Content::Path(path.to_owned()),
    })
}

/// A pipe: its beginning is kept.
fn once(name: &str, mut from: Box<dyn Read>) -> io::Result<Source> {
    let magic = beginning(&mut from)?;
    let form = server_log_text::of(&magic);
    let whole = io::Cursor::new(magic).chain(from);
    let reader = match form {
        Form::Other(..) => Box::new(io::empty()),
        form => server_log_text::decoded(whole, form)?,
    };
    let mut lines = Lines::new(reader);
    Ok(Source {
        name: name.to_owned(),
        first: first_moment(&mut lines),
        form,
        content: Content::Open(Box::new(lines)),
    })
}

fn beginning(from: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut magic = Vec::with_capacity(MAGIC);
    from.take(MAGIC as u64).read_to_end(&mut magic)?;
    Ok(magic)
}

fn first_moment<R: Read>(lines: &mut Lines<R>) -> Option<Moment> {
    lines.peek().ok().and_then(told::first_moment)
}

/// Puts files into the order of their first times; those without one last.
pub fn sort(sources: &mut [Source]) {
    sources.sort_by_key(|source| (source.first.is_none(), source.first));
}

impl Source {
    /// Gives every line to `scanner`. Returns what happened, and what went wrong.
    pub fn read(self, scanner: &mut Scanner) -> (FileNote, Vec<ReadError>) {
        let (name, form) = (self.name, self.form);
        let mut note = FileNote {
            name: text::printable(name.as_bytes()),
            bytes: 0,
            cut: 0,
            first: self.first,
            reading: Reading::Empty,
            error: None,
        };
        let result = match self.content {
            Content::Open(mut lines) => lines_of(&mut lines, scanner, &mut note),
            Content::Path(path) => {
                File::open(path).and_then(|file| file_read(file, form, scanner, &mut note))
            }
        };
        let facts = scanner.end_of_file();
        note.reading = Reading::of(&facts);
        let sentence = note.reading.sentence(&note.name, &facts);
        let not_understood = |sentence| ReadError::NotUnderstood {
            sentence,
            is_empty: note.reading == Reading::Empty,
        };
        let mut errors: Vec<_> = sentence.map(not_understood).into_iter().collect();
        if let Err(error) = result {
            note.error = Some(error.to_string());
            // What could not be read is not judged.
            errors = vec![classify(name, form, error)];
        }
        (note, errors)
    }
}

/// A plain file has parts that can be read side by side.
fn file_read(file: File, form: Form, scanner: &mut Scanner, note: &mut FileNote) -> io::Result<()> {
    let length = file.metadata()?.len();
    let file = LongRead::of(file, Some(length), false);
    match server_log_cores::readers() {
        readers @ 2.. if form == Form::Plain => {
            server_log_cores::read(file, readers, scanner, note)
        }
        _ => {
            let from = server_log_text::decoded(file, form)?;
            lines_of(&mut Lines::new(from), scanner, note)
        }
    }
}

fn lines_of<R: Read>(
    lines: &mut Lines<R>,
    scanner: &mut Scanner,
    note: &mut FileNote,
) -> io::Result<()> {
    let result = lines.for_each(|line| scanner.line(line));
    note.bytes = lines.bytes;
    note.cut = lines.cut;
    result
}

fn classify(name: String, form: Form, error: io::Error) -> ReadError {
    use io::ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
    match error.kind() {
        InvalidData | InvalidInput | UnexpectedEof if form == Form::Gzip => {
            ReadError::Damaged { name, error }
        }
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
