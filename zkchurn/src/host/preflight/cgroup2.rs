// SPDX-License-Identifier: MIT
//! Where the cgroup v2 hierarchy is mounted, and whether its root is the
//! host's: a program that is attached to the root sees the packets of all
//! sockets, whatever their network namespace.

use std::{fs, os::unix::fs::MetadataExt, path::PathBuf};

use super::facts::{Probe, missing};
use crate::host::proc::mount_field::unescape;

const MOUNTINFO: &str = "/proc/self/mountinfo";
const NAMESPACE: &str = "/proc/self/ns/cgroup";
/// Inode of the first cgroup namespace (include/linux/proc_ns.h,
/// `PROC_CGROUP_INIT_INO`).
const HOST_NAMESPACE: u64 = 0xEFFF_FFFB;

/// The root of the hierarchy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cgroup2 {
    /// Where it is mounted.
    pub path: PathBuf,
    /// Whether it is the host's root and not that of a container.
    pub is_hosts: bool,
}

/// Looks at this process's mounts.
pub fn look() -> Probe<Cgroup2> {
    let mountinfo = match fs::read(MOUNTINFO) {
        Ok(mountinfo) => mountinfo,
        Err(error) => return missing(MOUNTINFO.as_ref(), &error),
    };
    let Some((path, is_whole)) = mounted(&mountinfo) else {
        return Probe::No("no cgroup2 is mounted".to_owned());
    };
    let in_hosts = fs::metadata(NAMESPACE).is_ok_and(|metadata| metadata.ino() == HOST_NAMESPACE);
    Probe::Yes(Cgroup2 {
        path,
        is_hosts: is_whole && in_hosts,
    })
}

/// The first mount of cgroup2 that shows its root, else the first of all; and
/// whether it shows the root.
///
/// The fields are: id, parent, device, root, mount point, options, any number
/// of tags, `-`, type, … (Documentation/filesystems/proc.rst, 3.5).
fn mounted(mountinfo: &[u8]) -> Option<(PathBuf, bool)> {
    let mounts: Vec<_> = mountinfo
        .split(|byte| *byte == b'\n')
        .filter_map(|line| {
            let mut fields = line.split(|byte| *byte == b' ').skip(3);
            let (root, point) = (fields.next()?, fields.next()?);
            let kind = fields.skip_while(|field| *field != b"-").nth(1)?;
            (kind == b"cgroup2").then(|| (unescape(point).into(), root == b"/"))
        })
        .collect();
    let root = mounts.iter().find(|(_, is_whole)| *is_whole);
    root.or(mounts.first()).cloned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_hierarchy_is_found_wherever_it_is_mounted() {
        let hybrid = b"31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755\n\
            32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu\n\
            41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n";
        let unified = b"35 25 0:30 / /sys/fs/cgroup rw shared:4 - cgroup2 cgroup2 rw\n";
        let part = b"35 25 0:30 /docker/1 /sys/fs/cgroup rw - cgroup2 cgroup rw\n\
            36 25 0:30 / /host\\040root rw - cgroup2 cgroup rw\n";
        let found = |mountinfo: &[u8]| mounted(mountinfo);
        assert_eq!(found(hybrid), Some(("/sys/fs/cgroup/unified".into(), true)));
        assert_eq!(found(unified), Some(("/sys/fs/cgroup".into(), true)));
        assert_eq!(found(part), Some(("/host root".into(), true)));
        let only_part = part.split(|byte| *byte == b'\n').next().unwrap();
        assert_eq!(found(only_part), Some(("/sys/fs/cgroup".into(), false)));
        assert_eq!(
            found(b"32 31 0:29 / /cpu rw - cgroup cgroup rw,cpu\n"),
            None
        );
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
            let _ = mounted(&bytes);
        }
    }
}
