// SPDX-License-Identifier: MIT
//! Whether the limits of memory that this process was started with (setrlimit(2)) leave room for
//! a trace. They are the user's own, so they are not raised; but Rust ends a process that finds
//! no memory without a report, so it is said before.

use std::io;

use rustix::process::{Resource, getrlimit};

/// Bytes of RLIMIT_DATA that a trace needs at least: BTF and what is made of it takes 12 MiB while
/// it begins, and each thread has a stack of 2 MiB. Measured: a trace 18 MiB, an agent 30 MiB.
const DATA: u64 = 40 << 20;
/// The same of RLIMIT_AS, but for the buffer: programs and libraries count, too.
const ADDRESS_SPACE: u64 = 64 << 20;

/// Refuses to trace where too little memory is granted. The kernel's buffer of so many bytes is
/// mapped twice, one behind the other (kernel/bpf/ringbuf.c).
///
/// # Errors
///
/// A sentence that names the limit.
pub fn refuse_if_too_low(buffer_bytes: u64) -> Result<(), String> {
    let address_space = ADDRESS_SPACE.saturating_add(buffer_bytes.saturating_mul(2));
    let limits = [
        (Resource::Data, "-d", DATA),
        (Resource::As, "-v", address_space),
    ];
    let mut limits = limits.into_iter();
    let too_low = limits.find_map(|(resource, option, least)| {
        let granted = getrlimit(resource).current?;
        (granted < least).then(|| sentence(option, granted, least))
    });
    too_low.map_or(Ok(()), Err)
}

/// Whether the kernel's BTF can be read and taken apart.
///
/// # Errors
///
/// As if reading it had failed for want of memory.
pub fn room_for_btf() -> io::Result<()> {
    refuse_if_too_low(0).map_err(|_| io::ErrorKind::OutOfMemory.into())
}

fn sentence(option: &str, granted: u64, least: u64) -> String {
    let (granted, least) = (granted / 1024, least / 1024);
    format!(
        "memory limit too low (`ulimit {option} {granted}`): a trace needs {least} KiB, raise it with \
         `ulimit {option} {least}`"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_named_with_what_to_raise_it_to() {
        assert_eq!(
            sentence("-d", 8_000 << 10, DATA),
            "memory limit too low (`ulimit -d 8000`): a trace needs 40960 KiB, raise it with \
             `ulimit -d 40960`"
        );
    }
}
