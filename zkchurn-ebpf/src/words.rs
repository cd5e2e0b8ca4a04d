// SPDX-License-Identifier: MIT
//! Sixteen bytes as two words.
//!
//! Addresses and names are arrays of bytes, and the compiler copies those byte by byte
//! and clears them in a loop: 1,500 instructions a connection.

use core::mem::{MaybeUninit, offset_of};

use zkchurn_common::record::{ConnectionRecord, ENTRY_SIZE, RECORD_SIZE, TableEntry};

/// Sixteen bytes in the order in which they are in memory.
pub(crate) type Words = [u64; 2];

const WORD: usize = size_of::<u64>();

const _: () = {
    assert!(offset_of!(ConnectionRecord, local_address).is_multiple_of(WORD));
    assert!(offset_of!(ConnectionRecord, remote_address).is_multiple_of(WORD));
    assert!(offset_of!(ConnectionRecord, opener_comm).is_multiple_of(WORD));
    assert!(offset_of!(ConnectionRecord, process_comm).is_multiple_of(WORD));
    assert!(offset_of!(ConnectionRecord, parent_comm).is_multiple_of(WORD));
    assert!(offset_of!(ConnectionRecord, closer_comm).is_multiple_of(WORD));
    assert!(offset_of!(TableEntry, record).is_multiple_of(WORD));
    assert!(RECORD_SIZE.is_multiple_of(WORD) && ENTRY_SIZE.is_multiple_of(WORD));
};

/// The words of sixteen bytes.
#[inline(always)]
pub(crate) const fn words(bytes: [u8; 16]) -> Words {
    let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = bytes;
    [
        u64::from_ne_bytes([a, b, c, d, e, f, g, h]),
        u64::from_ne_bytes([i, j, k, l, m, n, o, p]),
    ]
}

/// Writes a record's field, one of those that are named above.
#[inline(always)]
pub(crate) fn put(field: &mut [u8; 16], words: Words) {
    // SAFETY: the field has the size of `Words`, and lies at a multiple of a word's size
    // in a record that is aligned to words: see the assertions above.
    unsafe { (&raw mut *field).cast::<Words>().write(words) }
}

/// The words of the first `length` bytes of a record, which has so many.
#[inline(always)]
pub(crate) fn front(record: &ConnectionRecord, length: usize) -> &[u64] {
    // SAFETY: within the record, which is aligned to words and has no padding.
    unsafe { core::slice::from_raw_parts((&raw const *record).cast::<u64>(), length / WORD) }
}

/// The entry, all zero: memory of the kernel's that held something else before.
#[inline(always)]
pub(crate) fn clear(entry: &mut MaybeUninit<TableEntry>) -> &mut TableEntry {
    let start = entry.as_mut_ptr().cast::<u64>();
    for word in 0..ENTRY_SIZE / WORD {
        // SAFETY: within the entry, and aligned as it is. Volatile, so that the loop is
        // not taken for a memset, which is a loop over bytes here.
        unsafe { start.wrapping_add(word).write_volatile(0) }
    }
    // SAFETY: every field is a number or an array of bytes, for which zeroes are a value,
    // and every byte was written.
    unsafe { entry.assume_init_mut() }
}
