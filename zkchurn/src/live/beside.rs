// SPDX-License-Identifier: MIT
//! Whether an agent writes to the device of a ZooKeeper server's log: asked of the helper after the
//! start and once an hour, and said once of each server.

use std::{collections::BTreeSet, path::PathBuf};

use super::source::Probes;
use crate::{
    host::{
        elsewhere::data::SharedDevice,
        helper::wire::{Answer, Found, Task},
    },
    warn::warn,
};

/// Intervals from one question to the next: an hour.
const ASKED_EVERY: u32 = 360;
/// Servers and directories of which it is said at most.
const MOST_SAID: usize = 8;

/// What was asked, and what was said.
#[derive(Debug)]
pub(super) struct Beside {
    directories: Vec<PathBuf>,
    asked: Option<u64>,
    intervals: u32,
    said: BTreeSet<(u32, String, PathBuf)>,
}

impl Beside {
    /// Nothing yet; the agent writes to these, and what is below one on the same device comes
    /// behind it.
    pub(super) fn new(directories: Vec<PathBuf>) -> Self {
        Self {
            directories,
            asked: None,
            intervals: 0,
            said: BTreeSet::new(),
        }
    }

    /// Asks, if that is due and nothing is under way.
    pub(super) fn ask(&mut self, probes: &mut impl Probes) {
        let is_due = self.intervals.is_multiple_of(ASKED_EVERY);
        self.intervals = self.intervals.wrapping_add(1);
        if is_due && self.asked.is_none() {
            self.asked = probes.ask(Task::SharedDevice(self.directories.clone()));
        }
    }

    /// Takes an answer, if it is one to this.
    pub(super) fn answered(&mut self, answer: Answer) -> Option<Answer> {
        if self.asked != Some(answer.id) {
            return Some(answer);
        }
        self.asked = None;
        if let Found::SharedDevice(shared) = answer.found {
            shared.into_iter().for_each(|one| self.say(one));
        }
        None
    }

    fn say(&mut self, shared: SharedDevice) {
        let SharedDevice {
            directory,
            pid,
            setting,
            path,
        } = shared;
        let server = (pid, path.clone(), directory.clone());
        // What is remembered is as bounded as what is said: an agent runs for months.
        if self.said.len() < MOST_SAID && self.said.insert(server) {
            warn(format_args!(
                "{} is on the device of {path}, {setting} of the ZooKeeper server with pid {pid}: \
                 what the agent writes may delay its fsync; choose a directory on another device",
                directory.display()
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_servers_are_remembered_however_often_one_is_started_anew() {
        let mut beside = Beside::new(Vec::new());
        for pid in 0..100 {
            beside.say(SharedDevice {
                directory: PathBuf::from("/var/lib/zkchurn"),
                pid,
                setting: "dataLogDir".to_owned(),
                path: "/var/lib/zookeeper".to_owned(),
            });
        }
        assert_eq!(beside.said.len(), MOST_SAID);
    }
}
