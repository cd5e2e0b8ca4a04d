// SPDX-License-Identifier: MIT
//! A line cut to a length that can be shown, without what is a secret.

use std::ops::Range;

use zkchurn_core::process::secret;

/// Bytes of a line that are kept.
const LIMIT: usize = 500;

/// Bytes before the word in question that are kept in a long line.
const BEFORE: usize = 100;

/// Stands for what is left out in front.
const ELLIPSIS: &str = "…";

/// The beginning of `line`.
pub(super) fn beginning(text: &[u8], line: &Range<usize>) -> String {
    cut(bytes(text, line))
}

/// The beginning of `line`, or, where that would not show `word`, what is around
/// it: a log in JSON has its stack trace far behind.
pub(super) fn around(text: &[u8], line: &Range<usize>, word: &Range<usize>) -> String {
    let from = word.start.saturating_sub(BEFORE);
    if word.end.saturating_sub(line.start) <= LIMIT || from <= line.start {
        return beginning(text, line);
    }
    let part = bytes(text, &(from..line.end));
    // Continuation bytes of a character that was cut.
    let whole = part.iter().position(|byte| byte & 0xc0 != 0x80);
    let mut excerpt = ELLIPSIS.to_owned();
    excerpt.push_str(&cut(part.get(whole.unwrap_or(0)..).unwrap_or_default()));
    truncate(&mut excerpt);
    excerpt
}

/// A file that was emptied while its writer kept its place has a hole where a
/// line was, which reads as NULs; they go, as does the end of a Windows line.
fn bytes<'t>(text: &'t [u8], line: &Range<usize>) -> &'t [u8] {
    let line = text.get(line.clone()).unwrap_or_default();
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    // Blanks fill up a line whose frame an engine's log had.
    let line = line.trim_ascii_end();
    let start = line.iter().position(|byte| *byte != 0);
    line.get(start.unwrap_or(line.len())..).unwrap_or_default()
}

fn cut(line: &[u8]) -> String {
    // Four more, so that no character is cut within the limit.
    let line = line.get(..LIMIT + 4).unwrap_or(line);
    let mut text = secret::hidden_in_line(&String::from_utf8_lossy(line));
    truncate(&mut text);
    text
}

fn truncate(text: &mut String) {
    text.truncate(text.floor_char_boundary(LIMIT));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_line_is_kept_whole() {
        assert_eq!(beginning(b"one\r\ntwo", &(0..4)), "one");
        assert_eq!(beginning(b"\0\0\0two", &(0..6)), "two");
        assert_eq!(beginning(b"a\xffb", &(0..3)), "a\u{fffd}b");
        assert_eq!(beginning(b"\0\0", &(0..2)), "");
    }

    #[test]
    fn what_is_a_secret_is_not_quoted() {
        let line = b"cannot connect to zk1:2181 with password=sesame";
        let kept = beginning(line, &(0..line.len()));
        assert_eq!(kept, "cannot connect to zk1:2181 with password=(hidden)");
    }

    #[test]
    fn a_long_line_is_cut_between_characters() {
        let line = format!("{}€€", "x".repeat(498));
        let kept = beginning(line.as_bytes(), &(0..line.len()));
        assert_eq!(kept, "x".repeat(498));
        let line = format!("{}€€", "x".repeat(497));
        let kept = beginning(line.as_bytes(), &(0..line.len()));
        assert_eq!(kept, format!("{}€", "x".repeat(497)));
    }

    #[test]
    fn a_word_far_behind_is_shown() {
        let line = format!("{}Error{}", "é".repeat(600), "y".repeat(600));
        let word = 1200..1205;
        let shown = around(line.as_bytes(), &(0..line.len()), &word);
        assert_eq!(shown.len(), 500);
        assert!(shown.starts_with("…éé"), "{shown}");
        assert!(shown.contains("éError"), "{shown}");
    }
}
