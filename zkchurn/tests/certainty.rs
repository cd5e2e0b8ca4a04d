// SPDX-License-Identifier: MIT
//! Over all recordings and what may be known of their processes: nothing is certain that
//! something else may have written, and nothing is advised that was done.
#![expect(
    clippy::unwrap_used,
    reason = "a test that panics has failed, which is its purpose"
)]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use zkchurn_common::wire::tag;
use zkchurn_core::{
    diagnose::{Churn, Confidence, Finding},
    frame::Frame,
    inspection::{
        Details, Inspection, LogSignature,
        jvm::Dump,
        logs::{LogFinding, LogSearch, SearchedFile},
    },
    pipeline::{Pipeline, View},
    process::ProcessKey,
    recording::reader::Reader,
    render::{FORMS, Options},
    report::Report,
};

const VIEW: View = View {
    top: 10,
    time_wait_rows: false,
};

/// What is known besides the connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Known {
    AsRecorded,
    /// Neither logs nor stacks nor first bytes.
    Shapes,
    /// The same, and every process's log has lines of something else.
    OtherLines,
    /// As recorded, without the first bytes.
    NoHandshakes,
}

/// What has nothing to do with ZooKeeper, and looks as if it had.
const OTHERS: [(LogSignature, &str); 8] = [
    (
        LogSignature::CLASS_MISSING,
        "java.lang.NoClassDefFoundError: org/xerial/snappy/SnappyOutputStream",
    ),
    (
        LogSignature::OUT_OF_MEMORY,
        "java.lang.OutOfMemoryError: Java heap space",
    ),
    (
        LogSignature::SESSION_EXPIRED,
        "INFO LoginFilter - Session has expired for user alice, redirecting to /login",
    ),
    (
        LogSignature::TOO_MANY_CONNECTIONS,
        "WARN broker - Too many connections from /10.9.8.7 (maximum = 60)",
    ),
    (
        LogSignature::AUTHENTICATION_FAILED,
        "WARN LoginFilter - Authentication failed for user alice",
    ),
    (
        LogSignature::TLS_HANDSHAKE_FAILED,
        "javax.net.ssl.SSLHandshakeException: PKIX path building failed",
    ),
    (
        LogSignature::CONNECTION_RESET,
        "java.io.IOException: Broken pipe",
    ),
    (
        LogSignature::OUT_OF_FILE_DESCRIPTORS,
        "java.io.FileNotFoundException: /srv/x (Too many open files)",
    ),
];

fn lines_of_others(key: ProcessKey, at_ns: u64) -> Inspection {
    let path = "/srv/app/app.log".to_owned();
    let finding = |(signature, last): &(LogSignature, &str)| LogFinding {
        signature: signature.id().to_owned(),
        meaning: String::new(),
        path: path.clone(),
        count: 100,
        last: (*last).to_owned(),
        record: None,
        line: Some(1),
        offset: 0,
        logged_ago_ms: Some(0),
        during_trace: true,
        gone: None,
        client: None,
    };
    Inspection {
        key,
        at_ns,
        details: Some(Details::default()),
        jvm: None,
        logs: Some(LogSearch {
            files: vec![SearchedFile {
                path: path.clone(),
                size: 1,
                searched: 1,
                device: 0,
                inode: 0,
                gone: None,
                read_before_ms: None,
            }],
            findings: OTHERS.iter().map(finding).collect(),
            ..LogSearch::default()
        }),
    }
}

fn report(path: &Path, known: Known) -> Report {
    let options = Options {
        colour: false,
        zone: jiff::tz::TimeZone::UTC,
        lines_per_second: 0,
        columns: Some(100),
        rows: None,
        chosen: Vec::new(),
        details: true,
    };
    let renderer = FORMS[0].renderer(Box::new(std::io::sink()), options);
    let mut pipeline = Pipeline::new(renderer, VIEW);
    let bytes = fs::read(path).unwrap();
    let mut reader = Reader::new(bytes.as_slice()).unwrap();
    let mut processes = BTreeSet::new();
    let look = |frame: Frame<'_>| match frame {
        Frame::Record(record)
            if known != Known::AsRecorded && record[..2] == tag::HANDSHAKE.to_le_bytes() => {}
        Frame::Inspection(look) if matches!(known, Known::Shapes | Known::OtherLines) => {
            processes.insert(look.key);
        }
        Frame::Process(process) => {
            processes.insert(process.key);
            pipeline.accept(frame).unwrap();
        }
        Frame::End(mark) if known == Known::OtherLines => {
            for process in &processes {
                let look = lines_of_others(*process, mark.monotonic_ns);
                pipeline.accept(Frame::Inspection(&look)).unwrap();
            }
            pipeline.accept(frame).unwrap();
        }
        frame => pipeline.accept(frame).unwrap(),
    };
    let mut look = look;
    while let Some(()) = reader.next_frame(&mut look).unwrap() {}
    pipeline.report().unwrap().clone()
}

fn recordings() -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = vec![
        "tests/recordings/server_side.zkchurn".into(),
        "tests/recordings/incident.zkchurn".into(),
    ];
    for directory in ["tests/recordings/kinds", "tests/recordings/messy"] {
        let files = fs::read_dir(directory).unwrap();
        paths.extend(files.map(|file| file.unwrap().path()));
    }
    paths.retain(|path| path.extension().is_some_and(|kind| kind == "zkchurn"));
    paths.sort();
    assert!(paths.len() >= 60, "{} recordings", paths.len());
    paths
}

fn certain(report: &Report) -> Vec<Churn> {
    let surely = |finding: &&Finding| finding.confidence == Confidence::Certain;
    let findings = report.findings.iter().filter(surely);
    findings.map(|finding| finding.name).collect()
}

/// What the kernel itself says: by an error, or by the SYNs that it sent, none or several
/// without an answer.
const BY_KERNEL: [Churn; 4] = [
    Churn::Refused,
    Churn::Unreachable,
    Churn::NoLocalPort,
    Churn::Blackhole,
];

#[test]
fn shapes_alone_prove_nothing_but_what_the_kernel_says() {
    for path in recordings() {
        let found = certain(&report(&path, Known::Shapes));
        let unproven: Vec<_> = found
            .iter()
            .filter(|one| !BY_KERNEL.contains(one))
            .collect();
        assert!(unproven.is_empty(), "{}: {unproven:?}", path.display());
    }
}

#[test]
fn lines_of_something_else_prove_nothing() {
    for path in recordings() {
        let shapes = report(&path, Known::Shapes);
        let beside = report(&path, Known::OtherLines);
        assert_eq!(certain(&beside), certain(&shapes), "{}", path.display());
    }
}

#[test]
fn what_was_done_is_not_advised() {
    for path in recordings() {
        for known in [
            Known::AsRecorded,
            Known::Shapes,
            Known::NoHandshakes,
            Known::OtherLines,
        ] {
            let report = report(&path, known);
            for finding in &report.findings {
                let advice = [&finding.next[..], &finding.would_decide[..]].concat();
                let place = format!("{} {known:?} {}", path.display(), finding.title);
                for one in &advice {
                    assert!(!is_done(one, finding, &report), "{place}: {one}");
                }
            }
        }
    }
}

/// Whether zkchurn did for this finding what is advised.
fn is_done(advice: &str, finding: &Finding, report: &Report) -> bool {
    let suspect = report
        .suspects
        .iter()
        .find(|suspect| Some(suspect.pid) == finding.who.pid);
    let logs = suspect.and_then(|suspect| suspect.logs.as_ref());
    let searched = logs.is_some_and(|logs| !logs.files.is_empty());
    let jvm = suspect.and_then(|suspect| suspect.jvm.as_ref());
    let dumped = jvm.is_some_and(|jvm| jvm.dump != Dump::NotAsked);
    let handshakes = finding
        .numbers
        .get("handshakes")
        .is_some_and(|seen| *seen > 0);
    let logs_advised = [
        "search the client's log for",
        "its log from the time",
        "--logs",
    ];
    (searched && logs_advised.iter().any(|words| advice.contains(words)))
        || (dumped && advice.contains("--jvm dump"))
        || (handshakes && advice.contains("--handshake"))
}
