// SPDX-License-Identifier: MIT
//! A thread dump, whose thread names any program of the JVM may choose.
#![no_main]

use libfuzzer_sys::fuzz_target;
use zkchurn::host::jvm::thread_dump::{Found, ThreadDump};

fuzz_target!(|input: (u32, &[u8])| {
    let (nid, text) = input;
    let dump = ThreadDump::parse(text);
    for nid in (0..64).chain([nid]) {
        match dump.find(nid) {
            Found::One(thread) => {
                assert!(dump.threads() > 0, "a thread that is found is counted");
                let _ = thread.name();
            }
            Found::Ambiguous(claims) => assert!(claims > 1, "{claims} are not ambiguous"),
            Found::Nothing => {}
        }
    }
});
