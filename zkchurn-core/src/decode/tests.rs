// SPDX-License-Identifier: MIT
//! The bytes of the wire, and what becomes of longer, shorter and unknown ones.

use zkchurn_common::{handshake::HANDSHAKE_RECORD_SIZE, record::ESTABLISHED_SIZE};

use super::*;

/// A record in which every byte behind the header tells its place.
fn numbered() -> ConnectionRecord {
    let bytes: Vec<u8> = (0..RECORD_SIZE).map(|at| at as u8).collect();
    ConnectionRecord {
        header: ConnectionRecord::HEADER,
        ..ConnectionRecord::read_from_bytes(&bytes).unwrap()
    }
}

fn ended() -> ConnectionRecord {
    ConnectionRecord {
        known: !known::HOLDER,
        stage: STAGE_ENDED,
        told: TOLD_CONNECTING,
        side: SIDE_OPENED,
        family: FAMILY_INET6,
        ..numbered()
    }
}

fn with_length(record: &ConnectionRecord, length: usize) -> Vec<u8> {
    let mut bytes = record.as_bytes().to_vec();
    bytes.resize(length, 0xee);
    bytes[4..8].copy_from_slice(&(length as u32).to_le_bytes());
    bytes
}

fn read_connection(bytes: &[u8]) -> ConnectionRecord {
    match read(bytes).unwrap() {
        Record::Connection(record) => record,
        other => panic!("{other:?}"),
    }
}

/// The wire, to the byte: a change here breaks every recording of version 2. What is
/// appended is held in its place by the assertions beside the record.
#[test]
fn fields_stand_where_they_stood() {
    let record = numbered();
    let word = |at: u8| u64::from_le_bytes(std::array::from_fn(|byte| at.wrapping_add(byte as u8)));
    let half = |at: u16| u32::from_le_bytes(std::array::from_fn(|byte| (at + byte as u16) as u8));
    let text = |at: u8| -> [u8; 16] { std::array::from_fn(|byte| at.wrapping_add(byte as u8)) };
    assert_eq!(record.as_bytes()[..4], [1, 0, 2, 0]);
    assert_eq!(record.as_bytes()[4..8], (RECORD_SIZE as u32).to_le_bytes());
    let words = [
        (record.socket, 8),
        (record.started_ns, 16),
        (record.established_ns, 24),
        (record.opener_cgroup, 32),
        (record.opener_start_ns, 40),
        (record.parent_start_ns, 48),
        (record.left_established_ns, 176),
        (record.local_close_ns, 184),
        (record.until_ns, 192),
        (record.payload_out, 200),
        (record.payload_in, 208),
        (record.acked, 216),
        (record.bytes_retransmitted, 224),
    ];
    assert!(words.iter().all(|(found, at)| *found == word(*at)));
    let halves = [
        (record.opener_tgid, 136),
        (record.opener_tid, 140),
        (record.opener_uid, 144),
        (record.parent_tgid, 148),
        (record.netns, 152),
        (record.interface, 156),
        (record.known, 160),
        (record.closer_tgid, 248),
        (record.closer_tid, 252),
        (record.smoothed_rtt_us, 260),
        (record.retransmits, 264),
        (record.congestion_window, 268),
        (record.segments_out, 272),
        (record.in_flight, 276),
        (record.unsent, 280),
        (record.unread, 284),
    ];
    assert!(halves.iter().all(|(found, at)| *found == half(*at)));
    let texts = [
        (record.local_address, 56),
        (record.remote_address, 72),
        (record.opener_comm, 88),
        (record.process_comm, 104),
        (record.parent_comm, 120),
        (record.closer_comm, 232),
    ];
    assert!(texts.iter().all(|(found, at)| *found == text(*at)));
    assert_eq!(record.local_port, [164, 165]);
    assert_eq!(record.remote_port, [166, 167]);
    assert_eq!((record.stage, record.side), (168, 169));
    assert_eq!(record.states_seen, 0xabaa);
    assert_eq!((record.family, record.state_left), (172, 173));
    assert_eq!((record.error, record.soft_error), (0x0100, 0x0302));
}

#[test]
fn a_longer_record_is_read_as_far_as_it_is_known() {
    let record = ended();
    for longer in [8, 100, 4096] {
        let bytes = with_length(&record, RECORD_SIZE + longer);
        let read = read_connection(&bytes);
        assert_eq!(decode(&read), decode(&record));
    }
}

#[test]
fn what_a_shorter_record_lacks_is_unknown() {
    let record = ended();
    let whole = decode(&record).unwrap();
    let at_establishment = decode(&read_connection(&with_length(&record, ESTABLISHED_SIZE)));
    let shorter = at_establishment.unwrap();
    assert_eq!(shorter.opener, whole.opener);
    assert_eq!(shorter.remote, whole.remote);
    assert_eq!(shorter.closer, None);
    assert_eq!(shorter.error, None);
    assert_eq!(shorter.ended_ns, None);
    assert_eq!(shorter.traffic, Traffic::default());
    // A name that is cut in two is no name.
    let cut = decode(&read_connection(&with_length(&record, RECORD_SIZE - 12))).unwrap();
    let mut expected = whole.traffic;
    assert!(expected.unread.take().is_some());
    assert_eq!(cut.traffic, expected);
    assert_eq!(
        known::within(RECORD_SIZE - 12),
        known::within(RECORD_SIZE) & !(known::UNREAD | known::TOLD)
    );
    // Without its stage it is no record.
    let beheaded = read_connection(&with_length(&record, 160));
    assert_eq!(beheaded.known, 0);
    assert_eq!(decode(&beheaded), Err(DecodeError::Stage(0)));
}

#[test]
fn an_unknown_tag_or_version_is_no_damage() {
    for (at, value) in [(0, 77), (1, 1), (2, 1), (2, 3), (3, 1)] {
        let mut bytes = ended().as_bytes().to_vec();
        bytes[at] = value;
        assert!(
            matches!(read(&bytes), Ok(Record::Unknown(_))),
            "{at} {value}"
        );
    }
    let mut handshake = vec![0; HANDSHAKE_RECORD_SIZE];
    handshake[..8].copy_from_slice(HandshakeRecord::HEADER.as_bytes());
    assert!(matches!(read(&handshake), Ok(Record::Handshake(_))));
    handshake[2] += 1;
    assert!(matches!(read(&handshake), Ok(Record::Unknown(_))));
}

#[test]
fn a_record_that_has_another_length_than_it_says_is_damaged() {
    let bytes = ended().as_bytes().to_vec();
    for cut in [0, 7, 8, 216, RECORD_SIZE - 1] {
        assert!(read(&bytes[..cut]).is_err(), "{cut}");
    }
    assert_eq!(read(&bytes[..7]), Err(DecodeError::NoHeader(7)));
}

#[test]
fn both_ways_find_the_same_process() {
    let bits = [known::OPENER, known::OPENER_START, known::HOLDER];
    for set in 0..1 << bits.len() {
        let in_set = bits.iter().enumerate().filter(|(at, _)| set >> at & 1 == 1);
        let record = ConnectionRecord {
            opener_tgid: 42,
            opener_start_ns: 7_000_000_000,
            known: in_set.map(|(_, bit)| bit).sum(),
            ..ended()
        };
        let connection = decode(&record).unwrap();
        assert_eq!(process_of(&record), ProcessKey::of(&connection), "{set:b}");
    }
}

#[test]
fn a_parent_is_that_of_who_opened_the_connection() {
    const ALL: u32 = known::OPENER | known::PARENT | known::PARENT_START | known::PARENT_COMM;
    let with = |known| ConnectionRecord {
        known,
        parent_tgid: 7,
        parent_start_ns: 50_000_000,
        ..blank()
    };
    let key = parent_of(&with(ALL)).unwrap();
    assert_eq!((key.pid, key.start_ns), (7, 50_000_000));
    for missing in [
        known::OPENER,
        known::PARENT,
        known::PARENT_START,
        known::PARENT_COMM,
    ] {
        assert_eq!(parent_of(&with(ALL & !missing)), None, "{missing:#x}");
    }
}
