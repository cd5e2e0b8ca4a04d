// SPDX-License-Identifier: MIT
//! Segments of any content as one recording, and a part of it by time.
#![no_main]

use std::{io, time::Duration};

use libfuzzer_sys::fuzz_target;
use zkchurn_core::{
    frame::Frame,
    pipeline::{Pipeline, View},
    recording::reader::Reader,
    render::Several,
    replay,
    segments::{
        end_of,
        joined::Joined,
        plan::plan,
        window::{When, Window},
    },
};
use zkchurn_fuzz::mended;

fuzz_target!(|input: (u8, Option<u32>, Option<u32>, &[u8])| {
    let (count, since, until, bytes) = input;
    let length = (bytes.len() / (usize::from(count % 8) + 1)).max(1);
    let mut segments = Vec::new();
    let mut starts = Vec::new();
    for piece in bytes.chunks(length) {
        let segment = mended::recording(piece);
        let mut reader = Reader::new(&segment[..]).expect("its header is whole");
        let start = reader.next_frame(|frame| match frame {
            Frame::Start(start) => Some(start.clone()),
            _ => None,
        });
        if let Some(Some(start)) = start.expect("memory is read") {
            starts.push(start);
            segments.push(segment);
        }
    }
    let before_end = |ms: Option<u32>| {
        ms.map(|ms| When::BeforeEnd(Duration::from_millis(u64::from(ms))))
    };
    let window = Window {
        since: before_end(since),
        until: before_end(until),
    };
    let Ok(plan) = plan(&starts, &window, |index| end_of(&segments[index][..])) else {
        return;
    };
    let joined = Joined::new(plan, |index| Ok::<_, io::Error>(io::Cursor::new(&segments[index])));
    let view = View {
        top: 10,
        time_wait_rows: false,
    };
    let mut pipeline = Pipeline::new(Several(Vec::new()), view);
    let mut reader = Reader::new(joined).expect("it begins as a recording does");
    let has_end = replay::play(&mut reader, &mut pipeline).expect("memory is read");
    assert!(has_end, "it has an end, whatever its segments have");
    assert_eq!(reader.damages().0, [], "it is made of whole frames");
});
