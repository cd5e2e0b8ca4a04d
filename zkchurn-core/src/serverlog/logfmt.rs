// SPDX-License-Identifier: MIT
//! `time="…" level=info logger=… msg="…"`: fields by name, read from the line's first byte on.

/// The fields that matter.
#[derive(Debug, Default)]
pub(super) struct Fields<'l> {
    pub time: Option<&'l [u8]>,
    pub level: Option<&'l [u8]>,
    pub logger: Option<&'l [u8]>,
    pub thread: Option<&'l [u8]>,
    /// With its escapes; only one in quotes is believed, because only that has an end.
    pub message: Option<&'l [u8]>,
}

/// Fields at most.
const FIELDS: usize = 32;

/// Reads a line. The first field of a name counts.
pub(super) fn read(line: &[u8]) -> Option<Fields<'_>> {
    let mut fields = Fields::default();
    let mut rest = line;
    for _ in 0..FIELDS {
        let Some((key, value, behind)) = field(rest) else {
            break;
        };
        let (value, is_quoted) = value;
        let place = match key {
            b"time" | b"ts" | b"timestamp" | b"t" => Some(&mut fields.time),
            b"level" | b"lvl" | b"severity" => Some(&mut fields.level),
            b"logger" | b"class" | b"caller" | b"source" => Some(&mut fields.logger),
            b"thread" => Some(&mut fields.thread),
            b"msg" | b"message" if is_quoted => Some(&mut fields.message),
            _ => None,
        };
        if let Some(place) = place {
            place.get_or_insert(value);
        }
        rest = behind;
    }
    fields.message.is_some().then_some(fields)
}

/// A key, its value and whether that is in quotes, and what follows.
#[expect(
    clippy::type_complexity,
    reason = "three slices of the line, named above"
)]
fn field(text: &[u8]) -> Option<(&[u8], (&[u8], bool), &[u8])> {
    let text = text.trim_ascii_start();
    let equals = memchr::memchr(b'=', text.get(..64).unwrap_or(text))?;
    let key = text.get(..equals)?;
    let is_key =
        |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'@' | b'-');
    if key.is_empty() || !key.iter().all(is_key) {
        return None;
    }
    let value = text.get(equals + 1..)?;
    if let Some(quoted) = value.strip_prefix(b"\"") {
        let end = closing_quote(quoted)?;
        return Some((key, (quoted.get(..end)?, true), quoted.get(end + 1..)?));
    }
    let end = memchr::memchr(b' ', value).unwrap_or(value.len());
    Some((key, (value.get(..end)?, false), value.get(end..)?))
}

fn closing_quote(text: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        at += memchr::memchr2(b'"', b'\\', text.get(at..)?)?;
        match text.get(at)? {
            b'"' => return Some(at),
            _ => at += 2,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_in_quotes_and_without() {
        let line = br#"time="2026-11-25T04:13:01Z" level=warn logger=a.B msg="say \"x\"" thread=T"#;
        let fields = read(line).expect("fields");
        assert_eq!(fields.level, Some(&b"warn"[..]));
        assert_eq!(fields.logger, Some(&b"a.B"[..]));
        assert_eq!(fields.message, Some(&br#"say \"x\""#[..]));
        assert_eq!(fields.thread, Some(&b"T"[..]));
    }

    #[test]
    fn the_first_message_counts_and_one_without_quotes_does_not() {
        let twice = read(br#"level=info msg="got x" msg="Accepted""#).expect("fields");
        assert_eq!(twice.message, Some(&b"got x"[..]));
        assert!(read(b"level=info msg=Accepted socket").is_none());
        assert!(read(br#"level=info msg="no end"#).is_none());
        assert!(read(b"no fields").is_none());
    }
}
