// SPDX-License-Identifier: MIT
//! Which process is looked at when. No clock: the caller tells the time.

use std::collections::HashMap;

use zkchurn_core::{
    inspection::{Inspection, jvm::Dump},
    ledger::Churning,
    process::ProcessKey,
    registry::MOST_INSPECTIONS,
};

use crate::host::{inspector::Request, jvm::JvmMode};

/// Ended connections from which on a process is worth a closer look while the
/// trace goes on.
pub(super) const CHURNS_FROM: u64 = 3;
/// Most processes that are looked at when the trace ends.
pub(super) const MOST_LAST: usize = 5;
/// Most looks that go on at once.
const MOST_AT_ONCE: usize = 4;
/// Looks that may be taken one right after the other. A look reads dozens of files,
/// and the host has other work.
const MOST_IN_A_ROW: u64 = 5;
/// After those, the time from one to the next.
const BETWEEN_LOOKS_NS: u64 = 2_000_000_000;
/// Most processes of which is remembered that they were looked at, fewer than there are
/// inspections: whose inspection was evicted is looked at again, if it churns still.
const MOST_REMEMBERED: usize = MOST_INSPECTIONS / 2;
/// Most threads of a process that are looked for in its dump.
const MOST_THREADS: usize = 64;
/// Between two thread dumps of one process: a dump stops the whole JVM.
const BETWEEN_DUMPS_NS: u64 = 60_000_000_000;
/// Most dumps of one process in a trace that nobody and no incident asks for.
const MOST_DUMPS: u32 = 3;

/// A process that an incident names is not looked at for it where it was so lately.
const LATELY_NS: u64 = 30_000_000_000;

/// The same of a trace, which has an end, and reads only what logs have got since: a line that
/// explains the churn may come late, and the process may end before the trace does.
const FIRST_NEW_LINES_NS: u64 = 5_000_000_000;
/// The longest such time, unless so many take turns that it is longer.
const LAST_NEW_LINES_NS: u64 = 60_000_000_000;
/// Between two such looks at any process: tails of 16 logs take half a second to search at most.
const BETWEEN_NEW_LINES_NS: u64 = 5_000_000_000;
/// Slots that such looks leave to first ones.
const ROOM_FOR_OTHERS: usize = 2;

/// From a look of an agent at what goes on churning to its next one, which comes twice as late
/// each time: what began to churn may not have written yet why.
const FIRST_AGAIN_NS: u64 = 30_000_000_000;
/// The longest such time.
const LAST_AGAIN_NS: u64 = 600_000_000_000;
/// What was not looked at for so long has stopped in between, and churns anew.
const ANEW_NS: u64 = 2 * LAST_AGAIN_NS;

/// Which further looks there are while a trace goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Again {
    Never,
    /// At what logs have got since the last one.
    NewLines,
    /// At everything but threads, ever more seldom: an agent has no end at which that would happen.
    Everything,
}

/// What was asked of whom, and what came back.
#[derive(Debug)]
pub(super) struct Schedule {
    jvm: JvmMode,
    logs: bool,
    again: Again,
    /// From when on there may be a further look at new lines.
    new_lines_from_ns: u64,
    suspects: HashMap<ProcessKey, Suspect>,
    /// Numbers the suspects in the order in which they came.
    entered: u64,
    /// When the budget of first looks is whole again, and how far it is used up before.
    whole_at_ns: u64,
}

/// Too many looks are under way, or were taken right before.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NoRoom;

#[derive(Debug, Default)]
struct Suspect {
    number: u64,
    waiting: bool,
    /// Whether the last look asks for a dump, too.
    dumping: bool,
    /// Whether it asks only for what logs have got since the one before.
    for_new_lines: bool,
    /// Whether nothing was there any more.
    gone: bool,
    last_look_ns: u64,
    again_after_ns: u64,
    dumps: u32,
    last_dump_ns: u64,
    named: bool,
}

impl Suspect {
    /// Whether the last dump was so long ago that its JVM may be stopped for another one.
    fn may_dump_again(&self, now_ns: u64) -> bool {
        self.dumps == 0 || now_ns >= self.last_dump_ns + BETWEEN_DUMPS_NS
    }
}

impl Schedule {
    /// A schedule that asks JVMs by `jvm`, and searches logs or not.
    pub(super) fn new(jvm: JvmMode, logs: bool) -> Self {
        Self {
            jvm,
            logs,
            again: Again::Never,
            new_lines_from_ns: 0,
            suspects: HashMap::new(),
            entered: 0,
            whole_at_ns: 0,
        }
    }

    /// Has logs of what goes on churning read again and again, if logs are read at all.
    pub(super) fn look_again(&mut self, again: Again) {
        if self.logs {
            self.again = again;
        }
    }

    /// Whether the look at this process that is under way is only for what its logs have got.
    pub(super) fn is_for_new_lines(&self, process: ProcessKey) -> bool {
        let suspect = self.suspects.get(&process);
        suspect.is_some_and(|suspect| suspect.for_new_lines)
    }

    /// Whether a look at this process would be due at `now_ns`, if there is room.
    pub(super) fn wants(&self, process: ProcessKey, now_ns: u64) -> bool {
        !self.suspects.contains_key(&process)
            || self.may_dump(process, now_ns)
            || self.is_again_due(process, now_ns)
    }

    fn is_again_due(&self, process: ProcessKey, now_ns: u64) -> bool {
        let Some(suspect) = self.suspects.get(&process) else {
            return false;
        };
        let has_turn = match self.again {
            Again::Never => false,
            Again::NewLines => {
                !suspect.gone
                    && now_ns >= self.new_lines_from_ns
                    && self.room() > ROOM_FOR_OTHERS
                    && now_ns >= suspect.last_look_ns + self.turns_ns()
            }
            Again::Everything => true,
        };
        has_turn && !suspect.waiting && now_ns >= suspect.last_look_ns + suspect.again_after_ns
    }

    /// How long it takes until each that is there has had its turn.
    fn turns_ns(&self) -> u64 {
        let there = self.suspects.values().filter(|suspect| !suspect.gone);
        there.count() as u64 * BETWEEN_NEW_LINES_NS
    }

    /// Whether there may be the further look that is due.
    fn spend_again(&mut self, now_ns: u64) -> bool {
        if self.again != Again::NewLines {
            return self.spend(now_ns);
        }
        self.new_lines_from_ns = now_ns + BETWEEN_NEW_LINES_NS;
        true
    }

    /// How many looks may begin now.
    pub(super) fn room(&self) -> usize {
        let waiting = self.suspects.values().filter(|suspect| suspect.waiting);
        MOST_AT_ONCE.saturating_sub(waiting.count())
    }

    /// The looks that are due at `now_ns`, while the trace goes on: those that churn worst
    /// first, each once, and its JVM again after a minute when the dump did not show the
    /// threads that connect; those that go on again, ever more seldom, of a trace for new lines
    /// in their logs. What finds no room now has another chance each time.
    pub(super) fn due(&mut self, churning: Vec<Churning>, now_ns: u64) -> Vec<Request> {
        let mut due = Vec::new();
        for process in churning {
            if self.room() == 0 {
                break;
            }
            let is_new = !self.suspects.contains_key(&process.process);
            let dump = self.may_dump(process.process, now_ns);
            let again = self.is_again_due(process.process, now_ns);
            if (!is_new && dump) || (is_new && self.spend(now_ns)) {
                due.push(self.request(process, dump, now_ns));
            } else if again && self.spend_again(now_ns) {
                let request = self.request(process, dump, now_ns);
                due.push(self.as_again(request));
            }
        }
        due
    }

    /// A look at a process that an incident names, however few connections it has, and with a
    /// dump where dumps are taken, whatever it had before: an agent's trace lasts for weeks. None
    /// where it is being looked at, or was lately, unless that brings no dump.
    ///
    /// # Errors
    ///
    /// There is no room for it at present.
    pub(super) fn named(
        &mut self,
        process: &Churning,
        now_ns: u64,
    ) -> Result<Option<Request>, NoRoom> {
        let suspect = self.suspects.get(&process.process);
        let lacks_dump = |suspect: &Suspect| !suspect.dumping && suspect.may_dump_again(now_ns);
        let dump = self.jvm == JvmMode::Dump && suspect.is_none_or(lacks_dump);
        let is_waiting = suspect.is_some_and(|suspect| suspect.waiting);
        let was_lately = |suspect: &Suspect| suspect.last_look_ns + LATELY_NS > now_ns;
        if !dump && (is_waiting || suspect.is_some_and(was_lately)) {
            return Ok(None);
        }
        if is_waiting || self.room() == 0 || !self.spend(now_ns) {
            return Err(NoRoom);
        }
        Ok(Some(self.request(process.clone(), dump, now_ns)))
    }

    /// A look with a dump that somebody asks for, however many there were.
    ///
    /// # Errors
    ///
    /// Why there is none now, in words.
    pub(super) fn dump_now(
        &mut self,
        process: Churning,
        now_ns: u64,
    ) -> Result<Request, &'static str> {
        if self.jvm != JvmMode::Dump {
            return Err("no thread dumps: start with --jvm dump");
        }
        let suspect = self.suspects.get(&process.process);
        if suspect.is_some_and(|suspect| suspect.waiting) {
            return Err("it is being looked at already");
        }
        if self.room() == 0 {
            return Err("other processes are being looked at: try again in a few seconds");
        }
        Ok(self.request(process, true, now_ns))
    }

    /// Whether the budget has a look left: so many in a row, then one after the other.
    fn spend(&mut self, now_ns: u64) -> bool {
        let whole_at_ns = self.whole_at_ns.max(now_ns) + BETWEEN_LOOKS_NS;
        if whole_at_ns > now_ns + MOST_IN_A_ROW * BETWEEN_LOOKS_NS {
            return false;
        }
        self.whole_at_ns = whole_at_ns;
        true
    }

    /// The looks that are left to take when the trace is over: the processes
    /// that were not looked at, and the logs once more.
    pub(super) fn last(&mut self, churning: Vec<Churning>, now_ns: u64) -> Vec<Request> {
        let mut last = Vec::new();
        for process in churning {
            let suspect = self.suspects.get(&process.process);
            if suspect.is_some_and(|suspect| suspect.waiting) {
                continue;
            }
            let is_new = suspect.is_none();
            let dump = self.may_dump(process.process, now_ns);
            if is_new || dump || self.logs {
                last.push(self.request(process, dump, now_ns));
            }
        }
        last
    }

    /// A process is another program now, of which there is no look.
    pub(super) fn forget(&mut self, process: ProcessKey) {
        let suspect = self.suspects.get(&process);
        if suspect.is_some_and(|suspect| !suspect.waiting) {
            self.suspects.remove(&process);
        }
    }

    /// Takes note of what a look brought.
    pub(super) fn done(&mut self, inspection: &Inspection) {
        let Some(suspect) = self.suspects.get_mut(&inspection.key) else {
            return;
        };
        suspect.waiting = false;
        suspect.gone = inspection.details.is_none();
        if std::mem::take(&mut suspect.for_new_lines) {
            return;
        }
        if std::mem::take(&mut suspect.dumping) {
            // The request may have waited long for its turn.
            suspect.last_dump_ns = suspect.last_dump_ns.max(inspection.at_ns);
        }
        let Some(jvm) = &inspection.jvm else {
            // No JVM, or gone: there is nothing more to ask.
            suspect.named = true;
            return;
        };
        match jvm.dump {
            Dump::Taken { .. } => suspect.named |= !jvm.threads.is_empty(),
            Dump::Impossible { .. } => suspect.named = true,
            Dump::NotAsked => {}
        }
    }

    fn may_dump(&self, process: ProcessKey, now_ns: u64) -> bool {
        if self.jvm != JvmMode::Dump {
            return false;
        }
        let Some(suspect) = self.suspects.get(&process) else {
            return true;
        };
        !suspect.waiting
            && !suspect.named
            && suspect.dumps < MOST_DUMPS
            && suspect.may_dump_again(now_ns)
    }

    /// Forgets the one that was entered first, and is not being looked at.
    fn make_room(&mut self) {
        if self.suspects.len() < MOST_REMEMBERED {
            return;
        }
        let idle = self.suspects.iter().filter(|(_, suspect)| !suspect.waiting);
        let oldest = idle.min_by_key(|(_, suspect)| suspect.number);
        if let Some(process) = oldest.map(|(process, _)| *process) {
            self.suspects.remove(&process);
        }
    }

    /// The same look as one of those that are taken again.
    fn as_again(&mut self, mut request: Request) -> Request {
        let suspect = self.suspects.get_mut(&request.process);
        if let (Some(suspect), Again::NewLines) = (suspect, self.again) {
            suspect.for_new_lines = true;
            request.jvm = JvmMode::Off;
        }
        request
    }

    fn request(&mut self, mut process: Churning, dump: bool, now_ns: u64) -> Request {
        self.make_room();
        self.entered += 1;
        let number = self.entered;
        let suspect = self.suspects.entry(process.process).or_insert(Suspect {
            number,
            ..Suspect::default()
        });
        suspect.waiting = true;
        let (first, last) = match self.again {
            Again::NewLines => (FIRST_NEW_LINES_NS, LAST_NEW_LINES_NS),
            _ => (FIRST_AGAIN_NS, LAST_AGAIN_NS),
        };
        suspect.again_after_ns = match now_ns.saturating_sub(suspect.last_look_ns) {
            ANEW_NS.. => first,
            _ => (2 * suspect.again_after_ns).clamp(first, last),
        };
        suspect.last_look_ns = now_ns;
        suspect.dumping = dump;
        if dump {
            suspect.dumps += 1;
            suspect.last_dump_ns = now_ns;
        }
        process.tids.truncate(MOST_THREADS);
        Request {
            process: process.process,
            tids: process.tids,
            jvm: match self.jvm {
                JvmMode::Dump if !dump => JvmMode::Name,
                mode => mode,
            },
            logs: self.logs,
            serves: Vec::new(),
            earlier: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use zkchurn_core::inspection::{
        Details,
        jvm::{JavaThread, Jvm, JvmKind},
    };

    const SECOND: u64 = 1_000_000_000;

    fn process(pid: u32) -> ProcessKey {
        ProcessKey { pid, start_ns: 0 }
    }

    fn churning(pids: &[u32]) -> Vec<Churning> {
        pids.iter()
            .map(|pid| Churning {
                process: process(*pid),
                tids: vec![pid + 1],
            })
            .collect()
    }

    fn seen(pid: u32, dump: Dump, threads: Vec<JavaThread>) -> Inspection {
        Inspection {
            key: process(pid),
            at_ns: 0,
            details: None,
            jvm: Some(Jvm {
                kind: JvmKind::HotSpot,
                catalina_base: None,
                flags: Vec::new(),
                inner_pid: pid,
                dump,
                tasks: Vec::new(),
                threads,
                jstack: String::new(),
            }),
            logs: None,
        }
    }

    fn thread() -> JavaThread {
        JavaThread {
            tid: 2,
            inner_tid: 2,
            name: "main-SendThread".to_owned(),
            state: None,
            stack: Vec::new(),
            frames_left_out: 0,
            doubt: None,
        }
    }

    const TAKEN: Dump = Dump::Taken {
        threads: 20,
        started_attach: false,
    };

    #[test]
    fn whom_an_incident_names_is_looked_at_unless_it_was_lately() {
        let mut schedule = Schedule::new(JvmMode::Name, true);
        let [named] = &churning(&[7])[..] else {
            unreachable!()
        };
        let begin = 1_000 * SECOND;
        let request = schedule.named(named, begin).unwrap().unwrap();
        assert_eq!((request.process, request.logs), (process(7), true));
        assert_eq!(request.jvm, JvmMode::Name, "a dump is not asked for");
        // It is being looked at; and then it was.
        assert_eq!(schedule.named(named, begin + LATELY_NS), Ok(None));
        schedule.done(&seen(7, Dump::NotAsked, Vec::new()));
        assert_eq!(schedule.named(named, begin + LATELY_NS - 1), Ok(None));
        assert!(schedule.named(named, begin + LATELY_NS).unwrap().is_some());
    }

    #[test]
    fn whom_an_incident_names_gets_a_dump_whatever_it_had_before() {
        let why = "-Xrs".to_owned();
        let no_answer = Inspection {
            jvm: None,
            ..seen(1, Dump::NotAsked, Vec::new())
        };
        for before in [
            seen(1, TAKEN, vec![thread()]),
            seen(1, Dump::Impossible { why }, Vec::new()),
            no_answer,
        ] {
            let mut schedule = Schedule::new(JvmMode::Dump, true);
            schedule.look_again(Again::Everything);
            let one = &churning(&[1])[0];
            assert_eq!(schedule.due(churning(&[1]), 0)[0].jvm, JvmMode::Dump);
            schedule.done(&before);
            let lately = schedule.named(one, BETWEEN_DUMPS_NS - 1).unwrap();
            assert_eq!(lately.unwrap().jvm, JvmMode::Name, "one a minute");
            schedule.done(&before);
            // Weeks later, more often than a trace has dumps, each after a look without one.
            for incident in 1..=5 {
                let begin = incident * 1_000_000 * SECOND;
                let look = schedule.due(churning(&[1]), begin).remove(0);
                assert_eq!(look.jvm, JvmMode::Name, "it churns");
                // As long as that is under way the dump waits.
                assert_eq!(schedule.named(one, begin + SECOND), Err(NoRoom));
                schedule.done(&Inspection {
                    at_ns: begin + SECOND,
                    ..before.clone()
                });
                let request = schedule.named(one, begin + 2 * SECOND).unwrap();
                assert_eq!(request.unwrap().jvm, JvmMode::Dump, "incident {incident}");
                assert_eq!(schedule.named(one, begin + 90 * SECOND), Ok(None));
                schedule.done(&Inspection {
                    at_ns: begin + 3 * SECOND,
                    ..before.clone()
                });
                // What is named again at once was seen.
                assert_eq!(schedule.named(one, begin + 10 * SECOND), Ok(None));
            }
        }
    }

    #[test]
    fn incidents_keep_to_the_budget_of_looks() {
        let mut schedule = Schedule::new(JvmMode::Dump, true);
        let named = churning(&[1, 2, 3, 4, 5]);
        for one in &named[..MOST_AT_ONCE] {
            let request = schedule.named(one, 0).unwrap().unwrap();
            assert_eq!(request.jvm, JvmMode::Dump, "the settings allow it");
        }
        assert_eq!(schedule.named(&named[4], 0), Err(NoRoom));
        schedule.done(&seen(1, Dump::NotAsked, Vec::new()));
        assert!(schedule.named(&named[4], 0).unwrap().is_some());
    }

    #[test]
    fn each_process_is_looked_at_once() {
        let mut schedule = Schedule::new(JvmMode::Name, false);
        let first = schedule.due(churning(&[1, 2]), 0);
        assert_eq!(first.len(), 2);
        assert_eq!(first[0].jvm, JvmMode::Name);
        assert_eq!(schedule.due(churning(&[1, 2]), 100 * SECOND), []);
        let again = |pid| seen(pid, Dump::NotAsked, Vec::new());
        (1..=2).for_each(|pid| schedule.done(&again(pid)));
        assert_eq!(schedule.due(churning(&[1, 2]), 100 * SECOND), []);
        assert_eq!(schedule.last(churning(&[1, 3]), 100 * SECOND).len(), 1);
    }

    /// Whom a schedule asks at which second, each look done by the next one.
    fn asked(
        schedule: &mut Schedule,
        pids: impl Fn(u64) -> Vec<u32>,
        until: u64,
    ) -> Vec<(u64, u32)> {
        let mut asked = Vec::new();
        for second in 0..until {
            let wants = pids(second).into_iter();
            let wants = wants.filter(|pid| schedule.wants(process(*pid), second * SECOND));
            let wants: Vec<_> = wants.collect();
            for request in schedule.due(churning(&wants), second * SECOND) {
                asked.push((second, request.process.pid));
                schedule.done(&seen(request.process.pid, Dump::NotAsked, Vec::new()));
            }
        }
        asked
    }

    #[test]
    fn decoys_that_come_first_do_not_blind_it_to_what_churns_later() {
        let mut schedule = Schedule::new(JvmMode::Name, true);
        // Twenty decoys at once; what churns worst is listed first, from the third second on.
        let decoys = |second| match second {
            0..3 => (1..=20).collect(),
            _ => [99].into_iter().chain(1..=20).collect(),
        };
        let asked = asked(&mut schedule, decoys, 60);
        let at_once = asked.iter().filter(|(second, _)| *second == 0);
        assert_eq!(at_once.count(), MOST_AT_ONCE);
        let real = asked.iter().find(|(_, pid)| *pid == 99).unwrap();
        assert!(real.0 <= 4, "{asked:?}");
        let all = asked.len();
        assert_eq!(
            all, 21,
            "slots come back: each has its turn, once, {asked:?}"
        );
        let last = asked.last().unwrap().0;
        assert!(last >= 30, "but not all at once: {last}");
    }

    #[test]
    fn looks_that_hang_take_no_more_than_their_slots_until_they_are_given_up() {
        let mut schedule = Schedule::new(JvmMode::Name, false);
        let first = schedule.due(churning(&[1, 2, 3, 4, 5]), 0);
        assert_eq!(first.len(), MOST_AT_ONCE);
        assert_eq!(schedule.due(churning(&[6]), 100 * SECOND), []);
        assert_eq!(schedule.room(), 0);
        schedule.done(&seen(1, Dump::NotAsked, Vec::new()));
        assert_eq!(schedule.due(churning(&[6, 7]), 100 * SECOND).len(), 1);
        // At the end those that were not looked at have their chance all the same.
        let last = schedule.last(churning(&[2, 8]), 101 * SECOND);
        assert_eq!(last.len(), 1, "the one that hangs is not asked again");
    }

    #[test]
    fn days_of_short_programs_are_not_remembered_and_who_churns_on_is_looked_at_again() {
        let mut schedule = Schedule::new(JvmMode::Name, false);
        let pids = |second| vec![1, second as u32 + 100];
        let asked = asked(&mut schedule, pids, 2_000);
        assert!(schedule.suspects.len() <= MOST_REMEMBERED);
        let again = asked.iter().filter(|(_, pid)| *pid == 1).count();
        assert!(again > 1, "{again}");
    }

    #[test]
    fn an_agent_looks_again_at_what_goes_on_and_soon_at_what_begins_anew() {
        let mut schedule = Schedule::new(JvmMode::Name, true);
        schedule.look_again(Again::Everything);
        let churns = |second| match second {
            100..2_100 | 9_000..9_100 => vec![1],
            _ => vec![],
        };
        let asked = asked(&mut schedule, churns, 10_000);
        let seconds: Vec<_> = asked.iter().map(|(second, _)| *second).collect();
        let expected = [100, 130, 190, 310, 550, 1_030, 1_630, 9_000, 9_030, 9_090];
        assert_eq!(seconds, expected);
        let mut schedule = Schedule::new(JvmMode::Name, false);
        schedule.look_again(Again::Everything);
        assert_eq!(self::asked(&mut schedule, churns, 10_000), [(100, 1)]);
    }

    /// A process that is there, without a JVM.
    fn there(pid: u32) -> Inspection {
        Inspection {
            details: Some(Details::default()),
            jvm: None,
            ..seen(pid, Dump::NotAsked, Vec::new())
        }
    }

    #[test]
    fn a_trace_reads_what_logs_have_got_in_turns_that_delay_no_first_look() {
        let mut schedule = Schedule::new(JvmMode::Dump, true);
        schedule.look_again(Again::NewLines);
        let mut asked = Vec::new();
        for second in 0..600 {
            // Thirty come in the second minute, one of which is gone in the third.
            let pids: Vec<u32> = match second {
                0..60 => vec![1],
                _ => (1..=30).collect(),
            };
            let wants = |pid: &u32| schedule.wants(process(*pid), second * SECOND);
            let wants: Vec<_> = pids.into_iter().filter(wants).collect();
            for request in schedule.due(churning(&wants), second * SECOND) {
                let pid = request.process.pid;
                let again = schedule.is_for_new_lines(request.process);
                assert_eq!(request.jvm == JvmMode::Off, again);
                asked.push((second, pid, again));
                match pid == 2 && again {
                    true => schedule.done(&seen(pid, Dump::NotAsked, Vec::new())),
                    false => schedule.done(&there(pid)),
                }
            }
        }
        let of = |pid| asked.iter().filter(move |one| one.1 == pid);
        let first: Vec<_> = of(1).map(|one| one.0).take(4).collect();
        assert_eq!(first, [0, 5, 15, 35]);
        let begun = (2..=30).map(|pid| of(pid).next().unwrap());
        assert!(begun.clone().all(|one| !one.2 && one.0 < 120), "{asked:?}");
        assert_eq!(of(2).count(), 2, "who is gone is not asked again");
        let turns: Vec<_> = (3..=30).map(|pid| of(pid).count()).collect();
        assert!(
            turns.iter().all(|turns| (3..=4).contains(turns)),
            "{turns:?}"
        );
        let again: Vec<_> = asked.iter().filter(|one| one.2).collect();
        assert!(again.windows(2).all(|two| two[1].0 >= two[0].0 + 5));
    }

    #[test]
    fn never_more_than_one_dump_a_minute_and_three_in_all() {
        let mut schedule = Schedule::new(JvmMode::Dump, false);
        let mut dumps = Vec::new();
        for second in 0..600 {
            for request in schedule.due(churning(&[1]), second * SECOND) {
                assert_eq!(request.jvm, JvmMode::Dump);
                dumps.push(second);
                schedule.done(&seen(1, TAKEN, Vec::new()));
            }
        }
        assert_eq!(dumps, [0, 60, 120]);
    }

    #[test]
    fn a_dump_that_is_asked_for_is_taken_unless_a_look_is_under_way() {
        let mut schedule = Schedule::new(JvmMode::Dump, false);
        let now = |schedule: &mut Schedule, pid: u32| {
            let process = churning(&[pid]).remove(0);
            schedule
                .dump_now(process, SECOND)
                .map(|request| request.jvm)
        };
        for _ in 0..5 {
            assert_eq!(now(&mut schedule, 1), Ok(JvmMode::Dump));
            assert!(now(&mut schedule, 1).is_err());
            schedule.done(&seen(1, TAKEN, Vec::new()));
        }
        (2..=5).for_each(|pid| assert!(now(&mut schedule, pid).is_ok()));
        assert!(now(&mut schedule, 6).is_err(), "no more at once");
        let mut schedule = Schedule::new(JvmMode::Name, false);
        assert!(now(&mut schedule, 1).is_err());
    }

    #[test]
    fn the_minute_begins_when_the_dump_was_taken_and_not_when_it_was_asked_for() {
        let mut schedule = Schedule::new(JvmMode::Dump, false);
        schedule.due(churning(&[1]), 0);
        schedule.done(&Inspection {
            at_ns: 50 * SECOND,
            ..seen(1, TAKEN, Vec::new())
        });
        assert_eq!(schedule.due(churning(&[1]), 109 * SECOND), []);
        assert_eq!(schedule.due(churning(&[1]), 110 * SECOND).len(), 1);
    }

    #[test]
    fn a_dump_that_named_the_thread_or_is_impossible_is_not_repeated() {
        let why = "-Xrs".to_owned();
        for (dump, threads) in [
            (TAKEN, vec![thread()]),
            (Dump::Impossible { why }, Vec::new()),
        ] {
            let mut schedule = Schedule::new(JvmMode::Dump, true);
            schedule.due(churning(&[1]), 0);
            schedule.done(&seen(1, dump, threads));
            assert_eq!(schedule.due(churning(&[1]), 90 * SECOND), []);
            let last = schedule.last(churning(&[1]), 90 * SECOND);
            assert_eq!((last.len(), last[0].jvm), (1, JvmMode::Name));
        }
    }
}
