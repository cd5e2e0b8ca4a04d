// SPDX-License-Identifier: MIT
//! Incidents as the loop of an agent sees them: it looks at the report every interval, and
//! has a helper process keep what is to be kept, one after the other.

use std::{
    cell::LazyCell,
    collections::VecDeque,
    io,
    path::{Path, PathBuf},
};

use zkchurn_core::{
    frame::Mark,
    incident::{
        Incidents, Pace, Step,
        closing::Closing,
        trigger::{Cause, Fired, Triggers, Watch},
    },
    ledger::Churning,
    pipeline::Pipeline,
    render::Renderer,
    text,
};

use super::{
    beside::Beside,
    lines::{LineTriggers, Lines},
    schedule::MOST_LAST,
    source::Probes,
};
use crate::{
    host::{
        clock::clock_pair,
        helper::{
            archiving::{Archiver, StartedArchiver},
            wire::{Answer, Found},
        },
        incident_store::{Kept, Order, Rules},
        journal::{Field, Priority},
        own_names::INCIDENTS,
    },
    warn::{say_about, warn},
};

/// Orders that wait at most: more than one begins while another is kept only where
/// that takes minutes.
const MOST_WAITING: usize = 4;
/// Characters of a sentence that stands beside others.
const SHORT: usize = 200;
/// How long a helper that is alive takes at most: it gives a file system 260 s, and the command
/// 60 s.
const ANSWERS_WITHIN_NS: u64 = 400_000_000_000;
/// Peers of a finding that a message names in its fields.
const MOST_PEERS: usize = 16;

/// What is looked for, and what is kept of it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Watched {
    pub triggers: Triggers,
    pub pace: Pace,
    pub rules: Rules,
    pub lines: LineTriggers,
}

/// An incident, or several, that the end of the trace leaves in the segments only.
pub(super) struct Unkept {
    what: String,
    /// Sentences on what began.
    fired: Vec<String>,
}

impl Unkept {
    /// What it means, by whether the directory of the segments took all until the end.
    pub(super) fn sentence(&self, directory: &Path, has_all: bool) -> String {
        let (what, directory) = (&self.what, directory.display());
        let mut sentence = match has_all {
            true => format!("{what}; what was recorded of it is in {directory}"),
            false => format!(
                "{what}; {directory} has at most what was recorded of it before that failed"
            ),
        };
        if !self.fired.is_empty() {
            sentence = format!("{sentence}: {}", self.fired.join("; "));
        }
        sentence
    }
}

/// The watch at work.
pub(super) struct Watching {
    directory: PathBuf,
    rules: Rules,
    watch: Watch,
    incidents: Incidents,
    lines: Lines,
    beside: Beside,
    /// Whom what has begun names.
    named: Vec<Churning>,
    waiting: VecDeque<Order>,
    archiver: Archiver,
    /// How often it is given one.
    closing: Closing,
    /// When it was given the order that it works at, nanoseconds of `CLOCK_MONOTONIC`.
    ordered_ns: u64,
    /// Whether it was said of that order that it takes long.
    is_said_to_hang: bool,
    /// Whether nothing is kept any more.
    has_failed: bool,
}

impl Watching {
    /// Nothing was seen yet.
    ///
    /// # Errors
    ///
    /// The system grants no thread.
    pub(super) fn new(
        watched: &Watched,
        directory: &Path,
        ndjson: Option<&Path>,
        archiver: StartedArchiver,
    ) -> io::Result<Self> {
        let mut lines = Lines::default();
        lines.set(&watched.lines);
        Ok(Self {
            lines,
            beside: Beside::new(written_to(directory, ndjson)),
            directory: directory.to_owned(),
            rules: watched.rules.clone(),
            watch: Watch::new(watched.triggers),
            incidents: Incidents::new(watched.pace),
            named: Vec::new(),
            waiting: VecDeque::new(),
            archiver: archiver.connect(tell_of_kept)?,
            closing: Closing::default(),
            ordered_ns: 0,
            is_said_to_hang: false,
            has_failed: false,
        })
    }

    /// Takes on other settings.
    pub(super) fn set(&mut self, watched: &Watched) {
        self.rules = watched.rules.clone();
        self.watch.set_triggers(watched.triggers);
        self.incidents.set_pace(watched.pace);
        self.lines.set(&watched.lines);
    }

    /// Looks at how the trace stands, and has kept what is to be kept. `lists_older`: whether
    /// connections older than the trace are still being listed.
    pub(super) fn look<R: Renderer>(
        &mut self,
        pipeline: &Pipeline<R>,
        mark: &Mark,
        lists_older: bool,
    ) {
        if let Some(report) = pipeline.report_at(mark) {
            let open = (!lists_older).then(|| pipeline.established_now());
            let mut fired = self.watch.look(&report, open, mark.monotonic_ns);
            fired.extend(self.lines.take_fired());
            // Once for all that has begun, and not at all where nothing has: it is a look at every
            // flow.
            let known = LazyCell::new(|| pipeline.churning(0, usize::MAX));
            for step in self.incidents.look(fired, mark.monotonic_ns) {
                if let Step::Began(fired) = &step {
                    self.named.extend(named(&known, fired));
                }
                self.take(step);
            }
        }
        self.keep_next(mark.monotonic_ns);
    }

    /// The processes that are to be looked at for what has begun since this was asked last.
    pub(super) fn take_named(&mut self) -> Vec<Churning> {
        std::mem::take(&mut self.named)
    }

    /// Has logs looked at for lines, and the host for servers beside which it writes.
    pub(super) fn ask(&mut self, probes: &mut impl Probes) {
        self.beside.ask(probes);
        self.lines.ask(probes);
    }

    /// Takes an answer, if it is one to those. Of a look at a process it takes note.
    pub(super) fn answered(&mut self, answer: Answer) -> Option<Answer> {
        let answer = self.beside.answered(answer)?;
        if let (true, Found::Inspection(inspection)) = (answer.last, &answer.found) {
            self.lines.seen(inspection);
        }
        self.lines.answered(answer)
    }

    /// The churn that has gone on for longest, while it does.
    pub(super) fn goes_on(&self) -> Option<String> {
        let fired = self.incidents.goes_on()?;
        Some(text::clip(&fired.sentence, SHORT))
    }

    /// What is under way as the trace ends is kept by nobody: it is in the segments, as far as
    /// those could be written.
    pub(super) fn finish(&mut self, mark: &Mark) -> Vec<Unkept> {
        let mut unkept = Vec::new();
        let count = usize::from(self.archiver.is_at_work()) + self.waiting.len();
        if count > 0 {
            let count = text::counted(count as u64, "incident");
            unkept.push(Unkept {
                what: format!("{count} not kept before the trace ended"),
                fired: Vec::new(),
            });
        }
        if let Some(Step::Keep { fired, .. }) = self.incidents.finish(mark.monotonic_ns) {
            unkept.push(Unkept {
                what: "an incident was under way as the trace ended".to_owned(),
                fired: fired.into_iter().map(|fired| fired.sentence).collect(),
            });
        }
        unkept
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Began(fired) if fired.cause == Cause::Line => tell(
                Priority::Warning,
                format_args!("looked for and found: {}", fired.sentence),
                &fired,
            ),
            // That a line has not come again is no news.
            Step::Ended { fired, .. } if fired.cause == Cause::Line => {}
            Step::Began(fired) => tell(
                Priority::Warning,
                format_args!("churn began: {}", fired.sentence),
                &fired,
            ),
            Step::Ended { fired, for_ns: 0 } => tell(
                Priority::Notice,
                format_args!(
                    "churn ended, and was seen at one look only: {}",
                    fired.sentence
                ),
                &fired,
            ),
            Step::Ended { fired, for_ns } => tell(
                Priority::Notice,
                format_args!(
                    "churn ended after {}: {}",
                    text::duration(for_ns),
                    fired.sentence
                ),
                &fired,
            ),
            Step::Keep {
                began_ns,
                since_ns,
                until_ns,
                fired,
            } => {
                let clock = clock_pair();
                let key = fired.first().map(|fired| fired.key.clone());
                let order = Order {
                    directory: self.directory.clone(),
                    began: clock.timestamp(began_ns),
                    since: clock.timestamp(since_ns),
                    until: clock.timestamp(until_ns),
                    clock,
                    key: key.unwrap_or_default(),
                    fired: fired.into_iter().map(|fired| fired.sentence).collect(),
                    rules: self.rules.clone(),
                };
                match self.waiting.len() < MOST_WAITING {
                    true => self.waiting.push_back(order),
                    false => warn(format_args!(
                        "an incident is not kept: {MOST_WAITING} others wait, and keeping them \
                         takes long"
                    )),
                }
            }
        }
    }

    /// Whether the helper process that keeps incidents has ended: without it the agent is of
    /// less use than one that is started again.
    pub(super) fn archiver_is_gone(&self) -> bool {
        self.has_failed
    }

    fn keep_next(&mut self, now_ns: u64) {
        let is_at_work = self.archiver.is_at_work();
        let may_begin = self.closing.may_begin(is_at_work, now_ns);
        if self.archiver.has_ended() {
            self.fail();
        } else if is_at_work {
            self.say_if_it_hangs(now_ns);
        } else if may_begin && let Some(order) = self.waiting.pop_front() {
            self.closing.begins();
            self.ordered_ns = now_ns;
            self.is_said_to_hang = false;
            if !self.archiver.keep(&order) {
                self.fail();
            }
        }
    }

    fn fail(&mut self) {
        if !std::mem::replace(&mut self.has_failed, true) {
            let sentence = format_args!(
                "incidents are no longer kept: the helper process that does it (zkchurn-archive) \
                 has ended; the agent ends, too, so that its service manager starts it again"
            );
            say_about(Priority::Error, sentence, &[]);
        }
    }

    /// It gives a file system up by itself; what is said here is why even that does not come.
    fn say_if_it_hangs(&mut self, now_ns: u64) {
        if self.is_said_to_hang || now_ns.saturating_sub(self.ordered_ns) < ANSWERS_WITHIN_NS {
            return;
        }
        self.is_said_to_hang = true;
        let why = match self.archiver.stopped() {
            Some(pid) => format!("the helper process that does it (pid {pid}) is stopped"),
            None => "the helper process that does it does not answer".to_owned(),
        };
        warn(format_args!(
            "an incident is not kept after {}: {why}; the trace goes on, and what was recorded is \
             in {}",
            text::duration(ANSWERS_WITHIN_NS),
            self.directory.display()
        ));
    }
}

/// Where an agent writes much: its segments, its incidents, which may be on a device of their own,
/// and records.
fn written_to(directory: &Path, ndjson: Option<&Path>) -> Vec<PathBuf> {
    let own = [directory.to_owned(), directory.join(INCIDENTS)];
    own.into_iter().chain(ndjson.map(Path::to_owned)).collect()
}

/// Of those that are known, most churning first: the one that it names, or else those that have
/// ended and opened most connections.
fn named(known: &[Churning], fired: &Fired) -> Vec<Churning> {
    let pid = fired.about.as_ref().and_then(|about| about.pid);
    match (fired.process, pid) {
        (None, None) => known.iter().take(MOST_LAST).cloned().collect(),
        (Some(process), _) => {
            let found = known.iter().find(|one| one.process == process);
            let tids = found.map(|one| one.tids.clone()).unwrap_or_default();
            vec![Churning { process, tids }]
        }
        // The latest one by this id.
        (None, Some(pid)) => {
            let found = known.iter().filter(|one| one.process.pid == pid);
            let latest = found.max_by_key(|one| one.process.start_ns);
            latest.into_iter().cloned().collect()
        }
    }
}

/// Says what became of an incident.
fn tell_of_kept(kept: Kept) {
    if let Some(path) = kept.path {
        let path = path.display().to_string();
        let sentence = format_args!("incident kept in {path}");
        let field = ("ZKCHURN_INCIDENT", path.clone());
        say_about(Priority::Notice, sentence, &[field]);
    }
    for sentence in kept.wrong {
        warn(format_args!("{sentence}"));
    }
}

/// Says something of churn, with what it is about in fields of the journal.
fn tell(priority: Priority, sentence: std::fmt::Arguments<'_>, fired: &Fired) {
    say_about(priority, sentence, &fields(fired));
}

fn fields(fired: &Fired) -> Vec<Field> {
    let Some(about) = &fired.about else {
        let pid = fired.process.map(|process| process.pid.to_string());
        return pid.map(|pid| ("ZKCHURN_PID", pid)).into_iter().collect();
    };
    let peers = about.peers.iter().take(MOST_PEERS);
    let peers = peers.map(|peer| ("ZKCHURN_PEER", peer.clone()));
    let pid = about.pid.map(|pid| ("ZKCHURN_PID", pid.to_string()));
    let finding = [
        ("ZKCHURN_FINDING", about.finding.to_owned()),
        ("ZKCHURN_CONFIDENCE", about.confidence.to_owned()),
        ("ZKCHURN_PROCESS", about.process.clone()),
    ];
    finding.into_iter().chain(pid).chain(peers).collect()
}
