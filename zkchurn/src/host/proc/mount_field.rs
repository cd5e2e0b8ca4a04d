// SPDX-License-Identifier: MIT
//! A field of `/proc/self/mountinfo`.

use std::{ffi::OsString, os::unix::ffi::OsStringExt};

/// Blank, tab, newline and backslash come as a backslash and three octal
/// digits (`mangle_path`, fs/seq_file.c).
pub fn unescape(field: &[u8]) -> OsString {
    let mut path = Vec::with_capacity(field.len());
    let mut rest = field;
    while let [first, after @ ..] = rest {
        let (byte, tail) = match rest {
            [
                b'\\',
                a @ b'0'..=b'3',
                b @ b'0'..=b'7',
                c @ b'0'..=b'7',
                tail @ ..,
            ] => ((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'), tail),
            _ => (*first, after),
        };
        path.push(byte);
        rest = tail;
    }
    OsString::from_vec(path)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic_and_never_grow(bytes: Vec<u8>) {
            prop_assert!(unescape(&bytes).len() <= bytes.len());
        }
    }
}
