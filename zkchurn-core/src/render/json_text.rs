// SPDX-License-Identifier: MIT
//! JSON whose texts do nothing to a terminal that it is printed on.

use std::io::{self, Write};

use serde_json::ser::{CompactFormatter, Formatter};

use crate::text::{is_plain_ascii, is_printable};

/// JSON has to escape only the control characters below the blank. Those of
/// C1 (U+009B begins a control sequence as ESC [ does), DEL and the invisible
/// ones are escaped here too; who reads the JSON gets the same text.
pub(super) struct Printable;

impl Formatter for Printable {
    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        // Nearly all of it.
        if is_plain_ascii(fragment.as_bytes()) {
            return CompactFormatter.write_string_fragment(writer, fragment);
        }
        let mut rest = fragment;
        while let Some(at) = rest.find(|character| !is_printable(character)) {
            let (before, from) = rest.split_at(at);
            CompactFormatter.write_string_fragment(writer, before)?;
            let mut characters = from.chars();
            let mut units = [0; 2];
            if let Some(character) = characters.next() {
                for unit in character.encode_utf16(&mut units) {
                    write!(writer, "\\u{unit:04x}")?;
                }
            }
            rest = characters.as_str();
        }
        CompactFormatter.write_string_fragment(writer, rest)
    }
}
