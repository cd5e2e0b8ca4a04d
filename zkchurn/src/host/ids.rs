// SPDX-License-Identifier: MIT
//! Ids that tell records of different boots and runs apart (random(4)).

use std::path::Path;

use super::proc::files::read_bounded;

/// This boot of the host; `None` where `/proc/sys` is not readable.
pub fn boot_id() -> Option<String> {
    uuid(Path::new("/proc/sys/kernel/random/boot_id"))
}

/// A new id, as the kernel makes one at each read.
pub fn run_id() -> Option<String> {
    uuid(Path::new("/proc/sys/kernel/random/uuid"))
}

fn uuid(path: &Path) -> Option<String> {
    let bytes = read_bounded(path, 64).ok()?;
    let text = std::str::from_utf8(&bytes).ok()?.trim();
    let is_hex = |byte: u8| byte.is_ascii_hexdigit() || byte == b'-';
    (text.len() == 36 && text.bytes().all(is_hex)).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_boot_stays_the_same_and_a_run_does_not() {
        assert!(boot_id().is_some());
        assert_eq!(boot_id(), boot_id());
        assert!(run_id().is_some());
        assert_ne!(run_id(), run_id());
    }
}
