// SPDX-License-Identifier: MIT
//! What a collector answers to a request: any bytes, in pieces, and as the body of an answer that is
//! one.
#![no_main]

use libfuzzer_sys::fuzz_target;
use zkchurn::host::otlp::{Attempt, Endpoint, Request, ask_over};
use zkchurn_core::otlp::{Answer, Signal};
use zkchurn_fuzz::{output::assert_harmless, stream};

/// Of the request.
const RECORDS: u64 = 7;
/// Characters of what a collector says that are shown, each escaped, and some of ours.
const LONGEST: usize = 200 * 10 + 200;

fuzz_target!(|input: &[u8]| {
    let Some(sent) = stream::sent(input) else {
        return;
    };
    let request = Request {
        signal: Signal::Logs,
        records: RECORDS,
        body: b"a request".as_slice().into(),
    };
    let (attempt, _) = stream::met(&sent, async |collector| {
        let endpoint = Endpoint::parse("http://127.0.0.1:4318").expect("an address");
        ask_over(collector, endpoint, &request).await
    });
    match attempt {
        Attempt::Answered(answer, _) => check(&answer),
        Attempt::Broken(why) | Attempt::Unreachable(why) => check_words(&why),
    }
    let (_, bytes) = &sent;
    for status in [200, 404, 429, 500] {
        check(&Answer::of(status, bytes, RECORDS));
    }
});

fn check(answer: &Answer) {
    match answer {
        Answer::Taken { rejected, why } => {
            assert!(*rejected <= RECORDS, "{answer:?}");
            check_words(why.as_deref().unwrap_or_default());
        }
        Answer::Later { why } | Answer::Refused { why } | Answer::Absent { why } => {
            check_words(why);
        }
    }
}

fn check_words(why: &str) {
    assert!(why.len() < LONGEST, "{why}");
    assert_harmless(why);
}
