// SPDX-License-Identifier: MIT
//! Mounted network namespaces: `ip netns add` (/run/netns), Docker
//! (/run/docker/netns) and CNI keep one alive without any process by mounting it
//! somewhere. `/proc/self/mountinfo` names all of them, wherever they are
//! (Documentation/filesystems/proc.rst, 3.5).

use std::path::PathBuf;

use super::proc_links::number;
use crate::host::proc::mount_field::unescape;

/// Inodes of the mounted network namespaces, and where each is mounted.
pub(super) fn namespaces(mountinfo: &[u8]) -> impl Iterator<Item = (u32, PathBuf)> {
    mountinfo.split(|byte| *byte == b'\n').filter_map(namespace)
}

/// The fields are: id, parent, device, root, mount point, …; `nsfs_show_path`
/// (fs/nsfs.c) writes the root as `net:[INODE]`.
fn namespace(line: &[u8]) -> Option<(u32, PathBuf)> {
    let mut fields = line.split(|byte| *byte == b' ').skip(3);
    let inode = number(fields.next()?, "net")?;
    let mount_point = unescape(fields.next()?);
    Some((inode, mount_point.into()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn network_namespaces_are_found_wherever_they_are_mounted() {
        let mountinfo = b"24 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n\
            90 25 0:4 net:[4026532201] /run/netns/blue rw shared:9 - nsfs nsfs rw\n\
            91 25 0:4 mnt:[4026532202] /run/other rw - nsfs nsfs rw\n\
            92 25 0:4 net:[4026532203] /run/a\\040b\\134c\\9 rw - nsfs nsfs rw\n\
            93 25 0:4 net:[4026532204]";
        let found: Vec<_> = namespaces(mountinfo).collect();
        assert_eq!(
            found,
            [
                (4_026_532_201, PathBuf::from("/run/netns/blue")),
                (4_026_532_203, PathBuf::from("/run/a b\\c\\9")),
            ]
        );
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
            namespaces(&bytes).for_each(drop);
        }
    }
}
