// SPDX-License-Identifier: MIT
//! What the sentences say, where it would be easy to say more than is so.

use std::collections::BTreeMap;

use super::{bars, distribution, ladder, shown, timeline};
use crate::render::html::{
    collect::{Chart, MarkOf},
    lanes::Lane,
    look::Look,
    page::{Count, Page, Sockets},
};

fn lane(label: &str, looks: &[(Look, u64)]) -> Lane {
    let connections = looks.iter().map(|(_, count)| count).sum();
    let looks: BTreeMap<_, _> = looks.iter().copied().collect();
    Lane {
        label: label.to_owned(),
        connections,
        bins: BTreeMap::from([(0, looks.clone())]),
        looks,
        ..Lane::default()
    }
}

fn mark(look: Look, outcome: &str) -> MarkOf {
    MarkOf {
        lane: 0,
        at_ns: 5_000_000,
        lived_ns: None,
        connecting_ns: Some(1_000),
        look,
        before_start: false,
        no_syn: false,
        outcome: outcome.to_owned(),
        peer: "192.0.2.1:2181".to_owned(),
        sent: None,
        received: None,
        request_ns: None,
        response_ns: None,
        first_close: None,
    }
}

fn page(lanes: Vec<Lane>, marks: Vec<MarkOf>) -> Page {
    let chart = Chart {
        lanes,
        marks,
        bin_ns: 20_000_000,
        ..Chart::default()
    };
    Page {
        chart,
        length_ns: 1_000_000_000,
        ..Page::default()
    }
}

#[test]
fn of_one_that_may_be_among_the_others_it_says_at_least() {
    let others = Lane {
        others: true,
        ..lane("all others", &[(Look::Failed, 90)])
    };
    let busiest = lane("java 7", &[(Look::Failed, 10)]);
    let figure = timeline::figure(&page(vec![busiest.clone(), others], Vec::new())).unwrap();
    assert!(
        figure
            .sentence
            .starts_with("At least 10 of 100 connections are of java 7.")
    );
    let figure = timeline::figure(&page(vec![busiest], Vec::new())).unwrap();
    assert!(figure.sentence.starts_with("10 connections of java 7."));
}

#[test]
fn what_has_no_row_is_drawn_in_the_last_one() {
    let lanes = (0..25).map(|n| lane(&format!("java {n}"), &[(Look::Failed, 1)]));
    let marks = (0..25).map(|lane| MarkOf {
        lane,
        ..mark(Look::Failed, "refused")
    });
    let figure = timeline::figure(&page(lanes.collect(), marks.collect())).unwrap();
    let html = figure.picture.clone().into_string();
    assert_eq!(html.matches("refused, not established</title>").count(), 25);
    assert!(html.contains("all others · 14 connections"), "{html}");
    assert!(
        figure.sentence.contains(
            "The last row is of 14 that have no row of their own, with 14 connections; the table names them."
        ),
        "{}",
        figure.sentence
    );
}

#[test]
fn no_row_of_many_equal_ones_is_pointed_at() {
    let equal = |number: usize| {
        let lanes = (0..number).map(|n| lane(&format!("java {n}"), &[(Look::Failed, 3)]));
        lanes.collect::<Vec<_>>()
    };
    let sentence = |lanes| timeline::figure(&page(lanes, Vec::new())).unwrap().sentence;
    let of_two = sentence(equal(2));
    assert!(
        of_two.starts_with("6 connections; no row has more than 3."),
        "{of_two}"
    );
    let others = Lane {
        others: true,
        ..lane("all others", &[(Look::Failed, 90)])
    };
    let mut lanes = equal(2);
    lanes.push(others);
    let with_others = sentence(lanes);
    assert!(
        with_others.starts_with("96 connections; no row but that of all others has more than 3."),
        "{with_others}"
    );
}

#[test]
fn an_older_connection_does_not_begin_with_the_trace() {
    let older = MarkOf {
        before_start: true,
        ..mark(Look::Open, "still open")
    };
    let mut page = page(vec![lane("java 7", &[(Look::Open, 1)])], vec![older]);
    page.chart.before_start = 1;
    let figure = timeline::figure(&page).unwrap();
    assert!(
        figure
            .sentence
            .contains("older than the trace (1 connection)")
    );
    assert_eq!(figure.rows[0][0], "before the trace");
    let html = shown(&figure).into_string();
    assert!(
        html.contains("before the trace: still open</title>"),
        "{html}"
    );
    assert!(!html.contains("not established"), "{html}");
    assert!(
        ladder::figure(&page).is_none(),
        "its first steps are unknown"
    );
}

#[test]
fn a_table_that_is_cut_says_so() {
    let marks: Vec<_> = (0..500).map(|_| mark(Look::Failed, "refused")).collect();
    let lanes = (0..5).map(|n| lane(&format!("java {n}"), &[(Look::Failed, 100)]));
    let lanes = lanes.collect::<Vec<_>>();
    let html = shown(&timeline::figure(&page(lanes, marks)).unwrap()).into_string();
    assert!(
        html.contains("The first 400 of 500 rows of this as a table"),
        "{html}"
    );
    assert!(!html.contains("The same as a table"));
}

#[test]
fn no_syn_is_drawn_where_none_left() {
    let failed = MarkOf {
        no_syn: true,
        ..mark(Look::Failed, "no local port")
    };
    let lanes = vec![lane("java 7", &[(Look::Failed, 3), (Look::Answered, 2)])];
    let figure = ladder::figure(&page(lanes, vec![failed])).unwrap();
    let steps: Vec<_> = figure.rows.iter().map(|row| row[1].as_str()).collect();
    assert_eq!(steps, ["connect, without a SYN", "no local port"]);
    assert!(
        figure
            .sentence
            .contains("3 of 5 connections ended in this way (never established)"),
        "{}",
        figure.sentence
    );
}

#[test]
fn who_did_not_close_is_not_said_to_close_first() {
    let aborted = MarkOf {
        lived_ns: Some(1_000_000),
        first_close: Some("us".to_owned()),
        ..mark(Look::Reset, "aborted from outside")
    };
    let lanes = vec![lane("java 7", &[(Look::Reset, 3)])];
    let figure = ladder::figure(&page(lanes, vec![aborted])).unwrap();
    let last = &figure.rows.last().unwrap()[1];
    assert_eq!(last, "aborted from outside of the program");
}

#[test]
fn how_long_an_older_one_lived_is_known_in_part() {
    let older = MarkOf {
        lived_ns: Some(8_230_000_000),
        before_start: true,
        ..mark(Look::Answered, "answered, then closed by us")
    };
    let lanes = vec![lane("java 7", &[(Look::Answered, 1)])];
    let figure = timeline::figure(&page(lanes, vec![older])).unwrap();
    assert!(figure.rows[0].contains(&">8.23 s".to_owned()));
}

#[test]
fn shares_are_of_the_whole_and_no_part_is_called_all() {
    let count = |label: &str, count| Count {
        label: label.to_owned(),
        count,
    };
    let page = Page {
        closes: vec![
            count("this host closed first", 999),
            count("the peer closed first", 1),
        ],
        time_wait: Some(Sockets::default()),
        ..Page::default()
    };
    let rows = bars::closes(&page).unwrap().rows;
    assert_eq!(rows[0][2], "above 99 %");
    assert_eq!(rows[1][2], "below 1 %");
}

#[test]
fn a_short_life_is_not_called_useless() {
    let mut busy = lane("java 7", &[(Look::Answered, 3)]);
    busy.lived.add(2_000_000);
    let figure = distribution::lived(&page(vec![busy], Vec::new())).unwrap();
    assert!(!figure.sentence.contains("no work"), "{}", figure.sentence);
}
