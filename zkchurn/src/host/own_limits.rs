// SPDX-License-Identifier: MIT
//! Whether the limits that this process was started with (setrlimit(2)) leave room for a trace: for
//! who traces, and for who asks whether that would begin here. That of the stack is looked at
//! before any command ([`super::threads`]).

use std::io;

use rustix::process::{Resource, getrlimit, setrlimit};

/// Bytes of RLIMIT_DATA that a trace needs at least: BTF and what is made of it takes 12 MiB while
/// it begins, and each thread has a stack of 2 MiB. Measured: a trace 18 MiB, an agent 30 MiB.
const DATA: u64 = 40 << 20;
/// The same of RLIMIT_AS, but for the buffer: programs and libraries count, too.
const ADDRESS_SPACE: u64 = 64 << 20;

/// What a trace holds open at most: some 30, and what a look at a process takes.
const DESCRIPTORS: u64 = 64;

/// A limit that is too low for a trace.
#[derive(Debug, thiserror::Error)]
#[error("{found}: {needed}, {fix}")]
pub struct TooLow {
    /// Which one, and what it is.
    pub found: String,
    /// What a trace needs.
    pub needed: String,
    /// How to raise it.
    pub fix: String,
}

/// Refuses to trace where a limit is too low, with a buffer of so many bytes. That of open files is
/// raised where that is permitted; those of memory are the user's own, so they are not, but
/// Rust ends a process that finds no memory without a report, so it is said before.
///
/// # Errors
///
/// One is too low.
pub fn ensure(buffer_bytes: u64) -> Result<(), TooLow> {
    enough_memory(buffer_bytes)?;
    enough_descriptors()
}

/// Whether there is enough memory. The kernel's buffer of so many bytes is
/// mapped twice, one behind the other (kernel/bpf/ringbuf.c).
fn enough_memory(buffer_bytes: u64) -> Result<(), TooLow> {
    let address_space = ADDRESS_SPACE.saturating_add(buffer_bytes.saturating_mul(2));
    let limits = [
        (Resource::Data, "-d", DATA),
        (Resource::As, "-v", address_space),
    ];
    let mut limits = limits.into_iter();
    let too_low = limits.find_map(|(resource, option, least)| {
        let granted = getrlimit(resource).current?;
        (granted < least).then(|| memory(option, granted, least))
    });
    too_low.map_or(Ok(()), Err)
}

/// Whether the kernel's BTF can be read and taken apart.
///
/// # Errors
///
/// As if reading it had failed for want of memory.
pub fn room_for_btf() -> io::Result<()> {
    enough_memory(0).map_err(|_| io::ErrorKind::OutOfMemory.into())
}

fn memory(option: &str, granted: u64, least: u64) -> TooLow {
    let (granted, least) = (granted / 1024, least / 1024);
    TooLow {
        found: format!("memory limit too low (`ulimit {option} {granted}`)"),
        needed: format!("a trace needs {least} KiB"),
        fix: format!("raise it with `ulimit {option} {least}`"),
    }
}

/// Raises the limit of open files if it is too low.
fn enough_descriptors() -> Result<(), TooLow> {
    let mut limit = getrlimit(Resource::Nofile);
    let Some(granted) = limit.current.filter(|granted| *granted < DESCRIPTORS) else {
        return Ok(());
    };
    limit.current = Some(DESCRIPTORS);
    // Beyond the hard limit it takes CAP_SYS_RESOURCE.
    limit.maximum = limit.maximum.map(|most| most.max(DESCRIPTORS));
    setrlimit(Resource::Nofile, limit).map_err(|_| descriptors(granted))
}

/// Only a hard limit is not raised.
fn descriptors(granted: u64) -> TooLow {
    TooLow {
        found: format!("open-file limit too low (`ulimit -n {granted}`), and a hard one"),
        needed: format!("a trace needs {DESCRIPTORS}"),
        fix: format!(
            "raise it with `ulimit -n {DESCRIPTORS}` as root, or with LimitNOFILE={DESCRIPTORS} of \
             its unit"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_named_with_what_to_raise_it_to() {
        assert_eq!(
            memory("-d", 8_000 << 10, DATA).to_string(),
            "memory limit too low (`ulimit -d 8000`): a trace needs 40960 KiB, raise it with \
             `ulimit -d 40960`"
        );
        assert_eq!(
            descriptors(20).to_string(),
            "open-file limit too low (`ulimit -n 20`), and a hard one: a trace needs 64, raise it \
             with `ulimit -n 64` as root, or with LimitNOFILE=64 of its unit"
        );
    }
}
