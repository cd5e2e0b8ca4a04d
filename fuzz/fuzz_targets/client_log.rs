// SPDX-License-Identifier: MIT
//! The end of a client's log, in which signatures are looked for, and each line of it, in which a
//! finding tells apart what the client says and what it quotes. The first byte says whether a
//! container's engine has framed its lines.
#![no_main]

use libfuzzer_sys::fuzz_target;
use zkchurn::host::logs;
use zkchurn_core::inspection::own_words::OwnWords;

fuzz_target!(|input: &[u8]| {
    let Some((first, text)) = input.split_first() else {
        return;
    };
    let lines = 1 + text.iter().filter(|byte| **byte == b'\n').count() as u64;
    let found = logs::in_text(text, *first == b'{').expect("the list is a good one");
    for finding in found {
        assert!(finding.offset < text.len() as u64, "{finding:?}");
        assert!((1..=lines).contains(&finding.count), "{finding:?}");
        let line = finding.line.expect("the whole text was there");
        assert!((1..=lines).contains(&line), "{finding:?}");
        assert!(!finding.last.is_empty(), "{finding:?}");
    }
    for line in String::from_utf8_lossy(text).lines() {
        OwnWords::of(line);
        OwnWords::tells_of_failure(line);
    }
});
