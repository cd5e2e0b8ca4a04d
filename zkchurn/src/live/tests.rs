// SPDX-License-Identifier: MIT
//! The loop of a live trace with records made here and a clock of the tests' own: as any
//! user, without a kernel program and without waiting.

use std::{
    cell::RefCell,
    collections::{HashSet, VecDeque},
    future::pending,
    io::{self, ErrorKind},
    ops::Range,
    path::Path,
    rc::Rc,
    time::Duration,
};

use tokio::time::{Instant, sleep, sleep_until};
use zerocopy::IntoBytes;
use zkchurn_common::{
    record::{
        ConnectionRecord, FAMILY_INET, SIDE_OPENED, STAGE_ENDED, STAGE_FOUND_CLOSED,
        STAGE_SEEN_OPEN, TOLD_ESTABLISHED, TOLD_NOTHING, known,
    },
    state::{CLOSE, CLOSE_WAIT, ESTABLISHED, SYN_SENT, bit},
};
use zkchurn_core::{
    clock::ClockPair,
    decode::{self, Record, blank},
    elsewhere::Elsewhere,
    frame::{Frame, LossCounts, Sides, TraceStart},
    inspection::Inspection,
    pipeline::{Pipeline, View},
    recording::reader::Reader,
    render::{ConnectionLine, Renderer},
    report::{IntervalSummary, Report},
};

use super::{
    collector::Collector,
    follow::{SUSPECT_EVERY, Trace},
    naming::HOLD_FOR,
    older::{OlderConnections, Wanted},
    pace::{BATCH, DOZE, EAGER_FOR, POLL, POLL_BUSY, POLL_EAGER, QUIET_FOR},
    schedule::CHURNS_FROM,
    settings::TraceSettings,
    sink::{Sink, start_recording},
    source::{Probes, Source},
    table_walk::TableWalk,
};
use crate::{
    exit::Code,
    host::{
        helper::{
            recording::StartedRecorder,
            wire::{Answer, Found, Task},
        },
        jvm::JvmMode,
        kernel::{Checked, Followed, KernelError, OpenConnections, Progress},
        proc::named::Named,
        sock_diag::DiagSocket,
    },
};

/// Above what Linux gives to any process (`PID_MAX_LIMIT`).
const NOBODY: u32 = 1 << 23;

#[derive(Clone, Debug, PartialEq, Eq)]
enum Event {
    Looked,
    Walked,
    Older(u64),
    Shown,
    Interval { ended: u64, open: u64 },
    Asked(u32),
    AskedElsewhere,
    Detached,
    Reported { ended: u64 },
}

/// What happened, and how long after the begin.
#[derive(Clone)]
struct Diary {
    began: Instant,
    events: Rc<RefCell<Vec<(Duration, Event)>>>,
}

impl Diary {
    fn note(&self, event: Event) {
        self.events.borrow_mut().push((self.began.elapsed(), event));
    }

    fn events(&self) -> Vec<(Duration, Event)> {
        self.events.borrow().clone()
    }

    fn last(&self) -> (Duration, Event) {
        self.events().pop().unwrap()
    }

    fn times(&self, wanted: impl Fn(&Event) -> bool) -> Vec<Duration> {
        let events = self.events().into_iter();
        let wanted = events.filter(|(_, event)| wanted(event));
        wanted.map(|(at, _)| at).collect()
    }
}

/// Records that come at their time.
struct Made {
    diary: Diary,
    to_come: VecDeque<(Duration, ConnectionRecord)>,
    /// What is in the table, and when.
    open: Vec<(Range<Duration>, ConnectionRecord)>,
    checked: Vec<u64>,
    followed: Vec<ConnectionRecord>,
    /// Followed ones that have ended since.
    ended: Vec<u64>,
    walked: usize,
    /// Whether a walk never comes to its end.
    endless: bool,
    /// From when on sockets are closed, though nobody has seen it.
    closed_from: Option<Duration>,
    dozes: bool,
}

impl Source for Made {
    fn drain(&mut self, most: usize, mut take: impl FnMut(&[u8])) -> usize {
        self.diary.note(Event::Looked);
        let now = self.diary.began.elapsed();
        let come = self.to_come.iter().take(most);
        let come = come.take_while(|(at, _)| *at <= now).count();
        for (_, record) in self.to_come.drain(..come) {
            take(record.as_bytes());
        }
        come
    }

    fn loss(&self) -> LossCounts {
        LossCounts::default()
    }

    fn detach(&mut self) -> Result<(), KernelError> {
        self.diary.note(Event::Detached);
        Ok(())
    }

    fn unseen_ends(&mut self, _now_ns: u64, _deadline: std::time::Instant) -> HashSet<u64> {
        HashSet::new()
    }

    fn open_connections(&self, _now_ns: u64, deadline: std::time::Instant) -> OpenConnections {
        if self.endless {
            let soon = std::time::Instant::now() + Duration::from_secs(1);
            assert!(deadline < soon, "the end has two seconds");
            std::thread::sleep(deadline.saturating_duration_since(std::time::Instant::now()));
        }
        OpenConnections {
            open: Vec::new(),
            is_complete: !self.endless,
        }
    }

    fn begin_walk(&mut self) {
        self.walked = 0;
    }

    fn more_keys(&mut self, most: usize, keys: &mut Vec<u64>) -> Progress {
        let now = self.diary.began.elapsed();
        if self.endless {
            assert!(now < Duration::from_secs(60), "the loop takes nothing else");
            std::thread::sleep(Duration::from_millis(1));
            self.diary.note(Event::Walked);
            return Progress::More;
        }
        let slice = self.open.iter().skip(self.walked).take(most);
        let open = slice.filter(|(span, _)| span.contains(&now));
        keys.extend(open.map(|(_, record)| record.socket));
        self.walked += most;
        if !self.open.is_empty() {
            self.diary.note(Event::Walked);
        }
        match self.walked < self.open.len() {
            true => Progress::More,
            false => Progress::All,
        }
    }

    fn open_connection(&self, key: u64) -> Option<ConnectionRecord> {
        let now = self.diary.began.elapsed();
        let mut open = self.open.iter();
        open.find(|(span, record)| record.socket == key && span.contains(&now))
            .map(|(_, record)| *record)
    }

    fn check(&mut self, keys: &[u64]) -> Checked {
        self.checked.extend(keys);
        let now = self.diary.began.elapsed();
        let are_closed = self.closed_from.is_some_and(|from| from <= now);
        Checked {
            closed: if are_closed { keys.len() as u32 } else { 0 },
        }
    }

    fn follow(&mut self, record: &ConnectionRecord) -> Followed {
        self.followed.push(*record);
        Followed::Yes
    }

    fn unfollow(&mut self, socket: u64) -> bool {
        !self.ended.contains(&socket)
    }

    fn turn_on_handshakes(&mut self) -> Result<(), String> {
        Ok(())
    }

    fn doze(&mut self) {
        self.dozes = true;
    }

    async fn woken(&mut self) {
        match self.to_come.front() {
            Some((at, _)) if self.dozes => sleep_until(self.diary.began + *at).await,
            _ => pending().await,
        }
        self.dozes = false;
    }
}

/// A host that answers at once, or never.
struct Quiet {
    diary: Diary,
    answers: VecDeque<Answer>,
    asked: u64,
    silent: bool,
    /// What is listed, one list after the other.
    lists: VecDeque<Vec<DiagSocket>>,
}

impl Probes for Quiet {
    fn monotonic_ns(&self) -> u64 {
        self.diary.began.elapsed().as_nanos() as u64
    }

    fn ask(&mut self, task: Task) -> Option<u64> {
        self.asked += 1;
        let found = match task {
            Task::Identify(_) => Found::Identity(None),
            Task::Inspect(request) => {
                self.diary.note(Event::Asked(request.process.pid));
                Found::Inspection(Box::new(Inspection {
                    key: request.process,
                    at_ns: self.monotonic_ns(),
                    details: None,
                    jvm: None,
                    logs: None,
                }))
            }
            Task::Named(_) => Found::Named(Named::default()),
            Task::Listeners(_) => Found::Listeners(Vec::new()),
            Task::NewLines(_)
            | Task::LinesOfProcess(_)
            | Task::SharedDevice(_)
            | Task::Whereabouts(_) => Found::Failed(String::new()),
            Task::Elsewhere(_) => {
                self.diary.note(Event::AskedElsewhere);
                Found::Elsewhere(Elsewhere::default())
            }
            Task::List(_) | Task::ListAndHolders(..) => Found::Sockets {
                sockets: self.lists.pop_front().unwrap_or_default(),
                notes: Vec::new(),
            },
        };
        if !self.silent {
            self.answers.push_back(Answer {
                id: self.asked,
                last: true,
                found,
            });
        }
        Some(self.asked)
    }

    async fn answer(&mut self) -> Option<Answer> {
        match self.answers.pop_front() {
            Some(answer) => Some(answer),
            None => pending().await,
        }
    }

    fn stopped(&self) -> Option<u32> {
        None
    }
}

/// An output that notes what it is given; and fails, if it is to, at the first interval.
struct Noting {
    diary: Diary,
    fails: bool,
}

impl Renderer for Noting {
    fn start(&mut self, _: &TraceStart) -> io::Result<()> {
        Ok(())
    }
    fn connection(&mut self, _: &ConnectionLine<'_>) -> io::Result<()> {
        self.diary.note(Event::Shown);
        Ok(())
    }
    fn interval(&mut self, summary: &IntervalSummary) -> io::Result<()> {
        let (ended, open) = (summary.ended, summary.open);
        self.diary.note(Event::Interval { ended, open });
        match self.fails {
            true => Err(ErrorKind::StorageFull.into()),
            false => Ok(()),
        }
    }
    fn report(&mut self, report: &Report) -> io::Result<()> {
        let older = report.total.older.seen;
        if older > 0 {
            self.diary.note(Event::Older(older));
        }
        let ended = report.total.ended;
        self.diary.note(Event::Reported { ended });
        Ok(())
    }
    fn time_wait(&mut self, _: &Report) -> io::Result<()> {
        Ok(())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Scene {
    diary: Diary,
    settings: TraceSettings,
    records: VecDeque<(Duration, ConnectionRecord)>,
    open: Vec<(Range<Duration>, ConnectionRecord)>,
    fails: bool,
    /// Whether a walk of the table never ends.
    endless: bool,
    /// Whether nobody answers what is asked of other processes.
    silent: bool,
    lists: VecDeque<Vec<DiagSocket>>,
    ended: Vec<u64>,
    /// From when on sockets of the table are closed, though nobody has seen it.
    closed_from: Option<Duration>,
}

/// So many refused connections so many milliseconds after the begin.
fn scene(records: &[(u64, usize)]) -> Scene {
    let records = records.iter().flat_map(|(ms, count)| {
        let at = Duration::from_millis(*ms);
        std::iter::repeat_n((at, refused(at)), *count)
    });
    Scene {
        diary: Diary {
            began: Instant::now(),
            events: Rc::default(),
        },
        settings: settings(),
        records: records.collect(),
        open: Vec::new(),
        fails: false,
        endless: false,
        lists: VecDeque::new(),
        ended: Vec::new(),
        closed_from: None,
        silent: false,
    }
}

impl Scene {
    async fn run(self, stop: impl Future<Output = ()>) -> (Diary, Result<Code, Code>) {
        let renderer = Noting {
            diary: self.diary.clone(),
            fails: self.fails,
        };
        let view = View {
            top: 10,
            time_wait_rows: false,
        };
        let pipeline = Pipeline::new(Box::new(renderer) as Box<dyn Renderer>, view);
        let recording = self.settings.record.as_deref().map(|path| {
            let helper = StartedRecorder::here().unwrap();
            start_recording(path, helper)
        });
        let recording = recording.transpose().map_err(|failure| failure.code);
        let sink = Sink::new(recording.unwrap(), pipeline, None);
        let mut probes = Quiet {
            diary: self.diary.clone(),
            answers: VecDeque::new(),
            asked: 0,
            silent: self.silent,
            lists: self.lists,
        };
        let older = match probes.lists.is_empty() {
            true => OlderConnections::none(),
            false => OlderConnections::begin(&mut probes, wanted(), 0),
        };
        let mut trace = Trace {
            source: Made {
                diary: self.diary.clone(),
                to_come: self.records,
                open: self.open,
                checked: Vec::new(),
                followed: Vec::new(),
                ended: self.ended,
                walked: 0,
                endless: self.endless,
                closed_from: self.closed_from,
                dozes: false,
            },
            walk: TableWalk::default(),
            older,
            announcement: None,
            collector: Collector::new(sink, probes, &self.settings, &[]),
            viewer: None,
            saves: None,
            reload: None,
            incidents: None,
            service: None,
        };
        trace.collector.sink.emit(Frame::Start(&start()));
        trace.follow(&self.settings, stop).await;
        let code = trace.finish(&self.settings, None).await;
        (self.diary, code.map_err(|failure| failure.code))
    }
}

fn settings() -> TraceSettings {
    TraceSettings {
        ports: vec![2181],
        process: None,
        filter: None,
        sides: Sides::Client,
        duration: None,
        interval: Duration::from_secs(10),
        record: None,
        reports: Vec::new(),
        metrics: None,
        ndjson: None,
        otlp: None,
        listen: None,
        jvm: JvmMode::Off,
        logs: false,
        handshake: None,
        table_size: 1024,
        buffer_kib: 1024,
        hook: None,
        bpf_object: None,
        verbose: 0,
        top: 10,
        time_wait_rows: false,
    }
}

fn start() -> TraceStart {
    let clock = ClockPair {
        monotonic_ns: 0,
        realtime_ns: 1_700_000_000_000_000_000,
    };
    TraceStart::of_port(2181, clock)
}

fn refused(at: Duration) -> ConnectionRecord {
    ConnectionRecord {
        stage: STAGE_ENDED,
        side: SIDE_OPENED,
        family: FAMILY_INET,
        started_ns: at.as_nanos() as u64,
        until_ns: at.as_nanos() as u64 + 1,
        opener_tgid: NOBODY,
        opener_tid: NOBODY,
        known: known::OPENER | known::OPENER_START,
        opener_start_ns: 10_000_000,
        states_seen: bit(SYN_SENT) | bit(CLOSE),
        state_left: SYN_SENT,
        remote_port: 2181_u16.to_be_bytes(),
        ..blank()
    }
}

async fn after(ms: u64) {
    sleep(Duration::from_millis(ms)).await;
}

#[tokio::test(start_paused = true)]
async fn records_are_shown_when_they_come_and_a_signal_ends_with_a_report() {
    let scene = scene(&[(1, 1), (3_000, 2)]);
    let (diary, code) = scene.run(after(4_000)).await;
    assert_eq!(code, Ok(Code::Success));
    let shown = diary.times(|event| *event == Event::Shown);
    assert_eq!(shown.len(), 3);
    assert!(shown[0] <= 2 * POLL_EAGER, "{shown:?}");
    assert!(shown[2] <= Duration::from_millis(3_001) + POLL, "{shown:?}");
    let (at, last) = diary.last();
    assert_eq!((at.as_secs(), last), (4, Event::Reported { ended: 3 }));
}

#[tokio::test(start_paused = true)]
async fn what_comes_between_the_last_look_and_the_end_is_in_the_report() {
    let scene = scene(&[(4_000, 7)]);
    let (diary, _) = scene.run(after(4_000)).await;
    let events: Vec<_> = diary.events().into_iter().map(|(_, event)| event).collect();
    let place = |wanted| events.iter().position(|event| *event == wanted).unwrap();
    assert!(place(Event::Detached) < place(Event::Shown));
    assert_eq!(events.last(), Some(&Event::Reported { ended: 7 }));
}

#[tokio::test(start_paused = true)]
async fn intervals_end_at_their_time_with_all_that_came_before() {
    let scene = scene(&[(9_999, 5), (10_100, 3), (25_000, 1)]);
    let (diary, _) = scene.run(after(35_000)).await;
    let intervals = diary.events().into_iter().filter_map(|(at, event)| {
        let Event::Interval { ended, .. } = event else {
            return None;
        };
        Some((at.as_secs(), ended))
    });
    assert_eq!(intervals.collect::<Vec<_>>(), [(10, 5), (20, 3), (30, 1)]);
}

#[tokio::test(start_paused = true)]
async fn intervals_in_which_the_process_was_stopped_are_not_made_up_for() {
    let scene = scene(&[]);
    let stopped = async {
        after(5_000).await;
        // Nothing else runs meanwhile, as after SIGSTOP.
        tokio::time::advance(Duration::from_secs(60)).await;
        after(9_000).await;
    };
    let (diary, _) = scene.run(stopped).await;
    let intervals = diary.times(|event| matches!(event, Event::Interval { .. }));
    assert_eq!(intervals.len(), 1, "{intervals:?}");
}

#[tokio::test(start_paused = true)]
async fn the_duration_ends_a_trace() {
    let mut scene = scene(&[(10, 1)]);
    scene.settings.duration = Some(Duration::from_secs(7));
    let (diary, code) = scene.run(pending()).await;
    let (at, last) = diary.last();
    assert_eq!((at.as_secs(), last), (7, Event::Reported { ended: 1 }));
    assert_eq!(code, Ok(Code::Success));
}

#[tokio::test(start_paused = true)]
async fn where_nothing_ends_other_ports_are_asked_for_once() {
    let asked = |diary: &Diary| diary.times(|event| *event == Event::AskedElsewhere);
    let (quiet, _) = scene(&[]).run(after(35_000)).await;
    assert_eq!(asked(&quiet), [Duration::from_secs(10)]);
    let (short, _) = scene(&[]).run(after(5_000)).await;
    assert_eq!(asked(&short), [Duration::from_secs(5)]);
    let (busy, _) = scene(&[(100, 1)]).run(after(35_000)).await;
    assert_eq!(asked(&busy), []);
}

#[tokio::test(start_paused = true)]
async fn who_churns_is_looked_at_once() {
    let scene = scene(&[(1_500, CHURNS_FROM as usize - 1), (3_500, 1), (5_500, 9)]);
    let (diary, _) = scene.run(after(9_500)).await;
    let asked = diary.times(|event| *event == Event::Asked(NOBODY));
    let seconds: Vec<_> = asked.iter().map(Duration::as_secs).collect();
    assert_eq!(seconds, [4]);
}

#[tokio::test(start_paused = true)]
async fn a_process_that_never_answers_holds_nothing_up_for_long() {
    let mut scene = scene(&[(1, 4), (9_990, 5), (12_000, 1)]);
    scene.silent = true;
    scene.settings.duration = Some(Duration::from_secs(13));
    let (diary, code) = scene.run(pending()).await;
    assert_eq!(code, Ok(Code::Success));
    let shown = diary.times(|event| *event == Event::Shown);
    assert_eq!(shown.len(), 10);
    assert!(shown[0] <= HOLD_FOR + 2 * POLL_EAGER, "{shown:?}");
    let later = Duration::from_millis(12_000) + POLL;
    assert!(shown[9] <= later, "it is waited for once: {shown:?}");
    let intervals = diary.times(|event| *event == Event::Interval { ended: 9, open: 0 });
    assert_eq!(intervals.len(), 1, "with all that came before it");
    let (at, last) = diary.last();
    assert_eq!(last, Event::Reported { ended: 10 });
    let ended = at - Duration::from_secs(13);
    assert!(ended < Duration::from_secs(2), "{ended:?} after the end");
}

#[tokio::test(start_paused = true)]
async fn times_beyond_the_end_of_the_clock_never_come() {
    for endless in [
        Duration::MAX,
        Duration::from_secs(9_223_372_036_854_775_807),
    ] {
        let mut scene = scene(&[(1, 1)]);
        scene.settings.duration = Some(endless);
        scene.settings.interval = endless;
        let (diary, code) = scene.run(after(5_000)).await;
        assert_eq!(code, Ok(Code::Success));
        let (at, last) = diary.last();
        assert_eq!((at.as_secs(), last), (5, Event::Reported { ended: 1 }));
    }
}

#[tokio::test(start_paused = true)]
async fn an_output_that_fails_ends_the_trace_and_the_recording_gets_its_end() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("trace.zkchurn");
    let mut scene = scene(&[(1, 4)]);
    scene.fails = true;
    scene.settings.record = Some(path.clone());
    let (diary, code) = scene.run(pending()).await;
    assert_eq!(code, Err(Code::Unwritable));
    let (at, _) = diary.last();
    assert_eq!(at.as_secs(), 10, "at the first interval");
    assert_eq!(recorded(&path), (4, true));
}

/// How many records a recording has, and whether it has its end.
fn recorded(path: &Path) -> (u64, bool) {
    let bytes = std::fs::read(path).unwrap();
    let mut reader = Reader::new(&bytes[..]).unwrap();
    let (mut records, mut has_end) = (0, false);
    let mut count = |frame: Frame<'_>| match frame {
        Frame::Record(_) => records += 1,
        Frame::End(_) => has_end = true,
        _ => {}
    };
    while reader.next_frame(&mut count).unwrap().is_some() {}
    (records, has_end)
}

#[tokio::test(start_paused = true)]
async fn the_pace_is_eager_at_first_then_idle_then_it_dozes_and_is_busy_when_much_comes() {
    let scene = scene(&[(4_500, 2 * BATCH + 5_000)]);
    let (diary, _) = scene.run(after(6_000)).await;
    let looks = diary.times(|event| *event == Event::Looked);
    let between = |from: Duration, to: Duration| {
        let looks = looks.iter().filter(|at| (from..to).contains(at));
        looks.count()
    };
    let eager = between(Duration::ZERO, EAGER_FOR);
    assert!((20..=50).contains(&eager), "{eager} each {POLL_EAGER:?}");
    let idle = between(EAGER_FOR + POLL, QUIET_FOR);
    assert!((6..=8).contains(&idle), "{idle} each {POLL:?}");
    let dozing = between(Duration::from_secs(1), Duration::from_secs(4));
    assert_eq!(dozing, 0, "it waits to be woken");
    let begun = looks.iter().position(|at| at.as_millis() >= 4_500).unwrap();
    let pauses = looks[begun..].windows(2).map(|pair| pair[1] - pair[0]);
    let pauses: Vec<_> = pauses.take(4).collect();
    assert!(pauses[0] + pauses[1] < POLL_BUSY, "at once: {pauses:?}");
    assert!((POLL_BUSY..POLL).contains(&pauses[2]), "{pauses:?}");
    assert!(pauses[3] >= POLL, "{pauses:?}");
}

/// A connection to port 2181 of a process, still open.
fn open(at: Duration) -> ConnectionRecord {
    ConnectionRecord {
        stage: 0,
        socket: at.as_nanos() as u64,
        established_ns: at.as_nanos() as u64 + 1,
        until_ns: 0,
        known: known::OPENER | known::OPENER_START | known::TOLD,
        states_seen: bit(SYN_SENT) | bit(ESTABLISHED),
        state_left: 0,
        ..refused(at)
    }
}

/// The record at its end.
fn ended(open: ConnectionRecord, at: Duration) -> ConnectionRecord {
    let at_ns = at.as_nanos() as u64;
    ConnectionRecord {
        stage: STAGE_ENDED,
        left_established_ns: at_ns,
        until_ns: at_ns,
        states_seen: open.states_seen | bit(CLOSE),
        ..open
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_stays_open_is_told_of_once_and_counted_once() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("trace.zkchurn");
    let (from, until) = (Duration::from_millis(1_500), Duration::from_secs(25));
    let mut scene = scene(&[]);
    scene.settings.record = Some(path.clone());
    scene.open.push((from..until, open(from)));
    scene.records.push_back((until, ended(open(from), until)));
    let (diary, _) = scene.run(after(31_000)).await;
    let counts = diary
        .events()
        .into_iter()
        .filter_map(|(_, event)| match event {
            Event::Interval { ended, .. } => Some(ended),
            Event::Reported { ended } => Some(ended),
            _ => None,
        });
    assert_eq!(counts.collect::<Vec<_>>(), [0, 0, 1, 1]);
    assert_eq!(recorded(&path), (2, true));
    let told = told_in(&path);
    let told: Vec<_> = told.iter().map(|one| (one.stage, one.told)).collect();
    let expected = [
        (STAGE_SEEN_OPEN, TOLD_NOTHING),
        (STAGE_ENDED, TOLD_ESTABLISHED),
    ];
    assert_eq!(told, expected);
}

/// The connections' records in a recording.
fn told_in(path: &Path) -> Vec<ConnectionRecord> {
    let bytes = std::fs::read(path).unwrap();
    let mut reader = Reader::new(&bytes[..]).unwrap();
    let mut told = Vec::new();
    let mut take = |frame: Frame<'_>| {
        if let Frame::Record(bytes) = frame
            && let Ok(Record::Connection(record)) = decode::read(bytes)
        {
            told.push(record);
        }
    };
    while reader.next_frame(&mut take).unwrap().is_some() {}
    told
}

/// Who holds what the other side has closed may hold it for hours.
#[tokio::test(start_paused = true)]
async fn a_connection_that_is_held_half_closed_is_told_of_once_more() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("trace.zkchurn");
    let [from, fin, until] = [1_500, 4_000, 50_000].map(Duration::from_millis);
    let begun = open(from);
    let half_closed = ConnectionRecord {
        left_established_ns: fin.as_nanos() as u64,
        states_seen: begun.states_seen | bit(CLOSE_WAIT),
        ..begun
    };
    let mut scene = scene(&[]);
    scene.settings.record = Some(path.clone());
    scene.open.push((from..fin, begun));
    scene.open.push((fin..until, half_closed));
    scene.records.push_back((until, ended(half_closed, until)));
    let (_, code) = scene.run(after(61_000)).await;
    assert!(code.is_ok());
    let told = told_in(&path);
    let steps = told.iter().map(|one| {
        let has_left = one.left_established_ns != 0;
        (one.stage, one.told, has_left)
    });
    let expected = [
        (STAGE_SEEN_OPEN, TOLD_NOTHING, false),
        (STAGE_SEEN_OPEN, TOLD_ESTABLISHED, true),
        (STAGE_ENDED, TOLD_ESTABLISHED, true),
    ];
    assert_eq!(steps.collect::<Vec<_>>(), expected);
    let seen = Duration::from_nanos(told[1].until_ns);
    assert!((fin + Duration::from_secs(1)..fin + Duration::from_secs(12)).contains(&seen));
}

#[tokio::test(start_paused = true)]
async fn what_is_in_the_table_no_more_is_not_open_though_its_last_record_was_lost() {
    let (from, until) = (Duration::from_millis(1_500), Duration::from_secs(25));
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("trace.zkchurn");
    let mut scene = scene(&[]);
    scene.settings.record = Some(path.clone());
    scene.open.push((from..until, open(from)));
    let stays = Duration::from_secs(2);
    scene.open.push((stays..Duration::MAX, open(stays)));
    let (diary, _) = scene.run(after(121_000)).await;
    let events = diary.events().into_iter();
    let open = events.filter_map(|(_, event)| match event {
        Event::Interval { open, .. } => Some(open),
        _ => None,
    });
    let open: Vec<_> = open.collect();
    assert_eq!(open[..2], [2, 2]);
    assert_eq!(open.last(), Some(&1), "{open:?}");
    let over = told_in(&path)
        .into_iter()
        .filter(|one| one.stage == STAGE_FOUND_CLOSED);
    let over: Vec<_> = over.map(|one| (one.started_ns, one.told)).collect();
    let expected = (from.as_nanos() as u64, TOLD_ESTABLISHED);
    assert_eq!(over, [expected], "a replay knows it, too");
}

/// Too late for the walks that it takes to be sure.
#[tokio::test(start_paused = true)]
async fn what_is_in_the_table_no_more_as_the_trace_ends_is_over() {
    let (from, until) = (Duration::from_millis(1_500), Duration::from_millis(19_500));
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("trace.zkchurn");
    let mut scene = scene(&[]);
    scene.settings.record = Some(path.clone());
    scene.open.push((from..until, open(from)));
    let (diary, _) = scene.run(after(20_000)).await;
    let over = told_in(&path)
        .into_iter()
        .filter(|one| one.stage == STAGE_FOUND_CLOSED);
    assert_eq!(over.count(), 1);
    let events = diary.events();
    let reported = events.iter().map(|(_, event)| event).next_back();
    assert_eq!(reported, Some(&Event::Reported { ended: 1 }));
}

#[tokio::test(start_paused = true)]
async fn a_quiet_trace_sleeps_and_shows_the_next_record_at_once() {
    let mut scene = scene(&[(100, 1), (200_000, 1)]);
    scene.settings.interval = Duration::ZERO;
    let (diary, _) = scene.run(after(300_000)).await;
    let looks = diary.times(|event| *event == Event::Looked);
    let asleep = Duration::from_secs(10)..Duration::from_millis(199_999);
    let asleep = looks.iter().filter(|at| asleep.contains(at)).count();
    assert!(asleep <= 20, "{asleep} looks in 190 s");
    let shown = diary.times(|event| *event == Event::Shown);
    let late = shown[1].saturating_sub(Duration::from_secs(200));
    assert!(late < POLL, "{late:?}");
}

/// What is found closed once is told of when it is found so again.
#[tokio::test(start_paused = true)]
async fn an_end_that_was_missed_in_a_quiet_trace_is_looked_at_again_within_a_second() {
    let begins = Duration::from_millis(1_500);
    let closed_from = Duration::from_secs(60);
    let mut scene = scene(&[]);
    scene.settings.interval = Duration::ZERO;
    scene.open.push((begins..Duration::MAX, open(begins)));
    scene.closed_from = Some(closed_from);
    let (diary, _) = scene.run(after(100_000)).await;
    let walks = diary.times(|event| *event == Event::Walked);
    let walks: Vec<_> = walks.into_iter().filter(|at| *at >= closed_from).collect();
    assert!(walks[0] <= closed_from + DOZE, "{walks:?}");
    assert!(walks[1] - walks[0] <= SUSPECT_EVERY, "{walks:?}");
}

#[tokio::test]
async fn a_walk_without_end_holds_up_neither_records_nor_intervals_nor_the_end() {
    let mut scene = scene(&[(1_300, 3), (1_600, 2)]);
    scene.endless = true;
    scene.settings.interval = Duration::from_millis(1_500);
    let (diary, code) = scene.run(after(2_000)).await;
    assert_eq!(code, Ok(Code::Success));
    let walked = diary.times(|event| *event == Event::Walked).len();
    assert!(walked > 10, "it goes on: {walked} steps");
    let events = diary.events().into_iter().map(|(_, event)| event);
    let events: Vec<_> = events
        .filter(|event| !matches!(event, Event::Looked | Event::Walked | Event::Detached))
        .collect();
    let [shown, ended] = [Event::Shown, Event::Interval { ended: 3, open: 0 }];
    let expected = [&shown, &shown, &shown, &ended, &shown, &shown];
    assert_eq!(events.iter().take(6).collect::<Vec<_>>(), expected);
    assert_eq!(events.last(), Some(&Event::Reported { ended: 5 }));
}

#[tokio::test]
async fn a_walk_comes_on_however_many_records_there_are() {
    let mut scene = scene(&[(1_000, 30 * BATCH)]);
    scene.endless = true;
    let diary = scene.diary.clone();
    let enough = async {
        let looks_while_walking = || {
            let events = diary.events().into_iter().map(|(_, event)| event);
            let walking = events.skip_while(|event| *event != Event::Walked);
            walking.filter(|event| *event == Event::Looked).count()
        };
        while looks_while_walking() <= 3 {
            after(1).await;
        }
    };
    let (diary, _) = scene.run(enough).await;
    let begun = |event: &Event| matches!(event, Event::Looked | Event::Walked | Event::Detached);
    let events = diary.events().into_iter().map(|(_, event)| event);
    let events: Vec<_> = events.filter(begun).collect();
    let first = events.iter().position(|event| *event == Event::Walked);
    let last = events.iter().position(|event| *event == Event::Detached);
    let under_way = &events[first.unwrap()..last.unwrap()];
    let count = |wanted| under_way.iter().filter(|event| **event == wanted).count();
    let (looks, steps) = (count(Event::Looked), count(Event::Walked));
    assert!(looks > 3, "{looks} looks");
    assert!(steps >= looks, "{steps} steps, {looks} looks");
}

fn wanted() -> Wanted {
    Wanted {
        ports: vec![2181],
        sides: Sides::Client,
        pids: Vec::new(),
    }
}

/// A connection to port 2181, as the kernel lists it.
fn listed(cookie: u64) -> DiagSocket {
    DiagSocket {
        cookie,
        netns: 1,
        state: ESTABLISHED,
        local: "10.0.0.1:40000".parse().unwrap(),
        remote: "10.0.0.2:2181".parse().unwrap(),
        ipv6_socket: false,
        uid: 0,
        inode: 0,
        expires_ms: 0,
    }
}

#[tokio::test(start_paused = true)]
async fn older_connections_are_those_that_are_alive_or_whose_end_was_seen() {
    let [alive, end_missed, end_seen] = [1, 2, 3].map(listed);
    let mut scene = scene(&[]);
    scene.lists = [vec![alive, end_missed, end_seen], vec![alive]].into();
    scene.ended = vec![end_seen.cookie];
    let (diary, _) = scene.run(after(1_000)).await;
    let older = diary.times(|event| *event == Event::Older(2));
    assert_eq!(older.len(), 1, "{:?}", diary.last());
}

#[tokio::test(start_paused = true)]
async fn records_are_shown_while_nobody_lists_the_older_connections() {
    let mut scene = scene(&[(100, 1)]);
    scene.lists = [Vec::new()].into();
    scene.silent = true;
    let (diary, _) = scene.run(after(3_000)).await;
    let shown = diary.times(|event| *event == Event::Shown);
    assert!(shown[0] < Duration::from_secs(1), "{shown:?}");
}
