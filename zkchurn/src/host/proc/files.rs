// SPDX-License-Identifier: MIT
//! Reading files of `/proc`, and their lines of the form `Name:\tvalue`.

use std::{
    fs::File,
    io::{self, Read},
    os::fd::AsRawFd,
    path::{Path, PathBuf},
};

use rustix::fs::{Mode, OFlags};

use crate::host::privilege::remedy::Standing;

/// `/proc/PID`
pub fn directory(pid: u32) -> PathBuf {
    Path::new("/proc").join(pid.to_string())
}

/// Where this process has a file that it holds.
pub fn own_path(held: &File) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", held.as_raw_fd()))
}

/// Opens for reading what `O_PATH` holds: that very file, whatever has its name by now. A lease
/// that was taken meanwhile would make the open wait for its holder, for 45 s unless
/// /proc/sys/fs/lease-break-time says otherwise.
///
/// # Errors
///
/// It cannot be opened, or it is leased. What is no regular file has to be left before: to open a
/// device or a FIFO could change something.
pub fn reopened(held: &File) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    Ok(rustix::fs::open(own_path(held), flags, Mode::empty())?.into())
}

/// Opens for reading what anybody may have put there. A pipe would wait for its other end:
/// it is not waited for, and is left to whoever asks for a regular file.
///
/// # Errors
///
/// It cannot be opened.
pub fn opened_without_waiting(path: &Path) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    Ok(rustix::fs::open(path, flags, Mode::empty())?.into())
}

/// At most `limit` bytes of a file.
pub fn read_bounded(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The value of the first line `name:`, without blanks around it
/// (`/proc/PID/status`, `/proc/PID/fdinfo/FD`).
pub fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| {
        let (found, value) = line.split_once(':')?;
        (found == name).then_some(value.trim())
    })
}

/// What to do about an error of reading what a process has, if it is a matter of permission.
pub fn more_permission(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::PermissionDenied => format!("; {}", Standing::here().to_read_files()),
        _ => String::new(),
    }
}

/// Whether root here is not the host's: in a user namespace, that of a rootless container,
/// say. The first one has the same number on every Linux (`PROC_USER_INIT_INO`,
/// include/linux/proc_ns.h). What it maps tells nothing: `uid_map` may be that of the host.
pub fn own_user_namespace() -> bool {
    std::fs::read_link("/proc/self/ns/user")
        .is_ok_and(|link| link != Path::new("user:[4026531837]"))
}

/// Whether pids here are not those of the host, which the kernel program sees.
/// The first namespace of pids has the same number on every Linux
/// (`PROC_PID_INIT_INO`, include/linux/proc_ns.h).
pub fn own_pid_namespace() -> bool {
    std::fs::read_link("/proc/self/ns/pid").is_ok_and(|link| link != Path::new("pid:[4026531836]"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_found_by_its_whole_name() {
        let text = "pos:\t0\nflags:\t02102001\nMyUid:\t7\nUid:\t1\t2\nUid:\t3\n";
        assert_eq!(field(text, "flags"), Some("02102001"));
        assert_eq!(field(text, "Uid"), Some("1\t2"));
        assert_eq!(field(text, "mnt_id"), None);
        assert_eq!(field("Uid", "Uid"), None);
    }

    #[test]
    fn no_more_is_read_than_the_limit() {
        let path = Path::new("/proc/self/status");
        assert_eq!(read_bounded(path, 5).unwrap(), b"Name:");
    }
}
