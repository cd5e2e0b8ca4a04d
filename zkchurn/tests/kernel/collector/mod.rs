// SPDX-License-Identifier: MIT
//! Events and counts for a collector of OpenTelemetry: all of them where it is well, and no risk for the trace
//! where it is not.

mod real;

use std::{
    io::Read,
    net::TcpListener,
    process::Command,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

use crate::{
    faults::run::{Ended, PATIENCE, Run, assert_gone, helper},
    namespace::in_namespace,
    peer::{connect, drain, listen, v4},
    tracer::{Trace, unused_port, wait_for},
};

/// Several times what an end may take, which is two seconds: the machine may be busy.
const ENDS_WITHIN: Duration = Duration::from_secs(10);
const CONNECTIONS: usize = 40;

/// A trace of some connections that is told of this collector, and meanwhile something is done; these
/// are the words of its last message.
fn traced(collector: &str, meanwhile: impl FnOnce(&mut Run), last: &str) -> Ended {
    let port = unused_port();
    let accepting = drain(listen(port), CONNECTIONS);
    let port_text = port.to_string();
    let options = ["--port", &port_text, "--interval", "100ms", "--otlp"];
    let zkchurn = Command::new(env!("CARGO_BIN_EXE_zkchurn"));
    let mut run = Run::start(zkchurn, &[&options[..], &[collector]].concat());
    (0..CONNECTIONS).for_each(|_| drop(connect(v4(port))));
    accepting.join().unwrap();
    meanwhile(&mut run);
    let began = Instant::now();
    run.signal(Signal::INT);
    // A process of its own writes messages to a file, and may be a moment late.
    wait_for(PATIENCE, last, || run.messages().contains(last));
    let ended = run.wait();
    assert!(began.elapsed() < ENDS_WITHIN, "{:?}", began.elapsed());
    ended
}

/// The trace has all, what the collector lacks is said, and the exit code tells of it.
fn assert_only_the_collector_lacks(ended: &Ended) {
    let trace = Trace::parse(&ended.stdout).unwrap();
    trace.assert_nothing_lost();
    assert_eq!(trace.connections.len(), CONNECTIONS);
    assert_eq!(ended.code, Some(7), "{}", ended.stderr);
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn one_that_is_not_there_costs_the_trace_nothing_and_is_told_of() {
    let ended = in_namespace(|| {
        let collector = format!("http://127.0.0.1:{}", unused_port());
        let meanwhile = |run: &mut Run| run.await_message("takes no records");
        traced(&collector, meanwhile, "before the trace ended")
    });
    assert_only_the_collector_lacks(&ended);
    for words in ["Connection refused", "lacks"] {
        assert!(ended.stderr.contains(words), "{}", ended.stderr);
    }
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn one_that_accepts_and_never_answers_does_not_hold_up_the_end() {
    let ended = in_namespace(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let collector = format!("http://{}", listener.local_addr().unwrap());
        // What connects is in the kernel's queue, and nobody reads it.
        let ended = traced(&collector, |_| (), "before the trace ended");
        drop(listener);
        ended
    });
    assert_only_the_collector_lacks(&ended);
    assert!(ended.stderr.contains("may lack"), "{}", ended.stderr);
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn what_one_refuses_is_in_the_losses_of_the_report() {
    let ended = in_namespace(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let collector = format!("http://{}", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                // As much as has come: the answer does not depend on it.
                let _ = stream.read(&mut [0; 65_536]);
                let answer = b"HTTP/1.1 400 Bad\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
                let _ = std::io::Write::write_all(&mut stream, answer);
                let _ = stream.shutdown(std::net::Shutdown::Write);
                let _ = stream.read_to_end(&mut Vec::new());
            }
        });
        let refused = "refused (it answers 400)";
        traced(&collector, |run| run.await_message(refused), "lacks")
    });
    assert_only_the_collector_lacks(&ended);
    let trace = Trace::parse(&ended.stdout).unwrap();
    assert!(trace.loss("records_not_exported") > 0);
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn a_helper_that_is_gone_or_stopped_costs_the_trace_nothing_and_is_told_of() {
    for (signal, words) in [
        (Signal::KILL, "the helper process that sends them has ended"),
        (Signal::STOP, "is stopped"),
    ] {
        let ended = in_namespace(move || {
            let collector = format!("http://127.0.0.1:{}", unused_port());
            let mut sends = 0;
            let meanwhile = |run: &mut Run| {
                sends = helper(run, "zkchurn-otlp");
                let pid = Pid::from_raw(sends.cast_signed()).unwrap();
                kill_process(pid, signal).unwrap();
                if signal == Signal::KILL {
                    run.await_message("any more: the helper process");
                }
            };
            let ended = traced(&collector, meanwhile, words);
            assert_gone(sends);
            ended
        });
        assert_only_the_collector_lacks(&ended);
    }
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn its_helper_holds_no_capability_while_it_sends() {
    let ended = in_namespace(|| {
        let collector = format!("http://127.0.0.1:{}", unused_port());
        let meanwhile = |run: &mut Run| {
            let sends = helper(run, "zkchurn-otlp");
            run.await_message("takes no records");
            let status = std::fs::read_to_string(format!("/proc/{sends}/status")).unwrap();
            for set in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
                let none = format!("{set}:\t0000000000000000");
                assert!(status.contains(&none), "{status}");
            }
        };
        traced(&collector, meanwhile, "lacks")
    });
    assert_only_the_collector_lacks(&ended);
}

/// Answers requests for events well, and those for counts so, each connection in its own thread.
fn answering_counts(listener: TcpListener, status: &'static str) {
    for stream in listener.incoming() {
        let mut stream = stream.unwrap();
        std::thread::spawn(move || {
            let mut read = Vec::new();
            loop {
                // The whole of a request: what was not read would reset the connection.
                let Some(length) = length_of(&read) else {
                    let mut more = [0; 65_536];
                    match stream.read(&mut more) {
                        Ok(count @ 1..) => read.extend(&more[..count]),
                        _ => return,
                    }
                    continue;
                };
                let is_of_counts = read.starts_with(b"POST /v1/metrics ");
                read.drain(..length);
                let status = if is_of_counts { status } else { "200 OK" };
                let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n");
                if std::io::Write::write_all(&mut stream, answer.as_bytes()).is_err() {
                    return;
                }
            }
        });
    }
}

/// Of the first request in these bytes, if all of it is there.
fn length_of(read: &[u8]) -> Option<usize> {
    let header = read.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let text = String::from_utf8_lossy(&read[..header]).to_ascii_lowercase();
    let body = text
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    let length = header + body?.parse::<usize>().ok()?;
    (read.len() >= length).then_some(length)
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn one_that_takes_no_counts_gets_all_events_and_no_record_counts_as_lost() {
    let lacks_last = "does not have the last counts: it answers 503";
    for (status, why, last, code) in [
        (
            "503 Busy",
            "takes no counts (it answers 503)",
            lacks_last,
            7,
        ),
        ("404 Not Found", "takes no counts (it answers 404)", "", 0),
    ] {
        let ended = in_namespace(move || {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let collector = format!("http://{}", listener.local_addr().unwrap());
            std::thread::spawn(move || answering_counts(listener, status));
            traced(&collector, |run| run.await_message(why), last)
        });
        let trace = Trace::parse(&ended.stdout).unwrap();
        trace.assert_nothing_lost();
        assert_eq!(trace.loss("records_not_exported"), 0, "{status}");
        assert_eq!(ended.code, Some(code), "{status}: {}", ended.stderr);
        let said = ended.stderr.matches("takes no counts").count();
        assert_eq!(said, 1, "{}", ended.stderr);
        assert!(
            !ended.stderr.contains("takes no records"),
            "{}",
            ended.stderr
        );
    }
}
