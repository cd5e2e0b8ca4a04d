// SPDX-License-Identifier: MIT
//! The names of tasks in the bytes of a record, which may hold secrets as a command line may.

use std::mem::offset_of;

use zkchurn_common::{
    record::{COMM_LENGTH, ConnectionRecord},
    wire::tag,
};

use crate::{connection::Comm, process::secret::hide_in_comm};

/// Where a record has names.
const NAMES: [usize; 4] = [
    offset_of!(ConnectionRecord, opener_comm),
    offset_of!(ConnectionRecord, process_comm),
    offset_of!(ConnectionRecord, parent_comm),
    offset_of!(ConnectionRecord, closer_comm),
];

/// The name without the secret that it may hold: an earlier version may have recorded it.
pub(super) fn comm(mut name: [u8; COMM_LENGTH]) -> Comm {
    hide_in_comm(&mut name);
    Comm::new(name)
}

/// The record with the secrets of its names hidden, before it is recorded; `None` where it has
/// none, as nearly all.
pub fn without_secrets(record: &[u8]) -> Option<Vec<u8>> {
    if !record.starts_with(&tag::CONNECTION.to_le_bytes()) {
        return None;
    }
    let mut hidden = None;
    for at in NAMES {
        let place = at..at + COMM_LENGTH;
        let Some(name) = record.get(place.clone()) else {
            continue;
        };
        let Ok(mut shown) = <[u8; COMM_LENGTH]>::try_from(name) else {
            continue;
        };
        hide_in_comm(&mut shown);
        if shown != name {
            let hidden = hidden.get_or_insert_with(|| record.to_vec());
            hidden[place].copy_from_slice(&shown);
        }
    }
    hidden
}

#[cfg(test)]
mod tests {
    use zerocopy::IntoBytes;

    use super::*;
    use crate::decode::blank;

    #[test]
    fn secrets_of_all_names_are_hidden_and_nothing_else_changes() {
        let mut record = blank();
        record.opener_tgid = 7;
        record.parent_comm = *b"main-SendThread\0";
        assert_eq!(without_secrets(record.as_bytes()), None);
        record.opener_comm = *b"password=S3cret\0";
        record.process_comm = *b"token:abc\0\0\0\0\0\0\0";
        record.closer_comm = *b"a://b:sesame@c/\0";
        let hidden = without_secrets(record.as_bytes()).unwrap();
        record.opener_comm = *b"password=******\0";
        record.process_comm = *b"token:***\0\0\0\0\0\0\0";
        record.closer_comm = *b"a://********@c/\0";
        assert_eq!(hidden, record.as_bytes());
        // Once is enough, of another record and of a short one nothing is known.
        assert_eq!(without_secrets(&hidden), None);
        record.opener_comm = *b"password=S3cret\0";
        let bytes = record.as_bytes();
        for length in 0..bytes.len() {
            let cut = without_secrets(&bytes[..length]);
            let has_name = length >= NAMES[0] + COMM_LENGTH;
            assert_eq!(cut.is_some(), has_name, "{length}");
        }
        record.header.tag = tag::HANDSHAKE;
        assert_eq!(without_secrets(record.as_bytes()), None);
    }
}
