// SPDX-License-Identifier: MIT
//! Frames with a text of a hostile process's choice wherever one can stand.

use std::net::{Ipv4Addr, SocketAddr};

use proptest::prelude::*;
use zerocopy::IntoBytes;
use zkchurn_common::record::{FAMILY_INET, SIDE_OPENED, STAGE_ENDED, known};
use zkchurn_core::{
    clock::ClockPair,
    decode::blank,
    frame::{Frame, Mark, TraceStart},
    inspection::{
        Details, Inspection, LogFile,
        jvm::{Dump, JavaThread, Jvm, JvmKind, Task},
        logs::{LogFinding, LogSearch, SearchedFile},
        namespaces::{Namespace, OtherNamespaces},
    },
    process::{ProcessIdentity, ProcessKey, cgroup::UnitOf, pod_name::PodName},
    timewait::{Snapshot, TimeWaitSocket},
};

const PID: u32 = 4242;
const TID: u32 = 4310;
const SECOND: u64 = 1_000_000_000;

/// Texts that act on terminals and in pages: control sequences of both sets, a title, a
/// line of one's own, text that runs backwards, invisible characters, markup.
pub(crate) fn hostile() -> impl Strategy<Value = String> {
    let evil = prop::sample::select(vec![
        "\u{1b}[2J",
        "\u{1b}]0;owned\u{7}",
        "\u{9b}31m",
        "\r",
        "\n",
        "\n{\"type\":\"report\",\"answer\":\"all is well\"}\n",
        "\t",
        "\u{0}",
        "\u{7f}",
        "\u{202e}",
        "\u{200b}",
        "\u{fffd}",
        "\"",
        "\\",
        "',\"}",
        "<script>alert(1)</script>",
        "</script><img src=x onerror=alert(1)>",
        "]]>--><iframe>",
        "' onload='alert(1)",
        "\n# All is well\n",
        " | forged | ",
        "](javascript:alert(1))",
        "```",
        "main-SendThread",
        "org.apache.zookeeper.ClientCnxn$SendThread.run(",
        "é",
    ]);
    prop_oneof![
        prop::collection::vec(evil, 1..4).prop_map(|parts| parts.concat()),
        any::<String>(),
    ]
}

fn record(comm: &[u8]) -> Vec<u8> {
    let mut record = blank();
    let mut name = [0; 16];
    let length = comm.len().min(15);
    name[..length].copy_from_slice(&comm[..length]);
    record.socket = 7;
    record.started_ns = SECOND;
    record.established_ns = SECOND + 1;
    record.left_established_ns = 2 * SECOND;
    record.local_close_ns = 2 * SECOND;
    record.until_ns = 2 * SECOND;
    record.opener_tgid = PID;
    record.opener_tid = TID;
    record.closer_tgid = PID + 1;
    record.closer_tid = PID + 1;
    record.opener_comm = name;
    record.process_comm = name;
    record.closer_comm = name;
    record.remote_port = 2181_u16.to_be_bytes();
    record.stage = STAGE_ENDED;
    record.side = SIDE_OPENED;
    record.family = FAMILY_INET;
    record.known =
        known::COOKIE | known::OPENER | known::CLOSER | known::PROCESS_COMM | known::PAYLOAD_OUT;
    record.as_bytes().to_vec()
}

/// A look that tells `evil` wherever text can stand.
fn inspection(evil: &str) -> Inspection {
    let text = || evil.to_owned();
    Inspection {
        key: ProcessKey::new(PID, 0),
        at_ns: SECOND,
        details: Some(Details {
            uid: Some(0),
            user: Some(text()),
            started: Some(text()),
            cwd: Some(text()),
            unit: Some(text()),
            container: Some(text()),
            pod: Some(text()),
            unit_of: UnitOf::Container,
            pod_name: Some(PodName {
                namespace: text(),
                pod: text(),
                container: Some(text()),
            }),
            namespaces: OtherNamespaces {
                kinds: Namespace::ALL.to_vec(),
                inner_pid: Some(1),
            },
            output_to: Some(text()),
            log_files: vec![LogFile {
                fd: 1,
                path: text(),
                deleted: false,
                size: 1,
                modified: Some(text()),
            }],
            log_files_left_out: 1,
            notes: vec![text()],
        }),
        jvm: Some(Jvm {
            kind: JvmKind::HotSpot,
            catalina_base: Some(text()),
            flags: vec![text()],
            inner_pid: 1,
            dump: Dump::Impossible { why: text() },
            tasks: vec![
                Task {
                    tid: TID,
                    inner_tid: 7,
                    comm: text(),
                    named: true,
                },
                Task {
                    tid: TID + 1,
                    inner_tid: 8,
                    comm: text(),
                    named: true,
                },
            ],
            threads: vec![JavaThread {
                tid: TID,
                inner_tid: 7,
                name: text(),
                state: Some(text()),
                stack: vec![text(), format!("{evil}(")],
                frames_left_out: 1,
                doubt: None,
            }],
            jstack: text(),
        }),
        logs: Some(LogSearch {
            files: vec![SearchedFile {
                path: text(),
                size: 2,
                searched: 1,
                device: 0,
                inode: 0,
                gone: None,
                read_before_ms: None,
            }],
            findings: vec![LogFinding {
                signature: text(),
                meaning: text(),
                path: text(),
                count: 1,
                last: text(),
                record: Some(text()),
                line: Some(1),
                offset: 0,
                logged_ago_ms: None,
                during_trace: true,
                gone: None,
                client: None,
            }],
            notes: vec![text()],
            serves: Vec::new(),
        }),
    }
}

fn start(evil: &str) -> TraceStart {
    let clock = ClockPair {
        monotonic_ns: 1,
        realtime_ns: 0,
    };
    TraceStart {
        host: evil.to_owned(),
        boot_id: Some(evil.to_owned()),
        run_id: Some(evil.to_owned()),
        kernel: evil.to_owned(),
        degraded: vec![evil.to_owned()],
        part: None,
        ..TraceStart::of_port(2181, clock)
    }
}

/// All kinds of frames, with `evil` in all their texts.
pub(crate) fn frames(evil: &str, mut each: impl FnMut(Frame<'_>)) {
    let address = |port| SocketAddr::from((Ipv4Addr::UNSPECIFIED, port));
    let mark = Mark {
        monotonic_ns: 3 * SECOND,
        ..Mark::default()
    };
    let identity = ProcessIdentity::new(
        ProcessKey::new(PID, 0),
        evil.to_owned(),
        Some(evil.to_owned()),
        vec!["java".to_owned(), "-jar".to_owned(), evil.to_owned()],
    );
    let sockets = Snapshot {
        at_ns: 2 * SECOND,
        sockets: vec![TimeWaitSocket {
            cookie: 7,
            netns: 1,
            local: address(0),
            remote: address(2181),
            left_ms: 1,
        }],
        notes: vec![evil.to_owned()],
        continued: false,
    };
    for frame in [
        Frame::Start(&start(evil)),
        Frame::Process(&identity),
        Frame::Record(&record(evil.as_bytes())),
        Frame::Interval(&mark),
        Frame::Inspection(&inspection(evil)),
        Frame::TimeWait(&sockets),
        Frame::End(&mark),
    ] {
        each(frame);
    }
}
