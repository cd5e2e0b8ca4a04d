// SPDX-License-Identifier: MIT
//! Connections that are older than the trace.

use zkchurn_core::outcome::Outcome;

use super::*;

/// The whole as it is where nobody has connected since the trace began.
fn only_older(open: u64, ended: u64) -> Snapshot {
    let mut snapshot = recording("incident.zkchurn").snapshot(&Want::default(), u64::MAX);
    snapshot.report.findings.clear();
    snapshot.families.truncate(1);
    let row = &mut snapshot.families[0].row;
    row.finding = None;
    row.threads.clear();
    for summary in [&mut snapshot.report.total, &mut row.summary] {
        (summary.opened, summary.ended, summary.open) = (0, 0, 0);
        summary.outcomes.clear();
        let older = &mut summary.older;
        (older.seen, older.open, older.ended) = (open + ended, open, ended);
        if ended > 0 {
            older
                .outcomes
                .insert(Outcome::ClosedByUsBeforeAnyByte, ended);
        }
    }
    snapshot
}

#[test]
fn they_are_counted_wherever_open_and_ended_ones_are() {
    let mut view = view();
    view.update(only_older(5, 2));
    let table = screen(&mut view, 100, 24);
    assert!(
        table.contains("0 opened, 0 ended, 0 open; older: 2 ended, 5 open"),
        "{table}"
    );
    assert!(table.contains(" 5 open "), "the row's outcome\n{table}");
    let narrow = screen(&mut view, 60, 15);
    assert!(narrow.contains("0 ended + 2 older"), "{narrow}");
    view.press(Key::Down);
    view.press(Key::Enter);
    let page = screen(&mut view, 100, 24);
    for words in [
        "0 connections since the trace began",
        "7 open when the trace began: 2 ended, 5 open; 2 closed by us",
    ] {
        assert!(page.contains(words), "{words}\n{page}");
    }
    for words in ["0 open", "no end seen", "unknown"] {
        assert!(!page.contains(words), "{words}\n{page}");
    }
}

#[test]
fn what_has_ended_since_the_screen_is_frozen_has_them_too() {
    let mut view = view();
    view.is_recording = false;
    let live = |ended| Snapshot {
        position: None,
        ..only_older(5, ended)
    };
    view.update(live(0));
    view.press(Key::Char(' '));
    view.update(live(3));
    let text = screen(&mut view, 100, 24);
    assert!(text.contains("+3 ended since"), "{text}");
}
