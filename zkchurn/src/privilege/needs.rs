// SPDX-License-Identifier: MIT
//! The capabilities (capabilities(7)) that zkchurn uses, each with its purpose.

use rustix::thread::CapabilitySet;
use serde::Serialize;

use crate::{cli::TraceArgs, inspect::jvm::JvmMode, preflight::facts::Release};

/// What becomes of a capability once the kernel program is attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AfterLoading {
    /// It is given up for good.
    Dropped,
    /// It stays in use: processes begin to churn at any time.
    Kept,
    /// It stays permitted, but takes effect only in the one call that needs it.
    Apart,
}

/// What asks for a capability.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AskedBy {
    /// Every trace.
    Trace,
    /// A trace on Linux before 5.11, where `ulimit -l` is low.
    OldKernel,
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
            Self::OldKernel => "before Linux 5.11",
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
    /// The capability.
    pub capability: CapabilitySet,
    /// What asks for it.
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
        // Kept on kernels that ask for it at each use of a map, see `kept`.
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
        asked_by: AskedBy::OldKernel,
        purpose: "lift the limit of locked memory, to which maps are charged",
        after_loading: AfterLoading::Dropped,
    },
    Need {
        name: "CAP_NET_ADMIN",
        capability: CapabilitySet::NET_ADMIN,
        asked_by: AskedBy::Handshake,
        purpose: "attach to the packets of a cgroup's sockets",
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
        purpose: "list /proc/PID/fd, read logs (--logs), read tracefs without BTF",
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
        purpose: "ask the JVM as its own user",
        after_loading: AfterLoading::Apart,
    },
    Need {
        name: "CAP_SETGID",
        capability: CapabilitySet::SETGID,
        asked_by: AskedBy::Dump,
        purpose: "ask the JVM as its own group",
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

/// What a trace keeps after loading.
pub fn kept(args: &TraceArgs, kernel: Option<Release>) -> Kept {
    let mut kept = Kept {
        effective: CapabilitySet::empty(),
        permitted: CapabilitySet::empty(),
    };
    for need in NEEDS.iter().filter(|need| is_asked(need.asked_by, args)) {
        match need.after_loading {
            AfterLoading::Dropped => {}
            AfterLoading::Kept => kept.effective |= need.capability,
            AfterLoading::Apart => kept.permitted |= need.capability,
        }
    }
    if kernel.is_none_or(|kernel| kernel < MAPS_FREE_SINCE) {
        kept.effective |= CapabilitySet::BPF;
    }
    kept.permitted |= kept.effective;
    kept
}

fn is_asked(asked_by: AskedBy, args: &TraceArgs) -> bool {
    match asked_by {
        AskedBy::Trace | AskedBy::OldKernel | AskedBy::OtherUsers | AskedBy::OtherNamespaces => {
            true
        }
        AskedBy::Handshake => args.handshake,
        AskedBy::Dump => args.jvm == JvmMode::Dump,
        AskedBy::Record => args.record.is_some(),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::Cli;

    const NEW: Option<Release> = Some(Release { major: 6, minor: 1 });

    fn kept_with(options: &[&str], kernel: Option<Release>) -> Kept {
        let words = ["zkchurn"].iter().chain(options);
        kept(&Cli::try_parse_from(words).unwrap().trace, kernel)
    }

    #[test]
    fn what_loading_took_is_given_up_whatever_the_options() {
        let options = ["--handshake", "--jvm", "dump", "--record", "x"];
        let loading = CapabilitySet::BPF
            | CapabilitySet::PERFMON
            | CapabilitySet::NET_ADMIN
            | CapabilitySet::CHOWN;
        assert!(!kept_with(&options, NEW).permitted.intersects(loading));
    }

    #[test]
    fn what_changes_something_is_never_in_effect_all_the_time() {
        let options = ["--jvm", "dump", "--record", "x"];
        let reading = CapabilitySet::SYS_PTRACE | CapabilitySet::DAC_READ_SEARCH;
        let kept = kept_with(&options, NEW);
        assert_eq!(kept.effective, reading);
        assert!(kept.permitted.contains(kept.effective));
    }

    #[test]
    fn an_option_that_is_not_chosen_keeps_nothing() {
        let plain = kept_with(&[], NEW).permitted;
        for (options, more) in [
            (
                &["--jvm", "dump"][..],
                CapabilitySet::SETUID | CapabilitySet::SETGID,
            ),
            (&["--record", "x"], CapabilitySet::DAC_OVERRIDE),
            (&["--handshake"], CapabilitySet::empty()),
        ] {
            assert!(!plain.intersects(more));
            assert_eq!(kept_with(options, NEW).permitted, plain | more);
        }
    }

    #[test]
    fn an_older_kernel_wants_cap_bpf_for_each_look_at_the_counters() {
        let old = Some(Release {
            major: 5,
            minor: 10,
        });
        for kernel in [old, None] {
            assert!(
                kept_with(&[], kernel)
                    .effective
                    .contains(CapabilitySet::BPF)
            );
        }
    }
}
