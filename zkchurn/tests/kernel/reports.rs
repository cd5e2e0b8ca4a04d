// SPDX-License-Identifier: MIT
//! `--report FILE`: files beside what is printed, the same as `zkchurn report` makes of the
//! recording.

use std::{
    fs,
    os::unix::fs::{MetadataExt, chown},
    path::Path,
    process::Command,
};

use rustix::process::Signal;

use crate::{
    faults::run::{PATIENCE, Run, partial},
    in_time::CommandInTime,
    namespace::in_namespace,
    peer::{connect, drain, listen, v4},
    tracer::{unused_port, wait_for},
};

const ENDINGS: [&str; 4] = ["html", "md", "json", "txt"];
/// Somebody who is not root.
const CALLER: u32 = 65_534;

fn zkchurn() -> Command {
    Command::new(env!("CARGO_BIN_EXE_zkchurn"))
}

fn file(directory: &Path, name: &str) -> String {
    directory.join(name).to_str().unwrap().to_owned()
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn a_trace_writes_what_is_made_of_its_recording() {
    let directory = tempfile::tempdir().unwrap();
    chown(directory.path(), Some(CALLER), Some(CALLER)).unwrap();
    let recording = file(directory.path(), "x.zkchurn");
    let reports: Vec<_> = ENDINGS
        .map(|ending| file(directory.path(), &format!("live.{ending}")))
        .into();
    let (path, to) = (recording.clone(), reports.clone());
    let ended = in_namespace(move || {
        let port = unused_port();
        let accepting = drain(listen(port), 20);
        let mut command = zkchurn();
        command.args(["--port", &port.to_string(), "--record", &path]);
        let caller = CALLER.to_string();
        command.env("SUDO_UID", &caller).env("SUDO_GID", &caller);
        for to in &to {
            command.args(["--report", to]);
        }
        let run = Run::start(command, &[]);
        // Before the end none has its name.
        assert!(to.iter().all(|to| !Path::new(to).exists()));
        (0..20).for_each(|_| drop(connect(v4(port))));
        accepting.join().unwrap();
        run.signal(Signal::INT);
        run.wait()
    });
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    // Root itself, without the capability for it, makes no files in the caller's directory.
    let others = tempfile::tempdir().unwrap();
    for (ending, live) in ENDINGS.iter().zip(&reports) {
        let about = fs::metadata(live).unwrap();
        assert_eq!(
            (about.uid(), about.mode() & 0o777),
            (CALLER, 0o600),
            "{live}"
        );
        let later = file(others.path(), &format!("later.{ending}"));
        let mut report = zkchurn();
        report.args(["report", &recording, "-o", &later]);
        assert!(report.status_in_time().unwrap().success());
        let (live, later) = (fs::read(live).unwrap(), fs::read(later).unwrap());
        assert!(
            live == later,
            "{ending}: {}",
            String::from_utf8_lossy(&live)
        );
    }
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn a_file_that_cannot_be_written_ends_it_before_it_traces_and_nothing_is_left() {
    let directory = tempfile::tempdir().unwrap();
    let taken = file(directory.path(), "taken.md");
    fs::write(&taken, "precious").unwrap();
    let nowhere = file(directory.path(), "none/x.md");
    for refused in [&taken, &nowhere] {
        let new = file(directory.path(), "new.html");
        let recording = file(directory.path(), "new.zkchurn");
        let mut command = zkchurn();
        command.args(["--port", "1", "--duration", "1s", "--report", &new]);
        command.args(["--record", &recording]);
        let output = command
            .args(["--report", refused])
            .output_in_time()
            .unwrap();
        assert_eq!(output.status.code(), Some(7), "{output:?}");
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(
            said.contains(&format!("{refused} cannot be created")),
            "{said}"
        );
        assert!(!said.contains("zkchurn: tracing"), "{said}");
        assert!(!said.contains("recorded"), "{said}");
        // The helper that created each takes it away again.
        wait_for(PATIENCE, "no file", || {
            [&new, &recording].into_iter().all(|new| {
                let new = Path::new(new);
                !new.exists() && !partial(new).exists()
            })
        });
    }
    assert_eq!(fs::read_to_string(&taken).unwrap(), "precious");
}
