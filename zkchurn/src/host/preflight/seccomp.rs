// SPDX-License-Identifier: MIT
//! Whether a seccomp filter forbids bpf(2): profiles of container runtimes do, some of them
//! whatever capabilities a container has.

use std::fs;

use rustix::thread::CapabilitySet;
use zkchurn_core::doctor::{Check, State};

use super::facts::{Facts, Probe};
use crate::host::{kernel::bpf_is_refused, proc::files::field};

/// Name of the check.
pub(super) const NAME: &str = "system calls";

/// What is said where only the host's CAP_BPF could show it.
pub(crate) const NOT_TRIED: &str = "filtered by seccomp; not tried without CAP_BPF";

/// Whether bpf(2) can be called as far as filters decide.
pub(super) fn look(capabilities: CapabilitySet) -> Probe<()> {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    if !is_filtered(&status) {
        return Probe::Yes(());
    }
    // Without a privilege the kernel itself refuses, which tells nothing of the filter.
    if !capabilities.intersects(CapabilitySet::BPF | CapabilitySet::SYS_ADMIN) {
        return Probe::Unknown(NOT_TRIED.to_owned());
    }
    match bpf_is_refused() {
        None => Probe::Yes(()),
        Some(error) => Probe::No(error.to_string()),
    }
}

/// `Seccomp` is 2 where there is a filter (Documentation/filesystems/proc.rst).
fn is_filtered(status: &str) -> bool {
    field(status, "Seccomp").is_some_and(|mode| mode == "2")
}

/// Judges it.
pub(super) fn check(facts: &Facts) -> Check {
    match &facts.bpf_call {
        Probe::Yes(()) => Check::ok(NAME, "no filter forbids bpf(2)"),
        Probe::Unknown(why) => Check {
            state: State::Unknown,
            ..Check::ok(NAME, why.clone())
        },
        Probe::No(why) => Check::not_ok(
            NAME,
            State::NotPermitted,
            format!(
                "bpf(2) is refused although the capabilities are held: {why}; it runs under a seccomp \
                 filter, the usual cause"
            ),
            "the kernel program cannot be loaded",
            "start the container with `--security-opt seccomp=unconfined` (Kubernetes: \
             seccompProfile of type Unconfined); if it is refused still, a security module \
             such as SELinux does it: let its policy allow bpf",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_mode_2() {
        assert!(is_filtered(
            "NoNewPrivs:\t1\nSeccomp:\t2\nSeccomp_filters:\t1\n"
        ));
        assert!(!is_filtered("Seccomp:\t0\n"));
        // A kernel without seccomp.
        assert!(!is_filtered("Name:\tzkchurn\n"));
    }

    #[test]
    fn a_forbidden_call_blocks_a_trace_and_says_how_to_allow_it() {
        let mut facts = Facts::gather();
        facts.bpf_call = Probe::No("Operation not permitted".to_owned());
        let check = check(&facts);
        assert!(check.state.blocks());
        let sentence = check.sentence();
        for words in [
            "seccomp filter",
            "seccomp=unconfined",
            "Unconfined",
            "security module",
        ] {
            assert!(sentence.contains(words), "{sentence}");
        }
    }
}
