// SPDX-License-Identifier: MIT
//! Which JVM a process is, told from the libraries it has mapped, else from how
//! it was started; never from a thread's name, which anybody may set.

use zkchurn_core::inspection::jvm::JvmKind;
use zkchurn_core::process::jvm::is_java;

/// The JVM library among the mapped files of `/proc/PID/maps`.
///
/// OpenJ9 brings a `libjvm.so` of its own, so `libj9vm*.so` anywhere decides
/// (OpenJ9: `runtime/redirector`, `runtime/vm`).
pub fn kind_in_maps(maps: &[u8]) -> Option<JvmKind> {
    let mut found = None;
    for line in maps.split(|byte| *byte == b'\n') {
        match file_name(line) {
            Some(name) if name.starts_with(b"libj9vm") => return Some(JvmKind::OpenJ9),
            Some(b"libjvm.so") => found = Some(JvmKind::HotSpot),
            _ => {}
        }
    }
    found
}

/// Which JVM a process is; `None` when nothing says that it is one.
pub fn kind(maps: &[u8], executable: Option<&str>, command: &[String]) -> Option<JvmKind> {
    kind_in_maps(maps).or_else(|| is_java(executable, command).then_some(JvmKind::Unknown))
}

/// The last component of the path that ends a line of `maps`: the sixth field,
/// with ` (deleted)` after it when the file was replaced, as package updates do.
fn file_name(line: &[u8]) -> Option<&[u8]> {
    let path = &line[line.iter().position(|byte| *byte == b'/')?..];
    let path = path.strip_suffix(b" (deleted)").unwrap_or(path);
    path.rsplit(|byte| *byte == b'/').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOTSPOT: &str = "\
7f0000000000-7f0000001000 r--p 00000000 fe:00 42  /usr/lib/jvm/java-17/lib/server/libjvm.so\n\
7f0000001000-7f0000002000 rw-p 00000000 00:00 0 \n";

    #[test]
    fn the_mapped_library_decides() {
        assert_eq!(kind_in_maps(HOTSPOT.as_bytes()), Some(JvmKind::HotSpot));
        let updated = HOTSPOT.replace("libjvm.so", "libjvm.so (deleted)");
        assert_eq!(kind_in_maps(updated.as_bytes()), Some(JvmKind::HotSpot));
    }

    #[test]
    fn openj9_is_told_from_its_own_libjvm() {
        let both =
            format!("{HOTSPOT}7f01-7f02 r-xp 0 fe:00 43  /opt/j9/lib/default/libj9vm29.so\n");
        assert_eq!(kind_in_maps(both.as_bytes()), Some(JvmKind::OpenJ9));
    }

    #[test]
    fn a_directory_or_a_longer_name_is_no_library() {
        let other = HOTSPOT.replace("libjvm.so", "libjvm.so/data");
        assert_eq!(kind_in_maps(other.as_bytes()), None);
        let other = HOTSPOT.replace("libjvm.so", "notlibjvm.so");
        assert_eq!(kind_in_maps(other.as_bytes()), None);
    }

    #[test]
    fn without_maps_the_launcher_tells() {
        let command = ["/opt/jdk/bin/java".to_owned(), "Main".to_owned()];
        assert_eq!(kind(b"", None, &command), Some(JvmKind::Unknown));
        assert_eq!(kind(b"", Some("/bin/cat"), &["cat".to_owned()]), None);
    }
}
