// SPDX-License-Identifier: MIT
//! Something that zkchurn deals with hangs while it traces: a process that is looked up, a
//! log, the file system of the recording, the reader of its output, its own helper. All
//! connections are counted, the end comes in time with a report, and nothing is left
//! behind. docs/reference/faults.md has the table.

use std::{
    fs,
    io::{Read, Write},
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use zkchurn_lab::harness::proc;

use super::{
    figure,
    hanging_fs::{FILE, HANG, HangingFs},
    run::{
        Begun, Ended, PATIENCE, Run, assert_gone, helper, helpers, partial, recording_to, replay,
    },
};
use crate::{
    namespace::in_namespace,
    peer::{connect, drain, listen, v4},
    tracer::{Trace, await_tracing, unused_port, wait_for},
};

/// How long the end may take on a machine that is busy with other tests; it is below two
/// seconds on an idle one, which is shown as a figure.
const ENDS_WITHIN: Duration = Duration::from_secs(10);

/// A port that is served, and a file system that hangs when it is told to, mounted where
/// zkchurn runs.
pub(super) struct Scene {
    pub port: u16,
    pub fs: HangingFs,
    mounted: tempfile::TempDir,
}

impl Scene {
    pub(super) fn new() -> Self {
        Self {
            port: served_port(),
            fs: HangingFs::new(),
            mounted: tempfile::tempdir().unwrap(),
        }
    }

    /// Where the file system is.
    pub(super) fn hanging(&self) -> &str {
        self.mounted.path().to_str().unwrap()
    }

    /// Starts zkchurn after a line of shell, and waits until it traces.
    pub(super) fn trace(&self, prepare: &str, arguments: &[&str], begun: Begun<'_>) -> Run {
        let command = self.fs.zkchurn(self.hanging(), prepare);
        let port = self.port.to_string();
        let common = ["--port", &port, "--interval", "1s"];
        Run::start_until(command, &[&common, arguments].concat(), begun)
    }

    /// Interrupts a trace, takes the file system away after its end, and waits until the
    /// helper that hung in it is gone.
    pub(super) fn end(self, run: Run, what: &str, helper: u32) -> (Ended, tempfile::TempDir) {
        let ended = end(run, what);
        let Self { fs, mounted, .. } = self;
        drop(fs);
        assert_gone(helper);
        (ended, mounted)
    }
}

/// A port of this namespace where whoever connects is served for as long as the test lasts.
pub(super) fn served_port() -> u16 {
    let port = unused_port();
    let listener = listen(port);
    thread::spawn(move || drain(listener, usize::MAX));
    port
}

/// A client that is another process: `bash`, connecting so many times.
pub(super) fn client(port: u16, count: usize) {
    let script =
        format!("for i in $(seq {count}); do exec 3<>/dev/tcp/127.0.0.1/{port}; exec 3>&-; done");
    let status = Command::new("bash").args(["-c", &script]).status().unwrap();
    assert!(status.success());
}

/// Interrupts it, and waits for its end.
fn end(run: Run, what: &str) -> Ended {
    let begun = Instant::now();
    run.signal(Signal::INT);
    // A second one is harmless.
    run.signal(Signal::INT);
    let ended = run.wait();
    let took = begun.elapsed();
    figure(&format!(
        "{what}: ended {:.2} s after SIGINT",
        took.as_secs_f64()
    ));
    assert!(took < ENDS_WITHIN, "{what}: {took:?}, {}", ended.stderr);
    ended
}

fn directory() -> (tempfile::TempDir, String) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().to_str().unwrap().to_owned();
    (directory, path)
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn a_process_that_cannot_be_read_holds_up_nothing() {
    let (recorded, directory) = directory();
    let record = format!("{directory}/x.zkchurn");
    let path = record.clone();
    let (ended, mounted) = in_namespace(move || {
        let scene = Scene::new();
        // As when this process held its mmap_lock: whoever reads its command line waits in
        // the kernel, and cannot be ended.
        let cover = format!(
            "mount --bind {}/{FILE} /proc/{}/cmdline &&",
            scene.hanging(),
            std::process::id()
        );
        let mut run = scene.trace(&cover, &["--record", &path], Begun::Says);
        let looker = helper(&run, "zkchurn-look");
        // Before anything is known of this process, which is asked for once only: it is also
        // who starts the clients.
        scene.fs.hang();
        client(scene.port, 5);
        (0..20).for_each(|_| drop(connect(v4(scene.port))));
        client(scene.port, 5);
        run.await_message("was not looked up in time");
        scene.end(run, "a process that cannot be read", looker)
    });
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let trace = Trace::parse(&ended.stdout).unwrap();
    trace.assert_nothing_lost();
    assert_eq!(trace.connections.len(), 30);
    let named = |name: &str| {
        let connections = trace.connections.iter();
        connections
            .filter(|connection| connection["process"]["name"] == name)
            .count()
    };
    assert_eq!(named("bash"), 10);
    let degraded = trace.report["degraded"].to_string();
    assert!(
        degraded.contains("1 process was not looked up in time"),
        "{degraded}"
    );
    assert!(ended.stdout.contains("\"type\":\"interval\""));
    let replayed = replay(Path::new(&record));
    assert_eq!(replayed.status.code(), Some(0));
    assert_eq!(String::from_utf8(replayed.stdout).unwrap(), ended.stdout);
    drop((recorded, mounted));
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn a_process_whose_descriptors_hang_holds_up_neither_the_start_nor_the_older_connections() {
    let (ended, took, holder, hung) = in_namespace(|| {
        let scene = Scene::new();
        let held = connect(v4(scene.port));
        let mut holder = holding(scene.port);
        let mut hung = holding(scene.port);
        // As when it held a lock that these take.
        let (of_hung, hanging) = (format!("/proc/{}", hung.id()), scene.hanging());
        let cover = format!(
            "mount --bind {hanging} {of_hung}/fd && mount --bind {hanging} {of_hung}/ns && \
             ! [ -e {hanging}/{HANG} ] &&"
        );
        let begun = Instant::now();
        let run = scene.trace(&cover, &[], Begun::Says);
        let took = begun.elapsed();
        let looker = helper(&run, "zkchurn-look");
        holder.kill().unwrap();
        holder.wait().unwrap();
        client(scene.port, 5);
        let (ended, _mounted) = scene.end(run, "a process whose descriptors hang", looker);
        hung.kill().unwrap();
        hung.wait().unwrap();
        drop(held);
        (ended, took, holder.id(), hung.id())
    });
    figure(&format!(
        "a process whose descriptors hang: tracing after {:.1} s",
        took.as_secs_f64()
    ));
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let trace = Trace::parse(&ended.stdout).unwrap();
    trace.assert_nothing_lost();
    let of = |pid: u32| {
        trace
            .connections
            .iter()
            .filter(move |one| one["process"]["pid"] == pid)
    };
    assert_eq!(of(holder).count(), 1);
    assert_eq!(of(hung).count(), 0, "nobody could find that out");
    let older = trace.report["total"]["older"]["open"].as_u64();
    assert_eq!(older, Some(2), "{:#}", trace.report["total"]);
    let degraded = trace.report["degraded"].to_string();
    for what in ["network namespace", "descriptors"] {
        let sentence = format!("{what} of process {hung} did not answer");
        assert!(degraded.contains(&sentence), "{degraded}");
    }
}

/// A process that holds a connection.
fn holding(port: u16) -> Child {
    let script = format!("exec 3<>/dev/tcp/127.0.0.1/{port}; echo >&1; read <&3");
    let mut command = Command::new("bash");
    command.args(["-c", &script]).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let connected = child.stdout.as_mut().unwrap().read(&mut [0]).unwrap();
    assert_eq!(connected, 1, "it is connected");
    child
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn logs_on_a_file_system_that_hangs_delay_no_other_process() {
    let (ended, hung) = in_namespace(|| {
        let scene = Scene::new();
        let run = scene.trace("", &[], Begun::Says);
        let looker = helper(&run, "zkchurn-look");
        // Not this process's log: a program that it starts would close it, and hang.
        let log = format!("/proc/{}/root{}/{FILE}", run.pid(), scene.hanging());
        let mut hung = [(); 3].map(|()| churning(scene.port, &format!("exec 4>>{log};")));
        wait_for(PATIENCE, "their log to be open", || {
            let is_open = |one: &Child| fs::read_link(format!("/proc/{}/fd/4", one.id())).is_ok();
            hung.iter().all(is_open)
        });
        scene.fs.hang();
        let begin = |one: &mut Child| one.stdin.take().unwrap().write_all(b"\n").unwrap();
        hung.iter_mut().for_each(begin);
        let mut other = churning(scene.port, "");
        begin(&mut other);
        thread::sleep(Duration::from_secs(4));
        let ended = end(run, "logs that hang");
        other.kill().unwrap();
        other.wait().unwrap();
        hung.iter_mut().for_each(|one| one.kill().unwrap());
        // Their end waits for the file system, too.
        let Scene { fs, .. } = scene;
        drop(fs);
        assert_gone(looker);
        let pids = hung.each_ref().map(Child::id);
        hung.iter_mut()
            .for_each(|one| assert!(!one.wait().unwrap().success()));
        (ended, pids)
    });
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let trace = Trace::parse(&ended.stdout).unwrap();
    trace.assert_nothing_lost();
    // Each keeps one more open, so that it lives on.
    assert_eq!(trace.report["total"]["ended"], 40);
    let suspects = trace.report["suspects"].as_array().unwrap();
    let is_hung = |suspect: &Value| hung.iter().any(|pid| suspect["pid"] == *pid);
    for suspect in suspects.iter().filter(|suspect| is_hung(suspect)) {
        let notes = suspect["details"]["notes"].to_string();
        assert!(
            notes.contains("not finished when the trace ended"),
            "{notes}"
        );
    }
    let other = suspects.iter().find(|suspect| !is_hung(suspect));
    let other = other.expect("the other one was looked at");
    assert!(other["logs"].is_object(), "{other:#}");
}

/// A process that begins with some shell, connects ten times once it is told to, and lives on.
fn churning(port: u16, begin: &str) -> Child {
    let script = format!(
        "{begin} read; for ((i = 0; i < 10; i++)); do exec 3<>/dev/tcp/127.0.0.1/{port}; \
         exec 3>&-; done; exec 5<>/dev/tcp/127.0.0.1/{port}; read <&5"
    );
    let mut command = Command::new("bash");
    command.args(["-c", &script]).stdin(Stdio::piped());
    command.spawn().unwrap()
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn a_recording_on_a_file_system_that_hangs_is_named_as_incomplete() {
    let (ended, path) = in_namespace(|| {
        let scene = Scene::new();
        let record = format!("{}/x.zkchurn", scene.hanging());
        let run = scene.trace("", &["--record", &record], Begun::Says);
        let recorder = helper(&run, "zkchurn-record");
        client(scene.port, 5);
        scene.fs.hang();
        client(scene.port, 500);
        let (ended, _mounted) = scene.end(run, "a recording whose file system hangs", recorder);
        (ended, record)
    });
    assert_eq!(ended.code, Some(7), "{}", ended.stderr);
    let message = format!("the file system of {path} does not answer; {path}.partial has");
    assert!(ended.stderr.contains(&message), "{}", ended.stderr);
    let trace = Trace::parse(&ended.stdout).unwrap();
    trace.assert_nothing_lost();
    assert_eq!(trace.connections.len(), 505);
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn metrics_on_a_file_system_that_hangs_stop_neither_the_trace_nor_the_end() {
    let (ended, path) = in_namespace(|| {
        let scene = Scene::new();
        let file = format!("{}/x.prom", scene.hanging());
        let options = ["--prom-file", &file];
        let mut run = scene.trace("", &options, Begun::Says);
        let publisher = helper(&run, "zkchurn-publish");
        client(scene.port, 5);
        scene.fs.hang();
        client(scene.port, 50);
        run.await_message("is not renewed");
        let (ended, _mounted) = scene.end(run, "metrics whose file system hangs", publisher);
        (ended, file)
    });
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let sentence = format!("{path} is not renewed");
    assert_eq!(
        ended.stderr.matches(&sentence).count(),
        1,
        "{}",
        ended.stderr
    );
    let trace = Trace::parse(&ended.stdout).unwrap();
    trace.assert_nothing_lost();
    assert_eq!(trace.connections.len(), 55);
}

/// Ends it by SIGTERM, within the time that is promised; what `hangs` is for the figures.
fn terminated_in_time(child: &mut Child, hangs: &str) -> ExitStatus {
    let begun = Instant::now();
    kill_process(Pid::from_child(child), Signal::TERM).unwrap();
    let mut status = None;
    wait_for(PATIENCE, "the end of zkchurn", || {
        status = child.try_wait().unwrap();
        status.is_some()
    });
    let took = begun.elapsed();
    figure(&format!(
        "{hangs}: ended {:.2} s after SIGTERM",
        took.as_secs_f64()
    ));
    assert!(took < ENDS_WITHIN, "{took:?}");
    status.unwrap()
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn a_reader_that_pauses_stops_neither_the_recording_nor_the_end() {
    const COUNT: usize = 2_000;
    let (recorded, record) = directory();
    let record = format!("{record}/x.zkchurn");
    let path = record.clone();
    let (code, said) = in_namespace(move || {
        let port = served_port();
        let mut command = recording_to(Command::new(env!("CARGO_BIN_EXE_zkchurn")), port, &path);
        command.args(["--format", "json", "--interval", "1s"]);
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stderr = child.stderr.take().unwrap();
        await_tracing(&mut stderr);
        (0..COUNT).for_each(|_| drop(connect(v4(port))));
        let status = terminated_in_time(&mut child, "a reader that pauses");
        let mut said = String::new();
        stderr.read_to_string(&mut said).unwrap();
        (status.code(), said)
    });
    assert_eq!(code, Some(7), "{said}");
    assert!(
        said.contains("the reader of standard output has paused"),
        "{said}"
    );
    let recording = Path::new(&record);
    assert!(recording.exists() && !partial(recording).exists());
    let replayed = replay(recording);
    assert_eq!(replayed.status.code(), Some(0));
    let trace = Trace::parse(std::str::from_utf8(&replayed.stdout).unwrap()).unwrap();
    trace.assert_nothing_lost();
    assert_eq!(trace.connections.len(), COUNT);
    drop(recorded);
}

/// The kernel program's log is more than a pipe holds.
#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn a_reader_of_messages_that_pauses_stops_neither_the_recording_nor_the_end() {
    const COUNT: usize = 5_000;
    const BURST: usize = 100;
    let (recorded, directory) = directory();
    let record = format!("{directory}/x.zkchurn");
    let path = record.clone();
    let (ended, said) = in_namespace(move || {
        let port = served_port();
        let mut command = recording_to(Command::new(env!("CARGO_BIN_EXE_zkchurn")), port, &path);
        let out = fs::File::create(format!("{directory}/out")).unwrap();
        command.args(["--format", "json", "--interval", "1s", "-vv"]);
        let mut child = command.stdout(out).stderr(Stdio::piped()).spawn().unwrap();
        let mut stderr = child.stderr.take().unwrap();
        await_tracing(&mut stderr);
        for _ in 0..COUNT / BURST {
            (0..BURST).for_each(|_| drop(connect(v4(port))));
            // The log is taken each time that records are, and has little room.
            thread::sleep(Duration::from_millis(60));
        }
        let status = terminated_in_time(&mut child, "a reader of messages that pauses");
        let mut said = Vec::new();
        stderr.read_to_end(&mut said).unwrap();
        let printed = fs::read_to_string(format!("{directory}/out")).unwrap();
        ((status.code(), printed), said)
    });
    let (code, printed) = ended;
    assert_eq!(code, Some(0));
    let trace = Trace::parse(&printed).unwrap();
    trace.assert_nothing_lost();
    assert_eq!(trace.connections.len(), COUNT);
    assert_missed_messages(&trace, said);
    let recording = Path::new(&record);
    assert!(recording.exists() && !partial(recording).exists());
    drop(recorded);
}

/// The report counts the messages that found no room, and those that did are whole lines.
fn assert_missed_messages(trace: &Trace, said: Vec<u8>) {
    let degraded = trace.report["degraded"].as_array().unwrap();
    let sentences = degraded.iter().filter_map(Value::as_str);
    let mut counts = sentences.filter_map(|one| one.split_once(" messages were not shown"));
    let (missed, _) = counts
        .next()
        .expect("a count of messages that were not shown");
    let missed: usize = missed.replace(',', "").parse().unwrap();
    let said = String::from_utf8(said).unwrap();
    let shown = said
        .lines()
        .filter(|line| line.starts_with("zkchurn: "))
        .count();
    // Four changes of state a connection, of which the program's log may have lost some, and
    // what was still in the queue at the end.
    println!("figure: messages: {missed} missed, {shown} shown");
    assert!(missed > 0 && missed + shown <= 4 * trace.connections.len() + 100);
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn an_output_file_on_a_file_system_that_hangs_stops_neither_the_recording_nor_the_end() {
    for with_messages in [false, true] {
        let (recorded, record) = directory();
        let record = format!("{record}/x.zkchurn");
        let path = record.clone();
        let (ended, mounted) = in_namespace(move || {
            let scene = Scene::new();
            let hanging = scene.hanging();
            let (cover, begun) = match with_messages {
                false => (format!("exec >{hanging}/out &&"), Begun::Says),
                true => (
                    format!("exec >{hanging}/out 2>&1 &&"),
                    Begun::Records(&path),
                ),
            };
            let run = scene.trace(&cover, &["--record", &path], begun);
            let printer = helper(&run, "zkchurn-print");
            client(scene.port, 5);
            scene.fs.hang();
            client(scene.port, 100);
            scene.end(run, "an output file that hangs", printer)
        });
        assert_eq!(ended.code, Some(7), "{}", ended.stderr);
        let said = "the file system of standard output does not answer";
        assert_eq!(
            ended.stderr.contains(said),
            !with_messages,
            "{}",
            ended.stderr
        );
        let replayed = replay(Path::new(&record));
        assert_eq!(replayed.status.code(), Some(0));
        let trace = Trace::parse(std::str::from_utf8(&replayed.stdout).unwrap()).unwrap();
        trace.assert_nothing_lost();
        assert_eq!(trace.connections.len(), 105);
        drop((recorded, mounted));
    }
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn a_helper_that_is_stopped_or_killed_costs_names_and_nothing_else() {
    for signal in [Signal::STOP, Signal::KILL] {
        let ended = in_namespace(move || {
            let port = served_port();
            let command = Command::new(env!("CARGO_BIN_EXE_zkchurn"));
            let run = Run::start(command, &["--port", &port.to_string(), "--interval", "1s"]);
            let looker = helper(&run, "zkchurn-look");
            send(looker, signal);
            client(port, 10);
            thread::sleep(Duration::from_secs(1));
            let ended = end(run, &format!("a helper after {signal:?}"));
            assert_gone(looker);
            ended
        });
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        let trace = Trace::parse(&ended.stdout).unwrap();
        trace.assert_nothing_lost();
        assert_eq!(trace.connections.len(), 10, "{signal:?}");
        let degraded = trace.report["degraded"].as_array().unwrap();
        assert!(!degraded.is_empty(), "{signal:?}: it says what is missing");
        // The clients hold no lock.
        let said = format!("{} {degraded:?}", ended.stderr);
        match signal {
            Signal::KILL => assert!(!said.contains("a lock"), "{said}"),
            _ => assert!(said.contains("(zkchurn-look) is stopped"), "{said}"),
        }
    }
}

fn send(pid: u32, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    kill_process(pid, signal).unwrap();
}

/// Those that write the recording and a report: the end says what became of them, and blames
/// no file system.
#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn helpers_that_write_and_are_stopped_or_killed_are_named() {
    for (signal, why) in [
        (Signal::STOP, "is stopped; "),
        (Signal::KILL, "the helper process that writes it has ended"),
    ] {
        let (written, directory) = directory();
        let files = ["x.zkchurn", "x.html"].map(|name| format!("{directory}/{name}"));
        let [record, report] = files.clone();
        let ended = in_namespace(move || {
            let port = served_port();
            let command = Command::new(env!("CARGO_BIN_EXE_zkchurn"));
            let port_text = port.to_string();
            let arguments = [
                "--port", &port_text, "--record", &record, "--report", &report,
            ];
            let run = Run::start(command, &arguments);
            let writers = helpers(&run, "zkchurn-record");
            assert_eq!(writers.len(), 2);
            writers.iter().for_each(|pid| send(*pid, signal));
            client(port, 10);
            let ended = end(run, &format!("helpers that write after {signal:?}"));
            writers.into_iter().for_each(assert_gone);
            ended
        });
        assert_eq!(ended.code, Some(7), "{}", ended.stderr);
        let trace = Trace::parse(&ended.stdout).unwrap();
        trace.assert_nothing_lost();
        assert_eq!(trace.connections.len(), 10, "{signal:?}");
        for file in files {
            let lines = ended.stderr.lines();
            let mut of_file = lines.rev().filter(|line| line.contains(&file));
            let line = of_file.next().expect("a sentence for each");
            assert!(line.contains(why), "{line}");
            assert!(!line.contains("file system"), "{line}");
            assert!(partial(Path::new(&file)).exists() && !Path::new(&file).exists());
        }
        drop(written);
    }
}

/// Of two processes of a name one is called so by its command line alone, which cannot be
/// read; the name of `ps` can.
#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn a_process_that_cannot_be_read_may_have_the_name_that_is_traced() {
    let name = format!("hung-{}", std::process::id());
    let (ended, mounted, hung) = in_namespace(move || {
        let scene = Scene::new();
        let hung = holding(scene.port);
        let called = format!("printf {name} > /proc/$$/comm;");
        let mut churns = churning(scene.port, &called);
        wait_for(PATIENCE, "a process with the name", || {
            proc::comm(churns.id(), churns.id()).is_ok_and(|comm| comm == name)
        });
        let cover: String = [hung.id(), churns.id()]
            .map(|pid| {
                format!(
                    "mount --bind {}/{FILE} /proc/{pid}/cmdline && ",
                    scene.hanging()
                )
            })
            .concat();
        let cover = format!("{cover} ! [ -e {}/{HANG} ] &&", scene.hanging());
        let run = scene.trace(&cover, &["--pid", &name], Begun::Says);
        let looker = helper(&run, "zkchurn-look");
        churns.stdin.take().unwrap().write_all(b"\n").unwrap();
        thread::sleep(Duration::from_secs(1));
        let (ended, mounted) = scene.end(run, "a name of a process that hangs", looker);
        let pids = (hung.id(), churns.id());
        for mut child in [hung, churns] {
            child.kill().unwrap();
            child.wait().unwrap();
        }
        (ended, mounted, pids)
    });
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let trace = Trace::parse(&ended.stdout).unwrap();
    trace.assert_nothing_lost();
    let (hung, churns) = hung;
    let is_its = |one: &&Value| one["process"]["pid"] == churns;
    assert_eq!(trace.connections.iter().filter(is_its).count(), 11);
    assert_eq!(trace.connections.len(), 11);
    let degraded = trace.report["degraded"].to_string();
    let said = format!("the command line of process {hung} could not be read: if it is named");
    assert!(degraded.contains(&said), "{degraded}");
    drop(mounted);
}
