// SPDX-License-Identifier: MIT
//! What is traced and what is not.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, Command, Stdio},
};

use rustix::net::{AddressFamily, bind};
use serde_json::{Value, json};

use crate::{
    in_time::{ChildInTime, CommandInTime},
    look::{Cgroup, hierarchies},
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

/// Its server's end looks as if this host had opened it.
#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn a_client_elsewhere_whose_own_port_is_traced_is_nothing_at_all() {
    let trace = in_namespace(|| {
        let traced = unused_port();
        let other = unused_port();
        let tracer = Tracer::start(&["--port", &traced.to_string()]);
        let accepting = drain(listen(other), 1);
        let client = stream_socket(AddressFamily::INET);
        bind(&client, &v4(traced)).unwrap();
        rustix::net::connect(&client, &v4(other)).unwrap();
        drop(client);
        accepting.join().unwrap();
        tracer.finish()
    });
    trace.assert_nothing_lost();
    assert!(trace.connections.is_empty(), "{:#?}", trace.connections);
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

/// A shell that has this name, and connects `count` times once it is told to.
struct Named(Child);

impl Named {
    fn start(name: &str, port: u16, count: usize) -> Self {
        let script = format!(
            "printf {name} > /proc/$$/comm; echo ready; read line; for i in $(seq {count}); \
             do exec 3<>/dev/tcp/127.0.0.1/{port}; exec 3>&-; done"
        );
        let mut child = Command::new("bash")
            .args(["-c", &script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut ready = String::new();
        let out = child.stdout.as_mut().unwrap();
        BufReader::new(out).read_line(&mut ready).unwrap();
        assert_eq!(ready, "ready\n");
        Self(child)
    }

    fn connect(mut self) -> u32 {
        self.0.stdin.take().unwrap().write_all(b"\n").unwrap();
        assert!(self.0.wait_in_time().unwrap().success());
        self.0.id()
    }
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn all_processes_of_a_name_and_no_other() {
    let (trace, pids) = in_namespace(|| {
        let port = unused_port();
        let accepting = drain(listen(port), 7);
        let name = format!("shop-{}", std::process::id());
        let shops = [2, 3].map(|count| Named::start(&name, port, count));
        let other = Named::start("other", port, 2);
        let tracer = Tracer::start(&["--port", &port.to_string(), "--pid", &name]);
        other.connect();
        let pids = shops.map(Named::connect);
        accepting.join().unwrap();
        (tracer.finish(), pids)
    });
    trace.assert_nothing_lost();
    let of = |pid: u32| {
        let is_its = |connection: &&Value| connection["process"]["pid"] == pid;
        trace.connections.iter().filter(is_its).count()
    };
    assert_eq!(pids.map(of), [2, 3]);
    assert_eq!(trace.connections.len(), 5);
}

/// As a program in a crash loop does.
#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn a_process_that_ends_and_who_comes_after_it_by_that_name_are_told() {
    let (trace, first, next) = in_namespace(|| {
        let port = unused_port();
        let accepting = drain(listen(port), 4);
        let name = format!("loop-{}", std::process::id());
        let first = Named::start(&name, port, 2);
        let tracer = Tracer::start(&["--port", &port.to_string(), "--pid", &name]);
        let first = first.connect();
        let second = Named::start(&name, port, 2);
        second.connect();
        accepting.join().unwrap();
        let third = Named::start(&name, port, 0);
        let next = third.0.id();
        let trace = tracer.finish();
        third.connect();
        (trace, first, next)
    });
    assert_eq!(trace.connections.len(), 2);
    let degraded = trace.report["degraded"].as_array().unwrap();
    let told = degraded.iter().filter_map(Value::as_str);
    let told: Vec<_> = told.filter(|one| one.contains("--pid")).collect();
    let [told] = told[..] else {
        panic!("{degraded:#?}");
    };
    let ended = format!("the traced process (pid {first}) ended");
    assert!(told.contains(&ended), "{told}");
    assert!(
        told.contains(&format!("(pid {next}) began meanwhile")),
        "{told}"
    );
    assert!(told.contains("`--filter 'process:~loop-"), "{told}");
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn on_a_quiet_port_the_report_names_the_one_with_zookeepers_number() {
    let (trace, quiet) = in_namespace(|| {
        let quiet = unused_port();
        let accepting = drain(listen(2182), 4);
        for _ in 0..3 {
            drop(connect(v4(2182)));
        }
        let open = connect(v4(2182));
        let tracer = Tracer::start(&["--port", &quiet.to_string()]);
        let trace = tracer.finish();
        drop(open);
        accepting.join().unwrap();
        (trace, quiet)
    });
    // Others of this machine may be clients of ZooKeeper, too.
    let ports = trace.report["elsewhere"]["ports"].as_array().unwrap();
    let mut ports = ports.iter();
    let port = ports.find(|port| port["port"] == 2182).unwrap();
    assert_eq!((&port["open"], &port["time_wait"]), (&1.into(), &3.into()));
    assert_eq!(port["who"]["pid"], std::process::id());
    let answer = trace.report["answer"].as_str().unwrap();
    assert!(answer.contains(&format!("to port {quiet} ")), "{answer}");
    let command = answer.split_once("`sudo zkchurn --port ");
    let wanted = command.and_then(|(_, behind)| behind.split_once('`'));
    let (wanted, _) = wanted.expect(answer);
    assert!(wanted.split(',').any(|port| port == "2182"), "{answer}");
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

/// A shell that connects when told, and is alive until it was looked up, however busy this
/// machine is.
struct WaitingShell {
    child: Child,
    orders: ChildStdin,
}

impl WaitingShell {
    fn start(port: u16, connections: u32) -> Self {
        let script = format!(
            "read; for i in $(seq {connections}); do exec 3<>/dev/tcp/127.0.0.1/{port}; \
             exec 3>&-; done; read"
        );
        let mut shell = Command::new("bash");
        shell.args(["-c", &script]).stdin(Stdio::piped());
        let mut child = shell.spawn().unwrap();
        let orders = child.stdin.take().unwrap();
        Self { child, orders }
    }

    fn go(&mut self) {
        self.orders.write_all(b"go\n").unwrap();
    }

    fn end(&mut self) {
        self.orders.write_all(b"end\n").unwrap();
        assert!(self.child.wait_in_time().unwrap().success());
    }
}

/// Too few connections for anybody to take a closer look.
#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn a_pod_is_selected_from_the_first_connection_of_its_first_process() {
    const ID: &str = "1f4c9f1d2a6b7c8d9e0f1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f";
    const POD: &str = "1a4b6c8d-1234-4f6e-9abc-0123456789ab";
    let pod = Cgroup::new(&hierarchies()[0], &format!("kubepods/pod{POD}/{ID}"));
    let trace = in_namespace(move || {
        let port = unused_port();
        let accepting = drain(listen(port), 5);
        let tracer = Tracer::start(&["--port", &port.to_string(), "--pod", POD]);
        let mut outside = WaitingShell::start(port, 3);
        let mut inside = WaitingShell::start(port, 2);
        pod.take(inside.child.id());
        outside.go();
        inside.go();
        accepting.join().unwrap();
        let trace = tracer.finish();
        outside.end();
        inside.end();
        trace
    });
    trace.assert_nothing_lost();
    assert_eq!(trace.connections.len(), 2);
    for connection in &trace.connections {
        let process = &connection["process"];
        assert_eq!(
            (&process["pod"], &process["container"]),
            (&json!(POD), &json!(ID))
        );
    }
    let filtered = &trace.report["filtered"];
    assert_eq!(
        (&filtered["connections"], &filtered["undecided"]),
        (&json!(3), &json!(0))
    );
}
