// SPDX-License-Identifier: MIT
//! Turning handshakes on: asked first, and said since when.

use super::*;

/// A live view of the incident, of a trace that says this of handshakes.
fn live(handshakes: Handshakes) -> (View, Snapshot) {
    let offers = Offers {
        dumps: false,
        handshakes,
    };
    let mut view = View::new(TimeZone::UTC, true, false).offering(offers);
    let snapshot = recording("incident.zkchurn").snapshot(&view.want(), u64::MAX);
    view.update(snapshot.clone());
    (view, snapshot)
}

#[test]
fn they_are_turned_on_after_a_question() {
    let (mut view, mut later) = live(Handshakes::OnWish);
    let text = screen(&mut view, 100, 24);
    assert!(text.contains("h handshakes"), "{text}");
    for no in [Key::Char('n'), Key::Escape, Key::Enter] {
        assert_eq!(view.press(Key::Char('h')), None);
        let text = screen(&mut view, 60, 15);
        assert!(text.contains("read the handshakes of"), "{text}");
        assert_eq!(view.press(no), None);
        assert_eq!(view.prompt, None);
    }
    view.press(Key::Char('h'));
    assert_eq!(view.press(Key::Char('y')), Some(Wish::Handshakes));
    // The trace says that it has done so.
    later.handshakes = Some(Handshakes::Since(later.clock.monotonic_ns));
    view.update(later);
    assert_eq!(view.press(Key::Char('h')), None);
    let since = "handshakes are captured since 18:11:33";
    let text = screen(&mut view, 100, 24);
    assert!(text.contains(since), "{text}");
    assert!(!text.contains("h handshakes"), "{text}");
}

#[test]
fn what_was_opened_before_says_why_it_has_none() {
    let (mut view, snapshot) = live(Handshakes::OnWish);
    press_on(&mut view, &snapshot, None);
    let before = screen(&mut view, 100, 40);
    assert!(!before.contains("no handshake"), "{before}");
    let end = u64::MAX >> 1;
    for (since_ns, is_said) in [(0, false), (end, true)] {
        press_on(&mut view, &snapshot, Some(Handshakes::Since(since_ns)));
        let text = screen(&mut view, 100, 40);
        let words = "no handshake: they are captured since";
        assert_eq!(text.contains(words), is_said, "{text}");
    }
}

/// Goes down to the last connection of the first family, with this said of handshakes.
fn press_on(view: &mut View, snapshot: &Snapshot, handshakes: Option<Handshakes>) {
    let recorded = recording("incident.zkchurn");
    let fed = |view: &mut View| {
        let mut snapshot = recorded.snapshot(&view.want(), u64::MAX);
        snapshot.handshakes = handshakes;
        view.update(snapshot);
    };
    while !view.pages.is_empty() {
        view.press(Key::Escape);
    }
    view.update(snapshot.clone());
    view.press(Key::Enter);
    fed(view);
    view.press(Key::Down);
    view.press(Key::Down);
    view.press(Key::Enter);
    fed(view);
    view.press(Key::Enter);
    fed(view);
}

#[test]
fn where_they_cannot_be_turned_on_it_is_said_what_to_do() {
    for (handshakes, said) in [
        (Handshakes::NotKept, "start with --handshake=later"),
        (Handshakes::Impossible, "limitations say why"),
        (Handshakes::FromStart, "handshakes are captured: Enter"),
    ] {
        let (mut view, _) = live(handshakes);
        assert_eq!(view.press(Key::Char('h')), None);
        let text = screen(&mut view, 100, 24);
        assert!(text.contains(said), "{text}");
        assert_eq!(view.press(Key::Char('y')), None);
    }
}
