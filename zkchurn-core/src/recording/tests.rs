// SPDX-License-Identifier: MIT
//! What is written can be read, however large it is.

use std::io::ErrorKind;

use super::{
    FILE_HEADER, MAX_PAYLOAD,
    reader::{Damage, Place, Reader},
    writer::Writer,
};
use crate::{
    frame::{Frame, Mark},
    inspection::{
        Details, Inspection,
        jvm::{Dump, JavaThread, Jvm, JvmKind},
        logs::{LogFinding, LogSearch},
    },
    process::ProcessKey,
};

/// As many threads, frames and characters as a look takes in at most.
fn large_dump(frame: &str) -> Inspection {
    let thread = |tid| JavaThread {
        tid,
        inner_tid: tid,
        name: "n".repeat(512),
        state: Some("RUNNABLE".to_owned()),
        stack: vec![frame.repeat(400); 40],
        frames_left_out: 3,
        doubt: None,
    };
    Inspection {
        key: ProcessKey::new(42, 0),
        at_ns: 1,
        details: None,
        jvm: Some(Jvm {
            kind: JvmKind::HotSpot,
            catalina_base: None,
            flags: Vec::new(),
            inner_pid: 42,
            dump: Dump::Taken {
                threads: 64,
                started_attach: true,
            },
            tasks: Vec::new(),
            threads: (0..64).map(thread).collect(),
            jstack: "jstack 42".to_owned(),
        }),
        logs: None,
    }
}

/// The inspections of a recording, and the stretches of damage.
fn replayed(recording: &[u8]) -> (Vec<Inspection>, usize) {
    let mut reader = Reader::new(recording).unwrap();
    let mut seen = Vec::new();
    let mut take = |frame: Frame<'_>| {
        if let Frame::Inspection(inspection) = frame {
            seen.push(inspection.clone());
        }
    };
    while reader.next_frame(&mut take).unwrap().is_some() {}
    (seen, reader.damages().0.len())
}

#[test]
fn a_very_large_thread_dump_replays() {
    for frame in ["f", "\u{1b}", "é", "\u{fffd}"] {
        let mut inspection = large_dump(frame);
        let mut recording = Vec::new();
        let mut writer = Writer::new(&mut recording).unwrap();
        let refused = writer.write(Frame::Inspection(&inspection)).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::InvalidInput);
        inspection.fit(MAX_PAYLOAD);
        writer.write(Frame::Inspection(&inspection)).unwrap();
        writer.write(Frame::End(&Mark::default())).unwrap();
        let (seen, damages) = replayed(&recording);
        assert_eq!(damages, 0, "{} bytes", recording.len());
        assert_eq!(seen, [inspection]);
        let threads = &seen[0].jvm.as_ref().unwrap().threads;
        assert_eq!(threads.len(), 64);
        for thread in threads {
            assert!(
                (1..40).contains(&thread.stack.len()),
                "{}",
                thread.stack.len()
            );
            assert_eq!(thread.stack.len() as u64 + thread.frames_left_out, 43);
        }
    }
}

#[test]
fn what_fits_is_not_cut() {
    let mut inspection = large_dump("f");
    inspection.fit(MAX_PAYLOAD * 2);
    assert_eq!(inspection, large_dump("f"));
}

#[test]
fn very_many_findings_leave_a_note_of_those_left_out() {
    let finding = |count| LogFinding {
        signature: "s".to_owned(),
        meaning: "m".repeat(100),
        path: "/p".repeat(2_000),
        count,
        last: "l".repeat(500),
        record: Some("r".repeat(500)),
        line: None,
        offset: 0,
        logged_ago_ms: None,
        during_trace: false,
        client: None,
    };
    let mut inspection = large_dump("f");
    inspection.logs = Some(LogSearch {
        findings: (0..1_000).map(finding).collect(),
        ..LogSearch::default()
    });
    inspection.fit(MAX_PAYLOAD);
    let json = serde_json::to_vec(&inspection).unwrap();
    assert!(json.len() <= MAX_PAYLOAD && json.len() > MAX_PAYLOAD / 4);
    let logs = inspection.logs.as_ref().unwrap();
    assert!(!logs.findings.is_empty());
    assert_eq!(logs.findings[0].count, 0, "the most telling is kept");
    let left_out = 1_000 - logs.findings.len();
    assert!(logs.notes[0].starts_with(&format!("{left_out} of 1000 findings")));
}

#[test]
fn what_cannot_be_cut_is_left_out_with_a_word() {
    let mut inspection = large_dump("f");
    inspection.details = Some(Details {
        uid: Some(7),
        cwd: Some("/".repeat(2 * MAX_PAYLOAD)),
        ..Details::default()
    });
    inspection.fit(MAX_PAYLOAD);
    let details = inspection.details.as_ref().unwrap();
    assert_eq!((details.uid, details.notes.len()), (Some(7), 1));
    assert!(serde_json::to_vec(&inspection).unwrap().len() < 1_000);
}

/// The stretches of damage where these bytes follow a whole frame, which begin at the
/// offset beside them; another frame may stand behind.
fn damages(bytes: &[u8], another_behind: bool) -> (Vec<Damage>, u64) {
    let mut recording = Vec::new();
    let mut writer = Writer::new(&mut recording).unwrap();
    writer.write(Frame::Interval(&Mark::default())).unwrap();
    writer.flush().unwrap();
    let frame = recording[FILE_HEADER..].to_vec();
    let offset = recording.len() as u64;
    recording.extend(bytes);
    if another_behind {
        recording.extend(frame);
    }
    let mut reader = Reader::new(recording.as_slice()).unwrap();
    while reader.next_frame(|_| ()).unwrap().is_some() {}
    (reader.damages().0.to_vec(), offset)
}

#[test]
fn damage_lies_before_a_frame_or_at_the_end() {
    for (another_behind, place) in [(true, Place::Before), (false, Place::Tail)] {
        let (found, offset) = damages(b"damaged", another_behind);
        let expected = Damage {
            offset,
            length: 7,
            place,
        };
        assert_eq!(found, [expected]);
    }
}
