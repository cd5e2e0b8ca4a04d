// SPDX-License-Identifier: MIT
//! The line of what was lost, in the room that there is.

use zkchurn_core::filter::Filtered;

use super::*;

/// The line of a live view whose trace lost something, or nothing.
fn line(columns: u16, unmatched: u64, filter: Option<&str>) -> String {
    let recorded = recording("incident.zkchurn");
    let mut snapshot = recorded.snapshot(&Want::default(), u64::MAX);
    snapshot.position = None;
    snapshot.report.loss.kernel.unmatched_closes = unmatched;
    snapshot.report.loss.kernel.recursion_misses = Some(unmatched);
    snapshot.report.filtered = filter.map(|filter| Filtered {
        filter: filter.to_owned(),
        ..Filtered::default()
    });
    let mut view = View::new(TimeZone::UTC, true, false);
    view.filter = filter.map(|filter| filter.parse().unwrap());
    view.update(snapshot);
    let text = screen(&mut view, columns, 24);
    text.lines().nth(22).unwrap().to_owned()
}

#[test]
fn a_count_is_never_cut_nor_pushed_out_by_a_filter() {
    for columns in [60, 80, 140] {
        let filters = [
            None,
            Some("process:nomatch"),
            Some("not lived<10ms port:2181 thread:~SendThread"),
        ];
        for filter in filters {
            let nothing = line(columns, 0, filter);
            assert!(nothing.contains("nothing lost"), "{nothing}");
            let some = line(columns, 1_234, filter);
            assert!(some.contains("1,234 unmatched"), "{some}");
            assert!(some.contains("1,234 ") && some.contains("miss"), "{some}");
            assert!(!some.ends_with('…'), "{some}");
            if filter.is_some() {
                let judged = "last 200";
                assert!(some.contains(judged) && nothing.contains(judged), "{some}");
                assert!(some.starts_with("filter"), "{some}");
            }
        }
    }
    assert_eq!(
        line(80, 0, None),
        "1 limitation; nothing lost: 0 buffer, 0 table, 0 misses, 0 unmatched"
    );
}
