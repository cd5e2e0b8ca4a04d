// SPDX-License-Identifier: MIT
//! The record of a connection, as it crosses the ring buffer.
#![no_main]

use libfuzzer_sys::fuzz_target;
use zkchurn_common::record::RECORD_SIZE;
use zkchurn_core::{
    decode::{decode, process_of, read_record, write_record},
    outcome::Outcome,
    process::ProcessKey,
};

fuzz_target!(|bytes: &[u8]| {
    let _ = process_of(bytes);
    let Ok(record) = read_record(bytes) else {
        assert_ne!(bytes.len(), RECORD_SIZE);
        return;
    };
    let mut written = Vec::new();
    write_record(&record, &mut written);
    assert_eq!(written, bytes, "what is written is what was read");
    let Ok(connection) = decode(bytes) else {
        return;
    };
    if connection.opener.is_some() || connection.holder.is_some() {
        let key = ProcessKey::of(&connection);
        assert_eq!(key, process_of(bytes), "both find the same process");
    }
    let _ = Outcome::of(&connection);
    let _ = connection.first_close();
    let _ = connection.established_for_ns();
    let _ = connection.connecting_for_ns();
    let _ = connection.closed_by_other_process();
    let _ = connection.leaves_time_wait();
    let _ = format!("{connection:?}");
});
