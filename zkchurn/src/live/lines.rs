// SPDX-License-Identifier: MIT
//! Lines of logs that make an incident. The helper looks, once an interval at most, and one look
//! at a time for each log: where a file system hangs, that log is not read, and nothing else
//! waits.

use std::path::PathBuf;

use zkchurn_core::{
    incident::trigger::{Cause, Fired},
    text,
};

use super::source::Probes;
use crate::{
    host::{
        helper::wire::{Answer, Found, Task},
        new_lines::{NewLines, Occurrence, Place, Request},
    },
    warn::warn,
};

/// Looks that are waited for before it is said that a log does not answer: a minute.
const SILENT_FOR: u32 = 6;

/// Which lines of which logs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LineTriggers {
    pub logs: Vec<PathBuf>,
    pub words: Vec<String>,
}

/// The logs as far as they were read.
#[derive(Debug, Default)]
pub(super) struct Lines {
    words: Vec<String>,
    logs: Vec<Log>,
    fired: Vec<Fired>,
}

#[derive(Debug)]
struct Log {
    path: PathBuf,
    read: Option<Place>,
    /// The task that is under way, and how many looks it has outlasted.
    asked: Option<(u64, u32)>,
    /// Why it is not read, once that was said.
    trouble: Option<String>,
}

impl Lines {
    /// Looks for these from now on; of logs that stay it is known how far they were read.
    pub(super) fn set(&mut self, triggers: &LineTriggers) {
        self.words.clone_from(&triggers.words);
        let mut before = std::mem::take(&mut self.logs);
        for path in &triggers.logs {
            let known = before.iter().position(|log| log.path == *path);
            self.logs.push(match known {
                Some(index) => before.swap_remove(index),
                None => Log {
                    path: path.clone(),
                    read: None,
                    asked: None,
                    trouble: None,
                },
            });
        }
    }

    /// Has all logs looked at that are not being looked at.
    pub(super) fn ask(&mut self, probes: &mut impl Probes) {
        for log in &mut self.logs {
            match &mut log.asked {
                Some((_, looks)) => {
                    *looks = looks.saturating_add(1);
                    if *looks == SILENT_FOR {
                        log.say("its file system does not answer".to_owned());
                    }
                }
                None => {
                    let request = Request {
                        path: log.path.clone(),
                        words: self.words.clone(),
                        read: log.read,
                    };
                    let id = probes.ask(Task::NewLines(request));
                    log.asked = id.map(|id| (id, 0));
                }
            }
        }
    }

    /// Takes an answer, if it is one to a look at a log.
    pub(super) fn answered(&mut self, answer: Answer) -> Option<Answer> {
        let is_asked = |log: &&mut Log| log.asked.is_some_and(|(id, _)| id == answer.id);
        let Some(log) = self.logs.iter_mut().find(is_asked) else {
            return Some(answer);
        };
        log.asked = None;
        match answer.found {
            Found::NewLines(NewLines { read, found }) => {
                log.read = Some(read);
                log.trouble = None;
                let fired = found.iter().map(|one| fired(&log.path, one));
                self.fired.extend(fired);
            }
            Found::Failed(why) => log.say(why),
            _ => {}
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

fn fired(log: &std::path::Path, found: &Occurrence) -> Fired {
    let lines = text::counted(found.lines, "line");
    let log = text::printable(log.as_os_str().as_encoded_bytes());
    let words = text::printable(found.words.as_bytes());
    Fired {
        key: format!("line-{words}"),
        sentence: format!("{lines} with \"{words}\" in {log}: {}", found.last),
        about: None,
        cause: Cause::Line,
    }
}
