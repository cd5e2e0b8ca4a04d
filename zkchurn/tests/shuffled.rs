// SPDX-License-Identifier: MIT
//! Real recordings with frames lost, doubled and out of order: no panic, nothing
//! that acts on a terminal, and the counts add up, in the table and in the findings.
#![expect(
    clippy::unwrap_used,
    reason = "a test that panics has failed, which is its purpose"
)]

use std::fs;

use proptest::{prelude::*, sample::Index};
use zkchurn_core::{
    pipeline::{Pipeline, View},
    recording::reader::Reader,
    render::{FORMS, Form, Options},
    replay::play,
    report::Report,
};

const EVERYTHING: View = View {
    top: 1000,
    time_wait_rows: true,
};

/// Length of a recording's header and of a frame's (docs/reference/format.md).
const HEADER: usize = 16;
const FRAME_HEADER: usize = 12;

fn recordings() -> Vec<Vec<u8>> {
    let files = fs::read_dir("tests/recordings/kinds").unwrap();
    let mut paths: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|kind| kind == "zkchurn"));
    paths.sort();
    assert!(paths.len() > 30, "{} recordings", paths.len());
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

/// The header and the frames, the first of which is the start.
fn frames(recording: &[u8]) -> (&[u8], Vec<&[u8]>) {
    let (header, mut rest) = recording.split_at(HEADER);
    let mut frames = Vec::new();
    while !rest.is_empty() {
        let length = u32::from_le_bytes(rest[4..8].try_into().unwrap());
        let (frame, after) = rest.split_at(FRAME_HEADER + length as usize);
        frames.push(frame);
        rest = after;
    }
    (header, frames)
}

fn replayed(recording: &[u8], form: &dyn Form) -> Report {
    let options = Options::plain(jiff::tz::TimeZone::UTC);
    let renderer = form.renderer(Box::new(std::io::sink()), options);
    let mut pipeline = Pipeline::new(renderer, EVERYTHING);
    play(&mut Reader::new(recording).unwrap(), &mut pipeline).unwrap();
    pipeline.report().unwrap().clone()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn what_is_lost_doubled_or_late_leaves_counts_that_add_up(
        which in any::<Index>(),
        changes in prop::collection::vec((any::<Index>(), any::<Index>(), 0..3u8), 0..40),
        form in any::<Index>(),
    ) {
        let recordings = recordings();
        let (header, mut frames) = frames(&recordings[which.index(recordings.len())]);
        let end = frames.pop().unwrap();
        for (one, other, change) in changes {
            // The start stays the first.
            let (one, other) = (one.index(frames.len()), other.index(frames.len()));
            match change {
                _ if one == 0 || other == 0 => {}
                0 => frames.swap(one, other),
                1 => { frames.remove(one); }
                _ => frames.insert(other, frames[one]),
            }
        }
        frames.push(end);
        let shuffled = [header, &frames.concat()].concat();
        let form = FORMS[form.index(FORMS.len())];
        let report = replayed(&shuffled, form);

        let sum = |count: fn(&zkchurn_core::report::Summary) -> u64| -> u64 {
            report.flows.iter().map(|flow| count(&flow.summary)).sum()
        };
        prop_assert_eq!(sum(|summary| summary.ended), report.total.ended);
        let outcomes: u64 = report.total.outcomes.values().sum();
        prop_assert_eq!(outcomes, report.total.ended);
        prop_assert!(report.total.opened >= report.total.ended);
        let mut explained = report.not_explained;
        for finding in &report.findings {
            prop_assert!(finding.numbers["ended"] <= report.total.ended);
            explained += finding.explains.unwrap();
        }
        // No two findings explain the same connection, and none is left out.
        prop_assert_eq!(explained, report.total.ended);
    }
}
