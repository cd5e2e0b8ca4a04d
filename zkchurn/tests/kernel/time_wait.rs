// SPDX-License-Identifier: MIT
//! Every socket in TIME_WAIT has its owner, and the list is that of `ss`.

use std::{collections::BTreeSet, net::TcpListener, process::Command, thread, time::Duration};

use serde_json::{Value, json};

use crate::{
    in_time::{ChildInTime, CommandInTime},
    namespace::in_namespace,
    peer::{connect, listen, v4, v4_mapped, v6},
    tracer::{Trace, Tracer, unused_port},
};

/// `zkchurn timewait`, tracing until it is told to list.
fn watch(port: u16) -> Tracer {
    let mut command = Command::new(env!("CARGO_BIN_EXE_zkchurn"));
    command.arg("timewait");
    let port = port.to_string();
    Tracer::start_command(command, &["--port", &port, "--watch", "50s", "--rows"])
}

/// Opens and closes `count` connections, the client first, each to `to`.
fn churn(listener: &TcpListener, to: std::net::SocketAddr, count: usize) {
    for _ in 0..count {
        let client = connect(to);
        let (server, _) = listener.accept().unwrap();
        drop(client);
        // Reads the FIN first, so that this side closes second.
        assert_eq!(crate::peer::read_all(&mut &server), 0);
    }
}

/// Cookie, local and remote address of each socket in TIME_WAIT, as `ss` tells.
fn by_ss(port: u16) -> BTreeSet<(String, String, String)> {
    let filter = format!("dport = :{port}");
    let output = Command::new("ss")
        .args(["-tane", "state", "time-wait", &filter])
        .output_in_time()
        .unwrap();
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    let plain = |address: &str| address.replace("[::ffff:127.0.0.1]", "127.0.0.1");
    text.lines()
        .skip(1)
        .map(|line| {
            let words: Vec<_> = line.split_whitespace().collect();
            let cookie = words.iter().find_map(|word| word.strip_prefix("sk:"));
            (cookie.unwrap().to_owned(), plain(words[2]), plain(words[3]))
        })
        .collect()
}

fn rows(trace: &Trace) -> &Vec<Value> {
    trace.report["time_wait"]["rows"].as_array().unwrap()
}

fn by_zkchurn(trace: &Trace) -> BTreeSet<(String, String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    rows(trace)
        .iter()
        .map(|row| {
            (
                text(&row["socket"]),
                text(&row["local"]),
                text(&row["remote"]),
            )
        })
        .collect()
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn every_socket_has_the_thread_that_opened_it_and_the_cookie_that_ss_shows() {
    const EACH: usize = 12;
    in_namespace(|| {
        let port = unused_port();
        let listener = listen(port);
        let tracer = watch(port);
        let mut truth = Vec::new();
        for to in [v4(port), v6(port), v4_mapped(port)] {
            let listener = listener.try_clone().unwrap();
            let churning = move || {
                churn(&listener, to, EACH);
                rustix::thread::gettid().as_raw_pid()
            };
            truth.push(thread::spawn(churning).join().unwrap());
        }
        let trace = tracer.finish();
        assert_eq!(by_zkchurn(&trace), by_ss(port));
        assert_eq!(rows(&trace).len(), 3 * EACH);
        assert_eq!(trace.report["time_wait"]["total"], 3 * EACH);
        for tid in truth {
            let of_thread = rows(&trace).iter().filter(|row| row["owner"]["tid"] == tid);
            assert_eq!(of_thread.count(), EACH, "of thread {tid}");
        }
        for row in rows(&trace) {
            assert_eq!(row["owner"]["known"], "traced");
            assert_eq!(row["owner"]["pid"], std::process::id());
            let age = row["age_ms"].as_u64().unwrap();
            let left = row["left_ms"].as_u64().unwrap();
            // The timer counts in jiffies; the record in nanoseconds.
            assert!(
                (59_000..61_000).contains(&(age + left)),
                "{age} + {left} ms"
            );
        }
    });
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn an_owner_is_one_whatever_server_of_the_ensemble_it_went_to() {
    let trace = in_namespace(|| {
        let port = unused_port();
        let listener = listen(port);
        let tracer = watch(port);
        for host in 1..=3 {
            churn(&listener, ([127, 0, 0, host], port).into(), 4);
        }
        tracer.finish()
    });
    let table = &trace.report["time_wait"];
    assert_eq!(table["groups"].as_array().unwrap().len(), 3, "{table:#}");
    assert_eq!(table["owners"].as_array().unwrap().len(), 1, "{table:#}");
    assert_eq!(table["owners"][0]["count"], 12);
    assert_eq!(table["owners"][0]["threads"], 1);
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn with_a_filter_on_the_process_others_sockets_are_not_called_lost() {
    let trace = in_namespace(|| {
        let port = unused_port();
        let listener = listen(port);
        let me = std::process::id().to_string();
        let tracer = Tracer::start(&["--port", &port.to_string(), "--pid", &me]);
        // What ended sooner may have ended before by its timer.
        thread::sleep(Duration::from_millis(100));
        churn(&listener, v4(port), 2);
        let script = format!("exec 3<>/dev/tcp/127.0.0.1/{port}");
        let mut other = Command::new("bash").args(["-c", &script]).spawn().unwrap();
        let (mut accepted, _) = listener.accept().unwrap();
        assert_eq!(crate::peer::read_all(&mut accepted), 0);
        drop(accepted);
        other.wait_in_time().unwrap();
        tracer.finish()
    });
    let owners = trace.report["time_wait"]["owners"].as_array().unwrap();
    let known: Vec<_> = owners
        .iter()
        .map(|owner| (owner["owner"]["known"].as_str().unwrap(), &owner["count"]))
        .collect();
    let counts = (json!(2), json!(1));
    assert_eq!(
        known,
        [("traced", &counts.0), ("not_that_process", &counts.1)]
    );
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn what_closed_before_the_trace_is_said_to_have_no_owner() {
    let trace = in_namespace(|| {
        let port = unused_port();
        let listener = listen(port);
        churn(&listener, v4(port), 5);
        let tracer = watch(port);
        churn(&listener, v4(port), 3);
        let trace = tracer.finish();
        assert_eq!(by_zkchurn(&trace), by_ss(port));
        trace
    });
    let of = |known: &str| {
        let rows = rows(&trace).iter();
        rows.filter(|row| row["owner"]["known"] == known).count()
    };
    assert_eq!((of("closed_before_start"), of("traced")), (5, 3));
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn sockets_in_another_network_namespace_are_listed_in_the_report_too() {
    let port = unused_port();
    // In the namespace of the tests themselves.
    let tracer = Tracer::start(&["--port", &port.to_string()]);
    let trace = in_namespace(move || {
        let listener = listen(port);
        churn(&listener, v4(port), 4);
        let trace = tracer.finish();
        assert_eq!(by_ss(port).len(), 4);
        trace
    });
    trace.assert_nothing_lost();
    let groups = &trace.report["time_wait"]["groups"];
    assert_eq!(groups.as_array().unwrap().len(), 1, "{groups:#}");
    assert_eq!(groups[0]["count"], 4);
    assert_eq!(groups[0]["owner"]["pid"], std::process::id());
    assert_eq!(trace.report["time_wait"]["rows"], json!([]));
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn on_the_server_the_thread_that_closed_first_owns_the_socket() {
    let (trace, tid) = in_namespace(|| {
        let port = unused_port();
        let listener = listen(port);
        let port = port.to_string();
        let tracer = Tracer::start(&["--port", &port, "--side", "server", "--no-logs"]);
        let mut client = connect(v4(port.parse().unwrap()));
        drop(listener.accept().unwrap());
        assert_eq!(crate::peer::read_all(&mut client), 0);
        drop(client);
        (tracer.finish(), rustix::thread::gettid().as_raw_pid())
    });
    let group = &trace.report["time_wait"]["groups"][0];
    assert_eq!(group["owner"]["tid"], tid);
    assert_eq!(group["count"], 1);
    // It listens, so it is found and looked up, though no log is read.
    let own = std::fs::read_to_string("/proc/self/comm").unwrap();
    assert_eq!(group["owner"]["process"], own.trim_end());
}
