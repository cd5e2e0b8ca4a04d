// SPDX-License-Identifier: MIT
//! Logs of processes that were looked at, in which lines are looked for as well. They are few,
//! whatever churns: of those looked at last. Why one cannot be read the look says already.

use zkchurn_core::{incident::trigger::Fired, inspection::Inspection, process::ProcessKey, text};

use super::{
    lines::{Look, SILENT_FOR, fired},
    source::Probes,
};
use crate::{
    host::{
        helper::wire::{Answer, Found, Task},
        new_lines::NewLines,
        watched_log::WatchedLog,
    },
    warn::warn,
};

/// Most logs that are watched.
const MOST: usize = 8;
/// Most of one process: those that are most likely its logs.
const MOST_OF_ONE: usize = 3;
/// Looks in a row that fail before a log is given up: its process is gone, as a rule. A log that is
/// being rotated is there again at the next look.
const FAILS: u32 = 6;

/// The logs, those of the process that was looked at last at the end.
#[derive(Debug, Default)]
pub(super) struct FoundLogs {
    logs: Vec<FoundLog>,
    /// Whether it was said that one does not answer, and none has since. Those behind it wait for
    /// the same threads of the helper, and processes come and go: each would be a message.
    is_said_silent: bool,
}

#[derive(Debug)]
struct FoundLog {
    log: WatchedLog,
    process: ProcessKey,
    look: Look,
    failed: u32,
}

impl FoundLogs {
    /// Takes note of the logs of a process, but for those that somebody has named.
    pub(super) fn seen(&mut self, inspection: &Inspection, is_named: impl Fn(&str) -> bool) {
        let Some(details) = &inspection.details else {
            return;
        };
        let process = inspection.key;
        let files = details.log_files.iter();
        let files = files.filter(|file| !is_named(&file.path));
        let open = files.map(|file| WatchedLog::Open {
            process,
            file: file.clone(),
        });
        let container = details.container.clone().map(WatchedLog::Container);
        // The most likely one comes last, so that it stays for longest.
        let logs: Vec<_> = container
            .into_iter()
            .chain(open)
            .take(MOST_OF_ONE)
            .collect();
        for log in logs.into_iter().rev() {
            self.note(log, process);
        }
        let more = self.logs.len().saturating_sub(MOST);
        self.logs.drain(..more);
    }

    fn note(&mut self, log: WatchedLog, process: ProcessKey) {
        let known = self.logs.iter().position(|one| is_same(&one.log, &log));
        let look = match known {
            Some(index) => self.logs.remove(index).look,
            None => Look::default(),
        };
        self.logs.push(FoundLog {
            log,
            process,
            look,
            failed: 0,
        });
    }

    /// Has those looked at that are not being looked at.
    pub(super) fn ask(&mut self, words: &[String], probes: &mut impl Probes) {
        for one in &mut self.logs {
            let ask = |request| probes.ask(Task::LinesOfProcess(request));
            let looks = one.look.ask(&one.log, words, ask);
            if looks == SILENT_FOR && !self.is_said_silent {
                self.is_said_silent = true;
                warn(format_args!(
                    "{} has not been read for a minute: its file system does not answer, or that \
                     of another log does not; until it does, no line in a log of a process may be \
                     found",
                    one.name()
                ));
            }
        }
    }

    /// Takes an answer, if it is one to a look at these.
    pub(super) fn answered(&mut self, answer: Answer, all: &mut Vec<Fired>) -> Option<Answer> {
        let mut logs = self.logs.iter();
        let Some(index) = logs.position(|one| one.look.is_answered_by(&answer)) else {
            return Some(answer);
        };
        self.is_said_silent = false;
        let one = &mut self.logs[index];
        match answer.found {
            Found::NewLines(NewLines { log, read, found }) if is_same(&one.log, &log) => {
                one.look.answered(Some(read));
                (one.log, one.failed) = (log, 0);
                let name = one.name();
                all.extend(
                    found
                        .iter()
                        .map(|lines| fired(&name, Some(one.process), lines)),
                );
            }
            _ => {
                one.look.answered(None);
                one.failed += 1;
                if one.failed >= FAILS {
                    self.logs.remove(index);
                }
            }
        }
        None
    }
}

impl FoundLog {
    fn name(&self) -> String {
        let log = match &self.log {
            WatchedLog::Named(path) => text::printable(path.as_os_str().as_encoded_bytes()),
            WatchedLog::Open { file, .. } => text::printable(file.path.as_bytes()),
            WatchedLog::Container(_) => "the log of the container".to_owned(),
        };
        format!("{log} of pid {}", self.process.pid)
    }
}

/// Whether it is the same log of the same process, by whatever descriptor that has it.
fn is_same(one: &WatchedLog, other: &WatchedLog) -> bool {
    match (one, other) {
        (
            WatchedLog::Open { process, file },
            WatchedLog::Open {
                process: other,
                file: other_file,
            },
        ) => process == other && file.path == other_file.path,
        (one, other) => one == other,
    }
}

#[cfg(test)]
mod tests {
    use zkchurn_core::inspection::{Details, LogFile};

    use super::*;
    use crate::host::new_lines::{Occurrence, Place, Request};

    /// A helper that remembers what it was asked.
    #[derive(Default)]
    struct Helper {
        asked: Vec<Request>,
    }

    impl Probes for Helper {
        fn monotonic_ns(&self) -> u64 {
            0
        }
        fn ask(&mut self, task: Task) -> Option<u64> {
            let Task::LinesOfProcess(request) = task else {
                panic!("{task:?}");
            };
            self.asked.push(request);
            Some(self.asked.len() as u64)
        }
        async fn answer(&mut self) -> Option<Answer> {
            None
        }
        fn stopped(&self) -> Option<u32> {
            None
        }
    }

    fn seen(logs: &mut FoundLogs, pid: u32, paths: &[&str]) {
        let file = |path: &&str| LogFile {
            fd: 3,
            path: (*path).to_owned(),
            deleted: false,
            size: 0,
            modified: None,
        };
        let inspection = Inspection {
            key: ProcessKey::new(pid, 0),
            at_ns: 0,
            details: Some(Details {
                log_files: paths.iter().map(file).collect(),
                ..Details::default()
            }),
            jvm: None,
            logs: None,
        };
        logs.seen(&inspection, |path| path == "/named.log");
    }

    fn paths(logs: &FoundLogs) -> Vec<String> {
        logs.logs.iter().map(FoundLog::name).collect()
    }

    #[test]
    fn few_logs_are_watched_however_many_processes_are_looked_at() {
        let mut logs = FoundLogs::default();
        seen(
            &mut logs,
            7,
            &["/a.log", "/named.log", "/b.log", "/c.log", "/d.log"],
        );
        let of_one = ["/c.log of pid 7", "/b.log of pid 7", "/a.log of pid 7"];
        assert_eq!(paths(&logs), of_one);
        for pid in 8..100 {
            seen(&mut logs, pid, &["/a.log"]);
            // It goes on churning.
            seen(&mut logs, 7, &["/a.log"]);
            assert!(logs.logs.len() <= MOST);
        }
        assert_eq!(paths(&logs).last().unwrap(), "/a.log of pid 7");
        assert!(!paths(&logs).contains(&"/b.log of pid 7".to_owned()));
    }

    #[test]
    fn a_line_fires_and_what_is_gone_is_given_up() {
        let (mut logs, mut helper, mut fired) = Default::default();
        let logs: &mut FoundLogs = &mut logs;
        let helper: &mut Helper = &mut helper;
        seen(logs, 7, &["/a.log"]);
        let words = ["expired".to_owned()];
        logs.ask(&words, helper);
        logs.ask(&words, helper);
        assert_eq!(helper.asked.len(), 1, "one look at a time");
        let read = Place {
            device: 1,
            inode: 2,
            offset: 300,
        };
        let answer = |id, found| Answer {
            id,
            last: true,
            found,
        };
        let came = NewLines {
            log: helper.asked[0].log.clone(),
            read,
            found: vec![Occurrence {
                words: "expired".to_owned(),
                lines: 1,
                last: "Session expired".to_owned(),
            }],
        };
        let stranger = answer(99, Found::NewLines(came.clone()));
        assert!(logs.answered(stranger, &mut fired).is_some());
        assert!(
            logs.answered(answer(1, Found::NewLines(came)), &mut fired)
                .is_none()
        );
        let [one] = &fired[..] else {
            panic!("{fired:?}");
        };
        let sentence = "1 line with \"expired\" in /a.log of pid 7: Session expired";
        assert_eq!(
            (one.sentence.as_str(), one.process),
            (sentence, Some(ProcessKey::new(7, 0)))
        );
        // It is read on from there, though it was looked at once more.
        seen(logs, 7, &["/a.log"]);
        for id in 2.. {
            logs.ask(&words, helper);
            if logs.logs.is_empty() {
                assert_eq!(id, 2 + u64::from(FAILS));
                break;
            }
            assert_eq!(helper.asked.last().unwrap().read, Some(read));
            let gone = answer(id, Found::Failed("No such file".to_owned()));
            assert!(logs.answered(gone, &mut fired).is_none());
        }
        assert_eq!(fired.len(), 1);
    }

    #[test]
    fn logs_that_do_not_answer_are_said_once_until_one_does() {
        let (mut logs, mut helper, mut fired) = Default::default();
        let logs: &mut FoundLogs = &mut logs;
        let helper: &mut Helper = &mut helper;
        seen(logs, 7, &["/a.log", "/b.log"]);
        for looks in 0..SILENT_FOR {
            logs.ask(&[], helper);
            assert!(!logs.is_said_silent, "after {looks} looks");
        }
        logs.ask(&[], helper);
        assert!(logs.is_said_silent);
        assert_eq!(helper.asked.len(), 2, "nothing is asked a second time");
        let failed = Answer {
            id: 2,
            last: true,
            found: Found::Failed("No such file".to_owned()),
        };
        assert!(logs.answered(failed, &mut fired).is_none());
        assert!(!logs.is_said_silent);
        // The one that hangs was said already.
        logs.ask(&[], helper);
        assert!(!logs.is_said_silent);
    }
}
