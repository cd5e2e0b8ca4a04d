// SPDX-License-Identifier: MIT
//! What the agent may do as a service, against what docs/reference/security.md lists.

use std::collections::BTreeSet;
use std::fs;

use anyhow::{Context, Result, ensure};

use super::facts::Facts;
use super::verdict::Verdict;
use crate::workspace;

const PAGE: &str = "docs/reference/security.md";
/// `CAP_BPF` of linux/capability.h, which is kept before Linux 6.0.
const CAP_BPF: u64 = 1 << 39;

/// Of `/proc/PID/status`.
struct Process<'a> {
    name: &'a str,
    bounding: u64,
    permitted: u64,
    no_new_privileges: bool,
}

/// Adds what holds of the unit and of each process of it.
pub(super) fn check(facts: &Facts, verdict: &mut Verdict) -> Result<()> {
    let documented = documented()?;
    let of_unit: Vec<_> = facts
        .property("started", "CapabilityBoundingSet")
        .split_whitespace()
        .collect();
    verdict.check(
        !of_unit.is_empty() && of_unit.iter().all(|name| documented.contains(*name)),
        format!("{PAGE} lists all that the unit has: {}", of_unit.join(" ")),
    );
    let processes = processes(facts.get("capabilities"))?;
    let names: Vec<_> = processes.iter().map(|process| process.name).collect();
    verdict.check(
        processes.len() > 1
            && processes.iter().all(|process| {
                process.bounding.count_ones() as usize <= of_unit.len() && process.no_new_privileges
            }),
        format!("none of its processes can get more: {}", names.join(" ")),
    );
    let agent = processes.iter().find(|process| process.name == "zkchurn");
    let agent = agent.context("none of its processes is called zkchurn")?;
    let release = facts.get("release").trim();
    let kept = if has_bpf_links_of_its_own(release) {
        0
    } else {
        CAP_BPF
    };
    verdict.check(
        agent.permitted & !kept == 0,
        format!(
            "on {release} the one that traces holds {:#x}",
            agent.permitted
        ),
    );
    Ok(())
}

/// Since Linux 6.0 none is needed once a trace runs.
fn has_bpf_links_of_its_own(release: &str) -> bool {
    let major = release
        .split('.')
        .next()
        .and_then(|major| major.parse().ok());
    major.is_some_and(|major: u32| major >= 6)
}

/// The capabilities of the page's table, as systemd writes them.
fn documented() -> Result<BTreeSet<String>> {
    let page =
        fs::read_to_string(workspace::root().join(PAGE)).with_context(|| format!("no {PAGE}"))?;
    let cells = page.lines().filter_map(|line| line.strip_prefix("| CAP_"));
    let names = cells.filter_map(|line| line.split('|').next());
    let names: BTreeSet<_> = names
        .flat_map(|cell| cell.split(", "))
        .map(|name| {
            format!(
                "cap_{}",
                name.trim().trim_start_matches("CAP_").to_lowercase()
            )
        })
        .collect();
    ensure!(names.contains("cap_bpf"), "{PAGE} lists no capabilities");
    Ok(names)
}

fn processes(said: &str) -> Result<Vec<Process<'_>>> {
    let blocks = said.split("Name:\t").skip(1);
    blocks
        .map(|block| {
            let value = |key: &str| {
                let line = block.lines().find_map(|line| line.strip_prefix(key));
                line.with_context(|| format!("a process has no {key}"))
            };
            Ok(Process {
                name: block.lines().next().unwrap_or_default(),
                bounding: u64::from_str_radix(value("CapBnd:\t")?, 16)?,
                permitted: u64::from_str_radix(value("CapPrm:\t")?, 16)?,
                no_new_privileges: value("NoNewPrivs:\t")? == "1",
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As a guest tells it.
    fn told(name: &str, bounding: &str, permitted: &str) -> String {
        format!(
            "Name:\t{name}\nPid:\t7\nCapInh:\t0000000000000000\nCapPrm:\t{permitted}\n\
             CapEff:\t0000000000000000\nCapBnd:\t{bounding}\nCapAmb:\t0000000000000000\n\
             NoNewPrivs:\t1\n"
        )
    }

    fn holds(release: &str, unit: &str, processes: &str) -> bool {
        let said = format!(
            "\n## release\n{release}\n\n## started\nCapabilityBoundingSet={unit}\n\n\
             ## capabilities\n{processes}"
        );
        let mut verdict = Verdict::default();
        check(&Facts::read(&said), &mut verdict).expect("it can be read");
        verdict.holds()
    }

    #[test]
    fn more_than_is_documented_kept_or_bounded_is_seen() {
        let unit = "cap_dac_read_search cap_sys_ptrace cap_perfmon cap_bpf";
        let bounding = "000000c000080004";
        let none = "0000000000000000";
        let bpf = "0000008000000000";
        let helper = told("zkchurn-look", bounding, "0000000000080004");
        let both = |agent: &str| format!("{agent}{helper}");
        assert!(holds(
            "6.1.0",
            unit,
            &both(&told("zkchurn", bounding, none))
        ));
        assert!(holds(
            "5.10.0",
            unit,
            &both(&told("zkchurn", bounding, bpf))
        ));
        assert!(!holds(
            "6.1.0",
            unit,
            &both(&told("zkchurn", bounding, bpf))
        ));
        assert!(!holds(
            "6.1.0",
            unit,
            &both(&told("zkchurn", "000001ffffffffff", none))
        ));
        let more = format!("{unit} cap_sys_boot");
        assert!(!holds(
            "6.1.0",
            &more,
            &both(&told("zkchurn", bounding, none))
        ));
    }
}
