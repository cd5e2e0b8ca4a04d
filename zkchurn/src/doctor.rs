// SPDX-License-Identifier: MIT
//! `zkchurn doctor`: what this host offers, and what to do about the rest.

use std::io::{self, Write};

use rustix::thread::CapabilitySet;
use serde::Serialize;

use crate::{
    cli::{DoctorArgs, Format},
    exit::{Code, Failure},
    preflight::{
        facts::Facts,
        verdict::{Check, State, judge},
    },
    privilege::needs::{AfterLoading, NEEDS},
    render::json::SCHEMA,
};

/// Looks at the host and prints what was found.
///
/// # Errors
///
/// The output cannot be written.
pub fn run(args: &DoctorArgs) -> Result<Code, Failure> {
    let facts = Facts::gather();
    let checks = judge(&facts);
    let mut stdout = io::stdout().lock();
    match args.format {
        Format::Text => write_text(&mut stdout, &checks, facts.capabilities)?,
        Format::Json => write_json(&mut stdout, &checks, facts.capabilities)?,
    }
    Ok(code(&checks))
}

/// The exit code that a trace would end with before it began.
pub fn code(checks: &[Check]) -> Code {
    let any = |state| checks.iter().any(|check| check.state == state);
    if any(State::Unsupported) {
        Code::Unsupported
    } else if any(State::NotPermitted) {
        Code::NotPermitted
    } else {
        Code::Success
    }
}

fn write_text(to: &mut impl Write, checks: &[Check], held: CapabilitySet) -> io::Result<()> {
    for check in checks {
        let mark = match check.state {
            State::Ok => "ok      ",
            State::Degraded => "degraded",
            State::NotPermitted | State::Unsupported => "MISSING ",
            State::Unknown => "unknown ",
        };
        writeln!(to, "{mark}  {:<24} {}", check.name, check.found)?;
        if let Some(consequence) = &check.consequence {
            writeln!(to, "{:>10}{:<24} {consequence}", "", "")?;
        }
        if let Some(fix) = &check.fix {
            writeln!(to, "{:>10}{:<24} fix: {fix}", "", "")?;
        }
    }
    writeln!(
        to,
        "\ncapabilities, and what for; all others are given up once it traces:"
    )?;
    for row in rows(held) {
        let mark = if row.held { "held    " } else { "not held" };
        let fate = match row.after_loading {
            AfterLoading::Dropped => "; given up after loading",
            AfterLoading::Kept => "",
            AfterLoading::Apart => "; in effect only meanwhile",
        };
        let (name, asked_by, purpose) = (row.name, row.asked_by, row.purpose);
        writeln!(to, "{mark}  {name:<24} {asked_by}: {purpose}{fate}")?;
    }
    let verdict = match code(checks) {
        Code::Success if checks.iter().any(|check| check.state == State::Degraded) => {
            "zkchurn can trace here, with what is degraded above."
        }
        Code::Success => "zkchurn can trace here.",
        _ => "zkchurn cannot trace here until what is MISSING above is mended.",
    };
    writeln!(to, "\n{verdict}")
}

/// One capability, as the doctor tells of it.
#[derive(Serialize)]
struct Row {
    name: &'static str,
    held: bool,
    asked_by: &'static str,
    purpose: &'static str,
    after_loading: AfterLoading,
}

fn rows(held: CapabilitySet) -> impl Iterator<Item = Row> {
    NEEDS.iter().map(move |need| Row {
        name: need.name,
        held: held.contains(need.capability),
        asked_by: need.asked_by.words(),
        purpose: need.purpose,
        after_loading: need.after_loading,
    })
}

fn write_json(to: &mut impl Write, checks: &[Check], held: CapabilitySet) -> io::Result<()> {
    #[derive(Serialize)]
    struct Line<'a> {
        r#type: &'static str,
        schema: u32,
        can_trace: bool,
        checks: &'a [Check],
        capabilities: Vec<Row>,
    }
    let line = Line {
        r#type: "doctor",
        schema: SCHEMA,
        can_trace: code(checks) == Code::Success,
        checks,
        capabilities: rows(held).collect(),
    };
    serde_json::to_writer(&mut *to, &line)?;
    writeln!(to)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use insta::{Settings, assert_snapshot};
    use serde_json::Value;
    use zkchurn_common::field::SocketField;

    use super::*;
    use crate::{
        kernel_layout::{SocketLayout, TracepointLayout},
        preflight::{
            cgroup2::Cgroup2,
            facts::{Probe, parse_release},
        },
    };

    /// A host that has everything, whatever this one has.
    fn all_well() -> Facts {
        Facts {
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
            own_pid_namespace: false,
            own_clocks: false,
            lockdown: Probe::Yes("none".to_owned()),
            memlock: None,
        }
    }

    /// What it prints of a host that differs in one way from one that has everything.
    fn check(name: &str, change: impl FnOnce(&mut Facts)) {
        let mut facts = all_well();
        change(&mut facts);
        let (checks, held) = (judge(&facts), facts.capabilities);
        let (mut text, mut json) = (Vec::new(), Vec::new());
        write_text(&mut text, &checks, held).unwrap();
        write_json(&mut json, &checks, held).unwrap();
        let json: Value = serde_json::from_slice(&json).unwrap();
        let mut settings = Settings::new();
        let snapshots = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots/doctor");
        settings.set_snapshot_path(snapshots);
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.bind(|| {
            assert_snapshot!(format!("{name}_text"), String::from_utf8(text).unwrap());
            let json = serde_json::to_string_pretty(&json).unwrap();
            assert_snapshot!(format!("{name}_json"), json);
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
    const TRACEPOINT: &str = "/sys/kernel/debug/tracing/events/sock/inet_sock_set_state/format";

    #[test]
    fn a_host_that_has_everything() {
        check("all_well", |_| {});
    }

    #[test]
    fn no_btf() {
        check("no_btf", |facts| facts.btf = no(BTF));
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
    fn only_what_a_trace_needs() {
        check("bpf_and_perfmon", |facts| {
            facts.capabilities = CapabilitySet::BPF | CapabilitySet::PERFMON;
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
