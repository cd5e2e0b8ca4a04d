// SPDX-License-Identifier: MIT
//! What becomes of records: they wait for the names of their processes, go into the sink,
//! and at the end the report is made. Nothing here waits for anybody but for the end, which
//! has a limit.

use std::{collections::VecDeque, mem};

use tokio::time::{Instant, timeout_at};
use zkchurn_core::{
    frame::{Frame, Limitation, Mark},
    ledger::Churning,
    process::ProcessKey,
    registry::MOST_INSPECTIONS,
    text,
    timewait::{Snapshot, TimeWaitSocket},
};

use super::{
    ending::{Ending, LIST_WITHIN},
    looks::NOT_READ,
    naming::{FirstSight, Held, Naming},
    owed::{Debt, Owed},
    schedule::{CHURNS_FROM, Schedule},
    selection::Selection,
    servers::Servers,
    settings::TraceSettings,
    silence::Silence,
    sink::Sink,
    source::Probes,
};
use crate::{
    exit::{Code, Failure},
    host::{
        elsewhere,
        helper::wire::{ListRequest, Task},
        jvm::JvmMode,
        sock_diag::{self, Listing},
    },
    warn::{self, warn},
};

/// What becomes of records, and what else is asked of the host.
pub(super) struct Collector<P> {
    /// Where frames go.
    pub sink: Sink,
    /// Who is looked at when.
    pub(super) schedule: Schedule,
    /// Whom incidents name, until they are looked at.
    pub(super) named: VecDeque<Churning>,
    /// Who finds out what records do not tell.
    pub probes: P,
    naming: Naming,
    /// What was asked for and has not come.
    pub(super) owed: Owed,
    /// Whether the label of a JVM tells what it runs.
    pub(super) name_applications: bool,
    /// Whether it is known that nobody answers any more.
    pub(super) helper_ended: bool,
    /// Whether it answers.
    pub(super) silence: Silence,
    /// Processes that were not looked up in time.
    pub(super) unanswered: Vec<ProcessKey>,
    /// What is to be asked of other ports, until it was.
    pub(super) elsewhere: Option<elsewhere::Request>,
    /// The servers of this host, whose clients are traced.
    pub(super) servers: Servers,
    /// The processes that alone are traced.
    pub(super) selection: Selection,
    /// The TIME_WAIT sockets, once they are listed.
    pub(super) time_wait: Option<Listing>,
}

impl<P: Probes> Collector<P> {
    /// One that has taken nothing yet.
    pub(super) fn new(sink: Sink, probes: P, settings: &TraceSettings, pids: &[u32]) -> Self {
        Self {
            sink,
            schedule: Schedule::new(settings.jvm, settings.logs),
            named: VecDeque::new(),
            probes,
            naming: Naming::default(),
            owed: Owed::default(),
            helper_ended: false,
            silence: Silence::default(),
            name_applications: settings.jvm != JvmMode::Off,
            unanswered: Vec::new(),
            // Only TIME_WAIT sockets are wanted where those have rows.
            elsewhere: (!settings.time_wait_rows).then(|| elsewhere::Request {
                ports: settings.ports.clone(),
                sides: settings.sides,
                pids: pids.to_vec(),
            }),
            servers: Servers::of(settings),
            selection: Selection::of(settings, pids),
            time_wait: None,
        }
    }

    /// Takes a record. One of a process that was not seen before waits until that is
    /// looked up, and so does all that comes after it.
    pub(super) fn take(&mut self, record: &[u8]) {
        let FirstSight { process, parent } = self.naming.first_sight(record);
        // A process that does not answer is not asked again and again, whatever it is called.
        if let Some(key) = process
            && !self.owed.has_identity(key)
            && self.identify(key)
        {
            self.naming.await_name(key);
        }
        // Nothing waits for it: no line of a connection names it.
        if let Some(key) = parent {
            self.identify(key);
        }
        match self.naming.waits() {
            true => self.naming.hold(Held::Record(record.into())),
            false => self.sink.emit(Frame::Record(record)),
        }
    }

    /// Has something found out, if anybody does that.
    pub(super) fn ask(&mut self, task: Task) -> Option<u64> {
        // What is sent to a helper that has ended may be taken once more.
        match self.helper_ended {
            true => None,
            false => self.probes.ask(task),
        }
    }

    /// Has a process looked up, if that can be asked for now.
    pub(super) fn identify(&mut self, key: ProcessKey) -> bool {
        let asked = self.ask(Task::Identify(key));
        if let Some(id) = asked {
            self.owed.enter(id, Debt::Identity(key));
        }
        asked.is_some()
    }

    /// Lets out what has waited long enough for names, or `all` of it.
    pub(super) fn release(&mut self, all: bool) {
        let released = self.naming.release(all);
        if released.is_empty() {
            return;
        }
        for held in &released {
            match held {
                Held::Record(record) => self.sink.emit(Frame::Record(record)),
                Held::Interval(mark) => self.sink.emit(Frame::Interval(mark)),
            }
        }
        self.sink.flush();
    }

    /// When something that waits for names goes out at the latest.
    pub(super) fn until(&self) -> Option<Instant> {
        self.naming.until()
    }

    /// The look-up of a process is over, whatever it brought.
    pub(super) fn named(&mut self, key: ProcessKey) {
        self.naming.answered(key);
        self.release(false);
    }

    /// Ends an interval: behind the records that came before, which may have to wait.
    pub(super) fn end_interval(&mut self, mark: Mark) {
        if self.naming.waits() {
            self.naming.hold(Held::Interval(mark));
            return;
        }
        self.sink.emit(Frame::Interval(&mark));
        self.sink.flush();
        self.ask_elsewhere();
    }

    /// From here on processes have the names that the kernel saw.
    pub(super) fn helper_has_ended(&mut self) {
        if mem::replace(&mut self.helper_ended, true) {
            return;
        }
        warn(format_args!(
            "the helper process that looks into other processes has ended; the trace goes on, \
             and processes that are new have the names that the kernel saw"
        ));
        self.limitation(
            "the helper process that looks into other processes ended during the trace: command \
             lines and closer looks are missing from then on"
                .to_owned(),
        );
        self.release(true);
        // What it owed comes no more, and is nobody else's fault.
        self.give_up(true);
    }

    /// Waits for what is owed, takes it, and reports.
    pub(super) async fn finish(
        mut self,
        settings: &TraceSettings,
        mark: &Mark,
        ending: &Ending,
    ) -> Result<Code, Failure> {
        // Who churned, and where, is known once all records are out.
        self.settle_names(ending.names).await;
        let listed_at_ns = self.probes.monotonic_ns();
        self.ask_for_time_wait(settings);
        self.ask_for_last_looks();
        self.ask_who_is_called_so();
        self.ask_elsewhere();
        self.ask_where_all_logs_are();
        self.settle(ending.looks).await;
        self.report_time_wait(listed_at_ns);
        self.report_limitations();
        self.sink.end(mark);
        self.sink.finish(ending)
    }

    async fn settle_names(&mut self, deadline: Instant) {
        while self.naming.waits() {
            match timeout_at(deadline, self.probes.answer()).await {
                Ok(Some(answer)) => self.answered(answer),
                Ok(None) => {
                    self.helper_has_ended();
                    break;
                }
                Err(_) => break,
            }
        }
        self.release(true);
    }

    /// Asks for the sockets in TIME_WAIT, whose owners have all been recorded now.
    fn ask_for_time_wait(&mut self, settings: &TraceSettings) {
        let namespaces = self.sink.pipeline.namespaces().iter().copied();
        let request = ListRequest {
            ports: settings.ports.clone(),
            sides: settings.sides,
            states: 1 << sock_diag::TIME_WAIT,
            namespaces: Some(namespaces.collect()),
            within_ms: LIST_WITHIN.as_millis() as u64,
        };
        if let Some(id) = self.ask(Task::List(request)) {
            self.owed.enter(id, Debt::Sockets(Listing::default()));
        }
    }

    fn report_time_wait(&mut self, at_ns: u64) {
        let Some(listing) = self.time_wait.take() else {
            return;
        };
        let sockets: Vec<_> = listing
            .sockets
            .iter()
            .map(|socket| TimeWaitSocket {
                cookie: socket.cookie,
                netns: socket.netns,
                local: socket.local,
                remote: socket.remote,
                left_ms: socket.expires_ms,
            })
            .collect();
        for part in Snapshot::parts(at_ns, &sockets, listing.notes) {
            self.sink.emit(Frame::TimeWait(&part));
        }
    }

    /// Says what the trace could not do.
    fn report_limitations(&mut self) {
        if let Some(sentence) = self.selection.limitation() {
            let limitation = Limitation::of_who(sentence);
            self.sink.emit(Frame::Limitation(&limitation));
        }
        if let [first, rest @ ..] = &self.unanswered[..] {
            let most = rest.iter().take(MOST_PIDS - 1);
            let pids = most.fold(first.pid.to_string(), |pids, key| {
                format!("{pids}, {}", key.pid)
            });
            let more = match rest.len() {
                0..MOST_PIDS => "",
                _ => ", …",
            };
            let sentence = format!(
                "{} not looked up in time (pid {pids}{more}): {NOT_READ}; shown by the name that \
                 the kernel saw",
                match self.unanswered.len() {
                    1 => "1 process was".to_owned(),
                    more => format!("{more} processes were"),
                },
            );
            self.limitation(sentence);
        }
        let more = self.sink.pipeline.uninspected(CHURNS_FROM);
        if more > 0 {
            let who = match more {
                1 => "process that churned has",
                _ => "processes that churned have",
            };
            let sentence = format!(
                "{more} {who} no closer look here: one is taken each 2 s, of whoever churns worst, and \
                 the latest {MOST_INSPECTIONS} are kept"
            );
            self.limitation(sentence);
        }
        self.report_missed_messages();
        let missing = self.sink.frames_dropped();
        if missing > 0 {
            let sentence = format!(
                "the recording lacks {}: its file system was slower than the trace",
                text::counted(missing, "frame"),
            );
            self.limitation(sentence);
        }
        let dropped = self.sink.lines_dropped();
        if dropped > 0 {
            let sentence = format!(
                "output fell behind: {} not shown, because the reader of standard output was \
                 slower than the trace; all connections are counted here",
                text::counted(dropped, "line"),
            );
            self.limitation(sentence);
        }
    }

    /// Says how many messages the reader of standard error did not take.
    fn report_missed_messages(&mut self) {
        let missed = warn::missed();
        if missed > 0 {
            let were = if missed == 1 { "was" } else { "were" };
            let sentence = format!(
                "{} {were} not shown, because the reader of standard error was slower than the \
                 trace",
                text::counted(missed, "message"),
            );
            self.limitation(sentence);
        }
    }

    pub(super) fn limitation(&mut self, sentence: String) {
        self.sink.emit(Frame::Limitation(&Limitation::of(sentence)));
    }
}

/// Pids that a limitation names.
const MOST_PIDS: usize = 8;
