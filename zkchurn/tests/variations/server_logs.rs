// SPDX-License-Identifier: MIT
//! Server logs with lines left out, doubled, in another order, and with other bytes in them.

use jiff::tz::TimeZone;
use zkchurn_core::{
    render::{FORMS, Options},
    serverlog::{
        chunks::Chunks, lines::Lines, moment::Moment, report, scan::Scanner, told::first_moment,
        window::Window,
    },
};

use crate::{dice::Dice, texts::altered};

/// Lines of a variation.
const MOST: usize = 250;

/// A part of a log, changed.
pub(crate) fn variation(log: &str, dice: &mut Dice) -> String {
    let lines: Vec<_> = log.lines().collect();
    let from = dice.below(lines.len().saturating_sub(MOST / 2));
    let one_in = dice.of(&[3, 10, 40, 1_000]);
    let mut text = String::new();
    for line in lines.iter().skip(from).take(MOST) {
        let copies = match dice.one_in(one_in) {
            true => dice.of(&[0, 1, 1, 1, 2, 3]),
            false => 1,
        };
        for _ in 0..copies {
            match dice.one_in(one_in) {
                true => text.push_str(&altered(line, dice)),
                false => text.push_str(line),
            }
            text.push('\n');
        }
    }
    text
}

/// The report of a log in each form, and what its parts tell when they are read side by side.
pub(crate) fn reported(log: &str, dice: &mut Dice) -> Vec<(&'static str, Vec<u8>)> {
    let begins = first_moment(log.as_bytes());
    let mut some = |later_ms: &[i64]| {
        let later_ms = dice.of(later_ms);
        let at = begins.map(|begins| Moment(begins.0 + later_ms));
        at.filter(|_| dice.one_in(4))
    };
    let window = Window {
        since: some(&[0, 0, 1, 1_000]),
        until: some(&[0, 1, 1_000, 60_000]),
    };
    let mut scanner = Scanner::new(window);
    match dice.one_in(2) {
        true => Lines::new(log.as_bytes())
            .for_each(|line| scanner.line(line))
            .unwrap(),
        false => {
            let mut chunks = Chunks::new(log.as_bytes(), window);
            while let Some(chunk) = chunks.next_chunk().unwrap() {
                let told = chunk.read();
                scanner.lines_told(&told.told, &told.facts);
            }
        }
    }
    let facts = scanner.end_of_file();
    let mut outputs = vec![("facts", format!("{begins:?} {facts:?}").into_bytes())];
    let (tally, facts) = scanner.finish();
    let report = report::build(&tally, &facts, Vec::new(), dice.of(&[1, 2, 10]));
    for form in FORMS {
        let mut output = Vec::new();
        let options = Options::plain(TimeZone::UTC);
        form.server_log(&mut output, &report, &options).unwrap();
        outputs.push((form.name(), output));
    }
    outputs
}
