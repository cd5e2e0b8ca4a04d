// SPDX-License-Identifier: MIT
//! Frames in, rendered lines and a report out. Live traces and replays run
//! exactly this.

use std::{borrow::Cow, collections::HashSet, io};

use zkchurn_common::record::ConnectionRecord;

use crate::{
    clock::{ClockPair, rfc3339},
    connection::{Connection, Stage},
    counted::Counted,
    decode::{self, Record},
    diagnose::{Beside, Depth, Window, diagnose},
    elsewhere::Elsewhere,
    ends::{End, Ends},
    filter::{Decision, Filter, Gate, Passage, Subject, as_first},
    frame::{Frame, Limitation, Mark, Missing, Part, Sides, TraceStart},
    handshake::{join::Pending, piece::Piece},
    held_now::HeldNow,
    horizon::Horizon,
    inspection::Inspection,
    ledger::{Churning, Ledger},
    open_now::{OpenKept, OpenNow},
    outcome::Outcome,
    process::{ProcessIdentity, ProcessKey},
    redact::Redactor,
    registry::Registry,
    render::{ConnectionLine, ElsewhereLine, Renderer},
    report::{
        self, Busiest, IntervalSummary, Lead, Leading, Loss, Report, Sources,
        family::{self, FamilyRow},
    },
    tape::{Kept, Tape},
    text,
    timewait::{
        Snapshot,
        owners::Owners,
        table::{Scope, TimeWait, UNFILTERED},
    },
};

/// What is diagnosed while a trace goes on: records wait meanwhile, and each case takes
/// tens of microseconds (docs/measurements/report-cost.md).
const ON_THE_WAY: Depth = Depth::Busiest(64);

/// The state of one trace.
pub struct Pipeline<R> {
    renderer: R,
    view: View,
    start: Option<TraceStart>,
    registry: Registry,
    redactor: Option<Box<Redactor>>,
    gate: Option<Gate>,
    counted: Counted,
    /// Where the filter depends on closer looks: what it has not filtered out for good, of
    /// which it is decided whom to look at.
    undecided: Option<Box<Counted>>,
    /// What the filter has left out for good, which findings may know of.
    beside: Option<Box<Counted>>,
    /// Which of them are open; `None` where another pipeline counts them until this one takes
    /// its place.
    open: Option<OpenNow>,
    /// Of those that are counted, which this side holds though the other one has closed.
    held: HeldNow,
    /// Their last records, where a filter may be typed.
    open_kept: Option<Box<OpenKept>>,
    /// Latest moment of any connection, filtered out or not.
    latest_ns: u64,
    owners: Owners,
    time_wait: Option<TimeWait>,
    /// Whether the next snapshot continues `time_wait`.
    time_wait_continues: bool,
    handshakes: Pending,
    undecodable_records: u64,
    unknown_records: u64,
    limitations: Vec<String>,
    /// The one of them that says who is missing.
    who_is_missing: Option<String>,
    missing: Missing,
    elsewhere: Option<Elsewhere>,
    found_closed: u64,
    /// Where both sides are traced.
    ends: Option<Ends>,
    /// Where the trace is a part of a longer one.
    horizon: Option<Horizon>,
    interval: IntervalStart,
    lead: Lead,
    report: Option<Report>,
}

/// Most limitations that are kept: a trace makes few, a recording may hold anything.
const MOST_LIMITATIONS: usize = 64;

/// Bytes of one that are kept, likewise: wrapping a megabyte takes minutes.
const LONGEST_LIMITATION: usize = 2_000;

/// What of the trace is wanted in the report.
#[derive(Clone, Copy, Debug)]
pub struct View {
    /// Most flows, and threads of each.
    pub top: usize,
    /// Whether TIME_WAIT sockets are wanted one by one.
    pub time_wait_rows: bool,
}

/// Where the running interval began.
#[derive(Clone, Copy, Debug, Default)]
struct IntervalStart {
    monotonic_ns: u64,
    opened: u64,
    ended: u64,
    filtered_out: u64,
}

impl<R: Renderer> Pipeline<R> {
    /// A pipeline that renders with `renderer`.
    pub fn new(renderer: R, view: View) -> Self {
        Self {
            renderer,
            view,
            start: None,
            registry: Registry::default(),
            redactor: None,
            gate: None,
            counted: Counted::default(),
            undecided: None,
            beside: None,
            open: Some(OpenNow::default()),
            held: HeldNow::default(),
            open_kept: None,
            latest_ns: 0,
            owners: Owners::default(),
            time_wait: None,
            time_wait_continues: false,
            handshakes: Pending::default(),
            undecodable_records: 0,
            unknown_records: 0,
            limitations: Vec::new(),
            who_is_missing: None,
            missing: Missing::default(),
            elsewhere: None,
            found_closed: 0,
            ends: None,
            horizon: None,
            interval: IntervalStart::default(),
            lead: Lead::default(),
            report: None,
        }
    }

    /// Has only those connections counted and shown that the filter selects, and only those
    /// findings reported. For before the first frame.
    #[must_use]
    pub fn with_filter(mut self, filter: Option<Filter>) -> Self {
        let depends_on_a_look = filter.as_ref().is_some_and(Filter::depends_on_a_look);
        self.undecided = depends_on_a_look.then(Box::default);
        let leaves_out = filter.as_ref().is_some_and(Filter::selects_connections);
        self.beside = leaves_out.then(Box::default);
        self.gate = filter.map(Gate::new);
        self
    }

    /// Has hosts, addresses, users, paths and command lines replaced by other names. For before
    /// the first frame; a filter then selects by the other names.
    #[must_use]
    pub fn redacted(mut self, redactor: Option<Redactor>) -> Self {
        self.redactor = redactor.map(Box::new);
        self
    }

    /// Who gave the other names, for another trace that is to have the same ones.
    pub fn take_redactor(&mut self) -> Option<Redactor> {
        self.redactor.take().map(|redactor| *redactor)
    }

    /// Has the last record of each open connection kept, for [`Self::selecting`]. For before the
    /// first frame.
    #[must_use]
    pub fn keeping_open(mut self) -> Self {
        self.open_kept = Some(Box::default());
        self
    }

    /// Whether so many are open that a further one's is not kept.
    pub fn keeps_open_in_part(&self) -> bool {
        self.open_kept.as_ref().is_some_and(|kept| kept.is_full())
    }

    /// The same trace from here on through `renderer`, as far as `filter` selects it beside the
    /// filter of this pipeline: with all that is known of processes. Of the connections that
    /// came before, those that `kept` has count, and those that are open; the rest is gone.
    ///
    /// # Errors
    ///
    /// What the renderer's output fails with.
    pub fn selecting<S: Renderer>(
        &self,
        filter: Filter,
        kept: &Tape,
        renderer: S,
    ) -> io::Result<Pipeline<S>> {
        let filter = match &self.gate {
            Some(gate) => gate.filter().clone().and(filter),
            None => filter,
        };
        let mut selecting = Pipeline::new(renderer, self.view).with_filter(Some(filter));
        let Some(start) = &self.start else {
            return Ok(selecting);
        };
        selecting.begin(start)?;
        selecting.registry = self.registry.clone();
        selecting.time_wait.clone_from(&self.time_wait);
        selecting.limitations.clone_from(&self.limitations);
        selecting.missing = self.missing;
        selecting.elsewhere.clone_from(&self.elsewhere);
        selecting.undecodable_records = self.undecodable_records;
        selecting.unknown_records = self.unknown_records;
        for kept in kept.in_order() {
            selecting.take(kept.connection, start.clock)?;
        }
        let open = self.open_kept.iter().flat_map(|open| open.in_order());
        for connection in open {
            selecting.take(as_first(connection), start.clock)?;
        }
        // It goes on with the ends that have met, and with those that wait.
        selecting.ends.clone_from(&self.ends);
        Ok(selecting)
    }

    /// The same trace from `clock` on, with nothing counted: what began before is older to its
    /// report, and what had been lost by `mark` is not lost. Each connection is shown as the whole
    /// trace saw it. What is known of processes stays known, and what is open is known once it
    /// takes the place of this one.
    ///
    /// # Errors
    ///
    /// What the renderer's output fails with.
    pub fn anew<S: Renderer>(
        &self,
        clock: ClockPair,
        mark: &Mark,
        renderer: S,
    ) -> io::Result<Pipeline<S>> {
        let filter = self.gate.as_ref().map(|gate| gate.filter().clone());
        let mut anew = Pipeline::new(renderer, self.view).with_filter(filter);
        let Some(start) = &self.start else {
            return Ok(anew);
        };
        anew.begin(&TraceStart {
            clock,
            part: Some(Part {
                begins_later: true,
                loss: mark.loss,
                ..Part::default()
            }),
            ..start.clone()
        })?;
        // Its report is about what began later; its lines are not.
        anew.horizon = None;
        anew.counted.begin_at(clock.monotonic_ns);
        for others in [&mut anew.undecided, &mut anew.beside]
            .into_iter()
            .flatten()
        {
            others.begin_at(clock.monotonic_ns);
        }
        anew.open = None;
        anew.registry = self.registry.clone();
        anew.limitations.clone_from(&self.limitations);
        anew.missing = self.missing;
        Ok(anew)
    }

    /// Takes the place of `earlier`, which has seen all that this one has: writes to what that
    /// wrote to, and goes on with what is open.
    pub fn take_over(&mut self, earlier: &mut Self) {
        std::mem::swap(&mut self.renderer, &mut earlier.renderer);
        self.open = earlier.open.take();
        self.held = std::mem::take(&mut earlier.held);
    }

    /// How many connections are open or connecting, whenever they began: also before the trace.
    pub fn open_now(&self) -> u64 {
        self.open.as_ref().map_or(0, OpenNow::count)
    }

    /// How many of them are established: what a server that does not answer keeps waiting is no
    /// leak.
    pub fn established_now(&self) -> u64 {
        self.open.as_ref().map_or(0, OpenNow::established)
    }

    /// These sockets are there no more, and the record of their end is lost.
    pub fn forget_open(&mut self, sockets: &[u64]) {
        if let Some(open) = &mut self.open {
            open.forget(sockets);
        }
        self.held.forget(sockets);
        if let Some(kept) = &mut self.open_kept {
            kept.forget(sockets);
        }
    }

    /// Takes the next frame. Frames before the start are left out: without it
    /// there is no clock.
    ///
    /// # Errors
    ///
    /// What the renderer's output fails with.
    pub fn accept(&mut self, frame: Frame<'_>) -> io::Result<()> {
        match frame {
            // Its names are hidden as it is decoded.
            Frame::Record(_) => self.accept_redacted(frame),
            frame => frame.without_secrets(|frame| self.accept_redacted(frame)),
        }
    }

    fn accept_redacted(&mut self, frame: Frame<'_>) -> io::Result<()> {
        match self.redactor.take() {
            None => self.accept_as_it_is(frame),
            Some(mut redactor) => {
                let accepted = redactor.frame(frame, |frame| self.accept_as_it_is(frame));
                self.redactor = Some(redactor);
                accepted
            }
        }
    }

    fn accept_as_it_is(&mut self, frame: Frame<'_>) -> io::Result<()> {
        match frame {
            Frame::Start(start) => self.begin(start),
            Frame::Record(bytes) => self.record(bytes),
            Frame::Process(process) => {
                self.registry.insert(process.clone());
                Ok(())
            }
            Frame::Inspection(inspection) => {
                self.inspection(inspection.clone());
                Ok(())
            }
            Frame::Limitation(limitation) => {
                self.limitation(limitation);
                Ok(())
            }
            Frame::Elsewhere(elsewhere) => self.elsewhere(elsewhere),
            Frame::TimeWait(snapshot) => {
                self.time_wait(snapshot);
                Ok(())
            }
            Frame::Interval(mark) => self.end_interval(&self.of_this_part(mark)),
            Frame::End(mark) => self.end(&self.of_this_part(mark)),
        }
    }

    fn limitation(&mut self, limitation: &Limitation) {
        self.missing = self.missing.and(limitation.missing);
        let sentence = text::clip(&limitation.sentence, LONGEST_LIMITATION);
        if limitation.is_of_who {
            self.who_is_missing = Some(sentence.clone());
        }
        let at_start = self.start.as_ref().map(|start| &start.degraded);
        let is_new = !self.limitations.contains(&sentence)
            && at_start.is_none_or(|known| !known.contains(&sentence));
        if is_new && self.limitations.len() < MOST_LIMITATIONS {
            self.limitations.push(sentence);
        }
    }

    /// A mark without what had been lost before this part of the trace began.
    fn of_this_part(&self, mark: &Mark) -> Mark {
        let part = self.start.as_ref().and_then(|start| start.part);
        Mark {
            loss: part.map_or(mark.loss, |part| mark.loss.since(&part.loss)),
            ..*mark
        }
    }

    fn begin(&mut self, start: &TraceStart) -> io::Result<()> {
        self.interval.monotonic_ns = start.clock.monotonic_ns;
        self.start = Some(start.clone());
        self.ends = (start.side == Sides::Both).then(Ends::default);
        self.horizon = start.horizon_ns().map(Horizon::new);
        if let Some(part) = &start.part {
            self.limitations.extend(part_limitations(part));
        }
        self.renderer.start(start)
    }

    fn record(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.start.is_none() {
            return Ok(());
        }
        match &decode::read(bytes) {
            Ok(Record::Connection(record)) => return self.connection(record),
            Ok(Record::Handshake(record)) => match Piece::of(record) {
                // The first bytes come before the end of their connection.
                Ok(piece) => self.handshakes.add(&piece),
                Err(_) => self.undecodable_records += 1,
            },
            Ok(Record::Unknown(_)) => self.unknown_records += 1,
            Err(_) => self.undecodable_records += 1,
        }
        Ok(())
    }

    fn connection(&mut self, record: &ConnectionRecord) -> io::Result<()> {
        let Some(start) = &self.start else {
            return Ok(());
        };
        let Ok(mut connection) = decode::decode(record) else {
            self.undecodable_records += 1;
            return Ok(());
        };
        // Nobody accepted it, although it went through SYN_RECV.
        if start.side == Sides::Server && connection.connects_to_itself() {
            return Ok(());
        }
        self.found_closed += u64::from(connection.stage == Stage::FoundClosed);
        if !connection.stage.goes_on() && connection.socket_is_cookie {
            connection.handshake = self.handshakes.take(connection.socket);
        }
        let clock = start.clock;
        self.latest_ns = self.latest_ns.max(connection.latest_ns());
        self.owners.remember(&connection);
        let Some(horizon) = &mut self.horizon else {
            return self.take_either_end(connection, clock);
        };
        for connection in horizon.pass(connection).into_iter().flatten() {
            self.take_either_end(connection, clock)?;
        }
        Ok(())
    }

    fn take_either_end(&mut self, connection: Connection, clock: ClockPair) -> io::Result<()> {
        match &mut self.ends {
            None => self.take(connection, clock),
            Some(ends) => {
                let ends = ends.take(connection);
                self.take_ends(ends, clock)
            }
        }
    }

    /// Takes one end of a connection, or the accepting end of one that is told of already.
    fn take_ends(&mut self, ends: Vec<End>, clock: ClockPair) -> io::Result<()> {
        ends.into_iter().try_for_each(|end| match end {
            End::Counted(connection) => self.take(*connection, clock),
            End::Other(connection) if connection.stage.goes_on() => Ok(()),
            End::Other(connection) => {
                self.ends_open(&connection);
                let outcome = Outcome::of(&connection);
                let line = line_of(&self.registry, &connection, outcome, clock);
                self.renderer.other_end(&line)
            }
        })
    }

    /// Lets go the ends that have waited until `now_ns`.
    fn release_ends(&mut self, now_ns: u64) -> io::Result<()> {
        let (Some(ends), Some(start)) = (&mut self.ends, &self.start) else {
            return Ok(());
        };
        let (ends, clock) = (ends.release(now_ns), start.clock);
        self.take_ends(ends, clock)
    }

    /// Counts a connection and shows its line, if the filter selects it.
    fn take(&mut self, mut connection: Connection, clock: ClockPair) -> io::Result<()> {
        let goes_on = connection.stage.goes_on();
        if let Some(kept) = &mut self.open_kept {
            kept.take(&connection);
        }
        let is_selected = self.is_selected(&mut connection);
        // What waited for it is counted by now.
        self.ends_open(&connection);
        if !is_selected {
            return Ok(());
        }
        let outcome = Outcome::of(&connection);
        self.observe(&connection, outcome);
        if goes_on {
            return Ok(());
        }
        let line = line_of(&self.registry, &connection, outcome, clock);
        self.renderer.connection(&line)
    }

    /// Whether the filter lets a record through; what waited for it is counted before.
    fn is_selected(&mut self, connection: &mut Connection) -> bool {
        let Some(gate) = &mut self.gate else {
            return true;
        };
        let key = ProcessKey::of(connection);
        let thread = connection.opener.map(|opener| opener.thread);
        let thread = thread.filter(|_| gate.filter().wants_thread_names());
        let subject = Subject {
            connection,
            outcome: Outcome::of(connection),
            process: self.registry.program_of(connection),
            placed: self.registry.placed_for(connection),
            thread_name: key.zip(thread).and_then(|(key, thread)| {
                let ports = [connection.remote.port()];
                self.registry
                    .thread_name(key, thread.tid, thread.comm, &ports)
            }),
        };
        let outcome = subject.outcome;
        match gate.pass(&subject) {
            Passage::Counted { waited, is_first } => {
                if is_first {
                    *connection = as_first(*connection);
                }
                for earlier in &waited {
                    self.count(earlier, Outcome::of(earlier));
                }
                if let Some(undecided) = &mut self.undecided {
                    undecided.observe(connection, outcome);
                }
                true
            }
            Passage::FilteredOut { decision, waited } => {
                if let Some(undecided) = &mut self.undecided
                    && decision == Decision::Unknown
                {
                    undecided.observe(connection, outcome);
                }
                if let Some(beside) = &mut self.beside {
                    for earlier in &waited {
                        beside.observe(earlier, Outcome::of(earlier));
                    }
                    match waited.is_empty() {
                        true => beside.observe(&as_first(*connection), outcome),
                        false => beside.observe(connection, outcome),
                    }
                }
                false
            }
            Passage::Waits => false,
        }
    }

    fn observe(&mut self, connection: &Connection, outcome: Outcome) {
        self.counted.observe(connection, outcome);
        self.held.begin(connection);
        if let Some(open) = &mut self.open {
            open.begin(connection);
        }
    }

    fn ends_open(&mut self, connection: &Connection) {
        if let Some(open) = &mut self.open {
            open.end(connection);
        }
        self.held.end(connection);
    }

    fn count(&mut self, connection: &Connection, outcome: Outcome) {
        self.observe(connection, outcome);
        if let Some(undecided) = &mut self.undecided {
            undecided.observe(connection, outcome);
        }
    }

    /// Of which it is decided whom to look at: what the filter may yet select belongs to it.
    fn ledger_of_looks(&self) -> &Ledger {
        &self.undecided.as_deref().unwrap_or(&self.counted).ledger
    }

    fn inspection(&mut self, mut inspection: Inspection) {
        if let (Some(logs), Some(start)) = (&mut inspection.logs, &self.start) {
            logs.compare_with_start(start.clock.monotonic_ns, inspection.at_ns);
        }
        self.registry.insert_inspection(inspection);
    }

    /// What ended since it was asked makes it pointless.
    fn elsewhere(&mut self, elsewhere: &Elsewhere) -> io::Result<()> {
        let Some(start) = self.start.as_ref().filter(|_| self.is_quiet()) else {
            return Ok(());
        };
        self.elsewhere = Some(elsewhere.clone());
        self.renderer.elsewhere(&ElsewhereLine { start, elsewhere })
    }

    /// Whether no connection has ended, filtered out or not, older than the trace or not.
    pub fn is_quiet(&self) -> bool {
        let filtered_out = self.gate.as_ref().map_or(0, Gate::ended);
        let total = &self.counted.ledger.total;
        total.ended == 0 && total.older.ended == 0 && filtered_out == 0
    }

    /// A new list replaces the one before; a part continues it.
    fn time_wait(&mut self, snapshot: &Snapshot) {
        let Some(start) = &self.start else {
            return;
        };
        let scope = Scope {
            clock: start.clock,
            ports: &start.ports,
            owners: &self.owners,
            registry: &self.registry,
            with_rows: self.view.time_wait_rows,
            one_process: start.pid.is_some() || !start.pids.is_empty(),
            sides: start.side,
            begins_later: start.horizon_ns().is_some(),
        };
        match &mut self.time_wait {
            Some(table) if self.time_wait_continues => table.extend(snapshot, &scope),
            table => *table = Some(TimeWait::of(snapshot, &scope)),
        }
        if let (Some(table), Some(gate)) = (&mut self.time_wait, &self.gate)
            && gate.filter().selects_connections()
            && !snapshot.continued
        {
            table.notes.push(UNFILTERED.to_owned());
        }
        self.time_wait_continues = snapshot.continued;
    }

    fn end_interval(&mut self, mark: &Mark) -> io::Result<()> {
        let Some(start) = self.start.as_ref() else {
            return Ok(());
        };
        let (clock, start_limitations) = (start.clock, start.degraded.len());
        self.release_ends(mark.monotonic_ns)?;
        let total = &self.counted.ledger.total;
        let (opened, ended) = (total.opened(), total.ended + total.older.ended);
        let filtered_out = self.gate.as_ref().map(|gate| gate.filtered().connections);
        let busiest = self.counted.ledger.take_busiest_of_interval();
        let summary = IntervalSummary {
            at: rfc3339(clock.timestamp(mark.monotonic_ns)),
            length_ns: mark.monotonic_ns.saturating_sub(self.interval.monotonic_ns),
            opened: opened.saturating_sub(self.interval.opened),
            ended: ended.saturating_sub(self.interval.ended),
            open: self.open_now(),
            open_undecided: self.gate.as_ref().map_or(0, Gate::open_undecided),
            established: self.established_now(),
            filtered_out: filtered_out
                .map(|so_far| so_far.saturating_sub(self.interval.filtered_out)),
            busiest: busiest.and_then(|(key, ended)| {
                let flow = self.counted.ledger.flow(&key)?;
                Some(Busiest {
                    process: key
                        .process
                        .map(|process| self.registry.row(process, flow.process_comm, flow.uid)),
                    destination: key.destination.to_string(),
                    ended,
                })
            }),
            leading: self.leading(mark, clock)?,
            loss: self.loss(mark),
            limitations: (start_limitations + self.limitations.len()) as u64,
        };
        self.interval = IntervalStart {
            monotonic_ns: mark.monotonic_ns,
            opened,
            ended,
            filtered_out: filtered_out.unwrap_or_default(),
        };
        self.renderer.interval(&summary)
    }

    /// What leads at `mark`; whoever follows all that was found is told.
    fn leading(&mut self, mark: &Mark, clock: ClockPair) -> io::Result<Option<Leading>> {
        if !self.renderer.shows_intervals() {
            return Ok(None);
        }
        let window = Window {
            end_ns: mark.monotonic_ns,
            length_ns: mark.monotonic_ns.saturating_sub(clock.monotonic_ns),
            is_of_part: (self.start.as_ref()).is_some_and(|start| start.part.is_some()),
            is_damaged: self.missing.damaged_parts > 0,
        };
        let mut diagnosis = diagnose(
            &self.as_ended(mark),
            self.beside().as_ref(),
            &self.registry,
            window,
            ON_THE_WAY,
        );
        if let Some(gate) = &self.gate {
            let findings = &mut diagnosis.findings;
            findings.retain(|finding| gate.filter().wants_finding(finding));
        }
        let at = clock.timestamp(mark.monotonic_ns);
        self.renderer.found(&diagnosis.findings, at)?;
        Ok(self.lead.next(&diagnosis.findings))
    }

    fn end(&mut self, mark: &Mark) -> io::Result<()> {
        self.release_ends(u64::MAX)?;
        let Some(start) = &self.start else {
            return Ok(());
        };
        // Whoever recorded it may have been killed, so that there are no last records.
        let ledger = self.as_ended(mark);
        let report = report::build(&self.sources(start, mark, &ledger, Depth::All));
        let at = start.clock.timestamp(mark.monotonic_ns);
        self.renderer.found(&report.findings, at)?;
        self.renderer.report(&report)?;
        self.report = Some(report);
        self.renderer.flush()
    }

    /// The report as it stands at `mark`, with findings and answer; `None` before the
    /// trace has begun. Asking changes nothing, so it may be asked at any moment
    /// (docs/measurements/report-cost.md says what that costs). TIME_WAIT sockets and
    /// closer looks are those of their latest frame, and the report says how long ago
    /// that was. Of very many cases the 64 busiest are diagnosed, and the rest is counted in
    /// `cases_left_out`; the report at the end diagnoses all.
    pub fn report_at(&self, mark: &Mark) -> Option<Report> {
        let mark = &self.of_this_part(mark);
        let (start, ledger) = (self.start.as_ref()?, self.as_ended(mark));
        Some(report::build(
            &self.sources(start, mark, &ledger, ON_THE_WAY),
        ))
    }

    /// The report as it stands at `mark`, as [`Self::report_at`] makes it, with the
    /// families that it is about, and how many more than `most` there are.
    pub fn families_at(&self, mark: &Mark, most: usize) -> Option<(Report, Vec<FamilyRow>, u64)> {
        let mark = &self.of_this_part(mark);
        let ledger = self.as_ended(mark);
        let sources = self.sources(self.start.as_ref()?, mark, &ledger, ON_THE_WAY);
        let report = report::build(&sources);
        let (rows, left_out) = family::rows(&sources, &report, most);
        Some((report, rows, left_out))
    }

    /// How the trace was made, once it has begun.
    pub fn start(&self) -> Option<&TraceStart> {
        self.start.as_ref()
    }

    /// The processes known so far.
    pub(crate) fn registry(&self) -> &Registry {
        &self.registry
    }

    /// A connection with what is known of its process now; `None` before the trace has
    /// begun.
    pub fn line<'a>(&'a self, kept: &'a Kept) -> Option<ConnectionLine<'a>> {
        let clock = self.start.as_ref()?.clock;
        Some(line_of(
            &self.registry,
            &kept.connection,
            kept.outcome,
            clock,
        ))
    }

    /// What is counted, as if the trace ended at `mark`: what is held half-closed has ended then. It
    /// is open until its last record comes, which may be never.
    fn as_ended(&self, mark: &Mark) -> Cow<'_, Ledger> {
        if self.held.is_empty() {
            return Cow::Borrowed(&self.counted.ledger);
        }
        let mut ended = self.counted.clone();
        for connection in self.held.as_of(mark.monotonic_ns) {
            ended.observe(&connection, Outcome::of(&connection));
        }
        Cow::Owned(ended.ledger)
    }

    fn sources<'a>(
        &'a self,
        start: &'a TraceStart,
        mark: &'a Mark,
        ledger: &'a Ledger,
        depth: Depth,
    ) -> Sources<'a> {
        Sources {
            start,
            mark,
            ledger,
            beside: self.beside(),
            registry: &self.registry,
            time_wait: self.time_wait.as_ref(),
            undecodable_records: self.undecodable_records,
            unknown_records: self.unknown_records,
            limitations: &self.limitations,
            who_is_missing: self.who_is_missing.as_deref(),
            missing: self.missing,
            elsewhere: self.elsewhere.as_ref().filter(|_| self.is_quiet()),
            found_closed: self.found_closed,
            both_ends_here: self.ends.as_ref().map_or(0, Ends::both_here),
            handshakes_evicted: self.handshakes.evicted(),
            filtered: self.gate.as_ref().map(Gate::filtered),
            filter: self.gate.as_ref().map(Gate::filter),
            top: self.view.top,
            depth,
        }
    }

    /// What the filter leaves out, or may yet leave out.
    fn beside(&self) -> Option<Beside<'_>> {
        let (beside, gate) = (self.beside.as_deref()?, self.gate.as_ref()?);
        Some(Beside {
            ledger: &beside.ledger,
            undecided: gate.undecided().collect(),
        })
    }

    fn loss(&self, mark: &Mark) -> Loss {
        Loss {
            kernel: mark.loss,
            undecodable_records: self.undecodable_records,
            unknown_records: self.unknown_records,
            found_closed: self.found_closed,
            handshakes_evicted: self.handshakes.evicted(),
            missing: self.missing,
        }
    }

    /// Hands buffered output to the system.
    ///
    /// # Errors
    ///
    /// What the output fails with.
    pub fn flush(&mut self) -> io::Result<()> {
        self.renderer.flush()
    }

    /// Whether the trace has begun.
    pub fn has_begun(&self) -> bool {
        self.start.is_some()
    }

    /// Latest moment of which a frame told, for a recording without an end.
    pub fn latest_ns(&self) -> u64 {
        self.latest_ns.max(self.interval.monotonic_ns)
    }

    /// The processes that churn, see [`Ledger::churning`].
    pub fn churning(&self, least: u64, most: usize) -> Vec<Churning> {
        self.ledger_of_looks().churning(least, most)
    }

    /// The processes that churn most at present, see [`Ledger::churning_now`].
    pub fn churning_now(
        &mut self,
        least: u64,
        most: usize,
        wanted: impl Fn(ProcessKey) -> bool,
    ) -> Vec<Churning> {
        let counted = self.undecided.as_deref_mut();
        let counted = counted.unwrap_or(&mut self.counted);
        counted.ledger.churning_now(least, most, wanted)
    }

    /// How many processes have at least `least` ended connections and were not looked at.
    pub fn uninspected(&self, least: u64) -> u64 {
        self.ledger_of_looks()
            .count_churning(least, |key| self.registry.inspection(key).is_none())
    }

    /// Inodes of the network namespaces that connections were in.
    pub fn namespaces(&self) -> &HashSet<u32> {
        self.counted.ledger.namespaces()
    }

    /// Whether `identity` is of a process that was another program so far.
    pub fn has_become(&self, identity: &ProcessIdentity) -> bool {
        self.registry.has_become(identity)
    }

    /// Whether a process was looked at more closely.
    pub fn has_inspection(&self, key: ProcessKey) -> bool {
        self.inspection_of(key).is_some()
    }

    /// The closer look at a process.
    pub fn inspection_of(&self, key: ProcessKey) -> Option<&Inspection> {
        self.registry.inspection(key)
    }

    /// The report, once the trace has ended.
    pub fn report(&self) -> Option<&Report> {
        self.report.as_ref()
    }
}

/// What a part of a trace lacks at its beginning, each a sentence.
pub(crate) fn part_limitations(part: &Part) -> impl Iterator<Item = String> {
    let lost = (part.frames_lost > 0).then(|| {
        format!(
            "{} not recorded before this: the disk was full, or too slow",
            text::counted(part.frames_lost, "record"),
        )
    });
    let left_out = (part.open_left_out > 0).then(|| {
        format!(
            "{} more open when this began, too many to be repeated: they are counted once they end",
            text::counted(part.open_left_out, "connection"),
        )
    });
    lost.into_iter().chain(left_out)
}

/// A connection with what is known of its process.
pub(crate) fn line_of<'a>(
    registry: &'a Registry,
    connection: &'a Connection,
    outcome: Outcome,
    clock: ClockPair,
) -> ConnectionLine<'a> {
    ConnectionLine {
        connection,
        outcome,
        process: registry.program_of(connection),
        placed: registry.placed_for(connection),
        clock,
    }
}

#[cfg(test)]
mod tests;
