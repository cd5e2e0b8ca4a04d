// SPDX-License-Identifier: MIT
//! The entry points. The loader attaches those at the tracepoint with BTF, or the one at the
//! classic tracepoint; the last it runs itself.

use aya_ebpf::{
    macros::{btf_tracepoint, raw_tracepoint, tracepoint},
    programs::{BtfTracePointContext, RawTracePointContext, TracePointContext},
};
use zkchurn_common::{
    field::{SocketField, TracepointField},
    settings::CHECKED_AT_ONCE,
};

use crate::{
    check::check,
    globals::tracepoint_offset,
    observe::{observe, observe_again},
    socket::{Socket, TrustedSocket, probe_at},
    words::Words,
};

/// `tp_btf`: arguments `sk`, `oldstate`, `newstate`
/// (include/trace/events/sock.h, `TRACE_EVENT(inet_sock_set_state)`).
#[btf_tracepoint(function = "inet_sock_set_state")]
#[inline(always)]
fn inet_sock_set_state_btf(context: BtfTracePointContext) -> i32 {
    let (socket, old, new) = arguments(&context);
    observe(&socket, old, new, protocol);
    0
}

/// The same for what the kernel skipped the first program for. It is attached after it.
#[btf_tracepoint(function = "inet_sock_set_state")]
#[inline(always)]
fn inet_sock_set_state_again(context: BtfTracePointContext) -> i32 {
    let (socket, old, new) = arguments(&context);
    observe_again(&socket, old, new, protocol);
    0
}

/// And for what it skipped both for: where programs can be preempted, one thread may have been
/// in the first and another in the second.
#[btf_tracepoint(function = "inet_sock_set_state")]
#[inline(always)]
fn inet_sock_set_state_third(context: BtfTracePointContext) -> i32 {
    let (socket, old, new) = arguments(&context);
    observe_again(&socket, old, new, protocol);
    0
}

#[inline(always)]
fn arguments(context: &BtfTracePointContext) -> (TrustedSocket, u8, u8) {
    let old: i32 = context.arg(1);
    let new: i32 = context.arg(2);
    (
        TrustedSocket(context.arg::<*const u8>(0)),
        old as u8,
        new as u8,
    )
}

#[inline(always)]
fn protocol(socket: &TrustedSocket) -> Option<u16> {
    socket.load(SocketField::Protocol)
}

/// Classic tracepoint: fields in the record, at offsets from its `format` file.
#[tracepoint(category = "sock", name = "inet_sock_set_state")]
#[inline(always)]
fn inet_sock_set_state_classic(context: TracePointContext) -> u32 {
    let socket = RecordedSocket(context);
    let (Some(old), Some(new)) = (
        socket.field::<i32>(TracepointField::OldState),
        socket.field::<i32>(TracepointField::NewState),
    ) else {
        return 0;
    };
    observe(&socket, old as u8, new as u8, |socket| {
        socket.field(TracepointField::Protocol)
    });
    0
}

/// Looks whether sockets of the table are closed, by their keys; 0 is none.
///
/// It is attached to nothing: the reader runs it, with the keys as the arguments of a
/// tracepoint (net/bpf/test_run.c, `bpf_prog_test_run_raw_tp`; Linux 5.10).
#[raw_tracepoint(tracepoint = "inet_sock_set_state")]
fn check_sockets(context: RawTracePointContext) -> i32 {
    // One by one: the verifier allows constant offsets into the context only.
    let keys: [u64; CHECKED_AT_ONCE] = [
        context.arg(0),
        context.arg(1),
        context.arg(2),
        context.arg(3),
        context.arg(4),
        context.arg(5),
        context.arg(6),
        context.arg(7),
        context.arg(8),
        context.arg(9),
        context.arg(10),
        context.arg(11),
    ];
    let mut found = 0;
    for key in keys {
        if key != 0 && check(key) {
            found += 1;
        }
    }
    found
}

/// The socket as the classic tracepoint describes it: the tuple from the
/// tracepoint's record, everything else read with the checking helper.
struct RecordedSocket(TracePointContext);

impl RecordedSocket {
    #[inline(always)]
    fn field<T: Copy>(&self, field: TracepointField) -> Option<T> {
        let offset = tracepoint_offset(field)?;
        // SAFETY: the helper behind it checks the address; the loader took the
        // offset from the kernel's own description of the record.
        unsafe { self.0.read_at(offset) }.ok()
    }
}

impl Socket for RecordedSocket {
    #[inline(always)]
    fn load<T: Copy>(&self, field: SocketField) -> Option<T> {
        probe_at(self.address(), field)
    }

    #[inline(always)]
    fn address(&self) -> *const u8 {
        self.field::<u64>(TracepointField::SocketAddress)
            .unwrap_or(0) as *const u8
    }

    #[inline(always)]
    fn cookie(&self) -> Option<u64> {
        // The helper is not open to this kind of program.
        None
    }

    #[inline(always)]
    fn netns(&self) -> Option<u32> {
        let net = self.load::<*const u8>(SocketField::Net)?;
        probe_at(net, SocketField::NetInode)
    }

    #[inline(always)]
    fn local_port(&self) -> u16 {
        self.field(TracepointField::LocalPort).unwrap_or(0)
    }

    #[inline(always)]
    fn remote_port(&self) -> u16 {
        self.field(TracepointField::RemotePort).unwrap_or(0)
    }

    #[inline(always)]
    fn addresses(&self) -> (Words, Words) {
        (
            self.field(TracepointField::LocalV6).unwrap_or([0; 2]),
            self.field(TracepointField::RemoteV6).unwrap_or([0; 2]),
        )
    }

    #[inline(always)]
    fn family(&self) -> u8 {
        self.field::<u16>(TracepointField::Family).unwrap_or(0) as u8
    }
}
