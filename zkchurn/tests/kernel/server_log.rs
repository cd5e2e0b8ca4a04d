// SPDX-License-Identifier: MIT
//! On the server's side the log of the process that listens says why a client is turned away.

use std::{
    fs::File,
    io::{Read, Write},
    thread,
    time::Duration,
};

use jiff::Zoned;

use crate::{
    namespace::in_namespace,
    peer::{connect, listen, v4},
    tracer::{Tracer, unused_port},
};

/// So many that the log is read several times meanwhile: on a busy machine a look takes a second.
const CLIENTS: usize = 30;

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn the_servers_own_log_says_why_a_client_is_turned_away() {
    in_namespace(|| {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("zookeeper.log");
        let mut log = File::create(&path).unwrap();
        let port = unused_port();
        let listener = listen(port);
        let tracer = Tracer::start(&["--port", &port.to_string(), "--side", "server"]);
        // It accepts and closes at once, as a server at its limit does, and says so.
        let server = thread::spawn(move || {
            for _ in 0..CLIENTS {
                drop(listener.accept().unwrap());
                let now = Zoned::now().strftime("%Y-%m-%d %H:%M:%S,000");
                writeln!(
                    log,
                    "{now} [myid:1] - WARN  [NIOServerCxnFactory.AcceptThread:/0.0.0.0:2181:\
                     NIOServerCnxnFactory$AcceptThread@188] - Too many connections from \
                     /127.0.0.1 - max is 60"
                )
                .unwrap();
            }
            log
        });
        for _ in 0..CLIENTS {
            let mut client = connect(v4(port));
            assert_eq!(client.read(&mut [0]).unwrap(), 0);
            drop(client);
            thread::sleep(Duration::from_millis(100));
        }
        let log = server.join().unwrap();
        let trace = tracer.finish();
        drop(log);
        let finding = &trace.report["findings"][0];
        assert_eq!(finding["name"], "connection_limit", "{finding:#}");
        assert_eq!(finding["confidence"], "certain", "{finding:#}");
        let proof = finding["for"].to_string();
        let says = format!("the server's log says so ({}:", path.display());
        assert!(proof.contains(&says), "{proof}");
        assert!(
            proof.contains("Too many connections from /127.0.0.1"),
            "{proof}"
        );
        let decides = finding["would_decide"].to_string();
        assert!(!decides.contains("the server's log"), "{decides}");
        let suspects = trace.report["suspects"].as_array().unwrap();
        let this = |suspect: &&serde_json::Value| suspect["pid"] == std::process::id();
        let server = suspects.iter().find(this).unwrap();
        assert_eq!(server["logs"]["serves"], serde_json::json!([port]));
    });
}
