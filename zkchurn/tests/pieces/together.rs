// SPDX-License-Identifier: MIT
//! Segments put together again, and their report.

use std::io::{self, Cursor, Read};

use crate::start::start_of;

use zkchurn_core::{
    pipeline::{Pipeline, View},
    recording::reader::Reader,
    render::Several,
    replay,
    report::Report,
    segments::{self, joined::Joined, plan::plan, window::Window},
};

const VIEW: View = View {
    top: 10,
    time_wait_rows: true,
};

/// The report of several segments as one recording.
pub(crate) fn joined(segments: &[Vec<u8>], window: &Window) -> Report {
    let starts: Vec<_> = segments.iter().map(|one| start_of(one)).collect();
    let end_of = |index: usize| segments::end_of(&segments[index][..]);
    let plan = plan(&starts, window, end_of).unwrap();
    let open = |index: usize| Ok::<_, io::Error>(Cursor::new(segments[index].clone()));
    report(Joined::new(plan, open))
}

/// The report of a recording.
pub(crate) fn report(from: impl Read) -> Report {
    let mut pipeline = Pipeline::new(Several(Vec::new()), VIEW);
    let mut reader = Reader::new(from).unwrap();
    replay::play(&mut reader, &mut pipeline).unwrap();
    assert_eq!(reader.damages().0, []);
    pipeline.report().unwrap().clone()
}
