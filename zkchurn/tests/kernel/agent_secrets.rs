// SPDX-License-Identifier: MIT
//! What an agent hands out of a process that has secrets on its command line, among the flags of
//! its JVM and in its log: to files, to the program of an incident, to the journal and to
//! collectors.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpListener,
    os::{linux::fs::MetadataExt as _, unix::fs::PermissionsExt as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
};

use crate::{
    agent::Agent,
    faults::run::{PATIENCE, in_mount_namespace},
    in_time::ChildInTime as _,
    namespace::in_namespace,
    service::Journal,
    tracer::{unused_port, wait_for},
};

/// What every secret begins with.
const PLANTED: &str = "planted-";

/// A process that is called as a JVM is, churns until its input ends and logs meanwhile.
fn client(directory: &Path, port: u16) -> Child {
    let java = directory.join("java");
    fs::copy("/bin/bash", &java).unwrap();
    let script = format!(
        "exec 5>>{log}; while read -t 0.2 _; test $? -gt 128; do \
         echo 'java.lang.NoClassDefFoundError: org/apache/zookeeper/x password={PLANTED}line, \
         Authorization: Bearer {PLANTED}header zk://me:{PLANTED}url@zk1 \
         X-Api-Key: {PLANTED}key db.pass={PLANTED}pass Cookie: a={PLANTED}a; b={PLANTED}b' >&5; \
         exec 3<>/dev/tcp/127.0.0.1/{port}; done 2>/dev/null",
        log = directory.join("app.log").display()
    );
    Command::new(java)
        .args([
            "-c",
            &script,
            "-Dzookeeper.ssl.keyStore.password=planted-flag",
        ])
        .args([
            "-javaagent:/agent.jar=planted-agent",
            "--token=planted-option",
            "-storepass",
            "planted-next",
            "--access-key",
            "planted-access",
            "-Ddb.pwd=planted-pwd",
            "Cookie: a=planted-cookie; b=planted-cookie",
            "jdbc://me:planted-login@db",
        ])
        .stdin(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// A collector that takes all and keeps it.
fn collector() -> (String, Arc<Mutex<Vec<u8>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let got = Arc::new(Mutex::new(Vec::new()));
    let keeps = Arc::clone(&got);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
            let mut bytes = vec![0; 1 << 20];
            let length = stream.read(&mut bytes).unwrap_or(0);
            keeps.lock().unwrap().extend_from_slice(&bytes[..length]);
            let _ = stream.write_all(answer);
            let _ = stream.shutdown(std::net::Shutdown::Write);
            let mut rest = Vec::new();
            let _ = stream.read_to_end(&mut rest);
            keeps.lock().unwrap().extend(rest);
        }
    });
    (address, got)
}

/// All files below, with what is in them.
fn files(below: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(below).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(files(&path)),
            false => found.push((path.clone(), fs::read(&path).unwrap())),
        }
    }
    found
}

fn has(bytes: &[u8], words: &str) -> bool {
    bytes
        .windows(words.len())
        .any(|part| part == words.as_bytes())
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn no_secret_of_a_process_is_in_anything_that_an_agent_hands_out() {
    let (of_client, directory) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (theirs, ours) = (of_client.path().to_owned(), directory.path().to_owned());
    in_namespace(move || {
        let program = theirs.join("page");
        let given = ours.join("given.json");
        let script = format!("#!/bin/sh\ncat > {}\n", given.display());
        fs::write(&program, script).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o700)).unwrap();
        let (otlp, collected) = collector();
        let (kept, prom, ndjson) = (ours.join("kept"), ours.join("x.prom"), ours.join("ndjson"));
        let settings = format!(
            "after = \"1m\"\non-line = [\"NoClassDefFoundError\"]\ncommand = [{program:?}]\n\
             reports = [\"html\", \"md\", \"txt\"]\nprom-file = {prom:?}\nndjson-dir = {ndjson:?}\n\
             otlp = \"{otlp}\"\n"
        );
        let mut command = in_mount_namespace(
            "mount -t tmpfs none /run && mkdir -p /run/ours /run/systemd/journal && \
             until test -S /run/systemd/journal/socket; do sleep 0.1; done",
        );
        command.arg(env!("CARGO_BIN_EXE_zkchurn"));
        let port = unused_port();
        let agent = Agent::spawn(command, port, &kept, &settings, |command, messages| {
            let about = messages.metadata().unwrap();
            command.env(
                "JOURNAL_STREAM",
                format!("{}:{}", about.st_dev(), about.st_ino()),
            );
        });
        let journal = Journal::of(agent.pid());
        let mut heard = journal.until("MESSAGE=tracing connections");
        let mut client = client(&theirs, port);
        heard += &journal.until("MESSAGE=looked for and found");
        heard += &journal.until("MESSAGE=incident kept in");
        wait_for(PATIENCE, "the program", || {
            fs::read(&given).is_ok_and(|bytes| bytes.ends_with(b"\n"))
        });
        drop(client.stdin.take());
        client.wait_in_time().unwrap();
        let (code, messages) = agent.end();
        assert_eq!(code, Some(0), "{messages}");
        heard += &journal.rest();

        let mut all = files(&ours);
        all.push(("the journal".into(), heard.into_bytes()));
        all.push(("the messages".into(), messages.into_bytes()));
        all.push(("the collector".into(), collected.lock().unwrap().clone()));
        for (path, bytes) in &all {
            let text = String::from_utf8_lossy(bytes);
            let at = text.find(PLANTED).unwrap_or(text.len());
            let around: String = text[..at].chars().rev().take(80).collect();
            let around: String = around.chars().rev().collect();
            assert!(!has(bytes, PLANTED), "{}: …{around}", path.display());
        }
        // It was there to be hidden.
        let of = |name: &str| {
            let named = all
                .iter()
                .filter(|(path, _)| path.to_string_lossy().contains(name));
            named
                .map(|(_, bytes)| bytes.clone())
                .collect::<Vec<_>>()
                .concat()
        };
        for name in [
            "incident.json",
            "given.json",
            "report.md",
            "report.html",
            "the journal",
        ] {
            assert!(has(&of(name), "password=(hidden)"), "{name}");
            assert!(has(&of(name), "X-Api-Key: (hidden)"), "{name}");
        }
        for name in [
            "incident.json",
            "given.json",
            "incident.zkchurn",
            "kept/2",
            "ndjson",
        ] {
            assert!(has(&of(name), "keyStore.password=(hidden)"), "{name}");
            assert!(has(&of(name), "db.pwd=(hidden)"), "{name}");
        }
        assert!(
            has(&of("x.prom"), "zkchurn_"),
            "{}",
            String::from_utf8_lossy(&of("x.prom"))
        );
        assert!(has(&of("the collector"), "zkchurn"));
    });
}
