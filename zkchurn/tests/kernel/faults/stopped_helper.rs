// SPDX-License-Identifier: MIT
//! The helper that looks into other processes is stopped while many new ones connect: that is
//! said once for all of them, and once that it is back; and shortly before the end, where nobody is new.

use std::process::Command;

use rustix::process::{Pid, Signal, kill_process};

use super::{
    hangs::{client, served_port},
    run::{Run, helper},
};
use crate::{namespace::in_namespace, tracer::Trace};

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn a_helper_that_is_stopped_is_told_of_once_and_so_is_that_it_is_back() {
    let ended = in_namespace(|| {
        let port = served_port();
        let command = Command::new(env!("CARGO_BIN_EXE_zkchurn"));
        let mut run = Run::start(command, &["--port", &port.to_string(), "--interval", "1s"]);
        let looker = helper(&run, "zkchurn-look");
        let send = |signal| kill_process(Pid::from_raw(looker.cast_signed()).unwrap(), signal);
        send(Signal::STOP).unwrap();
        (0..4).for_each(|_| client(port, 1));
        let stopped = format!("(zkchurn-look, pid {looker}) is stopped");
        run.await_message(&stopped);
        // These become overdue one after the other.
        (0..4).for_each(|_| client(port, 1));
        std::thread::sleep(std::time::Duration::from_secs(4));
        send(Signal::CONT).unwrap();
        run.await_message("(zkchurn-look) answers again");
        client(port, 1);
        run.signal(Signal::INT);
        let ended = run.wait();
        assert_eq!(
            ended.stderr.matches(&stopped).count(),
            1,
            "{}",
            ended.stderr
        );
        ended
    });
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let said = |words: &str| ended.stderr.matches(words).count();
    assert_eq!(said("answers again"), 1, "{}", ended.stderr);
    assert_eq!(said("was not looked up in time"), 0, "{}", ended.stderr);
}

/// Nobody new is to be looked up then, who would be named for it.
#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn a_helper_that_is_stopped_before_the_end_is_what_the_last_answers_lack() {
    let (ended, looker) = in_namespace(|| {
        let port = served_port();
        let command = Command::new(env!("CARGO_BIN_EXE_zkchurn"));
        let run = Run::start(command, &["--port", &port.to_string(), "--interval", "1s"]);
        client(port, 5);
        // Until it was looked up.
        std::thread::sleep(std::time::Duration::from_secs(2));
        let looker = helper(&run, "zkchurn-look");
        let pid = Pid::from_raw(looker.cast_signed()).unwrap();
        kill_process(pid, Signal::STOP).unwrap();
        run.signal(Signal::INT);
        (run.wait(), looker)
    });
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let trace = Trace::parse(&ended.stdout).unwrap();
    let stopped = format!("(zkchurn-look, pid {looker}) was stopped");
    for place in ["degraded", "time_wait"] {
        let said = trace.report[place].to_string();
        assert!(said.contains(&stopped), "{place}: {said}");
        assert!(!said.contains("in time"), "{place}: {said}");
    }
}
