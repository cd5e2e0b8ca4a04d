// SPDX-License-Identifier: MIT
//! Trying bpf(2) before anything depends on it.

use std::io;

use rustix::{
    system::uname,
    thread::{CapabilitySet, capabilities},
};

use aya::{
    features,
    maps::MapType,
    sys::{SyscallError, is_map_supported},
};

use crate::host::preflight::{facts::parse_release, verdict::MEMLOCK_FREE_SINCE};

/// What bpf(2) fails with, called for the smallest map there is; `None` where it works.
pub(crate) fn bpf_is_refused() -> Option<io::Error> {
    let SyscallError { io_error, .. } = is_map_supported(MapType::Array).err()?;
    Some(io_error)
}

/// Asks ahead what aya asks of the kernel before it loads anything, some twenty calls of
/// bpf(2), and remembers: it takes a millisecond or two, and can be done beside something else.
pub(crate) fn ask_ahead() {
    let kernel = uname();
    let release = parse_release(&kernel.release().to_string_lossy());
    // Before it what is tried is charged to a limit that is lifted only later.
    let is_free = release.is_some_and(|release| release >= MEMLOCK_FREE_SINCE);
    let held = capabilities(None).map(|held| held.effective);
    let may_call = CapabilitySet::BPF | CapabilitySet::SYS_ADMIN;
    if is_free && held.is_ok_and(|held| held.intersects(may_call)) {
        let _ = features();
    }
}
