// SPDX-License-Identifier: MIT
//! Several segments as the bytes of one recording, with what is missing said in it: whatever
//! reads a recording reads this.

use std::{
    cell::RefCell,
    collections::HashSet,
    io::{self, Read},
    ops::ControlFlow,
    rc::Rc,
};

use zerocopy::IntoBytes;
use zkchurn_common::record::{ConnectionRecord, SIDE_OPENED, known};

use super::{
    ahead::{self, AHEAD_NS},
    open::OpenOnes,
    other_ends::OtherEnds,
    plan::{Joint, Plan, Step, second},
};
use crate::{
    clock::ClockPair,
    connection::Stage,
    decode::{self, Record},
    frame::{Frame, Limitation, LossCounts, Mark, Missing, TraceStart},
    handshake::piece::Piece,
    recording::{
        reader::{Damage, OpenError, Place, Reader},
        writer::Writer,
    },
    sides::Sides,
    text,
};

/// What was wrong with the segments that were read so far.
#[derive(Debug, Default)]
pub struct Trouble {
    /// By the place of the segment among the starts that were given.
    pub segments: Vec<(usize, Wrong)>,
    /// Whether segments are missing, or have no end where the next one begins.
    pub is_incomplete: bool,
    /// Whether the last one has its end.
    pub has_end: bool,
}

/// What is wrong with a segment.
#[derive(Debug)]
pub enum Wrong {
    /// It cannot be read.
    Unreadable(OpenError),
    /// A stretch of it.
    Damaged(Damage),
    /// So many more stretches.
    MoreDamages(u64),
    /// Frames that only a newer zkchurn knows.
    UnknownFrames(u64),
}

/// Reads segments one after the other. `O` opens the one at a place among the starts that
/// the plan was made from.
pub struct Joined<R, O> {
    open: O,
    plan: Plan,
    next: usize,
    reader: Option<Reader<R>>,
    state: State,
    trouble: Rc<RefCell<Trouble>>,
    out: Writer<Vec<u8>>,
    taken: usize,
    is_done: bool,
    /// Those that may end anywhere, by their place.
    unfinished: HashSet<usize>,
    /// What was wrong with the segment when the window ended: what comes behind is not asked for.
    wrong_by_end: Option<WrongByEnd>,
}

/// How much was wrong with a segment.
#[derive(Clone, Copy, Debug, Default)]
struct WrongByEnd {
    damages: usize,
    more: u64,
    unknown_frames: u64,
}

impl<R: Read, O: FnMut(usize) -> io::Result<R>> Joined<R, O> {
    /// Nothing is opened yet.
    pub fn new(plan: Plan, open: O) -> Self {
        // Memory takes all.
        let mut out = Writer::in_memory();
        let _ = out.write(Frame::Start(&plan.start));
        let mut state = State::new(&plan);
        for note in &plan.notes {
            state.say(note, &mut out);
        }
        if let Some(sentence) = &plan.left_out {
            let limitation = Limitation::of_who(sentence.clone());
            state.write(Frame::Limitation(&limitation), &mut out);
        }
        Self {
            open,
            plan,
            next: 0,
            reader: None,
            state,
            trouble: Rc::default(),
            out,
            taken: 0,
            is_done: false,
            unfinished: HashSet::new(),
            wrong_by_end: None,
        }
    }

    /// Some are being written, or their recorder was killed: that such a one ends within a frame
    /// is no damage.
    #[must_use]
    pub fn with_unfinished(mut self, unfinished: HashSet<usize>) -> Self {
        self.unfinished = unfinished;
        self
    }

    /// What was wrong, as far as it was read; filled in as it is read on.
    pub fn trouble(&self) -> Rc<RefCell<Trouble>> {
        Rc::clone(&self.trouble)
    }

    /// Makes more bytes, or comes to the end.
    fn go_on(&mut self) -> io::Result<()> {
        let Some(reader) = &mut self.reader else {
            return self.begin_next();
        };
        let (state, out) = (&mut self.state, &mut self.out);
        let taken = reader.next_of_segment(|frame, is_carried| state.take(frame, is_carried, out));
        if state.is_ahead && self.wrong_by_end.is_none() {
            let (damages, more) = reader.damages();
            self.wrong_by_end = Some(WrongByEnd {
                damages: damages.len(),
                more,
                unknown_frames: reader.unknown_frames(),
            });
        }
        match taken? {
            Some(ControlFlow::Continue(())) => {}
            Some(ControlFlow::Break(())) => {
                self.end_segment();
                self.finish();
            }
            None => self.end_segment(),
        }
        Ok(())
    }

    fn begin_next(&mut self) -> io::Result<()> {
        let Some(step) = self.plan.step(self.next) else {
            self.finish();
            return Ok(());
        };
        self.next += 1;
        if self.state.is_ahead {
            self.wrong_by_end = Some(WrongByEnd::default());
        }
        let reader = (self.open)(step.index).map_err(OpenError::Io);
        match reader.and_then(Reader::new) {
            Ok(reader) => {
                self.reader = Some(reader);
                let following = self.plan.step(self.next).map(|next| next.joint);
                self.state.begin_segment(step, following);
            }
            // What was there when the window ended is known as far as it was read.
            Err(_) if self.state.is_ahead => self.finish(),
            Err(error) => {
                // What comes behind it does not go on where the one before ends.
                self.state.is_interrupted = true;
                self.trouble
                    .borrow_mut()
                    .segments
                    .push((step.index, Wrong::Unreadable(error)));
            }
        }
        Ok(())
    }

    fn end_segment(&mut self) {
        let (Some(reader), Some(step)) = (
            self.reader.take(),
            self.next.checked_sub(1).and_then(|at| self.plan.step(at)),
        ) else {
            return;
        };
        let mut trouble = self.trouble.borrow_mut();
        let index = step.index;
        let (damages, left_out) = reader.damages();
        let by_end = self.wrong_by_end.unwrap_or(WrongByEnd {
            damages: damages.len(),
            more: left_out,
            unknown_frames: reader.unknown_frames(),
        });
        let damages = &damages[..by_end.damages.min(damages.len())];
        // What is missing at the end of another one is said before the next one.
        let is_last = self.next == self.plan.steps.len();
        let tail = damages.iter().find(|one| one.place == Place::Tail);
        if let Some(tail) = tail.filter(|_| is_last && !self.unfinished.contains(&index)) {
            let limitation = Limitation::of_damage(tail.in_report());
            self.state
                .write(Frame::Limitation(&limitation), &mut self.out);
        }
        let (left_out, newer) = (by_end.more, by_end.unknown_frames);
        let damages = damages.iter().map(|one| Wrong::Damaged(*one));
        let more = (left_out > 0).then_some(Wrong::MoreDamages(left_out));
        let newer = (newer > 0).then_some(Wrong::UnknownFrames(newer));
        let all = damages.chain(more).chain(newer);
        trouble.segments.extend(all.map(|wrong| (index, wrong)));
        self.state.end_segment();
    }

    fn finish(&mut self) {
        if self.is_done {
            return;
        }
        self.is_done = true;
        self.reader = None;
        self.state.finish(&mut self.out);
        let mut trouble = self.trouble.borrow_mut();
        trouble.has_end = self.state.has_end;
        trouble.is_incomplete |= self.state.is_incomplete;
    }
}

impl<R: Read, O: FnMut(usize) -> io::Result<R>> Read for Joined<R, O> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        while self.taken == self.out.get_ref().len() && !self.is_done {
            self.out.get_mut().clear();
            self.taken = 0;
            self.go_on()?;
        }
        let rest = &self.out.get_ref()[self.taken..];
        let length = rest.len().min(to.len());
        to[..length].copy_from_slice(&rest[..length]);
        self.taken += length;
        Ok(length)
    }
}

/// Limitations that are remembered: a report has fewer.
const MOST_LIMITATIONS: usize = 256;
/// After so long a run has found the connections that are older, where its marks do not say
/// whether it has: its lists take 14 s at most.
const OLDER_FOUND_NS: u64 = 15_000_000_000;

/// Where the joined trace stands.
struct State {
    /// By which moments are named.
    clock: ClockPair,
    since_ns: u64,
    until_ns: u64,
    open: OpenOnes,
    /// What was over before the window at one end only, where both are traced.
    other_ends: Option<OtherEnds>,
    /// Whether the window has begun.
    has_begun: bool,
    has_segment: bool,
    joint: Option<Joint>,
    /// Whether another run follows on this one.
    run_follows: bool,
    /// Whether what is carried over is to be compared with what is known.
    crosses_gap: bool,
    /// When the run began, or what comes behind a gap, and whether all that was open then
    /// is told of.
    stretch_ns: u64,
    tells_of_open: bool,
    /// How many that were open then had no room in the head of its segment.
    open_left_out: u64,
    /// Whether a run begins the stretch, and what its last mark says of those that are older.
    is_new_run: bool,
    /// What that traces.
    traced: Option<TraceStart>,
    older_told: Option<bool>,
    /// Whether a part of the segment before could not be read, in which connections may have
    /// ended.
    is_damaged: bool,
    /// What is missing before the segment could not be read.
    is_interrupted: bool,
    has_end: bool,
    /// Whether there is more behind the window, and how what was not read begins.
    goes_on: bool,
    following: Option<(Joint, TraceStart)>,
    /// Whether something that was read is later than the window.
    is_past_window: bool,
    /// Whether it is read only for what was open when the window ended.
    is_ahead: bool,
    is_incomplete: bool,
    limitations: HashSet<String>,
    /// The latest moment of all.
    latest_ns: u64,
    /// What was lost in runs before this one, what had been lost in this one when the
    /// window began, and since.
    before: LossCounts,
    base: LossCounts,
    now: LossCounts,
}

type Out = Writer<Vec<u8>>;

impl State {
    fn new(plan: &Plan) -> Self {
        Self {
            clock: plan.start.clock,
            since_ns: plan.span.since_ns.unwrap_or(0),
            until_ns: plan.span.until_ns.unwrap_or(u64::MAX),
            open: OpenOnes::default(),
            other_ends: (plan.start.side == Sides::Both).then(OtherEnds::default),
            has_begun: false,
            has_segment: false,
            joint: None,
            run_follows: false,
            crosses_gap: false,
            stretch_ns: 0,
            tells_of_open: true,
            open_left_out: 0,
            is_new_run: false,
            traced: None,
            older_told: None,
            is_damaged: false,
            is_interrupted: false,
            has_end: false,
            goes_on: plan.goes_on,
            following: plan.following.clone(),
            is_past_window: false,
            is_ahead: false,
            is_incomplete: false,
            limitations: HashSet::new(),
            latest_ns: 0,
            before: LossCounts::default(),
            base: LossCounts::default(),
            now: LossCounts::default(),
        }
    }

    fn begin_segment(&mut self, step: Step, following: Option<Joint>) {
        self.joint = Some(step.joint);
        self.run_follows = matches!(following, Some(Joint::Run | Joint::Part));
    }

    fn end_segment(&mut self) {
        self.crosses_gap = false;
    }

    fn take(&mut self, frame: Frame<'_>, is_carried: bool, out: &mut Out) -> ControlFlow<()> {
        let is_damage = matches!(frame, Frame::Limitation(one) if one.missing.damaged_parts > 0);
        // What is carried over is behind it, or was in it.
        if self.crosses_gap && is_damage {
            self.tells_of_open = false;
        } else if !is_carried && self.crosses_gap && !matches!(frame, Frame::Start(_)) {
            self.crosses_gap = false;
            self.end_those_gone(out);
        }
        match frame {
            Frame::Start(start) => return self.begin(start, out),
            Frame::Record(bytes) => self.record(bytes, is_carried, out),
            Frame::Process(_) => self.write(frame, out),
            Frame::Inspection(look) => {
                if look.at_ns <= self.until_ns && (!is_carried || self.wants_carried()) {
                    self.write(frame, out);
                }
            }
            Frame::Limitation(_) | Frame::Elsewhere(_) if self.is_ahead => {}
            Frame::Limitation(limitation) => {
                if !is_carried {
                    self.is_damaged |= limitation.missing.damaged_parts > 0;
                    self.note(&limitation.sentence);
                    self.write(frame, out);
                } else if self.wants_carried() {
                    self.say(&limitation.sentence, out);
                }
            }
            Frame::Elsewhere(_) => {
                if self.has_begun {
                    self.write(frame, out);
                }
            }
            Frame::TimeWait(snapshot) => {
                if !self.run_follows && snapshot.at_ns <= self.until_ns {
                    self.write(frame, out);
                }
            }
            Frame::Interval(mark) => return self.interval(mark, out),
            Frame::End(mark) => {
                if !self.is_ahead {
                    self.lose(mark);
                }
                self.has_end = true;
                self.latest_ns = self.latest_ns.max(mark.monotonic_ns.min(self.until_ns));
                if mark.monotonic_ns > self.until_ns {
                    return self.look_ahead(mark.monotonic_ns);
                }
            }
        }
        ControlFlow::Continue(())
    }

    /// Whether what is carried over tells something that was not read.
    fn wants_carried(&self) -> bool {
        self.joint == Some(Joint::First) || self.crosses_gap
    }

    fn begin(&mut self, start: &TraceStart, out: &mut Out) -> ControlFlow<()> {
        let begin_ns = start.clock.monotonic_ns;
        if self.has_segment && begin_ns > self.until_ns {
            return match self.joint_to(self.joint, start) {
                Joint::Continues => self.look_ahead(begin_ns),
                Joint::First | Joint::Missing(_) | Joint::Run | Joint::Part => {
                    ControlFlow::Break(())
                }
            };
        }
        let loss = start.part.map_or(LossCounts::default(), |part| part.loss);
        let joint = self.joint_to(self.joint, start);
        self.has_segment = true;
        self.is_interrupted = false;
        self.joint = Some(joint);
        match joint {
            Joint::First => {
                self.base = loss;
                self.now = loss;
                if begin_ns >= self.since_ns {
                    self.has_begun = true;
                }
            }
            Joint::Continues if self.is_damaged => self.begin_stretch(start, out),
            Joint::Continues => {}
            Joint::Missing(_) | Joint::Run | Joint::Part => self.cross(joint, start, out),
        }
        self.is_damaged = false;
        self.has_end = false;
        self.latest_ns = self.latest_ns.max(begin_ns);
        ControlFlow::Continue(())
    }

    /// How a segment follows on what was read.
    fn joint_to(&self, joint: Option<Joint>, start: &TraceStart) -> Joint {
        match joint {
            // What should be the first could not be read.
            _ if !self.has_segment => Joint::First,
            Some(Joint::Continues)
                if !self.has_end
                    || self.is_interrupted
                    || start.part.is_some_and(|part| part.frames_lost > 0) =>
            {
                Joint::Missing(0)
            }
            Some(joint) => joint,
            None => Joint::First,
        }
    }

    fn pass_window(&mut self) {
        self.goes_on = true;
        self.is_past_window = true;
    }

    /// From now on only what was open when the window ended is looked for, until so long after it.
    fn look_ahead(&mut self, now_ns: u64) -> ControlFlow<()> {
        self.pass_window();
        self.is_ahead = true;
        match now_ns.saturating_sub(self.until_ns) <= AHEAD_NS {
            true => ControlFlow::Continue(()),
            false => ControlFlow::Break(()),
        }
    }

    /// Something is missing before the segment.
    fn cross(&mut self, joint: Joint, start: &TraceStart, out: &mut Out) {
        let to_ns = start.clock.monotonic_ns;
        let goes_on = joint == Joint::Part && to_ns <= self.latest_ns;
        if goes_on {
            // Nothing is missing between two parts of a recording that meet.
        } else if to_ns >= self.since_ns {
            self.say_missing(joint, start, out);
        } else {
            self.is_incomplete |= is_damage(joint, start);
        }
        if matches!(joint, Joint::Run | Joint::Part) {
            self.before = self.before.and(&self.now.since(&self.base));
            self.base = LossCounts::default();
            self.now = LossCounts::default();
        }
        if goes_on {
            return;
        }
        self.begin_stretch(start, out);
        // What was cut out tells at its beginning, too, what was open then.
        self.is_new_run = matches!(joint, Joint::Run | Joint::Part);
        self.traced = Some(start.clone());
    }

    /// Something may have ended before the segment unseen.
    fn begin_stretch(&mut self, start: &TraceStart, out: &mut Out) {
        self.settle(out);
        self.open.begin_stretch();
        self.stretch_ns = start.clock.monotonic_ns;
        self.is_new_run = false;
        self.older_told = None;
        self.open_left_out = start.part.map_or(0, |part| part.open_left_out);
        self.tells_of_open = self.open_left_out == 0;
        // A run that found them itself tells of them as it goes on.
        self.crosses_gap = start.part.is_some_and(|part| part.begins_later);
    }

    /// Says what is missing before a segment that begins like this.
    fn say_missing(&mut self, joint: Joint, start: &TraceStart, out: &mut Out) {
        let to_ns = start.clock.monotonic_ns;
        // A killed recorder's last mark may be later than its successor's start.
        let from_ns = self.latest_ns.min(to_ns);
        let [from, to] = [from_ns, to_ns].map(|ns| second(self.clock.timestamp(ns)));
        let between = match from == to {
            true => format!("for {} at {from}", text::duration(to_ns - from_ns)),
            false => format!("from {from} to {to}"),
        };
        self.is_incomplete |= is_damage(joint, start);
        let sentence = match (joint, frames_lost(start)) {
            (Joint::Run, _) => {
                format!("nothing was recorded {between}: the recorder was not running")
            }
            (Joint::Part, _) => {
                format!("what was recorded {between} is not among these parts of the recording")
            }
            (_, lost @ 1..) => format!(
                "{} {between} not recorded: the disk was full, or too slow",
                text::counted(lost, "record")
            ),
            (Joint::Missing(count @ 1..), _) => format!(
                "{} missing {between}: what happened then is not in this report",
                text::counted(count, "segment")
            ),
            _ => format!(
                "a part of the recording {between} cannot be read: what happened \
                 then is not in this report"
            ),
        };
        let missing = match frames_lost(start) {
            lost @ 1.. if matches!(joint, Joint::Missing(_)) => Missing {
                records_missing: lost,
                ..Missing::default()
            },
            _ => Missing {
                gaps: 1,
                ..Missing::default()
            },
        };
        // It is counted even where two of them would be said alike.
        let limitation = Limitation {
            missing,
            ..Limitation::of(sentence)
        };
        self.write(Frame::Limitation(&limitation), out);
    }

    /// A gap in which the window ends is known by what comes behind it.
    fn say_what_is_missing_at_the_end(&mut self, out: &mut Out) {
        let Some((joint, start)) = self.following.take() else {
            return;
        };
        let joint = self.joint_to(Some(joint), &start);
        let is_gap = matches!(joint, Joint::Run | Joint::Part | Joint::Missing(_));
        if is_gap && !self.is_past_window && self.latest_ns < self.until_ns {
            self.say_missing(joint, &start, out);
        }
    }

    fn record(&mut self, bytes: &[u8], is_carried: bool, out: &mut Out) {
        let record = match decode::read(bytes) {
            Ok(Record::Connection(record)) => record,
            Ok(Record::Handshake(record)) => {
                let at_ns = Piece::of(&record).map_or(self.latest_ns, |piece| piece.at_ns);
                if at_ns >= self.since_ns && at_ns <= self.until_ns {
                    self.write(Frame::Record(bytes), out);
                }
                return;
            }
            Ok(Record::Unknown(_)) | Err(_) if self.is_ahead => return,
            // What cannot be read is counted as such.
            Ok(Record::Unknown(_)) | Err(_) => return self.write(Frame::Record(bytes), out),
        };
        let Ok(connection) = decode::decode(&record) else {
            return self.write(Frame::Record(bytes), out);
        };
        let at_ns = ahead::last_moment_ns(&record, &connection);
        if at_ns > self.until_ns {
            self.pass_window();
            if !is_carried && connection.started_ns < self.until_ns {
                self.open_at_the_end(record, out);
            }
            return;
        }
        if is_carried {
            return self.carried(record, out);
        }
        self.latest_ns = self.latest_ns.max(at_ns);
        if at_ns >= self.since_ns {
            self.begin_window(out);
        }
        let is_before = at_ns < self.since_ns;
        if let (true, Some(ends)) = (is_before, &mut self.other_ends) {
            ends.take(&connection);
        }
        let Some(record) = self.open.pass(record, self.run_follows) else {
            return;
        };
        // Before the window only what stays open counts, and that when it begins.
        if self.has_begun && !(is_before && connection.stage == Stage::Ended) {
            self.write_record(&record, out);
        }
    }

    /// Takes what a later record says of a connection that was open when the window ended.
    fn open_at_the_end(&mut self, record: ConnectionRecord, out: &mut Out) {
        let record = ahead::as_of(record, self.until_ns);
        if self.open.tells_more(&record) {
            self.begin_window(out);
            if let Some(record) = self.open.pass(record, false) {
                self.write_record(&record, out);
            }
        }
    }

    fn carried(&mut self, record: ConnectionRecord, out: &mut Out) {
        let record = match self.joint {
            Some(Joint::Continues) if !self.crosses_gap => None,
            Some(Joint::First) => self.open.pass(record, true),
            _ => self.open.pass_over_gap(record),
        };
        if let Some(record) = record
            && self.has_begun
        {
            self.write_record(&record, out);
        }
    }

    fn begin_window(&mut self, out: &mut Out) {
        if !self.has_begun {
            self.has_begun = true;
            for record in self.open.all() {
                self.write_record(&record, out);
            }
        }
    }

    fn interval(&mut self, mark: &Mark, out: &mut Out) -> ControlFlow<()> {
        if mark.monotonic_ns > self.until_ns {
            // What is older is told of as of the run's begin, so that all of it was read.
            self.older_told = mark.older_told;
            return self.look_ahead(mark.monotonic_ns);
        }
        self.latest_ns = self.latest_ns.max(mark.monotonic_ns);
        if mark.monotonic_ns < self.since_ns {
            self.lose(mark);
            return ControlFlow::Continue(());
        }
        self.begin_window(out);
        self.lose(mark);
        self.settle(out);
        let mark = Mark {
            loss: self.loss(),
            ..*mark
        };
        self.write(Frame::Interval(&mark), out);
        ControlFlow::Continue(())
    }

    fn lose(&mut self, mark: &Mark) {
        if mark.monotonic_ns < self.since_ns {
            self.base = mark.loss;
        }
        self.now = mark.loss;
        self.older_told = mark.older_told;
    }

    fn loss(&self) -> LossCounts {
        self.now.since(&self.base).and(&self.before)
    }

    /// What a run has not found again by now was over when it began.
    fn settle(&mut self, out: &mut Out) {
        let has_found_all = match self.older_told {
            Some(all) => all,
            None => self.latest_ns.saturating_sub(self.stretch_ns) >= OLDER_FOUND_NS,
        };
        if self.is_new_run && has_found_all {
            self.end_those_gone(out);
        }
    }

    fn end_those_gone(&mut self, out: &mut Out) {
        if !self.tells_of_open {
            return;
        }
        let over_ns = self.stretch_ns.max(self.since_ns);
        let traced = self.traced.as_ref().filter(|_| self.is_new_run);
        let gone = self.open.take_gone(over_ns, |record| {
            traced.is_none_or(|start| is_traced(start, record))
        });
        // By the socket's address another run does not find a connection again.
        let without = gone.iter();
        let without = without.filter(|record| record.known & known::COOKIE == 0);
        let doubtful = match self.is_new_run {
            true => without.count(),
            false => 0,
        };
        self.end_unseen(&gone, out);
        self.say_doubtful(doubtful, "without socket cookies nothing tells", out);
    }

    /// What nobody has told of again, though it was not known in time what is still open: it is
    /// neither open for ever nor proof of a leak.
    fn end_those_unknown(&mut self, out: &mut Out) {
        let unknown = self.open.count_not_told() as u64;
        // As many were too many to be repeated.
        if unknown <= self.open_left_out {
            return;
        }
        let over_ns = self.stretch_ns.max(self.since_ns);
        let gone = self.open.take_gone(over_ns, |_| true);
        self.end_unseen(&gone, out);
        let traced = self.traced.as_ref();
        let is_something_else =
            traced.is_some_and(|start| !gone.iter().any(|record| is_traced(start, record)));
        let why = match self.is_new_run {
            true if is_something_else => "what was traced from then on is something else",
            true => "the recorder had not listed all connections again by then, which would tell",
            false => "what was recorded behind the gap does not tell",
        };
        self.say_doubtful(gone.len(), why, out);
    }

    fn end_unseen(&mut self, gone: &[ConnectionRecord], out: &mut Out) {
        for record in gone.iter().filter(|_| self.has_begun) {
            self.write_record(record, out);
        }
    }

    /// Says of how many that are counted as ended it is not known.
    fn say_doubtful(&mut self, count: usize, why: &str, out: &mut Out) {
        if count == 0 || !self.has_begun {
            return;
        }
        let at = second(self.clock.timestamp(self.stretch_ns));
        let (were, they) = match count {
            1 => ("was", "it is"),
            _ => ("were", "they are"),
        };
        let sentence = format!(
            "{} {were} open before {at}, when recording went on: whether any still is, is unknown \
             ({why}); {they} counted as ended, unseen",
            text::counted(count as u64, "connection"),
        );
        self.say(&sentence, out);
    }

    fn finish(&mut self, out: &mut Out) {
        self.begin_window(out);
        self.settle(out);
        self.end_those_unknown(out);
        self.say_what_is_missing_at_the_end(out);
        let (is_past_window, until_ns) = (self.is_past_window, self.until_ns);
        let at_end = match (is_past_window, self.has_end) {
            (true, _) => self.open.at_end(until_ns),
            (false, true) => Vec::new(),
            // It runs, or was killed: what is open is so as far as is known, but who holds what
            // the other side has closed may hold it for ever.
            (false, false) => self.open.half_closed_at_end(self.latest_ns),
        };
        for record in at_end {
            self.write_record(&record, out);
        }
        let until_ns = match self.goes_on {
            true => self.until_ns,
            false => self.latest_ns,
        };
        let mark = Mark {
            monotonic_ns: until_ns.max(self.since_ns),
            loss: self.loss(),
            older_told: self.older_told,
        };
        self.write(Frame::End(&mark), out);
    }

    /// Whether a limitation is new.
    fn note(&mut self, sentence: &str) -> bool {
        let has_room = self.limitations.len() < MOST_LIMITATIONS;
        has_room && self.limitations.insert(sentence.to_owned())
    }

    fn say(&mut self, sentence: &str, out: &mut Out) {
        if self.note(sentence) {
            let limitation = Limitation::of(sentence.to_owned());
            self.write(Frame::Limitation(&limitation), out);
        }
    }

    fn write_record(&self, record: &ConnectionRecord, out: &mut Out) {
        let is_told = self.other_ends.as_ref().is_some_and(|ends| {
            decode::decode(record).is_ok_and(|connection| ends.is_told(&connection))
        });
        if is_told {
            return;
        }
        self.write(Frame::Record(record.as_bytes()), out);
    }

    /// Memory takes all, and what was read is not too long to be written. What an earlier
    /// version has recorded may have secrets that this one hides.
    fn write(&self, frame: Frame<'_>, out: &mut Out) {
        let _ = frame.without_secrets(|frame| out.write(frame));
    }
}

fn frames_lost(start: &TraceStart) -> u64 {
    start.part.map_or(0, |part| part.frames_lost)
}

/// Whether what is missing before a segment was recorded once.
fn is_damage(joint: Joint, start: &TraceStart) -> bool {
    matches!(joint, Joint::Missing(_)) && frames_lost(start) == 0
}

/// Whether a trace like this tells of a connection that is older.
fn is_traced(start: &TraceStart, record: &ConnectionRecord) -> bool {
    let (sides, port) = match record.side {
        SIDE_OPENED => (Sides::Client, record.remote_port),
        _ => (Sides::Server, record.local_port),
    };
    let mut pids = start.pid.iter().chain(&start.pids).peekable();
    (start.side == Sides::Both || start.side == sides)
        && start.ports.contains(&u16::from_be_bytes(port))
        && (pids.peek().is_none() || pids.any(|pid| *pid == record.opener_tgid))
}
