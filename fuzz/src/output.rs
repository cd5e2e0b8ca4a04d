// SPDX-License-Identifier: MIT
//! What must hold for output of any input.

use std::{cell::RefCell, io, rc::Rc};

/// A writer whose text can be looked at after a renderer has taken it.
#[derive(Clone, Default)]
pub struct Shared(Rc<RefCell<Vec<u8>>>);

impl io::Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Shared {
    /// What was written.
    ///
    /// # Panics
    ///
    /// It is not UTF-8, which is a finding.
    pub fn text(&self) -> String {
        String::from_utf8(self.0.borrow().clone()).expect("output is UTF-8")
    }
}

/// Nothing in it acts on a terminal.
///
/// # Panics
///
/// Something does, which is a finding.
pub fn assert_harmless(text: &str) {
    let acts =
        |character: &char| *character != '\n' && !zkchurn_core::text::is_printable(*character);
    if let Some(character) = text.chars().find(acts) {
        panic!("{} in the output", character.escape_unicode());
    }
}

/// Every line is one JSON object that names its type.
///
/// # Panics
///
/// A line is not, which is a finding.
pub fn assert_json_lines(text: &str) {
    for line in text.lines() {
        let value: serde_json::Value = serde_json::from_str(line).expect("a line is JSON");
        assert!(value["type"].is_string(), "without a type: {line}");
    }
}
