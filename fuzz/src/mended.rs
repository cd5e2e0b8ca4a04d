// SPDX-License-Identifier: MIT
//! Makes a recording of any bytes in which every frame is whole.
//!
//! A frame's checksum keeps a mutated payload from ever reaching the pipeline.
//! So only the marks of frames are taken from the input, and what stands between
//! two marks is a payload: its length and checksum are made to fit. A real
//! recording stays what it is, and so it can be a seed.

use zkchurn_core::recording::{
    FILE_HEADER, FRAME_HEADER, MAGIC, MAX_PAYLOAD, SYNC, VERSION, checksum,
};

/// The recording that `input` would be if all its lengths and checksums fitted.
pub fn recording(input: &[u8]) -> Vec<u8> {
    let mut recording = Vec::with_capacity(input.len() + FILE_HEADER);
    recording.extend(MAGIC);
    recording.extend(VERSION.to_le_bytes());
    recording.extend(0_u32.to_le_bytes());
    let marks: Vec<usize> = marks(input).collect();
    for (index, mark) in marks.iter().enumerate() {
        let end = marks.get(index + 1).copied().unwrap_or(input.len());
        let payload = input.get(mark + FRAME_HEADER..end).unwrap_or_default();
        let payload = &payload[..payload.len().min(MAX_PAYLOAD)];
        append(&mut recording, input[mark + SYNC.len()], payload);
    }
    recording
}

/// Where frames begin: the mark, a kind, and the zero byte.
fn marks(input: &[u8]) -> impl Iterator<Item = usize> + '_ {
    let is_mark = |window: &[u8]| window[..2] == SYNC && window[3] == 0;
    let windows = input.windows(4).enumerate();
    windows.filter_map(move |(at, window)| is_mark(window).then_some(at))
}

fn append(recording: &mut Vec<u8>, kind: u8, payload: &[u8]) {
    recording.extend(SYNC);
    recording.extend([kind, 0]);
    recording.extend((payload.len() as u32).to_le_bytes());
    recording.extend(checksum(kind, payload).to_le_bytes());
    recording.extend(payload);
}
