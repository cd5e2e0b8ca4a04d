// SPDX-License-Identifier: MIT
//! Whether a log that a process has open can be read by its name: it may be deleted, and another
//! file have its name by now.

use std::{fs::File, os::unix::fs::MetadataExt};

use rustix::fs::{Mode, OFlags, ResolveFlags, openat2};

use crate::host::proc::files;
use zkchurn_core::inspection::LogFile;

/// Whether the name leads process `pid` to the file of this device and inode. Where that cannot
/// be looked up it is what the kernel marks ([`LogFile::deleted`]).
pub(super) fn leads_to(pid: u32, file: &LogFile, id: (u64, u64)) -> bool {
    let found = id_of(pid, &file.path);
    found.map_or(!file.deleted, |found| found == id)
}

/// Device and inode of what has this name for the process; `None` where it may not be looked up.
fn id_of(pid: u32, path: &str) -> Option<(u64, u64)> {
    let root = File::open(files::directory(pid).join("root")).ok()?;
    let within = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    let held: File = openat2(&root, path, flags, Mode::empty(), within)
        .ok()?
        .into();
    let metadata = held.metadata().ok()?;
    Some((metadata.dev(), metadata.ino()))
}

/// Where to read it instead.
pub(super) fn note(name: &str, pid: u32, held: &str) -> String {
    format!(
        "{name} is deleted, or another file has its name by now: what pid {pid} writes to it can be \
         read at {held} only, as long as it has it open."
    )
}
