// SPDX-License-Identifier: MIT
//! What the log files of a process say about its churn.

use serde::{Deserialize, Serialize};

/// What the logs of one process say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogSearch {
    /// The files that were looked at.
    pub files: Vec<SearchedFile>,
    /// What was found, most telling first.
    pub findings: Vec<LogFinding>,
    /// Why files could not be read, each a sentence.
    pub notes: Vec<String>,
}

/// A file that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SearchedFile {
    /// The path, as the process sees it.
    pub path: String,
    /// Size in bytes.
    pub size: u64,
    /// How many bytes at its end were searched.
    pub searched: u64,
}

/// One signature's hits in one file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogFinding {
    /// Id of the signature.
    pub signature: String,
    /// What it means, a sentence.
    pub meaning: String,
    /// The file.
    pub path: String,
    /// Lines that match.
    pub count: u64,
    /// The last of them, cut at 500 bytes; where what it was found by stands
    /// further behind, from shortly before that.
    pub last: String,
    /// The log record that it belongs to, where `last` is a line of a stack
    /// trace: the nearest line above that begins a record.
    pub record: Option<String>,
    /// Number of the last line, where the search began at the file's start.
    pub line: Option<u64>,
    /// Offset of the last line in the file, in bytes.
    pub offset: u64,
    /// Whether such a line was written between two looks of the trace.
    #[serde(default)]
    pub during_trace: bool,
}

impl LogFinding {
    /// `app.log:208`, or the byte where lines were not counted.
    pub fn place(&self) -> String {
        match self.line {
            Some(line) => format!("{}:{line}", self.path),
            None => format!("byte {} of {}", self.offset, self.path),
        }
    }
}

impl LogSearch {
    /// Finds out which lines are new since an `earlier` search, and puts those
    /// before the others.
    pub fn compare_with(&mut self, earlier: &Self) {
        let searched = |path: &str| earlier.files.iter().any(|file| file.path == path);
        for finding in &mut self.findings {
            let mut known = earlier.findings.iter();
            let known = known.find(|known| {
                (&known.path, &known.signature) == (&finding.path, &finding.signature)
            });
            finding.during_trace |= match known {
                Some(known) => known.during_trace || finding.offset > known.offset,
                None => searched(&finding.path),
            };
        }
        self.findings.sort_by_key(|finding| !finding.during_trace);
    }
}
