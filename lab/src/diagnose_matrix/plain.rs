// SPDX-License-Identifier: MIT
//! A recording as it would be without `--handshake`: the first bytes of each
//! direction are records of their own (docs/reference/format.md) and can be left out.

use anyhow::{Context, Result};

/// Magic, version and a reserved number.
const FILE_HEADER: usize = 16;
/// Sync, kind, a zero byte, length and checksum.
const FRAME_HEADER: usize = 12;
const SYNC: &[u8] = b"ZF";
/// Frames with the first bytes of a connection, in recordings of version 1.
const HANDSHAKE_V1: u8 = 8;
/// Frames with a record of the kernel program, whose first bytes are its tag.
const RECORD: u8 = 9;
const HANDSHAKE_TAG: &[u8] = &[2, 0];

/// Leaves the first bytes out of a whole recording.
pub(super) fn without_handshakes(recording: &[u8]) -> Result<Vec<u8>> {
    let (header, mut rest) = recording
        .split_at_checked(FILE_HEADER)
        .context("a recording without header")?;
    let mut kept = header.to_vec();
    while !rest.is_empty() {
        let (frame, after) = first_frame(rest).context("a damaged recording")?;
        if !is_handshake(frame) {
            kept.extend_from_slice(frame);
        }
        rest = after;
    }
    Ok(kept)
}

fn is_handshake(frame: &[u8]) -> bool {
    match frame[SYNC.len()] {
        RECORD => frame[FRAME_HEADER..].starts_with(HANDSHAKE_TAG),
        kind => kind == HANDSHAKE_V1,
    }
}

fn first_frame(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let header = bytes.get(..FRAME_HEADER)?;
    if !header.starts_with(SYNC) {
        return None;
    }
    let length = u32::from_le_bytes(header.get(4..8)?.try_into().ok()?);
    bytes.split_at_checked(FRAME_HEADER + usize::try_from(length).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len()).expect("a small payload");
        [
            SYNC,
            &[kind, 0],
            &length.to_le_bytes(),
            &[1, 2, 3, 4],
            payload,
        ]
        .concat()
    }

    #[test]
    fn only_frames_with_first_bytes_are_left_out() {
        let header = [7; FILE_HEADER].to_vec();
        let (start, end) = (frame(1, b"ZF"), frame(5, b""));
        let connection = frame(RECORD, b"\x01\0\x02\0");
        let whole = [
            &header[..],
            &start,
            &frame(HANDSHAKE_V1, b"first"),
            &connection,
            &frame(RECORD, b"\x02\0\x02\0"),
            &end,
        ]
        .concat();
        let plain = without_handshakes(&whole).expect("a whole recording");
        assert_eq!(plain, [header, start, connection, end].concat());
        assert!(without_handshakes(&whole[..whole.len() - 1]).is_err());
        assert!(without_handshakes(&whole[..3]).is_err());
    }
}
