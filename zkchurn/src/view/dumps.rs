// SPDX-License-Identifier: MIT
//! Whether a process can give a thread dump, as far as it was looked at, and what is said of
//! that. Only a JVM can, and only looking into a process tells whether it is one.

use zkchurn_core::report::SuspectRow;

use super::{View, snapshot::Snapshot};

/// What a look at a process showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    Jvm,
    NoJvm,
    /// It had exited.
    Gone,
    /// Nobody has looked yet, or the look was cut short.
    Unknown,
}

impl Seen {
    pub(super) fn of(suspect: Option<&SuspectRow>) -> Self {
        let Some(suspect) = suspect else {
            return Self::Unknown;
        };
        match (&suspect.jvm, &suspect.details) {
            (Some(_), _) => Self::Jvm,
            (None, None) => Self::Gone,
            // What stands for a look that did not end has a note and nothing else.
            (None, Some(details)) if details.uid.is_none() => Self::Unknown,
            (None, Some(_)) => Self::NoJvm,
        }
    }
}

pub(super) fn question(name: &str, is_jvm: bool) -> String {
    match is_jvm {
        true => format!("ask {name} for a thread dump? All its threads stop for a moment (y/n) "),
        false => format!("not known yet whether {name} is a JVM: if so, ask for a dump? (y/n) "),
    }
}

pub(super) fn no_jvm(name: &str) -> String {
    format!("no JVM, not asked: {name}; thread dumps are of JVMs only")
}

pub(super) fn gone(name: &str) -> String {
    format!("not asked: it has exited: {name}")
}

impl View {
    /// Says that a process is no JVM, once it was looked at for a thread dump.
    pub(super) fn say_if_no_jvm(&mut self, snapshot: &Snapshot) {
        let Some((process, name)) = &self.asked else {
            return;
        };
        let mut suspects = snapshot.report.suspects.iter();
        let suspect = suspects
            .find(|suspect| suspect.pid == process.pid && suspect.start_ns == process.start_ns);
        let sentence = match Seen::of(suspect) {
            Seen::Unknown => return,
            Seen::Jvm => None,
            Seen::NoJvm => Some(no_jvm(name)),
            Seen::Gone => Some(gone(name)),
        };
        self.asked = None;
        if sentence.is_some() {
            self.notice = sentence;
        }
    }
}
