// SPDX-License-Identifier: MIT
//! Who runs now. To be asked only in a transition that the connecting or
//! closing thread makes itself: in softirq the answer is a stranger.

use aya_ebpf::helpers::{
    bpf_get_current_cgroup_id, bpf_get_current_pid_tgid, bpf_get_current_task,
    bpf_get_current_uid_gid,
    generated::{bpf_get_current_comm, bpf_get_current_task_btf},
};
use zkchurn_common::{
    field::SocketField,
    record::{COMM_LENGTH, ConnectionRecord, known},
};

use crate::{
    globals::has_trusted_pointers,
    socket::{member_at, probe_at},
    words::{self, Words},
};

/// The current process: what user space calls the pid.
#[inline(always)]
pub(crate) fn tgid() -> u32 {
    (bpf_get_current_pid_tgid() >> 32) as u32
}

/// Enters the current thread as the one that opened the connection.
#[inline(always)]
pub(crate) fn record_opener(record: &mut ConnectionRecord) {
    let pid_tgid = bpf_get_current_pid_tgid();
    record.opener_tgid = (pid_tgid >> 32) as u32;
    record.opener_tid = pid_tgid as u32;
    record.opener_uid = bpf_get_current_uid_gid() as u32;
    // SAFETY: the helper has no arguments and no preconditions.
    record.opener_cgroup = unsafe { bpf_get_current_cgroup_id() };
    record_comm(&mut record.opener_comm);
    record.known |= known::OPENER;
    record_process(record);
}

/// Enters the current thread as the one that closed the connection, unless there is one
/// already, or it is a thread of the kernel: that works off what somebody else began.
#[inline(always)]
pub(crate) fn record_closer(record: &mut ConnectionRecord) {
    if record.known & known::CLOSER != 0 || is_of_kernel() {
        return;
    }
    let pid_tgid = bpf_get_current_pid_tgid();
    record.closer_tgid = (pid_tgid >> 32) as u32;
    record.closer_tid = pid_tgid as u32;
    record_comm(&mut record.closer_comm);
    record.known |= known::CLOSER;
}

#[inline(always)]
fn record_comm(field: &mut [u8; COMM_LENGTH]) {
    // It clears the buffer where it fails (kernel/bpf/helpers.c).
    // SAFETY: the buffer has the size that the helper is told.
    unsafe { bpf_get_current_comm(field.as_mut_ptr().cast(), COMM_LENGTH as u32) };
}

/// Enters name and start time of the current process, read from its leader.
#[inline(always)]
fn record_process(record: &mut ConnectionRecord) {
    let Some(leader) = leader() else {
        return;
    };
    if let Some(start) = member_at(leader, SocketField::StartBoottime) {
        record.opener_start_ns = start;
        record.known |= known::OPENER_START;
    }
    // An array of characters: no load takes more than one of them.
    if let Some(comm) = probe_at::<Words>(leader, SocketField::Comm) {
        words::put(&mut record.process_comm, comm);
        record.known |= known::PROCESS_COMM;
    }
    if record.known & known::OPENER_START != 0 {
        record_parent(record, leader);
    }
}

/// A process older than this can be looked up in `/proc`, and so can its parent.
const YOUNG_NS: u64 = 10_000_000_000;

/// Enters the parent of a process that started lately: it may be gone before anybody looks,
/// and who starts it again and again is then all that is left. Between the clocks, of boot
/// and of the record, is the time that the host was suspended; then more are young.
#[inline(always)]
fn record_parent(record: &mut ConnectionRecord, leader: *const u8) {
    if record.opener_start_ns.saturating_add(YOUNG_NS) < record.started_ns {
        return;
    }
    let parent: Option<*const u8> = member_at(leader, SocketField::RealParent);
    let Some(parent) = parent else {
        return;
    };
    if let Some(tgid) = member_at(parent, SocketField::Tgid) {
        record.parent_tgid = tgid;
        record.known |= known::PARENT;
    }
    let leader: Option<*const u8> = member_at(parent, SocketField::GroupLeader);
    let Some(leader) = leader else {
        return;
    };
    if let Some(start) = member_at(leader, SocketField::StartBoottime) {
        record.parent_start_ns = start;
        record.known |= known::PARENT_START;
    }
    if let Some(comm) = probe_at::<Words>(leader, SocketField::Comm) {
        words::put(&mut record.parent_comm, comm);
        record.known |= known::PARENT_COMM;
    }
}

/// `PF_KTHREAD` (include/linux/sched.h), the same in all kernels.
const PF_KTHREAD: u32 = 0x0020_0000;

/// Whether the current task is a thread of the kernel. Workers of io_uring are not: they
/// are threads of the process that they work for.
#[inline(always)]
pub(crate) fn is_of_kernel() -> bool {
    let flags: u32 = member_at(current(), SocketField::TaskFlags).unwrap_or(0);
    flags & PF_KTHREAD != 0
}

/// The current process's leader.
#[inline(always)]
fn leader() -> Option<*const u8> {
    member_at(current(), SocketField::GroupLeader)
}

#[inline(always)]
fn current() -> *const u8 {
    if has_trusted_pointers() {
        // SAFETY: the helper has no arguments and no preconditions.
        unsafe { bpf_get_current_task_btf() }.cast_const().cast()
    } else {
        // SAFETY: likewise.
        unsafe { bpf_get_current_task() as *const u8 }
    }
}
