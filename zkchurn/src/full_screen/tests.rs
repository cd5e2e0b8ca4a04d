// SPDX-License-Identifier: MIT
//! The terminal after a panic, in tmux.

#[path = "../../tests/tmux/mod.rs"]
mod tmux;

use tmux::Tmux;

use super::{terminal::Terminal, wake};

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
    let program = std::env::current_exe().unwrap();
    let program = program.display();
    let command = format!("{program} --ignored --nocapture --exact {test}");
    tmux.keys(&[&command, "Enter"]);
    // What it says is on the normal screen.
    tmux.wait_for(|text| text.contains("on purpose") && text.contains("1 failed"));
    tmux.assert_restored();
}
