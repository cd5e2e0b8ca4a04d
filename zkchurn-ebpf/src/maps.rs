// SPDX-License-Identifier: MIT
//! The table of open connections, the way out to user space, and the counters.

use aya_ebpf::{
    bindings::BPF_RB_NO_WAKEUP,
    macros::map,
    maps::{HashMap, PerCpuArray, RingBuf},
};
use zkchurn_common::{
    handshake::HandshakeRecord,
    loss::Loss,
    record::{ConnectionRecord, ESTABLISHED_SIZE, RECORD_SIZE},
};

use crate::{globals, progress::Progress, words};

/// Open connections by socket identity. The loader sets the size.
#[map]
static TRACKED: HashMap<u64, ConnectionRecord> = HashMap::with_max_entries(1, 0);

/// Records for the reader. The loader sets the size.
#[map]
static RECORDS: RingBuf = RingBuf::with_byte_size(4096, 0);

/// How much of each open connection's handshake was captured, by cookie. The
/// loader sets the size when handshakes are wanted.
#[map]
static HANDSHAKES: HashMap<u64, Progress> = HashMap::with_max_entries(1, 0);

/// What could not be recorded: see [`Loss`].
#[map]
static LOSS: PerCpuArray<u64> = PerCpuArray::with_max_entries(Loss::COUNT, 0);

/// The last socket on this CPU that found no room in the table.
#[map]
static WITHOUT_ROOM: PerCpuArray<u64> = PerCpuArray::with_max_entries(1, 0);

/// Starts tracking a connection; a full table is counted.
#[inline(always)]
pub fn track(record: &ConnectionRecord) {
    if TRACKED.insert(record.socket, record, 0).is_err() {
        count(Loss::TableFull);
        if let Some(last) = WITHOUT_ROOM.get_ptr_mut(0) {
            // SAFETY: the slot belongs to this CPU.
            unsafe { *last = record.socket };
        }
    } else if globals::captures_handshakes() {
        let progress = Progress::new(record.side);
        if HANDSHAKES.insert(record.socket, progress, 0).is_err() {
            count(Loss::HandshakeRecordDropped);
        }
    }
}

/// Whether a socket has just found no room, and was counted.
#[inline(always)]
pub fn had_no_room(socket: u64) -> bool {
    // SAFETY: the slot belongs to this CPU.
    WITHOUT_ROOM
        .get_ptr(0)
        .is_some_and(|last| unsafe { *last } == socket)
}

/// How much of a connection's handshake was captured.
///
/// Each direction has one writer: packets leave a socket under its lock, and
/// those of one connection arrive one after the other. Should two arrive at
/// once, only one of them has the next sequence number.
#[inline(always)]
pub fn handshake(cookie: u64) -> Option<&'static mut Progress> {
    let progress = HANDSHAKES.get_ptr_mut(cookie)?;
    // SAFETY: a pointer to a map value stays valid for this run of the program;
    // what two programs may write at once are different directions.
    Some(unsafe { &mut *progress })
}

/// The record in progress of a tracked connection.
///
/// The reference may be written through: the kernel changes the state of a
/// socket only under its lock, so no other CPU handles the same socket now.
#[inline(always)]
pub fn tracked(socket: u64) -> Option<&'static mut ConnectionRecord> {
    let record = TRACKED.get_ptr_mut(socket)?;
    // SAFETY: a pointer to a map value stays valid for this run of the
    // program, and the socket lock excludes a second writer.
    Some(unsafe { &mut *record })
}

/// Forgets a connection.
#[inline(always)]
pub fn forget(socket: u64) {
    // The entry may be gone only if the same socket ended twice, which is harmless.
    let _ = TRACKED.remove(socket);
    if globals::captures_handshakes() {
        let _ = HANDSHAKES.remove(socket);
    }
}

/// Copies what is known of a connection that has just been established to the ring buffer.
#[inline(always)]
pub fn publish_established(record: &mut ConnectionRecord) {
    publish(record, ESTABLISHED_SIZE, Loss::EstablishedRecordDropped);
}

/// Copies the record of a connection that has ended to the ring buffer.
#[inline(always)]
pub fn publish_ended(record: &mut ConnectionRecord) {
    publish(record, RECORD_SIZE, Loss::EndedRecordDropped);
}

/// Copies the first `length` bytes of a record to the ring buffer without waking the
/// reader, which polls: a wake-up costs several times what the whole program does.
#[inline(always)]
fn publish(record: &mut ConnectionRecord, length: usize, if_full: Loss) {
    record.header.length = length as u32;
    let flags = u64::from(BPF_RB_NO_WAKEUP);
    if RECORDS
        .output::<[u64]>(words::front(record, length), flags)
        .is_err()
    {
        count(if_full);
    }
}

/// Copies the first bytes of a direction to the ring buffer, likewise.
#[inline(always)]
pub fn publish_handshake(record: &HandshakeRecord) {
    let flags = u64::from(BPF_RB_NO_WAKEUP);
    if RECORDS.output::<HandshakeRecord>(record, flags).is_err() {
        count(Loss::HandshakeRecordDropped);
    }
}

/// Adds one to a counter of this CPU.
#[inline(always)]
pub fn count(loss: Loss) {
    if let Some(counter) = LOSS.get_ptr_mut(loss as u32) {
        // SAFETY: the slot belongs to this CPU, where no program runs twice at once. Where
        // another one interrupts it between load and store, one count is lost: this
        // target has no atomic addition in stable Rust.
        unsafe { *counter += 1 };
    }
}
