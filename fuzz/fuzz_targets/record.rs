// SPDX-License-Identifier: MIT
//! The kernel's records, as they cross the ring buffer and as recordings of version 1
//! hold them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use zerocopy::IntoBytes;
use zkchurn_common::{
    record::{ConnectionRecord, RECORD_SIZE},
    wire::HEADER_SIZE,
};
use zkchurn_core::{
    decode::{Record, decode, process_of, read},
    outcome::Outcome,
    process::ProcessKey,
    recording::v1,
};

fuzz_target!(|bytes: &[u8]| {
    match read(bytes) {
        Ok(Record::Connection(record)) => {
            let length = bytes.len().min(RECORD_SIZE);
            if length == RECORD_SIZE {
                assert_eq!(record.as_bytes(), &bytes[..length], "what was read is what was written");
            }
            look_at(&record);
        }
        Ok(_) => {}
        Err(_) => assert!(bytes.len() < HEADER_SIZE || bytes[4..8] != length_of(bytes)),
    }
    if let Some(record) = v1::connection(bytes) {
        assert_eq!(
            read(record.as_bytes()),
            Ok(Record::Connection(record)),
            "an old record is one of today"
        );
        look_at(&record);
    }
    if let Some(record) = v1::handshake(bytes) {
        assert_eq!(read(record.as_bytes()), Ok(Record::Handshake(record)));
    }
});

fn length_of(bytes: &[u8]) -> [u8; 4] {
    (bytes.len() as u32).to_le_bytes()
}

fn look_at(record: &ConnectionRecord) {
    let key = process_of(record);
    let Ok(connection) = decode(record) else {
        return;
    };
    if connection.opener.is_some() || connection.holder.is_some() {
        assert_eq!(ProcessKey::of(&connection), key, "both find the same process");
    }
    let _ = Outcome::of(&connection);
    let _ = connection.first_close();
    let _ = connection.established_for_ns();
    let _ = connection.connecting_for_ns();
    let _ = connection.closed_by_other_process();
    let _ = connection.leaves_time_wait();
    let _ = format!("{connection:?}");
}
