// SPDX-License-Identifier: MIT
//! What is traced and what is not.

use std::process::Command;

use rustix::net::{AddressFamily, bind};

use crate::{
    in_time::CommandInTime,
    namespace::in_namespace,
    peer::{connect, drain, listen, stream_socket, v4},
    tracer::{Tracer, unused_port},
};

/// Opens and closes `count` connections from a shell, a process of its own.
fn connect_from_a_shell(port: u16, count: usize) {
    let script =
        format!("for i in $(seq {count}); do exec 3<>/dev/tcp/127.0.0.1/{port}; exec 3>&-; done");
    let status = Command::new("bash")
        .args(["-c", &script])
        .status_in_time()
        .unwrap();
    assert!(status.success());
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn several_ports_and_no_other() {
    let (trace, ports) = in_namespace(|| {
        let ports = [unused_port(), unused_port(), unused_port()];
        let accepting = ports.map(|port| drain(listen(port), 2));
        let tracer = Tracer::start(&["--port", &format!("{},{}", ports[0], ports[1])]);
        for port in ports {
            drop(connect(v4(port)));
            drop(connect(v4(port)));
        }
        accepting
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
        (tracer.finish(), ports)
    });
    trace.assert_nothing_lost();
    let mut remotes: Vec<_> = trace
        .connections
        .iter()
        .map(|one| one["remote"].as_str().unwrap())
        .collect();
    remotes.sort_unstable();
    let expected = [ports[0], ports[0], ports[1], ports[1]].map(|port| format!("127.0.0.1:{port}"));
    assert_eq!(remotes, expected);
    assert_eq!(trace.report["flows"].as_array().unwrap().len(), 2);
}

/// The accepting end of such a connection has a traced port as its peer's, as if this host had
/// opened it.
#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn a_client_whose_own_port_is_traced_too_is_one_connection() {
    let (trace, ports) = in_namespace(|| {
        let ports = [unused_port(), unused_port()];
        let accepting = drain(listen(ports[0]), 1);
        let tracer = Tracer::start(&["--port", &format!("{},{}", ports[0], ports[1])]);
        let client = stream_socket(AddressFamily::INET);
        bind(&client, &v4(ports[1])).unwrap();
        rustix::net::connect(&client, &v4(ports[0])).unwrap();
        drop(client);
        accepting.join().unwrap();
        (tracer.finish(), ports)
    });
    trace.assert_nothing_lost();
    let connection = trace.only();
    assert_eq!(connection["local"], format!("127.0.0.1:{}", ports[1]));
    assert_eq!(connection["remote"], format!("127.0.0.1:{}", ports[0]));
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn one_process_and_no_other() {
    let trace = in_namespace(|| {
        let port = unused_port();
        let accepting = drain(listen(port), 5);
        let pid = std::process::id().to_string();
        let tracer = Tracer::start(&["--port", &port.to_string(), "--pid", &pid]);
        connect_from_a_shell(port, 3);
        drop(connect(v4(port)));
        drop(connect(v4(port)));
        accepting.join().unwrap();
        tracer.finish()
    });
    trace.assert_nothing_lost();
    assert_eq!(trace.connections.len(), 2);
    for connection in &trace.connections {
        assert_eq!(connection["process"]["pid"], std::process::id());
    }
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn two_processes_are_told_apart_by_name() {
    let trace = in_namespace(|| {
        let port = unused_port();
        let accepting = drain(listen(port), 5);
        let tracer = Tracer::start(&["--port", &port.to_string()]);
        connect_from_a_shell(port, 4);
        drop(connect(v4(port)));
        accepting.join().unwrap();
        tracer.finish()
    });
    trace.assert_nothing_lost();
    let flows = trace.report["flows"].as_array().unwrap();
    assert_eq!(flows.len(), 2);
    assert_eq!(flows[0]["process"]["name"], "bash");
    assert_eq!(flows[0]["opened"], 4);
    assert_eq!(flows[1]["process"]["pid"], std::process::id());
    let answer = trace.report["answer"].as_str().unwrap();
    assert!(answer.contains("bash"), "{answer}");
}
