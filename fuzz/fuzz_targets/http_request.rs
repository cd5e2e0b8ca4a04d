// SPDX-License-Identifier: MIT
//! What somebody sends to the listener that serves counts: anything at all, in pieces.
#![no_main]

use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use zkchurn::host::helper::{Counts, serve_one};
use zkchurn_fuzz::stream;

const COUNTS: &[u8] = b"zkchurn_connections_open 1\n";
/// Statuses of ours, and those of the parser for what is no request or too long.
const STATUSES: [&str; 6] = ["200", "400", "404", "405", "414", "431"];

fuzz_target!(|input: &[u8]| {
    let Some(sent) = stream::sent(input) else {
        return;
    };
    let counts = Counts::new(Duration::from_secs(3_600));
    counts.set(COUNTS.into());
    let ((), back) = stream::met(&sent, async |client| serve_one(client, counts).await);
    let back = String::from_utf8(back).expect("an answer is text");
    assert!(back.len() < 1_024, "{back}");
    if back.is_empty() {
        return;
    }
    let status = back
        .strip_prefix("HTTP/1.")
        .and_then(|rest| rest.get(2..5))
        .expect("an answer begins with its status");
    assert!(STATUSES.contains(&status), "{back}");
    // One answer, then the end; and counts only for whoever asks for them.
    assert_eq!(back.matches("HTTP/1.").count(), 1, "{back}");
    let (_, bytes) = &sent;
    let asks = bytes.windows(8).any(|window| window == b"/metrics");
    let gets = back.contains("zkchurn_connections_open");
    assert!(!gets || asks && status == "200", "{back}");
});
