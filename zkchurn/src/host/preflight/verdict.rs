// SPDX-License-Identifier: MIT
//! From facts to what is possible, what is degraded and what to do.

use rustix::thread::CapabilitySet;
use zkchurn_common::field::SocketField;
use zkchurn_core::doctor::{Check, State};

use super::{
    facts::{Facts, Probe, Release},
    handshake, namespaces, null_device, proc_mounted, seccomp,
};
use crate::host::privilege::{
    needs::{AskedBy, NEEDS},
    remedy::Standing,
};

/// One check a fact, in the order in which doctor lists them.
pub fn judge(facts: &Facts) -> Vec<Check> {
    let mut checks = all(facts);
    checks.extend(null_device::check(facts));
    if facts.proc.value().is_none() {
        checks.iter_mut().for_each(without_proc);
    }
    checks
}

/// What was read from `/proc`, where there is none: neither well nor wrong.
fn without_proc(check: &mut Check) {
    let is_told_by_proc = [
        "privilege",
        seccomp::NAME,
        "other users' processes",
        namespaces::NAME,
        "process ids",
        "clocks",
        handshake::NAME,
    ]
    .contains(&check.name);
    if is_told_by_proc && !check.state.blocks() {
        *check = Check {
            state: State::Unknown,
            ..Check::ok(check.name, "not known without /proc")
        };
    }
}

/// What gives this process more capabilities, by name in words.
pub(super) fn more_capabilities(facts: &Facts, these: &str) -> String {
    Standing::of(facts.is_root, facts.own_user_namespace).more_capabilities(these)
}

/// That capabilities of these names are lacking: in a user namespace they may be held, and count for
/// nothing that is the host's.
pub(super) fn not_held(facts: &Facts, names: &str) -> String {
    match facts.own_user_namespace {
        true => format!("not even root has {names} over the host in a user namespace"),
        false => format!("{names} not held"),
    }
}

fn all(facts: &Facts) -> Vec<Check> {
    vec![
        kernel(facts),
        proc_mounted::check(facts),
        capabilities(facts),
        seccomp::check(facts),
        lockdown(facts),
        btf(facts),
        fields(facts),
        cookie(facts),
        tracepoint(facts),
        memlock(facts),
        other_users(facts),
        namespaces::check(facts),
        process_ids(facts),
        clocks(facts),
        handshake::check(facts),
    ]
}

/// Ring buffers came with 5.8.
const OLDEST: Release = Release { major: 5, minor: 8 };
/// `bpf_get_socket_cookie` in tracing programs came with 5.12.
const COOKIE_SINCE: Release = Release {
    major: 5,
    minor: 12,
};
/// Memory of BPF maps is charged to the cgroup since 5.11, no more to RLIMIT_MEMLOCK.
pub(crate) const MEMLOCK_FREE_SINCE: Release = Release {
    major: 5,
    minor: 11,
};

/// Whether maps are charged to the limit of locked memory.
pub fn locks_memory(facts: &Facts) -> bool {
    !is_at_least(facts, MEMLOCK_FREE_SINCE)
}

/// What to do where too little memory is granted.
const MORE_MEMORY: &str = "raise the limits of memory: `ulimit -d`, `ulimit -v`, and in a \
                           container or cgroup memory.max";

/// What to do where it is too low.
pub const MORE_LOCKED_MEMORY: &str = "`ulimit -l unlimited`, or grant CAP_SYS_RESOURCE";

/// Whether that limit may be too low and cannot be lifted.
pub fn locked_memory_is_short(facts: &Facts) -> bool {
    const WANTED: u64 = 64 << 20;
    locks_memory(facts)
        && facts.memlock.is_some_and(|limit| limit < WANTED)
        && !facts.capabilities.contains(CapabilitySet::SYS_RESOURCE)
}

fn is_at_least(facts: &Facts, wanted: Release) -> bool {
    facts.release.is_none_or(|release| release >= wanted)
}

fn kernel(facts: &Facts) -> Check {
    let found = format!("Linux {} ({})", facts.kernel, facts.machine);
    if is_at_least(facts, OLDEST) {
        return Check::ok("kernel", found);
    }
    Check::not_ok(
        "kernel",
        State::Unsupported,
        found,
        "zkchurn needs BPF ring buffers, which came with Linux 5.8",
        "run it on a host with Linux 5.8 or later, or use `ss -tanpo` and tcpdump instead",
    )
}

fn capabilities(facts: &Facts) -> Check {
    let held = facts.capabilities;
    let wanted = [
        ("CAP_BPF", CapabilitySet::BPF),
        ("CAP_PERFMON", CapabilitySet::PERFMON),
    ];
    // CAP_SYS_ADMIN stands in for both (`bpf_capable`, `perfmon_capable`).
    let missing: Vec<_> = wanted
        .iter()
        .filter(|(_, one)| !held.intersects(*one | CapabilitySet::SYS_ADMIN))
        .map(|(name, _)| *name)
        .collect();
    if missing.is_empty() {
        return Check::ok(
            "privilege",
            "sufficient to load and attach tracing programs",
        );
    }
    if facts.own_user_namespace {
        return Check::not_ok(
            "privilege",
            State::NotPermitted,
            "this is a user namespace (a rootless container?): its root is not the host's",
            "the kernel will not load the tracing program, whatever capabilities are held here",
            "run it with sudo on the host, or in a container that root started \
             (sudo docker run --privileged --pid=host)",
        );
    }
    Check::not_ok(
        "privilege",
        State::NotPermitted,
        format!("{} not held", missing.join(" and ")),
        "the kernel will not load the tracing program",
        match facts.is_root {
            // sudo has no more to give, and setcap gives nothing beyond the bounding set.
            true => {
                "this is root without them, as in a container: run it on the host, or grant them \
                 where the container is started (docker run --privileged --pid=host)"
            }
            false => "run it with sudo, or grant it: setcap cap_bpf,cap_perfmon+ep zkchurn",
        },
    )
}

fn lockdown(facts: &Facts) -> Check {
    match &facts.lockdown {
        Probe::Yes(mode) if mode == "confidentiality" => Check::not_ok(
            "lockdown",
            State::NotPermitted,
            "confidentiality mode",
            "the kernel refuses programs that read kernel memory",
            "boot with lockdown=integrity or without lockdown",
        ),
        Probe::Yes(mode) => Check::ok("lockdown", mode.clone()),
        Probe::No(_) => Check::ok("lockdown", "none"),
        Probe::Unknown(why) => Check {
            state: State::Unknown,
            ..Check::ok("lockdown", why.clone())
        },
    }
}

fn btf(facts: &Facts) -> Check {
    let lost = "the classic tracepoint is used; payload bytes, errors, socket cookies, \
                network namespaces and process start times are unknown";
    match &facts.btf {
        Probe::Yes(_) => Check::ok("BTF", "/sys/kernel/btf/vmlinux"),
        Probe::No(why) | Probe::Unknown(why) if facts.short_of_memory => Check::not_ok(
            "BTF",
            State::Unsupported,
            why.clone(),
            "zkchurn is granted too little memory to read it",
            MORE_MEMORY,
        ),
        Probe::No(why) | Probe::Unknown(why) => Check::not_ok(
            "BTF",
            State::Degraded,
            why.clone(),
            lost,
            match facts.has_sysfs {
                true => {
                    "use a kernel built with CONFIG_DEBUG_INFO_BTF, as distribution kernels are"
                }
                false => "mount -t sysfs sysfs /sys",
            },
        ),
    }
}

/// A kernel without them has no MPTCP sockets, and loses nothing.
const OF_MPTCP: [SocketField; 2] = [SocketField::FirstSubflow, SocketField::IsMptcp];

/// Fields that the kernel lacks, grouped by what is lost with them.
fn fields(facts: &Facts) -> Check {
    let Some(layout) = facts.btf.value() else {
        return Check {
            state: State::Unknown,
            ..Check::ok("kernel fields", "not looked up without BTF")
        };
    };
    let absent: Vec<_> = SocketField::ALL
        .iter()
        .filter(|field| !layout.has(**field) && !OF_MPTCP.contains(field))
        .map(|field| field.source())
        .map(|source| format!("{}.{}", source.type_name, source.path))
        .collect();
    if absent.is_empty() {
        let found = SocketField::ALL.iter().filter(|field| layout.has(**field));
        let found = match found.count() {
            SocketField::COUNT => format!("all {} found", SocketField::COUNT),
            count => format!("all {count} found; this kernel has no MPTCP"),
        };
        return Check::ok("kernel fields", found);
    }
    Check::not_ok(
        "kernel fields",
        State::Degraded,
        format!("{} not found", absent.join(", ")),
        "values that depend on them are shown as unknown",
        "none; please report this kernel's release",
    )
}

/// Whether tracing programs may ask for a socket's cookie.
pub(super) fn has_cookies(facts: &Facts) -> bool {
    is_at_least(facts, COOKIE_SINCE)
}

fn cookie(facts: &Facts) -> Check {
    if facts.short_of_memory && has_cookies(facts) {
        return Check {
            state: State::Unknown,
            ..Check::ok(
                "socket cookies",
                "not looked up without BTF, for which memory is short",
            )
        };
    }
    if facts.btf.value().is_none() {
        return Check {
            state: State::Unknown,
            ..Check::ok(
                "socket cookies",
                "none without BTF: the classic tracepoint does not report them",
            )
        };
    }
    if has_cookies(facts) {
        return Check::ok("socket cookies", "available (Linux 5.12 and later)");
    }
    Check::not_ok(
        "socket cookies",
        State::Degraded,
        "not available to tracing programs before Linux 5.12",
        "sockets are followed by their kernel address and cannot be matched with `ss -e`",
        "none on this kernel",
    )
}

fn tracepoint(facts: &Facts) -> Check {
    let has_btf = facts.btf.value().is_some();
    match &facts.tracepoint {
        Probe::Yes(_) => Check::ok("classic tracepoint", "sock:inet_sock_set_state"),
        Probe::No(why) | Probe::Unknown(why) if has_btf => Check::ok(
            "classic tracepoint",
            format!("not readable ({why}), and not needed with BTF"),
        ),
        Probe::No(why) | Probe::Unknown(why) if facts.short_of_memory => Check {
            state: State::Unknown,
            ..Check::ok(
                "classic tracepoint",
                format!("not readable ({why}); whether it is needed is not known without BTF"),
            )
        },
        Probe::No(why) | Probe::Unknown(why) => Check::not_ok(
            "classic tracepoint",
            State::Unsupported,
            why.clone(),
            "without BTF there is no other way to trace",
            "mount -t tracefs nodev /sys/kernel/tracing; in a container, give it the host's: \
             --volume /sys/kernel/tracing:/sys/kernel/tracing:ro",
        ),
    }
}

fn memlock(facts: &Facts) -> Check {
    let limit = facts.memlock.unwrap_or(u64::MAX);
    if !locks_memory(facts) {
        return Check::ok(
            "locked memory",
            "not limited for BPF (Linux 5.11 and later)",
        );
    }
    if !locked_memory_is_short(facts) {
        return Check::ok(
            "locked memory",
            "the limit is high enough, or can be raised",
        );
    }
    Check::not_ok(
        "locked memory",
        State::Degraded,
        format!("limited to {limit} bytes"),
        "the kernel may refuse to allocate the table and the ring buffer",
        MORE_LOCKED_MEMORY,
    )
}

fn process_ids(facts: &Facts) -> Check {
    if !facts.own_pid_namespace {
        return Check::ok("process ids", "the host's");
    }
    Check::not_ok(
        "process ids",
        State::Degraded,
        "zkchurn runs in its own pid namespace, as in a container",
        "processes are shown with their host pids and names only",
        "run it on the host, or in a container that shares its pids (--pid=host)",
    )
}

fn clocks(facts: &Facts) -> Check {
    if !facts.own_clocks {
        return Check::ok("clocks", "the host's");
    }
    Check::not_ok(
        "clocks",
        State::Unsupported,
        "this time namespace has its own clocks",
        "kernel timestamps would be wrong, and one process could be taken for another",
        // Process 1 of another pid namespace may be in this very time namespace.
        match facts.own_pid_namespace {
            true => "run it on the host",
            false => "run it in the host's time namespace (nsenter --time=/proc/1/ns/time)",
        },
    )
}

fn other_users(facts: &Facts) -> Check {
    let held = facts.capabilities;
    let missing: Vec<_> = NEEDS
        .iter()
        .filter(|need| need.asked_by == AskedBy::OtherUsers)
        .filter(|need| !held.contains(need.capability))
        .map(|need| need.name)
        .collect();
    if missing.is_empty() {
        return Check::ok(
            "other users' processes",
            match facts.own_pid_namespace {
                true => "readable in this pid namespace",
                false => "readable",
            },
        );
    }
    Check::not_ok(
        "other users' processes",
        State::Degraded,
        not_held(facts, &missing.join(" and ")),
        "their executables, files and older sockets are not shown",
        more_capabilities(facts, "these capabilities"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::{
        kernel_layout::SocketLayout,
        preflight::{cgroup2::Cgroup2, facts::parse_release},
    };

    /// A host's root with all rights, but for this change.
    fn judged(name: &str, change: impl FnOnce(&mut Facts)) -> Check {
        let mut facts = Facts::gather();
        facts.capabilities = CapabilitySet::all();
        facts.proc = Probe::Yes(());
        facts.first_process_netns = Probe::Yes(());
        (facts.is_root, facts.own_user_namespace) = (true, false);
        (facts.own_pid_namespace, facts.own_clocks) = (false, false);
        change(&mut facts);
        let mut checks = judge(&facts).into_iter();
        checks.find(|check| check.name == name).unwrap()
    }

    #[test]
    fn in_a_pid_namespace_what_is_outside_is_not_said_to_be_readable() {
        let inside = |facts: &mut Facts| facts.own_pid_namespace = true;
        let check = judged("network namespaces", inside);
        assert_eq!(check.state, State::Degraded);
        assert!(check.fix.unwrap().contains("--pid=host"));
        let found = judged("other users' processes", inside).found;
        assert_eq!(found, "readable in this pid namespace");
        let fix = judged("clocks", |facts| {
            (facts.own_pid_namespace, facts.own_clocks) = (true, true);
        });
        assert_eq!(fix.fix.as_deref(), Some("run it on the host"));
    }

    #[test]
    fn namespaces_that_cannot_be_entered_are_not_called_well() {
        let check = judged("network namespaces", |facts| {
            facts.capabilities.remove(CapabilitySet::SYS_ADMIN);
        });
        assert_eq!(check.state, State::Degraded);
        assert!(check.found.contains("CAP_SYS_ADMIN not held"));
        assert_eq!(judged("network namespaces", |_| ()).state, State::Ok);
    }

    #[test]
    fn a_process_1_that_proc_does_not_show_is_not_called_closed_by_the_host() {
        let fix = |probe: Probe<()>| {
            let check = judged("network namespaces", |facts| {
                facts.first_process_netns = probe
            });
            check.fix.unwrap()
        };
        let hidden = Probe::Unknown(namespaces::NOT_SHOWN.to_owned());
        assert!(fix(hidden).contains("mount -t proc"));
        assert!(fix(Probe::No("Permission denied".to_owned())).contains("closed even to root"));
    }

    #[test]
    fn root_is_not_sent_to_sudo_for_what_sudo_has_not() {
        for name in ["other users' processes", "network namespaces", "handshakes"] {
            let fix = |change: fn(&mut Facts)| {
                judged(name, |facts| {
                    facts.capabilities = CapabilitySet::empty();
                    facts.first_process_netns = Probe::No("Permission denied".to_owned());
                    facts.cgroup2 = Probe::Yes(Cgroup2 {
                        path: "/sys/fs/cgroup".into(),
                        is_hosts: true,
                    });
                    change(facts);
                })
                .fix
                .unwrap()
            };
            let of_root = fix(|_| ());
            assert!(of_root.contains("where the container"), "{name}: {of_root}");
            assert!(fix(|facts| facts.is_root = false).contains("run it with sudo, or"));
            let on_the_host = fix(|facts| facts.own_user_namespace = true);
            assert_eq!(on_the_host, "run it with sudo on the host", "{name}");
        }
    }

    #[test]
    fn without_proc_nothing_is_said_of_what_it_would_tell() {
        for name in [
            "system calls",
            "process ids",
            "clocks",
            "network namespaces",
            "handshakes",
        ] {
            let check = judged(name, |facts| facts.proc = Probe::No("not there".to_owned()));
            assert_eq!(check.state, State::Unknown, "{name}");
            assert_eq!((check.consequence, check.fix), (None, None), "{name}");
        }
    }

    #[test]
    fn fields_that_are_not_there_are_not_counted_as_found() {
        let mut layout = SocketLayout {
            offsets: [8; SocketField::COUNT],
            tracepoint_type: None,
        };
        let found = |layout: &SocketLayout| {
            let mut facts = Facts::gather();
            facts.btf = Probe::Yes(layout.clone());
            fields(&facts).found
        };
        let count = SocketField::COUNT;
        assert_eq!(found(&layout), format!("all {count} found"));
        for field in OF_MPTCP {
            layout.offsets[field as usize] = SocketLayout::UNKNOWN.offsets[field as usize];
        }
        let expected = format!("all {} found; this kernel has no MPTCP", count - 2);
        assert_eq!(found(&layout), expected);
    }

    #[test]
    fn without_memory_neither_the_kernel_nor_its_tracepoint_is_blamed() {
        let mut facts = Facts::gather();
        facts.btf = Probe::Unknown("out of memory".to_owned());
        facts.tracepoint = Probe::No("not there".to_owned());
        facts.short_of_memory = true;
        assert_eq!(btf(&facts).state, State::Unsupported);
        assert_eq!(btf(&facts).fix.as_deref(), Some(MORE_MEMORY));
        assert_eq!(tracepoint(&facts).state, State::Unknown);
        facts.release = parse_release("5.12.0");
        let cookies = cookie(&facts);
        assert_eq!(cookies.state, State::Unknown);
        assert!(!cookies.found.contains("none"), "{}", cookies.found);
        // The kernel lacks it.
        facts.short_of_memory = false;
        assert_eq!(btf(&facts).state, State::Degraded);
        assert_eq!(tracepoint(&facts).state, State::Unsupported);
    }

    #[test]
    fn cookies_need_btf_and_linux_5_12() {
        let state = |btf, release| {
            let mut facts = Facts::gather();
            facts.btf = btf;
            facts.release = parse_release(release);
            cookie(&facts).state
        };
        let with_btf = || Probe::Yes(SocketLayout::UNKNOWN);
        assert_eq!(state(with_btf(), "5.12.0"), State::Ok);
        assert_eq!(state(with_btf(), "5.10.0"), State::Degraded);
        let without_btf = Probe::No("no BTF".to_owned());
        assert_eq!(state(without_btf, "5.12.0"), State::Unknown);
    }
}
