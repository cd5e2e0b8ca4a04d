// SPDX-License-Identifier: MIT
//! What pictures share: coordinates, axes of time, and the element around them.

use maud::{Markup, html};

use super::page::cut;

/// Units of a picture's width.
pub(super) const WIDTH: f64 = 960.0;

/// A coordinate, to a tenth: the same on every machine, and short.
pub(super) fn at(value: f64) -> String {
    let text = format!("{value:.1}");
    match text.strip_suffix(".0") {
        Some(whole) => whole.to_owned(),
        None => text,
    }
}

/// A picture with its name and what it shows, for those who hear it.
pub(super) fn picture(
    id: &str,
    height: f64,
    title: &str,
    description: &str,
    inner: &Markup,
) -> Markup {
    html! {
        div.picture tabindex="0" role="group" aria-label=(cut(title)) {
            svg id=(id) viewBox=(format!("0 0 {} {}", at(WIDTH), at(height))) role="img"
                aria-labelledby=(format!("{id}-t {id}-d")) {
                title id=(format!("{id}-t")) { (cut(title)) }
                desc id=(format!("{id}-d")) { (cut(description)) }
                (inner)
            }
        }
    }
}

/// Whole steps of time for about `most` ticks over a length, nanoseconds.
pub(super) fn step(length_ns: u64, most: u64) -> u64 {
    const STEPS: [u64; 16] = [
        1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 15_000, 30_000, 60_000,
    ];
    let fits = |step: u64| length_ns / step <= most;
    let milliseconds = STEPS.iter().map(|step| step * 1_000_000);
    let minutes = [2, 5, 10, 15, 30, 60, 120, 240, 480, 1_440];
    let minutes = minutes.iter().map(|minutes| minutes * 60_000_000_000_u64);
    let mut steps = milliseconds.chain(minutes);
    steps
        .find(|step| fits(*step))
        .unwrap_or(length_ns / most.max(1))
        .max(1)
}

/// `+5 s`, `+250 ms`, `+2 min`
pub(super) fn moment(ns: u64) -> String {
    let ms = ns / 1_000_000;
    match ms {
        0 => "0".to_owned(),
        _ if !ms.is_multiple_of(1_000) => format!("+{ms} ms"),
        _ if ms < 120_000 => format!("+{} s", ms / 1_000),
        _ if ms.is_multiple_of(60_000) => format!("+{} min", ms / 60_000),
        _ => format!("+{} min {} s", ms / 60_000, ms / 1_000 % 60),
    }
}

/// A time on an axis of decades: `10 µs`, `1 ms`, `100 s`.
pub(super) fn decade(ns: f64) -> String {
    match ns {
        ns if ns < 1e6 => format!("{} µs", at(ns / 1e3)),
        ns if ns < 1e9 => format!("{} ms", at(ns / 1e6)),
        ns => format!("{} s", at(ns / 1e9)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_have_the_largest_unit_that_is_whole() {
        for (ms, words) in [
            (0, "0"),
            (1, "+1 ms"),
            (1_000, "+1 s"),
            (1_500, "+1500 ms"),
            (60_000, "+60 s"),
            (119_000, "+119 s"),
            (120_000, "+2 min"),
            (121_000, "+2 min 1 s"),
            (3_600_000, "+60 min"),
        ] {
            assert_eq!(moment(ms * 1_000_000), words);
        }
    }

    #[test]
    fn the_shortest_step_that_fits_is_taken() {
        const MS: u64 = 1_000_000;
        for (length_ms, most, step_ms) in [
            (10, 10, 1),
            (11, 10, 2),
            (60_000, 6, 10_000),
            (70_000, 6, 15_000),
            (6 * 60_000, 6, 60_000),
            (7 * 60_000, 6, 120_000),
            (13 * 60_000, 6, 120_000),
            (1_440 * 60_000 * 6, 6, 1_440 * 60_000),
        ] {
            assert_eq!(step(length_ms * MS, most), step_ms * MS, "{length_ms} ms");
        }
        assert_eq!(step(0, 6), MS);
        let centuries = u64::MAX;
        assert_eq!(step(centuries, 6), centuries / 6);
    }

    #[test]
    fn numbers_of_a_picture_are_short() {
        assert_eq!(
            [at(1.0), at(1.04), at(1.06), at(-0.25)].join(" "),
            "1 1 1.1 -0.2"
        );
        let decades = [1e4, 9.99e5, 1e6, 1e8, 1e9, 1e11].map(decade);
        assert_eq!(
            decades.join(", "),
            "10 µs, 999 µs, 1 ms, 100 ms, 1 s, 100 s"
        );
    }
}
