// SPDX-License-Identifier: MIT
//! What `/proc` says of a running process: proc_pid_status(5), proc_pid_stat(5),
//! and the fdinfo of BPF objects (kernel/bpf/syscall.c).

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

/// A file of lines of a name, a colon and a value, such as `status` or one of `fdinfo`.
#[derive(Debug)]
pub struct Fields(String);

impl Fields {
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let text = fs::read_to_string(path);
        text.map(Self)
            .with_context(|| format!("cannot read {}", path.display()))
    }

    /// The value of a field, without blanks around it; the name has no colon.
    pub fn text(&self, name: &str) -> Option<&str> {
        let mut fields = self.0.lines().filter_map(|line| line.split_once(':'));
        let (_, value) = fields.find(|(field, _)| *field == name)?;
        Some(value.trim())
    }

    /// A decimal number, be there a unit behind it (`VmRSS`, KiB) or not.
    pub fn number(&self, name: &str) -> Option<u64> {
        self.text(name)?.split_whitespace().next()?.parse().ok()
    }

    /// A hexadecimal mask, such as `CapPrm`.
    pub fn mask(&self, name: &str) -> Option<u64> {
        u64::from_str_radix(self.text(name)?, 16).ok()
    }
}

/// `status` of a process.
pub fn status(pid: u32) -> Result<Fields> {
    Fields::read(format!("/proc/{pid}/status"))
}

/// `status` of one thread.
pub fn thread_status(pid: u32, tid: u32) -> Result<Fields> {
    Fields::read(format!("/proc/{pid}/task/{tid}/status"))
}

/// The name of a thread; of a process, where `tid` is its pid.
pub fn comm(pid: u32, tid: u32) -> Result<String> {
    let path = format!("/proc/{pid}/task/{tid}/comm");
    let name = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    Ok(name.trim_end().to_owned())
}

/// The threads of a process. Any of them may end at any moment.
pub fn threads(pid: u32) -> Result<Vec<u32>> {
    let names = names(&format!("/proc/{pid}/task"))?;
    Ok(names.iter().filter_map(|name| name.parse().ok()).collect())
}

/// The processes that the first thread of a process has started.
pub fn children(pid: u32) -> Result<Vec<u32>> {
    let path = format!("/proc/{pid}/task/{pid}/children");
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    let children = text.split_whitespace().map(str::parse);
    children.collect::<Result<_, _>>().context("no pid")
}

/// What is known of each descriptor; those closed meanwhile are left out.
pub fn descriptors(pid: u32) -> Result<Vec<Fields>> {
    let directory = format!("/proc/{pid}/fdinfo");
    let names = names(&directory)?;
    let read = |name: &String| Fields::read(format!("{directory}/{name}")).ok();
    Ok(names.iter().filter_map(read).collect())
}

fn names(directory: &str) -> Result<Vec<String>> {
    let entries = fs::read_dir(directory).with_context(|| format!("cannot read {directory}"))?;
    let names = entries.flatten().map(|entry| entry.file_name());
    Ok(names
        .map(|name| name.to_string_lossy().into_owned())
        .collect())
}

/// Times in `stat`, in ticks of `USER_HZ`, which is 100 a second everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticks {
    /// On a processor, in the program and in the kernel (14th and 15th field).
    pub used: u64,
    /// From boot to the start of the process (22nd field).
    pub started: u64,
}

/// `USER_HZ`.
pub const TICKS_PER_SECOND: u64 = 100;

/// The times of a process, which may have ended and not been waited for.
pub fn ticks(pid: u32) -> Result<Ticks> {
    let path = format!("/proc/{pid}/stat");
    let stat = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    parse_ticks(&stat).with_context(|| format!("{path} is not as proc_pid_stat(5) says"))
}

/// The name may hold blanks and brackets: what comes after its last bracket is
/// counted from the third field.
fn parse_ticks(stat: &str) -> Option<Ticks> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let fields: Vec<_> = after_name.split_whitespace().collect();
    let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
    Some(Ticks {
        used: field(14)? + field(15)?,
        started: field(22)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_found_by_its_whole_name() {
        let fields = Fields("VmRSSX:\t1 kB\nVmRSS:\t  900 kB\nCapPrm:\t00000000a8\n".to_owned());
        assert_eq!(fields.number("VmRSS"), Some(900));
        assert_eq!(fields.mask("CapPrm"), Some(0xa8));
        assert_eq!((fields.number("Vm"), fields.text("Threads")), (None, None));
    }

    #[test]
    fn times_are_read_behind_a_name_with_brackets() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194560 1 2 3 4 30 12 5 6 20 0 1 0 98765 1 2";
        let expected = Ticks {
            used: 42,
            started: 98_765,
        };
        assert_eq!(parse_ticks(stat), Some(expected));
        assert_eq!(parse_ticks("7 (a) S 1"), None);
    }

    #[test]
    fn this_process_is_there() {
        let pid = std::process::id();
        assert!(status(pid).expect("status").number("VmHWM") > Some(0));
        assert!(threads(pid).expect("threads").contains(&pid));
        assert!(ticks(pid).expect("stat").started > 0);
        assert!(!descriptors(pid).expect("fdinfo").is_empty());
        assert!(status(u32::MAX).is_err());
    }
}
