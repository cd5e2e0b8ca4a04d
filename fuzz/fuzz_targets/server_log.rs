// SPDX-License-Identifier: MIT
//! The log of a server, from its lines to the report in every form.
#![no_main]

use libfuzzer_sys::fuzz_target;
use zkchurn_core::{
    render::{FORMS, Options},
    serverlog::{lines::Lines, report, scan::Scanner, told::first_moment, window::Window},
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
    for form in FORMS {
        let mut output = Vec::new();
        let options = Options::plain(jiff::tz::TimeZone::UTC);
        form.server_log(&mut output, &report, &options)
            .expect("memory takes all output");
        let output = String::from_utf8(output).expect("output is UTF-8");
        assert_harmless(&output);
        if form.name() == "json" {
            assert_json_lines(&output);
        }
    }
});
