// SPDX-License-Identifier: MIT
//! A trace beside itself, on frames of any content, both with other names: to every form.
#![no_main]

use libfuzzer_sys::fuzz_target;
use zkchurn_core::{
    diff::{self, Class, Taken},
    pipeline::{Pipeline, View},
    recording::reader::Reader,
    redact::Redactor,
    render::{FORMS, Options},
    replay::{self, collector::Collector},
};
use zkchurn_fuzz::{
    mended,
    output::{assert_harmless, assert_json_lines},
};

/// Replays as `zkchurn diff --redact` does.
fn taken(recording: &[u8], redactor: &mut Option<Redactor>) -> Taken {
    let collector = Collector::default();
    let view = View {
        top: 1,
        time_wait_rows: false,
    };
    let mut pipeline = Pipeline::new(collector.clone(), view).redacted(redactor.take());
    let mut reader = Reader::new(recording).expect("its header is whole");
    replay::play(&mut reader, &mut pipeline).expect("nothing is written");
    *redactor = pipeline.take_redactor();
    collector.take()
}

fuzz_target!(|input: &[u8]| {
    let recording = mended::recording(input);
    let mut redactor = Some(Redactor::default());
    let before = taken(&recording, &mut redactor);
    let after = taken(&recording, &mut redactor);
    let Some(diff) = diff::compare(&before, &after) else {
        return;
    };
    // Too little is compared where hardly any time is in it.
    let is_same = matches!(diff.class, Class::Unchanged | Class::CannotTell);
    assert!(is_same, "{}", diff.verdict);
    for form in FORMS {
        let mut output = Vec::new();
        let options = Options::plain(jiff::tz::TimeZone::UTC);
        form.diff(&mut output, &diff, &options).expect("memory takes all output");
        let output = String::from_utf8(output).expect("it is text");
        assert_harmless(&output);
        if form.name() == "json" {
            assert_json_lines(&output);
        }
    }
});
