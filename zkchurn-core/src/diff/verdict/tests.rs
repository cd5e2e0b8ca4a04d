// SPDX-License-Identifier: MIT
//! The sentence on all families, word for word, for each class that comes first.

use super::*;
use crate::{
    clock::ClockPair,
    diff::Taken,
    frame::{Mark, Sides, TraceStart},
    pipeline::{Pipeline, View},
    render::{FORMS, Options},
    report::Report,
};

fn numbers(opened: u64, ended: u64) -> FamilyNumbers {
    FamilyNumbers {
        opened,
        ended,
        open: opened - ended,
        per_second: opened as f64,
        per_second_from: 0.0,
        per_second_to: 0.0,
        failed: None,
        lived_p50_ns: None,
        outcomes: Vec::new(),
    }
}

/// A program with so many connections before and after, all ended.
fn change(class: Class, program: &str, before: u64, after: u64) -> FamilyChange {
    let numbers = |opened| (opened > 0).then(|| numbers(opened, opened));
    FamilyChange {
        class,
        program: program.to_owned(),
        peer: "10.0.0.1:2181".to_owned(),
        why: "why".to_owned(),
        before: numbers(before),
        after: numbers(after),
    }
}

/// New, and it keeps its connections.
fn kept(program: &str) -> FamilyChange {
    FamilyChange {
        after: Some(numbers(2, 0)),
        ..change(Class::New, program, 0, 2)
    }
}

#[test]
fn the_worst_class_names_the_whole_and_the_others_are_counted() {
    let worse = |name| change(Class::Worse, name, 1, 2);
    let new = |name| change(Class::New, name, 0, 2);
    let better = |name| change(Class::Better, name, 2, 1);
    let gone = |name| change(Class::Gone, name, 2, 0);
    let unknown = |name| change(Class::CannotTell, name, 5, 5);
    let same = |name| change(Class::Unchanged, name, 5, 5);
    let cases = [
        (
            vec![
                worse("a"),
                new("b"),
                kept("c"),
                better("d"),
                gone("e"),
                same("f"),
                unknown("g"),
            ],
            Class::Worse,
            "Worse: a -> 10.0.0.1:2181 why: 1.00/s before, 2.00/s after; 1 more worse; 1 more new; \
             2 more better or gone; 1 unchanged; 1 cannot be told",
        ),
        (
            vec![worse("a")],
            Class::Worse,
            "Worse: a -> 10.0.0.1:2181 why: 1.00/s before, 2.00/s after",
        ),
        (
            vec![new("b"), new("c")],
            Class::Worse,
            "Worse: b -> 10.0.0.1:2181 is new: 2.00/s, why; 1 more worse",
        ),
        (
            vec![
                kept("b"),
                kept("c"),
                kept("d"),
                better("e"),
                same("f"),
                same("g"),
            ],
            Class::New,
            "New: b -> 10.0.0.1:2181 is new: 2.00/s, why; 2 more new; 1 more better or gone; \
             2 unchanged",
        ),
        (
            vec![gone("a"), better("b"), better("c"), unknown("d")],
            Class::Better,
            "Better: a -> 10.0.0.1:2181 has stopped: 2.00/s before, why; 2 more better or gone; \
             1 cannot be told",
        ),
        (
            vec![unknown("a"), unknown("b"), same("c")],
            Class::CannotTell,
            "Cannot tell: a -> 10.0.0.1:2181: why; 1 more that cannot be told; 1 unchanged",
        ),
        (
            vec![same("a")],
            Class::Unchanged,
            "No change: a -> 10.0.0.1:2181 as before",
        ),
        (
            vec![same("a"), same("b")],
            Class::Unchanged,
            "No change: 2 programs and peers are as before",
        ),
        (
            vec![change(Class::Unchanged, "a", 0, 0)],
            Class::Unchanged,
            "No change: neither trace has a connection that was opened",
        ),
        (
            vec![],
            Class::Unchanged,
            "No change: neither trace has a connection that was opened",
        ),
    ];
    for (families, class, sentence) in cases {
        assert_eq!(of(&families), (class, sentence.to_owned()));
    }
}

/// A tenth of all connections may be of families of which nothing can be told.
#[test]
fn a_tenth_that_cannot_be_told_changes_nothing() {
    let families = |before, after| {
        [
            change(Class::CannotTell, "a", before, after),
            change(Class::Unchanged, "b", 40, 50),
        ]
    };
    // 9 of 99, and 12 of 102.
    for ((before, after), class) in [
        ((4, 5), Class::Unchanged),
        ((0, 9), Class::Unchanged),
        ((9, 0), Class::Unchanged),
        ((6, 6), Class::CannotTell),
        ((0, 12), Class::CannotTell),
        ((12, 0), Class::CannotTell),
    ] {
        assert_eq!(of(&families(before, after)).0, class, "{before}, {after}");
    }
    let (_, sentence) = of(&families(4, 5));
    let expected = "No change: b -> 10.0.0.1:2181 as before; 1 cannot be told";
    assert_eq!(sentence, expected);
}

/// The report of a minute in which nothing happened.
fn report(start: &TraceStart) -> Report {
    let renderer = FORMS[0].renderer(
        Box::new(std::io::sink()),
        Options::plain(jiff::tz::TimeZone::UTC),
    );
    let view = View {
        top: 10,
        time_wait_rows: false,
    };
    let mut pipeline = Pipeline::new(renderer, view);
    pipeline.accept(crate::frame::Frame::Start(start)).unwrap();
    let mark = Mark {
        monotonic_ns: start.clock.monotonic_ns + 60_000_000_000,
        ..Mark::default()
    };
    pipeline.report_at(&mark).unwrap()
}

/// What is noted of two traces, each made otherwise than one of port 2181 at a time.
fn noted(
    before: impl Fn(&mut TraceStart, &mut Taken),
    after: impl Fn(&mut TraceStart, &mut Taken),
) -> Vec<String> {
    let (before, after) = quiet(before, after);
    let trace = |taken| Trace::of(taken).unwrap();
    notes(&trace(&before), &trace(&after))
}

/// Two traces of a minute in which nothing happened.
fn quiet(
    before: impl Fn(&mut TraceStart, &mut Taken),
    after: impl Fn(&mut TraceStart, &mut Taken),
) -> (Taken, Taken) {
    let taken = |seconds: i64, change: &dyn Fn(&mut TraceStart, &mut Taken)| {
        let clock = ClockPair {
            monotonic_ns: 1,
            realtime_ns: seconds * 1_000_000_000,
        };
        let mut taken = Taken::default();
        let mut start = TraceStart::of_port(2181, clock);
        change(&mut start, &mut taken);
        taken.begin(&start);
        taken.end(&report(&start));
        taken
    };
    (taken(10, &before), taken(20, &after))
}

/// Where nothing was opened that could be seen, that it was is not ruled out.
#[test]
fn two_traces_without_a_connection_are_unchanged_only_if_they_would_show_one() {
    let as_it_is = |_: &mut TraceStart, _: &mut Taken| ();
    let elsewhere = |start: &mut TraceStart, _: &mut Taken| start.ports = vec![7181];
    let server = |start: &mut TraceStart, _: &mut Taken| start.side = Sides::Server;
    let damaged = |_: &mut TraceStart, taken: &mut Taken| taken.is_damaged = true;
    let said = |(before, after): (Taken, Taken), change: &dyn Fn(&mut Report)| {
        let mut after = after;
        after.report.as_mut().map(change);
        let diff = crate::diff::compare(&before, &after).unwrap();
        assert_eq!(diff.has_compared, diff.class == Class::Unchanged);
        diff.verdict
    };
    let same = |_: &mut Report| ();
    assert_eq!(
        said(quiet(as_it_is, as_it_is), &same),
        "No change: neither trace has a connection that was opened"
    );
    assert_eq!(
        said(quiet(as_it_is, damaged), &same),
        "Cannot tell: a part of AFTER cannot be read"
    );
    assert_eq!(
        said(quiet(as_it_is, elsewhere), &same),
        "Cannot tell: BEFORE traced port 2181, client side; AFTER port 7181, client side"
    );
    assert_eq!(
        said(quiet(server, as_it_is), &same),
        "Cannot tell: BEFORE traced port 2181, server side; AFTER port 2181, client side"
    );
    let two = quiet(as_it_is, as_it_is);
    let filtered = |report: &mut Report| {
        let connections = 78;
        report.filtered = Some(crate::filter::Filtered {
            connections,
            ..Default::default()
        });
    };
    assert_eq!(
        said(two.clone(), &filtered),
        "Cannot tell: the filter leaves nothing to compare, of 78 connections of AFTER"
    );
    let short = |report: &mut Report| report.trace.length_ns = 1_000_000;
    assert_eq!(
        said(two.clone(), &short),
        "Cannot tell: AFTER is too short: 1.0 ms"
    );
    let lost = |report: &mut Report| report.loss.kernel.table_full = 2;
    assert_eq!(said(two, &lost), "Cannot tell: AFTER lost 2 records");
}

/// What was there before both traces began, and may have gone.
#[test]
fn of_nothing_but_what_cannot_be_told_nothing_is_said_to_be_as_before() {
    let none = change(Class::CannotTell, "a", 0, 0);
    let expected = "Cannot tell: a -> 10.0.0.1:2181: why";
    assert_eq!(of(&[none]), (Class::CannotTell, expected.to_owned()));
}

#[test]
fn what_bears_on_all_of_it_is_noted() {
    let as_it_is = |_: &mut TraceStart, _: &mut Taken| ();
    assert_eq!(noted(as_it_is, as_it_is), [""; 0]);
    let run = |id: &'static str, seconds: i64| {
        move |start: &mut TraceStart, _: &mut Taken| {
            start.run_id = Some(id.to_owned());
            start.clock.realtime_ns = seconds * 1_000_000_000;
        }
    };
    let same = "BEFORE and AFTER are the same trace";
    let earlier = "AFTER began earlier than BEFORE: are they the right way round?";
    assert_eq!(noted(run("a", 5), run("a", 5)), [same]);
    assert_eq!(noted(run("a", 5), run("a", 6)), [""; 0], "parts of one");
    assert_eq!(noted(run("a", 5), run("b", 5)), [""; 0]);
    assert_eq!(noted(run("a", 6), run("b", 5)), [earlier]);
    let damaged = |_: &mut TraceStart, taken: &mut Taken| taken.is_damaged = true;
    let beyond = |_: &mut TraceStart, taken: &mut Taken| taken.beyond = 1;
    assert_eq!(
        noted(damaged, beyond),
        [
            "a part of BEFORE cannot be read, so what is not in it may have been",
            "1 connection of AFTER is of more programs and peers than are told apart",
        ]
    );
    let host = |start: &mut TraceStart, _: &mut Taken| start.host = "b\u{7}".to_owned();
    let named = |start: &mut TraceStart, _: &mut Taken| start.host = "a".to_owned();
    assert_eq!(
        noted(named, host),
        [format!(
            "BEFORE is of the host a, AFTER of {}",
            text::printable(b"b\x07")
        )]
    );
}

#[test]
fn two_selections_are_noted() {
    let as_it_is = |_: &mut TraceStart, _: &mut Taken| ();
    let pid = |start: &mut TraceStart, _: &mut Taken| start.pid = Some(7);
    let server = |start: &mut TraceStart, _: &mut Taken| {
        start.side = Sides::Server;
        start.ports.push(2182);
    };
    assert_eq!(
        noted(as_it_is, pid),
        ["BEFORE traced port 2181, client side; AFTER port 2181, client side, pid 7 only"]
    );
    assert_eq!(
        noted(server, as_it_is),
        ["BEFORE traced port 2181,2182, server side; AFTER port 2181, client side"]
    );
    assert_eq!(noted(pid, pid), [""; 0]);
    let both = |start: &mut TraceStart, _: &mut Taken| start.side = Sides::Both;
    assert_eq!(
        noted(both, as_it_is),
        ["BEFORE traced port 2181, both sides; AFTER port 2181, client side"]
    );
}
