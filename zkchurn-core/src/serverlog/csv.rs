// SPDX-License-Identifier: MIT
//! Rows of a log that was exported as CSV (RFC 4180), by CloudWatch, Kibana and others: a
//! time, perhaps names, and the line in quotes.

use super::{moment::Stamp, time};

/// Columns before the line, at most.
const COLUMNS: usize = 8;

/// The line within a row, and the row's time. A quote within stays doubled.
pub(super) fn read(row: &[u8]) -> Option<(Stamp, &[u8])> {
    let mut rest = row;
    let mut stamp = None;
    for _ in 0..COLUMNS {
        let (field, is_quoted, behind) = field(rest)?;
        match time::at_start(field) {
            Some((at, length)) if length == field.len() => {
                stamp.get_or_insert(at);
            }
            _ if is_name(field) => {}
            _ => return stamp.filter(|_| is_quoted).map(|stamp| (stamp, field)),
        }
        rest = behind?;
    }
    None
}

/// A field, whether it is in quotes, and what follows behind a comma. The line of a record of
/// several ends within its quotes.
fn field(row: &[u8]) -> Option<(&[u8], bool, Option<&[u8]>)> {
    let Some(quoted) = row.strip_prefix(b"\"") else {
        let comma = memchr::memchr(b',', row)?;
        return Some((row.get(..comma)?, false, row.get(comma + 1..)));
    };
    let mut from = 0;
    loop {
        let Some(quote) = memchr::memchr(b'"', quoted.get(from..)?) else {
            return Some((quoted, true, None));
        };
        let end = from + quote;
        match quoted.get(end + 1) {
            Some(b'"') => from = end + 2,
            Some(b',') => return Some((quoted.get(..end)?, true, quoted.get(end + 2..))),
            None => return Some((quoted.get(..end)?, true, None)),
            Some(_) => return None,
        }
    }
}

/// The name of a host or a stream.
fn is_name(field: &[u8]) -> bool {
    field.len() <= 128
        && field
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._/:@".contains(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(row: &str) -> Option<&str> {
        let (_, line) = read(row.as_bytes())?;
        std::str::from_utf8(line).ok()
    }

    #[test]
    fn the_line_is_what_is_neither_time_nor_name() {
        let cases = [
            (r#"2026-11-25 04:13:01.249,"a b""#, Some("a b")),
            (
                r#""Nov 25, 2026 @ 04:13:01.249","zk1","a, b""#,
                Some("a, b"),
            ),
            (
                r#"2026-11-25 04:13:01.249,"a ""b"" c",zk1"#,
                Some(r#"a ""b"" c"#),
            ),
            (r#"zk1,2026-11-25 04:13:01.249,"a b"#, Some("a b")),
            // No time, no quotes, and lines of others.
            (r#"zk1,"a b""#, None),
            ("2026-11-25 04:13:01.249,a b", None),
            (r#"2026-11-25 04:13:01,249 got auth,"a b""#, None),
            (r#"2026-11-25 04:13:01.249,"a" b""#, None),
            ("", None),
        ];
        for (row, expected) in cases {
            assert_eq!(line(row), expected, "{row}");
        }
    }
}
