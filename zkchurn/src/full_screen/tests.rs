// SPDX-License-Identifier: MIT
//! The terminal after a panic, and one that goes, in tmux.

#[path = "../../tests/tmux/mod.rs"]
mod tmux;

use std::{
    env, fs,
    path::PathBuf,
    thread::sleep,
    time::{Duration, Instant},
};

use tmux::{Tmux, WITHIN};

use super::{
    keyboard::{Keyboard, is_still_there},
    terminal::Terminal,
    wake,
};

/// Where the test that is run in a terminal says what it found.
const FOUND: &str = "ZKCHURN_TEST_FOUND";

/// What the test below runs in a terminal.
#[test]
#[ignore = "takes a terminal over; the_terminal_is_as_it_was_after_a_panic runs it"]
fn panics_on_its_terminal() {
    let (waker, _wake) = wake::pair().unwrap();
    let mut terminal = Terminal::take(waker).unwrap();
    let drawn = terminal.draw(|cells| {
        cells[(0, 0)].set_char('X');
    });
    drawn.unwrap();
    // In a thread that nobody waits for, as the loop of a trace is for the view.
    let panicked = std::thread::spawn(|| panic!("on purpose")).join();
    assert!(panicked.is_ok(), "the terminal is not ours any more");
}

#[test]
fn the_terminal_is_as_it_was_after_a_panic() {
    let tmux = Tmux::start(120, 40);
    let test = "full_screen::tests::panics_on_its_terminal";
    tmux.keys(&[&run_here(test), "Enter"]);
    // What it says is on the normal screen.
    tmux.wait_for(|text| text.contains("on purpose") && text.contains("1 failed"));
    tmux.assert_restored();
}

/// What the test below runs in a terminal.
#[test]
#[ignore = "its terminal goes; keys_of_a_terminal_that_is_gone_are_not_waited_for runs it"]
fn reads_a_terminal_that_is_gone() {
    let found = PathBuf::from(env::var_os(FOUND).unwrap());
    // The hangup is ignored by the shell that runs this.
    let (waker, _wake) = wake::pair().unwrap();
    let terminal = Terminal::take(waker).unwrap();
    let mut keyboard = Keyboard::new().unwrap();
    fs::write(&found, "ready").unwrap();
    let began = Instant::now();
    while is_still_there().is_ok() && began.elapsed() < WITHIN {
        sleep(Duration::from_millis(10));
    }
    // As if it had gone after the last look at it.
    let said = match keyboard.read() {
        Ok(_) => "keys",
        Err(_) => "gone",
    };
    fs::write(&found, said).unwrap();
    drop(terminal);
}

#[test]
fn keys_of_a_terminal_that_is_gone_are_not_waited_for() {
    let tmux = Tmux::start(120, 40);
    let folder = tempfile::tempdir().unwrap();
    let found = folder.path().join("found");
    let said = || fs::read_to_string(&found).unwrap_or_default();
    let test = run_here("full_screen::tests::reads_a_terminal_that_is_gone");
    let command = format!("trap '' HUP; {FOUND}={} {test}", found.display());
    tmux.keys(&[&command, "Enter"]);
    let began = Instant::now();
    let mut is_gone = false;
    while said() != "gone" {
        if !is_gone && said() == "ready" {
            tmux.run(&["kill-server"]);
            is_gone = true;
        }
        assert!(began.elapsed() < 2 * WITHIN, "{:?} is what it said", said());
        sleep(Duration::from_millis(50));
    }
}

/// The command that runs a test of this program in a terminal.
fn run_here(test: &str) -> String {
    let program = env::current_exe().unwrap();
    let program = program.display();
    format!("{program} --ignored --nocapture --exact {test}")
}
