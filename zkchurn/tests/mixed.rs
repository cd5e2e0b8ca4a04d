// SPDX-License-Identifier: MIT
//! Several kinds of churn on one host, and in one process: recordings put together, ids
//! and times remapped. What is found in a recording alone is found in the mixture too,
//! by itself, as a part of what is one story with it, or as an alternative that names
//! it; nothing certain appears that none of them has; and each ended connection is
//! explained at most once.
#![expect(
    clippy::unwrap_used,
    reason = "a test that panics has failed, which is its purpose"
)]

use std::{
    collections::BTreeSet,
    fs,
    mem::offset_of,
    path::{Path, PathBuf},
};

use zkchurn_common::{handshake::HandshakeRecord, record::ConnectionRecord, wire::tag};
use zkchurn_core::{
    diagnose::{Churn, Confidence, Finding},
    frame::{Frame, Mark, TraceStart},
    inspection::Inspection,
    pipeline::{Pipeline, View},
    process::{ProcessIdentity, ProcessKey},
    recording::reader::Reader,
    render::{FORMS, Options},
    report::Report,
};

const VIEW: View = View {
    top: 10,
    time_wait_rows: false,
};

/// What of a recording is mixed.
#[derive(Clone)]
enum Piece {
    Record(Vec<u8>),
    Process(ProcessIdentity),
    Inspection(Box<Inspection>),
}

/// A recording, taken apart.
struct Taken {
    name: String,
    start: TraceStart,
    pieces: Vec<Piece>,
    end: Mark,
    alone: Report,
}

impl Taken {
    fn of(path: &Path) -> Self {
        let bytes = fs::read(path).unwrap();
        let mut reader = Reader::new(bytes.as_slice()).unwrap();
        let (mut start, mut end, mut pieces) = (None, None, Vec::new());
        while let Some(()) = reader
            .next_frame(|frame| match frame {
                Frame::Start(one) => start = Some(one.clone()),
                Frame::End(mark) => end = Some(*mark),
                Frame::Record(record) => pieces.push(Piece::Record(record.to_vec())),
                Frame::Process(process) => pieces.push(Piece::Process(process.clone())),
                Frame::Inspection(look) => {
                    pieces.push(Piece::Inspection(Box::new(look.clone())));
                }
                Frame::TimeWait(_)
                | Frame::Interval(_)
                | Frame::Limitation(_)
                | Frame::Elsewhere(_) => {}
            })
            .unwrap()
        {}
        let (start, end) = (start.unwrap(), end.unwrap());
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let alone = report(&start, &[pieces.as_slice()], &end);
        Self {
            name,
            start,
            pieces,
            end,
            alone,
        }
    }

    /// What is known of its only process in the end.
    fn look(&self) -> Option<Inspection> {
        let looks = self.pieces.iter().filter_map(|piece| match piece {
            Piece::Inspection(look) => Some((**look).clone()),
            _ => None,
        });
        looks.reduce(|earlier, mut later| {
            later.complete_from(earlier);
            later
        })
    }

    /// Its processes that were looked at.
    fn looked(&self) -> BTreeSet<ProcessKey> {
        let looks = self.pieces.iter().filter_map(|piece| match piece {
            Piece::Inspection(look) => Some(look.key),
            _ => None,
        });
        looks.collect()
    }

    fn is_jvm(&self) -> bool {
        self.pieces.iter().any(|piece| match piece {
            Piece::Process(process) => process.name == "java",
            _ => false,
        })
    }

    /// The processes that connect.
    fn pids(&self) -> BTreeSet<u32> {
        let pids = self.pieces.iter().filter_map(|piece| match piece {
            Piece::Record(bytes) => number(bytes, offset_of!(ConnectionRecord, opener_tgid)),
            _ => None,
        });
        pids.filter(|pid| *pid != 0).collect()
    }
}

fn recordings() -> Vec<Taken> {
    let mut paths = vec!["tests/recordings/server_side.zkchurn".into()];
    for directory in ["tests/recordings/kinds", "tests/recordings/messy"] {
        let files = fs::read_dir(directory).unwrap();
        paths.extend(files.map(|file| file.unwrap().path()));
    }
    paths.retain(|path: &PathBuf| path.extension().is_some_and(|kind| kind == "zkchurn"));
    paths.sort();
    assert!(paths.len() >= 98, "{} recordings", paths.len());
    paths.iter().map(|path| Taken::of(path)).collect()
}

fn report(start: &TraceStart, parts: &[&[Piece]], end: &Mark) -> Report {
    let options = Options {
        colour: false,
        zone: jiff::tz::TimeZone::UTC,
        lines_per_second: 0,
        columns: Some(100),
        rows: None,
        chosen: Vec::new(),
        details: true,
    };
    let renderer = FORMS[0].renderer(Box::new(std::io::sink()), options);
    let mut pipeline = Pipeline::new(renderer, VIEW);
    pipeline.accept(Frame::Start(start)).unwrap();
    for piece in parts.iter().flat_map(|part| part.iter()) {
        let frame = match piece {
            Piece::Record(bytes) => Frame::Record(bytes),
            Piece::Process(process) => Frame::Process(process),
            Piece::Inspection(look) => Frame::Inspection(look),
        };
        pipeline.accept(frame).unwrap();
    }
    pipeline.accept(Frame::End(end)).unwrap();
    pipeline.report().unwrap().clone()
}

/// Ids of another recording begin so much higher.
const APART: u32 = 10_000_000;

/// Where another recording's ids and times go.
struct Move {
    /// Added to its times.
    later_ns: u64,
    number: u32,
    /// The process that all of its connections are of.
    process: Option<(u32, u64)>,
    /// Its processes whose logs were read, as they were called there.
    looked: BTreeSet<ProcessKey>,
}

const CLOCKS: [usize; 5] = [
    offset_of!(ConnectionRecord, started_ns),
    offset_of!(ConnectionRecord, established_ns),
    offset_of!(ConnectionRecord, left_established_ns),
    offset_of!(ConnectionRecord, local_close_ns),
    offset_of!(ConnectionRecord, until_ns),
];
const TIDS: [usize; 2] = [
    offset_of!(ConnectionRecord, opener_tid),
    offset_of!(ConnectionRecord, closer_tid),
];
const TGIDS: [usize; 2] = [
    offset_of!(ConnectionRecord, opener_tgid),
    offset_of!(ConnectionRecord, closer_tgid),
];

impl Move {
    fn piece(&self, piece: &Piece) -> Option<Piece> {
        Some(match piece {
            Piece::Record(bytes) => Piece::Record(self.record(bytes)),
            // The first one's name stays.
            Piece::Process(_) if self.process.is_some() => return None,
            Piece::Process(process) => {
                let mut process = process.clone();
                process.key.start_ns = self.start(process.key);
                process.key.pid += self.number * APART;
                Piece::Process(process)
            }
            Piece::Inspection(_) if self.process.is_some() => return None,
            Piece::Inspection(look) => Piece::Inspection(Box::new(self.look(look))),
        })
    }

    /// When a process was started: before its connections, as ever, unless its logs were read.
    fn start(&self, key: ProcessKey) -> u64 {
        match key.start_ns {
            0 => 0,
            ns if self.looked.contains(&key) => ns,
            ns => ns.wrapping_add(self.later_ns),
        }
    }

    fn look(&self, look: &Inspection) -> Inspection {
        let mut look = look.clone();
        look.at_ns = look.at_ns.wrapping_add(self.later_ns);
        look.key.pid += self.number * APART;
        if let Some(jvm) = &mut look.jvm {
            for thread in &mut jvm.threads {
                thread.tid += self.number * APART;
            }
            for task in &mut jvm.tasks {
                task.tid += self.number * APART;
            }
        }
        look
    }

    fn record(&self, bytes: &[u8]) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        let kind = u16::from_le_bytes(bytes[..2].try_into().unwrap());
        let socket = |bytes: &mut [u8], at| {
            change(bytes, at, |cookie| cookie ^ u64::from(self.number) << 48);
        };
        if kind == tag::HANDSHAKE {
            socket(&mut bytes, offset_of!(HandshakeRecord, socket));
            let at = offset_of!(HandshakeRecord, at_ns);
            change(&mut bytes, at, |ns| ns.wrapping_add(self.later_ns));
            return bytes;
        }
        socket(&mut bytes, offset_of!(ConnectionRecord, socket));
        for at in CLOCKS {
            change(&mut bytes, at, |ns| match ns {
                0 => 0,
                ns => ns.wrapping_add(self.later_ns),
            });
        }
        let opener = number(&bytes, offset_of!(ConnectionRecord, opener_tgid));
        let at = offset_of!(ConnectionRecord, opener_start_ns);
        change(&mut bytes, at, |ns| {
            self.start(ProcessKey::new(opener.unwrap_or_default(), ns))
        });
        for at in TIDS.into_iter().chain(TGIDS) {
            change_id(&mut bytes, at, |id| id + self.number * APART);
        }
        if let Some((pid, start_ns)) = self.process {
            for at in TGIDS {
                change_id(&mut bytes, at, |_| pid);
            }
            let at = offset_of!(ConnectionRecord, opener_start_ns);
            change(&mut bytes, at, |_| start_ns);
        }
        bytes
    }
}

/// Records of establishments are shorter.
fn change(bytes: &mut [u8], at: usize, to: impl Fn(u64) -> u64) {
    if let Some(word) = bytes.get_mut(at..at + 8) {
        let value = u64::from_le_bytes((&*word).try_into().unwrap());
        word.copy_from_slice(&to(value).to_le_bytes());
    }
}

/// 0 is nobody.
fn change_id(bytes: &mut [u8], at: usize, to: impl Fn(u32) -> u32) {
    if let Some(id @ 1..) = number(bytes, at) {
        bytes[at..at + 4].copy_from_slice(&to(id).to_le_bytes());
    }
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    let is_connection = bytes[..2] == tag::CONNECTION.to_le_bytes();
    let word = bytes.get(at..at + 4).filter(|_| is_connection)?;
    Some(u32::from_le_bytes(word.try_into().unwrap()))
}

/// Record after record in the order of their times is not needed: a source may be late.
fn mixed(all: &[&Taken], process: Option<(u32, u64)>) -> Report {
    let start = &all[0].start;
    let from = start.clock.monotonic_ns;
    let mut end = all[0].end;
    let mut parts: Vec<Vec<Piece>> = Vec::new();
    for (taken, number) in all.iter().zip(0..) {
        let moved = Move {
            later_ns: from.wrapping_sub(taken.start.clock.monotonic_ns),
            number,
            process,
            looked: taken.looked(),
        };
        let length = taken.end.monotonic_ns - taken.start.clock.monotonic_ns;
        end.monotonic_ns = end.monotonic_ns.max(from + length);
        let pieces = taken.pieces.iter();
        parts.push(match number {
            0 => taken.pieces.clone(),
            _ => pieces.filter_map(|piece| moved.piece(piece)).collect(),
        });
    }
    if let Some((pid, start_ns)) = process {
        let moved = Move {
            later_ns: from.wrapping_sub(all[1].start.clock.monotonic_ns),
            number: 1,
            process,
            looked: all[1].looked(),
        };
        let theirs = all[1].look().map(|look| moved.look(&look));
        let both = both_looks(all[0].look(), theirs);
        let both = both.map(|look| Inspection {
            key: ProcessKey::new(pid, start_ns),
            ..look
        });
        parts.push(
            both.map(Box::new)
                .map(Piece::Inspection)
                .into_iter()
                .collect(),
        );
    }
    let parts: Vec<_> = parts.iter().map(Vec::as_slice).collect();
    report(start, &parts, &end)
}

/// What a look at a process would bring that does what two did.
fn both_looks(ours: Option<Inspection>, theirs: Option<Inspection>) -> Option<Inspection> {
    let (mut ours, theirs) = match (ours, theirs) {
        (Some(ours), Some(theirs)) => (ours, theirs),
        (ours, theirs) => return ours.or(theirs),
    };
    match (&mut ours.logs, theirs.logs) {
        (Some(ours), Some(theirs)) => {
            ours.files.extend(theirs.files);
            ours.findings.extend(theirs.findings);
        }
        (ours, theirs) => *ours = ours.take().or(theirs),
    }
    match (&mut ours.jvm, theirs.jvm) {
        (Some(ours), Some(theirs)) => {
            ours.tasks.extend(theirs.tasks);
            ours.threads.extend(theirs.threads);
        }
        (ours, theirs) => *ours = ours.take().or(theirs),
    }
    // One of them may have looked only as the trace ended.
    ours.at_ns = ours.at_ns.max(theirs.at_ns);
    if ours.details.is_none() {
        ours.details = theirs.details;
    }
    Some(ours)
}

/// Whether a finding says it, or names it.
fn says(finding: &Finding, name: Churn) -> bool {
    finding.name == name
        || finding.cannot_tell_from.contains(&name)
        || finding.alternatives.iter().any(|other| other.name == name)
}

/// How many connections it explains, but those that its thread had before: in a mixture
/// they may be a part of another story.
fn without_what_was_before(finding: &Finding) -> Option<u64> {
    let before = finding.numbers.get("before").copied().unwrap_or_default();
    Some(finding.explains? - before)
}

/// A leak whose recording is over long before the longest of the mixture is: from then on a pool
/// that has reached its size looks the same.
fn has_stopped_growing(finding: &Finding) -> bool {
    let against = &finding.reasons_against;
    finding.name == Churn::HandleLeak && against.iter().any(|one| one.contains("the last of them"))
}

/// What is wrong with the report on a mixture of these.
fn wrong(all: &[&Taken], report: &Report) -> Vec<String> {
    let names: Vec<_> = all.iter().map(|taken| taken.name.as_str()).collect();
    let names = names.join(" + ");
    let found: Vec<_> = report
        .findings
        .iter()
        .map(|one| (one.name.id(), one.confidence.word(), one.explains))
        .collect();
    let mut wrong = Vec::new();
    for (taken, number) in all.iter().zip(0..) {
        for before in &taken.alone.findings {
            let again = report.findings.iter().any(|finding| {
                says(finding, before.name)
                    && (finding.name != before.name
                        || finding.confidence >= before.confidence
                        || has_stopped_growing(finding))
                    && finding.explains >= without_what_was_before(before)
                    && before
                        .destinations
                        .iter()
                        .all(|one| finding.destinations.contains(one))
            });
            if !again {
                wrong.push(format!(
                    "{names}: {} ({}, {:?} explained) of {number} is not in {found:?}",
                    before.name,
                    before.confidence.word(),
                    before.explains,
                ));
            }
        }
    }
    for finding in &report.findings {
        let known = all.iter().flat_map(|taken| &taken.alone.findings);
        let is_new = !known.into_iter().any(|one| says(one, finding.name));
        if is_new && finding.confidence == Confidence::Certain {
            wrong.push(format!("{names}: {} is certain and new", finding.name));
        }
    }
    let explained: u64 = report.findings.iter().filter_map(|one| one.explains).sum();
    if explained > report.total.ended {
        wrong.push(format!(
            "{names}: {explained} of {} explained",
            report.total.ended
        ));
    }
    wrong
}

fn assert_none(wrong: &[String]) {
    let some: Vec<_> = wrong.iter().take(40).cloned().collect();
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        some.join("\n")
    );
}

/// One pair in so many is mixed by the suite.
const SHARE: usize = 4;

fn two_on_one_host(is_wanted: fn(usize) -> bool) {
    let all = recordings();
    let mut faults = Vec::new();
    for (index, one) in all.iter().enumerate() {
        for (place, other) in all.iter().enumerate().skip(index + 1) {
            if is_wanted(index + place) {
                let both = [one, other];
                faults.extend(wrong(&both, &mixed(&both, None)));
            }
        }
    }
    assert_none(&faults);
}

#[test]
fn two_on_one_host_are_told_apart() {
    two_on_one_host(|number| number % SHARE == 0);
}

#[test]
#[ignore = "takes minutes: cargo test -p zkchurn --test mixed -- --ignored"]
fn any_two_on_one_host_are_told_apart() {
    two_on_one_host(|_| true);
}

#[test]
fn any_three_in_a_row_on_one_host_are_told_apart() {
    let all = recordings();
    let mut faults = Vec::new();
    for step in [1, 7, 16] {
        for first in 0..all.len() {
            let three = [0, 1, 2].map(|number| &all[(first + number * step) % all.len()]);
            faults.extend(wrong(&three, &mixed(&three, None)));
        }
    }
    assert_none(&faults);
}

/// The threads of both belong to the first one's process.
fn two_in_one_process(is_wanted: fn(usize) -> bool) {
    let all = recordings();
    let single: Vec<_> = all.iter().filter(|taken| taken.pids().len() == 1).collect();
    assert!(single.len() >= 60, "{}", single.len());
    let mut faults = Vec::new();
    for (index, one) in single.iter().enumerate() {
        for (place, other) in single.iter().enumerate() {
            if index == place || one.is_jvm() != other.is_jvm() || !is_wanted(index + place) {
                continue;
            }
            let both = [*one, *other];
            faults.extend(wrong(&both, &mixed(&both, process_of(one))));
        }
    }
    assert_none(&faults);
}

#[test]
fn two_in_one_process_are_told_apart() {
    two_in_one_process(|number| number % SHARE == 0);
}

#[test]
#[ignore = "takes minutes: cargo test -p zkchurn --test mixed -- --ignored"]
fn any_two_in_one_process_are_told_apart() {
    two_in_one_process(|_| true);
}

/// The process of the first connection.
fn process_of(taken: &Taken) -> Option<(u32, u64)> {
    taken.pieces.iter().find_map(|piece| {
        let Piece::Record(bytes) = piece else {
            return None;
        };
        let pid =
            number(bytes, offset_of!(ConnectionRecord, opener_tgid)).filter(|pid| *pid > 0)?;
        let at = offset_of!(ConnectionRecord, opener_start_ns);
        let start = bytes.get(at..at + 8)?;
        Some((pid, u64::from_le_bytes(start.try_into().unwrap())))
    })
}
