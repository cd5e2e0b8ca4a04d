// SPDX-License-Identifier: MIT
//! The full-screen view of the real program in a real terminal: tmux with a server of the
//! test's own.
#![expect(
    clippy::unwrap_used,
    reason = "a test that panics has failed, which is its purpose"
)]

mod pieces;
#[path = "tmux/program.rs"]
mod program;
mod tmux;

use std::{
    fs,
    path::Path,
    process::Command,
    thread::sleep,
    time::{Duration, Instant},
};

use program::kill;
use tmux::{Tmux, WITHIN};
use zkchurn_lab::harness::in_time::CommandInTime;

const INCIDENT: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/recordings/incident.zkchurn"
);
/// Shows the incident.
fn show(tmux: &Tmux, before: &str) {
    show_path(tmux, before, Path::new(INCIDENT));
}

fn show_path(tmux: &Tmux, before: &str, path: &Path) {
    let program = env!("CARGO_BIN_EXE_zkchurn");
    let path = path.display();
    tmux.keys(&[&format!("{before} {program} live {path}"), "Enter"]);
    tmux.wait_for(|text| text.contains("q quit") && text.contains("RECORDING at"));
}

#[test]
fn the_answer_at_three_sizes_and_after_it() {
    for (columns, rows) in [(60, 15), (80, 24), (200, 60)] {
        let tmux = Tmux::start(columns, rows);
        show(&tmux, "");
        let text = tmux.screen();
        assert!(
            text.contains("BROKEN  The client fails before it"),
            "{text}"
        );
        assert!(text.contains("3715 java"), "{text}");
        assert!(text.contains("nothing lost"), "{text}");
        tmux.keys(&["Enter"]);
        tmux.wait_for(|text| text.contains("evidence: The client fails"));
        tmux.keys(&["Enter"]);
        tmux.wait_for(|text| text.contains("rhythm   every 1.15 s to 2.11 s"));
        tmux.keys(&["q"]);
        tmux.wait_for(|text| text.contains("More: --details"));
        tmux.assert_restored();
    }
}

#[test]
fn time_goes_back_and_on() {
    let tmux = Tmux::start(100, 30);
    show(&tmux, "");
    tmux.wait_for(|text| text.contains("15 opened, 15 ended"));
    tmux.keys(&["Home"]);
    let text =
        tmux.wait_for(|text| text.contains("0 opened, 0 ended") && text.contains("0 s of 23.8 s"));
    assert!(text.contains("No connection yet at this moment"), "{text}");
    tmux.keys(&["t", "10s", "Enter"]);
    tmux.wait_for(|text| text.contains("10 s of 23.8 s"));
    tmux.keys(&["Right", "Right"]);
    tmux.wait_for(|text| text.contains("12 s of 23.8 s"));
    tmux.keys(&["+", "+", "+", "+", "+", "Space"]);
    // At 60× it is over in a moment.
    tmux.wait_for(|text| text.contains("15 opened, 15 ended") && text.contains("RECORDING"));
    tmux.keys(&["q"]);
    tmux.wait_for(|text| text.contains("15 connections in all"));
}

#[test]
fn a_directory_of_segments_is_one_recording() {
    let directory = tempfile::tempdir().unwrap();
    let segments = pieces::cut(&fs::read(INCIDENT).unwrap(), |number| {
        number.is_multiple_of(9)
    });
    assert!(segments.len() > 2, "{}", segments.len());
    for (number, segment) in segments.iter().enumerate() {
        let name = directory.path().join(format!("{number:03}.zkchurn"));
        fs::write(name, segment).unwrap();
    }
    let tmux = Tmux::start(100, 30);
    show_path(&tmux, "", directory.path());
    tmux.wait_for(|text| text.contains("15 opened, 15 ended"));
    tmux.keys(&["t", "10s", "Enter"]);
    tmux.wait_for(|text| text.contains("10 s of 23.8 s"));
    tmux.keys(&["q"]);
    tmux.wait_for(|text| text.contains("More: --details"));
}

#[test]
fn w_writes_a_page_of_what_is_shown_and_replaces_nothing() {
    let tmux = Tmux::start(100, 30);
    let directory = tempfile::tempdir().unwrap();
    tmux.keys(&[&format!("cd {}", directory.path().display()), "Enter"]);
    show(&tmux, "");
    tmux.wait_for(|text| text.contains("15 opened, 15 ended"));
    tmux.keys(&["w"]);
    tmux.wait_for(|text| text.contains("wrote zkchurn-"));
    tmux.keys(&["t", "10s", "Enter"]);
    tmux.wait_for(|text| text.contains("10 s of 23.8 s"));
    tmux.keys(&["/", "port:1", "Enter"]);
    tmux.wait_for(|text| text.contains("filter port:1"));
    tmux.keys(&["w"]);
    tmux.wait_for(|text| text.contains("wrote zkchurn-"));
    tmux.keys(&["q"]);
    tmux.wait_for(|text| text.contains("prompt:"));
    let pages = fs::read_dir(directory.path()).unwrap();
    let mut pages: Vec<_> = pages.map(|page| page.unwrap().path()).collect();
    pages.sort_by_key(|page| page.metadata().unwrap().modified().unwrap());
    assert_eq!(pages.len(), 2, "{pages:?}");
    let text = |page: &Path| fs::read_to_string(page).unwrap();
    let (whole, part) = (text(&pages[0]), text(&pages[1]));
    assert!(
        whole.contains("15 connections in all"),
        "the whole incident"
    );
    assert!(part.contains("port:1") && !part.contains("15 connections in all"));
    // What `report` makes of the same recording.
    let made = directory.path().join("made.html");
    let report = Command::new(env!("CARGO_BIN_EXE_zkchurn"))
        .args(["report", INCIDENT, "-o"])
        .arg(&made)
        .output_in_time()
        .unwrap();
    assert!(report.status.success());
    assert_eq!(text(&made), whole);
}

#[test]
fn the_terminal_is_as_it_was_after_signals() {
    for signal in ["-TERM", "-INT", "-QUIT"] {
        let tmux = Tmux::start(100, 45);
        show(&tmux, "");
        kill(&tmux, signal);
        tmux.wait_for(|text| text.contains("More: --details"));
        tmux.assert_restored();
    }
}

#[test]
fn it_ends_when_its_terminal_goes() {
    let tmux = Tmux::start(80, 24);
    show(&tmux, "exec");
    // In the shell's place, so that no shell passes the hangup on.
    let pid = tmux.run(&["display-message", "-p", "#{pane_pid}"]);
    let pid = pid.trim();
    assert!(is_running(pid));
    tmux.run(&["kill-server"]);
    let began = Instant::now();
    while is_running(pid) {
        assert!(began.elapsed() < WITHIN, "it goes on without a terminal");
        sleep(Duration::from_millis(50));
    }
}

/// Whether a process has not ended. One that has, and that nobody has waited for, is there
/// still: its parent is gone, and who takes its place need not be in a hurry.
fn is_running(pid: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit(") ").next().unwrap_or_default();
    !state.is_empty() && !state.starts_with(['Z', 'X'])
}

#[test]
fn stopped_and_back() {
    let tmux = Tmux::start(100, 45);
    show(&tmux, "");
    tmux.keys(&["C-z"]);
    tmux.wait_for(|text| text.contains("topped"));
    tmux.assert_restored();
    tmux.keys(&["fg", "Enter"]);
    tmux.wait_for(|text| text.contains("RECORDING at"));
    kill(&tmux, "-TSTP");
    tmux.wait_for(|text| text.contains("the shell is 42"));
    tmux.keys(&["clear", "Enter"]);
    tmux.assert_restored();
    tmux.keys(&["fg", "Enter"]);
    tmux.wait_for(|text| text.contains("RECORDING at"));
    tmux.keys(&["q"]);
    tmux.wait_for(|text| text.contains("More: --details"));
}

#[test]
fn whatever_size_the_terminal_takes() {
    let tmux = Tmux::start(80, 24);
    show(&tmux, "");
    for (columns, rows) in [(40, 8), (300, 100), (61, 16), (20, 3), (120, 30)].repeat(4) {
        let (columns, rows) = (columns.to_string(), rows.to_string());
        tmux.run(&["resize-window", "-x", &columns, "-y", &rows]);
    }
    tmux.wait_for(|text| {
        let lines: Vec<_> = text.lines().collect();
        lines.len() == 30
            && lines[0].starts_with(" BROKEN  The client fails before it speaks")
            && lines[29].starts_with("q quit")
            && lines[28].contains("nothing lost")
    });
    tmux.run(&["resize-window", "-x", "40", "-y", "10"]);
    tmux.wait_for(|text| text.contains("needs 60 columns and 15 rows"));
    tmux.keys(&["q"]);
    tmux.wait_for(|text| text.contains("prompt:"));
}

#[test]
fn a_part_of_a_sequence_holds_up_nothing() {
    let tmux = Tmux::start(80, 24);
    show(&tmux, "");
    // Escape and a bracket, as a slow line may bring of an arrow.
    tmux.run(&["send-keys", "-H", "1b", "5b"]);
    for (columns, rows) in [("120", "30"), ("100", "20")] {
        tmux.run(&["resize-window", "-x", columns, "-y", rows]);
        let last = rows.parse::<usize>().unwrap() - 1;
        tmux.wait_for(|text| {
            let line = text.lines().nth(last);
            line.is_some_and(|line| line.starts_with("q quit"))
        });
    }
    // The rest of it: an arrow, which is none of the keys that end the view.
    tmux.keys(&["-H", "42"]);
    tmux.keys(&["q"]);
    tmux.wait_for(|text| text.contains("prompt:"));
}

#[test]
fn where_there_is_no_screen_there_are_lines_and_it_is_said() {
    let program = env!("CARGO_BIN_EXE_zkchurn");
    let output = Command::new(program)
        .args(["live", INCIDENT])
        .output_in_time()
        .unwrap();
    assert!(output.status.success());
    let (lines, said) = (
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    );
    assert!(
        lines.contains("The client fails before it speaks (certain)"),
        "{lines}"
    );
    assert!(!lines.contains('\u{1b}'), "{lines}");
    let sentence = "standard output is no terminal: printing lines instead of the full-screen view";
    assert!(said.contains(sentence), "{said}");
    // In the form that was asked for.
    let json = Command::new(program)
        .args(["live", INCIDENT, "--format", "json"])
        .output_in_time()
        .unwrap();
    let json = String::from_utf8(json.stdout).unwrap();
    let last = json.lines().last().unwrap();
    assert!(last.starts_with(r#"{"type":"report","#), "{last}");
    let tmux = Tmux::start(160, 50);
    tmux.keys(&[&format!("TERM=dumb {program} live {INCIDENT}"), "Enter"]);
    let text = tmux.wait_for(|text| text.contains("More: --details"));
    assert!(
        text.contains("cannot move its cursor: printing lines"),
        "{text}"
    );
}
