// SPDX-License-Identifier: MIT
//! Stacks, whatever limits and environment this process was started with.

use std::thread;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Bytes of a thread's stack, whatever `RUST_MIN_STACK` says.
const OF_A_THREAD: usize = 2 << 20;
/// Bytes that the first thread's stack may grow to, where `ulimit -s` allows less: what
/// systems allow who leave it alone.
const OF_THE_FIRST: u64 = 8 << 20;
/// Less than this is not enough. An unoptimized build takes three quarters of it.
const LEAST: u64 = 1 << 20;

/// A thread that is to be started.
pub(crate) fn named(name: &str) -> thread::Builder {
    let name = name.to_owned();
    thread::Builder::new().name(name).stack_size(OF_A_THREAD)
}

/// Lets this thread, which must be the first one of the process, use as much stack as the work
/// takes. Its stack grows when it is used, up to the limit at that time (mm/vma.c,
/// `acct_stack_growth`).
///
/// # Errors
///
/// It may not: a sentence.
pub(crate) fn ensure_stack() -> Result<(), String> {
    let limit = getrlimit(Resource::Stack);
    if is_enough(limit.current, OF_THE_FIRST) {
        return Ok(());
    }
    let most = limit
        .maximum
        .map_or(OF_THE_FIRST, |most| most.min(OF_THE_FIRST));
    // The hard limit gives way to CAP_SYS_RESOURCE only.
    let raised = limit.maximum.map(|most| most.max(OF_THE_FIRST));
    let is_set = [(OF_THE_FIRST, raised), (most, limit.maximum)]
        .into_iter()
        .any(|(current, maximum)| {
            let current = Some(current);
            setrlimit(Resource::Stack, Rlimit { current, maximum }).is_ok()
        });
    if is_set && is_enough(getrlimit(Resource::Stack).current, LEAST) {
        return Ok(());
    }
    Err(format!(
        "stack limit too low ({} KiB): zkchurn needs {least} KiB, raise it with `ulimit -s {least}`",
        most / 1024,
        least = LEAST / 1024,
    ))
}

fn is_enough(limit: Option<u64>, bytes: u64) -> bool {
    limit.is_none_or(|limit| limit >= bytes)
}
