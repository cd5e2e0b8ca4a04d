// SPDX-License-Identifier: MIT
//! zkchurn's kernel program: watches every change of TCP state and records the
//! lives of the connections that match the filters.
//!
//! | module | holds |
//! |---|---|
//! | `hooks` | the entry points: `tp_btf` and the classic tracepoint |
//! | `socket` | reading fields of `struct sock`, one way for each hook |
//! | `observe` | one exhaustive match from a change of state to its handler |
//! | `handlers` | what each change of state adds to a connection's record |
//! | `check` | whether sockets of the table are closed, for the reader's walk |
//! | `ending` | what is read of a socket as it reaches CLOSE |
//! | `handshake`, `packet`, `progress` | the first bytes of each direction of those connections |
//! | `task`, `clock` | who runs now: thread, process, names; the time |
//! | `log` | a line for each change of state, with `-vv` |
//! | `words` | sixteen bytes at once |
//! | `maps`, `globals` | the table, the ring buffer, the counters, the settings |
#![no_std]
#![no_main]
#![expect(
    unsafe_code,
    reason = "reading kernel memory is what this program is for"
)]

mod check;
mod clock;
mod ending;
mod globals;
mod handlers;
mod handshake;
mod hooks;
mod log;
mod maps;
mod observe;
mod packet;
mod progress;
mod socket;
mod task;
mod words;

#[panic_handler]
fn panic(_info: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

// `bpf_ringbuf_*` and `bpf_probe_read_kernel` are open to programs under
// a GPL-compatible licence only; "Dual MIT/GPL" is the kernel's name for that.
#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";
