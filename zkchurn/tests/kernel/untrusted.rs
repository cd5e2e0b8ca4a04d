// SPDX-License-Identifier: MIT
//! Names that a hostile process gives itself never act on a terminal, and one with a secret in it
//! shows that nowhere.

use std::{fs, process::Command, thread};

use crate::{
    in_time::CommandInTime,
    namespace::in_namespace,
    peer::{connect, drain, listen, v4},
    tracer::{Tracer, unused_port},
};

const HOSTILE: &str = "\u{1b}[2J\u{7}evil\r\u{9b}x";

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn escape_sequences_in_a_threads_name_come_out_as_text() {
    let directory = tempfile::tempdir().unwrap();
    let recording = directory.path().join("hostile.zkchurn");
    let record = recording.to_str().unwrap().to_owned();
    let trace = in_namespace(move || {
        let port = unused_port();
        let accepting = drain(listen(port), 3);
        let tracer = Tracer::start(&["--port", &port.to_string(), "--record", &record]);
        let hostile = thread::Builder::new().name(HOSTILE.to_owned());
        let opening = move || (0..3).for_each(|_| drop(connect(v4(port))));
        hostile.spawn(opening).unwrap().join().unwrap();
        accepting.join().unwrap();
        tracer.finish()
    });
    let comm = trace.connections[0]["thread"]["comm"].as_str().unwrap();
    assert_eq!(comm, "\\u{1b}[2J\\u{7}evil\\u{d}\\u{9b}x");
    for arguments in [&["--details"][..], &["--no-color"]] {
        let output = Command::new(env!("CARGO_BIN_EXE_zkchurn"))
            .arg("replay")
            .arg(&recording)
            .args(arguments)
            .output_in_time()
            .unwrap();
        assert!(output.status.success());
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.contains("evil"));
        let acts = |c: char| c.is_control() && c != '\n';
        assert!(!text.contains(acts), "{text:?}");
    }
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn a_secret_in_the_name_of_a_thread_or_a_process_is_in_no_output() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let (recording, page, records) = (path("x.zkchurn"), path("x.html"), path("records"));
    let program = path("token=S3cretive");
    fs::copy("/bin/bash", &program).unwrap();
    let trace = in_namespace({
        let (recording, page, records) = (recording.clone(), page.clone(), records.clone());
        move || {
            let port = unused_port();
            let accepting = drain(listen(port), 6);
            let port_text = port.to_string();
            let to = [
                "--record",
                &recording,
                "--report",
                &page,
                "--ndjson-dir",
                &records,
            ];
            let tracer = Tracer::start(&[&["--port", &port_text], &to[..]].concat());
            let words = format!(
                "for i in 1 2 3; do exec 3<>/dev/tcp/127.0.0.1/{port}; exec 3>&-; done; sleep 0.3"
            );
            let mut client = Command::new(program);
            assert!(
                client
                    .args(["-c", &words])
                    .status_in_time()
                    .unwrap()
                    .success()
            );
            let thread = thread::Builder::new().name("password=S3cret".to_owned());
            let opening = move || (0..3).for_each(|_| drop(connect(v4(port))));
            thread.spawn(opening).unwrap().join().unwrap();
            accepting.join().unwrap();
            tracer.finish()
        }
    });
    let comm = |at: usize| trace.connections[at]["thread"]["comm"].as_str().unwrap();
    assert_eq!((comm(0), comm(5)), ("token=*********", "password=******"));
    let mut written = vec![fs::read(&recording).unwrap(), fs::read(&page).unwrap()];
    for entry in fs::read_dir(&records).unwrap() {
        written.push(fs::read(entry.unwrap().path()).unwrap());
    }
    assert!(written.len() > 2);
    for format in ["text", "json", "markdown"] {
        let mut replay = Command::new(env!("CARGO_BIN_EXE_zkchurn"));
        replay.args(["replay", &recording, "--format", format]);
        written.push(replay.output_in_time().unwrap().stdout);
    }
    let has = |bytes: &[u8], word: &str| bytes.windows(word.len()).any(|at| at == word.as_bytes());
    for bytes in &written {
        assert!(has(bytes, "token=***") && has(bytes, "password=***"));
        assert!(!has(bytes, "S3cret"), "{}", String::from_utf8_lossy(bytes));
    }
}
