// SPDX-License-Identifier: MIT
//! The `format` file of the tracepoint.
#![no_main]

use libfuzzer_sys::fuzz_target;
use zkchurn::host::kernel_layout::TracepointLayout;
use zkchurn_common::field::ABSENT;

fuzz_target!(|text: &str| {
    if let Ok(layout) = TracepointLayout::from_format(text) {
        let absent = layout.offsets.iter().filter(|offset| **offset == ABSENT);
        assert_eq!(absent.count(), 0, "a field is found or an error");
    }
});
