// SPDX-License-Identifier: MIT
//! What stands around and between the text of a line: a byte order mark, the NULs of a file
//! that was truncated while it was written (`copytruncate`) or of a tar header, colours.

/// UTF-8's byte order mark.
pub(super) const MARK: &[u8] = b"\xef\xbb\xbf";
const ESCAPE: u8 = 0x1b;

/// The text behind the last NUL, without byte order mark and carriage return.
pub(super) fn bare(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let line = match memchr::memrchr(0, line) {
        Some(last) => line.get(last + 1..).unwrap_or_default(),
        None => line,
    };
    line.strip_prefix(MARK).unwrap_or(line)
}

/// Whether it has colours or other escapes.
pub(super) fn has_escapes(line: &[u8]) -> bool {
    memchr::memchr(ESCAPE, line).is_some()
}

/// The line without the sequences that colour it (ECMA-48: `ESC [ … letter`), into `to`.
pub(super) fn without_escapes(line: &[u8], to: &mut Vec<u8>) {
    to.clear();
    let mut rest = line;
    while let Some(at) = memchr::memchr(ESCAPE, rest) {
        let (before, behind) = rest.split_at(at);
        to.extend_from_slice(before);
        let behind = behind.get(1..).unwrap_or_default();
        rest = match behind.strip_prefix(b"[") {
            Some(sequence) => {
                let end = sequence
                    .iter()
                    .position(|byte| (0x40..=0x7e).contains(byte));
                end.and_then(|end| sequence.get(end + 1..))
                    .unwrap_or_default()
            }
            None => behind,
        };
    }
    to.extend_from_slice(rest);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_holes_and_marks_are_left_out() {
        let mut text = Vec::new();
        without_escapes(
            b"\x1b[36m2023\x1b[0;39m \x1b[1;31mINFO\x1b[m x\x1b",
            &mut text,
        );
        assert_eq!(text, b"2023 INFO x");
        assert_eq!(bare(b"\0\0\0a b\r"), b"a b");
        assert_eq!(bare(b"\xef\xbb\xbfa"), b"a");
        assert_eq!(bare(b"\0\0"), b"");
    }
}
