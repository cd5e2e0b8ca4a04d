// SPDX-License-Identifier: MIT
//! What cannot be recorded is counted, exactly.

use rustix::process::Signal;

use crate::{
    namespace::in_namespace,
    peer::{connect, drain, listen, v4},
    tracer::{Tracer, unused_port},
};

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn a_full_table_is_counted_and_later_connections_are_traced_again() {
    let trace = in_namespace(|| {
        let port = unused_port();
        let listener = listen(port);
        let accepting = drain(listener.try_clone().unwrap(), 20);
        let tracer = Tracer::start(&["--port", &port.to_string(), "--table-size", "4"]);
        let open: Vec<_> = (0..20).map(|_| connect(v4(port))).collect();
        drop(open);
        accepting.join().unwrap();
        let accepting = drain(listener, 5);
        for _ in 0..5 {
            drop(connect(v4(port)));
        }
        accepting.join().unwrap();
        tracer.finish()
    });
    let recorded = trace.connections.len() as u64;
    let full = trace.loss("table_full");
    assert_eq!(recorded + full, 25);
    // Four of the twenty, and at least some of the later five: one may begin
    // before the entry of the one before is free.
    assert!((5..=9).contains(&recorded), "{recorded} recorded");
    assert_eq!(trace.loss("unmatched_closes"), full);
    assert_eq!(trace.loss("ended_records_dropped"), 0);
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn a_full_ring_buffer_is_counted() {
    const COUNT: usize = 300;
    let trace = in_namespace(|| {
        let port = unused_port();
        let accepting = drain(listen(port), COUNT);
        let tracer = Tracer::start(&["--port", &port.to_string(), "--buffer", "4"]);
        tracer.stop();
        for _ in 0..COUNT {
            drop(connect(v4(port)));
        }
        accepting.join().unwrap();
        tracer.signal(Signal::CONT);
        tracer.finish()
    });
    let recorded = trace.connections.len();
    let dropped = trace.loss("ended_records_dropped") as usize;
    assert_eq!(recorded + dropped, COUNT);
    assert!(
        dropped > COUNT / 2,
        "4 KiB hold 13 records, yet only {dropped} were dropped"
    );
    assert_eq!(trace.loss("table_full"), 0);
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn ten_thousand_connections_are_all_recorded() {
    const COUNT: usize = 10_000;
    let trace = in_namespace(|| {
        let port = unused_port();
        let listener = listen(port);
        let accepting = drain(listener, COUNT);
        // Room for all records, so that the speed of this build does not matter.
        let tracer = Tracer::start(&["--port", &port.to_string(), "--buffer", "16384"]);
        for _ in 0..COUNT {
            let stream = connect(v4(port));
            crate::peer::reset_at_close(&stream);
        }
        accepting.join().unwrap();
        tracer.finish()
    });
    assert_eq!(trace.connections.len(), COUNT);
    trace.assert_nothing_lost();
    assert_eq!(trace.report["total"]["ended"], COUNT);
}
