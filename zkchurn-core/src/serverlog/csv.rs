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
        let field = Field::first(rest)?;
        match time::at_start(field.text) {
            Some((at, length)) if length == field.text.len() => {
                stamp.get_or_insert(at);
            }
            _ if is_name(field.text) => {}
            _ => {
                let stamp = stamp.filter(|_| field.is_quoted)?;
                return Some((stamp, field.text));
            }
        }
        rest = field.behind?;
    }
    None
}

struct Field<'r> {
    text: &'r [u8],
    is_quoted: bool,
    /// What follows behind a comma.
    behind: Option<&'r [u8]>,
}

impl<'r> Field<'r> {
    /// The field that a row begins with. In quotes it may go on in the next line.
    fn first(row: &'r [u8]) -> Option<Self> {
        let Some(quoted) = row.strip_prefix(b"\"") else {
            let comma = memchr::memchr(b',', row)?;
            return Some(Self {
                text: row.get(..comma)?,
                is_quoted: false,
                behind: row.get(comma + 1..),
            });
        };
        let mut from = 0;
        loop {
            let quote = memchr::memchr(b'"', quoted.get(from..)?);
            let end = quote.map_or(quoted.len(), |quote| from + quote);
            let behind = match quoted.get(end + 1) {
                Some(b'"') => {
                    from = end + 2;
                    continue;
                }
                Some(b',') => quoted.get(end + 2..),
                Some(_) => return None,
                None => None,
            };
            return Some(Self {
                text: quoted.get(..end)?,
                is_quoted: true,
                behind,
            });
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
