// SPDX-License-Identifier: MIT
//! Where a process runs, read with its identity: few short files, for whoever comes first.

use std::path::Path;

use super::{files::read_bounded, pod_names, status::Status, user::User};
use zkchurn_core::process::{Placement, cgroup};

/// Bytes of `/proc/PID/cgroup` that are looked at.
const CGROUP_LIMIT: u64 = 64 * 1024;

/// Of the process with this directory in `/proc`; `None` where that cannot be read.
pub(super) fn read(directory: &Path) -> Option<Placement> {
    let text = read_bounded(&directory.join("cgroup"), CGROUP_LIMIT).ok()?;
    let of = cgroup::parse(&String::from_utf8_lossy(&text));
    let status = Status::read(directory).ok();
    Some(Placement {
        uid: status.as_ref().map(|status| status.uid),
        user: status.and_then(|status| Some(User::of(status.euid)?.name)),
        unit: of.unit,
        unit_of: of.unit_of,
        pod_name: pod_names::of(of.container.as_deref(), of.pod.as_deref()),
        container: of.container,
        pod: of.pod,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_runs_as_somebody() {
        let placement = read(Path::new("/proc/self")).expect("this process");
        let uid = rustix::process::geteuid().as_raw();
        assert_eq!(placement.user, User::of(uid).map(|user| user.name));
        assert_eq!(read(Path::new("/proc/no-process")), None);
    }
}
