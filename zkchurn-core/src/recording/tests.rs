// SPDX-License-Identifier: MIT
//! What is written can be read, however large it is.

use std::io::ErrorKind;

use super::{
    FILE_HEADER, FRAME_HEADER, MAX_PAYLOAD, append_file_header, append_frame, kind,
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
        gone: None,
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

/// A recording of records of these lengths, and where each of its frames begins, and the end.
fn with_lengths(lengths: &[usize]) -> (Vec<u8>, Vec<usize>) {
    let mut recording = Vec::new();
    append_file_header(&mut recording);
    let mut begins = Vec::new();
    for length in lengths {
        begins.push(recording.len());
        append_frame(kind::RECORD, &vec![0; *length], &mut recording);
    }
    begins.push(recording.len());
    (recording, begins)
}

/// Lengths of the records that are read, and what is damaged: which a limitation says of what
/// another frame follows on.
fn read(recording: &[u8]) -> (Vec<usize>, Vec<Damage>) {
    let mut reader = Reader::new(recording).unwrap();
    let mut lengths = Vec::new();
    let mut said = Vec::new();
    let mut take = |frame: Frame<'_>| match frame {
        Frame::Record(bytes) => lengths.push(bytes.len()),
        Frame::Limitation(limitation) => {
            assert_eq!(limitation.missing.damaged_parts, 1);
            said.push(limitation.sentence.clone());
        }
        other => panic!("{other:?}"),
    };
    while reader.next_frame(&mut take).unwrap().is_some() {}
    let before = reader.damages().0.iter();
    let before = before.filter(|damage| damage.place == Place::Before);
    assert_eq!(said, before.map(Damage::in_report).collect::<Vec<_>>());
    (lengths, reader.damages().0.to_vec())
}

#[test]
fn wherever_a_recording_is_cut_its_whole_frames_are_read() {
    let lengths = [0, 1, 20, 0, 3];
    let (recording, begins) = with_lengths(&lengths);
    for cut in FILE_HEADER..=recording.len() {
        let (read, damages) = read(&recording[..cut]);
        let whole = begins.iter().skip(1).filter(|end| **end <= cut).count();
        assert_eq!(read, lengths[..whole], "cut at {cut}");
        let behind = cut - begins[whole];
        let expected = (behind > 0).then_some(Damage {
            offset: begins[whole] as u64,
            length: behind as u64,
            place: Place::Tail,
        });
        assert_eq!(damages, Vec::from_iter(expected), "cut at {cut}");
    }
}

#[test]
fn whichever_byte_is_damaged_the_other_frames_are_read() {
    let lengths = [4, 20, 7, 2];
    let (recording, begins) = with_lengths(&lengths);
    for at in FILE_HEADER..recording.len() {
        let mut damaged = recording.clone();
        damaged[at] ^= 0x55;
        let lost = begins.iter().skip(1).filter(|end| **end <= at).count();
        let mut others = lengths.to_vec();
        others.remove(lost);
        let expected = Damage {
            offset: begins[lost] as u64,
            length: (begins[lost + 1] - begins[lost]) as u64,
            place: match lost + 1 == lengths.len() {
                true => Place::Tail,
                false => Place::Before,
            },
        };
        assert_eq!(read(&damaged), (others, vec![expected]), "byte {at}");
    }
}

/// Reading goes in pieces: a frame that lies across the border of two is read as any other.
#[test]
fn a_frame_may_lie_across_any_border() {
    const BORDER: usize = 256 * 1024;
    for before in 0..FRAME_HEADER + 6 {
        let first = BORDER - FILE_HEADER - FRAME_HEADER - before;
        let (recording, begins) = with_lengths(&[first, 5, 3]);
        assert_eq!(begins[1], BORDER - before);
        assert_eq!(read(&recording), (vec![first, 5, 3], vec![]), "{before}");
        // Damaged, it is skipped as any other.
        let mut damaged = recording;
        damaged[begins[1]] = 0;
        let damage = Damage {
            offset: begins[1] as u64,
            length: (FRAME_HEADER + 5) as u64,
            place: Place::Before,
        };
        assert_eq!(read(&damaged), (vec![first, 3], vec![damage]), "{before}");
    }
}

#[test]
fn the_longest_payload_is_read_and_one_byte_more_is_damage() {
    let (recording, _) = with_lengths(&[MAX_PAYLOAD, 1]);
    assert_eq!(read(&recording), (vec![MAX_PAYLOAD, 1], vec![]));
    let (recording, begins) = with_lengths(&[MAX_PAYLOAD + 1, 1]);
    let damage = Damage {
        offset: begins[0] as u64,
        length: (begins[1] - begins[0]) as u64,
        place: Place::Before,
    };
    assert_eq!(read(&recording), (vec![1], vec![damage]));
}

#[test]
fn of_very_many_damages_the_first_are_named_and_the_rest_is_counted() {
    let (mut recording, begins) = with_lengths(&[3; 40]);
    for begin in begins.iter().step_by(2).take(20) {
        recording[*begin] = 0;
    }
    let mut reader = Reader::new(recording.as_slice()).unwrap();
    while reader.next_frame(|_| ()).unwrap().is_some() {}
    let (named, more) = reader.damages();
    assert_eq!((named.len(), more), (16, 4));
    assert_eq!(reader.unknown_frames(), 0);
}

#[test]
fn what_only_a_newer_version_knows_is_skipped_and_counted() {
    let mut recording = Vec::new();
    append_file_header(&mut recording);
    append_frame(99, b"new", &mut recording);
    append_frame(kind::RECORD, b"old", &mut recording);
    append_frame(kind::LIMITATION, b"not so", &mut recording);
    append_frame(kind::RECORD | kind::CARRIED, b"", &mut recording);
    let mut reader = Reader::new(recording.as_slice()).unwrap();
    let mut seen = Vec::new();
    let mut take = |frame: Frame<'_>, is_carried| match frame {
        Frame::Record(bytes) => seen.push((bytes.to_vec(), is_carried)),
        other => panic!("{other:?}"),
    };
    while reader.next_of_segment(&mut take).unwrap().is_some() {}
    assert_eq!(seen, [(b"old".to_vec(), false), (vec![], true)]);
    assert_eq!((reader.unknown_frames(), reader.damages().0.len()), (2, 0));
    reader.expect_nothing_more().unwrap();
    assert_eq!(reader.damages().0.len(), 0);
}

#[test]
fn what_follows_on_the_end_is_told() {
    let (recording, begins) = with_lengths(&[3, 4]);
    let mut reader = Reader::new(recording.as_slice()).unwrap();
    reader.next_frame(|_| ()).unwrap();
    reader.expect_nothing_more().unwrap();
    let damage = Damage {
        offset: begins[1] as u64,
        length: (begins[2] - begins[1]) as u64,
        place: Place::AfterEnd,
    };
    assert_eq!(reader.damages(), ([damage].as_slice(), 0));
}

#[test]
fn a_file_that_is_no_recording_is_refused() {
    let (mut recording, _) = with_lengths(&[]);
    let refused = |bytes: &[u8]| Reader::new(bytes).err().map(|error| error.to_string());
    let none = Some("this is not a zkchurn recording".to_owned());
    assert_eq!(refused(&recording), None);
    assert_eq!(refused(&recording[..FILE_HEADER - 1]), none);
    for (version, is_read) in [(0, false), (1, true), (2, true), (3, false)] {
        recording[8] = version;
        assert_eq!(refused(&recording).is_none(), is_read, "version {version}");
    }
    recording[0] = b'z';
    assert_eq!(refused(&recording), none);
}

/// Counts how often it is asked to hand over what it has.
#[derive(Default)]
struct Handed(usize);

impl std::io::Write for Handed {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0 += 1;
        Ok(())
    }
}

#[test]
fn a_flush_reaches_what_is_written_to() {
    let mut handed = Handed::default();
    Writer::new(&mut handed).unwrap().flush().unwrap();
    assert_eq!(handed.0, 1);
}
