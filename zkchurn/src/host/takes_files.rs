// SPDX-License-Identifier: MIT
//! Whether files can be made in a directory, as far as its file system tells without one.

use std::path::Path;

use rustix::{
    fs::{Access, FsWord, access, statfs},
    io::Errno,
};

use zkchurn_core::shell;

/// File systems in which the kernel alone makes files (include/uapi/linux/magic.h; the last two are
/// in fs/efivarfs and kernel/bpf).
const OF_THE_KERNEL: [(FsWord, &str); 13] = [
    (0x9fa0, "proc"),
    (0x6265_6572, "sysfs"),
    (0x1cd1, "devpts"),
    (0x6462_6720, "debugfs"),
    (0x7472_6163, "tracefs"),
    (0x7363_6673, "securityfs"),
    (0x0027_e0eb, "cgroup"),
    (0x6367_7270, "cgroup2"),
    (0x6165_676c, "pstore"),
    (0xf97c_ff8c, "selinuxfs"),
    (0x1980_0202, "mqueue"),
    (0xde5e_81e4, "efivarfs"),
    (0xcafe_4a11, "bpf"),
];

/// Why nobody can make a file in this directory, root neither, with the fix.
pub(crate) fn why_none(directory: &Path) -> Option<String> {
    let shown = directory.display();
    if let Ok(stat) = statfs(directory) {
        let kind = OF_THE_KERNEL.iter().find(|(kind, _)| *kind == stat.f_type);
        if let Some((_, name)) = kind {
            return Some(format!(
                "{shown} is of the kernel's own file system {name}, which takes no files (fix: \
                 name a directory on a disk)"
            ));
        }
    }
    match access(directory, Access::WRITE_OK) {
        Err(Errno::ROFS) => Some(format!("the file system of {shown} is read-only")),
        // Permissions have another error (fs/namei.c, inode_permission).
        Err(Errno::PERM) => Some(format!(
            "{shown} is immutable (fix: `chattr -i {}`)",
            shell::word(&directory.to_string_lossy())
        )),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_system_of_the_kernel_takes_no_files() {
        for (path, name) in [("/proc", "proc"), ("/proc/self", "proc"), ("/sys", "sysfs")] {
            let why = why_none(Path::new(path)).unwrap();
            let expected = format!("{path} is of the kernel's own file system {name}, ");
            assert!(why.starts_with(&expected), "{why}");
        }
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(why_none(directory.path()), None);
        assert_eq!(why_none(&directory.path().join("none")), None);
    }
}
