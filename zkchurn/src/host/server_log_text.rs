// SPDX-License-Identifier: MIT
//! What a log is packed or written in, judged by its first bytes: plain, gzip and UTF-16 are
//! read, others are named with the command that unpacks them.

use std::io::{self, Read};

use flate2::read::MultiGzDecoder;

/// How a log is packed or written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Plain,
    Gzip,
    /// UTF-16, as Windows tools write it; little endian first.
    Utf16 {
        little_endian: bool,
    },
    /// Packed by this program; the second is what unpacks it.
    Other(&'static str, &'static str),
}

/// So many bytes tell.
pub(super) const MAGIC: usize = 64;

/// What other packers write first, their names, and what unpacks them to standard output.
const PACKERS: [(&[u8], &str, &str); 7] = [
    (b"BZh", "bzip2", "bzip2 -dc"),
    (b"\xfd7zXZ\0", "xz", "xz -dc"),
    (b"\x28\xb5\x2f\xfd", "zstd", "zstd -dc"),
    (b"PK\x03\x04", "zip", "unzip -p"),
    (b"\x04\x22\x4d\x18", "lz4", "lz4 -dc"),
    (b"7z\xbc\xaf\x27\x1c", "7-Zip", "7z x -so"),
    (b"\x1f\x9d", "compress", "uncompress -c"),
];

/// The form of a file that begins like this.
pub(super) fn of(beginning: &[u8]) -> Form {
    // RFC 1952, 2.3.1.
    if beginning.starts_with(&[0x1f, 0x8b]) {
        return Form::Gzip;
    }
    if let Some((_, packer, command)) = PACKERS
        .iter()
        .find(|(magic, _, _)| beginning.starts_with(magic))
    {
        return Form::Other(packer, command);
    }
    match beginning {
        [0xff, 0xfe, ..] => Form::Utf16 {
            little_endian: true,
        },
        [0xfe, 0xff, ..] => Form::Utf16 {
            little_endian: false,
        },
        _ => without_mark(beginning),
    }
}

/// Text of ASCII in UTF-16 has a NUL in every other byte, and nothing else has.
fn without_mark(beginning: &[u8]) -> Form {
    let (pairs, _) = beginning.as_chunks::<2>();
    let all = |first: bool| {
        pairs.len() >= 8
            && pairs.iter().all(|[one, other]| {
                let (text, nul) = if first { (one, other) } else { (other, one) };
                *nul == 0 && *text != 0
            })
    };
    match (all(true), all(false)) {
        (true, _) => Form::Utf16 {
            little_endian: true,
        },
        (_, true) => Form::Utf16 {
            little_endian: false,
        },
        _ => Form::Plain,
    }
}

/// The text of `from`, which has this form.
///
/// # Errors
///
/// It is packed by something that is not read.
pub(super) fn decoded(from: impl Read + 'static, form: Form) -> io::Result<Box<dyn Read>> {
    Ok(match form {
        Form::Plain => Box::new(from),
        Form::Gzip => Box::new(MultiGzDecoder::new(from)),
        Form::Utf16 { little_endian } => Box::new(Utf16::new(from, little_endian)),
        Form::Other(..) => return Err(io::ErrorKind::Unsupported.into()),
    })
}

/// UTF-16 as UTF-8; what is no character becomes U+FFFD.
struct Utf16<R> {
    from: R,
    little_endian: bool,
    /// Bytes of `from` that were not decoded yet.
    bytes: Vec<u8>,
    text: Vec<u8>,
    given: usize,
}

impl<R: Read> Utf16<R> {
    const BLOCK: u64 = 64 * 1024;

    fn new(from: R, little_endian: bool) -> Self {
        Self {
            from,
            little_endian,
            bytes: Vec::new(),
            text: Vec::new(),
            given: 0,
        }
    }

    fn fill(&mut self) -> io::Result<()> {
        let read = self
            .from
            .by_ref()
            .take(Self::BLOCK)
            .read_to_end(&mut self.bytes)?;
        let (pairs, _) = self.bytes.as_chunks::<2>();
        let unit = |pair: &[u8; 2]| match self.little_endian {
            true => u16::from_le_bytes(*pair),
            false => u16::from_be_bytes(*pair),
        };
        let mut units: Vec<u16> = pairs.iter().map(unit).collect();
        // Half of a character waits for the other half.
        let is_first_half = |unit: &u16| (0xd800..0xdc00).contains(unit);
        if read > 0 {
            units.pop_if(|unit| is_first_half(unit));
        }
        self.bytes.drain(..units.len() * 2);
        self.text.clear();
        self.given = 0;
        for character in char::decode_utf16(units) {
            let character = character.unwrap_or(char::REPLACEMENT_CHARACTER);
            let mut buffer = [0; 4];
            self.text
                .extend_from_slice(character.encode_utf8(&mut buffer).as_bytes());
        }
        Ok(())
    }
}

impl<R: Read> Read for Utf16<R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        if self.given >= self.text.len() {
            self.fill()?;
        }
        let rest = self.text.get(self.given..).unwrap_or_default();
        let length = rest.len().min(to.len());
        if let (Some(to), Some(from)) = (to.get_mut(..length), rest.get(..length)) {
            to.copy_from_slice(from);
        }
        self.given += length;
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn utf_16_is_read_in_either_order_and_with_characters_of_two_units() {
        let text = "\u{feff}a line\nanother 𝄞 one\n".repeat(20_000);
        for little_endian in [true, false] {
            let bytes: Vec<u8> = text
                .encode_utf16()
                .flat_map(|unit| match little_endian {
                    true => unit.to_le_bytes(),
                    false => unit.to_be_bytes(),
                })
                .collect();
            let form = of(&bytes[..MAGIC]);
            assert_eq!(form, Form::Utf16 { little_endian });
            assert_eq!(of(&bytes[2..MAGIC / 4 + 2]), form);
            let mut read = String::new();
            let mut from = decoded(io::Cursor::new(bytes), form).expect("a form that is read");
            from.read_to_string(&mut read).expect("memory can be read");
            assert_eq!(read, text);
        }
    }

    #[test]
    fn packers_are_named_and_text_is_plain() {
        assert_eq!(of(b"BZh91AY"), Form::Other("bzip2", "bzip2 -dc"));
        assert_eq!(of(b"2026-11-25 04:13:01,249 [myid:]"), Form::Plain);
        assert_eq!(of(&[0; MAGIC]), Form::Plain);
        assert_eq!(of(b""), Form::Plain);
    }
}
