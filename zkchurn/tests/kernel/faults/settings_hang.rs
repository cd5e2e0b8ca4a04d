// SPDX-License-Identifier: MIT
//! An agent's directory or settings are on a file system that hangs: neither a trace beside it nor
//! the agent itself waits for that, and what waits in the kernel for good keeps no end waiting.

use std::{fs, time::Duration};

use rustix::process::Signal;
use zkchurn_lab::harness::proc;

use super::{
    hanging_fs::{FILE, HANG},
    hangs::{Scene, client},
    run::{Begun, PATIENCE, Run, assert_gone, helper, replay},
};
use crate::{
    agent::Agent,
    namespace::in_namespace,
    peer::{connect, v4},
    tracer::{Trace, wait_for},
};

/// What a process is called that answers one question: after the link that it was started by.
const ASKED: &str = "exe";

/// A child of zkchurn that was killed and waits in the kernel.
fn left_by(pid: u32) -> u32 {
    let asked = crate::helper::of(pid, ASKED);
    wait_for(PATIENCE, "it to wait in the kernel", || {
        let status = proc::status(asked).unwrap();
        status
            .text("State")
            .is_some_and(|state| state.starts_with('D'))
    });
    asked
}

/// A trace beside an agent of which this hangs, once it is put in its place.
fn beside(cover: String, said: &'static str) {
    let (ended, mounted) = in_namespace(move || {
        let scene = Scene::new();
        let hanging = scene.hanging().to_owned();
        let cover = cover.replace("HANGING", &hanging);
        let mut run = scene.trace(
            &format!("{cover} && ! [ -e {hanging}/{HANG} ] &&"),
            &[],
            Begun::Says,
        );
        run.await_message(said);
        let left = left_by(run.pid());
        client(scene.port, 5);
        scene.end(run, said, left)
    });
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let trace = Trace::parse(&ended.stdout).unwrap();
    trace.assert_nothing_lost();
    assert_eq!(trace.connections.len(), 5);
    drop(mounted);
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn an_agents_directory_that_hangs_delays_a_trace_beside_it_by_seconds() {
    beside(
        "mount -t tmpfs none /var/lib && mkdir /var/lib/zkchurn && \
         mount --bind HANGING /var/lib/zkchurn"
            .to_owned(),
        "could not be found out within 3 s",
    );
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn an_agents_settings_that_hang_delay_a_trace_beside_it_by_seconds() {
    beside(
        format!(
            "mount -t tmpfs none /etc && mkdir /etc/zkchurn && touch /etc/zkchurn/agent.toml && \
             mount --bind HANGING/{FILE} /etc/zkchurn/agent.toml"
        ),
        "zkchurn: tracing",
    );
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn settings_that_hang_when_they_are_read_again_stay_as_they_were() {
    in_namespace(|| {
        let scene = Scene::new();
        let kept = tempfile::tempdir().unwrap();
        // It has no setting.
        let cover = format!("mount --bind {}/{FILE} \"$3\" &&", scene.hanging());
        let command = scene.fs.zkchurn(scene.hanging(), &cover);
        let port = scene.port.to_string();
        let agent = Agent::spawn(command, scene.port, kept.path(), "", |command, _| {
            command.args(["--port", &port, "--size", "4MiB"]);
        });
        agent.await_message("zkchurn: tracing");
        scene.fs.hang();
        agent.signal(Signal::HUP);
        agent.await_message("there was no answer within 5 s");
        let left = left_by(agent.pid());
        agent.signal(Signal::HUP);
        agent.await_message("still waits for a file system");
        assert_eq!(crate::helper::all_of(agent.pid(), ASKED), [left]);
        (0..5).for_each(|_| drop(connect(v4(scene.port))));
        let (code, messages) = agent.end();
        assert_eq!(code, Some(0), "{messages}");
        assert_eq!(
            messages.matches("the settings stay as they were").count(),
            2
        );
        drop(scene.fs);
        assert_gone(left);
        let replayed = replay(kept.path());
        let replayed = String::from_utf8(replayed.stdout).unwrap();
        assert_eq!(Trace::parse(&replayed).unwrap().connections.len(), 5);
    });
}

/// An agent whose settings hang as it begins, and the process of its own that waits for them.
fn begun_with_hanging_settings(then: impl FnOnce(Agent) -> (Option<i32>, String)) -> String {
    let scene = Scene::new();
    let kept = tempfile::tempdir().unwrap();
    let hanging = scene.hanging();
    let cover = format!("mount --bind {hanging}/{FILE} \"$3\" && ! [ -e {hanging}/{HANG} ] &&");
    let command = scene.fs.zkchurn(hanging, &cover);
    let agent = Agent::spawn(command, scene.port, kept.path(), "", |_, _| ());
    let left = left_by(agent.pid());
    let (code, messages) = then(agent);
    assert_ne!(code, Some(0), "{messages}");
    drop(scene.fs);
    assert_gone(left);
    messages
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn settings_that_hang_as_an_agent_begins_are_waited_for_some_seconds_and_named() {
    let messages = in_namespace(|| {
        begun_with_hanging_settings(|agent| {
            let (code, messages) = agent.ended();
            assert_eq!(code, Some(6), "{messages}");
            (code, messages)
        })
    });
    let said =
        "agent.toml: it cannot be read: there was no answer within 5 s: its file system hangs";
    assert!(messages.contains(said), "{messages}");
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn a_signal_ends_an_agent_whose_settings_hang_as_it_begins() {
    let messages = in_namespace(|| begun_with_hanging_settings(Agent::end));
    assert!(!messages.contains("no answer"), "{messages}");
}

/// Each stop and continuation interrupts what waits in `epoll_wait` and the like with EINTR
/// (signal(7)).
#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn a_storm_of_stops_interrupts_neither_the_trace_nor_its_helpers() {
    const STOPS: usize = 100;
    let directory = tempfile::tempdir().unwrap();
    let recording = directory.path().join("x.zkchurn");
    let path = recording.to_str().unwrap().to_owned();
    let ended = in_namespace(move || {
        let scene = Scene::new();
        let run: Run = scene.trace("", &["--record", &path], Begun::Says);
        let helpers = ["zkchurn-look", "zkchurn-record"].map(|name| helper(&run, name));
        for _ in 0..STOPS {
            for signal in [Signal::STOP, Signal::CONT] {
                run.signal(signal);
                for pid in helpers {
                    let pid = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
                    rustix::process::kill_process(pid, signal).unwrap();
                }
            }
            drop(connect(v4(scene.port)));
            std::thread::sleep(Duration::from_millis(5));
        }
        run.signal(Signal::INT);
        run.wait()
    });
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let trace = Trace::parse(&ended.stdout).unwrap();
    trace.assert_nothing_lost();
    assert_eq!(trace.connections.len(), STOPS);
    assert!(!ended.stderr.contains("helper"), "{}", ended.stderr);
    assert!(fs::metadata(&recording).is_ok_and(|file| file.len() > 0));
    assert_eq!(
        String::from_utf8(replay(&recording).stdout).unwrap(),
        ended.stdout
    );
}
