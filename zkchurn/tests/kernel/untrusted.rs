// SPDX-License-Identifier: MIT
//! Names that a hostile process gives itself never act on a terminal.

use std::{process::Command, thread};

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
