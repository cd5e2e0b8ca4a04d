// SPDX-License-Identifier: MIT
//! The loop of a live trace: records, intervals and closer looks until something ends it,
//! and the end.

use std::time::Duration;

use tokio::{
    task::yield_now,
    time::{Instant, sleep_until},
};
use zerocopy::IntoBytes;
use zkchurn_common::record::STAGE_FOUND_CLOSED;
use zkchurn_core::{
    frame::{LossCounts, Mark},
    text,
};

use super::{
    agent::{AgentChanges, Reload, Reloading, reloading},
    announce, attach,
    collector::Collector,
    ending::Ending,
    incidents::Watching,
    older::OlderConnections,
    pace::{BATCH, Pace, next},
    saves::Saves,
    service::{Service, due},
    settings::TraceSettings,
    source::{Probes, Source},
    table_walk::TableWalk,
    viewer::Viewer,
};
use crate::{
    exit::{Code, Failure},
    full_screen::trace::Ask,
    host::{
        helper::wire::Answer,
        journal::Priority,
        kernel::{OpenConnections, OwnLog},
        preflight::handshake,
        privilege::{held, needs},
    },
    view::key::Wish,
    warn::say,
};

/// How often it is asked who churns enough for a closer look.
pub(super) const SUSPECT_EVERY: Duration = Duration::from_secs(1);

/// How long it is waited for older connections to be followed before it is said what is
/// traced: longer than processes that hang are waited for (`PastHung`).
const ANNOUNCED_WITHIN: Duration = Duration::from_secs(4);

/// A trace that is going on.
pub(super) struct Trace<S, P> {
    /// Where its records come from.
    pub source: S,
    /// Which connections in its table were told of.
    pub walk: TableWalk,
    /// How far it has come to follow those that are older.
    pub older: OlderConnections,
    /// What is said once they are followed.
    pub announcement: Option<String>,
    /// What becomes of records.
    pub collector: Collector<P>,
    /// Who is shown them on the whole screen.
    pub viewer: Option<Viewer>,
    /// What that has written to files.
    pub saves: Option<Saves>,
    /// An agent's settings, which may change.
    pub reload: Option<Reload>,
    /// What it watches for.
    pub incidents: Option<Watching>,
    /// Who started it as a service.
    pub service: Option<Service>,
}

impl<S: Source, P: Probes> Trace<S, P> {
    /// Takes records until `stop`, the deadline or the end of the output.
    pub(super) async fn follow(
        &mut self,
        settings: &TraceSettings,
        stop: impl Future<Output = ()>,
    ) {
        let began = Instant::now();
        // What is beyond the clock's end never comes.
        let deadline = settings.duration.and_then(|time| began.checked_add(time));
        let mut next_interval = match settings.interval {
            Duration::ZERO => None,
            every => began.checked_add(every),
        };
        let mut next_suspects = began + SUSPECT_EVERY;
        let mut pace = Pace::new(settings.buffer_kib, began);
        let mut next_look = began + pace.pause();
        let mut is_answered = true;
        let mut announced_by = began.checked_add(ANNOUNCED_WITHIN);
        tokio::pin!(stop);
        self.settle_older();
        self.say_how_it_stands(Service::ready);
        while !self.collector.sink.output_failed() && !self.lacks_a_helper() {
            tokio::select! {
                biased;
                () = &mut stop => return,
                () = until(deadline) => return,
                () = due(&self.service) => self.service.iter_mut().for_each(Service::turn),
                () = until(next_interval) => {
                    next_interval = next_interval.and_then(|last| next(last, settings.interval));
                    self.end_interval();
                }
                () = sleep_until(next_suspects), if !pace.rests(Instant::now()) => {
                    next_suspects = next(next_suspects, SUSPECT_EVERY).unwrap_or(next_suspects);
                    self.begin_walk();
                    self.goes_on_if_found(&mut pace);
                    self.collector.look_at_suspects();
                    self.collector.sink.tell_of_dropped();
                    self.collector.sink.turn();
                }
                () = until(self.collector.until()) => self.collector.release(false),
                answer = self.collector.probes.answer(), if is_answered => match answer {
                    Some(answer) => self.answered(answer),
                    None => {
                        is_answered = false;
                        self.collector.helper_has_ended();
                        self.older.helper_has_ended();
                        self.settle_older();
                    }
                },
                () = until(self.older.deadline()) => {
                    self.older.overdue();
                    self.settle_older();
                }
                () = until(announced_by) => {
                    announced_by = None;
                    self.announce();
                }
                ask = asked(&mut self.viewer) => match ask {
                    Some(ask) => self.asked(ask),
                    None => return,
                },
                step = reloading(&mut self.reload) => self.reload(step),
                is_woken = woken_or_at(&mut self.source, next_look) => {
                    if is_woken {
                        pace.woken(Instant::now());
                    } else if pace.dozes() {
                        self.begin_walk();
                    }
                    let taken = self.take_batch();
                    // However much there is to take, the table is worked on.
                    self.work_on_table();
                    self.goes_on_if_found(&mut pace);
                    let now = Instant::now();
                    if pace.found(taken, now) {
                        self.source.doze();
                    }
                    next_look = now + pace.pause();
                    if taken > 0 {
                        self.collector.sink.flush();
                    }
                }
                () = yield_now(), if self.walk.is_under_way() || self.older.has_work() => {
                    self.work_on_table();
                    self.goes_on_if_found(&mut pace);
                }
            }
            self.show();
        }
    }

    /// Whether an agent's recorder or keeper of incidents has ended before its trace.
    fn lacks_a_helper(&self) -> bool {
        self.collector.sink.recorder_is_gone() || keeps_no_incidents(&self.incidents)
    }

    /// Does what the view asks for.
    fn asked(&mut self, ask: Ask) {
        let Some(viewer) = &mut self.viewer else {
            return;
        };
        match ask {
            Ask::Show { want, at_once } => viewer.enter(want, at_once),
            Ask::Do(Wish::Filter(filter)) => viewer.select(&mut self.collector.sink, filter),
            Ask::Do(Wish::Dump(process)) => viewer.say(self.collector.dump(process)),
            Ask::Do(Wish::Handshakes) => self.turn_on_handshakes(),
            Ask::Do(Wish::Write) => self.save(),
            // What the view does itself, and what a recording is for.
            Ask::Do(
                Wish::Quit
                | Wish::Suspend
                | Wish::Redraw
                | Wish::Seek(_)
                | Wish::Play(_)
                | Wish::Pause,
            ) => {}
        }
    }

    /// Has handshakes captured from now on, gives up the capability that was kept for it, and
    /// says what became of it: in the recording, too.
    fn turn_on_handshakes(&mut self) {
        let Some(viewer) = &mut self.viewer else {
            return;
        };
        if !viewer.may_turn_on_handshakes() {
            return;
        }
        let turned_on = self.source.turn_on_handshakes();
        // Giving up is always allowed, and it is not tried again.
        let _ = held::give_up(needs::TURNING_ON_HANDSHAKES);
        let now_ns = self.collector.probes.monotonic_ns();
        let start = self.collector.sink.pipeline.start();
        let began_ns = start.map_or(now_ns, |start| start.clock.monotonic_ns);
        let sentence = match &turned_on {
            Ok(()) => format!(
                "{}: captured of connections opened since {} after the start, when h was pressed; \
                 those before have none",
                handshake::NAME,
                text::window(now_ns.saturating_sub(began_ns)),
            ),
            Err(why) => attach::without_handshakes(why),
        };
        self.collector.limitation(sentence);
        viewer.handshakes_turned_on(turned_on.map(|()| now_ns));
    }

    /// Has the trace as it stands written to files.
    fn save(&mut self) {
        let mark = self.mark();
        if let (Some(viewer), Some(saves)) = (&self.viewer, &self.saves) {
            viewer.save(saves, &self.collector.sink, &mark);
        }
    }

    /// Shows how the trace stands, if the view waits for that.
    fn show(&mut self) {
        let is_due = |viewer: &Viewer| viewer.is_due(&self.collector.sink);
        if self.viewer.as_ref().is_some_and(is_due) {
            let mark = self.mark();
            if let Some(viewer) = &mut self.viewer {
                viewer.show(&self.collector.sink, &mark);
            }
        }
    }

    /// There is something to tell of at the next walk.
    fn goes_on_if_found(&self, pace: &mut Pace) {
        if self.walk.has_found() {
            pace.has_work(Instant::now());
        }
    }

    fn end_interval(&mut self) {
        let now_ns = self.collector.probes.monotonic_ns();
        let collector = &mut self.collector;
        let take = |record: &[u8]| collector.take(record);
        self.walk.begin_at_interval(&mut self.source, now_ns, take);
        self.forget_lost();
        self.take_all();
        let mark = self.mark();
        self.collector.end_interval(mark);
        // While it dozes nothing else does.
        self.collector.sink.turn();
        if let Some(incidents) = &mut self.incidents {
            let lists_older = !self.older.is_done();
            incidents.look(&self.collector.sink.pipeline, &mark, lists_older);
            self.collector.look_at(incidents.take_named());
            incidents.ask(&mut self.collector.probes);
        }
        self.say_how_it_stands(Service::stands);
    }

    /// Says how the trace stands to whoever started it as a service.
    fn say_how_it_stands(&mut self, say: fn(&mut Service, &str)) {
        if let Some(service) = &mut self.service {
            let sink = &self.collector.sink;
            let start = sink.pipeline.start();
            say(
                service,
                &announce::standing(start, sink.kept(), &self.incidents),
            );
        }
    }

    fn reload(&mut self, step: Reloading) {
        match step {
            Reloading::Begins => self.service.iter_mut().for_each(Service::reloading),
            Reloading::Ends(changes) => {
                if let Some(changes) = changes {
                    self.change(*changes);
                }
                self.say_how_it_stands(Service::ready);
            }
        }
    }

    fn change(&mut self, changes: AgentChanges) {
        if let Some(incidents) = &mut self.incidents {
            incidents.set(&changes.watched);
        }
        self.collector.sink.limit(changes.keep);
    }

    fn take_batch(&mut self) -> usize {
        let (collector, walk) = (&mut self.collector, &mut self.walk);
        let mut take = |record: &[u8]| walk.pass(record, |record| collector.take(record));
        self.source.drain(BATCH, &mut take)
    }

    /// Begins to tell of connections in the table that stay open.
    fn begin_walk(&mut self) {
        let now_ns = self.collector.probes.monotonic_ns();
        let collector = &mut self.collector;
        let take = |record: &[u8]| collector.take(record);
        self.walk.begin(&mut self.source, now_ns, take);
        self.forget_lost();
    }

    /// What is in the table no more is not open, though nobody has told of its end.
    fn forget_lost(&mut self) {
        let lost = self.walk.take_lost();
        self.collector.sink.pipeline.forget_open(&lost);
    }

    /// Goes on with what is done in steps.
    fn work_on_table(&mut self) {
        if self.older.has_work() {
            self.follow_older();
        }
        let now_ns = self.collector.probes.monotonic_ns();
        let collector = &mut self.collector;
        let take = |record: &[u8]| collector.take(record);
        self.walk.step(&mut self.source, now_ns, false, take);
    }

    fn answered(&mut self, answer: Answer) {
        self.collector.helper_has_answered();
        let answer = match &mut self.incidents {
            Some(incidents) => incidents.answered(answer),
            None => Some(answer),
        };
        let Some(answer) = answer else { return };
        match self.older.answered(answer) {
            Some(answer) => self.collector.answered(answer),
            None => self.settle_older(),
        }
    }

    fn follow_older(&mut self) {
        let mut records = Vec::new();
        let take = |record| records.push(record);
        let probes = &mut self.collector.probes;
        self.older.step(&mut self.source, probes, take);
        for record in &records {
            self.collector.take(record.as_bytes());
        }
        self.settle_older();
    }

    /// Says what there is to say of the older connections.
    fn settle_older(&mut self) {
        let notes = self.older.take_notes();
        announce::limitations(&notes);
        for note in notes {
            self.collector.limitation(note);
        }
        if self.older.is_done() {
            self.announce();
        }
    }

    fn announce(&mut self) {
        if let Some(announcement) = self.announcement.take() {
            say(Priority::Info, format_args!("{announcement}"));
        }
    }

    fn take_all(&mut self) {
        while self.take_batch() == BATCH {}
    }

    fn mark(&self) -> Mark {
        Mark {
            monotonic_ns: self.collector.probes.monotonic_ns(),
            loss: LossCounts {
                records_not_exported: self.collector.sink.records_not_exported(),
                ..self.source.loss()
            },
            older_told: Some(self.older.told_all()),
        }
    }

    /// Detaches, takes what is left, and reports; the end of the program's own `log` comes
    /// before that.
    pub(super) async fn finish(
        mut self,
        settings: &TraceSettings,
        log: Option<OwnLog>,
    ) -> Result<Code, Failure> {
        let ending = Ending::begins();
        self.service.iter_mut().for_each(Service::stopping);
        // The report is for the normal screen.
        if let Some(viewer) = self.viewer.take() {
            viewer.end();
        }
        // The counter of skipped runs goes with the program.
        let mut mark = self.mark();
        let misses = mark.loss.recursion_misses;
        let before_ns = self.collector.probes.monotonic_ns();
        let unseen_ends = self.source.unseen_ends(before_ns, ending.unseen_ends);
        self.source
            .detach()
            .map_err(|error| Failure::new(Code::Failure, error))?;
        if let Some(log) = log {
            log.finish(ending.log);
        }
        let now_ns = self.collector.probes.monotonic_ns();
        let mut older = Vec::new();
        self.older
            .end(&mut self.source, |record| older.push(record));
        self.settle_older();
        let Self {
            source,
            walk,
            collector,
            ..
        } = &mut self;
        if collector.sink.output_failed() && !collector.sink.records() {
            return self.collector.sink.finish(&ending);
        }
        for record in &older {
            collector.take(record.as_bytes());
        }
        while source.drain(BATCH, |record| {
            walk.pass(record, |record| collector.take(record));
        }) == BATCH
        {}
        let OpenConnections { open, is_complete } =
            source.open_connections(now_ns, ending.open_read);
        let mut has_lines = is_complete;
        for mut record in open {
            if unseen_ends.contains(&record.socket) {
                record.stage = STAGE_FOUND_CLOSED;
                record.until_ns = before_ns;
            }
            if std::time::Instant::now() < ending.open_taken || !walk.has_told(&record) {
                walk.pass(record.as_bytes(), |record| collector.take(record));
            } else {
                has_lines = false;
            }
        }
        match has_lines {
            true => walk.tell_lost_at_end(source, now_ns, |record| collector.take(record)),
            false => collector.limitation(without_lines(walk.count_told())),
        }
        self.collector.sink.settle_exported();
        mark = self.mark();
        if let Some(incidents) = &mut self.incidents {
            let unkept = incidents.finish(&mark);
            self.collector.sink.leave_unkept(unkept);
        }
        mark.loss.recursion_misses = misses;
        let has_failed = keeps_no_incidents(&self.incidents);
        let code = self.collector.finish(settings, &mark, &ending).await;
        if let Some(saves) = self.saves {
            saves.settle(ending.recording());
        }
        let code = code?;
        Ok(match code {
            Code::Success if has_failed => Code::Unwritable,
            code => code,
        })
    }
}

/// Whether an agent could go on, but would keep no incident any more.
fn keeps_no_incidents(incidents: &Option<Watching>) -> bool {
    incidents.as_ref().is_some_and(Watching::archiver_is_gone)
}

/// Waits for the source to wake us, or for the time of the next look; and whether it was
/// the source.
async fn woken_or_at(source: &mut impl Source, next_look: Instant) -> bool {
    tokio::select! {
        biased;
        () = source.woken() => true,
        () = sleep_until(next_look) => false,
    }
}

/// What the view asks for; nothing where there is none.
async fn asked(viewer: &mut Option<Viewer>) -> Option<Ask> {
    match viewer {
        Some(viewer) => viewer.asked().await,
        None => std::future::pending().await,
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// What is said of connections that are open, of which the walk had told, and for whose line
/// there was no time.
fn without_lines(count: usize) -> String {
    format!(
        "{} still open at the end, and counted so, without a line of their own: there are too \
         many to list in the time that the end has",
        text::counted(count as u64, "connection"),
    )
}
