// SPDX-License-Identifier: MIT
//! What is asked of other processes while a trace goes on and at its end, and what becomes
//! of the answers. Nothing here waits for one, but for the end, which has a limit.

use tokio::time::{Instant, timeout_at};
use zkchurn_core::{
    frame::Frame,
    inspection::{Details, Inspection, logs::LogSearch},
    ledger::Churning,
    process::{ProcessIdentity, ProcessKey},
    recording::MAX_PAYLOAD,
};

use super::{
    collector::Collector,
    owed::{Debt, LOOK_WITHIN, Overdue},
    schedule::{CHURNS_FROM, MOST_LAST},
    silence::Blame,
    source::Probes,
};
use crate::{
    host::{
        helper::wire::{Answer, Found, Task},
        inspector::Request,
        jvm::JvmMode,
        logs::Searched,
    },
    warn::warn,
};

/// Processes that did not answer, of which it is said at once.
const MOST_NAMED: usize = 5;
/// Processes of which logs are looked for again at the end of a trace.
const MOST_FOUND_AGAIN: usize = 32;
/// Processes that incidents name and that wait for a look.
const MOST_OF_INCIDENTS: usize = 16;
/// Processes that did not answer, of which the report tells; of an agent there may be more in time.
const MOST_UNANSWERED: usize = 1_000;

impl<P: Probes> Collector<P> {
    /// Has the processes that churn looked at, and says of whom no answer came.
    pub(super) fn look_at_suspects(&mut self) {
        self.look_at_named();
        let now_ns = self.probes.monotonic_ns();
        let schedule = &self.schedule;
        let wanted = |process| schedule.wants(process, now_ns);
        let most = schedule.room();
        let churning = self.sink.pipeline.churning_now(CHURNS_FROM, most, wanted);
        for mut request in self.schedule.due(churning, now_ns) {
            if self.schedule.is_for_new_lines(request.process) {
                let earlier = self.sink.pipeline.inspection_of(request.process);
                request.earlier = earlier.cloned().map(Box::new);
            }
            self.inspect(request);
        }
        if !self.sink.pipeline.is_quiet() {
            self.ask_for_servers();
        }
        self.give_up(false);
    }

    /// Has processes looked at that an incident names: what they do as it begins belongs to it.
    pub(super) fn look_at(&mut self, named: Vec<Churning>) {
        for process in named {
            let is_known = |one: &Churning| one.process == process.process;
            if self.named.len() < MOST_OF_INCIDENTS && !self.named.iter().any(is_known) {
                self.named.push_back(process);
            }
        }
        self.look_at_named();
    }

    fn look_at_named(&mut self) {
        let now_ns = self.probes.monotonic_ns();
        while let Some(process) = self.named.front() {
            let Ok(request) = self.schedule.named(process, now_ns) else {
                return;
            };
            self.named.pop_front();
            if let Some(request) = request {
                self.inspect(request);
            }
        }
    }

    /// Asks who listens at the traced ports, where that is a matter of this trace and was not
    /// asked yet.
    fn ask_for_servers(&mut self) {
        let Some(ports) = self.servers.take_ports() else {
            return;
        };
        if let Some(id) = self.ask(Task::Listeners(ports)) {
            self.owed.enter(id, Debt::Listeners);
        }
    }

    /// Has the servers looked up, and their own logs read where that is wanted.
    fn look_at_servers(&mut self) {
        for (process, serves) in self.servers.listeners().to_vec() {
            // So that it has its name in the report.
            self.identify(process);
            if !self.servers.have_logs_read() {
                continue;
            }
            self.inspect(Request {
                process,
                tids: Vec::new(),
                jvm: JvmMode::Off,
                logs: true,
                serves,
                earlier: None,
            });
        }
    }

    /// Has a JVM asked for a thread dump because somebody wants one now; what became of that.
    pub(super) fn dump(&mut self, process: ProcessKey) -> String {
        let now_ns = self.probes.monotonic_ns();
        let churning = self.sink.pipeline.churning(1, usize::MAX);
        let churning = churning.into_iter().find(|one| one.process == process);
        let churning = churning.unwrap_or(Churning {
            process,
            tids: Vec::new(),
        });
        match self.schedule.dump_now(churning, now_ns) {
            Ok(request) => {
                self.inspect(request);
                format!(
                    "asked pid {}: Enter, then \"process\" shows the thread dump once it comes",
                    process.pid
                )
            }
            Err(why) => why.to_owned(),
        }
    }

    /// Asks once what other ports have, where nothing has ended at the traced ones.
    pub(super) fn ask_elsewhere(&mut self) {
        let Some(request) = self.elsewhere.take_if(|_| self.sink.pipeline.is_quiet()) else {
            return;
        };
        if let Some(id) = self.ask(Task::Elsewhere(request)) {
            self.owed.enter(id, Debt::Elsewhere);
        }
    }

    /// Asks who has the name that is traced now: who began later was not traced.
    pub(super) fn ask_who_is_called_so(&mut self) {
        let Some(name) = self.selection.name.clone() else {
            return;
        };
        if let Some(id) = self.ask(Task::Named(name)) {
            self.owed.enter(id, Debt::Called);
        }
    }

    fn inspect(&mut self, request: Request) {
        let key = request.process;
        match self.ask(Task::Inspect(request)) {
            Some(id) => self.owed.enter(id, Debt::Look(key, None)),
            None => self.seen(&not_seen(key, self.probes.monotonic_ns(), NOBODY_LOOKS)),
        }
    }

    fn seen(&mut self, inspection: &Inspection) {
        self.schedule.done(inspection);
        let is_gone = inspection.details.is_none();
        let mut inspection = inspection.clone();
        inspection.hide_secrets();
        self.sink.emit(Frame::Inspection(&inspection));
        if is_gone || self.has_log_of_earlier_look(inspection.key) {
            // What an earlier look has read may have gone with it, or be elsewhere.
            self.ask_where_logs_are(inspection.key);
        }
    }

    fn has_log_of_earlier_look(&self, key: ProcessKey) -> bool {
        let look = self.sink.pipeline.inspection_of(key);
        let logs = look.and_then(|look| look.logs.as_ref());
        logs.is_some_and(|logs| logs.files.iter().any(|file| file.read_before_ms.is_some()))
    }

    /// Asks what has become of the logs of a process since they were searched.
    fn ask_where_logs_are(&mut self, key: ProcessKey) {
        let look = self.sink.pipeline.inspection_of(key);
        let Some(searched) = look.and_then(Searched::of) else {
            return;
        };
        if let Some(id) = self.ask(Task::Whereabouts(searched)) {
            self.owed.enter(id, Debt::Whereabouts(key));
        }
    }

    /// Changes what a look has read of logs, if that is a change; the look is as old as it was.
    fn change_logs(&mut self, key: ProcessKey, change: impl FnOnce(&mut LogSearch)) {
        let Some(look) = self.sink.pipeline.inspection_of(key) else {
            return;
        };
        let mut changed = look.clone();
        if let Some(logs) = &mut changed.logs {
            change(logs);
        }
        changed.hide_secrets();
        changed.fit(MAX_PAYLOAD);
        if changed != *look {
            self.sink.emit(Frame::Inspection(&changed));
        }
    }

    /// It answers, whoever has asked.
    pub(super) fn helper_has_answered(&mut self) {
        if self.silence.answered() {
            warn(format_args!(
                "the helper process that looks into other processes (zkchurn-look) answers again"
            ));
        }
    }

    /// Takes an answer.
    pub(super) fn answered(&mut self, answer: Answer) {
        self.helper_has_answered();
        let Answer { id, last, found } = answer;
        match (self.owed.get_mut(id), found) {
            (Some(Debt::Identity(key)), found) => {
                let key = *key;
                self.owed.settle(id);
                if let Found::Identity(Some(identity)) = found {
                    self.identified(key, identity);
                }
                self.named(key);
            }
            (Some(Debt::Look(key, so_far)), Found::Inspection(inspection))
                if inspection.key == *key =>
            {
                if last {
                    self.owed.settle(id);
                    self.seen(&inspection);
                } else {
                    *so_far = Some(inspection);
                }
            }
            (Some(Debt::Look(key, _)), Found::Failed(why)) => {
                let key = *key;
                self.owed.settle(id);
                let sentence = format!("It could not be inspected: {why}.");
                self.seen(&not_seen(key, self.probes.monotonic_ns(), &sentence));
            }
            (Some(Debt::Sockets(so_far)), Found::Sockets { sockets, notes }) => {
                so_far.sockets.extend(sockets);
                so_far.notes.extend(notes);
                if last && let Some(Debt::Sockets(listing)) = self.owed.settle(id) {
                    self.time_wait = Some(listing);
                }
            }
            (Some(Debt::Sockets(so_far)), Found::Failed(why)) => {
                so_far
                    .notes
                    .push(format!("The sockets were not listed: {why}."));
                if let Some(Debt::Sockets(listing)) = self.owed.settle(id) {
                    self.time_wait = Some(listing);
                }
            }
            (Some(Debt::Elsewhere), found) => {
                self.owed.settle(id);
                if let Found::Elsewhere(elsewhere) = found {
                    self.sink.emit(Frame::Elsewhere(&elsewhere));
                    self.sink.flush();
                }
            }
            (Some(Debt::Listeners), found) => {
                self.owed.settle(id);
                if let Found::Listeners(listeners) = found {
                    self.servers.found(listeners);
                    self.look_at_servers();
                }
            }
            (Some(Debt::Whereabouts(key)), found) => {
                let key = *key;
                self.owed.settle(id);
                match found {
                    Found::Whereabouts(moved) if !moved.is_empty() => {
                        self.change_logs(key, |logs| logs.take_moves(&moved));
                    }
                    _ => {}
                }
            }
            (Some(Debt::Called), found) => {
                self.owed.settle(id);
                if let Found::Named(named) = found {
                    self.selection.at_end = named.pids;
                }
            }
            // What nobody asked for, or what does not answer what was asked.
            (_, _) => {}
        }
    }

    fn identified(&mut self, key: ProcessKey, mut identity: ProcessIdentity) {
        if !identity.key.may_be(key) {
            return;
        }
        identity.key = key;
        if !self.name_applications {
            identity.application = None;
        }
        identity.hide_secrets();
        if self.sink.pipeline.has_become(&identity) {
            self.schedule.forget(key);
        }
        self.sink.emit(Frame::Process(&identity));
    }

    /// Says of whom no answer came: in time, or with `all` by the end of the trace or of the
    /// helper.
    pub(super) fn give_up(&mut self, all: bool) {
        let mut unseen = Vec::new();
        let mut unlisted = None;
        let mut unnamed = Vec::new();
        let mut unfound = Vec::new();
        let mut is_any = false;
        for Overdue { debt, asked } in self.owed.overdue(all) {
            is_any = true;
            match debt {
                // That the helper has ended was said.
                Debt::Identity(_) if self.helper_ended => {}
                Debt::Identity(key) => unnamed.push((*key, asked)),
                Debt::Look(key, so_far) => unseen.push((*key, so_far.clone())),
                // A hint that does not come is none.
                Debt::Elsewhere | Debt::Listeners | Debt::Called => {}
                Debt::Whereabouts(key) => unfound.push(*key),
                Debt::Sockets(so_far) => unlisted = Some(so_far.clone()),
            }
        }
        self.say_who_was_not_looked_up(&unnamed);
        let stopped = (all && is_any).then(|| self.probes.stopped()).flatten();
        // Where somebody was to be looked up it was said.
        if let Some(pid) = stopped.filter(|_| unnamed.is_empty()) {
            self.limitation(format!(
                "{}: what it was asked at the end of the trace was not answered",
                was_stopped(pid)
            ));
        }
        for key in unfound {
            self.change_logs(key, |logs| {
                logs.notes.retain(|note| note != NOT_LOOKED_FOR);
                logs.notes.push(NOT_LOOKED_FOR.to_owned());
            });
        }
        for (key, so_far) in unseen {
            if so_far.is_none() && self.sink.pipeline.has_inspection(key) {
                // What an earlier look brought is still true.
                continue;
            }
            let sentence = match all {
                _ if self.helper_ended => NOBODY_LOOKS.to_owned(),
                true => {
                    let why = stopped.map(|pid| format!(": {}", was_stopped(pid)));
                    format!(
                        "Inspecting it was not finished when the trace ended{}.",
                        why.unwrap_or_default()
                    )
                }
                false => format!(
                    "Inspecting it took longer than {} s.",
                    LOOK_WITHIN.as_secs()
                ),
            };
            let note = not_seen(key, self.probes.monotonic_ns(), &sentence);
            self.seen(&with_note(so_far, note));
        }
        if let Some(mut listing) = unlisted {
            listing.notes.push(match stopped {
                _ if self.helper_ended => {
                    "The list of sockets is not complete: the helper process that lists them has ended."
                        .to_owned()
                }
                Some(pid) => format!("The list of sockets is not complete: {}.", was_stopped(pid)),
                None => "The list of sockets was not complete in time.".to_owned(),
            });
            self.time_wait = Some(listing);
        }
    }

    /// Blames these processes, or once the helper.
    fn say_who_was_not_looked_up(&mut self, unnamed: &[(ProcessKey, Instant)]) {
        if unnamed.is_empty() {
            return;
        }
        let asked: Vec<_> = unnamed.iter().map(|(_, asked)| *asked).collect();
        let blame = self.silence.judge(&asked, self.probes.stopped());
        if let Blame::Helper(why) = &blame {
            warn(format_args!("{why}"));
        }
        for (key, _) in unnamed {
            if blame == Blame::Processes && self.unanswered.len() < MOST_NAMED {
                warn(format_args!(
                    "process {} was not looked up in time: {NOT_READ}; it is shown by the name \
                     that the kernel saw",
                    key.pid
                ));
            }
            if self.unanswered.len() < MOST_UNANSWERED {
                self.unanswered.push(*key);
            }
        }
    }

    /// Asks for the looks that nobody has taken yet.
    pub(super) fn ask_for_last_looks(&mut self) {
        let churning = self.sink.pipeline.churning(1, MOST_LAST);
        let now_ns = self.probes.monotonic_ns();
        for request in self.schedule.last(churning, now_ns) {
            self.inspect(request);
        }
        // Once more, for what was written since.
        self.look_at_servers();
        if !self.sink.pipeline.is_quiet() {
            self.ask_for_servers();
        }
    }

    /// Asks what has become of logs that were searched. Also of processes that are looked at once
    /// more: that may take too long.
    pub(super) fn ask_where_all_logs_are(&mut self) {
        for churning in self.sink.pipeline.churning(1, MOST_FOUND_AGAIN) {
            self.ask_where_logs_are(churning.process);
        }
    }

    /// Waits for all that is owed, until `deadline`, and says what did not come.
    pub(super) async fn settle(&mut self, deadline: Instant) {
        while self.owed.is_awaited() {
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
        self.give_up(true);
    }
}

/// What keeps a process from being looked up. Which of these it is cannot be told from here.
pub(super) const NOT_READ: &str = "it holds a lock that reading /proc/PID/cmdline takes, or the \
                                   helper process that reads it (zkchurn-look) is stopped or gets \
                                   no CPU";

/// That somebody has stopped the helper, a clause.
fn was_stopped(pid: u32) -> String {
    format!(
        "the helper process that looks into other processes and lists sockets (zkchurn-look, pid \
         {pid}) was stopped, by SIGSTOP or a debugger"
    )
}

const NOT_LOOKED_FOR: &str = "Whether its logs were renamed or deleted after they were searched was \
                              not found out.";

const NOBODY_LOOKS: &str =
    "It was not inspected: the helper process that looks into other processes has ended.";

/// What stands for a look that did not end.
fn not_seen(key: ProcessKey, at_ns: u64, sentence: &str) -> Inspection {
    Inspection {
        key,
        at_ns,
        details: Some(Details {
            notes: vec![sentence.to_owned()],
            ..Details::default()
        }),
        jvm: None,
        logs: None,
    }
}

/// As far as a look has come, with the note of why it has not come further.
fn with_note(so_far: Option<Box<Inspection>>, note: Inspection) -> Inspection {
    let Some(mut inspection) = so_far else {
        return note;
    };
    let notes = note
        .details
        .map(|details| details.notes)
        .unwrap_or_default();
    let details = inspection.details.get_or_insert_default();
    details.notes.extend(notes);
    *inspection
}
