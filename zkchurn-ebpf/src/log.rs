// SPDX-License-Identifier: MIT
//! A line of the program's own log for each change of state, with `-vv`.
//!
//! What the verifier learns of a value while it is logged it remembers behind that: where
//! the name of a state was chosen by a match it went through the rest of the program once for
//! each pair of states, 899,000 instructions of the million that it allows on Linux 6.18, and
//! too many on 6.1. So nothing here branches on a value, names have one width and are found
//! by their place, and the line comes last: 4,900.

use aya_ebpf::helpers::bpf_probe_read_kernel;
use aya_log_ebpf::trace;
use zkchurn_common::state;

use crate::socket::Socket;

/// As wide as the longest name.
const WIDTH: usize = state::name(state::ESTABLISHED).len();
/// States are masked to four bits.
const STATES: usize = 16;

static NAMES: [[u8; WIDTH]; STATES] = padded_names();

/// A change of state of a socket.
#[inline(always)]
pub(crate) fn change<S: Socket>(socket: &S, old: u8, new: u8) {
    // The loader's AYA_LOG_LEVEL makes this dead code unless -vv is given, with all that is
    // read of the socket for it.
    trace!(
        (),
        "{} to {}: local port {}, remote port {}, socket {:x}",
        padded_name(old),
        padded_name(new),
        socket.local_port(),
        socket.remote_port(),
        number(socket.identity())
    );
}

/// What the verifier takes for a number, too: where a socket has no cookie its identity is a
/// pointer, whose bytes may not be looked at one by one.
#[inline(always)]
fn number(identity: u64) -> u64 {
    // SAFETY: a value of our own, on the stack.
    unsafe { bpf_probe_read_kernel(&raw const identity) }.unwrap_or(0)
}

#[inline(always)]
fn padded_name(state: u8) -> &'static str {
    let name = &NAMES[usize::from(state) % STATES];
    // SAFETY: made of names that are ASCII, and of spaces.
    unsafe { core::str::from_utf8_unchecked(name) }
}

const fn padded_names() -> [[u8; WIDTH]; STATES] {
    let mut names = [[b' '; WIDTH]; STATES];
    let mut state = 0;
    while state < STATES {
        let name = state::name(state as u8).as_bytes();
        let mut at = 0;
        while at < name.len() {
            names[state][at] = name[at];
            at += 1;
        }
        state += 1;
    }
    names
}
