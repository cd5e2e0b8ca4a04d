// SPDX-License-Identifier: MIT
//! Which process is looked at when. No clock: the caller tells the time.

use std::collections::HashMap;

use zkchurn_core::{
    inspection::{Inspection, jvm::Dump},
    ledger::Churning,
    process::ProcessKey,
};

use crate::host::{inspector::Request, jvm::JvmMode};

/// Ended connections from which on a process is worth a closer look while the
/// trace goes on.
pub const CHURNS_FROM: u64 = 3;
/// Most processes that one trace looks at.
pub const MOST_SUSPECTS: usize = 5;
/// Most threads of a process that are looked for in its dump.
const MOST_THREADS: usize = 64;
/// Between two thread dumps of one process: a dump stops the whole JVM.
const BETWEEN_DUMPS_NS: u64 = 60_000_000_000;
/// Most dumps of one process in a trace.
const MOST_DUMPS: u32 = 3;

/// What was asked of whom, and what came back.
#[derive(Debug)]
pub struct Schedule {
    jvm: JvmMode,
    logs: bool,
    suspects: HashMap<ProcessKey, Suspect>,
}

#[derive(Debug, Default)]
struct Suspect {
    waiting: bool,
    dumps: u32,
    last_dump_ns: u64,
    named: bool,
}

impl Schedule {
    /// A schedule that asks JVMs by `jvm`, and searches logs or not.
    pub fn new(jvm: JvmMode, logs: bool) -> Self {
        Self {
            jvm,
            logs,
            suspects: HashMap::new(),
        }
    }

    /// The looks that are due at `now_ns`, while the trace goes on: each churning
    /// process once, and its JVM again after a minute when the dump did not show
    /// the threads that connect.
    pub fn due(&mut self, churning: Vec<Churning>, now_ns: u64) -> Vec<Request> {
        let mut due = Vec::new();
        for process in churning {
            if !self.has_room_for(process.process) {
                continue;
            }
            let is_new = !self.suspects.contains_key(&process.process);
            let dump = self.may_dump(process.process, now_ns);
            if is_new || dump {
                due.push(self.request(process, dump, now_ns));
            }
        }
        due
    }

    /// The looks that are left to take when the trace is over: the processes
    /// that were not looked at, and the logs once more.
    pub fn last(&mut self, churning: Vec<Churning>, now_ns: u64) -> Vec<Request> {
        let mut last = Vec::new();
        for process in churning {
            if !self.has_room_for(process.process) {
                continue;
            }
            let is_new = !self.suspects.contains_key(&process.process);
            let dump = self.may_dump(process.process, now_ns);
            if is_new || dump || self.logs {
                last.push(self.request(process, dump, now_ns));
            }
        }
        last
    }

    /// Takes note of what a look brought.
    pub fn done(&mut self, inspection: &Inspection) {
        let suspect = self.suspects.entry(inspection.key).or_default();
        suspect.waiting = false;
        if suspect.dumps > 0 {
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

    fn has_room_for(&self, process: ProcessKey) -> bool {
        self.suspects.contains_key(&process) || self.suspects.len() < MOST_SUSPECTS
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
            && (suspect.dumps == 0 || now_ns >= suspect.last_dump_ns + BETWEEN_DUMPS_NS)
    }

    fn request(&mut self, mut process: Churning, dump: bool, now_ns: u64) -> Request {
        let suspect = self.suspects.entry(process.process).or_default();
        suspect.waiting = true;
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
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use zkchurn_core::inspection::jvm::{JavaThread, Jvm, JvmKind};

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

    const TAKEN: Dump = Dump::Taken {
        threads: 20,
        started_attach: false,
    };

    #[test]
    fn each_process_is_looked_at_once() {
        let mut schedule = Schedule::new(JvmMode::Name, false);
        let first = schedule.due(churning(&[1, 2]), 0);
        assert_eq!(first.len(), 2);
        assert_eq!(first[0].jvm, JvmMode::Name);
        assert_eq!(schedule.due(churning(&[1, 2]), 100 * SECOND), []);
        assert_eq!(schedule.last(churning(&[1, 3]), 100 * SECOND).len(), 1);
    }

    #[test]
    fn only_the_first_suspects_are_looked_at() {
        let mut schedule = Schedule::new(JvmMode::Dump, false);
        let many: Vec<_> = (1..=20).collect();
        assert_eq!(schedule.due(churning(&many), 0).len(), MOST_SUSPECTS);
        assert_eq!(schedule.last(churning(&[19, 20]), 0), []);
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
        let thread = JavaThread {
            tid: 2,
            inner_tid: 2,
            name: "main-SendThread".to_owned(),
            state: None,
            stack: Vec::new(),
            frames_left_out: 0,
            doubt: None,
        };
        let why = "-Xrs".to_owned();
        for (dump, threads) in [
            (TAKEN, vec![thread]),
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
