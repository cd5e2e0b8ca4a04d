// SPDX-License-Identifier: MIT
//! Two at once: neither takes anything from the other.

use crate::{
    namespace::in_namespace,
    peer::{connect, drain, listen, v4},
    tracer::{Tracer, unused_port},
};

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn each_sees_everything_also_after_the_end_of_the_other() {
    const EACH: usize = 50;
    let (first, second) = in_namespace(|| {
        let port = unused_port();
        let port_text = port.to_string();
        let listener = listen(port);
        let arguments = ["--port", &port_text, "--handshake"];
        let churn = || {
            let accepting = drain(listener.try_clone().unwrap(), EACH);
            (0..EACH).for_each(|_| drop(connect(v4(port))));
            accepting.join().unwrap();
        };
        let first = Tracer::start(&arguments);
        let second = Tracer::start(&arguments);
        churn();
        let first = first.finish();
        churn();
        (first, second.finish())
    });
    for (trace, count) in [(first, EACH), (second, 2 * EACH)] {
        trace.assert_nothing_lost();
        assert_eq!(trace.connections.len(), count);
    }
}
