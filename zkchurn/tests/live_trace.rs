// SPDX-License-Identifier: MIT
//! The full-screen view of a trace that goes on: the real program on a real kernel, in a
//! real terminal. Each test knows what it connects to a port of its own.
#![expect(
    clippy::unwrap_used,
    reason = "a test that panics has failed, which is its purpose"
)]

#[path = "tmux/program.rs"]
mod program;
mod tmux;

use std::{
    fs::{self, File},
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    os::unix::fs::{MetadataExt, chown},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread::{self, sleep},
    time::{Duration, Instant},
};

use program::{child_of, kill, program};
use rustix::{
    process::{Pid, Signal, kill_process},
    pty::{OpenptFlags, ioctl_tiocgptpeer, openpt, unlockpt},
    termios::{Winsize, tcsetwinsize},
};
use tmux::{Tmux, WITHIN};
use zkchurn_lab::harness::{in_time::CommandInTime, proc, trace::Trace, zookeeper::ConnectRequest};

/// How long the end may take on a machine that is busy with other tests; on an idle one it is
/// below two seconds.
const ENDS_WITHIN: Duration = Duration::from_secs(10);

/// A server that closes what it accepts.
fn server() -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for accepted in listener.incoming() {
            let _ = accepted.unwrap().read(&mut [0; 16]);
        }
    });
    address
}

fn connect(to: SocketAddr, count: usize) {
    (0..count).for_each(|_| drop(TcpStream::connect(to).unwrap()));
}

/// Shows a trace of this port, with more options.
fn show(tmux: &Tmux, port: u16, options: &str) {
    let program = env!("CARGO_BIN_EXE_zkchurn");
    let object = std::env::var("ZKCHURN_BPF_OBJECT");
    let object = object.map_or_else(|_| String::new(), |path| format!(" --bpf-object {path}"));
    let command = format!("{program} live --port {port}{object} {options}");
    tmux.keys(&[&command, "Enter"]);
    tmux.wait_for(|text| text.contains("LIVE since") && text.contains("0 opened, 0 ended"));
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn it_shows_what_happens_and_leaves_the_answer() {
    let server = server();
    let folder = tempfile::tempdir().unwrap();
    let recording = folder.path().join("x.zkchurn");
    let tmux = Tmux::start(100, 45);
    let page = folder.path().join("x.html");
    let options = format!(
        "--record {} --report {}",
        recording.display(),
        page.display()
    );
    show(&tmux, server.port(), &options);
    connect(server, 7);
    tmux.wait_for(|text| text.contains("7 opened, 7 ended, 0 open"));
    // Frozen it goes on counting.
    tmux.keys(&["Space"]);
    tmux.wait_for(|text| text.contains("FROZEN at"));
    connect(server, 12);
    let text = tmux.wait_for(|text| text.contains("+12 ended since"));
    assert!(text.contains("7 opened, 7 ended, 0 open"), "{text}");
    tmux.keys(&["Space"]);
    tmux.wait_for(|text| text.contains("19 opened, 19 ended") && text.contains("LIVE"));
    // A filter counts what is kept, and what comes.
    tmux.keys(&["/", "port:1", "Enter"]);
    tmux.wait_for(|text| text.contains("0 ended") && text.contains("19 filtered out"));
    // That it judges what is kept is said as long as it holds.
    tmux.keys(&["s"]);
    tmux.wait_for(|text| text.contains("filter port:1 on the last 200 of each"));
    connect(server, 2);
    tmux.wait_for(|text| text.contains("21 filtered out"));
    tmux.keys(&[
        "/", "BSpace", "BSpace", "BSpace", "BSpace", "BSpace", "BSpace", "Enter",
    ]);
    tmux.wait_for(|text| text.contains("21 opened, 21 ended") && text.contains("shown again"));
    // What is open when it is typed counts, too.
    let held = [(); 2].map(|()| TcpStream::connect(server).unwrap());
    tmux.wait_for(|text| text.contains("23 opened, 21 ended, 2 open"));
    tmux.keys(&["/", &format!("port:{}", server.port()), "Enter"]);
    tmux.wait_for(|text| {
        text.contains("23 opened, 21 ended, 2 open") && text.contains("0 filtered out")
    });
    drop(held);
    tmux.wait_for(|text| text.contains("23 opened, 23 ended, 0 open; 0 filtered out"));
    let all_gone = ["BSpace"; 12];
    tmux.keys(&[&["/"][..], &all_gone, &["Enter"]].concat());
    tmux.wait_for(|text| text.contains("shown again"));
    tmux.keys(&["d"]);
    tmux.wait_for(|text| text.contains("start with --jvm dump"));
    tmux.keys(&["h"]);
    tmux.wait_for(|text| text.contains("start with --handshake"));
    // Down to one connection, of which the record is fetched.
    tmux.keys(&["Enter"]);
    tmux.wait_for(|text| text.contains("connections, all 23"));
    tmux.keys(&["End", "Enter"]);
    tmux.wait_for(|text| text.contains("OUTCOME") && text.contains("us, 0 bytes"));
    tmux.keys(&["Enter"]);
    tmux.wait_for(|text| text.contains("closed_by_us_before_any_byte"));
    tmux.keys(&["/", "port:1", "Enter"]);
    tmux.wait_for(|text| text.contains("filter port:1"));
    // Nothing was written across the screen, and the report is on the normal one.
    tmux.keys(&["q"]);
    let text = tmux.wait_for(|text| text.contains("23 connections in all; nothing lost"));
    assert!(
        text.contains("without the view's filter (port:1)"),
        "{text}"
    );
    assert!(text.contains("zkchurn: tracing connections"), "{text}");
    tmux.assert_restored();
    let replayed = Command::new(env!("CARGO_BIN_EXE_zkchurn"))
        .arg("replay")
        .arg(&recording)
        .output_in_time()
        .unwrap();
    let replayed = String::from_utf8(replayed.stdout).unwrap();
    let page = fs::read_to_string(&page).unwrap();
    assert!(page.starts_with("<!DOCTYPE html>"), "{page}");
    assert!(replayed.contains("23 connections in all"), "{replayed}");
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn h_turns_handshakes_on_where_that_was_wished_for() {
    const NET_ADMIN: u64 = 1 << 12;
    let server = server();
    let folder = tempfile::tempdir().unwrap();
    let recording = folder.path().join("x.zkchurn");
    let tmux = Tmux::start(120, 45);
    let options = format!("--handshake=later --record {}", recording.display());
    show(&tmux, server.port(), &options);
    tmux.wait_for(|text| text.contains("CAP_NET_ADMIN kept for h"));
    let pid = program(&tmux);
    assert_eq!(permitted_and_effective(pid), (NET_ADMIN, 0));
    ask_for_sessions(server, 3);
    tmux.wait_for(|text| text.contains("3 opened, 3 ended, 0 open"));
    tmux.keys(&["h", "n"]);
    ask_for_sessions(server, 1);
    tmux.wait_for(|text| text.contains("4 opened, 4 ended, 0 open"));
    assert_eq!(permitted_and_effective(pid), (NET_ADMIN, 0));
    tmux.keys(&["h"]);
    tmux.wait_for(|text| text.contains("read the handshakes of connections from now on?"));
    tmux.keys(&["y"]);
    tmux.wait_for(|text| text.contains("of connections that are opened from now on"));
    assert_eq!(permitted_and_effective(pid), (0, 0));
    ask_for_sessions(server, 5);
    tmux.wait_for(|text| text.contains("9 opened, 9 ended, 0 open"));
    tmux.keys(&["h"]);
    tmux.wait_for(|text| text.contains("handshakes are captured since"));
    tmux.keys(&["q"]);
    tmux.wait_for(|text| text.contains("9 connections in all; nothing lost"));
    tmux.assert_restored();
    let replayed = Command::new(env!("CARGO_BIN_EXE_zkchurn"))
        .args(["replay", "--format", "json"])
        .arg(&recording)
        .output_in_time()
        .unwrap();
    let replayed = Trace::parse(std::str::from_utf8(&replayed.stdout).unwrap()).unwrap();
    let sessions = replayed.connections.iter();
    let sessions: Vec<_> = sessions
        .map(|connection| connection["handshake"]["request"]["session"].as_str())
        .collect();
    let (before, since) = ([None; 4], [Some("0x10f"); 5]);
    assert_eq!(sessions, [&before[..], &since].concat());
    assert_eq!(replayed.report["total"]["handshakes"]["connections"], 5);
    assert_eq!(replayed.report["loss"]["handshake_records_dropped"], 0);
    let degraded = replayed.report["degraded"].as_array().unwrap();
    let is_said = |sentence: &&serde_json::Value| {
        let sentence = sentence.as_str().unwrap();
        sentence.starts_with("handshakes: captured of connections opened since ")
    };
    assert_eq!(degraded.iter().filter(is_said).count(), 1, "{degraded:#?}");
}

/// Asks for a session, and goes once the server has.
fn ask_for_sessions(server: SocketAddr, count: usize) {
    let request = ConnectRequest {
        last_zxid: 0,
        timeout_ms: 30_000,
        session: 0x10f,
        password: [0; 16],
    };
    for _ in 0..count {
        let mut stream = TcpStream::connect(server).unwrap();
        stream.write_all(&request.bytes()).unwrap();
        let _ = stream.read(&mut [0; 1]);
    }
}

/// Capabilities of the first thread, and that the others have none.
fn permitted_and_effective(pid: u32) -> (u64, u64) {
    let of = |tid| {
        let status = proc::thread_status(pid, tid).unwrap();
        let mask = |name| status.mask(name).unwrap();
        (mask("CapPrm"), mask("CapEff"))
    };
    let others = proc::threads(pid).unwrap().into_iter();
    for tid in others.filter(|tid| *tid != pid) {
        assert_eq!(of(tid), (0, 0));
    }
    of(pid)
}

/// The files in a directory with this ending, oldest first.
fn files(directory: &Path, ending: &str) -> Vec<PathBuf> {
    let files = fs::read_dir(directory).unwrap();
    let mut files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|other| other == ending));
    files.sort_by_key(|file| file.metadata().unwrap().modified().unwrap());
    files
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn w_writes_how_it_stands_with_no_rights_but_the_callers() {
    const CALLER: u32 = 54_321;
    let server = server();
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path();
    chown(directory, Some(CALLER), Some(CALLER)).unwrap();
    let tmux = Tmux::start(100, 45);
    tmux.keys(&[&format!("cd {}", directory.display()), "Enter"]);
    tmux.keys(&[
        &format!("export SUDO_UID={CALLER} SUDO_GID={CALLER}"),
        "Enter",
    ]);
    show(&tmux, server.port(), "");
    connect(server, 7);
    tmux.wait_for(|text| text.contains("7 opened, 7 ended, 0 open"));
    tmux.keys(&["w"]);
    tmux.wait_for(|text| text.contains("wrote zkchurn-") && text.contains(".html and .zkchurn"));
    let (page, recording) = (files(directory, "html"), files(directory, "zkchurn"));
    for file in [&page, &recording] {
        assert_eq!(file.len(), 1);
        let metadata = file[0].metadata().unwrap();
        assert_eq!((metadata.uid(), metadata.gid()), (CALLER, CALLER));
        assert_eq!(metadata.mode() & 0o777, 0o600);
    }
    let page = fs::read_to_string(&page[0]).unwrap();
    assert!(page.starts_with("<!DOCTYPE html>") && page.contains("while the trace went on"));
    assert!(page.contains("7 connections in all"), "{page}");
    let replayed = Command::new(env!("CARGO_BIN_EXE_zkchurn"))
        .arg("replay")
        .arg(&recording[0])
        .output_in_time()
        .unwrap();
    let replayed = String::from_utf8(replayed.stdout).unwrap();
    assert!(replayed.contains("7 connections in all"), "{replayed}");
    // Who writes is stopped: the view and the trace go on, and it is said.
    let writer = writer_of(&tmux);
    kill_process(writer, Signal::STOP).unwrap();
    tmux.keys(&["w"]);
    tmux.wait_for(|text| text.contains("not written yet") && text.contains("is stopped"));
    connect(server, 5);
    tmux.wait_for(|text| text.contains("12 opened, 12 ended, 0 open"));
    // The message is still that of the first time; keys are taken in their order.
    tmux.keys(&["w", "?"]);
    tmux.wait_for(|text| text.contains("any key: back"));
    tmux.keys(&["x"]);
    tmux.wait_for(|text| !text.contains("any key: back"));
    kill_process(writer, Signal::CONT).unwrap();
    tmux.wait_for(|text| text.contains("wrote zkchurn-"));
    assert_eq!(files(directory, "html").len(), 2);
    // Once more, so that it has to be left behind at the end.
    kill_process(writer, Signal::STOP).unwrap();
    tmux.keys(&["w", "q"]);
    let text = tmux.wait_for(|text| text.contains("12 connections in all"));
    assert!(text.contains("zkchurn: wrote zkchurn-"), "{text}");
    tmux.wait_for(|text| text.contains("what w was pressed for last is not written"));
    kill_process(writer, Signal::CONT).unwrap();
    // A directory that is not the caller's is left alone, although this is root.
    let roots = tempfile::tempdir().unwrap();
    tmux.keys(&[&format!("clear; cd {}", roots.path().display()), "Enter"]);
    show(&tmux, server.port(), "");
    // The view shows the latest message: this one comes first.
    tmux.wait_for(|text| text.contains("zkchurn: tracing connections"));
    tmux.keys(&["w"]);
    let text = tmux.wait_for(|text| text.contains("(os error 13)"));
    let fix = "not written: start zkchurn in a directory you can write to;";
    assert!(text.contains(fix), "{text}");
    tmux.keys(&["q"]);
    tmux.wait_for(|text| text.contains("0 connections in all"));
    assert_eq!(fs::read_dir(roots.path()).unwrap().count(), 0);
}

/// The process that writes for the program that the terminal's shell runs.
fn writer_of(tmux: &Tmux) -> Pid {
    let writer = child_of(&program(tmux).to_string(), &["-x", "zkchurn-write"]);
    Pid::from_raw(writer.try_into().unwrap()).unwrap()
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn the_terminal_is_as_it_was_after_signals() {
    let server = server();
    let tmux = Tmux::start(100, 45);
    for (at, end) in ["-TERM", "C-c"].into_iter().enumerate() {
        show(&tmux, server.port(), "");
        connect(server, 3);
        tmux.wait_for(|text| text.contains("3 opened"));
        if at == 0 {
            tmux.keys(&["C-z"]);
            tmux.wait_for(|text| text.contains("topped"));
            tmux.assert_restored();
            tmux.keys(&["clear; fg", "Enter"]);
            tmux.wait_for(|text| text.contains("LIVE since"));
            connect(server, 1);
            tmux.wait_for(|text| text.contains("4 opened"));
        }
        match end.starts_with('-') {
            true => kill(&tmux, end),
            false => tmux.keys(&[end]),
        }
        tmux.wait_for(|text| text.contains("connections in all"));
        tmux.assert_restored();
        tmux.keys(&["clear", "Enter"]);
        tmux.wait_for(|text| !text.contains("connections in all"));
    }
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn it_ends_in_time_where_nobody_takes_what_it_draws() {
    let folder = tempfile::tempdir().unwrap();
    // The key makes the terminal forget what waits in it (`isig` of drivers/tty/n_tty.c), so
    // that the report may find room; the signal alone does not.
    let key = stalled(&folder.path().join("key"), |master, _| {
        master.write_all(b"\x03").unwrap();
    });
    assert!([0, 7].contains(&key), "{key}");
    let signal = stalled(&folder.path().join("signal"), |_, child| {
        kill_process(Pid::from_child(child), Signal::INT).unwrap();
    });
    assert_eq!(signal, 7, "the report was not shown in full");
}

/// Traces on a terminal that nobody reads, ends it so, and returns the exit code.
fn stalled(recording: &Path, end: impl FnOnce(&mut File, &Child)) -> i32 {
    let server = server();
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let master = openpt(flags).unwrap();
    unlockpt(&master).unwrap();
    let terminal = ioctl_tiocgptpeer(&master, flags).unwrap();
    let size = Winsize {
        ws_row: 300,
        ws_col: 500,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    tcsetwinsize(&terminal, size).unwrap();
    let slave = || Stdio::from(terminal.try_clone().unwrap());
    let mut command = Command::new("setsid");
    // It is its session's terminal, so that Ctrl-C is a signal.
    command.args(["--ctty", env!("CARGO_BIN_EXE_zkchurn"), "live", "--port"]);
    command.arg(server.port().to_string()).arg("--record");
    command.arg(recording).env("TERM", "xterm");
    command.stdin(slave()).stdout(slave()).stderr(slave());
    let mut child = command.spawn().unwrap();
    // It holds the slave's side as well.
    drop((command, terminal));
    let mut master = File::from(master);
    // It takes the terminal over with the switch to the other screen; from there on nobody
    // reads.
    let mut said = Vec::new();
    while !String::from_utf8_lossy(&said).contains("\u{1b}[?1049h") {
        let mut part = [0; 256];
        let length = master.read(&mut part).unwrap();
        said.extend_from_slice(&part[..length]);
    }
    let began = Instant::now();
    let partial = recording.with_extension("partial");
    while fs::metadata(&partial).map_or(0, |file| file.len()) < 20_000 {
        assert!(began.elapsed() < WITHIN, "the loop of the trace waits");
        connect(server, 5);
        // All is drawn anew, more than the terminal holds.
        master.write_all(b"\x0c").unwrap();
        sleep(Duration::from_millis(50));
    }
    let began = Instant::now();
    end(&mut master, &child);
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if began.elapsed() > ENDS_WITHIN {
            let _ = child.kill();
            panic!("it has not ended {ENDS_WITHIN:?} later");
        }
        sleep(Duration::from_millis(10));
    };
    println!("ended {:.2} s later", began.elapsed().as_secs_f64());
    assert!(recording.is_file(), "the recording has its end");
    status.code().unwrap()
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn where_there_is_no_screen_there_are_lines_and_it_is_said() {
    let server = server();
    let output = Command::new(env!("CARGO_BIN_EXE_zkchurn"))
        .args(["live", "--duration", "1s", "--port"])
        .arg(server.port().to_string())
        .stdin(Stdio::null())
        .output_in_time()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    let sentence = "standard output is no terminal: printing lines instead of the full-screen view";
    assert!(said.contains(sentence), "{said}");
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(printed.contains("0 connections in all"), "{printed}");
    assert!(!printed.contains('\u{1b}'), "{printed}");
}
