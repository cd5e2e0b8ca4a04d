// SPDX-License-Identifier: MIT
//! How a segment says that it was begun.

use zkchurn_core::{
    frame::{Frame, TraceStart},
    recording::reader::Reader,
};

pub(crate) fn start_of(segment: &[u8]) -> TraceStart {
    let mut reader = Reader::new(segment).unwrap();
    let start = reader.next_frame(|frame| match frame {
        Frame::Start(start) => start.clone(),
        other => panic!("{other:?}"),
    });
    start.unwrap().unwrap()
}
