// SPDX-License-Identifier: MIT
//! The table of the full-screen view beside a recording.

use std::fmt::Write as _;

use super::{Figures, Spread, header, shown};
use crate::bench::legs::VIEWED_PER_SECOND;
use crate::bench::sample::Viewed;

/// It; nothing where that was not measured.
pub(super) fn table(figures: &Figures<'_>) -> String {
    let views = figures.views();
    if views.is_empty() {
        return String::new();
    }
    let mut table = format!(
        "## The full-screen view beside a recording, at {VIEWED_PER_SECOND}/s\n\nOn a terminal of 120 by \
         35. CPU time is that of all threads and helper processes.\n\n"
    );
    table += &header(&[
        "way of use",
        "runs",
        "% of a core",
        "generated",
        "recorded",
        "said lost",
        "recursion misses",
        "redraws/s",
        "redraws/s while quiet",
    ]);
    let (records, lives): (Vec<_>, Vec<_>) = views.into_iter().unzip();
    for (name, of) in [("zkchurn --record", records), ("zkchurn live", lives)] {
        let sum = |figure: fn(&Viewed) -> u64| of.iter().map(|one| figure(one)).sum::<u64>();
        let spread =
            |figure: fn(&Viewed) -> f64| shown(Spread::of(of.iter().map(|one| figure(one))));
        let redraws = |figure: fn(&Viewed) -> f64| match name {
            "zkchurn live" => spread(figure),
            _ => "–".to_owned(),
        };
        let _ = writeln!(
            table,
            "| {name} | {} | {} | {} | {} | {} | {} | {} | {} |",
            of.len(),
            spread(|one| one.core_percent),
            sum(|one| one.generated),
            sum(|one| one.seen.recorded),
            sum(|one| one.seen.said_lost),
            sum(|one| one.recursion_misses),
            redraws(|one| one.redraws),
            redraws(|one| one.quiet_redraws),
        );
    }
    table + "\n"
}
