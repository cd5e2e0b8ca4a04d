// SPDX-License-Identifier: MIT
//! What the process itself says: what the thread does in its JVM, and the line that its
//! log repeats.

use crate::{
    report::{FlowRow, Report, SuspectRow},
    text::{self, clip, printable},
};

/// Bytes of a log line that the answer quotes.
const QUOTED: usize = 200;

/// The sentences about the process of `flow`, each with a blank in front.
/// `tid` is the thread that the answer speaks of.
pub(super) fn inside(report: &Report, flow: &FlowRow, tid: Option<u32>) -> String {
    let suspect = flow.process.as_ref().and_then(|process| {
        let mut suspects = report.suspects.iter();
        let key = (process.pid, process.start_ns);
        suspects.find(|suspect| (suspect.pid, suspect.start_ns) == key)
    });
    let Some(suspect) = suspect else {
        return String::new();
    };
    let thread = tid.and_then(|tid| thread(suspect, tid));
    let log = log(suspect);
    [thread, log].into_iter().flatten().collect()
}

/// What it does, where a dump tells beyond doubt: its name stands in the answer already.
fn thread(suspect: &SuspectRow, tid: u32) -> Option<String> {
    let dumped = suspect.jvm.as_ref()?.thread(tid)?;
    if dumped.doubt.is_some() {
        return None;
    }
    let note = suspect.threads.iter().find(|note| note.tid == tid)?;
    let does = printable(note.sentence.as_bytes());
    Some(format!(" That thread is {does}."))
}

/// Only a line that was written while the connections were: an older one may
/// have another cause.
fn log(suspect: &SuspectRow) -> Option<String> {
    let findings = &suspect.logs.as_ref()?.findings;
    let finding = findings.iter().find(|finding| finding.during_trace)?;
    let quoted = clip(finding.last.trim(), QUOTED);
    Some(format!(
        " Its log says ({}, the last at {}): \"{}\".",
        text::counted(finding.count, "line"),
        printable(finding.place().as_bytes()),
        printable(quoted.as_bytes()),
    ))
}
