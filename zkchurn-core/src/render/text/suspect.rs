// SPDX-License-Identifier: MIT
//! What a closer look at a process brought: who it is, what its thread does,
//! what its log says, and where to look next.

use std::io::{self, Write};

use jiff::tz::TimeZone;

use super::{Page, logs};
use crate::{
    inspection::{
        Details,
        jvm::{Dump, JavaThread, Jvm, JvmKind, Task},
    },
    process::pod_name::PodName,
    render::words::moment::moment,
    report::SuspectRow,
    text::{self, clip, printable},
};

/// Bytes of a command line or a log line that are shown.
pub(super) const COMMAND_SHOWN: usize = 400;
/// Threads of a process whose stacks are shown.
const THREADS_SHOWN: usize = 3;

/// Writes one process.
pub(crate) fn write(to: &mut impl Write, suspect: &SuspectRow, page: &Page) -> io::Result<()> {
    let Page { style, zone, .. } = page;
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
        None => field(to, "process", "exited before it could be inspected")?,
    }
    if let Some(jvm) = &suspect.jvm {
        write_jvm(to, suspect, jvm)?;
    }
    if let Some(logs) = &suspect.logs {
        logs::write(to, logs, page)?;
    }
    for next in &suspect.next {
        field(to, "next", next)?;
    }
    Ok(())
}

/// One line with a name in front, safe to print.
pub(super) fn field(to: &mut impl Write, name: &str, value: &str) -> io::Result<()> {
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
    let named = |what, id: &Option<String>| id.as_ref().map(|id| format!("{what} {id}"));
    let places = [
        details.unit_words(),
        named("container", &details.container),
        named("pod", &details.pod),
        details.pod_name.as_ref().map(PodName::words),
        details.namespace_words(),
    ];
    let places: Vec<_> = places.into_iter().flatten().collect();
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
    match &jvm.dump {
        Dump::NotAsked => {}
        Dump::Impossible { why } => field(to, "no dump", why)?,
        Dump::Taken {
            threads,
            started_attach,
        } => {
            let how = match started_attach {
                true => ", after SIGQUIT had started its attach mechanism",
                false => "",
            };
            let threads = text::counted(*threads, "thread");
            field(to, "dump", &format!("{threads}{how}"))?;
        }
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
