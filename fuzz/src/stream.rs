// SPDX-License-Identifier: MIT
//! A stream in memory whose other end sends hostile bytes and then has nothing more to say.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex},
    runtime::Runtime,
    time::Instant,
};

/// Bytes that are under way at most: small, so that what is read comes in pieces.
const SMALLEST: usize = 16;
/// Bytes that are sent at most, however often they are repeated.
const MOST_SENT: usize = 256 << 10;
/// How long all of it may take by the runtime's clock: the end is there at once, so nobody has a
/// reason to wait for anything.
const WITHIN: Duration = Duration::from_millis(100);

/// A runtime of this thread's own, whose clock stands still unless all wait for it.
///
/// # Panics
///
/// The system grants none.
fn runtime() -> Runtime {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime")
}

/// What the input says to send, and in pieces of which size. The first byte is how often the
/// last line is repeated, the second the size of the pieces.
pub fn sent(input: &[u8]) -> Option<(usize, Vec<u8>)> {
    let (&[repeated, size], bytes) = input.split_first_chunk()?;
    let mut sent = bytes.to_vec();
    let last = bytes.iter().rposition(|byte| *byte == b'\n');
    let last = &bytes[last.map_or(0, |at| at + 1)..];
    for _ in 0..usize::from(repeated) * usize::from(repeated) {
        if last.is_empty() || sent.len() + last.len() > MOST_SENT {
            break;
        }
        sent.extend(last);
    }
    Some((SMALLEST << (size % 12), sent))
}

/// Has `reads` meet these bytes, in pieces of this size, and the end; what it says, and what came
/// back from it.
///
/// # Panics
///
/// It waits for a limit of time, which is a finding.
pub fn met<T>(
    (size, bytes): &(usize, Vec<u8>),
    reads: impl AsyncFnOnce(DuplexStream) -> T,
) -> (T, Vec<u8>) {
    runtime().block_on(async {
        let began = Instant::now();
        let (ours, theirs) = duplex(*size);
        let (mut from, mut to) = tokio::io::split(theirs);
        let sends = async {
            // Whoever has read enough hangs up.
            let _ = to.write_all(bytes).await;
            let _ = to.shutdown().await;
        };
        let receives = async {
            let mut back = Vec::new();
            let _ = from.read_to_end(&mut back).await;
            back
        };
        let (said, (), back) = tokio::join!(reads(ours), sends, receives);
        let took = began.elapsed();
        assert!(took < WITHIN, "it waited for {took:?}");
        (said, back)
    })
}
