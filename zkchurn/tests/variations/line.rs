// SPDX-License-Identifier: MIT
//! Digests of many variations in a line, and lines in a snapshot.

use std::{env, fmt::Debug, path::Path};

use insta::{Settings, assert_snapshot};

use crate::dice::digest;

/// Digests in a line: where there are more variations, a digest is of several.
const DIGESTS: u64 = 8;

/// What is printed, form by form.
pub(crate) type Forms = Vec<(&'static str, Vec<u8>)>;

/// Digests of the variations of one thing, all in one line.
pub(crate) struct Line {
    name: String,
    /// So many variations go into one digest.
    together: u64,
    variations: u64,
    gathered: Vec<u8>,
    digests: Vec<String>,
}

impl Line {
    /// For so many variations.
    pub(crate) fn new(name: impl Into<String>, variations: u64) -> Self {
        Self {
            name: name.into(),
            together: variations.div_ceil(DIGESTS),
            variations: 0,
            gathered: Vec::new(),
            digests: Vec::new(),
        }
    }

    /// Adds a variation, and prints it where it is asked for.
    pub(crate) fn add(&mut self, forms: &Forms) {
        let name = format!("{} {}", self.name, self.digests.len());
        if env::var("ZKCHURN_VARIATION").is_ok_and(|wanted| name.starts_with(&wanted)) {
            for (form, text) in forms {
                println!("== {name} {form}\n{}", String::from_utf8_lossy(text));
            }
        }
        for (_, text) in forms {
            self.gathered.extend(text);
        }
        self.variations += 1;
        if self.variations.is_multiple_of(self.together) {
            self.digests.push(digest(&self.gathered));
            self.gathered.clear();
        }
    }

    pub(crate) fn add_words(&mut self, words: &impl Debug) {
        self.add(&vec![("words", format!("{words:#?}").into_bytes())]);
    }

    fn text(&self) -> String {
        let is_whole = self.gathered.is_empty() && !self.digests.is_empty();
        assert!(is_whole, "{}: not all are in a digest", self.name);
        format!("{}  {}", self.name, self.digests.join(" "))
    }
}

/// Compares with the snapshot of that name.
pub(crate) fn check(name: &str, lines: &[Line]) {
    let lines: Vec<_> = lines.iter().map(Line::text).collect();
    let mut settings = Settings::new();
    settings.set_snapshot_path(Path::new(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/snapshots/variations"
    )));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| assert_snapshot!(name, lines.join("\n")));
}
