// SPDX-License-Identifier: MIT
//! The whole name of a Java thread, of which the kernel keeps 15 bytes: as a dump has it, or
//! else a line of the process's own log.

use std::collections::BTreeSet;

use super::{Inspection, jvm::Jvm, logs::LogFinding};
use crate::{
    connection::Comm,
    process::{COMM, java_name},
};

/// Bytes of a log record in which the thread is looked for.
const HEAD: usize = 300;

/// The name of thread `tid`, which the kernel calls `comm` and which connects to these `ports`;
/// `None` where nothing tells it beyond doubt.
pub fn of(inspection: &Inspection, tid: u32, comm: Comm, ports: &[u16]) -> Option<String> {
    let jvm = inspection.jvm.as_ref()?;
    if let Some(dumped) = jvm.thread(tid) {
        return dumped.doubt.is_none().then(|| dumped.name.clone());
    }
    if !is_the_only_one(jvm, tid, comm) {
        return None;
    }
    let logs = inspection.logs.as_ref()?;
    let names = logs
        .findings
        .iter()
        .flat_map(|line| logged(line, comm.as_bytes()));
    let mut names: BTreeSet<_> = names.collect();
    match (names.pop_first(), names.is_empty()) {
        (Some(name), true) => connects_to(name, ports).then(|| name.to_owned()),
        _ => None,
    }
}

/// Whether a thread of this name may connect to these ports: a log has lines of other clients,
/// of threads that are gone, and where several processes write to it also of theirs.
fn connects_to(name: &str, ports: &[u16]) -> bool {
    let server = java_name::server_of_send_thread(name);
    server.is_none_or(|(_, port)| ports.contains(&port))
}

/// Whether no other connecting thread has the same 15 bytes.
fn is_the_only_one(jvm: &Jvm, tid: u32, comm: Comm) -> bool {
    let comm = comm.to_string();
    let mut others = jvm.tasks.iter().filter(|task| task.tid != tid);
    others.all(|task| task.comm != comm)
}

/// The thread names in a line, or in the record it belongs to, of which `comm` is what the
/// kernel keeps. Layouts have the thread in brackets or in quotes.
fn logged<'a>(line: &'a LogFinding, comm: &'a [u8]) -> impl Iterator<Item = &'a str> {
    let record = line.record.as_ref().unwrap_or(&line.last);
    let head = &record[..record.floor_char_boundary(HEAD)];
    let within = |open: char, close: char| {
        head.match_indices(open).filter_map(move |(at, _)| {
            let inside = &head[at + open.len_utf8()..];
            inside.find(close).map(|end| without_place(&inside[..end]))
        })
    };
    let fields = within('[', ']').chain(within('"', '"'));
    fields.filter(|name| name.len() > COMM && java_name::agrees(comm, name.as_bytes()))
}

/// Without the class and line that ZooKeeper's layout puts behind the thread:
/// `[%t:%C{1}@%L]`.
fn without_place(field: &str) -> &str {
    let is_place = |place: &str| {
        let line = place.rsplit_once('@').map(|(_, line)| line);
        line.is_some_and(|line| !line.is_empty() && line.bytes().all(|byte| byte.is_ascii_digit()))
    };
    match field.rsplit_once(':') {
        Some((name, place)) if is_place(place) => name,
        _ => field,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        inspection::{
            jvm::{Dump, JavaThread, JvmKind, Task},
            logs::LogSearch,
        },
        process::ProcessKey,
    };

    const NAME: &str = "main-SendThread(zk1:2181)";

    fn comm(name: &[u8]) -> Comm {
        let mut bytes = [0; 16];
        bytes[..name.len()].copy_from_slice(name);
        Comm::new(bytes)
    }

    fn task(tid: u32) -> Task {
        Task {
            tid,
            inner_tid: tid,
            comm: "main-SendThread".to_owned(),
            named: true,
        }
    }

    fn inspection(records: &[&str]) -> Inspection {
        let findings = records.iter().map(|record| LogFinding {
            signature: "client-reconnects".to_owned(),
            meaning: String::new(),
            path: "app.log".to_owned(),
            count: 1,
            last: "java.net.ConnectException: Connection refused".to_owned(),
            record: Some((*record).to_owned()),
            line: None,
            offset: 0,
            logged_ago_ms: None,
            during_trace: true,
            gone: None,
            client: None,
        });
        Inspection {
            key: ProcessKey::new(1, 0),
            at_ns: 0,
            details: None,
            jvm: Some(Jvm {
                kind: JvmKind::HotSpot,
                catalina_base: None,
                flags: Vec::new(),
                inner_pid: 1,
                dump: Dump::NotAsked,
                tasks: vec![task(7)],
                threads: Vec::new(),
                jstack: String::new(),
            }),
            logs: Some(LogSearch {
                findings: findings.collect(),
                ..LogSearch::default()
            }),
        }
    }

    fn named(records: &[&str]) -> Option<String> {
        of(&inspection(records), 7, comm(b"main-SendThread"), &[2181])
    }

    #[test]
    fn layouts_have_it_in_brackets_or_quotes() {
        for record in [
            "2026-11-23 18:11:57,111 [myid:] - WARN  [main-SendThread(zk1:2181):ClientCnxn$SendThread@1292] - x",
            "26-Nov-2026 23:13:33.137 INFO [main-SendThread(zk1:2181)] org.apache.x Illegal access",
            r#"{"ts":1,"thread":"main-SendThread(zk1:2181)","message":"x"}"#,
            "17:45:01.337 [main-SendThread(zk1:2181)] INFO  o.a.z.ClientCnxn - Opening",
        ] {
            assert_eq!(named(&[record, record]).as_deref(), Some(NAME), "{record}");
        }
        assert_eq!(named(&["[main] INFO main-SendThread(zk1:2181)"]), None);
        assert_eq!(
            named(&["[main-SendThread] INFO x", "[main-SendThread(zk1:"]),
            None
        );
    }

    #[test]
    fn a_name_of_a_log_that_has_another_port_than_the_peer_is_anothers() {
        let line = "[main-SendThread(zk1:2181)] x";
        let to = |ports: &[u16]| of(&inspection(&[line]), 7, comm(b"main-SendThread"), ports);
        assert_eq!(to(&[2182, 2181]).as_deref(), Some(NAME));
        assert_eq!(to(&[2182]), None);
    }

    #[test]
    fn two_names_or_two_threads_leave_it_open() {
        let other = "[main-SendThread(zk2:2181)] x";
        let line = "[main-SendThread(zk1:2181)] x";
        assert_eq!(named(&[line, other]), None);
        let mut inspection = inspection(&[line]);
        let jvm = inspection.jvm.as_mut();
        jvm.into_iter().for_each(|jvm| jvm.tasks.push(task(8)));
        assert_eq!(of(&inspection, 7, comm(b"main-SendThread"), &[2181]), None);
    }

    #[test]
    fn a_dump_comes_first_unless_it_is_in_doubt() {
        let mut inspection = inspection(&["[main-SendThread(zk1:2181)] x"]);
        let mut thread = JavaThread {
            tid: 7,
            inner_tid: 7,
            name: "main-SendThread(zk9:2181)".to_owned(),
            state: None,
            stack: Vec::new(),
            frames_left_out: 0,
            doubt: None,
        };
        let mut told = |thread: &JavaThread| {
            let jvm = inspection.jvm.as_mut();
            jvm.into_iter()
                .for_each(|jvm| jvm.threads = vec![thread.clone()]);
            of(&inspection, 7, comm(b"main-SendThread"), &[2181])
        };
        assert_eq!(told(&thread).as_deref(), Some("main-SendThread(zk9:2181)"));
        thread.doubt = Some("its task has another name".to_owned());
        assert_eq!(told(&thread), None);
    }
}
