// SPDX-License-Identifier: MIT
//! Names of programs and threads, which stay but for addresses, hosts and paths in them. Records,
//! processes and dumps of threads tell of the same one: it is called the same in all of them.

use std::mem::offset_of;

use zkchurn_common::record::{COMM_LENGTH, ConnectionRecord};

use super::Redactor;
use crate::process::COMM;

/// Where a record has names of tasks.
const IN_RECORD: [usize; 4] = [
    offset_of!(ConnectionRecord, opener_comm),
    offset_of!(ConnectionRecord, process_comm),
    offset_of!(ConnectionRecord, parent_comm),
    offset_of!(ConnectionRecord, closer_comm),
];

/// Whether the field holds the name of a program or of a thread.
pub(super) fn is_program(key: &str) -> bool {
    matches!(
        key,
        "application" | "comm" | "label" | "name" | "process_name" | "thread"
    )
}

impl Redactor {
    /// The name as all fields have it.
    pub(super) fn program(&mut self, name: &str) -> String {
        if let Some(known) = self.names.program(name) {
            return known.clone();
        }
        self.names.learn_program(name);
        // What stands around the sign is no user of a host.
        let parts: Vec<_> = name.split('@').map(|part| self.words(part)).collect();
        let mut other = parts.join("@");
        if name.len() <= COMM {
            // The kernel has no room for more.
            other.truncate(other.floor_char_boundary(COMM));
        }
        self.names.name_program(name, &other);
        other
    }

    /// The names that a record has of tasks.
    pub(super) fn programs_of(&mut self, record: &mut [u8]) {
        for at in IN_RECORD {
            let Some(bytes) = record.get_mut(at..at + COMM_LENGTH) else {
                continue;
            };
            let end = bytes.iter().position(|byte| *byte == 0);
            let Ok(name) = str::from_utf8(&bytes[..end.unwrap_or(COMM).min(COMM)]) else {
                continue;
            };
            let other = self.program(name);
            if other != name {
                bytes.fill(0);
                bytes[..other.len()].copy_from_slice(other.as_bytes());
            }
        }
    }
}
