// SPDX-License-Identifier: MIT
//! A look at one JVM: what it is, and what it says of its threads.

use std::path::Path;

use super::{
    JvmMode,
    attach::{self, Reply},
    detect, flags, jstack,
    options::Options,
    permit::{self, Seen},
    proc::Proc,
    thread_dump::{Found, Thread, ThreadDump},
};
use crate::host::proc::{identity, status::Status, user::User};
use zkchurn_core::{
    inspection::jvm::{Dump, JavaThread, Jvm, JvmKind, Task},
    process::{ProcessIdentity, ProcessKey, java_name},
    text::printable,
};

/// Looks at the JVM of a process; `None` when it is none or gone, or `mode` is
/// [`JvmMode::Off`].
///
/// `tids` are the threads of interest on this host, the busiest first. With
/// [`JvmMode::Dump`] this takes a thread dump, which may start the attach
/// mechanism by `SIGQUIT` and blocks for up to eleven seconds: see
/// [`attach::thread_dump`]. How often that is done is up to the caller.
pub fn look(key: ProcessKey, mode: JvmMode, tids: &[u32]) -> Option<Jvm> {
    if mode == JvmMode::Off {
        return None;
    }
    let view = View::read(key)?;
    let tasks = view.tasks(tids);
    let (dump, threads) = match mode {
        JvmMode::Dump => view.dump(&tasks),
        JvmMode::Off | JvmMode::Name => (Dump::NotAsked, Vec::new()),
    };
    let options = view.options.clone().unwrap_or_default();
    Some(Jvm {
        kind: view.kind,
        catalina_base: options.property("catalina.base").map(str::to_owned),
        flags: flags::that_matter(&options.seen),
        inner_pid: view.status.inner_id,
        dump,
        threads,
        jstack: view.jstack(tasks.first().map(|live| live.task.inner_tid)),
        tasks: tasks.into_iter().map(|live| live.task).collect(),
    })
}

/// What can be read of one JVM.
struct View {
    key: ProcessKey,
    proc: Proc,
    identity: ProcessIdentity,
    kind: JvmKind,
    status: Status,
    /// `None` when the command line or the environment cannot be read whole.
    options: Option<Options>,
}

impl View {
    fn read(key: ProcessKey) -> Option<Self> {
        let proc = Proc::of(key.pid);
        let identity = identity::read(key)?;
        let executable = identity.executable.as_deref();
        let kind = detect::kind(&proc.maps(), executable, &identity.command)?;
        let status = proc.status()?;
        let options = proc.command().zip(proc.environ());
        let options = options.map(|(command, environ)| Options::gather(&command, &environ));
        // All of it is of this process if that still lives.
        identity::read(key)?;
        Some(Self {
            key,
            proc,
            identity,
            kind,
            status,
            options,
        })
    }

    fn executable_name(&self) -> Option<&str> {
        let path = Path::new(self.identity.executable.as_deref()?);
        let name = path.file_name()?.to_str()?;
        // What the kernel appends when a package update replaced the file.
        Some(name.strip_suffix(" (deleted)").unwrap_or(name))
    }

    fn dump(&self, tasks: &[Live]) -> (Dump, Vec<JavaThread>) {
        match self.take_dump() {
            Ok(reply) => {
                let dump = ThreadDump::parse(&reply.text);
                let taken = Dump::Taken {
                    threads: dump.threads(),
                    started_attach: reply.started_attach,
                };
                let found = |live: &Live| java_thread(live, dump.find(live.task.inner_tid));
                (taken, tasks.iter().filter_map(found).collect())
            }
            Err(why) => (Dump::Impossible { why }, Vec::new()),
        }
    }

    fn take_dump(&self) -> Result<Reply, String> {
        match self.kind {
            JvmKind::HotSpot => {}
            JvmKind::OpenJ9 => return Err("OpenJ9 uses a different attach protocol".to_owned()),
            JvmKind::Unknown => {
                return Err("no JVM library in its memory map".to_owned());
            }
        }
        // Over an open socket too, a stopped JVM would not answer.
        self.status
            .runs()
            .map_err(|why| format!("{why}, so it cannot answer"))?;
        let target = attach::Target {
            key: self.key,
            inner_pid: self.status.inner_id,
            euid: self.status.euid,
            egid: self.status.egid,
        };
        attach::thread_dump(&target, || self.may_send_quit()).map_err(|error| error.to_string())
    }

    /// Decides on the state of just now: a handler may have come or gone.
    fn may_send_quit(&self) -> Result<(), String> {
        let status = self.proc.status().ok_or("it ended")?;
        permit::may_send_quit(&Seen {
            executable: self.executable_name(),
            options: self.options.as_ref(),
            status: &status,
            start_known: self.key.start_ns != 0,
        })
    }

    fn tasks(&self, tids: &[u32]) -> Vec<Live> {
        let leader = self.proc.leader_comm().unwrap_or_default();
        let comms = self.proc.comms();
        let named = !java_name::are_unset(&leader, comms.iter().map(Vec::as_slice));
        tids.iter()
            .filter_map(|tid| {
                let comm = self.proc.comm(*tid)?;
                let task = Task {
                    tid: *tid,
                    inner_tid: self.proc.inner_tid(*tid)?,
                    named: named && comm != leader,
                    comm: String::from_utf8_lossy(&comm).into_owned(),
                };
                Some(Live { task, comm })
            })
            .collect()
    }

    fn jstack(&self, inner_tid: Option<u32>) -> String {
        let Status { euid, egid, .. } = self.status;
        let user = User::of(euid).filter(|user| user.gid == egid);
        let executable = self.identity.executable.as_deref();
        jstack::command(&jstack::Target {
            pid: self.key.pid,
            inner_pid: self.status.inner_id,
            in_pid_namespace: self.status.in_pid_namespace,
            uid: euid,
            gid: egid,
            user: user.as_ref().map(|user| user.name.as_str()),
            tool: executable
                .and_then(|path| self.proc.jstack(path))
                .as_deref(),
            inner_tid,
        })
    }
}

/// A thread that lives, with its name to the byte: Linux may cut inside of a
/// character.
struct Live {
    task: Task,
    comm: Vec<u8>,
}

/// A thread as the dump has it, compared with its task.
fn java_thread(live: &Live, found: Found) -> Option<JavaThread> {
    let thread = match found {
        Found::Nothing => return None,
        Found::Ambiguous(claims) => return Some(undecided(&live.task, claims)),
        Found::One(thread) => thread,
    };
    Some(JavaThread {
        tid: live.task.tid,
        inner_tid: live.task.inner_tid,
        name: thread.name(),
        doubt: doubt(live, &thread),
        state: thread.state,
        stack: thread.stack,
        frames_left_out: thread.frames_left_out,
    })
}

fn doubt(live: &Live, thread: &Thread) -> Option<String> {
    if live.task.named && !java_name::agrees(&live.comm, &thread.raw_name) {
        return Some(format!(
            "the kernel calls this thread {}: it was renamed, or the dump cannot be trusted",
            printable(&live.comm)
        ));
    }
    let broken = "its name contains line breaks, so its start is uncertain";
    thread.broken_name.then(|| broken.to_owned())
}

fn undecided(task: &Task, claims: usize) -> JavaThread {
    JavaThread {
        tid: task.tid,
        inner_tid: task.inner_tid,
        name: task.comm.clone(),
        state: None,
        stack: Vec::new(),
        frames_left_out: 0,
        doubt: Some(format!(
            "{claims} threads of the dump claim its id {}: a thread name imitates a dump header",
            task.inner_tid
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DUMP: &[u8] =
        b"x\n\n\"main-SendThread(zk1:2181)\" #9 prio=5 os_prio=0 tid=0x1 nid=0x4d runnable\n";

    fn task(comm: &[u8], named: bool) -> Live {
        let task = Task {
            tid: 5,
            inner_tid: 77,
            comm: String::from_utf8_lossy(comm).into_owned(),
            named,
        };
        let comm = comm.to_owned();
        Live { task, comm }
    }

    fn found(task: &Live) -> JavaThread {
        java_thread(task, ThreadDump::parse(DUMP).find(77)).expect("it is there")
    }

    #[test]
    fn a_name_that_agrees_leaves_no_doubt() {
        let cut = [&b"main-SendThread"[..], b"main-Se..:2181)"];
        // A JVM that sets no names leaves the leader's, which tells nothing.
        let unnamed = task(b"java", false);
        for task in [task(cut[0], true), task(cut[1], true), unnamed] {
            assert_eq!(found(&task).doubt, None);
            assert_eq!(found(&task).name, "main-SendThread(zk1:2181)");
        }
    }

    #[test]
    fn another_name_of_the_task_is_told_and_cannot_act_on_a_terminal() {
        let doubt = found(&task(b"pool\x1b[2J", true)).doubt.expect("a doubt");
        assert!(doubt.contains("pool\\u{1b}[2J"), "{doubt}");
    }

    #[test]
    fn of_an_ambiguous_thread_only_the_task_is_shown() {
        let dump = [DUMP, DUMP].concat();
        let found = ThreadDump::parse(&dump).find(77);
        let thread = java_thread(&task(b"task", true), found).expect("it is there");
        assert_eq!((thread.name.as_str(), thread.stack.len()), ("task", 0));
        assert!(thread.doubt.expect("a doubt").contains("2 threads"));
    }

    #[test]
    fn a_process_that_is_no_jvm_is_not_looked_at() {
        let pid = std::process::id();
        let key = ProcessKey { pid, start_ns: 0 };
        assert_eq!(look(key, JvmMode::Name, &[]), None);
    }
}
