// SPDX-License-Identifier: MIT
//! Looking at the host: kernel, BTF, tracepoint, capabilities, limits.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use rustix::{
    process::{Resource, getrlimit},
    thread::{CapabilitySet, capabilities},
};

use super::{
    btf_file::BtfFile,
    cgroup2::{self, Cgroup2},
    namespaces, null_device, proc_mounted, seccomp,
};
use crate::host::{
    kernel_layout::{SocketLayout, TracepointLayout},
    own_limits,
    proc::files::{own_pid_namespace, own_user_namespace},
};

/// Where the kernel offers its own types.
const BTF_PATH: &str = "/sys/kernel/btf/vmlinux";
/// Where tracefs may be mounted (Documentation/trace/ftrace.rst).
const TRACEFS: [&str; 2] = ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"];
const TRACEPOINT_FORMAT: &str = "events/sock/inet_sock_set_state/format";
const LOCKDOWN_PATH: &str = "/sys/kernel/security/lockdown";
const MODULES_PATH: &str = "/sys/kernel/security/lsm";

/// The answer to a question to the host: yes with a value, no, or could not tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Probe<T> {
    Yes(T),
    /// It is not there; the text says what was looked for.
    No(String),
    /// It could not be told; the text says why.
    Unknown(String),
}

impl<T> Probe<T> {
    /// The value, if it is there.
    pub fn value(&self) -> Option<&T> {
        match self {
            Self::Yes(value) => Some(value),
            Self::No(_) | Self::Unknown(_) => None,
        }
    }
}

/// A kernel's release as numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Release {
    /// First number.
    pub major: u32,
    /// Second number.
    pub minor: u32,
}

/// What the host offers.
#[derive(Clone, Debug)]
pub struct Facts {
    /// Name of the host.
    pub host: String,
    /// Release as `uname -r` prints it.
    pub kernel: String,
    /// The release as numbers.
    pub release: Option<Release>,
    /// Machine as `uname -m` prints it.
    pub machine: String,
    /// The socket's layout from the kernel's BTF.
    pub btf: Probe<SocketLayout>,
    /// Whether `/sys`, where the BTF is, shows anything of the kernel.
    pub has_sysfs: bool,
    /// Whether this process is granted too little memory to read it: nothing is known of BTF
    /// then, and the lesser way is none to take for it.
    pub short_of_memory: bool,
    /// The classic tracepoint's layout from tracefs.
    pub tracepoint: Probe<TracepointLayout>,
    /// The cgroup v2 hierarchy.
    pub cgroup2: Probe<Cgroup2>,
    /// The capabilities in effect; none in a user namespace, where those that are held count
    /// for what belongs to it, and for nothing that tracing needs.
    pub capabilities: CapabilitySet,
    /// Whether this is one: its root is not the host's.
    pub own_user_namespace: bool,
    /// Whether this is root already, whom sudo makes no more than it is.
    pub is_root: bool,
    /// Whether `/proc` is there and shows this process.
    pub proc: Probe<()>,
    /// Whether `/dev/null` can be opened.
    pub null_device: Probe<()>,
    /// Whether no seccomp filter forbids bpf(2).
    pub bpf_call: Probe<()>,
    /// Whether pids here are not those that the kernel program sees.
    pub own_pid_namespace: bool,
    /// Whether the network namespace of process 1 can be read.
    pub first_process_netns: Probe<()>,
    /// Whether clocks here differ from those of the kernel program.
    pub own_clocks: bool,
    /// `none`, `integrity` or `confidentiality`.
    pub lockdown: Probe<String>,
    /// Soft limit of locked memory in bytes; `None` is unlimited.
    pub memlock: Option<u64>,
}

/// The bytes of the BTF that [`Facts`] were read from.
pub struct BtfBytes(Option<BtfFile>);

impl BtfBytes {
    /// Gives their memory back.
    pub fn give_back(&mut self) {
        self.0 = None;
    }
}

/// From here on a program at a tracepoint can be preempted (SRCU guards them:
/// include/linux/tracepoint.h).
const PREEMPTS_SINCE: Release = Release { major: 7, minor: 0 };

impl Facts {
    /// Whether another thread may run on a CPU while a program at a tracepoint runs there:
    /// the kernel skips the program for it then.
    pub fn preempts_programs(&self) -> bool {
        self.release.is_none_or(|release| release >= PREEMPTS_SINCE)
    }

    /// Looks at this host.
    pub fn gather() -> Self {
        Self::gather_keeping().0
    }

    /// The same, with the bytes of the BTF, to be kept until other large pieces of memory are
    /// given back: once glibc's malloc has seen the first one go it keeps what is smaller
    /// (mallopt(3), `M_MMAP_THRESHOLD`), 3 MB of a trace's.
    pub fn gather_keeping() -> (Self, BtfBytes) {
        let uname = rustix::system::uname();
        let kernel = uname.release().to_string_lossy().into_owned();
        // They can always be asked for; else the trace shows.
        let held = capabilities(None);
        let own_user_namespace = own_user_namespace();
        let capabilities = match held {
            Ok(held) if !own_user_namespace => held.effective,
            _ => CapabilitySet::empty(),
        };
        let btf_file = own_limits::room_for_btf().and_then(|()| BtfFile::read(Path::new(BTF_PATH)));
        let facts = Self {
            host: uname.nodename().to_string_lossy().into_owned(),
            release: parse_release(&kernel),
            kernel,
            machine: uname.machine().to_string_lossy().into_owned(),
            short_of_memory: is_shortage(&btf_file),
            btf: btf(&btf_file),
            has_sysfs: Path::new("/sys/kernel").exists(),
            tracepoint: tracepoint(),
            cgroup2: cgroup2::look(),
            capabilities,
            own_user_namespace,
            is_root: rustix::process::geteuid().is_root(),
            proc: proc_mounted::look(),
            null_device: null_device::look(),
            bpf_call: seccomp::look(capabilities),
            own_pid_namespace: own_pid_namespace(),
            first_process_netns: match fs::read_link("/proc/1/ns/net") {
                Ok(_) => Probe::Yes(()),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    Probe::Unknown(namespaces::NOT_SHOWN.to_owned())
                }
                Err(error) => Probe::No(error.to_string()),
            },
            own_clocks: fs::read_to_string("/proc/self/timens_offsets")
                .is_ok_and(|offsets| has_offset(&offsets)),
            lockdown: lockdown(),
            memlock: getrlimit(Resource::Memlock).current,
        };
        (facts, BtfBytes(btf_file.ok()))
    }
}

/// `6.18.44-fc-v657` is 6.18.
pub fn parse_release(release: &str) -> Option<Release> {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit());
    Some(Release {
        major: numbers.next()?.parse().ok()?,
        minor: numbers.next()?.parse().ok()?,
    })
}

/// `monotonic 1000000 0`, a line for each clock: seconds and nanoseconds that a time
/// namespace adds to it (time_namespaces(7)).
fn has_offset(offsets: &str) -> bool {
    let fields = |line: &str| line.split_ascii_whitespace().skip(1).any(|one| one != "0");
    offsets.lines().any(fields)
}

fn is_shortage<T>(read: &io::Result<T>) -> bool {
    matches!(read, Err(error) if error.kind() == io::ErrorKind::OutOfMemory)
}

fn btf(file: &io::Result<BtfFile>) -> Probe<SocketLayout> {
    match file {
        Ok(file) => match file.layout() {
            Ok(layout) => Probe::Yes(layout),
            Err(error) => Probe::Unknown(format!("{BTF_PATH}: {error}")),
        },
        Err(error) => missing(Path::new(BTF_PATH), error),
    }
}

fn tracepoint() -> Probe<TracepointLayout> {
    let mut found = None;
    for root in TRACEFS {
        let path = PathBuf::from(root).join(TRACEPOINT_FORMAT);
        match fs::read_to_string(&path) {
            Ok(text) => {
                return match TracepointLayout::from_format(&text) {
                    Ok(layout) => Probe::Yes(layout),
                    Err(error) => Probe::Unknown(format!("{}: {error}", path.display())),
                };
            }
            Err(error) => {
                found.get_or_insert_with(|| missing(&path, &error));
            }
        }
    }
    found.unwrap_or_else(|| Probe::Unknown("no place to look".to_owned()))
}

/// What an error says about a file that was looked for.
pub(super) fn missing<T>(path: &Path, error: &io::Error) -> Probe<T> {
    let text = format!("{}: {error}", path.display());
    match error.kind() {
        io::ErrorKind::NotFound => Probe::No(text),
        _ => Probe::Unknown(text),
    }
}

fn lockdown() -> Probe<String> {
    match fs::read_to_string(LOCKDOWN_PATH) {
        Ok(text) => match selected_mode(&text) {
            Some(mode) => Probe::Yes(mode.to_owned()),
            None => Probe::Unknown(format!("{LOCKDOWN_PATH} reads {:?}", text.trim())),
        },
        // Each kernel with security modules lists them.
        Err(error) => match Path::new(MODULES_PATH).exists() {
            true => missing(Path::new(LOCKDOWN_PATH), &error),
            false => Probe::Unknown(format!(
                "securityfs is not mounted, or this kernel has no security modules: {LOCKDOWN_PATH}: \
                 {error}"
            )),
        },
    }
}

/// The mode in brackets of `none [integrity] confidentiality`.
fn selected_mode(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once('[')?;
    Some(rest.split_once(']')?.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_of_distributions_are_understood() {
        let release = |major, minor| Some(Release { major, minor });
        assert_eq!(parse_release("6.18.44-fc-v657"), release(6, 18));
        assert_eq!(parse_release("4.18.0-553.el8.x86_64"), release(4, 18));
        assert_eq!(parse_release("6.1-rt"), release(6, 1));
        assert_eq!(parse_release("next"), None);
    }

    #[test]
    fn a_time_namespace_is_told_by_its_offsets() {
        assert!(!has_offset(
            "monotonic           0         0\nboottime 0 0\n"
        ));
        assert!(has_offset("monotonic 0 0\nboottime           0 -5\n"));
        assert!(!has_offset(""));
    }

    #[test]
    fn the_selected_lockdown_mode_is_the_one_in_brackets() {
        assert_eq!(
            selected_mode("none [integrity] confidentiality\n"),
            Some("integrity")
        );
        assert_eq!(selected_mode("none"), None);
    }
}
