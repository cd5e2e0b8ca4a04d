// SPDX-License-Identifier: MIT
//! The rows of the table of families, and those above it.

use zkchurn_core::frame::Sides;

use super::*;

/// The answer that is cut has all rows down to the table, and the table no empty one.
#[test]
fn no_row_stays_empty_while_the_answer_is_cut() {
    for name in [
        "kinds/handle_leak_kazoo.zkchurn",
        "messy/twoapps-jdk14.mid.zkchurn",
    ] {
        let recorded = recording(name);
        let mut view = view();
        press(&mut view, &recorded, &[Key::Escape]);
        for (columns, rows) in [(60, 15), (80, 24)] {
            let text = screen(&mut view, columns, rows);
            let lines: Vec<_> = text.lines().collect();
            let is_cut = |line: &&&str| line.ends_with(" …") && !line.starts_with("  also");
            let empty = lines.iter().filter(|line| line.is_empty()).count();
            let cut = lines.iter().filter(is_cut).count();
            assert!(cut == 0 || empty == 0, "{name}\n{text}");
        }
    }
}

#[test]
fn a_table_without_rows_says_what_is_traced() {
    let mut snapshot = recording("incident.zkchurn").snapshot(&Want::default(), u64::MAX);
    snapshot.families.clear();
    let mut says = |sides, pid, words: &str| {
        (snapshot.report.trace.side, snapshot.report.trace.pid) = (sides, pid);
        let mut view = view();
        view.update(snapshot.clone());
        let text = screen(&mut view, 100, 24);
        assert!(text.contains(words), "{words}\n{text}");
    };
    says(Sides::Client, None, "no connection yet to the traced ports");
    says(
        Sides::Client,
        Some(7),
        "no connection of pid 7 yet to the traced ports",
    );
    says(
        Sides::Server,
        None,
        "no connection yet accepted at the traced ports",
    );
    says(
        Sides::Both,
        None,
        "no connection yet to or from the traced ports",
    );
}

#[test]
fn rows_of_one_process_say_by_which_thread_they_differ() {
    let recorded = recording("kinds/incident_3_hosts.zkchurn");
    let mut snapshot = recorded.snapshot(&Want::default(), u64::MAX);
    assert!(snapshot.families.len() >= 2);
    for (number, family) in snapshot.families.iter_mut().enumerate() {
        let row = &mut family.row;
        (row.pid, row.processes, row.thread_count) = (Some(7), 1, 1);
        row.threads.truncate(1);
        row.threads[0].name = Some(format!("w{number}"));
    }
    let mut view = view();
    view.update(snapshot.clone());
    let text = screen(&mut view, 80, 24);
    assert!(
        text.contains("7 \"w0\"") && text.contains("7 \"w1\""),
        "{text}"
    );
    // Where it is the same thread, its name tells nothing.
    for family in &mut snapshot.families {
        family.row.threads[0].name = Some("w0".to_owned());
    }
    view.update(snapshot);
    assert!(!screen(&mut view, 80, 24).contains("\"w0\" "));
}
