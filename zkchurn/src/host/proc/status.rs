// SPDX-License-Identifier: MIT
//! What `/proc/PID/status` says: state, user, pid inside of its namespace, and
//! what is done with signals (Documentation/filesystems/proc.rst, table 1-2).

use std::{io, path::Path};

use rustix::process::Signal;

use super::files::{field, read_bounded};

/// Bytes of the file that are looked at: it has below 2 KiB unless there are
/// many groups.
const LIMIT: u64 = 1 << 20;

/// A process, or one of its threads, as its `status` file shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// `R`, `S`, `D`, `T`, `t`, `Z`, `X`, `I`.
    pub state: u8,
    /// Real user.
    pub uid: u32,
    /// Effective user.
    pub euid: u32,
    /// Effective group.
    pub egid: u32,
    /// Its id in the innermost pid namespace: what it calls itself.
    pub inner_id: u32,
    /// Whether that is another namespace than the reader's.
    pub in_pid_namespace: bool,
    /// Mask of the signals that have a handler; signal 1 is bit 0.
    pub caught: u64,
    /// The same of those that are ignored.
    pub ignored: u64,
}

impl Status {
    /// Reads it in the directory of a process or of a thread.
    pub fn read(directory: &Path) -> io::Result<Self> {
        let status = read_bounded(&directory.join("status"), LIMIT)?;
        Self::parse(&status).ok_or_else(|| io::ErrorKind::InvalidData.into())
    }

    /// Takes a `status` file apart; `None` when one of the fields is missing.
    /// `NSpid` is only there with pid namespaces (`CONFIG_PID_NS`).
    pub fn parse(status: &[u8]) -> Option<Self> {
        let status = String::from_utf8_lossy(status);
        let field = |name| field(&status, name);
        let mask = |name| u64::from_str_radix(field(name)?, 16).ok();
        // Real, effective, saved, file system.
        let id = |name, at| field(name)?.split_whitespace().nth(at)?.parse().ok();
        let ids = field("NSpid").or_else(|| field("Pid"))?;
        Some(Self {
            state: *field("State")?.as_bytes().first()?,
            uid: id("Uid", 0)?,
            euid: id("Uid", 1)?,
            egid: id("Gid", 1)?,
            inner_id: ids.split_whitespace().next_back()?.parse().ok()?,
            in_pid_namespace: ids.split_whitespace().count() > 1,
            caught: mask("SigCgt")?,
            ignored: mask("SigIgn")?,
        })
    }

    /// Whether it can run at all: why not, else.
    pub fn runs(&self) -> Result<(), &'static str> {
        match self.state {
            b'T' => Err("it is stopped"),
            b't' => Err("it is stopped by a debugger"),
            b'Z' | b'X' | b'x' => Err("it has ended"),
            _ => Ok(()),
        }
    }

    /// Whether it has a handler for a signal.
    pub fn catches(&self, signal: Signal) -> bool {
        is_in(self.caught, signal)
    }

    /// Whether it ignores a signal.
    pub fn ignores(&self, signal: Signal) -> bool {
        is_in(self.ignored, signal)
    }
}

fn is_in(mask: u64, signal: Signal) -> bool {
    mask >> (signal.as_raw() - 1) & 1 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATUS: &str = "Name:\tjava\nUmask:\t0022\nState:\tS (sleeping)\nTgid:\t4242\nPid:\t4242\n\
        Uid:\t0\t1000\t0\t0\nGid:\t0\t1001\t0\t0\nNSpid:\t4242\t7\nSigIgn:\t0000000001001000\nSigCgt:\t0000000101005ccf\n";

    #[test]
    fn fields_are_taken_from_their_columns() {
        let status = Status::parse(STATUS.as_bytes()).expect("complete");
        assert_eq!((status.euid, status.egid), (1000, 1001));
        assert_eq!(status.inner_id, 7);
        assert!(status.in_pid_namespace && status.catches(Signal::QUIT));
        assert_eq!(status.runs(), Ok(()));
    }

    #[test]
    fn without_namespaces_the_pid_is_its_own() {
        let status = Status::parse(STATUS.replace("NSpid:\t4242\t7\n", "").as_bytes());
        let status = status.expect("complete");
        assert_eq!((status.inner_id, status.in_pid_namespace), (4242, false));
    }

    #[test]
    fn handlers_of_other_signals_are_not_taken_for_this_one() {
        // What `java -Xrs` of JDK 17 shows.
        let status = STATUS.replace("0000000101005ccf", "0000000101001cc8");
        assert!(
            !Status::parse(status.as_bytes())
                .expect("complete")
                .catches(Signal::QUIT)
        );
    }

    #[test]
    fn ignored_signals_are_told_from_others() {
        let status = Status::parse(STATUS.as_bytes()).expect("complete");
        assert!(status.ignores(Signal::PIPE) && status.ignores(Signal::XFSZ));
        assert!(!status.ignores(Signal::HUP) && !status.ignores(Signal::QUIT));
    }

    #[test]
    fn a_name_cannot_forge_a_field() {
        // The kernel escapes line breaks in names (`proc_task_name`).
        let status = STATUS.replace("Name:\tjava", "Name:\tx\\nState:\tT");
        assert_eq!(
            Status::parse(status.as_bytes()).expect("complete").state,
            b'S'
        );
    }

    #[test]
    fn what_cannot_run_says_why() {
        for state in ["T (stopped)", "t (tracing stop)", "Z (zombie)", "X (dead)"] {
            let status = STATUS.replace("S (sleeping)", state);
            let status = Status::parse(status.as_bytes()).expect("complete");
            assert!(status.runs().is_err(), "{state}");
        }
        assert_eq!(Status::parse(b"State:\n"), None);
    }
}
