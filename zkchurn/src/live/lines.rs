// SPDX-License-Identifier: MIT
//! Lines of logs that make an incident. The helper looks, once an interval at most, and one look
//! at a time for each log: where a file system hangs, that log is not read, and nothing else
//! waits.

use std::path::PathBuf;

use zkchurn_core::{
    incident::trigger::{Cause, Fired},
    inspection::Inspection,
    process::ProcessKey,
    text,
};

use super::{found_logs::FoundLogs, source::Probes};
use crate::{
    host::{
        helper::wire::{Answer, Found, Task},
        new_lines::{NewLines, Occurrence, Place, Request},
        watched_log::WatchedLog,
    },
    warn::warn,
};

/// Looks that are waited for before it is said that a log does not answer: a minute.
pub(super) const SILENT_FOR: u32 = 6;

/// Which lines of which logs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LineTriggers {
    pub logs: Vec<PathBuf>,
    pub words: Vec<String>,
    /// Whether logs of processes that were looked at are watched, too.
    pub of_processes: bool,
}

/// The logs as far as they were read.
#[derive(Debug, Default)]
pub(super) struct Lines {
    words: Vec<String>,
    logs: Vec<Log>,
    found: FoundLogs,
    of_processes: bool,
    fired: Vec<Fired>,
}

/// One that somebody has named.
#[derive(Debug)]
struct Log {
    path: PathBuf,
    look: Look,
    /// Why it is not read, once that was said.
    trouble: Option<String>,
}

/// How far a log was read.
#[derive(Debug, Default)]
pub(super) struct Look {
    read: Option<Place>,
    /// The task that is under way, and how many looks it has outlasted.
    asked: Option<(u64, u32)>,
}

impl Look {
    /// Has the log looked at, unless it is being looked at: for how many looks already.
    pub(super) fn ask(
        &mut self,
        log: &WatchedLog,
        words: &[String],
        ask: impl FnOnce(Request) -> Option<u64>,
    ) -> u32 {
        if let Some((_, looks)) = &mut self.asked {
            *looks = looks.saturating_add(1);
            return *looks;
        }
        let id = ask(Request {
            log: log.clone(),
            words: words.to_vec(),
            read: self.read,
        });
        self.asked = id.map(|id| (id, 0));
        0
    }

    /// Whether this is the answer that it waits for.
    pub(super) fn is_answered_by(&self, answer: &Answer) -> bool {
        self.asked.is_some_and(|(id, _)| id == answer.id)
    }

    /// Takes note of an answer: how far it is read now, where it is.
    pub(super) fn answered(&mut self, read: Option<Place>) {
        self.asked = None;
        self.read = read.or(self.read);
    }
}

impl Lines {
    /// Looks for these from now on; of logs that stay it is known how far they were read.
    pub(super) fn set(&mut self, triggers: &LineTriggers) {
        self.words.clone_from(&triggers.words);
        self.of_processes = triggers.of_processes && !triggers.words.is_empty();
        if !self.of_processes {
            self.found = FoundLogs::default();
        }
        let mut before = std::mem::take(&mut self.logs);
        for path in &triggers.logs {
            let known = before.iter().position(|log| log.path == *path);
            self.logs.push(match known {
                Some(index) => before.swap_remove(index),
                None => Log {
                    path: path.clone(),
                    look: Look::default(),
                    trouble: None,
                },
            });
        }
    }

    /// Takes note of the logs of a process that was looked at, apart from those that are named.
    pub(super) fn seen(&mut self, inspection: &Inspection) {
        if self.of_processes {
            let is_named = |path: &str| self.logs.iter().any(|log| log.path == *path);
            self.found.seen(inspection, is_named);
        }
    }

    /// Has all logs looked at that are not being looked at.
    pub(super) fn ask(&mut self, probes: &mut impl Probes) {
        for log in &mut self.logs {
            let named = WatchedLog::Named(log.path.clone());
            let ask = |request| probes.ask(Task::NewLines(request));
            if log.look.ask(&named, &self.words, ask) == SILENT_FOR {
                log.say("its file system does not answer".to_owned());
            }
        }
        self.found.ask(&self.words, probes);
    }

    /// Takes an answer, if it is one to a look at a log.
    pub(super) fn answered(&mut self, answer: Answer) -> Option<Answer> {
        let is_asked = |log: &&mut Log| log.look.is_answered_by(&answer);
        let Some(log) = self.logs.iter_mut().find(is_asked) else {
            return self.found.answered(answer, &mut self.fired);
        };
        match answer.found {
            Found::NewLines(NewLines { read, found, .. }) => {
                log.look.answered(Some(read));
                log.trouble = None;
                let path = text::printable(log.path.as_os_str().as_encoded_bytes());
                let fired = found.iter().map(|one| fired(&path, None, one));
                self.fired.extend(fired);
            }
            found => {
                log.look.answered(None);
                if let Found::Failed(why) = found {
                    log.say(why);
                }
            }
        }
        None
    }

    /// What has fired since this was asked last.
    pub(super) fn take_fired(&mut self) -> Vec<Fired> {
        std::mem::take(&mut self.fired)
    }
}

impl Log {
    /// Says once why it is not read.
    fn say(&mut self, why: String) {
        if self.trouble.as_ref() != Some(&why) {
            warn(format_args!(
                "{} of `watch-log` is not read: {why}; it is tried again every 10 s",
                self.path.display()
            ));
            self.trouble = Some(why);
        }
    }
}

/// What fires where lines were found in the log of this name, of that process if it
/// is one's.
pub(super) fn fired(log: &str, process: Option<ProcessKey>, found: &Occurrence) -> Fired {
    let lines = text::counted(found.lines, "line");
    let words = text::printable(found.words.as_bytes());
    Fired {
        key: format!("line-{words}"),
        sentence: format!("{lines} with \"{words}\" in {log}: {}", found.last),
        process,
        about: None,
        cause: Cause::Line,
    }
}
