// SPDX-License-Identifier: MIT
//! Lines of an input of any size, in memory of a fixed size.

use std::io::{self, Read};

/// Bytes that are read at once.
const BUFFER: usize = 256 * 1024;

/// Bytes of a line that are looked at; the rest of a longer one is passed over. A container
/// engine's 16 KiB, six bytes a character where JSON escapes them, fit.
pub const LONGEST_LINE: usize = 128 * 1024;

/// Reads lines.
pub struct Lines<R> {
    from: R,
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
    /// Within a line of which the beginning was given out.
    passing_over: bool,
    ended: bool,
    /// Bytes that were read.
    pub bytes: u64,
    /// Lines that were cut.
    pub cut: u64,
}

impl<R: Read> Lines<R> {
    /// The lines of `from`.
    pub fn new(from: R) -> Self {
        Self {
            from,
            buffer: vec![0; BUFFER].into_boxed_slice(),
            start: 0,
            end: 0,
            passing_over: false,
            ended: false,
            bytes: 0,
            cut: 0,
        }
    }

    /// The first part of the input, without taking it.
    ///
    /// # Errors
    ///
    /// The input cannot be read.
    pub fn peek(&mut self) -> io::Result<&[u8]> {
        while self.end < self.buffer.len() && !self.ended {
            self.fill()?;
        }
        Ok(self.filled())
    }

    /// Gives every line, without its line feed, to `each`.
    ///
    /// # Errors
    ///
    /// The input cannot be read on; what came before was given.
    pub fn for_each(&mut self, mut each: impl FnMut(&[u8])) -> io::Result<()> {
        loop {
            let filled = self.buffer.get(self.start..self.end).unwrap_or_default();
            let mut used = 0;
            for feed in memchr::memchr_iter(b'\n', filled) {
                if !std::mem::take(&mut self.passing_over) {
                    let line = filled.get(used..feed).unwrap_or_default();
                    self.cut += u64::from(line.len() > LONGEST_LINE);
                    each(line.get(..LONGEST_LINE).unwrap_or(line));
                }
                used = feed + 1;
            }
            self.start += used;
            if !self.ended {
                self.make_room(&mut each);
                self.fill()?;
                continue;
            }
            let last = self.filled();
            if !last.is_empty() && !self.passing_over {
                each(last.get(..LONGEST_LINE).unwrap_or(last));
            }
            self.start = self.end;
            return Ok(());
        }
    }

    /// What is left is the beginning of a line: it moves to the front, and the
    /// line is cut where it is too long.
    fn make_room(&mut self, each: &mut impl FnMut(&[u8])) {
        if self.passing_over {
            self.start = self.end;
        } else if self.end - self.start > LONGEST_LINE {
            each(self.filled().get(..LONGEST_LINE).unwrap_or_default());
            self.cut += 1;
            self.passing_over = true;
            self.start = self.end;
        }
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
    }

    fn filled(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    fn fill(&mut self) -> io::Result<()> {
        let room = self.buffer.get_mut(self.end..).unwrap_or_default();
        match self.from.read(room) {
            Ok(0) => self.ended = true,
            Ok(read) => {
                self.end += read;
                self.bytes += read as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Hands out a few bytes at a time.
    struct Trickle<'a>(&'a [u8], usize);

    impl Read for Trickle<'_> {
        fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
            let most = self.1.min(to.len()).min(self.0.len());
            let (now, rest) = self.0.split_at(most);
            to[..most].copy_from_slice(now);
            self.0 = rest;
            Ok(most)
        }
    }

    fn lines(text: &[u8], step: usize) -> (Vec<Vec<u8>>, u64, u64) {
        let mut reader = Lines::new(Trickle(text, step));
        let mut lines = Vec::new();
        reader.for_each(|line| lines.push(line.to_vec())).unwrap();
        (lines, reader.bytes, reader.cut)
    }

    #[test]
    fn long_lines_are_cut_and_the_next_is_whole() {
        for length in [
            LONGEST_LINE,
            LONGEST_LINE + 1,
            BUFFER - 1,
            BUFFER,
            BUFFER + 1,
            3 * BUFFER + 7,
        ] {
            for step in [1000, BUFFER] {
                let text = format!("a\n{}\nb", "x".repeat(length));
                let (lines, bytes, cut) = lines(text.as_bytes(), step);
                assert_eq!(lines.len(), 3, "{length}");
                assert_eq!(lines[1].len(), LONGEST_LINE);
                assert_eq!(lines[2], b"b");
                assert_eq!(bytes, text.len() as u64);
                assert_eq!(cut, u64::from(length > LONGEST_LINE), "{length}");
            }
        }
    }

    proptest! {
        #[test]
        fn lines_are_those_that_a_split_gives(
            text in prop::collection::vec(prop_oneof![Just(b'\n'), any::<u8>()], 0..300),
            step in 1..40usize,
        ) {
            let mut expected: Vec<_> = text.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
            if expected.last().is_some_and(Vec::is_empty) {
                expected.pop();
            }
            prop_assert_eq!(lines(&text, step).0, expected);
        }
    }
}
