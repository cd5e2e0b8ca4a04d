// SPDX-License-Identifier: MIT
//! A filter selects the same connections in every form, and what it leaves is counted as if
//! there had been nothing else.
#![expect(
    clippy::unwrap_used,
    reason = "a test that panics has failed, which is its purpose"
)]

use std::{
    cell::RefCell,
    collections::BTreeSet,
    fs,
    io::{self, Write},
    path::PathBuf,
    rc::Rc,
    sync::OnceLock,
};

use proptest::prelude::*;
use serde_json::{Value, json};
use zkchurn_core::{
    decode::{self, Record},
    filter::{Decision, Filter},
    frame::{Frame, TraceStart},
    pipeline::{Pipeline, View},
    recording::reader::Reader,
    render::{ConnectionLine, FORMS, Options, Renderer, Several},
    replay::play,
    report::{IntervalSummary, Report},
    tape::{Tape, Taping},
};

const VIEW: View = View {
    top: 1000,
    time_wait_rows: false,
};

/// Terms of each kind, of which some match in some recordings.
const TERMS: [&str; 30] = [
    "process:java",
    "process:~python",
    "process:nc|socat",
    "thread:~SendThread",
    "thread:*-*",
    "uid:0",
    "pid:1-5000",
    "port:2181",
    "port!=2181",
    "peer:127.0.0.0/8",
    "peer:10.0.0.0/8|::1",
    "side:client",
    "outcome:refused",
    "outcome:failed",
    "outcome:closed_by_us_before_any_byte|answered_then_closed_by_us",
    "outcome!=still_open",
    "first_close:us",
    "first_close!=peer",
    "error:ECONNREFUSED",
    "lived<10ms",
    "lived>=1s",
    "connecting<1ms",
    "sent>0",
    "received=0",
    "user:root",
    "unit:~zoo",
    "container:*",
    "pod:zk-0",
    "local:127.0.0.1",
    "confidence>=likely",
];

fn filters() -> impl Strategy<Value = String> {
    let term = (prop::sample::select(&TERMS[..29]), any::<bool>())
        .prop_map(|(term, not)| format!("{}{term}", if not { "not " } else { "" }));
    let joined = (prop::collection::vec(term, 1..4), any::<bool>())
        .prop_map(|(terms, or)| terms.join(if or { " or " } else { " " }));
    prop::collection::vec(joined, 1..3)
        .prop_map(|parts| parts.iter().map(|part| format!("({part})")).collect())
}

/// All recordings; damaged ones have their own tests.
fn recordings() -> &'static [(PathBuf, Vec<u8>)] {
    static ALL: OnceLock<Vec<(PathBuf, Vec<u8>)>> = OnceLock::new();
    ALL.get_or_init(|| {
        let mut all = Vec::new();
        for directory in ["", "kinds", "messy"] {
            let path = PathBuf::from("tests/recordings").join(directory);
            for entry in fs::read_dir(path).unwrap() {
                let path = entry.unwrap().path();
                if path.extension().is_some_and(|end| end == "zkchurn") {
                    all.push((path.clone(), fs::read(path).unwrap()));
                }
            }
        }
        assert!(all.len() > 40);
        all
    })
}

/// Keeps which connections came, and the report.
#[derive(Default)]
struct Kept {
    sockets: Vec<(u64, u64)>,
    report: Option<Report>,
}

impl Renderer for &mut Kept {
    fn start(&mut self, _: &TraceStart) -> io::Result<()> {
        Ok(())
    }
    fn connection(&mut self, line: &ConnectionLine<'_>) -> io::Result<()> {
        self.sockets
            .push((line.connection.socket, line.connection.started_ns));
        Ok(())
    }
    fn interval(&mut self, _: &IntervalSummary) -> io::Result<()> {
        Ok(())
    }
    fn report(&mut self, report: &Report) -> io::Result<()> {
        self.report = Some(report.clone());
        Ok(())
    }
    fn time_wait(&mut self, _: &Report) -> io::Result<()> {
        Ok(())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn kept(recording: &[u8], filter: Option<&str>) -> Kept {
    let mut kept = Kept::default();
    let filter = filter.map(|filter| filter.parse().unwrap());
    let mut pipeline = Pipeline::new(&mut kept, VIEW).with_filter(filter);
    play(&mut Reader::new(recording).unwrap(), &mut pipeline).unwrap();
    drop(pipeline);
    kept
}

/// The report on the records of these connections alone.
fn alone(recording: &[u8], sockets: &BTreeSet<(u64, u64)>) -> Report {
    let mut kept = Kept::default();
    let mut pipeline = Pipeline::new(&mut kept, VIEW);
    let mut reader = Reader::new(recording).unwrap();
    let mut latest = zkchurn_core::frame::Mark::default();
    let mut ended = false;
    while let Some(()) = reader
        .next_frame(|frame| {
            let is_wanted = match frame {
                Frame::Record(bytes) => match decode::read(bytes) {
                    Ok(Record::Connection(record)) => {
                        let connection = decode::decode(&record).unwrap();
                        sockets.contains(&(connection.socket, connection.started_ns))
                    }
                    _ => true,
                },
                Frame::Interval(mark) => {
                    latest = *mark;
                    true
                }
                Frame::End(_) => {
                    ended = true;
                    true
                }
                _ => true,
            };
            if is_wanted {
                pipeline.accept(frame).unwrap();
            }
        })
        .unwrap()
    {}
    assert!(ended, "the recording has its end");
    drop(pipeline);
    kept.report.unwrap()
}

/// What was counted, without what depends on the order in which records come: a record that
/// waited for its connection's end is counted then, so gaps differ in their last digit. Findings
/// know of what the filter leaves out, so they may be others: a server that went away explains what
/// it refused, whoever had a connection to it.
fn numbers(report: &Report) -> Value {
    let mut value = json!({"total": report.total, "flows": report.flows});
    without_gaps(&mut value);
    value
}

/// Connections that have ended and of which a finding says why.
fn explained(report: &Report) -> u64 {
    let explained = report
        .findings
        .iter()
        .filter_map(|finding| finding.explains);
    explained.sum()
}

fn without_gaps(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.remove("gap");
            fields.values_mut().for_each(without_gaps);
        }
        Value::Array(values) => values.iter_mut().for_each(without_gaps),
        _ => {}
    }
}

/// Keeps what a form writes.
#[derive(Clone, Default)]
struct Written(Rc<RefCell<Vec<u8>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn written(recording: &[u8], form: &str, filter: &str) -> String {
    let written = Written::default();
    let form = FORMS.into_iter().find(|one| one.name() == form).unwrap();
    let options = Options::plain(jiff::tz::TimeZone::UTC);
    let renderer = form.renderer(Box::new(written.clone()), options);
    let mut pipeline = Pipeline::new(renderer, VIEW).with_filter(Some(filter.parse().unwrap()));
    play(&mut Reader::new(recording).unwrap(), &mut pipeline).unwrap();
    drop(pipeline);
    String::from_utf8(written.0.take()).unwrap()
}

/// A filter that is typed while a trace goes on selects of what came before as well.
#[test]
fn a_filter_that_comes_later_selects_what_is_kept_and_what_comes() {
    let mut compared = 0;
    for (path, recording) in recordings() {
        // What they decide does not depend on what becomes known later.
        for filter in ["outcome:refused", "not lived<10ms", "port:2181 sent>0"] {
            let first = kept(recording, Some(filter)).report.unwrap();
            let tape = Rc::new(RefCell::new(Tape::default()));
            let nothing = || Several(Vec::new());
            let mut whole = Pipeline::new(Taping::new(Rc::clone(&tape), nothing()), VIEW);
            let mut later: Option<Pipeline<Several>> = None;
            let mut reader = Reader::new(&recording[..]).unwrap();
            let mut frames = 0;
            while let Ok(Some(())) = reader.next_frame(|frame| {
                frames += 1;
                whole.accept(frame).unwrap();
                if let Some(later) = &mut later {
                    later.accept(frame).unwrap();
                } else if frames == 20 {
                    let filter = filter.parse().unwrap();
                    later = Some(whole.selecting(filter, &tape.borrow(), nothing()).unwrap());
                }
            }) {}
            let Some(later) = later.as_ref().and_then(Pipeline::report) else {
                continue;
            };
            compared += 1;
            let (first, later) = (&first.total, &later.total);
            assert_eq!(first.ended, later.ended, "{} {filter}", path.display());
            assert_eq!(
                first.outcomes,
                later.outcomes,
                "{} {filter}",
                path.display()
            );
        }
    }
    assert!(compared > 60, "{compared}");
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 64,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn what_is_left_is_all_that_is_counted(
        filter in filters(),
        which in any::<prop::sample::Index>(),
    ) {
        let (path, recording) = which.get(recordings());
        let all = kept(recording, None);
        let some = kept(recording, Some(&filter));
        let report = some.report.unwrap();
        let filtered = report.filtered.clone().unwrap();
        prop_assert_eq!(
            some.sockets.len() as u64 + filtered.connections,
            all.sockets.len() as u64,
            "{}", path.display()
        );
        let not = kept(recording, Some(&format!("not ({filter})"))).report.unwrap();
        let opposite = not.filtered.unwrap();
        prop_assert_eq!(filtered.undecided, opposite.undecided);
        prop_assert_eq!(
            filtered.connections + opposite.connections,
            all.sockets.len() as u64 + filtered.undecided,
            "{}", path.display()
        );
        let sockets: BTreeSet<_> = some.sockets.iter().copied().collect();
        let alone = alone(recording, &sockets);
        prop_assert_eq!(numbers(&report), numbers(&alone), "{} {}", path.display(), filter);
        prop_assert!(explained(&report) <= report.total.ended, "{} {}", path.display(), filter);
    }

    /// The stream, the report and the decision on a line alone.
    #[test]
    fn the_same_connections_in_every_form(
        filter in filters(),
        which in any::<prop::sample::Index>(),
    ) {
        let (_, recording) = which.get(recordings());
        let some = kept(recording, Some(&filter));
        let json = written(recording, "json", &filter);
        let lines: Vec<Value> = json.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let sockets: Vec<_> = lines
            .iter()
            .filter(|line| line["type"] == "connection")
            .map(|line| line["socket"].as_str().unwrap().to_owned())
            .collect();
        let expected: Vec<_> = some.sockets.iter().map(|(socket, _)| format!("{socket:x}")).collect();
        prop_assert_eq!(&sockets, &expected);
        let text = written(recording, "text", &filter);
        let report = some.report.unwrap();
        let filtered = report.filtered.unwrap();
        let words = format!(" {} filtered out.", zkchurn_core::text::counted(filtered.connections, "connection"));
        let says = filtered.undecided > 0 || text.contains(&words);
        prop_assert!(says, "{text}");
    }
}

/// What a view that keeps lines decides of them is what the pipeline decided.
#[test]
fn a_line_that_was_kept_is_decided_alike() {
    struct Deciding(Filter, Vec<u64>);
    impl Renderer for &mut Deciding {
        fn start(&mut self, _: &TraceStart) -> io::Result<()> {
            Ok(())
        }
        fn connection(&mut self, line: &ConnectionLine<'_>) -> io::Result<()> {
            if self.0.decide(&line.subject(None)) == Decision::Yes {
                self.1.push(line.connection.socket);
            }
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
    let (mut selected, mut all) = (0, 0);
    for (path, recording) in recordings() {
        for term in TERMS
            .iter()
            .filter(|term| !term.starts_with("thread") && !term.starts_with("confidence"))
        {
            let mut deciding = Deciding(term.parse().unwrap(), Vec::new());
            let mut pipeline = Pipeline::new(&mut deciding, VIEW);
            play(
                &mut Reader::new(recording.as_slice()).unwrap(),
                &mut pipeline,
            )
            .unwrap();
            drop(pipeline);
            let kept = kept(recording, Some(term));
            let sockets: Vec<_> = kept.sockets.iter().map(|(socket, _)| *socket).collect();
            assert_eq!(deciding.1, sockets, "{} {term}", path.display());
            selected += sockets.len();
            all += 1;
        }
    }
    assert!(
        selected > 5 * all,
        "the terms select something: {selected} in {all}"
    );
}

/// Rows of the report, and nothing else.
#[test]
fn findings_select_rows() {
    let incident = fs::read("tests/recordings/incident.zkchurn").unwrap();
    let all = kept(&incident, None);
    let all_report = all.report.unwrap();
    let name = all_report.findings[0].name;
    let none = kept(&incident, Some(&format!("not finding:{name}")));
    assert_eq!(none.sockets, all.sockets);
    let report = none.report.unwrap();
    assert_eq!(report.findings.len() + 1, all_report.findings.len());
    let filtered = report.filtered.unwrap();
    assert_eq!((filtered.connections, filtered.findings), (0, 1));
    let text = written(&incident, "text", &format!("not finding:{name}"));
    assert!(
        text.contains("No finding matches the filter (1 finding filtered out)"),
        "{text}"
    );
}
