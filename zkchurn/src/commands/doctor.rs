// SPDX-License-Identifier: MIT
//! `zkchurn doctor`: what this host offers, and what to do about the rest.

use std::io;

use clap::Args;
use zkchurn_core::{
    doctor::Doctor,
    render::{FORMS, Form},
};

use super::{trace::BUFFER_KIB, values};
use crate::{
    exit::{Code, Failure},
    host::{
        own_limits::{self, TooLow},
        patient::Patient,
        preflight::{facts::Facts, limits, verdict::judge},
        privilege::needs,
    },
};

/// Options of the doctor.
#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// Output format.
    #[arg(long, value_name = "FORM", default_value = FORMS[0].name(), value_parser = values::form())]
    pub format: &'static dyn Form,
}

/// Looks at the host and prints what was found.
///
/// # Errors
///
/// The output cannot be written.
pub(crate) fn run(args: &DoctorArgs) -> Result<Code, Failure> {
    // First, as before a trace: with too few open files nothing else could be looked at.
    let limits = own_limits::ensure(u64::from(BUFFER_KIB) * 1024);
    let facts = Facts::gather();
    let doctor = examined(&facts, &limits);
    args.format
        .doctor(&mut Patient(io::stdout().lock()), &doctor)?;
    Ok(match limits.is_err() || facts.short_of_memory {
        // Of this process, not of the kernel: as a trace ends.
        true => Code::Failure,
        false => Code::of_checks(&doctor.checks),
    })
}

fn examined(facts: &Facts, limits: &Result<(), TooLow>) -> Doctor {
    let mut checks = vec![limits::check(limits)];
    checks.extend(judge(facts));
    Doctor::new(facts.host.clone(), checks, needs::rows(facts.capabilities))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use insta::{Settings, assert_snapshot};
    use rustix::thread::CapabilitySet;
    use serde_json::Value;
    use zkchurn_common::field::SocketField;

    use super::*;
    use crate::host::{
        kernel_layout::{SocketLayout, TracepointLayout},
        preflight::{
            cgroup2::Cgroup2,
            facts::{Probe, parse_release},
            seccomp,
        },
        privilege::needs::NEEDS,
    };

    /// A host that has everything, whatever this one has.
    fn all_well() -> Facts {
        Facts {
            short_of_memory: false,
            has_sysfs: true,
            host: "db1".to_owned(),
            kernel: "6.1.0-18-amd64".to_owned(),
            release: parse_release("6.1.0-18-amd64"),
            machine: "x86_64".to_owned(),
            btf: Probe::Yes(SocketLayout {
                offsets: [8; SocketField::COUNT],
                tracepoint_type: Some(1),
            }),
            tracepoint: Probe::Yes(TracepointLayout::UNUSED),
            cgroup2: Probe::Yes(Cgroup2 {
                path: "/sys/fs/cgroup".into(),
                is_hosts: true,
            }),
            capabilities: NEEDS.iter().map(|need| need.capability).collect(),
            proc: Probe::Yes(()),
            null_device: Probe::Yes(()),
            bpf_call: Probe::Yes(()),
            own_user_namespace: false,
            is_root: false,
            own_pid_namespace: false,
            first_process_netns: Probe::Yes(()),
            own_clocks: false,
            lockdown: Probe::Yes("none".to_owned()),
            memlock: None,
        }
    }

    /// What it prints of a host that differs in one way from one that has everything.
    fn check(name: &str, change: impl FnOnce(&mut Facts)) {
        let mut facts = all_well();
        change(&mut facts);
        let doctor = examined(&facts, &Ok(()));
        let printed = |form: &dyn Form| {
            let mut output = Vec::new();
            form.doctor(&mut output, &doctor).unwrap();
            String::from_utf8(output).unwrap()
        };
        let mut settings = Settings::new();
        let snapshots = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots/doctor");
        settings.set_snapshot_path(snapshots);
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.bind(|| {
            for form in FORMS {
                let mut printed = printed(form);
                if form.name() == "html" {
                    // Its style would be in each snapshot; all checks have to be on it.
                    let mut checks = doctor.checks.iter();
                    assert!(
                        checks.all(|check| printed.contains(check.name)),
                        "{printed}"
                    );
                    continue;
                }
                if form.name() == "json" {
                    let json: Value = serde_json::from_str(&printed).unwrap();
                    printed = serde_json::to_string_pretty(&json).unwrap();
                }
                assert_snapshot!(format!("{name}_{}", form.name()), printed);
            }
        });
    }

    fn no<T>(path: &str) -> Probe<T> {
        Probe::No(format!("{path}: No such file or directory (os error 2)"))
    }

    fn run_linux(facts: &mut Facts, release: &str) {
        facts.kernel = release.to_owned();
        facts.release = parse_release(release);
    }

    const BTF: &str = "/sys/kernel/btf/vmlinux";
    const TRACEPOINT: &str = "/sys/kernel/tracing/events/sock/inet_sock_set_state/format";

    #[test]
    fn a_host_that_has_everything() {
        check("all_well", |_| {});
    }

    #[test]
    fn no_btf() {
        check("no_btf", |facts| facts.btf = no(BTF));
    }

    #[test]
    fn no_sysfs() {
        check("no_sysfs", |facts| {
            facts.btf = no(BTF);
            facts.has_sysfs = false;
        });
    }

    #[test]
    fn no_tracepoint() {
        check("no_tracepoint", |facts| facts.tracepoint = no(TRACEPOINT));
    }

    #[test]
    fn neither_btf_nor_tracepoint() {
        check("neither_btf_nor_tracepoint", |facts| {
            facts.btf = Probe::Unknown(format!("{BTF}: no BTF"));
            facts.tracepoint = no(TRACEPOINT);
        });
    }

    #[test]
    fn a_field_is_missing() {
        check("fields_missing", |facts| {
            let mut layout = SocketLayout::UNKNOWN;
            layout.offsets[1..].fill(8);
            facts.btf = Probe::Yes(layout);
        });
    }

    #[test]
    fn no_capabilities() {
        check("no_capabilities", |facts| {
            facts.capabilities = CapabilitySet::empty();
        });
    }

    #[test]
    fn root_without_capabilities() {
        check("root_without_capabilities", |facts| {
            facts.is_root = true;
            facts.capabilities = CapabilitySet::empty();
        });
    }

    #[test]
    fn in_a_rootless_container() {
        check("user_namespace", |facts| {
            facts.own_user_namespace = true;
            facts.capabilities = CapabilitySet::empty();
            facts.bpf_call = Probe::Unknown(seccomp::NOT_TRIED.to_owned());
        });
    }

    #[test]
    fn only_what_a_trace_needs() {
        check("bpf_and_perfmon", |facts| {
            facts.capabilities = CapabilitySet::BPF | CapabilitySet::PERFMON;
            facts.first_process_netns = Probe::No("Permission denied (os error 13)".to_owned());
        });
    }

    #[test]
    fn cgroup_v1_only() {
        check("cgroup_v1", |facts| {
            facts.cgroup2 = Probe::No("no cgroup2 is mounted".to_owned());
        });
    }

    #[test]
    fn in_a_container() {
        check("container", |facts| {
            facts.own_pid_namespace = true;
            facts.cgroup2 = Probe::Yes(Cgroup2 {
                path: "/sys/fs/cgroup".into(),
                is_hosts: false,
            });
        });
    }

    #[test]
    fn namespaces_cannot_be_entered() {
        check("no_sys_admin", |facts| {
            facts.capabilities.remove(CapabilitySet::SYS_ADMIN)
        });
    }

    #[test]
    fn a_seccomp_filter_forbids_it() {
        check("seccomp", |facts| {
            facts.bpf_call = Probe::No("Operation not permitted (os error 1)".to_owned());
        });
    }

    #[test]
    fn a_root_without_proc() {
        check("no_proc", |facts| facts.proc = no("/proc/self/exe"));
    }

    #[test]
    fn a_root_without_dev() {
        check("no_dev", |facts| facts.null_device = no("/dev/null"));
    }

    #[test]
    fn process_1_is_closed_to_root() {
        check("process_1_closed", |facts| {
            facts.first_process_netns = Probe::No("Permission denied (os error 13)".to_owned());
        });
    }

    #[test]
    fn in_a_time_namespace() {
        check("time_namespace", |facts| facts.own_clocks = true);
    }

    #[test]
    fn kernel_memory_is_locked_down() {
        check("lockdown", |facts| {
            facts.lockdown = Probe::Yes("confidentiality".to_owned());
        });
    }

    #[test]
    fn it_cannot_be_told_whether_memory_is_locked_down() {
        check("lockdown_unknown", |facts| {
            facts.lockdown = Probe::Unknown("/sys/kernel/security/lockdown reads \"\"".to_owned());
        });
    }

    #[test]
    fn a_kernel_without_cookies_and_little_locked_memory() {
        check("linux_5_10", |facts| {
            run_linux(facts, "5.10.0-28-amd64");
        });
        check("linux_5_8", |facts| {
            run_linux(facts, "5.8.0-63-generic");
            facts.memlock = Some(65_536);
            facts.capabilities.remove(CapabilitySet::SYS_RESOURCE);
        });
    }

    #[test]
    fn a_kernel_without_ring_buffers() {
        check("linux_4_18", |facts| {
            run_linux(facts, "4.18.0-553.el8.x86_64");
            facts.memlock = Some(65_536);
        });
    }
}
