// SPDX-License-Identifier: MIT
//! The processes that were looked at more closely, and where to look next.

use super::{SuspectRow, ThreadNote};
use crate::{
    inspection::{
        Details, Inspection,
        journal::is_engines_id,
        jvm::{Dump, JavaThread, Jvm, JvmKind, Task},
        logs::{Gone, SearchedFile},
    },
    ledger::{Flow, FlowKey},
    process::{ProcessRow, cgroup::UnitOf, java_name, pod_name::PodName},
    registry::Registry,
    shell,
};

/// Most processes that are shown.
const MOST_ROWS: usize = 10;

/// A row for each process of `flows` with an inspection, in their order, as of
/// `now_ns`.
pub(super) fn rows(
    flows: &[(&FlowKey, &Flow)],
    registry: &Registry,
    now_ns: u64,
) -> Vec<SuspectRow> {
    let mut rows: Vec<(_, SuspectRow)> = Vec::new();
    for (key, flow) in flows {
        let Some(process) = key.process else { continue };
        let Some(inspection) = registry.inspection(process) else {
            continue;
        };
        if rows.iter().any(|(known, _)| *known == process) {
            continue;
        }
        if rows.len() == MOST_ROWS {
            break;
        }
        let named = registry.row(process, flow.process_comm, flow.uid);
        rows.push((process, row(inspection, named, now_ns)));
    }
    for server in registry.servers() {
        if rows.iter().all(|(known, _)| *known != server.key) {
            let named = registry.row(server.key, None, None);
            rows.push((server.key, row(server, named, now_ns)));
        }
    }
    rows.into_iter().map(|(_, row)| row).collect()
}

fn row(inspection: &Inspection, named: ProcessRow, now_ns: u64) -> SuspectRow {
    SuspectRow {
        pid: inspection.key.pid,
        start_ns: inspection.key.start_ns,
        label: named.label,
        command: named.command,
        looked_ago_ns: now_ns.saturating_sub(inspection.at_ns),
        details: inspection.details.clone(),
        jvm: inspection.jvm.clone(),
        threads: thread_notes(inspection),
        logs: inspection.logs.clone(),
        next: next(inspection),
    }
}

fn thread_notes(inspection: &Inspection) -> Vec<ThreadNote> {
    let jvms = inspection.jvm.iter();
    jvms.flat_map(|jvm| jvm.tasks.iter().map(move |task| (jvm, task)))
        .filter_map(|(jvm, task)| {
            let sentence = match jvm.thread(task.tid) {
                Some(thread) => what_it_does(thread)
                    .into_iter()
                    .chain(thread.doubt.clone())
                    .reduce(|what, doubt| format!("{what}; but {doubt}")),
                None => what_its_name_tells(task),
            };
            Some(ThreadNote {
                tid: task.tid,
                sentence: sentence?,
            })
        })
        .collect()
}

/// What a name of 15 bytes tells where there is no dump.
fn what_its_name_tells(task: &Task) -> Option<String> {
    if !task.named {
        return Some("this JVM does not pass its thread names to Linux".to_owned());
    }
    java_name::may_be_send_thread(task.comm.as_bytes()).then(|| {
        "named like the connection thread of ZooKeeper's Java client; Linux keeps 15 bytes of \
        the name"
            .to_owned()
    })
}

/// Frames that tell the library, most telling first.
const LIBRARIES: [(&str, &str); 6] = [
    (
        "org.apache.zookeeper.ClientCnxn$SendThread.",
        "the connection thread of ZooKeeper's Java client",
    ),
    (
        "org.apache.zookeeper.ClientCnxn$EventThread.",
        "the event thread of ZooKeeper's Java client",
    ),
    ("org.apache.curator.", "a thread in Apache Curator"),
    (
        "org.apache.zookeeper.",
        "a thread in ZooKeeper's Java client",
    ),
    (
        "io.netty.",
        "a Netty event loop, as ZooKeeper's Java client has with the Netty transport",
    ),
    ("org.I0Itec.zkclient.", "a thread in zkclient"),
];

/// Packages of the JDK, which say nothing about who calls it.
const JDK: [&str; 5] = ["java.", "javax.", "jdk.", "sun.", "com.sun."];

fn what_it_does(thread: &JavaThread) -> Option<String> {
    if thread.stack.is_empty() {
        return None;
    }
    for (frame, what) in LIBRARIES {
        if let Some(found) = thread.stack.iter().find(|line| calls(line, frame)) {
            return Some(format!("{what} ({})", method(found)));
        }
    }
    let own = thread
        .stack
        .iter()
        .find(|line| !JDK.iter().any(|package| calls(line, package)) && line.contains('('));
    Some(match own {
        Some(own) => format!("a thread of the application ({})", method(own)),
        None => "a thread with JDK frames only".to_owned(),
    })
}

/// Whether a frame's class or method begins so, behind the module and the class
/// loader that newer JDKs put in front of a slash.
fn calls(frame: &str, prefix: &str) -> bool {
    let qualified = method(frame);
    qualified
        .rsplit('/')
        .next()
        .unwrap_or(qualified)
        .starts_with(prefix)
}

fn method(frame: &str) -> &str {
    frame.split('(').next().unwrap_or(frame)
}

fn next(inspection: &Inspection) -> Vec<String> {
    let mut next = Vec::new();
    if let Some(details) = &inspection.details {
        next.extend(next_log(inspection, details));
    }
    if let Some(jvm) = &inspection.jvm {
        next.extend(next_dump(jvm));
    }
    next
}

/// Where the process's own words are.
fn next_log(inspection: &Inspection, details: &Details) -> Vec<String> {
    let found = inspection
        .logs
        .as_ref()
        .and_then(|logs| logs.findings.first());
    if let Some(found) = found {
        return vec![match found.position() {
            Some(position) => around(&found.path, &position, found.gone, details),
            None => format!("read the output of `{}`", found.path),
        }];
    }
    let mut next = Vec::new();
    let open: Vec<_> = details
        .log_files
        .iter()
        .map(|file| file.readable_at(inspection.key.pid))
        .collect();
    let searched = inspection.logs.iter().flat_map(|logs| &logs.files);
    let searched: Vec<_> = searched.map(|file| known_as(file, details)).collect();
    // More than it has open: what its output goes into.
    let has_output = searched.len() > open.len();
    let paths = match searched.is_empty() {
        true => open,
        false => searched,
    };
    if !paths.is_empty() {
        let was_read = inspection
            .logs
            .as_ref()
            .is_some_and(|logs| !logs.files.is_empty());
        let verb = match was_read {
            true => "no known sign of churn in its logs; read them yourself:",
            false => "search its logs, which were not read:",
        };
        let more = match details.log_files_left_out {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        next.push(format!("{verb} {}{more}", paths.join(", ")));
    }
    next.extend(elsewhere(details).filter(|_| !has_output));
    next
}

/// Where the lines around one are; where the log cannot be found any more, what it was.
fn around(path: &str, position: &str, gone: Option<Gone>, details: &Details) -> String {
    match gone {
        None => format!("read {path} around {position}"),
        Some(Gone::Renamed) => format!(
            "{path} ({position}) is not found any more: it was renamed, deleted or emptied after it \
             was searched"
        ),
        Some(gone) => format!("{path} ({position}) is {}", whose(gone, details)),
    }
}

/// Its path, and why it cannot be read there.
fn known_as(file: &SearchedFile, details: &Details) -> String {
    match file.gone {
        None => file.path.clone(),
        Some(gone) => format!("{} ({})", file.path, whose(gone, details)),
    }
}

/// Why a path cannot be read, and in which container it was.
fn whose(gone: Gone, details: &Details) -> String {
    match (gone, &details.container) {
        (Gone::WithProcess(_), Some(container)) => format!("{gone}: container {container}"),
        _ => gone.to_string(),
    }
}

/// Where output goes that is in no file.
fn elsewhere(details: &Details) -> Option<String> {
    let to = details.output_to.as_deref()?;
    let is_journal = to.contains("journal");
    if let Some(PodName {
        namespace,
        pod,
        container: Some(container),
    }) = &details.pod_name
    {
        return Some(format!(
            "read its output: `kubectl logs --namespace {} {} --container {}`",
            shell::word(namespace),
            shell::word(pod),
            shell::word(container)
        ));
    }
    match (&details.container, &details.unit, details.unit_of) {
        (Some(container), Some(unit), UnitOf::Container) if is_journal => Some(format!(
            "read its output, in the container {container}: `journalctl --unit {}`",
            shell::word(unit)
        )),
        (Some(container), ..) if is_engines_id(container) => {
            let short = container.get(..12).unwrap_or(container);
            Some(format!(
                "read its output: `docker logs {short}`, `crictl logs {short}` or `kubectl logs`"
            ))
        }
        (Some(_), ..) => None,
        (None, Some(unit), UnitOf::User(uid)) if is_journal => Some(format!(
            "read its output: `journalctl _UID={uid} _SYSTEMD_USER_UNIT={}`",
            shell::word(unit)
        )),
        (None, Some(unit), _) if is_journal => Some(format!(
            "read its output: `journalctl --unit {}`",
            shell::word(unit)
        )),
        _ => None,
    }
}

/// How to see the thread in the JVM, where zkchurn did not.
fn next_dump(jvm: &Jvm) -> Option<String> {
    match &jvm.dump {
        _ if jvm.kind == JvmKind::OpenJ9 => Some(
            "zkchurn cannot dump OpenJ9: use `jcmd PID Thread.print` from the same JDK"
                .replace("PID", &jvm.inner_pid.to_string()),
        ),
        Dump::NotAsked => Some(format!(
            "see the thread in the JVM (or use --jvm dump{}): {}",
            danger(jvm),
            jvm.jstack
        )),
        Dump::Impossible { .. } => Some(format!(
            "if a dump is possible after all{}, run: {}",
            danger(jvm),
            jvm.jstack
        )),
        Dump::Taken { .. } if jvm.threads.is_empty() => Some(format!(
            "the connecting threads were not in the dump: they end with their connections; \
             run this while one is alive: {}",
            jvm.jstack
        )),
        Dump::Taken { .. } => None,
    }
}

/// Options with which SIGQUIT ends a JVM.
const FATAL: [&str; 2] = ["-Xrs", "-XX:+ReduceSignalUsage"];

/// Where the attach socket is gone, `jstack` sends SIGQUIT; that of a recent JDK
/// (seen on 17.0.15) looks first whether the JVM handles it.
fn danger(jvm: &Jvm) -> &'static str {
    let fatal = |flag: &String| FATAL.contains(&flag.as_str());
    match jvm.flags.iter().any(fatal) {
        true => {
            " (unlike zkchurn, the jstack of an older JDK may send SIGQUIT, which ends this JVM)"
        }
        false => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_journal_is_asked_for_the_unit_by_a_command_that_a_shell_cannot_take_amiss() {
        let details = |output: &str| Details {
            unit: Some(r"my\x2dshop$(id).service".to_owned()),
            output_to: Some(output.to_owned()),
            ..Details::default()
        };
        let hint = Some(r"read its output: `journalctl --unit 'my\x2dshop$(id).service'`");
        assert_eq!(elsewhere(&details("journal")).as_deref(), hint);
        assert_eq!(elsewhere(&details("journal and pipe")).as_deref(), hint);
        assert_eq!(elsewhere(&details("pipe")), None);
    }

    #[test]
    fn the_journal_of_a_container_or_a_user_is_not_the_hosts() {
        let details = |unit_of, container: Option<&str>| Details {
            unit: Some("zookeeper.service".to_owned()),
            unit_of,
            container: container.map(str::to_owned),
            output_to: Some("journal".to_owned()),
            ..Details::default()
        };
        let hint = elsewhere(&details(UnitOf::Container, Some("zk1")));
        let expected =
            "read its output, in the container zk1: `journalctl --unit zookeeper.service`";
        assert_eq!(hint.as_deref(), Some(expected));
        let hint = elsewhere(&details(UnitOf::User(1000), None));
        let expected =
            "read its output: `journalctl _UID=1000 _SYSTEMD_USER_UNIT=zookeeper.service`";
        assert_eq!(hint.as_deref(), Some(expected));
    }

    #[test]
    fn the_output_of_a_pod_is_read_by_its_name() {
        let details = Details {
            container: Some("a".repeat(64)),
            pod_name: Some(PodName {
                namespace: "prod".to_owned(),
                pod: "shop-x2x".to_owned(),
                container: Some("web".to_owned()),
            }),
            output_to: Some("pipe".to_owned()),
            ..Details::default()
        };
        let expected = "read its output: `kubectl logs --namespace prod shop-x2x --container web`";
        assert_eq!(elsewhere(&details).as_deref(), Some(expected));
    }

    #[test]
    fn a_log_that_is_gone_is_not_to_be_read() {
        let mut logs: crate::inspection::logs::LogSearch =
            serde_json::from_value(serde_json::json!({
                "files": [{"path": "/work/app.log", "size": 9, "searched": 9, "gone": {"with_process": 7}}],
                "findings": [], "notes": [],
            }))
            .unwrap();
        let details = Details {
            container: Some("0123456789ab".to_owned()),
            ..Details::default()
        };
        let next = |logs: &crate::inspection::logs::LogSearch| {
            let inspection = Inspection {
                key: crate::process::ProcessKey::new(7, 0),
                at_ns: 0,
                details: Some(details.clone()),
                jvm: None,
                logs: Some(logs.clone()),
            };
            next_log(&inspection, &details).join("; ")
        };
        let whose = "in the mount namespace of pid 7, which has ended: container 0123456789ab";
        assert_eq!(
            next(&logs),
            format!(
                "no known sign of churn in its logs; read them yourself: /work/app.log ({whose})"
            )
        );
        let finding = serde_json::json!({
            "signature": "connection-refused", "meaning": "", "path": "/work/app.log", "count": 1,
            "last": "refused", "record": null, "line": 3, "offset": 9, "gone": "renamed",
        });
        logs.findings = vec![serde_json::from_value(finding).unwrap()];
        let said = next(&logs);
        assert!(
            said.starts_with("/work/app.log (line 3) is not found any more: "),
            "{said}"
        );
    }

    #[test]
    fn of_logs_that_could_not_be_read_it_is_not_said_what_is_in_them() {
        let details = Details {
            log_files: vec![
                serde_json::from_value(serde_json::json!({
                    "fd": 3, "path": "/srv/app.log", "deleted": false, "size": 1,
                    "modified": null,
                }))
                .unwrap(),
            ],
            ..Details::default()
        };
        let inspection = Inspection {
            key: crate::process::ProcessKey::new(7, 0),
            at_ns: 0,
            details: Some(details.clone()),
            jvm: None,
            logs: Some(crate::inspection::logs::LogSearch {
                notes: vec!["/srv/app.log could not be read".to_owned()],
                ..Default::default()
            }),
        };
        assert_eq!(
            next_log(&inspection, &details),
            ["search its logs, which were not read: /srv/app.log"]
        );
    }
}
