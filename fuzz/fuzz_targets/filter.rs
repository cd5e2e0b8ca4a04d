// SPDX-License-Identifier: MIT
//! What is typed behind `--filter` and `--expect`, and what an error says of it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use zkchurn_core::filter::{Expectation, Filter};
use zkchurn_fuzz::output::assert_harmless;

fuzz_target!(|bytes: &[u8]| {
    let Ok(input) = str::from_utf8(bytes) else {
        return;
    };
    match input.parse::<Filter>() {
        Ok(filter) => {
            // What is put together from it is understood, too.
            assert_eq!(filter.to_string(), input);
            let longer = format!("not ({input})");
            if longer.len() < 4096 && !(filter.selects_connections() && filter.selects_findings()) {
                let depth = input.matches(['(', 'n', 'N']).count();
                assert!(depth > 20 || longer.parse::<Filter>().is_ok(), "{longer}");
            }
        }
        Err(error) => {
            let said = error.to_string();
            assert_harmless(&said);
            assert_eq!(said.lines().count(), 3, "{said}");
            assert!(said.ends_with('^'), "{said}");
        }
    }
    let _ = input.parse::<Expectation>();
});
