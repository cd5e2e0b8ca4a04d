// SPDX-License-Identifier: MIT
//! What a server's log reports, in words and cells.

use std::collections::BTreeMap;

use crate::{
    serverlog::{
        kind::Kind,
        moment::Moment,
        report::{AddressRow, LogReport, Minute},
    },
    text,
};

/// What the cells of an address are.
pub(crate) const COLUMNS: [&str; 7] = [
    "ADDRESS",
    "ENDED",
    "NO SESSION",
    "RATE",
    "BUSIEST MINUTE",
    "FIRST",
    "LAST",
];

/// The cells of an address.
pub(crate) fn cells(row: &AddressRow) -> [String; 7] {
    let of = |kind: Kind| row.counts.get(kind.name()).copied().unwrap_or(0);
    let without = of(Kind::ClosedWithoutSession) + of(Kind::BrokenWithoutSession);
    [
        row.address.clone(),
        text::count(row.ended),
        text::count(without),
        row.per_second.map_or_else(String::new, text::rate),
        row.busiest_minute.map_or_else(String::new, busiest),
        row.first.map_or_else(String::new, moment),
        row.last.map_or_else(String::new, moment),
    ]
}

pub(crate) fn busiest(minute: Minute) -> String {
    let time = minute.at.date().time();
    format!(
        "{} at {}",
        text::count(minute.ended),
        time.strftime("%H:%M")
    )
}

pub(crate) fn moment(moment: Moment) -> String {
    moment.to_string()
}

/// What has no column.
pub(crate) fn also(counts: &BTreeMap<&'static str, u64>) -> String {
    in_words(counts, |kind| {
        !matches!(
            kind,
            Kind::ClosedWithoutSession | Kind::BrokenWithoutSession
        )
    })
}

pub(crate) fn in_words(
    counts: &BTreeMap<&'static str, u64>,
    shown: impl Fn(Kind) -> bool,
) -> String {
    let words: Vec<_> = Kind::ALL
        .into_iter()
        .filter(|kind| shown(*kind))
        .filter_map(|kind| {
            let count = counts.get(kind.name())?;
            Some(kind.counted(*count))
        })
        .collect();
    words.join(", ")
}

/// The counts of all addresses.
pub(crate) fn total(report: &LogReport) -> String {
    let known: BTreeMap<_, _> = report
        .total
        .iter()
        .filter_map(|(name, count)| Some((*name, (*count)?)))
        .filter(|(_, count)| *count > 0)
        .collect();
    match known.is_empty() {
        true => "nothing about clients".to_owned(),
        false => in_words(&known, |_| true),
    }
}

/// Counts that this log cannot give, with the reason.
pub(crate) fn unknown_counts(report: &LogReport) -> Vec<String> {
    let mut whys: Vec<_> = report
        .unknown_counts
        .iter()
        .map(|unknown| unknown.why)
        .collect();
    whys.dedup();
    let sentence = |why: &str| {
        let of_this = report
            .unknown_counts
            .iter()
            .filter(|unknown| unknown.why == why);
        let words: Vec<_> = of_this.map(|unknown| unknown.kind.words()).collect();
        format!("{} ({why})", words.join(", "))
    };
    whys.into_iter().map(sentence).collect()
}

/// What was read.
pub(crate) fn log(report: &LogReport) -> String {
    let log = &report.log;
    let mut line = format!(
        "{}, {}, {} ({}, {}, {} blank, {} not ZooKeeper's; {} too long \
         and cut)",
        text::counted(log.files.len() as u64, "file"),
        text::counted(log.bytes, "byte"),
        text::counted(log.lines, "line"),
        text::counted(log.records, "log record"),
        text::counted(log.continuations, "continuation"),
        text::count(log.blank),
        text::count(log.foreign),
        text::count(log.cut),
    );
    if let (Some(first), Some(last)) = (log.first, log.last) {
        let (first, last) = (moment(first), moment(last));
        let clock = match log.is_in_utc {
            true => "UTC",
            false => "by the server's clock",
        };
        line.push_str(&format!(", {first} to {last} {clock}"));
    }
    let versions = match log.versions.is_empty() {
        true => "ZooKeeper version not logged".to_owned(),
        false => format!("ZooKeeper {}", log.versions.join(", ")),
    };
    format!("{line}; {versions}")
}
