// SPDX-License-Identifier: MIT
//! What zkchurn changes on the host: the file that it was told to write, and
//! nothing else; and that it speaks to nobody.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::MetadataExt,
    path::Path,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

use super::user::UID;
use crate::{
    namespace::in_namespace,
    peer::{connect, listen, v4},
    tracer::{Tracer, object, unused_port},
};

/// zkchurn with all that it offers but a dump, which has tests of its own.
fn everything(mut command: Command, port: u16, recording: &str) -> Command {
    let port = port.to_string();
    command.args(["--port", &port, "--record", recording]);
    command.args(["--handshake", "--jvm", "name", "--duration", "3s"]);
    if let Some(object) = object() {
        command.arg("--bpf-object").arg(object);
    }
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// Runs the command beside some churn until it ends.
fn run_beside_churn(command: impl FnOnce(u16) -> Command + Send + 'static) {
    run_beside_churn_and(command, || {});
}

/// The same; `each_time` is called after each connection.
fn run_beside_churn_and(
    command: impl FnOnce(u16) -> Command + Send + 'static,
    mut each_time: impl FnMut() + Send + 'static,
) {
    in_namespace(move || {
        let port = unused_port();
        let listener = listen(port);
        thread::spawn(move || listener.incoming().for_each(drop));
        let mut child = command(port).spawn().unwrap();
        let status = loop {
            drop(connect(v4(port)));
            each_time();
            thread::sleep(Duration::from_millis(50));
            if let Some(status) = child.try_wait().unwrap() {
                break status;
            }
        };
        assert!(status.success(), "{status}");
    });
}

/// What strace saw of zkchurn beside some churn, one line a call.
fn calls_beside_churn(calls: &'static str) -> String {
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("strace");
    let recording = directory.path().join("x.zkchurn");
    let (to, path) = (log.clone(), recording.to_str().unwrap().to_owned());
    run_beside_churn(move |port| {
        let mut strace = Command::new("strace");
        strace.args(["-f", "-qq", "-e", "signal=none", "-e", calls, "-o"]);
        strace.arg(to).arg(env!("CARGO_BIN_EXE_zkchurn"));
        // Whoever runs the tests through sudo would be given the recording, with
        // a call more.
        strace.env_remove("SUDO_UID").env_remove("SUDO_GID");
        everything(strace, port, &path)
    });
    fs::read_to_string(log).expect("`strace` is installed (cargo xtask setup)")
}

/// System calls that change files, and opening a file to write.
const CHANGES: &str = "trace=open,openat,openat2,creat,rename,renameat,renameat2,link,linkat,\
    symlink,symlinkat,unlink,unlinkat,mkdir,mkdirat,rmdir,mknod,mknodat,chmod,fchmod,fchmodat,\
    chown,fchown,fchownat,lchown,truncate,ftruncate,utimensat,setxattr,fsetxattr,mount,kill,tkill,\
    tgkill,pidfd_send_signal,fsync,fdatasync,sync,syncfs,sync_file_range,msync";

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn nothing_but_the_recording_is_written_and_nobody_is_signalled() {
    let log = calls_beside_churn(CHANGES);
    assert!(log.contains("/proc/self/mountinfo"), "it saw the calls");
    let opens_to_read = |line: &&str| {
        line.contains("open")
            && !["O_WRONLY", "O_RDWR", "O_CREAT"]
                .iter()
                .any(|flag| line.contains(flag))
    };
    // What helpers are given in place of our own output.
    let is_null = |line: &&str| line.contains("\"/dev/null\"");
    // One line a call: the thread, the call with its result.
    let changes: Vec<_> = log
        .lines()
        .filter(|line| !opens_to_read(line) && !is_null(line) && line.contains('('))
        .collect();
    let call = |line: &str| {
        let (_, call) = line.split_once(' ').unwrap();
        call.trim_start().split('(').next().unwrap().to_owned()
    };
    let calls: Vec<_> = changes.iter().map(|line| call(line)).collect();
    assert_eq!(calls, ["openat", "renameat2"], "{changes:#?}");
    assert!(
        changes
            .iter()
            .all(|line| line.contains("\"x.zkchurn.partial\""))
    );
    assert!(changes[0].contains("O_EXCL") && changes[0].contains("O_NOFOLLOW"));
    assert!(changes[0].contains("0600"), "{}", changes[0]);
    assert!(changes[1].contains("RENAME_NOREPLACE"), "{}", changes[1]);
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn under_sudo_the_recording_is_the_callers() {
    let directory = tempfile::tempdir().unwrap();
    let recording = directory.path().join("x.zkchurn");
    // Where root may write only by a capability that is kept for it.
    std::os::unix::fs::chown(directory.path(), Some(UID), Some(UID)).unwrap();
    let path = recording.to_str().unwrap().to_owned();
    run_beside_churn(move |port| {
        let mut command = everything(Command::new(env!("CARGO_BIN_EXE_zkchurn")), port, &path);
        command.env("SUDO_UID", UID.to_string());
        command.env("SUDO_GID", UID.to_string());
        command
    });
    let file = fs::metadata(recording).unwrap();
    assert_eq!(
        (file.uid(), file.gid(), file.mode() & 0o7777),
        (UID, UID, 0o600)
    );
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn nobody_is_connected_to_and_no_directory_service_is_asked() {
    let log = calls_beside_churn("trace=socket,connect,open,openat");
    assert!(log.contains("\"/etc/passwd\""), "users were looked up");
    assert!(
        !log.contains("nsswitch") && !log.contains("connect("),
        "{log}"
    );
    let sockets: Vec<_> = log
        .lines()
        .filter(|line| line.contains("socket("))
        .collect();
    assert!(!sockets.is_empty(), "TIME_WAIT sockets were listed");
    assert!(
        sockets
            .iter()
            .all(|line| line.contains("socket(AF_NETLINK")),
        "{sockets:#?}"
    );
}

/// System calls without which nobody else is reached: pairs of sockets to its helpers need none.
const REACHES: &str = "socket,connect,bind";

/// An agent as it is without any setting: for weeks, and of its own accord.
#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn an_agent_changes_its_directory_and_reaches_nobody() {
    let scratch = tempfile::tempdir().unwrap();
    let (log, kept) = (scratch.path().join("strace"), scratch.path().join("kept"));
    let settings = scratch.path().join("agent.toml");
    fs::write(&settings, "").unwrap();
    let (to, until, directory) = (log.clone(), log.clone(), kept.clone());
    let (segments, began) = (kept.clone(), Instant::now());
    let mut is_stopped = false;
    let command = move |port: u16| {
        let mut strace = Command::new("strace");
        strace
            .args(["-f", "-qq", "-e", "signal=none", "-o"])
            .arg(to);
        strace.args(["-e", &format!("{CHANGES},{REACHES}")]);
        strace.arg(env!("CARGO_BIN_EXE_zkchurn")).arg("agent");
        strace.arg("--config").arg(settings);
        strace.args(["--port", &port.to_string()]);
        strace.arg("--directory").arg(directory);
        strace.args(
            object()
                .iter()
                .flat_map(|object| ["--bpf-object".as_ref(), object.as_os_str()]),
        );
        strace.stdout(Stdio::null()).stderr(Stdio::null());
        strace
    };
    run_beside_churn_and(command, move || {
        let names = fs::read_dir(&segments).into_iter().flatten();
        let mut names = names.map(|entry| entry.unwrap().file_name());
        let records = names.any(|name| name.to_string_lossy().contains(".zkchurn"));
        // An interval is 10 s: it has looked for incidents by then.
        if records && !is_stopped && began.elapsed() > Duration::from_secs(15) {
            stop_traced(&until);
            is_stopped = true;
        }
    });
    let log = fs::read_to_string(log).expect("`strace` is installed (cargo xtask setup)");
    let reaches = |line: &&str| {
        let mut calls = REACHES.split(',');
        calls.any(|call| line.contains(&format!(" {call}(")))
    };
    let changes = |line: &&str| {
        let mut flags = ["O_WRONLY", "O_RDWR", "O_CREAT"].iter();
        let opens_to_read = line.contains(" open") && !flags.any(|flag| line.contains(flag));
        !opens_to_read && !reaches(line) && !line.contains("\"/dev/null\"")
    };
    let lines = || log.lines().filter(|line| line.contains('('));
    let sockets: Vec<_> = lines().filter(reaches).collect();
    assert!(!sockets.is_empty(), "it asks the kernel for sockets");
    let others = sockets
        .iter()
        .filter(|line| !line.contains("NETLINK_SOCK_DIAG"));
    assert_eq!(others.collect::<Vec<_>>(), [] as [&&str; 0]);
    let kept = kept.to_str().unwrap();
    let elsewhere: Vec<_> = lines()
        .filter(changes)
        .filter(|line| {
            // Relative to the directory that it has open.
            let quoted = line.split('"').nth(1).unwrap_or_default();
            let is_segment = quoted.contains(".zkchurn") && !quoted.contains('/');
            let is_attempt = line.contains("\".zkchurn-agent\"");
            let is_directory = line.contains(&format!("\"{kept}\""));
            !(is_segment || is_attempt || is_directory)
        })
        .collect();
    assert_eq!(elsewhere, [] as [&str; 0]);
    let segments = fs::read_dir(kept).unwrap();
    assert!(segments.count() > 0, "it kept something");
}

/// Has the program that strace follows end.
fn stop_traced(log: &Path) {
    let log = fs::read_to_string(log).unwrap();
    let pid = log.split_whitespace().next().unwrap();
    let pid = Pid::from_raw(pid.parse().unwrap()).unwrap();
    kill_process(pid, Signal::TERM).unwrap();
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn it_has_no_socket_of_a_network() {
    let inodes = in_namespace(|| {
        let tracer = Tracer::start(&["--port", &unused_port().to_string(), "--handshake"]);
        let directory = format!("/proc/{}", tracer.pid());
        let links = fs::read_dir(format!("{directory}/fd")).unwrap();
        let links = links.map(|link| fs::read_link(link.unwrap().path()).unwrap());
        let held: BTreeSet<_> = links
            .filter_map(|link| {
                let link = link.to_str()?.strip_prefix("socket:[")?;
                Some(link.trim_end_matches(']').to_owned())
            })
            .collect();
        let of_network: BTreeSet<_> = ["tcp", "tcp6", "udp", "udp6", "raw", "raw6", "packet"]
            .iter()
            .flat_map(|table| fs::read_to_string(format!("{directory}/net/{table}")))
            .flat_map(|text| {
                text.split_whitespace()
                    .map(str::to_owned)
                    .collect::<Vec<_>>()
            })
            .collect();
        tracer.finish();
        // Signals reach its loop over a pair of UNIX sockets.
        assert!(!held.is_empty());
        held.intersection(&of_network).cloned().collect::<Vec<_>>()
    });
    assert_eq!(inodes, Vec::<String>::new());
}
