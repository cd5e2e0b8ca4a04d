// SPDX-License-Identifier: MIT
//! A line of the program's own log for each change of state, with `-vv`.
//!
//! What the verifier learns of a value while it is logged it remembers behind that: where
//! the name of a state was chosen by a match it went through the rest of the program once for
//! each pair of states, 899,000 instructions of the million that it allows on Linux 6.18, and
//! too many on 6.1. So nothing here branches on a value, names have one width and are found
//! by their place, and the line comes last: 9,000.

use aya_log_ebpf::trace;
use zkchurn_common::state;

/// As wide as the longest name.
const WIDTH: usize = state::name(state::ESTABLISHED).len();
/// States are masked to four bits.
const STATES: usize = 16;

static NAMES: [[u8; WIDTH]; STATES] = padded_names();

/// A change of state of a socket with these ports, both of the host's byte order.
#[inline(always)]
pub(crate) fn change(old: u8, new: u8, local_port: u16, remote_port: u16, socket: u64) {
    // The loader's AYA_LOG_LEVEL makes this dead code unless -vv is given.
    trace!(
        (),
        "{} to {}: local port {}, remote port {}, socket {:x}",
        padded_name(old),
        padded_name(new),
        local_port,
        remote_port,
        socket
    );
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
