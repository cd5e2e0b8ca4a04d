// SPDX-License-Identifier: MIT
//! What a closer look at a process brought: who it is, what its thread does,
//! what its log says, and where to look next.

use std::io::{self, Write};

use jiff::tz::TimeZone;

use super::{report::moment, style::Style};
use crate::{
    inspect::{
        jvm::{Dump, JavaThread, Jvm, JvmKind, Task},
        logs::{LogFinding, LogSearch},
        process::Details,
    },
    report::SuspectRow,
    text::{self, clip, printable},
};

/// Bytes of a command line that are shown.
const COMMAND_SHOWN: usize = 400;
/// Findings of a log that are shown.
const FINDINGS_SHOWN: usize = 5;
/// Threads of a process whose stacks are shown.
const THREADS_SHOWN: usize = 3;

/// Writes one process.
pub fn write(
    to: &mut impl Write,
    suspect: &SuspectRow,
    style: &Style,
    zone: &TimeZone,
) -> io::Result<()> {
    let heading = format!(
        "pid {} {}",
        suspect.pid,
        printable(suspect.label.as_bytes())
    );
    writeln!(to, "{}", style.bold(&heading))?;
    if !suspect.command.is_empty() {
        let command = clip(&suspect.command.join(" "), COMMAND_SHOWN);
        field(to, "command", &command)?;
    }
    match &suspect.details {
        Some(details) => write_details(to, details, zone)?,
        None => field(to, "process", "gone before it could be looked at")?,
    }
    if let Some(jvm) = &suspect.jvm {
        write_jvm(to, suspect, jvm)?;
    }
    if let Some(logs) = &suspect.logs {
        write_logs(to, logs, style)?;
    }
    for next in &suspect.next {
        field(to, "next", next)?;
    }
    Ok(())
}

/// One line with a name in front, safe to print.
fn field(to: &mut impl Write, name: &str, value: &str) -> io::Result<()> {
    writeln!(to, "  {name:<8} {}", printable(value.as_bytes()))
}

fn write_details(to: &mut impl Write, details: &Details, zone: &TimeZone) -> io::Result<()> {
    let mut who = Vec::new();
    match (&details.user, details.uid) {
        (Some(user), Some(uid)) => who.push(format!("{user} (uid {uid})")),
        (None, Some(uid)) => who.push(format!("uid {uid}")),
        _ => {}
    }
    if let Some(started) = &details.started {
        who.push(format!("started {}", moment(started, zone, true)));
    }
    if let Some(cwd) = &details.cwd {
        who.push(format!("in {cwd}"));
    }
    if !who.is_empty() {
        field(to, "user", &who.join(", "))?;
    }
    let places = [
        ("systemd unit", &details.unit),
        ("container", &details.container),
        ("pod", &details.pod),
    ];
    let places: Vec<_> = places
        .iter()
        .filter_map(|(what, id)| id.as_ref().map(|id| format!("{what} {id}")))
        .collect();
    if !places.is_empty() {
        field(to, "runs in", &places.join(", "))?;
    }
    for note in &details.notes {
        field(to, "note", note)?;
    }
    Ok(())
}

fn write_jvm(to: &mut impl Write, suspect: &SuspectRow, jvm: &Jvm) -> io::Result<()> {
    let kind = match jvm.kind {
        JvmKind::HotSpot => "HotSpot",
        JvmKind::OpenJ9 => "OpenJ9",
        JvmKind::Unknown => "of an unknown kind",
    };
    let mut words = vec![kind.to_owned()];
    words.extend(jvm.flags.iter().cloned());
    field(to, "JVM", &clip(&words.join(" "), COMMAND_SHOWN))?;
    if let Dump::Impossible { why } = &jvm.dump {
        field(to, "no dump", why)?;
    }
    for task in jvm.tasks.iter().take(THREADS_SHOWN) {
        write_thread(to, suspect, task, jvm.thread(task.tid))?;
    }
    if let more @ 1.. = jvm.tasks.len().saturating_sub(THREADS_SHOWN) {
        let more = text::counted(more as u64, "more thread");
        field(to, "", &format!("… {more} (--format json has them)"))?;
    }
    Ok(())
}

fn write_thread(
    to: &mut impl Write,
    suspect: &SuspectRow,
    task: &Task,
    dumped: Option<&JavaThread>,
) -> io::Result<()> {
    let Task { tid, inner_tid, .. } = task;
    let name = dumped.map_or(&task.comm, |thread| &thread.name);
    let state = dumped.and_then(|thread| thread.state.as_deref());
    let state = state.map(|state| format!(", {state}")).unwrap_or_default();
    let title = format!("{tid} (nid {inner_tid:#x}, {inner_tid}) \"{name}\"{state}");
    field(to, "thread", &title)?;
    let note = suspect.threads.iter().find(|note| note.tid == *tid);
    if let Some(note) = note {
        field(to, "", &note.sentence)?;
    }
    match dumped {
        Some(thread) => write_stack(to, thread),
        None => Ok(()),
    }
}

fn write_stack(to: &mut impl Write, thread: &JavaThread) -> io::Result<()> {
    for frame in &thread.stack {
        field(to, "", &format!("  {frame}"))?;
    }
    if thread.frames_left_out > 0 {
        let more = text::counted(thread.frames_left_out, "more line");
        field(to, "", &format!("  … {more}"))?;
    }
    Ok(())
}

fn write_logs(to: &mut impl Write, logs: &LogSearch, style: &Style) -> io::Result<()> {
    for file in &logs.files {
        let scope = match file.searched < file.size {
            true => format!("the last {} of {}", bytes(file.searched), bytes(file.size)),
            false => bytes(file.size),
        };
        field(to, "log", &format!("{} ({scope} searched)", file.path))?;
    }
    for finding in logs.findings.iter().take(FINDINGS_SHOWN) {
        write_finding(to, finding, style)?;
    }
    if let more @ 1.. = logs.findings.len().saturating_sub(FINDINGS_SHOWN) {
        let more = text::counted(more as u64, "more kind");
        field(
            to,
            "",
            &format!("… {more} of lines (--format json has them)"),
        )?;
    }
    if logs.findings.is_empty() && !logs.files.is_empty() {
        field(to, "", "no line that zkchurn knows as a sign of churn")?;
    }
    for note in &logs.notes {
        field(to, "note", note)?;
    }
    Ok(())
}

fn write_finding(to: &mut impl Write, finding: &LogFinding, style: &Style) -> io::Result<()> {
    let place = match finding.line {
        Some(line) => format!("line {line}"),
        None => format!("byte {}", finding.offset),
    };
    let lines = text::counted(finding.count, "line");
    let when = match finding.during_trace {
        true => ", written during the trace too",
        false => "",
    };
    let meaning = format!("{lines}{when}: {}", finding.meaning);
    writeln!(
        to,
        "  {:<8} {}",
        "",
        style.warn(&printable(meaning.as_bytes()))
    )?;
    if let Some(record) = &finding.record {
        field(to, "", &format!("  {}", clip(record, COMMAND_SHOWN)))?;
    }
    let last = clip(finding.last.trim(), COMMAND_SHOWN);
    field(to, "", &format!("  {last}   <- the last, {place}"))
}

fn bytes(count: u64) -> String {
    match count {
        0..=9_999 => format!("{} bytes", text::count(count)),
        10_000..=9_999_999 => format!("{} KB", text::count(count / 1_000)),
        _ => format!("{} MB", text::count(count / 1_000_000)),
    }
}
