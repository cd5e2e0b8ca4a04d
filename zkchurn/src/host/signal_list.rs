// SPDX-License-Identifier: MIT
//! The signals that end a process which does nothing about them (signal(7)), as far as
//! they come from outside and can be caught.

use rustix::process::Signal;

/// Those with names; SIGPIPE is ignored by Rust's runtime, and the write fails instead.
const NAMED: [Signal; 13] = [
    Signal::HUP,
    Signal::INT,
    Signal::QUIT,
    Signal::TERM,
    Signal::USR1,
    Signal::USR2,
    Signal::ALARM,
    Signal::VTALARM,
    Signal::PROF,
    Signal::IO,
    Signal::POWER,
    Signal::STKFLT,
    Signal::XCPU,
];

/// The real-time signals that the C library leaves to programs: `SIGRTMIN` to `SIGRTMAX`.
/// glibc keeps two for its threads, musl three, and refuses to have those caught.
const REAL_TIME: std::ops::RangeInclusive<i32> = match cfg!(target_env = "musl") {
    true => 35..=64,
    false => 34..=64,
};

/// SIGXFSZ: once it is taken over, a write beyond `ulimit -f` fails like one to a full disk
/// (setrlimit(2)).
pub const FILE_TOO_LARGE: i32 = Signal::XFSZ.as_raw();

/// The numbers of all that end a process.
pub fn that_end() -> impl Iterator<Item = i32> {
    NAMED.map(Signal::as_raw).into_iter().chain(REAL_TIME)
}
