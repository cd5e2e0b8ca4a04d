// SPDX-License-Identifier: MIT
//! Whether `--handshake` is possible here.

use rustix::thread::CapabilitySet;
use zkchurn_core::doctor::{Check, State};

use super::{
    facts::{Facts, Probe},
    verdict::{has_cookies, more_capabilities, not_held},
};

/// Name of the check; a trace reports it only where `--handshake` was given.
pub const NAME: &str = "handshakes";

const CONSEQUENCE: &str = "--handshake captures nothing; everything else is traced";

/// Judges what `--handshake` needs: a place to attach to, a privilege, and
/// sockets that can be told apart by their cookies.
pub fn check(facts: &Facts) -> Check {
    let degraded =
        |found: String, fix: &str| Check::not_ok(NAME, State::Degraded, found, CONSEQUENCE, fix);
    let cgroup = match &facts.cgroup2 {
        Probe::Yes(cgroup) => cgroup,
        Probe::No(why) | Probe::Unknown(why) => {
            return degraded(why.clone(), "mount -t cgroup2 none /mnt");
        }
    };
    // CAP_SYS_ADMIN stands in for it (`bpf_net_capable`, kernel/bpf/syscall.c).
    let either = CapabilitySet::NET_ADMIN | CapabilitySet::SYS_ADMIN;
    if !facts.capabilities.intersects(either) {
        return degraded(
            not_held(facts, "CAP_NET_ADMIN"),
            &more_capabilities(facts, "it"),
        );
    }
    if facts.short_of_memory && has_cookies(facts) {
        return Check {
            state: State::Unknown,
            ..Check::ok(NAME, "not looked up without BTF, for which memory is short")
        };
    }
    if facts.btf.value().is_none() || !has_cookies(facts) {
        return degraded(
            "no socket cookies in tracing programs (they need Linux 5.12 and BTF)".to_owned(),
            "none on this kernel",
        );
    }
    let path = cgroup.path.display();
    if cgroup.is_hosts {
        return Check::ok(NAME, format!("--handshake can attach to {path}"));
    }
    Check::not_ok(
        NAME,
        State::Degraded,
        format!("{path} is not the root of the host's cgroups"),
        "--handshake sees only processes in the cgroups below it, such as those of this container",
        "run it on the host, or in a container that shares its cgroups (--cgroupns=host)",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::{kernel_layout::SocketLayout, preflight::cgroup2::Cgroup2};

    fn facts() -> Facts {
        let mut facts = Facts::gather();
        facts.cgroup2 = Probe::Yes(Cgroup2 {
            path: "/sys/fs/cgroup".into(),
            is_hosts: true,
        });
        facts.capabilities |= CapabilitySet::NET_ADMIN;
        facts.btf = Probe::Yes(SocketLayout::UNKNOWN);
        facts.release = crate::host::preflight::facts::parse_release("5.12.0");
        facts
    }

    #[test]
    fn each_thing_that_is_missing_is_named() {
        assert_eq!(check(&facts()).state, State::Ok);
        let without = |change: fn(&mut Facts)| {
            let mut facts = facts();
            change(&mut facts);
            let check = check(&facts);
            assert_eq!(check.state, State::Degraded);
            check.sentence()
        };
        let sentence = without(|facts| facts.cgroup2 = Probe::No("no cgroup2".to_owned()));
        assert!(sentence.contains("no cgroup2"), "{sentence}");
        let sentence = without(|facts| {
            facts.capabilities = CapabilitySet::empty();
        });
        assert!(sentence.contains("CAP_NET_ADMIN"), "{sentence}");
        let old = |facts: &mut Facts| {
            facts.release = crate::host::preflight::facts::parse_release("5.10.0");
        };
        let sentence = without(old);
        assert!(sentence.contains("5.12"), "{sentence}");
        let sentence = without(|facts| facts.btf = Probe::No("no BTF".to_owned()));
        assert!(sentence.contains("BTF"), "{sentence}");
        let sentence = without(|facts| {
            facts.cgroup2 = Probe::Yes(Cgroup2 {
                path: "/sys/fs/cgroup".into(),
                is_hosts: false,
            });
        });
        assert!(sentence.contains("of this container"), "{sentence}");
    }

    #[test]
    fn where_memory_is_short_the_kernel_is_not_blamed() {
        let mut facts = facts();
        facts.btf = Probe::Unknown("out of memory".to_owned());
        facts.short_of_memory = true;
        assert_eq!(check(&facts).state, State::Unknown);
        assert_eq!(check(&facts).fix, None);
        // It is too old, whatever the memory.
        facts.release = crate::host::preflight::facts::parse_release("5.10.0");
        assert_eq!(check(&facts).state, State::Degraded);
    }
}
