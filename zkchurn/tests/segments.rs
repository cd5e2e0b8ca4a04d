// SPDX-License-Identifier: MIT
//! Recordings cut into segments and read as one: the same report, and what is missing is
//! missing alone.
#![expect(
    clippy::unwrap_used,
    reason = "a test that panics has failed, which is its purpose"
)]

mod pieces;
#[path = "pieces/start.rs"]
mod start;
#[path = "pieces/together.rs"]
mod together;

use std::{
    ffi::OsStr,
    fs,
    io::Read,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use pieces::cut;
use proptest::prelude::*;
use start::start_of;
use together::{joined, report};
use zerocopy::IntoBytes;
use zkchurn_common::{
    record::{
        ConnectionRecord, FAMILY_INET, SIDE_ACCEPTED, SIDE_OPENED, STAGE_ENDED, STAGE_ESTABLISHED,
        STAGE_OPEN_AT_END, STAGE_SEEN_OPEN, TOLD_ESTABLISHED, TOLD_NOTHING, known,
    },
    state,
};
use zkchurn_core::{
    clock::ClockPair,
    decode::{self, Record},
    diagnose::Churn,
    frame::{Frame, Mark, Part, TraceStart},
    process::{ProcessIdentity, ProcessKey},
    recording::{append_frame, kind, reader::Reader, writer::Writer},
    report::Report,
    segments::{
        joined::Joined,
        last::{Kept, Last},
        plan::{NoPlan, Step, plan},
        window::{When, Window, boot_number},
    },
    sides::Sides,
};
use zkchurn_lab::harness::in_time::CommandInTime;

const ALL: Window = Window {
    since: None,
    until: None,
};

fn recordings() -> Vec<PathBuf> {
    let mut paths = vec![
        PathBuf::from("tests/recordings/incident.zkchurn"),
        "tests/recordings/server_side.zkchurn".into(),
        "tests/recordings/quiet_elsewhere.zkchurn".into(),
    ];
    for directory in ["tests/recordings/kinds", "tests/recordings/messy"] {
        let files = fs::read_dir(directory).unwrap();
        paths.extend(files.map(|file| file.unwrap().path()));
    }
    paths.retain(|path| path.extension().is_some_and(|end| end == "zkchurn"));
    paths.sort();
    assert!(paths.len() > 60, "{}", paths.len());
    paths
}

/// The first line in which two reports differ.
fn difference(one: &Report, other: &Report) -> Option<String> {
    let (one, other) = (json(one), json(other));
    let mut pairs = one.lines().zip(other.lines());
    let (one, other) = pairs.find(|(one, other)| one != other)?;
    Some(format!("{one} / {other}"))
}

fn json(report: &Report) -> String {
    serde_json::to_string_pretty(report).unwrap()
}

/// Numbers that look as if drawn by chance, the same each time.
fn chance(seed: u64) -> impl FnMut() -> u64 {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    }
}

#[test]
fn any_recording_in_segments_gives_the_same_report() {
    for (seed, path) in recordings().into_iter().enumerate() {
        let bytes = fs::read(&path).unwrap();
        let whole = report(&bytes[..]);
        let mut next = chance(seed as u64 + 1);
        let every = 1 + next() % 60;
        let segments = cut(&bytes, |_| next().is_multiple_of(every));
        let joined = joined(&segments, &ALL);
        assert_eq!(difference(&joined, &whole), None, "{}", path.display());
        assert_eq!(json(&joined).len(), json(&whole).len());
    }
}

#[test]
fn what_a_part_and_its_reports_take_is_known_before_any_of_them_is_written() {
    let directory = tempfile::tempdir().unwrap();
    let names = ["part.zkchurn", "part.html", "part.json"];
    let report = |room: u64| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_zkchurn"));
        command.args([
            "report",
            "tests/recordings/incident.zkchurn",
            "--since",
            "5m",
        ]);
        command.args(["--room", &room.to_string()]);
        for name in names {
            command.arg("-o").arg(directory.path().join(name));
        }
        let output = command.output_in_time().unwrap();
        (
            output.status.code(),
            String::from_utf8(output.stderr).unwrap(),
        )
    };
    let (code, said) = report(0);
    assert_eq!(code, Some(7), "{said}");
    let (_, sizes) = said.trim().rsplit_once(" may be taken: ").unwrap();
    let sizes: Vec<u64> = sizes.split(' ').map(|size| size.parse().unwrap()).collect();
    let needed: u64 = sizes.iter().map(|size| size.next_multiple_of(4096)).sum();
    assert!(
        said.contains(&format!("{needed} bytes of disk are needed")),
        "{said}"
    );
    assert_eq!(report(needed - 1).0, Some(7));
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    let (code, said) = report(needed);
    assert_eq!(code, Some(0), "{said}");
    let written = names.map(|name| fs::metadata(directory.path().join(name)).unwrap().len());
    assert_eq!(written[..], sizes);
}

/// What is kept in memory of a recording, in segments of so many bytes.
fn kept_of(recording: &[u8], bytes: usize) -> Kept {
    let (mut last, mut reader) = (
        Last::with_segments_of(bytes),
        Reader::new(recording).unwrap(),
    );
    let mut clock = ClockPair {
        monotonic_ns: 0,
        realtime_ns: 0,
    };
    let mut end_ns = 0;
    while reader
        .next_frame(|frame| {
            match frame {
                Frame::Start(start) => clock = start.clock,
                Frame::Interval(mark) | Frame::End(mark) => end_ns = mark.monotonic_ns,
                Frame::Record(record) => {
                    let decoded = decode::read(record).ok();
                    let moment = decoded.and_then(|record| match record {
                        Record::Connection(record) => decode::decode(&record).ok(),
                        _ => None,
                    });
                    end_ns = moment.map_or(end_ns, |it| end_ns.max(it.last_moment_ns()));
                }
                _ => {}
            }
            let now_ns = end_ns.max(clock.monotonic_ns);
            let now = ClockPair {
                monotonic_ns: now_ns,
                realtime_ns: clock.realtime_ns + (now_ns - clock.monotonic_ns).cast_signed(),
            };
            match frame {
                // A trace is asked for what is kept before it ends.
                Frame::End(_) => {}
                frame => last.take(frame, || now),
            }
        })
        .unwrap()
        .is_some()
    {}
    last.kept(end_ns)
}

#[test]
fn what_is_kept_in_memory_of_a_short_trace_is_all_of_it() {
    for path in recordings() {
        let bytes = fs::read(&path).unwrap();
        let (whole, kept) = (report(&bytes[..]), kept_of(&bytes, 1 << 24));
        assert!(kept.is_all);
        let again = report(&kept.recording().unwrap()[..]);
        assert_eq!(again.total.ended, whole.total.ended, "{}", path.display());
        let names = |report: &Report| -> Vec<_> {
            let findings = report.findings.iter();
            findings.map(|finding| finding.name).collect()
        };
        assert_eq!(names(&again), names(&whole), "{}", path.display());
    }
}

#[test]
fn what_is_kept_in_memory_of_a_long_trace_is_its_end_and_says_so() {
    let bytes = fs::read("tests/recordings/incident.zkchurn").unwrap();
    let (whole, kept) = (report(&bytes[..]), kept_of(&bytes, 600));
    assert!(!kept.is_all);
    let recording = kept.recording().unwrap();
    let end = report(&recording[..]);
    assert!(
        (1..whole.total.ended).contains(&end.total.ended),
        "{}",
        end.total.ended
    );
    assert_eq!(end.trace.to, whole.trace.to);
    assert!(end.trace.from > whole.trace.from);
    let process = end.flows[0].process.as_ref().unwrap();
    assert_eq!(process.label, "java (IncidentClient)", "carried over");
}

#[test]
fn before_a_trace_begins_nothing_of_it_is_kept() {
    assert!(Last::default().kept(0).recording().is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn however_the_incident_is_cut_and_in_whatever_order_its_files_come(
        cuts in prop::collection::hash_set(0..400usize, 0..30),
        seed in 1u64..u64::MAX,
    ) {
        let bytes = fs::read("tests/recordings/incident.zkchurn").unwrap();
        let mut segments = cut(&bytes, |number| cuts.contains(&number));
        let mut next = chance(seed);
        segments.sort_by_cached_key(|_| next());
        prop_assert_eq!(difference(&joined(&segments, &ALL), &report(&bytes[..])), None);
    }
}

/// The incident, in segments of some frames each.
fn incident() -> (Vec<u8>, Vec<Vec<u8>>) {
    let bytes = fs::read("tests/recordings/incident.zkchurn").unwrap();
    let segments = cut(&bytes, |number| number.is_multiple_of(6));
    assert!(segments.len() > 5, "{}", segments.len());
    (bytes, segments)
}

#[test]
fn a_segment_that_is_missing_costs_itself_and_is_said() {
    let (bytes, segments) = incident();
    let whole = report(&bytes[..]);
    for missing in 1..segments.len() - 1 {
        let mut rest = segments.clone();
        rest.remove(missing);
        let joined = joined(&rest, &ALL);
        let said = joined.degraded.iter();
        let said: Vec<_> = said
            .filter(|one| one.contains("1 segment missing"))
            .collect();
        assert_eq!(said.len(), 1, "{:?}", joined.degraded);
        assert!(joined.total.ended >= whole.total.ended - 6);
        assert_eq!(joined.findings[0].name, whole.findings[0].name);
        assert_eq!(joined.trace.to, whole.trace.to);
    }
}

#[test]
fn a_segment_stands_for_itself_and_what_is_older_is_older() {
    let (bytes, segments) = incident();
    let whole = report(&bytes[..]);
    let mut ended = 0;
    for segment in &segments {
        let alone = report(&segment[..]);
        assert_eq!(
            json(&alone),
            json(&joined(std::slice::from_ref(segment), &ALL)),
            "read by itself or as a directory of one"
        );
        ended += alone.total.ended + alone.total.older.ended;
        for flow in &alone.flows {
            let process = flow.process.as_ref().unwrap();
            assert_eq!(process.label, "java (IncidentClient)", "carried over");
        }
    }
    assert_eq!(ended, whole.total.ended, "each in one of them");
}

#[test]
fn bytes_that_are_damaged_cost_their_segment_at_most() {
    let (bytes, segments) = incident();
    let whole = report(&bytes[..]);
    let mut next = chance(7);
    for damaged in 1..segments.len() {
        let mut with = segments.clone();
        let length = with[damaged].len() as u64;
        for _ in 0..20 {
            // Behind its start, without which it cannot be placed.
            let at = length / 3 + next() % (length - length / 3);
            with[damaged][at as usize] ^= 0xff;
        }
        let joined = joined(&with, &ALL);
        assert!(joined.total.ended + 6 >= whole.total.ended);
        assert!(joined.trace.to <= whole.trace.to);
    }
}

fn at(report: &Report, seconds: f64) -> When {
    let from: jiff::Timestamp = report.trace.from.parse().unwrap();
    When::At(from + Duration::from_secs_f64(seconds))
}

#[test]
fn a_window_counts_what_began_and_ended_in_it() {
    let (bytes, segments) = incident();
    let whole = report(&bytes[..]);
    let (mut opened, mut older_seen) = (0, 0);
    let length = whole.trace.length_ns as f64 / 1e9;
    let parts = 5;
    for part in 0..parts {
        let from = length * f64::from(part) / f64::from(parts);
        let to = length * f64::from(part + 1) / f64::from(parts);
        let window = Window {
            since: Some(at(&whole, from)),
            until: Some(at(&whole, to - 1e-9)),
        };
        let windowed = joined(&segments, &window);
        let of_the_file = joined(std::slice::from_ref(&bytes), &window);
        assert_eq!(difference(&windowed, &of_the_file), None);
        opened += windowed.total.opened;
        older_seen += windowed.total.older.seen;
        assert!(windowed.trace.length_ns as f64 / 1e9 <= to - from + 1e-6);
    }
    assert_eq!(opened + older_seen, whole.total.opened);
    let last = Window {
        since: Some(When::BeforeEnd(Duration::from_secs(5))),
        until: None,
    };
    let last = joined(&segments, &last);
    assert_eq!(last.trace.to, whole.trace.to);
    assert_eq!(last.trace.length_ns, 5_000_000_000);
    assert_eq!(start_of(&segments[0]).part.unwrap().segment, 0);
}

#[test]
fn no_step_of_the_wall_clock_moves_a_moment_of_a_boot() {
    const BOOT: &str = "2b4bf8b5-7d5c-4b84-8b5a-0f1f8c9a4c11";
    let (_, segments) = incident();
    let mut starts: Vec<_> = segments.iter().map(|one| start_of(one)).collect();
    assert!(starts.len() > 4);
    for (index, start) in starts.iter_mut().enumerate() {
        start.boot_id = Some(BOOT.to_owned());
        // Back by an hour as it is traced, and the boot before had a clock of later years.
        if index > 1 {
            start.clock.realtime_ns -= 3_600_000_000_000;
        }
    }
    let (first, last) = (starts[1].clock, starts[4].clock);
    let mut before = starts[0].clone();
    before.boot_id = Some("c0ffee00-7d5c-4b84-8b5a-0f1f8c9a4c11".to_owned());
    before.clock.realtime_ns += 36_000_000_000_000;
    starts.push(before);
    let of_boot = |ns| {
        let boot = boot_number(BOOT);
        Some(When::OfBoot { boot, ns })
    };
    let (since, until) = (first.monotonic_ns, last.monotonic_ns - 1);
    let window = Window {
        since: of_boot(since),
        until: of_boot(until),
    };
    let planned = plan(&starts, &window, |_| u64::MAX).unwrap();
    let places = |steps: &[Step]| steps.iter().map(|step| step.index).collect::<Vec<_>>();
    assert_eq!(places(&planned.steps), [1, 2, 3]);
    assert_eq!(places(&planned.ahead)[..1], [4]);
    assert_eq!(
        (planned.span.since_ns, planned.span.until_ns),
        (Some(since), Some(until))
    );
    // A boot of which nothing is left is no other one, from whichever end it is asked for.
    let gone = Some(When::OfBoot { boot: 7, ns: until });
    for (since, until) in [(gone, gone), (gone, None), (None, gone)] {
        let window = Window { since, until };
        assert_eq!(plan(&starts, &window, |_| 0), Err(NoPlan::OtherBoots));
    }
}

fn zkchurn(arguments: &[&OsStr]) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_zkchurn"))
        .env("TZ", "UTC")
        .args(arguments)
        .output_in_time()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}

/// Writes segments as a recorder that is at work leaves them: the last one has no end.
fn write_segments(directory: &Path, segments: &[Vec<u8>]) {
    for (number, segment) in segments.iter().enumerate() {
        let is_last = number + 1 == segments.len();
        let ending = if is_last {
            ".zkchurn.partial"
        } else {
            ".zkchurn"
        };
        let written = if is_last {
            &segment[..segment.len() - 7]
        } else {
            segment
        };
        fs::write(directory.join(format!("{number:06}{ending}")), written).unwrap();
    }
    fs::write(directory.join("notes.txt"), "of somebody else").unwrap();
}

#[test]
fn a_directory_is_replayed_as_one_recording() {
    let (_, segments) = incident();
    let directory = tempfile::tempdir().unwrap();
    write_segments(directory.path(), &segments);
    let path = directory.path().as_os_str();
    let (code, whole, errors) = zkchurn(&["replay".as_ref(), path]);
    assert_eq!((code, errors.as_str()), (Some(0), ""));
    assert!(whole.contains("java (IncidentClient)"), "{whole}");
    let window = [
        "--since",
        "2026-11-23 18:11:47",
        "--until",
        "2026-11-23T18:11:55Z",
    ]
    .map(OsStr::new);
    let arguments = [&["replay".as_ref(), path], &window[..]].concat();
    let (code, part, errors) = zkchurn(&arguments);
    assert_eq!((code, errors.as_str()), (Some(0), ""));
    assert!(part.contains("Port 11035, client side, 8 s:"), "{part}");
    let page = directory.path().join("page.md");
    let page = page.as_os_str();
    let arguments = ["report".as_ref(), path, "-o".as_ref(), page];
    assert_eq!(zkchurn(&arguments).0, Some(0));
    let (code, same, _) = zkchurn(&["diff".as_ref(), path, path]);
    assert_eq!(code, Some(0), "{same}");

    fs::write(directory.path().join("000002.zkchurn"), "damaged").unwrap();
    let (code, _, errors) = zkchurn(&["replay".as_ref(), path]);
    assert_eq!(code, Some(5));
    assert!(
        errors.contains("000002.zkchurn is left out: this is not"),
        "{errors}"
    );
    assert!(errors.contains("lacks a part"), "{errors}");
    let yesterday = ["--until", "2026-11-22T18:11:55Z"].map(OsStr::new);
    let arguments = [&["replay".as_ref(), path], &yesterday[..]].concat();
    let (code, _, errors) = zkchurn(&arguments);
    assert_eq!(code, Some(2));
    assert!(
        errors.contains("nothing was recorded then: it has 2026-11-23T18:11:33Z"),
        "{errors}"
    );
    let empty = tempfile::tempdir().unwrap();
    let (code, _, errors) = zkchurn(&["replay".as_ref(), empty.path().as_os_str()]);
    assert_eq!(code, Some(5));
    assert!(errors.contains("it has no recording in it"), "{errors}");
}

#[test]
fn a_cut_recording_beside_the_segments_of_an_agent_counts_nothing_twice() {
    let (_, segments) = incident();
    let directory = tempfile::tempdir().unwrap();
    for (number, segment) in segments.iter().enumerate() {
        let name = format!("20261123T181133Z-a-{number:06}.zkchurn");
        fs::write(directory.path().join(name), segment).unwrap();
    }
    let path = directory.path().as_os_str();
    let (_, before, _) = zkchurn(&["replay".as_ref(), path, "--details".as_ref()]);
    for (name, since) in [
        ("cut.zkchurn", "2026-11-23T18:11:40Z"),
        ("all.zkchurn", "1h"),
    ] {
        let cut = directory.path().join(name);
        let arguments = ["report".as_ref(), path, "--since".as_ref(), since.as_ref()];
        let (code, ..) = zkchurn(&[&arguments[..], &["-o".as_ref(), cut.as_os_str()]].concat());
        assert!(cut.exists(), "{code:?}");
    }
    let (code, after, errors) = zkchurn(&["replay".as_ref(), path, "--details".as_ref()]);
    assert_eq!(code, Some(0), "{errors}");
    assert_eq!(before, after);
    assert!(
        errors.contains("/cut.zkchurn: left out, an agent did not make it"),
        "{errors}"
    );
}

#[test]
fn thousands_of_files_that_are_no_recordings_are_a_few_lines() {
    let (_, segments) = incident();
    let directory = tempfile::tempdir().unwrap();
    write_segments(directory.path(), &segments);
    for number in 0..3_000 {
        let name = format!("garbage-{number}.zkchurn");
        fs::write(directory.path().join(name), "garbage").unwrap();
    }
    let (code, _, errors) = zkchurn(&["replay".as_ref(), directory.path().as_os_str()]);
    assert_eq!(code, Some(5));
    assert!(errors.lines().count() < 10, "{errors}");
    assert!(
        errors.contains("2,995 more files cannot be read"),
        "{errors}"
    );
}

#[test]
fn a_directory_is_compared_with_itself_before_and_after_a_moment() {
    let (_, segments) = incident();
    let directory = tempfile::tempdir().unwrap();
    write_segments(directory.path(), &segments);
    let path = directory.path().as_os_str();
    let arguments = [
        "--before-until",
        "2026-11-23T18:11:45Z",
        "--since",
        "2026-11-23T18:11:45Z",
    ];
    let arguments = arguments.map(OsStr::new);
    let arguments = [&["diff".as_ref(), path, path], &arguments[..]].concat();
    let (code, text, errors) = zkchurn(&arguments);
    assert_eq!((code, errors.as_str()), (Some(0), ""), "{text}");
    assert!(!text.contains("the same trace"), "{text}");
    // The last segment is being written.
    assert!(!text.contains("cannot be read"), "{text}");
    let at = |name: &str| {
        let line = text
            .lines()
            .find(|line| line.trim_start().starts_with(name));
        line.unwrap_or_else(|| panic!("{name}: {text}")).to_owned()
    };
    assert!(at("before:").contains("to 18:11:45"), "{text}");
    assert!(at("after:").contains("18:11:45 UTC to"), "{text}");
}

const SECOND: u64 = 1_000_000_000;

/// A run of an agent: its start, records, and maybe its end.
fn run(id: &str, from_s: u64, records: &[ConnectionRecord], end_s: Option<u64>) -> Vec<u8> {
    let clock = ClockPair {
        monotonic_ns: from_s * SECOND,
        realtime_ns: (from_s * SECOND).cast_signed(),
    };
    let start = TraceStart {
        run_id: Some(id.to_owned()),
        boot_id: Some("boot".to_owned()),
        ..TraceStart::of_port(2181, clock)
    };
    let mut writer = Writer::in_memory();
    writer.write(Frame::Start(&start)).unwrap();
    for record in records {
        writer.write(Frame::Record(record.as_bytes())).unwrap();
    }
    let mark = |at_s: u64| Mark {
        monotonic_ns: at_s * SECOND,
        ..Mark::default()
    };
    writer.write(Frame::Interval(&mark(from_s + 30))).unwrap();
    if let Some(end_s) = end_s {
        writer.write(Frame::End(&mark(end_s))).unwrap();
    }
    writer.get_ref().clone()
}

fn connection(socket: u64, stage: u8, from_s: u64, until_s: u64) -> ConnectionRecord {
    let is_over = stage == STAGE_ENDED;
    let mapped = std::net::Ipv4Addr::LOCALHOST.to_ipv6_mapped().octets();
    ConnectionRecord {
        socket,
        started_ns: from_s * SECOND,
        established_ns: from_s * SECOND,
        left_established_ns: if is_over { until_s * SECOND } else { 0 },
        until_ns: until_s * SECOND,
        known: known::COOKIE | known::TOLD,
        told: if is_over {
            TOLD_ESTABLISHED
        } else {
            TOLD_NOTHING
        },
        local_address: mapped,
        remote_address: mapped,
        remote_port: 2181u16.to_be_bytes(),
        stage,
        side: SIDE_OPENED,
        family: FAMILY_INET,
        states_seen: state::bit(state::ESTABLISHED),
        ..decode::blank()
    }
}

/// As a run finds it that began later.
fn older(socket: u64, stage: u8, run_s: u64, until_s: u64) -> ConnectionRecord {
    let record = connection(socket, stage, run_s, until_s);
    ConnectionRecord {
        known: record.known | known::BEFORE_START,
        ..record
    }
}

/// One works, one connects, and one has ended by then.
#[test]
fn what_is_open_when_a_window_ends_is_told_as_at_the_end_of_a_trace() {
    let connecting = ConnectionRecord {
        established_ns: 0,
        states_seen: 0,
        state_left: state::SYN_SENT,
        ..connection(2, STAGE_SEEN_OPEN, 103, 104)
    };
    let over = |socket, from_s, until_s| ConnectionRecord {
        told: TOLD_NOTHING,
        ..connection(socket, STAGE_ENDED, from_s, until_s)
    };
    let records = [
        connection(1, STAGE_SEEN_OPEN, 102, 103),
        connecting,
        over(3, 104, 105),
        connection(1, STAGE_ENDED, 102, 115),
        over(4, 114, 116),
    ];
    let recording = [run("one", 100, &records, Some(130))];
    let until = |seconds| Window {
        since: None,
        until: Some(When::BeforeEnd(Duration::from_secs(seconds))),
    };
    let counts = |window: &Window| {
        let total = joined(&recording, window).total;
        [total.opened, total.ended, total.open]
    };
    assert_eq!(counts(&until(20)), [3, 1, 2]);
    assert_eq!(counts(&until(14)), [4, 3, 1]);
}

/// What began shortly before a moment, and of which only what came later tells.
#[test]
fn two_parts_that_meet_at_a_moment_have_all_that_was_open_then() {
    let over = |socket, from_s, until_s| ConnectionRecord {
        told: TOLD_NOTHING,
        ..connection(socket, STAGE_ENDED, from_s, until_s)
    };
    let half_closed = ConnectionRecord {
        left_established_ns: 109 * SECOND,
        ..over(5, 104, 140)
    };
    let connecting = ConnectionRecord {
        established_ns: 112 * SECOND,
        ..over(6, 109, 113)
    };
    let records = [
        over(1, 104, 105),
        connection(2, STAGE_SEEN_OPEN, 109, 111),
        over(3, 109, 112),
        connecting,
        // It was over, and its record came late.
        over(7, 109, 110),
        over(4, 111, 114),
        connection(2, STAGE_ENDED, 109, 135),
        half_closed,
    ];
    let recording = [run("one", 100, &records, Some(150))];
    let before_end = Some(When::BeforeEnd(Duration::from_millis(39_500)));
    let first = joined(
        &recording,
        &Window {
            since: None,
            until: before_end,
        },
    );
    let second = joined(
        &recording,
        &Window {
            since: before_end,
            until: None,
        },
    );
    let counts = |report: &Report| {
        let total = &report.total;
        [total.opened, total.established, total.ended, total.open]
    };
    assert_eq!(counts(&first), [6, 5, 3, 3]);
    assert_eq!(first.total.half_closed, 1);
    assert_eq!(counts(&second), [1, 1, 1, 0]);
    assert_eq!((second.total.older.seen, second.total.older.ended), (4, 4));
    assert_eq!(counts(&joined(&recording, &ALL)), [7, 7, 7, 0]);
}

/// The accepting end of a connection has a record by then, the opening one has not.
#[test]
fn at_the_end_of_a_part_an_accepting_end_is_no_connection_of_its_own() {
    let local = 40_000u16.to_be_bytes();
    let opening = ConnectionRecord {
        told: TOLD_NOTHING,
        local_port: local,
        ..connection(1, STAGE_ENDED, 109, 130)
    };
    let accepting = ConnectionRecord {
        side: SIDE_ACCEPTED,
        local_port: opening.remote_port,
        remote_port: local,
        ..connection(2, STAGE_SEEN_OPEN, 109, 110)
    };
    let recording = run("one", 100, &[accepting, opening], Some(150));
    let recording = [with_start(&recording, |start| start.side = Sides::Both)];
    let until = Some(When::BeforeEnd(Duration::from_secs(39)));
    let window = Window { since: None, until };
    let part = joined(&recording, &window);
    assert_eq!((part.total.opened, part.total.open), (1, 1));
    assert_eq!(part.both_ends_here, 1);
}

/// The segment behind a part has the first record of what was open when the part ends, and what
/// is wrong with it is not of that part.
#[test]
fn the_next_segment_tells_of_what_was_open_at_the_end_of_a_part() {
    let records = [
        connection(1, STAGE_SEEN_OPEN, 104, 105),
        connection(2, STAGE_SEEN_OPEN, 109, 111),
        connection(3, STAGE_SEEN_OPEN, 112, 113),
    ];
    let recording = run("one", 100, &records, Some(150));
    let mut places = 0..;
    let mut segments = cut(&recording, |_| places.next() == Some(1));
    assert_eq!(segments.len(), 2);
    let until = segments[1].len();
    let at = start_of(&segments[1]).clock.monotonic_ns;
    let window = Window {
        since: None,
        until: Some(When::OfBoot {
            boot: 0,
            ns: at - SECOND / 2,
        }),
    };
    let whole = joined(&segments, &window);
    assert_eq!((whole.total.opened, whole.total.open), (2, 2));
    segments[1][until - 5] ^= 1;
    assert_eq!(json(&joined(&segments, &window)), json(&whole));
}

/// A run that was killed has no end, and the other side of what it saw open has closed: seen in
/// that run, or by the next one.
#[test]
fn what_is_held_half_closed_counts_as_such_without_the_end_of_the_trace() {
    let half_closed = |record: ConnectionRecord, fin_s: u64| ConnectionRecord {
        left_established_ns: fin_s * SECOND,
        told: TOLD_ESTABLISHED,
        states_seen: record.states_seen | state::bit(state::CLOSE_WAIT),
        ..record
    };
    let begun = ConnectionRecord {
        told: TOLD_NOTHING,
        ..connection(7, STAGE_SEEN_OPEN, 105, 106)
    };
    let seen = half_closed(connection(7, STAGE_SEEN_OPEN, 105, 112), 108);
    let found = half_closed(older(7, STAGE_ESTABLISHED, 200, 200), 200);
    let counts = |runs: &[Vec<u8>]| {
        let total = joined(runs, &ALL).total;
        [total.opened, total.ended, total.half_closed, total.open]
    };
    let by_the_run = run("one", 100, &[begun, seen], None);
    assert_eq!(counts(&[by_the_run]), [1, 1, 1, 0]);
    let first = run("one", 100, &[begun], None);
    assert_eq!(counts(std::slice::from_ref(&first)), [1, 0, 0, 1]);
    let by_the_next = run("two", 200, &[found], None);
    assert_eq!(counts(&[first, by_the_next]), [1, 1, 1, 0]);
}

/// One end of a connection that is over after so long; the first FIN is 11 s after the trace began.
fn end_of_one(side: u8, until_s: u64) -> ConnectionRecord {
    let local = 40_000u16.to_be_bytes();
    let record = connection(u64::from(side), STAGE_ENDED, 105, until_s);
    let (local_port, remote_port) = match side {
        SIDE_OPENED => (local, record.remote_port),
        _ => (record.remote_port, local),
    };
    ConnectionRecord {
        side,
        told: TOLD_NOTHING,
        left_established_ns: 111 * SECOND,
        local_port,
        remote_port,
        ..record
    }
}

/// What is told of these, until 12 s after the trace began, and from then on.
fn before_and_after(side: Sides, ends: &[ConnectionRecord]) -> [Report; 3] {
    let clock = ClockPair {
        monotonic_ns: 100 * SECOND,
        realtime_ns: 0,
    };
    let start = TraceStart {
        side,
        ..TraceStart::of_port(2181, clock)
    };
    let mut writer = Writer::in_memory();
    writer.write(Frame::Start(&start)).unwrap();
    for end in ends {
        writer.write(Frame::Record(end.as_bytes())).unwrap();
    }
    let mark = Mark {
        monotonic_ns: 120 * SECOND,
        ..Mark::default()
    };
    writer.write(Frame::End(&mark)).unwrap();
    let recording = [writer.get_ref().clone()];
    let cut = Some(When::BeforeEnd(Duration::from_secs(8)));
    let windows = [(None, cut), (cut, None), (None, None)];
    windows.map(|(since, until)| joined(&recording, &Window { since, until }))
}

/// The two ends of a connection on this host are over at different moments, and a part of the
/// trace ends in between.
#[test]
fn a_connection_whose_ends_are_over_in_two_parts_is_told_as_its_opening_end() {
    for other_lasts_longer in [SIDE_OPENED, SIDE_ACCEPTED] {
        let end = |side| {
            let until_s = if side == other_lasts_longer { 113 } else { 111 };
            end_of_one(side, until_s)
        };
        let opened = end(SIDE_OPENED);
        let mut ends = [opened, end(SIDE_ACCEPTED)];
        ends.sort_by_key(|end| end.until_ns);
        let both = before_and_after(Sides::Both, &ends);
        let alone = before_and_after(Sides::Client, &[opened]);
        let counts = |reports: &[Report; 3]| {
            let total = reports.each_ref().map(|report| &report.total);
            total.map(|total| (total.opened, total.ended, total.older.clone()))
        };
        assert_eq!(counts(&both), counts(&alone), "{other_lasts_longer}");
        assert_eq!(both[2].both_ends_here, 1);
        // Held half-closed from one part to the other, or told in one.
        let is_held = u64::from(other_lasts_longer == SIDE_OPENED);
        assert_eq!((both[0].total.ended, both[1].total.ended), (1, 0));
        assert_eq!(both[1].total.older.seen, is_held);
    }
}

#[test]
fn what_an_earlier_version_recorded_of_secrets_is_not_written_again() {
    let key = ProcessKey::new(7, 0);
    let process = ProcessIdentity {
        // As a version would have that hid nothing yet.
        command: vec!["java".to_owned(), "-Dx.password=sesame".to_owned()],
        ..ProcessIdentity::new(key, "java".to_owned(), None, Vec::new())
    };
    let record = ConnectionRecord {
        opener_comm: *b"password=sesame\0",
        ..connection(1, STAGE_ENDED, 110, 111)
    };
    let clock = ClockPair {
        monotonic_ns: 100 * SECOND,
        realtime_ns: 0,
    };
    let mut writer = Writer::in_memory();
    let frames = [
        Frame::Start(&TraceStart::of_port(2181, clock)),
        Frame::Process(&process),
        Frame::Record(record.as_bytes()),
    ];
    for frame in frames {
        writer.write(frame).unwrap();
    }
    let recording = writer.get_ref().clone();
    assert_eq!(count_of(&recording, b"sesame"), 2);
    let plan = plan(&[start_of(&recording)], &ALL, |_| 0).unwrap();
    let mut copy = Vec::new();
    let mut joined = Joined::new(plan, |_| Ok(&recording[..]));
    joined.read_to_end(&mut copy).unwrap();
    assert_eq!(count_of(&copy, b"sesame"), 0);
    assert_eq!(count_of(&copy, b"password="), 2);
}

fn count_of(bytes: &[u8], what: &[u8]) -> usize {
    bytes
        .windows(what.len())
        .filter(|part| *part == what)
        .count()
}

#[test]
fn a_restart_counts_no_connection_twice() {
    // Three are open as the first run ends; one of them ends while nobody looks, one in the
    // second run, and one stays. A fourth began in between.
    let open = |socket| connection(socket, STAGE_SEEN_OPEN, 110, 111);
    let at_end = |socket| ConnectionRecord {
        told: TOLD_ESTABLISHED,
        ..connection(socket, STAGE_OPEN_AT_END, 110, 150)
    };
    let first = [open(1), open(2), open(3), at_end(1), at_end(2), at_end(3)];
    let second = [
        older(2, STAGE_ESTABLISHED, 160, 0),
        older(3, STAGE_ESTABLISHED, 160, 0),
        older(4, STAGE_ESTABLISHED, 160, 0),
        older(2, STAGE_ENDED, 160, 180),
        connection(5, STAGE_SEEN_OPEN, 185, 186),
    ];
    // Ended by a signal, and killed.
    for (end, first) in [(Some(150), &first[..]), (None, &first[..3])] {
        let runs = [run("a", 100, first, end), run("b", 160, &second, None)];
        let report = joined(&runs, &ALL);
        let total = &report.total;
        assert_eq!(
            (total.opened, total.ended, total.open),
            (4, 2, 2),
            "{end:?}"
        );
        assert_eq!((total.older.seen, total.older.open), (1, 1));
        assert_eq!(report.loss.found_closed, 1, "the one that ended unseen");
        let lived = &total.established_for;
        assert_eq!(
            lived.max_ns,
            Some(70 * SECOND),
            "seen to begin in one run, to end in the other"
        );
        let said = report.degraded.iter();
        let said = said.filter(|one| one.contains("the recorder was not running"));
        assert_eq!(said.count(), 1, "{:?}", report.degraded);
    }
}

/// A run that is over after seconds, and what its end says of those that are older.
fn short_run(
    id: &str,
    from_s: u64,
    records: &[ConnectionRecord],
    older_told: Option<bool>,
) -> Vec<u8> {
    let begun = run(id, from_s, records, None);
    let (mut reader, mut writer) = (Reader::new(&begun[..]).unwrap(), Writer::in_memory());
    while let Some(written) = reader
        .next_frame(|frame| match frame {
            Frame::Interval(_) => {
                let mark = Mark {
                    monotonic_ns: (from_s + 7) * SECOND,
                    older_told,
                    ..Mark::default()
                };
                writer.write(Frame::Interval(&mark))?;
                writer.write(Frame::End(&mark))
            }
            frame => writer.write(frame),
        })
        .unwrap()
    {
        written.unwrap();
    }
    writer.get_ref().clone()
}

#[test]
fn what_is_over_when_an_agent_starts_again_is_no_leak_however_short_its_run() {
    let begun = (1..=60).map(|socket| connection(socket, STAGE_SEEN_OPEN, 100 + socket, 161));
    let stays = older(60, STAGE_ESTABLISHED, 180, 0);
    let stays_at_end = ConnectionRecord {
        told: TOLD_ESTABLISHED,
        ..older(60, STAGE_OPEN_AT_END, 180, 187)
    };
    let first = run("a", 100, &begun.collect::<Vec<_>>(), Some(170));
    let unknown = "connections were open before 1970-01-01T00:03:00Z, when recording went on: \
                   whether any still is, is unknown";
    for (older_told, said) in [(Some(true), 0), (Some(false), 1), (None, 1)] {
        let second = short_run("b", 180, &[stays, stays_at_end], older_told);
        let report = joined(&[first.clone(), second], &ALL);
        let total = &report.total;
        let counts = [total.opened, total.ended, total.open];
        assert_eq!(counts, [60, 59, 1], "{older_told:?}");
        assert_eq!(report.loss.found_closed, 59);
        let leak = report
            .findings
            .iter()
            .any(|one| one.name == Churn::HandleLeak);
        assert!(!leak, "{:?}", report.findings);
        let doubts = report.degraded.iter().filter(|one| one.contains(unknown));
        assert_eq!(
            doubts.count(),
            said,
            "{older_told:?}: {:?}",
            report.degraded
        );
    }
    // A window that ends before the first mark of the run.
    let second = short_run("b", 180, &[stays], Some(true));
    let window = Window {
        since: None,
        until: Some(When::At(jiff::Timestamp::from_second(183).unwrap())),
    };
    let report = joined(&[first.clone(), second], &window);
    let total = &report.total;
    assert_eq!([total.opened, total.ended, total.open], [60, 59, 1]);
    let doubts = report.degraded.iter().any(|one| one.contains(unknown));
    assert!(!doubts, "{:?}", report.degraded);
    // A trace of another port tells nothing of them.
    let elsewhere = with_start(&short_run("b", 180, &[], Some(true)), |start| {
        start.ports = vec![2182];
    });
    let said = joined(&[first.clone(), elsewhere], &ALL).degraded;
    let why = "(what was traced from then on is something else); they are counted as ended, unseen";
    assert!(said.iter().any(|one| one.ends_with(why)), "{said:?}");
    // The next run tells what this one could not.
    let runs = [
        first,
        short_run("b", 180, &[], Some(false)),
        short_run(
            "c",
            190,
            &[older(60, STAGE_ESTABLISHED, 190, 0)],
            Some(true),
        ),
    ];
    let report = joined(&runs, &ALL);
    let total = &report.total;
    assert_eq!([total.opened, total.ended, total.open], [60, 59, 1]);
    let doubts = report.degraded.iter().any(|one| one.contains(unknown));
    assert!(!doubts, "{:?}", report.degraded);
}

/// Sixty connections that are opened, and are closed 40 s later.
fn sixty_closed() -> Vec<ConnectionRecord> {
    let begun = (1..=60).map(|socket| connection(socket, STAGE_SEEN_OPEN, 100 + socket, 161));
    let over = (1..=60).map(|socket| connection(socket, STAGE_ENDED, 100 + socket, 165));
    begun.chain(over).collect()
}

/// The frames that tell of ends are zeros.
fn without_ends(recording: &[u8]) -> Vec<u8> {
    let mut damaged = recording.to_vec();
    let frame = |record: &ConnectionRecord| {
        let mut frame = Vec::new();
        append_frame(kind::RECORD, record.as_bytes(), &mut frame);
        let mut places = recording.windows(frame.len());
        let at = places.position(|part| part == frame).unwrap();
        at..at + frame.len()
    };
    let all = sixty_closed();
    let (first, last) = (frame(&all[60]), frame(&all[119]));
    damaged[first.start..last.end].fill(0);
    damaged
}

#[test]
fn each_form_says_that_the_recording_is_damaged_and_nothing_rests_on_what_was_there() {
    let recording = without_ends(&run("a", 100, &sixty_closed(), Some(190)));
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("damaged.zkchurn");
    fs::write(&file, &recording).unwrap();
    let path = file.as_os_str();
    let mut forms = Vec::new();
    for form in ["text", "json", "markdown"] {
        let format = ["--format", form].map(OsStr::new);
        let (code, said, _) = zkchurn(&[&["replay".as_ref(), path], &format[..]].concat());
        assert_eq!(code, Some(5));
        forms.push(said);
    }
    for (source, name) in [
        (path, "of_it.html"),
        (directory.path().as_os_str(), "all.html"),
    ] {
        let page = directory.path().join(name);
        let to = ["-o".as_ref(), page.as_os_str()];
        let (code, _, errors) = zkchurn(&[&["report".as_ref(), source], &to[..]].concat());
        assert_eq!(code, Some(5), "{errors}");
        forms.push(fs::read_to_string(&page).unwrap());
    }
    for said in forms {
        let words = said.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.contains("damaged"), "{said}");
        assert!(!words.contains("nothing lost"), "{said}");
        assert!(!words.contains("none of these was closed"), "{said}");
        assert!(!words.contains("are still open"), "{said}");
    }
}

#[test]
fn what_a_damaged_segment_does_not_tell_the_next_one_does() {
    let mut records = sixty_closed();
    records.push(connection(61, STAGE_ENDED, 170, 171));
    let bytes = run("a", 100, &records, Some(190));
    let segments = cut(&bytes, |number| number == 120);
    assert_eq!(segments.len(), 2);
    let whole = joined(&segments, &ALL);
    let damaged = joined(&[without_ends(&segments[0]), segments[1].clone()], &ALL);
    let counts = |report: &Report| {
        let total = &report.total;
        [total.opened, total.ended, total.open]
    };
    assert_eq!(counts(&whole), [61, 61, 0]);
    assert_eq!(counts(&damaged), [61, 61, 0]);
    assert_eq!(damaged.loss.found_closed, 60);
    assert_eq!(damaged.loss.missing.damaged_parts, 1);
}

#[test]
fn of_several_boots_the_last_is_taken_and_the_others_are_named() {
    let mut before = run(
        "a",
        1_000_000,
        &[connection(1, STAGE_ENDED, 1_000_001, 1_000_002)],
        None,
    );
    let after = run(
        "b",
        2_000_000,
        &[connection(1, STAGE_ENDED, 2_000_001, 2_000_002)],
        None,
    );
    // Of the boot before, whose clock was far ahead.
    before = with_boot(&before, "another", 5_000_000);
    let report = joined(&[before, after], &ALL);
    assert_eq!(report.total.ended, 1);
    assert!(
        report.degraded[0].contains("the host was rebooted: 1 segment"),
        "{:?}",
        report.degraded
    );
}

/// Churn of 30 s, each connection with a record when it is seen open, too, and two that stay.
fn churn() -> Vec<u8> {
    let mut records = vec![connection(90, STAGE_SEEN_OPEN, 101, 102)];
    for socket in 1..=30 {
        records.push(connection(
            socket,
            STAGE_SEEN_OPEN,
            100 + socket,
            101 + socket,
        ));
        records.push(connection(socket, STAGE_ENDED, 100 + socket, 102 + socket));
    }
    records.sort_by_key(|record| record.until_ns);
    run("one", 100, &records, Some(140))
}

/// A part of it as `report -o part.zkchurn` cuts it out.
fn part_of(recording: &[u8], since_s: Option<u64>, until_s: Option<u64>) -> Vec<u8> {
    // Between two records.
    let at = |at_s: u64| {
        let ms = at_s.cast_signed() * 1_000 + 500;
        When::At(jiff::Timestamp::from_millisecond(ms).unwrap())
    };
    let window = Window {
        since: since_s.map(at),
        until: until_s.map(at),
    };
    let plan = plan(&[start_of(recording)], &window, |_| u64::MAX).unwrap();
    let mut part = Vec::new();
    let mut joined = Joined::new(plan, |_| Ok(recording));
    joined.read_to_end(&mut part).unwrap();
    part
}

#[test]
fn recordings_that_overlap_are_counted_once_whatever_their_names() {
    let whole = churn();
    let counts = |report: &Report| {
        let total = &report.total;
        [total.opened, total.ended, total.open]
    };
    let [begin, middle, end] = [(None, Some(115)), (Some(108), Some(120)), (Some(115), None)]
        .map(|(since, until)| part_of(&whole, since, until));
    assert_eq!(counts(&report(&whole[..])), [31, 30, 1]);
    // With the whole, in any order.
    for part in [&begin, &middle, &end] {
        for both in [[part.clone(), whole.clone()], [whole.clone(), part.clone()]] {
            assert_eq!(counts(&joined(&both, &ALL)), [31, 30, 1]);
        }
    }
    // Parts that meet are the whole.
    let parts = joined(&[end.clone(), begin.clone()], &ALL);
    assert_eq!(counts(&parts), [31, 30, 1]);
    assert_eq!(parts.degraded, [""; 0]);
    assert_eq!(parts.loss.found_closed, 0);
    // Parts of which one has some of the other: the longer one is read.
    let directory = tempfile::tempdir().unwrap();
    for (name, bytes) in [("begin", &begin), ("middle", &middle), ("end", &end)] {
        fs::write(directory.path().join(format!("{name}.zkchurn")), bytes).unwrap();
    }
    let (code, said, errors) = zkchurn(&["replay".as_ref(), directory.path().as_os_str()]);
    assert_eq!(code, Some(0), "{errors}");
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("31 connections in all"), "{said}");
    let left_out =
        "left out is middle.zkchurn: it is of a time of which a longer recording is read";
    assert!(said.contains(left_out), "{said}");
    // Parts with nothing of what is between them say so, and not that nobody recorded.
    let early = part_of(&whole, None, Some(108));
    let said = joined(&[early, end], &ALL).degraded;
    assert_eq!(
        said,
        [
            "what was recorded from 1970-01-01T00:01:48Z to 1970-01-01T00:01:55Z is not among these \
          parts of the recording"
        ]
    );
}

#[test]
fn of_two_traces_at_once_the_longer_one_is_read_and_no_gap_is_backwards() {
    let long = run("a", 100, &[connection(1, STAGE_ENDED, 110, 111)], Some(200));
    let short = run("b", 150, &[connection(2, STAGE_ENDED, 155, 156)], Some(190));
    let beyond = run("c", 195, &[connection(3, STAGE_ENDED, 196, 197)], Some(230));
    for recordings in [[short.clone(), long.clone()], [long.clone(), beyond]] {
        let report = joined(&recordings, &ALL);
        assert_eq!(report.total.ended, 1);
        let gaps = report
            .degraded
            .iter()
            .filter(|one| one.contains("nothing was"));
        assert_eq!(gaps.count(), 0, "{:?}", report.degraded);
    }
    // Within a second.
    let after = with_start(&run("d", 200, &[], Some(231)), |start| {
        start.clock.monotonic_ns += 300_000_000;
        start.clock.realtime_ns += 300_000_000;
    });
    let said = joined(&[long, after], &ALL).degraded;
    let gap =
        "nothing was recorded for 300 ms at 1970-01-01T00:03:20Z: the recorder was not running";
    assert_eq!(said, [gap]);
}

#[test]
fn another_host_is_named_and_not_taken_for_a_boot() {
    let here = run("a", 100, &[connection(1, STAGE_ENDED, 110, 111)], Some(200));
    let other = run("b", 300, &[connection(1, STAGE_ENDED, 310, 311)], Some(350));
    let of = |recording: &[u8], host: &str, boot: Option<&str>| {
        with_start(recording, |start| {
            start.host = host.to_owned();
            start.boot_id = boot.map(str::to_owned);
        })
    };
    // An earlier version does not say which boot.
    for boots in [[Some("one"), Some("another")], [None, None]] {
        let directory = tempfile::tempdir().unwrap();
        let there = of(&other, "app-2", boots[0]);
        for (name, bytes) in [("x", &of(&here, "app-1", boots[1])), ("y", &there)] {
            fs::write(directory.path().join(format!("{name}.zkchurn")), bytes).unwrap();
        }
        let (code, said, errors) = zkchurn(&["replay".as_ref(), directory.path().as_os_str()]);
        assert_eq!(code, Some(0), "{errors}");
        let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
        let hosts = "the directory has recordings of several hosts: app-2 is read, app-1 left out \
                     (x.zkchurn): replay that by itself";
        assert!(said.contains(hosts), "{said}");
        assert!(!said.contains("rebooted"), "{said}");
    }
}

fn with_boot(recording: &[u8], boot: &str, monotonic_s: u64) -> Vec<u8> {
    with_start(recording, |start| {
        start.boot_id = Some(boot.to_owned());
        start.clock.monotonic_ns = monotonic_s * SECOND;
    })
}

/// The same recording with another start.
fn with_start(recording: &[u8], change: impl Fn(&mut TraceStart)) -> Vec<u8> {
    let (mut reader, mut writer) = (Reader::new(recording).unwrap(), Writer::in_memory());
    let written = |frame: Frame<'_>| match frame {
        Frame::Start(start) => {
            let mut start = start.clone();
            change(&mut start);
            writer.write(Frame::Start(&start))
        }
        frame => writer.write(frame),
    };
    let mut written = written;
    while let Some(written) = reader.next_frame(&mut written).unwrap() {
        written.unwrap();
    }
    writer.get_ref().clone()
}

/// Two runs with nothing between 150 s and 210 s, and what the command says of a window.
fn of_two_runs(end: Option<u64>, since_s: u64, until_s: u64) -> (Option<i32>, String, String) {
    let first = run("a", 100, &[connection(1, STAGE_ENDED, 140, 149)], end);
    let second = run("b", 210, &[connection(2, STAGE_ENDED, 212, 213)], Some(250));
    let directory = tempfile::tempdir().unwrap();
    for (name, bytes) in [("a.zkchurn", first), ("b.zkchurn", second)] {
        fs::write(directory.path().join(name), bytes).unwrap();
    }
    let [since, until] = [since_s, until_s].map(|at_s| {
        let at = jiff::Timestamp::from_second(at_s.cast_signed()).unwrap();
        at.to_string()
    });
    let window = ["--since", &since, "--until", &until, "--details"].map(OsStr::new);
    let path = directory.path().as_os_str();
    zkchurn(&[&["replay".as_ref(), path], &window[..]].concat())
}

#[test]
fn a_window_that_a_gap_overlaps_says_so_whichever_end_is_in_the_gap() {
    let ends = [(Some(150), "00:02:30Z"), (None, "00:02:29Z")];
    for ((end, stops), (since_s, until_s)) in ends
        .into_iter()
        .flat_map(|end| [(120, 170), (160, 230), (120, 230)].map(|window| (end, window)))
    {
        let (code, said, errors) = of_two_runs(end, since_s, until_s);
        assert_eq!(code, Some(0), "{errors}");
        let sentence = format!(
            " limitation: nothing was recorded from 1970-01-01T{stops} to 1970-01-01T00:03:30Z: the recorder"
        );
        let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(said.matches(&sentence).count(), 1, "{since_s}: {said}");
        assert!(said.contains("; 1 gap in the recording."), "{said}");
    }
    for (since_s, until_s) in [(120, 149), (220, 230)] {
        let (code, said, errors) = of_two_runs(Some(150), since_s, until_s);
        assert_eq!(code, Some(0), "{errors}");
        assert!(!said.contains("nothing was"), "{said}");
    }
}

#[test]
fn a_window_in_which_nothing_was_recorded_is_an_error() {
    let gap = "nothing was recorded then: it has 1970-01-01T00:01:40Z to \
               1970-01-01T00:02:30Z, and goes on from 1970-01-01T00:03:30Z";
    let later = "nothing was recorded then: it has 1970-01-01T00:01:40Z to 1970-01-01T00:04:10Z";
    for (since_s, until_s, why) in [(160, 170, gap), (151, 209, gap), (251, 9_000, later)] {
        let (code, said, errors) = of_two_runs(Some(150), since_s, until_s);
        assert_eq!(
            (code, said.as_str()),
            (Some(2), ""),
            "{since_s} to {until_s}"
        );
        assert!(errors.contains(why), "{errors}");
    }
}

#[test]
fn records_that_are_lost_before_the_next_segment_are_said_of_a_window_that_ends_there() {
    let (bytes, mut segments) = incident();
    let whole = report(&bytes[..]);
    let start = start_of(&segments[2]);
    let later = ClockPair {
        monotonic_ns: start.clock.monotonic_ns + SECOND,
        realtime_ns: start.clock.realtime_ns + SECOND.cast_signed(),
    };
    segments.truncate(3);
    segments[2] = with_start(&segments[2], |start| {
        start.clock = later;
        start.part.as_mut().unwrap().frames_lost = 999;
    });
    let until = later.timestamp(later.monotonic_ns) - Duration::from_millis(500);
    let window = Window {
        since: None,
        until: Some(When::At(until)),
    };
    let report = joined(&segments, &window);
    assert!(report.trace.to < whole.trace.to);
    let said = report.degraded.iter();
    let said = said.filter(|one| one.starts_with("999 records from"));
    assert_eq!(said.count(), 1, "{:?}", report.degraded);
    let loss = serde_json::to_value(&report.loss).unwrap();
    assert_eq!(loss["records_missing"], 999);
    assert_eq!(loss.get("gaps"), None);
}

#[test]
fn what_was_over_shortly_before_the_oldest_segment_is_not_older_for_that() {
    let records = [
        connection(1, STAGE_ENDED, 148, 149),
        connection(2, STAGE_ENDED, 149, 152),
        connection(3, STAGE_ENDED, 152, 153),
    ];
    let kept = with_start(&run("a", 150, &records, Some(190)), |start| {
        start.part = Some(Part {
            segment: 7,
            begins_later: true,
            ..Part::default()
        });
    });
    let report = joined(std::slice::from_ref(&kept), &ALL);
    let total = &report.total;
    assert_eq!((total.ended, total.older.ended), (2, 1));
    assert_eq!(total.established_for.max_ns, Some(SECOND));
    let directory = tempfile::tempdir().unwrap();
    let (file, page) = (directory.path().join("7.zkchurn"), "page.html");
    fs::write(&file, &kept).unwrap();
    let page = directory.path().join(page);
    let arguments = ["report".as_ref(), file.as_os_str(), "-o".as_ref()];
    let (code, _, errors) = zkchurn(&[&arguments[..], &[page.as_os_str()]].concat());
    assert_eq!(code, Some(0), "{errors}");
    let format = ["--format", "json"].map(OsStr::new);
    let (code, lines, errors) =
        zkchurn(&[&["replay".as_ref(), file.as_os_str()], &format[..]].concat());
    assert_eq!(code, Some(0), "{errors}");
    let lines = lines
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let mut seen = 0;
    for line in lines {
        if let (Some(started), Some(ended)) = (line["started"].as_str(), line["ended"].as_str()) {
            assert!(started <= ended, "{line}");
            seen += 1;
        }
    }
    assert_eq!(seen, 3);
}
