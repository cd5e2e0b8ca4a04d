// SPDX-License-Identifier: MIT
//! The whole of a replay, to every form of output, on frames of any content.
#![no_main]

use libfuzzer_sys::fuzz_target;
use zkchurn_core::{
    pipeline::{Pipeline, View},
    recording::reader::Reader,
    render::{FORMS, Form, Options},
    replay,
};
use zkchurn_fuzz::{
    mended,
    output::{Shared, assert_harmless, assert_json_lines},
};

/// Replays as `zkchurn replay --format …` does.
fn replayed(recording: &[u8], form: &dyn Form) -> String {
    let to = Shared::default();
    let options = Options::plain(jiff::tz::TimeZone::UTC);
    let view = View {
        top: 10,
        time_wait_rows: true,
    };
    let mut pipeline = Pipeline::new(form.renderer(Box::new(to.clone()), options), view);
    let mut reader = Reader::new(recording).expect("its header is whole");
    replay::play(&mut reader, &mut pipeline).expect("memory takes all output");
    to.text()
}

fuzz_target!(|input: &[u8]| {
    let recording = mended::recording(input);
    for form in FORMS {
        let output = replayed(&recording, form);
        assert_harmless(&output);
        if form.name() == "json" {
            assert_json_lines(&output);
        }
    }
});
