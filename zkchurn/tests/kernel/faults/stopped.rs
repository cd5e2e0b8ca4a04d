// SPDX-License-Identifier: MIT
//! zkchurn is stopped (SIGSTOP) while the churn goes on: what the buffer holds
//! is reported afterwards, the rest is counted, and new records are complete.

use std::{
    thread,
    time::{Duration, Instant},
};

use rustix::process::Signal;

use super::{figure, size};
use crate::{
    namespace::in_namespace,
    peer::{connect, drain, listen, reset_at_close, v4},
    tracer::{Tracer, unused_port},
};

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn what_the_buffer_held_is_reported_and_the_rest_counted() {
    const AFTERWARDS: usize = 100;
    // At 800 a second: either overflows the buffer.
    let (stopped, buffer) = size(
        (Duration::from_secs(60), "4096"),
        (Duration::from_secs(10), "1024"),
    );
    const PAUSE: Duration = Duration::from_micros(1_250);
    let (trace, made) = in_namespace(move || {
        let port = unused_port();
        let listener = listen(port);
        let accepting = listener.try_clone().unwrap();
        thread::spawn(move || drain(accepting, usize::MAX));
        let port_text = port.to_string();
        let tracer = Tracer::start(&["--port", &port_text, "--buffer", buffer]);
        tracer.stop();
        let mut made = 0;
        let begun = Instant::now();
        while begun.elapsed() < stopped {
            let stream = connect(v4(port));
            // No TIME_WAIT: a minute of them would use up the ports.
            reset_at_close(&stream);
            made += 1;
            // Part of what is tested: a rate.
            thread::sleep((PAUSE * made).saturating_sub(begun.elapsed()));
        }
        tracer.signal(Signal::CONT);
        // The buffer is emptied at once; connections after that are all recorded.
        thread::sleep(Duration::from_secs(1));
        for _ in 0..AFTERWARDS {
            reset_at_close(&connect(v4(port)));
        }
        (tracer.finish(), made as usize)
    });
    let recorded = trace.connections.len();
    let dropped = trace.loss("ended_records_dropped") as usize;
    figure(&format!(
        "stopped for {} s: {made} connections, {} recorded, {dropped} counted as lost",
        stopped.as_secs(),
        recorded - AFTERWARDS,
    ));
    assert_eq!(recorded + dropped, made + AFTERWARDS);
    assert!(dropped > 0, "the buffer held all {made}");
    // All of the last ones are among the recorded.
    let kept = recorded - AFTERWARDS;
    assert!(kept > 1000, "{kept} of {made}");
    assert_eq!(trace.loss("table_full"), 0);
    assert_eq!(trace.report["total"]["ended"], recorded);
    let lines = trace.report["trace"]["length_ns"].as_u64().unwrap();
    assert!(u128::from(lines) > stopped.as_nanos());
}
