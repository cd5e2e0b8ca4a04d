// SPDX-License-Identifier: MIT
//! The table of open connections, the way out to user space, and the counters.

use aya_ebpf::{
    bindings::{BPF_RB_FORCE_WAKEUP, BPF_RB_NO_WAKEUP},
    macros::map,
    maps::{Array, HashMap, LruHashMap, PerCpuArray, RingBuf},
};
use zkchurn_common::{
    handshake::HandshakeRecord,
    loss::Loss,
    record::{
        ConnectionRecord, RECORD_SIZE, STAGE_ENDED, STAGE_FOUND_CLOSED, STAGE_SEEN_OPEN,
        TOLD_CONNECTING, TOLD_ESTABLISHED, TOLD_NOTHING, TableEntry,
    },
    settings::{
        HANDSHAKES_ALWAYS, HANDSHAKES_NEVER, LAST_WOKEN, READER_DOZES, READER_SLOTS,
        READER_WANTS_HANDSHAKES,
    },
};

use crate::{clock::now, globals, progress::Progress, words};

/// Open connections by socket identity. The loader sets the size.
#[map]
static TRACKED: HashMap<u64, TableEntry> = HashMap::with_max_entries(1, 0);

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

/// Sockets that this host accepted at a port that is not traced, from a peer whose own port
/// is: all but their beginning looks as if this host had opened them. The oldest make room.
#[map]
static ACCEPTED_ELSEWHERE: LruHashMap<u64, u8> = LruHashMap::with_max_entries(1024, 0);

/// How the reader waits, when it was woken, and whether it wants handshakes.
#[map]
static READER: Array<u64> = Array::with_max_entries(READER_SLOTS, 0);

/// Processes that a record told of, each in the slot that its pid leads to. Another
/// process with the same slot takes its place, so now and then one is told of again.
#[map]
static PROCESSES: Array<u64> = Array::with_max_entries(PROCESS_SLOTS, 0);

/// A power of two.
const PROCESS_SLOTS: u32 = 8192;

/// Least time between two wake-ups of the reader for new processes: a storm of them shall
/// not cost it one each.
const BETWEEN_WAKEUPS_NS: u64 = 1_000_000;

/// What the last run on this CPU of the first program handled: see [`handled`].
#[map]
static HANDLED: PerCpuArray<Handled> = PerCpuArray::with_max_entries(1, 0);

/// A change of state, as far as it has to be told from others on the same CPU.
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct Handled {
    /// Address of the socket. The verifier allows no arithmetic with it.
    pub socket: u64,
    /// State before and after.
    pub states: u64,
}

/// Flag of an insertion: only a new key, else `EEXIST` (include/uapi/linux/bpf.h).
const BPF_NOEXIST: u64 = 1;
const EEXIST: i32 = -17;

/// The end of an earlier connection was missed, and its socket is used anew, or its
/// address.
#[inline(always)]
fn replace(socket: u64) {
    if let Some(record) = tracked(socket)
        && record.stage != STAGE_ENDED
    {
        record.stage = STAGE_FOUND_CLOSED;
        record.until_ns = now();
        if !publish_quietly(record) {
            count(Loss::EndedRecordDropped);
        }
    }
}

/// Starts tracking a connection; `false` where the table is full, which is counted.
#[inline(always)]
pub(crate) fn track(entry: &TableEntry) -> bool {
    let socket = entry.record.socket;
    let mut inserted = TRACKED.insert(socket, entry, BPF_NOEXIST);
    if inserted == Err(EEXIST) {
        replace(socket);
        inserted = TRACKED.insert(socket, entry, 0);
    }
    if inserted.is_err() {
        count(Loss::TableFull);
        if let Some(last) = WITHOUT_ROOM.get_ptr_mut(0) {
            // SAFETY: the slot belongs to this CPU.
            unsafe { *last = socket };
        }
        return false;
    }
    if captures_handshakes() {
        let progress = Progress::new(entry.record.side);
        if HANDSHAKES.insert(socket, progress, 0).is_err() {
            count(Loss::HandshakeRecordDropped);
        }
    }
    true
}

/// Remembers a socket that this host accepted, though its peer's port is traced.
#[inline(always)]
pub(crate) fn note_accepted_elsewhere(socket: u64) {
    // Without room its close counts as that of an older socket.
    let _ = ACCEPTED_ELSEWHERE.insert(socket, 0, 0);
}

/// Whether this host accepted it, though its peer's port is traced.
#[inline(always)]
pub(crate) fn was_accepted_elsewhere(socket: u64) -> bool {
    ACCEPTED_ELSEWHERE.get_ptr(socket).is_some()
}

/// Whether a socket has just found no room, and was counted.
#[inline(always)]
pub(crate) fn had_no_room(socket: u64) -> bool {
    // SAFETY: the slot belongs to this CPU.
    WITHOUT_ROOM
        .get_ptr(0)
        .is_some_and(|last| unsafe { *last } == socket)
}

/// Whether first bytes are captured of connections that begin now.
#[inline(always)]
fn captures_handshakes() -> bool {
    match globals::handshakes() {
        HANDSHAKES_NEVER => false,
        HANDSHAKES_ALWAYS => true,
        _ => READER
            .get_ptr(READER_WANTS_HANDSHAKES)
            // SAFETY: the slot lives as long as the program, and the reader sets it at once.
            .is_some_and(|wants| unsafe { wants.read_volatile() } != 0),
    }
}

/// How much of a connection's handshake was captured.
///
/// Each direction has one writer: packets leave a socket under its lock, and
/// those of one connection arrive one after the other. Should two arrive at
/// once, only one of them has the next sequence number.
#[inline(always)]
pub(crate) fn handshake(cookie: u64) -> Option<&'static mut Progress> {
    let progress = HANDSHAKES.get_ptr_mut(cookie)?;
    // SAFETY: a pointer to a map value stays valid for this run of the program;
    // what two programs may write at once are different directions.
    Some(unsafe { &mut *progress })
}

/// A tracked connection's entry.
///
/// The reference may be written through: the kernel changes the state of a
/// socket only under its lock, so no other CPU handles the same socket now.
#[inline(always)]
pub(crate) fn entry(socket: u64) -> Option<&'static mut TableEntry> {
    let entry = TRACKED.get_ptr_mut(socket)?;
    // SAFETY: a pointer to a map value stays valid for this run of the
    // program, and the socket lock excludes a second writer.
    Some(unsafe { &mut *entry })
}

/// The record in progress of a tracked connection.
#[inline(always)]
pub(crate) fn tracked(socket: u64) -> Option<&'static mut ConnectionRecord> {
    Some(&mut entry(socket)?.record)
}

/// Forgets a connection.
#[inline(always)]
pub(crate) fn forget(socket: u64) {
    // Where it fails although the entry is there (EBUSY of the table's lock before Linux
    // 6.16), the reader's walk finds it.
    let _ = TRACKED.remove(socket);
    if captures_handshakes() {
        let _ = HANDSHAKES.remove(socket);
    }
}

/// Tells of a connection that has just been entered into the table, where somebody waits
/// for it: the reader dozes, or it is the first of its process, which may not live until
/// the connection has ended.
#[inline(always)]
pub(crate) fn publish_beginning(record: &mut ConnectionRecord) {
    let is_new = record.opener_tgid != 0 && is_new_process(record);
    if !is_new && !reader_dozes() {
        return;
    }
    let Some(kept) = tracked(record.socket) else {
        return;
    };
    // Before the record is there: the reader's walk must not tell of it, too.
    kept.told = match record.established_ns {
        0 => TOLD_CONNECTING,
        _ => TOLD_ESTABLISHED,
    };
    record.stage = STAGE_SEEN_OPEN;
    record.until_ns = record.started_ns;
    let flags = if is_new {
        wake_for_process()
    } else {
        wake_if_dozing()
    };
    if !publish(record, flags) {
        kept.told = TOLD_NOTHING;
        count(Loss::EstablishedRecordDropped);
    }
}

/// Copies the record of a connection that has ended to the ring buffer; `false` where
/// that is full, which is counted.
#[inline(always)]
pub(crate) fn publish_ended(record: &ConnectionRecord) -> bool {
    let published = publish(record, wake_if_dozing());
    if !published {
        count(Loss::EndedRecordDropped);
    }
    published
}

/// Copies the record to the ring buffer, for a reader that comes by.
#[inline(always)]
pub(crate) fn publish_quietly(record: &ConnectionRecord) -> bool {
    publish(record, u64::from(BPF_RB_NO_WAKEUP))
}

#[inline(always)]
fn publish(record: &ConnectionRecord, flags: u64) -> bool {
    RECORDS
        .output::<[u64]>(words::front(record, RECORD_SIZE), flags)
        .is_ok()
}

/// Whether no record told of the opening process yet, as far as is remembered. From now
/// on it is.
#[inline(always)]
fn is_new_process(record: &ConnectionRecord) -> bool {
    let Some(slot) = PROCESSES.get_ptr_mut(record.opener_tgid & (PROCESS_SLOTS - 1)) else {
        return false;
    };
    let process = record.opener_start_ns ^ u64::from(record.opener_tgid) << 32;
    // SAFETY: the slot is a word. Of two CPUs that write it at once the later one stays,
    // and the other process is told of again.
    let known = unsafe { slot.read_volatile() };
    if known == process {
        return false;
    }
    // SAFETY: likewise.
    unsafe { slot.write_volatile(process) };
    true
}

/// Whether the reader looks at the ring buffer only when it is woken.
#[inline(always)]
fn reader_dozes() -> bool {
    // SAFETY: a word that the reader sets.
    READER
        .get_ptr(READER_DOZES)
        .is_some_and(|dozes| unsafe { dozes.read_volatile() } != 0)
}

/// Flags of a record that wakes a reader that dozes. One that does not polls: a wake-up
/// costs several times what the whole program does (docs/adr/0003).
#[inline(always)]
fn wake_if_dozing() -> u64 {
    if !reader_dozes() {
        return u64::from(BPF_RB_NO_WAKEUP);
    }
    if let Some(dozes) = READER.get_ptr_mut(READER_DOZES) {
        // SAFETY: a word. Where two CPUs do this at once, the reader is woken twice.
        unsafe { dozes.write_volatile(0) };
    }
    u64::from(BPF_RB_FORCE_WAKEUP)
}

/// Flags of a record that tells of a new process, which may live for a moment only.
#[inline(always)]
fn wake_for_process() -> u64 {
    if let Some(last) = READER.get_ptr_mut(LAST_WOKEN) {
        let now = now();
        // SAFETY: a word. Where two CPUs do this at once, the reader is woken twice.
        let before = unsafe { last.read_volatile() };
        if now.wrapping_sub(before) > BETWEEN_WAKEUPS_NS {
            // SAFETY: likewise.
            unsafe { last.write_volatile(now) };
            return u64::from(BPF_RB_FORCE_WAKEUP);
        }
    }
    wake_if_dozing()
}

/// Notes that the first program handles this change on this CPU, for [`handled`].
#[inline(always)]
pub(crate) fn note_handled(change: Handled) {
    if let Some(last) = HANDLED.get_ptr_mut(0) {
        // SAFETY: the slot belongs to this CPU.
        unsafe { last.write_volatile(change) };
    }
}

/// Whether the first program has just handled this change on this CPU. `false` says
/// nothing: another one may have come in between.
#[inline(always)]
pub(crate) fn handled(change: Handled) -> bool {
    let Some(last) = HANDLED.get_ptr_mut(0) else {
        return false;
    };
    // SAFETY: the slot belongs to this CPU.
    let Handled { socket, states } = unsafe { last.read_volatile() };
    let is_last = socket == change.socket && states == change.states;
    if is_last {
        // The next one with this socket and states is another.
        let none = Handled {
            socket: 0,
            states: 0,
        };
        // SAFETY: likewise.
        unsafe { last.write_volatile(none) };
    }
    is_last
}

/// Copies the first bytes of a direction to the ring buffer, likewise.
#[inline(always)]
pub(crate) fn publish_handshake(record: &HandshakeRecord) {
    let flags = u64::from(BPF_RB_NO_WAKEUP);
    if RECORDS.output::<HandshakeRecord>(record, flags).is_err() {
        count(Loss::HandshakeRecordDropped);
    }
}

/// Adds one to a counter of this CPU.
#[inline(always)]
pub(crate) fn count(loss: Loss) {
    if let Some(counter) = LOSS.get_ptr_mut(loss as u32) {
        // SAFETY: the slot belongs to this CPU, where no program runs twice at once. Where
        // another one interrupts it between load and store, one count is lost: this
        // target has no atomic addition in stable Rust.
        unsafe { *counter += 1 };
    }
}
