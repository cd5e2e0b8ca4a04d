// SPDX-License-Identifier: MIT
//! The view of recordings, drawn into cells.

use std::{cell::RefCell, fs, io, path::PathBuf, rc::Rc};

use jiff::tz::TimeZone;
use proptest::prelude::*;
use ratatui_core::{buffer::Buffer, layout::Rect};
use zkchurn_core::{
    frame::TraceStart,
    pipeline::{Pipeline, View as Wanted},
    recording::{reader::Reader, writer::Writer},
    render::{ConnectionLine, Renderer},
    replay::player::{Player, Reached},
    report::{IntervalSummary, Report},
    tape::{Tape, Taping},
};

mod dumps;
mod handshakes;
#[path = "../../tests/hostile_frames/mod.rs"]
mod hostile_frames;
mod losses;
mod messages;
mod moments;
mod older;
mod rows;

use super::{
    View,
    key::{Key, Seek, Wish},
    offers::{Handshakes, Offers},
    snapshot::{Position, Snapshot, Want},
};

/// Prints nothing.
struct Nowhere;

impl Renderer for Nowhere {
    fn start(&mut self, _: &TraceStart) -> io::Result<()> {
        Ok(())
    }
    fn connection(&mut self, _: &ConnectionLine<'_>) -> io::Result<()> {
        Ok(())
    }
    fn interval(&mut self, _: &IntervalSummary) -> io::Result<()> {
        Ok(())
    }
    fn report(&mut self, _: &Report) -> io::Result<()> {
        Ok(())
    }
    fn time_wait(&mut self, _: &Report) -> io::Result<()> {
        Ok(())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A recording up to a moment.
struct Recorded {
    player: Player<fs::File, Taping<Nowhere>>,
    tape: Rc<RefCell<Tape>>,
}

impl Recorded {
    fn open(path: &PathBuf) -> Self {
        let tape = Rc::new(RefCell::new(Tape::default()));
        let wanted = Wanted {
            top: 10,
            time_wait_rows: false,
        };
        let taping = Taping::new(Rc::clone(&tape), Nowhere);
        let reader = Reader::new(fs::File::open(path).unwrap()).unwrap();
        let player = Player::new(reader, Pipeline::new(taping, wanted));
        Self { player, tape }
    }

    fn play(&mut self, until_ns: u64) {
        while self.player.play(until_ns, 1_000).unwrap() == Reached::NotYet {}
    }

    fn start_ns(&self) -> u64 {
        self.player.pipeline().start().unwrap().clock.monotonic_ns
    }

    fn snapshot(&self, want: &Want, until_ns: u64) -> Snapshot {
        let mark = self.player.mark(until_ns);
        let position = Position {
            from_ns: self.start_ns(),
            now_ns: mark.monotonic_ns,
            until_ns: mark.monotonic_ns,
            speed: None,
            is_moving: false,
        };
        let tape = self.tape.borrow();
        let pipeline = self.player.pipeline();
        Snapshot::of(pipeline, &tape, &mark, want, Some(position)).unwrap()
    }
}

fn recordings() -> Vec<PathBuf> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/recordings");
    let mut found = Vec::new();
    for folder in [root.clone(), root.join("kinds"), root.join("messy")] {
        let files = fs::read_dir(folder)
            .unwrap()
            .map(|file| file.unwrap().path());
        found.extend(files.filter(|path| path.extension().is_some_and(|end| end == "zkchurn")));
    }
    found.sort();
    assert!(found.len() > 40, "{}", found.len());
    found
}

fn recording(name: &str) -> Recorded {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/recordings");
    let mut recorded = Recorded::open(&root.join(name));
    recorded.play(u64::MAX);
    recorded
}

fn view() -> View {
    View::new(TimeZone::UTC, true, true)
}

fn screen(view: &mut View, columns: u16, rows: u16) -> String {
    let mut cells = Buffer::empty(Rect::new(0, 0, columns, rows));
    view.draw(&mut cells);
    let mut text = String::new();
    for row in 0..rows {
        let mut line = String::new();
        let mut skip = 0;
        for column in 0..columns {
            if skip > 0 {
                skip -= 1;
                continue;
            }
            let symbol = cells[(column, row)].symbol();
            skip = unicode_width::UnicodeWidthStr::width(symbol).saturating_sub(1);
            line.push_str(symbol);
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// Presses keys, and shows what they ask to be shown.
fn press(view: &mut View, recorded: &Recorded, keys: &[Key]) {
    for key in keys {
        view.press(*key);
        let snapshot = recorded.snapshot(&view.want(), u64::MAX);
        view.update(snapshot);
    }
}

#[test]
fn the_incident_on_three_sizes() {
    let recorded = recording("incident.zkchurn");
    let mut view = view();
    press(&mut view, &recorded, &[Key::Escape]);
    for (columns, rows) in [(60, 15), (80, 24), (140, 40)] {
        let name = format!("incident_{columns}x{rows}");
        insta::assert_snapshot!(name, screen(&mut view, columns, rows));
    }
}

/// The page shows what is drawn, to the letter; written anew with INSTA_UPDATE=always.
#[test]
fn the_page_about_it_shows_its_screens() {
    let recorded = recording("incident.zkchurn");
    let mut view = view();
    let mut screens = Vec::new();
    for keys in [&[Key::Escape][..], &[Key::Enter, Key::Down]] {
        press(&mut view, &recorded, keys);
        screens.push(screen(&mut view, 100, 24));
    }
    let page = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/live.md");
    let old = fs::read_to_string(&page).unwrap();
    let (mut new, mut rest) = (String::new(), old.as_str());
    for screen in &screens {
        let (before, after) = rest.split_once("```text\n").unwrap();
        let (_, after) = after.split_once("```\n").unwrap();
        new.extend([before, "```text\n", screen, "```\n"]);
        rest = after;
    }
    new.push_str(rest);
    if std::env::var("INSTA_UPDATE").is_ok_and(|update| update == "always") {
        fs::write(&page, new).unwrap();
    } else {
        assert_eq!(old, new);
    }
}

#[test]
fn down_to_a_connection_and_back() {
    let recorded = recording("incident.zkchurn");
    let mut view = view();
    let mut shown = String::new();
    let mut show = |view: &mut View, keys: &[Key]| {
        press(view, &recorded, keys);
        shown.push_str(&screen(view, 100, 30));
    };
    show(&mut view, &[Key::Enter]);
    show(&mut view, &[Key::Enter]);
    show(&mut view, &[Key::Escape, Key::Down, Key::Enter]);
    show(&mut view, &[Key::Escape, Key::Down, Key::Enter]);
    show(&mut view, &[Key::Down, Key::Enter]);
    show(&mut view, &[Key::Char('?')]);
    insta::assert_snapshot!("incident_pages", shown);
    // The first key leaves the list of keys.
    press(&mut view, &recorded, &[Key::Escape; 4]);
    assert!(view.pages.is_empty());
}

/// Whatever is recorded, at whatever size: nothing panics, and every page has its end.
#[test]
fn every_recording_at_many_sizes() {
    let sizes = [(1, 1), (60, 15), (97, 31), (300, 100)];
    for path in recordings() {
        let mut recorded = Recorded::open(&path);
        recorded.play(u64::MAX);
        if !recorded.player.pipeline().has_begun() {
            continue;
        }
        let mut view = view();
        press(&mut view, &recorded, &[Key::Escape]);
        for (columns, rows) in sizes {
            let text = screen(&mut view, columns, rows);
            assert_eq!(
                text.lines().count(),
                usize::from(rows),
                "{}",
                path.display()
            );
            if (columns, rows) >= (60, 15) {
                let total = &recorded.snapshot(&view.want(), u64::MAX).report.total;
                let ended = zkchurn_core::text::count(total.ended);
                assert!(text.contains(&format!("{ended} ended")), "{text}");
                assert!(text.contains("q quit"), "{text}");
            }
            for keys in [
                &[Key::Enter][..],
                &[Key::End, Key::PageDown, Key::Enter],
                &[Key::PageDown, Key::Enter],
                &[Key::Down, Key::PageDown, Key::PageDown],
                &[Key::Escape; 5],
            ] {
                press(&mut view, &recorded, keys);
                screen(&mut view, columns, rows);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// A process chooses its names, its command line and the texts of its logs.
    #[test]
    fn no_cell_acts_on_the_terminal(evil in hostile_frames::hostile()) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("hostile.zkchurn");
        let mut writer = Writer::new(fs::File::create(&path).unwrap()).unwrap();
        hostile_frames::frames(&evil, |frame| writer.write(frame).unwrap());
        writer.flush().unwrap();
        let mut recorded = Recorded::open(&path);
        recorded.play(u64::MAX);
        let mut view = view();
        for keys in [&[Key::Escape][..], &[Key::Enter], &[Key::Down, Key::Enter], &[Key::End]] {
            press(&mut view, &recorded, keys);
            let shown = screen(&mut view, 100, 30);
            let acts = |character: &char| {
                *character != '\n' && !zkchurn_core::text::is_printable(*character)
            };
            prop_assert_eq!(shown.chars().find(acts), None, "{:?}", shown);
        }
    }
}

#[test]
fn at_a_moment_only_what_had_happened_counts() {
    let mut recorded = recording("incident.zkchurn");
    let all = recorded
        .snapshot(&Want::default(), u64::MAX)
        .report
        .total
        .ended;
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/recordings");
    recorded = Recorded::open(&root.join("incident.zkchurn"));
    recorded.play(0);
    let start_ns = recorded.start_ns();
    let mut before = 0;
    for seconds in 1..=24 {
        let until_ns = start_ns + seconds * 1_000_000_000;
        recorded.play(until_ns);
        let report = recorded.snapshot(&Want::default(), until_ns).report;
        let ended = report.total.ended;
        // The client connects about every 1.6 s.
        assert!(
            ended >= before && ended <= before + 2,
            "{seconds} s: {ended}"
        );
        assert_eq!(
            report.trace.length_ns.min(23_000_000_000),
            (seconds * 1_000_000_000).min(23_000_000_000)
        );
        before = ended;
    }
    assert_eq!(before, all);
}

#[test]
fn rows_stay_under_the_cursor_when_the_order_changes() {
    let recorded = recording("kinds/incident_3_hosts.zkchurn");
    let mut view = view();
    press(&mut view, &recorded, &[Key::Down, Key::Down]);
    let before: Vec<_> = view.rows().iter().map(|family| family.row.key).collect();
    assert!(before.len() > 2);
    let mut turned = recorded.snapshot(&view.want(), u64::MAX);
    turned.families.reverse();
    view.update(turned.clone());
    let after: Vec<_> = view.rows().iter().map(|family| family.row.key).collect();
    assert_eq!(before, after);
    view.press(Key::Escape);
    view.update(turned);
    let free: Vec<_> = view.rows().iter().map(|family| family.row.key).collect();
    assert_eq!(free, before.into_iter().rev().collect::<Vec<_>>());
}

#[test]
fn a_time_is_jumped_to() {
    let recorded = recording("incident.zkchurn");
    let jump = |typed: &str| {
        let mut view = view();
        press(&mut view, &recorded, &[Key::Escape, Key::Char('t')]);
        for typed in typed.chars() {
            assert_eq!(view.press(Key::Char(typed)), None);
        }
        let wish = view.press(Key::Enter);
        (wish, view.notice)
    };
    let to = |ns| Some(Wish::Seek(Seek::To(ns)));
    assert_eq!(jump("10s").0, to(10_000_000_000));
    assert_eq!(jump("0.1m").0, to(6_000_000_000));
    let start = recorded.snapshot(&Want::default(), u64::MAX);
    let start = start.clock.timestamp(recorded.start_ns());
    let five_later = start.to_zoned(TimeZone::UTC) + jiff::Span::new().seconds(5);
    let (wish, _) = jump(&five_later.strftime("%H:%M:%S%.9f").to_string());
    assert_eq!(wish, to(5_000_000_000));
    let (wish, notice) = jump("9m");
    assert_eq!(wish, None);
    assert_eq!(notice.unwrap(), "9m is not within the recording");
    let (_, notice) = jump("soon");
    assert!(notice.unwrap().starts_with("\"soon\" is no time"));
}

#[test]
fn a_filter_is_typed_and_what_is_wrong_with_it_is_said_where_it_is() {
    let recorded = recording("incident.zkchurn");
    let mut view = view();
    let kind = |typed: &str, view: &mut View| {
        press(view, &recorded, &[Key::Char('/')]);
        let keys: Vec<_> = typed.chars().map(Key::Char).collect();
        press(view, &recorded, &keys);
        view.press(Key::Enter)
    };
    assert_eq!(kind("process:java prot:2181", &mut view), None);
    let text = screen(&mut view, 100, 24);
    assert!(text.contains("\"prot\": "), "{text}");
    // What was typed is still there, to be put right.
    assert!(text.contains("process:java prot:2181_"), "{text}");
    press(&mut view, &recorded, &[Key::Backspace; 10]);
    let wish = view.press(Key::Enter);
    assert_eq!(
        wish,
        Some(Wish::Filter(Some("process:java".parse().unwrap())))
    );
    // It is there to be changed.
    assert_eq!(kind("", &mut view), None);
    press(&mut view, &recorded, &[Key::Char('/')]);
    press(&mut view, &recorded, &[Key::Backspace; 12]);
    assert_eq!(view.press(Key::Enter), Some(Wish::Filter(None)));
    let wish = kind(&"x".repeat(5_000), &mut view);
    assert_eq!(wish, None, "{:?}", view.notice);
}

#[test]
fn a_dump_is_asked_for_after_a_question_and_where_the_rights_are_kept() {
    let recorded = recording("incident.zkchurn");
    let live = || View::new(TimeZone::UTC, true, false);
    let mut without = live();
    press(&mut without, &recorded, &[Key::Char('d')]);
    assert!(without.notice.unwrap().contains("--jvm dump"));
    let offers = Offers {
        dumps: true,
        handshakes: Handshakes::NotKept,
    };
    let mut view = live().offering(offers);
    press(&mut view, &recorded, &[Key::Down, Key::Char('d')]);
    let text = screen(&mut view, 100, 24);
    assert!(
        text.contains("ask 3715 java (IncidentClient) for a thread dump?"),
        "{text}"
    );
    assert_eq!(view.press(Key::Char('n')), None);
    press(&mut view, &recorded, &[Key::Char('d')]);
    let wish = view.press(Key::Char('y'));
    assert!(matches!(wish, Some(Wish::Dump(process)) if process.pid == 3715));
    view.press(Key::Char('h'));
    assert!(view.notice.unwrap().contains("--handshake"));
}

fn any_key() -> impl Strategy<Value = Key> {
    let keys = [
        Key::Up,
        Key::Down,
        Key::Left,
        Key::Right,
        Key::PageUp,
        Key::PageDown,
        Key::Home,
        Key::End,
        Key::Enter,
        Key::Enter,
        Key::Escape,
        Key::Backspace,
        Key::Control('l'),
    ];
    prop_oneof![
        prop::sample::select(keys.to_vec()),
        any::<char>().prop_map(Key::Char),
        prop::sample::select("qsp?t+- []jk09:/wdh".chars().collect::<Vec<_>>()).prop_map(Key::Char),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn whatever_is_pressed(
        keys in prop::collection::vec(any_key(), 1..60),
        columns in 1..200_u16,
        rows in 1..60_u16,
    ) {
        let recorded = recording("kinds/incident_and_probe.zkchurn");
        let mut view = view();
        for key in keys {
            press(&mut view, &recorded, &[key]);
            screen(&mut view, columns, rows);
        }
    }
}
