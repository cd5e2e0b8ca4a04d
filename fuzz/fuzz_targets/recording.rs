// SPDX-License-Identifier: MIT
//! The file of a recording: any bytes, read through pieces of any size.
#![no_main]

use std::io::{self, Read};

use libfuzzer_sys::fuzz_target;
use zkchurn_core::recording::{FILE_HEADER, reader::Reader};

/// Hands out a few bytes at a time, as a pipe may.
struct Pieces<'a> {
    bytes: &'a [u8],
    size: usize,
}

impl Read for Pieces<'_> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let size = self.size.min(to.len());
        self.bytes.read(&mut to[..size])
    }
}

fuzz_target!(|input: (u8, &[u8])| {
    let (size, bytes) = input;
    let size = usize::from(size) + 1;
    let Ok(mut reader) = Reader::new(Pieces { bytes, size }) else {
        return;
    };
    let mut frames = 0;
    while let Ok(Some(_)) = reader.next_frame(|_| ()) {
        frames += 1;
    }
    let (damages, left_out) = reader.damages();
    let mut end = FILE_HEADER as u64;
    for damage in damages {
        assert!(damage.offset >= end, "stretches of damage do not overlap");
        assert!(damage.length > 0, "they are not empty");
        end = damage.offset + damage.length;
    }
    assert!(end <= bytes.len() as u64, "they lie within the file");
    if frames + reader.unknown_frames() == 0 && bytes.len() > FILE_HEADER {
        let whole = damages.iter().map(|damage| damage.length).sum::<u64>();
        assert!(left_out > 0 || whole == (bytes.len() - FILE_HEADER) as u64);
    }
});
