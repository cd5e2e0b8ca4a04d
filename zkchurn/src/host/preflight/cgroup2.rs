// SPDX-License-Identifier: MIT
//! Where the cgroup v2 hierarchy is mounted, and whether its root is the
//! host's: a program that is attached to the root sees the packets of all
//! sockets, whatever their network namespace.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use rustix::fs::{FsWord, fstatfs};

use super::facts::{Probe, missing};
use crate::host::proc::mount_field::unescape;

const MOUNTINFO: &str = "/proc/self/mountinfo";
const NAMESPACE: &str = "/proc/self/ns/cgroup";
/// Inode of the first cgroup namespace (include/linux/proc_ns.h,
/// `PROC_CGROUP_INIT_INO`).
const HOST_NAMESPACE: u64 = 0xEFFF_FFFB;

/// Its type of file system (`CGROUP2_SUPER_MAGIC`, include/uapi/linux/magic.h).
const MAGIC: FsWord = 0x6367_7270;

/// The root of the hierarchy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cgroup2 {
    /// Where it is mounted.
    pub path: PathBuf,
    /// Whether it is the host's root and not that of a container.
    pub is_hosts: bool,
}

/// Looks at this process's mounts, and opens what a trace would attach to.
pub fn look() -> Probe<Cgroup2> {
    let mountinfo = match fs::read(MOUNTINFO) {
        Ok(mountinfo) => mountinfo,
        Err(error) => return missing(MOUNTINFO.as_ref(), &error),
    };
    let in_hosts = fs::metadata(NAMESPACE).is_ok_and(|metadata| metadata.ino() == HOST_NAMESPACE);
    chosen(mounted(&mountinfo), in_hosts, opens)
}

/// The first that opens.
fn chosen(
    mounts: Vec<(PathBuf, bool)>,
    in_hosts: bool,
    opens: impl Fn(&Path) -> io::Result<()>,
) -> Probe<Cgroup2> {
    let mut first_error = None;
    for (path, is_whole) in mounts {
        match opens(&path) {
            Ok(()) => {
                let is_hosts = is_whole && in_hosts;
                return Probe::Yes(Cgroup2 { path, is_hosts });
            }
            Err(error) => {
                let path = path.display();
                first_error.get_or_insert_with(|| {
                    format!("cgroup2 is mounted at {path}, which cannot be opened ({error})")
                });
            }
        }
    }
    Probe::No(first_error.unwrap_or_else(|| "no cgroup2 is mounted".to_owned()))
}

/// The list has mounts that others cover, too.
fn opens(path: &Path) -> io::Result<()> {
    let opened = File::open(path)?;
    match fstatfs(&opened)?.f_type {
        MAGIC => Ok(()),
        _ => Err(io::Error::other("another mount covers it")),
    }
}

/// The mounts of cgroup2, those first that show its root; and whether they do.
///
/// The fields are: id, parent, device, root, mount point, options, any number
/// of tags, `-`, type, … (Documentation/filesystems/proc.rst, 3.5).
fn mounted(mountinfo: &[u8]) -> Vec<(PathBuf, bool)> {
    let mut mounts: Vec<_> = mountinfo
        .split(|byte| *byte == b'\n')
        .filter_map(|line| {
            let mut fields = line.split(|byte| *byte == b' ').skip(3);
            let (root, point) = (fields.next()?, fields.next()?);
            let kind = fields.skip_while(|field| *field != b"-").nth(1)?;
            (kind == b"cgroup2").then(|| (unescape(point).into(), root == b"/"))
        })
        .collect();
    mounts.sort_by_key(|(_, is_whole)| !is_whole);
    mounts
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
        let found = |mountinfo: &[u8]| mounted(mountinfo).first().cloned();
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

    #[test]
    fn one_that_another_mount_covers_is_not_attached_to() {
        let directory = tempfile::tempdir().unwrap();
        let covered = directory.path().to_owned();
        let gone = covered.join("unified");
        let why = |path: &Path| opens(path).unwrap_err().to_string();
        assert_eq!(why(&covered), "another mount covers it");
        assert!(why(&gone).starts_with("No such file or directory"));
        let mounts = || vec![(gone.clone(), true), ("/part".into(), false)];
        let Probe::No(said) = chosen(mounts(), true, opens) else {
            panic!("neither can be opened");
        };
        let beginning = format!(
            "cgroup2 is mounted at {}, which cannot be opened (No such file",
            gone.display()
        );
        assert!(said.starts_with(&beginning), "{said}");
        let part = Cgroup2 {
            path: "/part".into(),
            is_hosts: false,
        };
        let only_part = |path: &Path| match path == part.path {
            true => Ok(()),
            false => opens(path),
        };
        assert_eq!(chosen(mounts(), true, only_part), Probe::Yes(part.clone()));
        let none = Probe::No("no cgroup2 is mounted".to_owned());
        assert_eq!(chosen(Vec::new(), true, opens), none);
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
            let _ = mounted(&bytes);
        }
    }
}
