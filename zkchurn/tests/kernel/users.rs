// SPDX-License-Identifier: MIT
//! A process that changes its user from one connection to the next.

use std::process::Command;

use crate::{
    in_time::ChildInTime,
    namespace::in_namespace,
    peer::{drain, listen},
    tracer::{Trace, Tracer, unused_port},
};

/// Connects as root, becomes nobody, and connects again.
const CLIENT: &str = r#"
    sub once {
        socket(my $to, PF_INET, SOCK_STREAM, 0) or die;
        connect($to, sockaddr_in($ARGV[0], inet_aton("127.0.0.1"))) or die;
        close $to;
        select(undef, undef, undef, 0.7);
    }
    once();
    $< = 65534;
    $> = 65534;
    once();
"#;

fn traced(arguments: &'static [&str]) -> Trace {
    in_namespace(move || {
        let port = unused_port().to_string();
        let accepting = drain(listen(port.parse().unwrap()), 2);
        let tracer = Tracer::start(&[&["--port", &port], arguments].concat());
        let mut client = Command::new("perl")
            .args(["-MSocket", "-e", CLIENT, &port])
            .spawn()
            .unwrap();
        assert!(client.wait_in_time().unwrap().success());
        accepting.join().unwrap();
        tracer.finish()
    })
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn each_connection_has_the_user_that_opened_it() {
    let trace = traced(&[]);
    trace.assert_nothing_lost();
    let uids: Vec<_> = (trace.connections.iter())
        .map(|connection| connection["process"]["uid"].as_u64().unwrap())
        .collect();
    assert_eq!(uids, [0, 65534]);
    let limitations = trace.report["degraded"].to_string();
    let told = "opened connections as root (uid 0) and nobody (uid 65534)";
    assert!(limitations.contains(told), "{limitations}");
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn a_filter_goes_by_the_user_that_opened_the_connection() {
    for (arguments, uid) in [
        (&["--filter", "user:root"], 0),
        (&["--filter", "user:nobody"], 65534),
    ] {
        let trace = traced(arguments);
        let uids = trace.connections.iter();
        let uids: Vec<_> = uids.map(|one| one["process"]["uid"].clone()).collect();
        assert_eq!(uids, [uid], "{arguments:?}");
    }
}
