// SPDX-License-Identifier: MIT
//! A directory of recordings: the segments of a flight recorder, which may be writing to it.

use std::{
    fs::{self, File},
    io::{self, BufReader, Read},
    path::{Path, PathBuf},
};

use zkchurn_core::{
    frame::{Frame, TraceStart},
    recording::reader::{OpenError, Reader},
    segments,
};

use super::{own_names, recording_file::PARTIAL};

/// What the names of recordings end with.
pub const ENDING: &str = ".zkchurn";
/// Most segments that are read; 24 h of an agent are some dozens.
const MOST: usize = 16_384;

/// The recordings of a directory, in the order of their names.
#[derive(Debug, Default)]
pub struct SegmentFiles {
    /// Those that can be read, each with its start.
    pub paths: Vec<PathBuf>,
    pub starts: Vec<TraceStart>,
    /// The others, and why, a clause.
    pub unreadable: Vec<(PathBuf, String)>,
    /// Recordings that somebody put beside the segments of an agent: what they tell is in
    /// those, too, or is of something else.
    pub beside: Vec<PathBuf>,
}

impl SegmentFiles {
    /// Of a directory; other files in it are left alone.
    ///
    /// # Errors
    ///
    /// The directory cannot be read.
    pub fn of(directory: &Path) -> io::Result<Self> {
        let mut paths = Vec::new();
        for entry in fs::read_dir(directory)? {
            let entry = entry?;
            if is_segment(&entry.path()) && entry.file_type()?.is_file() {
                paths.push(entry.path());
            }
        }
        paths.sort();
        let mut files = Self::default();
        if paths.iter().any(|path| is_of_agent(path)) {
            (paths, files.beside) = paths.into_iter().partition(|path| is_of_agent(path));
        }
        for path in paths.into_iter().take(MOST) {
            files.add(path);
        }
        Ok(files)
    }

    /// Of one file.
    pub fn of_one(path: &Path) -> Self {
        let mut files = Self::default();
        files.add(path.to_owned());
        files
    }

    fn add(&mut self, path: PathBuf) {
        match start_of(&path) {
            Ok(start) => {
                self.starts.push(start);
                self.paths.push(path);
            }
            // The recorder has removed it, or has just made it.
            Err(OpenError::Io(error)) if error.kind() == io::ErrorKind::NotFound => {}
            Err(OpenError::NotARecording) if is_partial(&path) && is_empty(&path) => {}
            Err(error) => self.unreadable.push((path, error.to_string())),
        }
    }

    /// When one of them ends, nanoseconds of `CLOCK_MONOTONIC`.
    pub fn end_of(&self, index: usize) -> u64 {
        File::open(&self.paths[index]).map_or(0, segments::end_of)
    }
}

/// Whether a file of this name is taken for a recording.
pub fn is_segment(path: &Path) -> bool {
    let name = path.to_string_lossy();
    name.strip_suffix(PARTIAL)
        .unwrap_or(&name)
        .ends_with(ENDING)
}

/// Whether an agent has given it its name.
fn is_of_agent(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    name.is_some_and(|name| own_names::segment_begun(name).is_some())
}

/// Whether it is still being written, or its recorder was killed.
pub fn is_partial(path: &Path) -> bool {
    path.to_string_lossy().ends_with(PARTIAL)
}

fn is_empty(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.len() == 0)
}

/// Reads how a recording begins.
fn start_of(path: &Path) -> Result<TraceStart, OpenError> {
    // Of a segment whose head is damaged nothing is known.
    let limited = File::open(path)?.take(4 << 20);
    let mut reader = Reader::new(BufReader::with_capacity(8 * 1024, limited))?;
    let start = reader.next_frame(|frame| match frame {
        Frame::Start(start) => Some(start.clone()),
        _ => None,
    });
    start?.flatten().ok_or(OpenError::NoStart)
}
