// SPDX-License-Identifier: MIT
//! The capabilities (capabilities(7)) that zkchurn uses, each with its purpose.

use rustix::thread::CapabilitySet;

use zkchurn_core::doctor::{AfterLoading, CapabilityRow};

use crate::host::preflight::facts::Release;

/// What asks for a capability.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AskedBy {
    /// Every trace.
    Trace,
    /// Limits that are too low: of stack and of open files, and before Linux 5.11 of locked
    /// memory.
    LowLimits,
    /// A trace that shall see other users' processes.
    OtherUsers,
    /// A trace that shall see the sockets of other network namespaces.
    OtherNamespaces,
    /// `--handshake`.
    Handshake,
    /// `--jvm dump` for JVMs of other users.
    Dump,
    /// `--record` into a directory of another user, or under sudo.
    Record,
}

impl AskedBy {
    /// The option, or what is wanted, in a few words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Trace => "every trace",
            Self::LowLimits => "low limits",
            Self::OtherUsers => "other users' processes",
            Self::OtherNamespaces => "other network namespaces",
            Self::Handshake => "--handshake",
            Self::Dump => "--jvm dump, other users",
            Self::Record => "--record, others' directories",
        }
    }
}

/// One capability and what it is for.
#[derive(Clone, Copy, Debug)]
pub struct Need {
    /// Its name in capabilities(7).
    pub name: &'static str,
    pub capability: CapabilitySet,
    pub asked_by: AskedBy,
    /// What is done with it.
    pub purpose: &'static str,
    /// What becomes of it.
    pub after_loading: AfterLoading,
}

/// All that zkchurn can use. What is not in this table is given up always.
pub const NEEDS: [Need; 11] = [
    Need {
        name: "CAP_BPF",
        capability: CapabilitySet::BPF,
        asked_by: AskedBy::Trace,
        purpose: "load the kernel program and its maps",
        // Kept on kernels that ask for it at each use of a map, see `kept_while_tracing`.
        after_loading: AfterLoading::Dropped,
    },
    Need {
        name: "CAP_PERFMON",
        capability: CapabilitySet::PERFMON,
        asked_by: AskedBy::Trace,
        purpose: "attach it to the tracepoint, where it reads kernel memory",
        after_loading: AfterLoading::Dropped,
    },
    Need {
        name: "CAP_SYS_RESOURCE",
        capability: CapabilitySet::SYS_RESOURCE,
        asked_by: AskedBy::LowLimits,
        purpose: "raise `ulimit -s` and `-n`, and before Linux 5.11 `-l`, to which maps are charged",
        after_loading: AfterLoading::Dropped,
    },
    Need {
        name: "CAP_NET_ADMIN",
        capability: CapabilitySet::NET_ADMIN,
        asked_by: AskedBy::Handshake,
        purpose: "see the packets of a cgroup's sockets",
        // Kept where `h` may still turn it on, see `kept_until_handshakes`.
        after_loading: AfterLoading::Dropped,
    },
    Need {
        name: "CAP_SYS_PTRACE",
        capability: CapabilitySet::SYS_PTRACE,
        asked_by: AskedBy::OtherUsers,
        purpose: "follow the links in /proc/PID: exe, cwd, root, fd, ns",
        after_loading: AfterLoading::Kept,
    },
    Need {
        name: "CAP_DAC_READ_SEARCH",
        capability: CapabilitySet::DAC_READ_SEARCH,
        asked_by: AskedBy::OtherUsers,
        purpose: "list /proc/PID/fd, read logs, read tracefs without BTF",
        after_loading: AfterLoading::Kept,
    },
    Need {
        name: "CAP_SYS_ADMIN",
        capability: CapabilitySet::SYS_ADMIN,
        asked_by: AskedBy::OtherNamespaces,
        purpose: "enter them to list their sockets (setns)",
        after_loading: AfterLoading::Apart,
    },
    Need {
        name: "CAP_SETUID",
        capability: CapabilitySet::SETUID,
        asked_by: AskedBy::Dump,
        purpose: "connect to the JVM as its own user",
        after_loading: AfterLoading::Apart,
    },
    Need {
        name: "CAP_SETGID",
        capability: CapabilitySet::SETGID,
        asked_by: AskedBy::Dump,
        purpose: "connect to the JVM as its own group",
        after_loading: AfterLoading::Apart,
    },
    Need {
        name: "CAP_DAC_OVERRIDE",
        capability: CapabilitySet::DAC_OVERRIDE,
        asked_by: AskedBy::Record,
        purpose: "create the recording, and rename it at the end",
        after_loading: AfterLoading::Apart,
    },
    Need {
        name: "CAP_CHOWN",
        capability: CapabilitySet::CHOWN,
        asked_by: AskedBy::Record,
        purpose: "give the recording to the user who called sudo",
        after_loading: AfterLoading::Dropped,
    },
];

/// What a run keeps of what it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept {
    /// What stays in effect.
    pub effective: CapabilitySet,
    /// What stays permitted: this, and all of `effective`.
    pub permitted: CapabilitySet,
}

impl Kept {
    /// What needs none of them.
    pub const NOTHING: Self = Self {
        effective: CapabilitySet::empty(),
        permitted: CapabilitySet::empty(),
    };
    /// What finds agents: it reads their descriptors and their recordings.
    pub const FINDS_AGENTS: Self = Self {
        effective: CapabilitySet::DAC_READ_SEARCH.union(CapabilitySet::SYS_PTRACE),
        permitted: CapabilitySet::DAC_READ_SEARCH.union(CapabilitySet::SYS_PTRACE),
    };
    /// A run that only reads the files it was told to read.
    pub const READS_FILES: Self = Self {
        effective: CapabilitySet::DAC_READ_SEARCH,
        permitted: CapabilitySet::DAC_READ_SEARCH,
    };
}

/// Where `kernel.unprivileged_bpf_disabled` is set, older kernels ask for CAP_BPF
/// at every use of a map, also by its descriptor ("bpf: refine
/// kernel.unprivileged_bpf_disabled behaviour", of 2022).
const MAPS_FREE_SINCE: Release = Release { major: 6, minor: 0 };

/// The table for the doctor, with what of it is in `held`.
pub fn rows(held: CapabilitySet) -> Vec<CapabilityRow> {
    let row = |need: &Need| CapabilityRow {
        name: need.name,
        held: held.contains(need.capability),
        asked_by: need.asked_by.words(),
        purpose: need.purpose,
        after_loading: need.after_loading,
    };
    NEEDS.iter().map(row).collect()
}

/// What a trace keeps once it is attached: the rest is for its helpers.
pub fn kept_while_tracing(kernel: Option<Release>) -> Kept {
    let maps = match kernel.is_none_or(|kernel| kernel < MAPS_FREE_SINCE) {
        true => CapabilitySet::BPF,
        false => CapabilitySet::empty(),
    };
    Kept {
        effective: maps,
        permitted: maps,
    }
}

/// What turning handshakes on takes, once the programs are loaded
/// (kernel/bpf/syscall.c, `bpf_prog_attach_check_attach_type`).
pub const TURNING_ON_HANDSHAKES: CapabilitySet = CapabilitySet::NET_ADMIN;

/// What a trace keeps until `h` turns handshakes on: that, for the one call.
pub fn kept_until_handshakes(kernel: Option<Release>) -> Kept {
    let kept = kept_while_tracing(kernel);
    Kept {
        permitted: kept.permitted | TURNING_ON_HANDSHAKES,
        ..kept
    }
}

/// What the helper that writes the recording keeps once there is a file: renaming it.
pub const KEPT_BY_RECORDER: Kept = Kept {
    effective: CapabilitySet::empty(),
    permitted: CapabilitySet::DAC_OVERRIDE,
};

/// What the helper that looks into other processes keeps.
pub fn kept_by_looker(dumps: bool) -> Kept {
    let mut kept = Kept {
        effective: CapabilitySet::empty(),
        permitted: CapabilitySet::empty(),
    };
    for need in &NEEDS {
        let looks = match need.asked_by {
            AskedBy::OtherUsers | AskedBy::OtherNamespaces => true,
            AskedBy::Dump => dumps,
            AskedBy::Trace | AskedBy::LowLimits | AskedBy::Handshake | AskedBy::Record => false,
        };
        match need.after_loading {
            AfterLoading::Kept if looks => kept.effective |= need.capability,
            AfterLoading::Apart if looks => kept.permitted |= need.capability,
            _ => {}
        }
    }
    kept.permitted |= kept.effective;
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEW: Release = Release { major: 6, minor: 1 };
    const OLD: Release = Release {
        major: 5,
        minor: 10,
    };

    #[test]
    fn what_changes_something_is_never_in_effect_all_the_time() {
        let reading = CapabilitySet::SYS_PTRACE | CapabilitySet::DAC_READ_SEARCH;
        for dumps in [false, true] {
            let kept = kept_by_looker(dumps);
            assert_eq!(kept.effective, reading);
            assert!(kept.permitted.contains(kept.effective));
        }
    }

    #[test]
    fn who_looks_keeps_what_looking_takes_and_nothing_else() {
        let looking =
            CapabilitySet::SYS_PTRACE | CapabilitySet::DAC_READ_SEARCH | CapabilitySet::SYS_ADMIN;
        assert_eq!(kept_by_looker(false).permitted, looking);
        let dumping = CapabilitySet::SETUID | CapabilitySet::SETGID;
        assert_eq!(kept_by_looker(true).permitted, looking | dumping);
    }

    #[test]
    fn a_trace_that_goes_on_holds_nothing_but_what_its_maps_need() {
        let (none, bpf) = (CapabilitySet::empty(), CapabilitySet::BPF);
        for (kernel, held) in [(Some(NEW), none), (Some(OLD), bpf), (None, bpf)] {
            let kept = kept_while_tracing(kernel);
            assert_eq!((kept.effective, kept.permitted), (held, held));
        }
    }

    #[test]
    fn what_turns_handshakes_on_is_kept_out_of_effect_and_nothing_else_is() {
        for kernel in [Some(NEW), Some(OLD), None] {
            let (usual, kept) = (kept_while_tracing(kernel), kept_until_handshakes(kernel));
            assert_eq!(kept.effective, usual.effective);
            assert_eq!(kept.permitted - usual.permitted, CapabilitySet::NET_ADMIN);
        }
    }
}
