// SPDX-License-Identifier: MIT
//! The log of a server, from its lines to the report in both forms.
#![no_main]

use libfuzzer_sys::fuzz_target;
use zkchurn::{
    render::server_log::{write_json, write_text},
    serverlog::{
        lines::Lines,
        report,
        scan::{Scanner, Window, first_moment},
    },
};
use zkchurn_fuzz::output::{assert_harmless, assert_json_lines};

fuzz_target!(|log: &[u8]| {
    let mut scanner = Scanner::new(Window {
        since: None,
        until: None,
    });
    let _ = first_moment(log);
    Lines::new(log)
        .for_each(|line| scanner.line(line))
        .expect("memory can be read");
    scanner.end_of_file();
    let (tally, facts) = scanner.finish();
    let report = report::build(&tally, &facts, Vec::new(), 10);
    let (mut text, mut json) = (Vec::new(), Vec::new());
    write_text(&mut text, &report, false).expect("memory takes all output");
    write_json(&mut json, &report).expect("memory takes all output");
    assert_harmless(&String::from_utf8(text).expect("output is UTF-8"));
    assert_json_lines(&String::from_utf8(json).expect("output is UTF-8"));
});
