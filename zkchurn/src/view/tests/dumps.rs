// SPDX-License-Identifier: MIT
//! Who is asked for a thread dump, and who is not.

use zkchurn_core::inspection::Details;

use super::*;

/// A live view of the incident, whose process was looked at as `seen` has it.
fn live(seen: impl Fn(&mut Report)) -> (View, Snapshot) {
    let recorded = recording("incident.zkchurn");
    let offers = Offers {
        dumps: true,
        handshakes: Handshakes::NotKept,
    };
    let mut view = View::new(TimeZone::UTC, true, false).offering(offers);
    let mut snapshot = recorded.snapshot(&view.want(), u64::MAX);
    let whole = snapshot.clone();
    seen(&mut snapshot.report);
    view.update(snapshot);
    (view, whole)
}

fn of_no_jvm(report: &mut Report) {
    let suspect = &mut report.suspects[0];
    suspect.jvm = None;
    let details = suspect.details.get_or_insert_with(Details::default);
    details.uid = Some(0);
}

#[test]
fn what_is_no_jvm_is_not_asked() {
    let (mut view, _) = live(of_no_jvm);
    assert_eq!(view.press(Key::Char('d')), None);
    let text = screen(&mut view, 80, 24);
    assert!(text.contains("no JVM, not asked: 3715 java"), "{text}");
    assert_eq!(view.press(Key::Char('y')), None);
    let (mut view, _) = live(|report| report.suspects[0].details = None);
    view.press(Key::Char('d'));
    // It was a JVM when it was looked at.
    assert!(screen(&mut view, 80, 24).contains("(y/n)"));
    let gone = |report: &mut Report| {
        of_no_jvm(report);
        report.suspects[0].details = None;
    };
    let (mut view, _) = live(gone);
    view.press(Key::Char('d'));
    assert!(screen(&mut view, 80, 24).contains("it has exited: 3715"));
}

#[test]
fn where_nobody_has_looked_it_is_said_and_what_came_of_it_too() {
    for cut_short in [false, true] {
        let unknown = |report: &mut Report| match cut_short {
            false => report.suspects.clear(),
            true => {
                report.suspects[0].jvm = None;
                report.suspects[0].details = Some(Details::default());
            }
        };
        let (mut view, mut later) = live(unknown);
        view.press(Key::Char('d'));
        let text = screen(&mut view, 100, 24);
        assert!(text.contains("not known yet whether 3715 java"), "{text}");
        assert!(
            matches!(view.press(Key::Char('y')), Some(Wish::Dump(process)) if process.pid == 3715)
        );
        let mut still = later.clone();
        unknown(&mut still.report);
        view.update(still);
        assert_eq!(view.notice, None);
        let jvm = later.clone();
        of_no_jvm(&mut later.report);
        view.update(later);
        let said = view.notice.take().unwrap();
        assert!(said.starts_with("no JVM, not asked: 3715 java"), "{said}");
        // It is said once, and of a JVM nothing: its process page has the dump.
        view.update(jvm);
        assert_eq!(view.notice, None);
    }
}
