// SPDX-License-Identifier: MIT
//! Settings that the loader writes before it loads the program.
//!
//! `.rodata` is frozen before verification, so the verifier knows every value
//! here: an offset is a constant to it, and a branch that a setting rules out
//! is dead code.

use aya_ebpf::Global;
use zkchurn_common::{
    field::{ABSENT, SocketField, TracepointField},
    ports::{PORT_SET_WORDS, PortSet},
    settings::{HANDSHAKES_NEVER, MOST_PIDS, SIDE_CLIENT},
};

#[unsafe(no_mangle)]
static SIDES: Global<u32> = Global::new(SIDE_CLIENT);
#[unsafe(no_mangle)]
static PIDS: [u32; MOST_PIDS] = [0; MOST_PIDS];
#[unsafe(no_mangle)]
static HAS_SOCKET_COOKIE: Global<u32> = Global::new(0);
#[unsafe(no_mangle)]
static HANDSHAKE: Global<u32> = Global::new(HANDSHAKES_NEVER);
#[unsafe(no_mangle)]
static PORTS: [u64; PORT_SET_WORDS] = *PortSet::EMPTY.words();
#[unsafe(no_mangle)]
static SOCKET_LAYOUT: [u32; SocketField::COUNT] = [ABSENT; SocketField::COUNT];
#[unsafe(no_mangle)]
static TRACEPOINT_LAYOUT: [u32; TracepointField::COUNT] = [ABSENT; TracepointField::COUNT];

/// Whether connections of `side` (`SIDE_CLIENT` or `SIDE_SERVER`) are traced.
#[inline(always)]
pub(crate) fn traces(side: u32) -> bool {
    SIDES.load() & side != 0
}

/// Whether only some processes are traced.
#[inline(always)]
pub(crate) fn has_pids() -> bool {
    pid(0) != 0
}

/// Whether `tgid` is one of those. The verifier knows all of them, and drops the comparisons
/// behind the last.
#[inline(always)]
pub(crate) fn is_wanted(tgid: u32) -> bool {
    let mut index = 0;
    while index < MOST_PIDS {
        let pid = pid(index);
        if pid == 0 {
            return false;
        }
        if pid == tgid {
            return true;
        }
        index += 1;
    }
    false
}

#[inline(always)]
fn pid(index: usize) -> u32 {
    // SAFETY: the callers' indices are below MOST_PIDS. The read is volatile because the
    // loader changes the value behind the compiler.
    unsafe { PIDS.as_ptr().wrapping_add(index).read_volatile() }
}

/// Whether this kernel offers `bpf_get_socket_cookie` to tracing programs.
#[inline(always)]
pub(crate) fn has_socket_cookie() -> bool {
    HAS_SOCKET_COOKIE.load() != 0
}

/// Whether the helpers that hand out pointers whose type the verifier knows are there:
/// `bpf_skc_to_tcp_sock` (5.9) and `bpf_get_current_task_btf` (5.11) are older than the
/// cookie.
#[inline(always)]
pub(crate) fn has_trusted_pointers() -> bool {
    has_socket_cookie()
}

/// Whether the first bytes of each direction are captured, one of the constants in
/// [`zkchurn_common::settings`].
#[inline(always)]
pub(crate) fn handshakes() -> u32 {
    HANDSHAKE.load()
}

/// Whether `port`, in host byte order, is traced.
#[inline(always)]
pub(crate) fn traces_port(port: u16) -> bool {
    let word = usize::from(port >> 6);
    // SAFETY: a u16 shifted right by 6 is below PORT_SET_WORDS (1024). The read
    // is volatile because the loader changes the value behind the compiler.
    let word = unsafe { PORTS.as_ptr().wrapping_add(word).read_volatile() };
    word >> (port & 63) & 1 != 0
}

/// The offset of `field`, or `None` where the running kernel lacks it.
#[inline(always)]
pub(crate) fn socket_offset(field: SocketField) -> Option<usize> {
    // SAFETY: the enum's values are the array's indices. Volatile: see above.
    let offset = unsafe {
        SOCKET_LAYOUT
            .as_ptr()
            .wrapping_add(field as usize)
            .read_volatile()
    };
    present(offset)
}

/// The offset of `field` in the tracepoint's record, or `None`.
#[inline(always)]
pub(crate) fn tracepoint_offset(field: TracepointField) -> Option<usize> {
    // SAFETY: the enum's values are the array's indices. Volatile: see above.
    let offset = unsafe {
        TRACEPOINT_LAYOUT
            .as_ptr()
            .wrapping_add(field as usize)
            .read_volatile()
    };
    present(offset)
}

#[inline(always)]
fn present(offset: u32) -> Option<usize> {
    if offset == ABSENT {
        None
    } else {
        Some(offset as usize)
    }
}
