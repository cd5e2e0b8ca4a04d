// SPDX-License-Identifier: MIT
//! Variations of recordings: alone, side by side, of several hosts, watched by an agent, and cut
//! into segments.

use std::{
    fs,
    io::{self, Cursor},
    path::Path,
    time::Duration,
};

use zkchurn_core::{
    frame::TraceStart,
    pipeline::Pipeline,
    recording::reader::Reader,
    render::Several,
    replay,
    segments::{
        self,
        joined::Joined,
        plan::plan,
        window::{When, Window},
    },
};

use crate::{
    dice::Dice,
    line::{Forms, Line, check},
    pieces,
    printed::{Printed, VIEW, compared, in_all_forms, of_hosts},
    recording::Variation,
    start::start_of,
    watched,
};

const FILTERS: [Option<&str>; 9] = [
    None,
    None,
    None,
    None,
    None,
    None,
    Some("process:~a or port:2000-2200"),
    Some("not thread:~Send side:client"),
    Some("peer:127.0.0.0/8 (uid:0 or not pod:*)"),
];

/// Each recording of the tree with its name, in the order of names.
fn recordings() -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for under in ["", "kinds", "messy"] {
        found.extend(files(
            &Path::new("tests/recordings").join(under),
            ".zkchurn",
        ));
    }
    found.sort();
    assert!(found.len() > 80, "{}", found.len());
    found
}

pub(crate) fn files(directory: &Path, end: &str) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(directory).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut found: Vec<_> = paths
        .filter_map(|path| {
            let name = path.file_name()?.to_str()?.strip_suffix(end)?.to_owned();
            Some((name, fs::read(&path).unwrap()))
        })
        .collect();
    found.sort();
    found
}

/// For each recording a line of `of_each` variations, each told by `told`.
fn lines_of(seed: u64, of_each: u64, mut told: impl FnMut(&[u8], &mut Dice) -> Forms) -> Vec<Line> {
    let all = recordings().into_iter().enumerate();
    all.map(|(number, (name, recording))| {
        let mut line = Line::new(name, of_each);
        for turn in 0..of_each {
            let mut dice = Dice::new(seed + number as u64 * of_each + turn);
            let varied = Variation::of(&recording, Dice::new(dice.next()));
            line.add(&told(&varied, &mut dice));
        }
        line
    })
    .collect()
}

#[test]
fn of_recordings() {
    let lines = lines_of(1, 12, |varied, dice| {
        in_all_forms(varied, dice.of(&FILTERS), dice.one_in(6)).forms
    });
    check("recordings", &lines);
}

/// Many more, of which only the report is looked at.
#[test]
fn of_findings() {
    let lines = lines_of(8_000_000, 40, |varied, _| {
        let mut pipeline = Pipeline::new(Several(Vec::new()), VIEW);
        replay::play(&mut Reader::new(varied).unwrap(), &mut pipeline).unwrap();
        vec![("report", serde_json::to_vec(&pipeline.report()).unwrap())]
    });
    check("findings", &lines);
}

#[test]
fn of_two_recordings() {
    let mut before: Vec<u8> = Vec::new();
    let lines = lines_of(1_000_000, 8, |varied, _| {
        let forms = compared(if before.is_empty() { varied } else { &before }, varied);
        before = varied.to_owned();
        forms
    });
    check("two_recordings", &lines);
}

#[test]
fn of_several_hosts() {
    let mut hosts: Vec<Printed> = Vec::new();
    let lines = lines_of(2_000_000, 3, |varied, dice| {
        hosts.push(in_all_forms(varied, None, false));
        let forms = of_hosts(&hosts);
        if hosts.len() > dice.below(4) {
            hosts.clear();
        }
        forms
    });
    check("several_hosts", &lines);
}

#[test]
fn by_an_agent() {
    let lines = lines_of(3_000_000, 6, |varied, dice| {
        watched::by_an_agent(varied, dice)
    });
    check("agent", &lines);
}

/// Cut into segments, of which some are missing or there twice, and a part of the time.
#[test]
fn of_segments() {
    let lines = lines_of(4_000_000, 8, |varied, dice| {
        let one_in = dice.of(&[5, 20, 60]);
        let mut parts = pieces::cut(varied, |_| dice.one_in(one_in));
        for _ in 0..dice.below(3) {
            let at = dice.below(parts.len());
            match dice.below(3) {
                0 if parts.len() > 1 => drop(parts.remove(at)),
                1 => parts.push(parts[at].clone()),
                _ => parts.rotate_left(at),
            }
        }
        let starts: Vec<_> = parts.iter().map(|one| start_of(one)).collect();
        let end_of = |index: usize| segments::end_of(&parts[index][..]);
        let asked = Window {
            since: dice.one_in(3).then(|| moment(&starts, dice)),
            until: dice.one_in(3).then(|| moment(&starts, dice)),
        };
        let planned = match plan(&starts, &asked, end_of) {
            Ok(planned) => planned,
            Err(why) => return vec![("refused", format!("{why:?}").into_bytes())],
        };
        let open = |index: usize| Ok::<_, io::Error>(Cursor::new(parts[index].clone()));
        in_all_forms(Joined::new(planned, open), None, false).forms
    });
    check("segments", &lines);
}

/// About when one of the parts begins, in one of the ways to say so.
fn moment(starts: &[TraceStart], dice: &mut Dice) -> When {
    let clock = starts[dice.below(starts.len())].clock;
    let later_ns = dice.of(&[0, 1, 1_000_000, 1_000_000_000, 20_000_000_000]);
    match dice.below(3) {
        0 => When::At(clock.timestamp(clock.monotonic_ns + later_ns)),
        1 => When::BeforeEnd(Duration::from_nanos(later_ns)),
        _ => When::OfBoot {
            boot: 0,
            ns: clock.monotonic_ns + later_ns,
        },
    }
}
