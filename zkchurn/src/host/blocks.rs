// SPDX-License-Identifier: MIT
//! What a file takes of a disk: limits are of whole blocks, as `du` counts them.

/// Block of the usual file systems, in bytes: a file, and a directory, takes so much at least.
pub(crate) const BLOCK: u64 = 4096;

/// Bytes in whole blocks.
pub(crate) const fn blocks(bytes: u64) -> u64 {
    bytes.next_multiple_of(BLOCK)
}
