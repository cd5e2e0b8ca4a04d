// SPDX-License-Identifier: MIT
//! What is said in the last lines, what is typed there, and the keys.

use super::*;

fn said(sentence: &str, columns: u16) -> String {
    let recorded = recording("incident.zkchurn");
    let mut view = view();
    press(&mut view, &recorded, &[Key::Escape]);
    view.notice(sentence.to_owned());
    screen(&mut view, columns, 24)
}

#[test]
fn a_message_that_is_longer_than_a_row_takes_two() {
    for sentence in [Offers::NO_DUMPS, Offers::NO_HANDSHAKES] {
        let words = said(sentence, 60);
        let words: Vec<_> = words.split_whitespace().collect();
        assert!(words.join(" ").ends_with(sentence), "{words:?}");
        let fix = sentence.find("start with --").unwrap();
        assert!(fix < 40, "the fix comes first");
    }
    let short = said("all connections are shown again", 60);
    assert!(short.contains("nothing lost"), "{short}");
    let long = said(&"word ".repeat(60), 60);
    assert!(long.trim_end().ends_with('…'), "{long}");
}

#[test]
fn all_keys_are_shown_on_the_smallest_terminal() {
    let recorded = recording("incident.zkchurn");
    let mut view = view();
    press(&mut view, &recorded, &[Key::Escape, Key::Char('?')]);
    let first = screen(&mut view, 60, 15);
    assert!(
        first.contains("any key: more (1 of 2), Esc: back"),
        "{first}"
    );
    assert!(!first.contains("GAPS"), "{first}");
    view.press(Key::Down);
    let second = screen(&mut view, 60, 15);
    assert!(second.contains("GAPS"), "{second}");
    assert!(second.contains("any key: back"), "{second}");
    view.press(Key::Down);
    assert!(screen(&mut view, 60, 15).contains("q quit"));
    press(&mut view, &recorded, &[Key::Char('?')]);
    screen(&mut view, 60, 15);
    view.press(Key::Escape);
    assert!(screen(&mut view, 60, 15).contains("q quit"));
}

#[test]
fn a_filter_that_is_wrong_has_a_caret_below_the_place() {
    let recorded = recording("incident.zkchurn");
    let long = " not lived<10ms port:2181";
    for (columns, more) in [(60, ""), (80, ""), (60, long)] {
        let mut view = view();
        press(&mut view, &recorded, &[Key::Escape, Key::Char('/')]);
        let typed = format!("process:java 動:2181{more}");
        for typed in typed.chars() {
            view.press(Key::Char(typed));
        }
        assert_eq!(view.press(Key::Enter), None);
        let mut cells = Buffer::empty(Rect::new(0, 0, columns, 24));
        view.draw(&mut cells);
        let at = |symbol: &str, row: u16| {
            (0..columns).find(|column| cells[(*column, row)].symbol() == symbol)
        };
        assert_eq!(at("^", 23), at("動", 22), "{more}");
        assert!(at("^", 23).is_some());
        // The next key takes it away.
        view.press(Key::Left);
        assert!(!screen(&mut view, columns, 24).contains('^'));
    }
}

#[test]
fn what_is_typed_is_edited_where_the_cursor_stands() {
    let recorded = recording("incident.zkchurn");
    let mut view = view();
    press(&mut view, &recorded, &[Key::Escape, Key::Char('/')]);
    for typed in "port:1 process:java".chars() {
        view.press(Key::Char(typed));
    }
    let keys = [
        Key::Control('w'),
        Key::Home,
        Key::Char('x'),
        Key::Backspace,
        Key::End,
        Key::Backspace,
        Key::Left,
    ];
    for key in keys {
        assert_eq!(view.press(key), None);
    }
    let text = screen(&mut view, 80, 24);
    assert!(text.trim_end().ends_with("port:1"), "{text}");
    view.press(Key::Char('2'));
    let expected = "port:21".parse().unwrap();
    assert_eq!(view.press(Key::Enter), Some(Wish::Filter(Some(expected))));
}
