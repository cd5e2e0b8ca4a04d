// SPDX-License-Identifier: MIT
//! The system calls that podman's own profile allows a container: Debian has the file, in the
//! form of podman and docker. What it says depends on the container's capabilities, which a
//! runtime decides before crun sees it.

use std::fs;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::setup::roots::SECCOMP;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Profile {
    default_action: String,
    default_errno_ret: Option<u32>,
    syscalls: Vec<Rule>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Rule {
    names: Vec<String>,
    action: String,
    errno_ret: Option<u32>,
    #[serde(default)]
    args: Option<Vec<Value>>,
    #[serde(default)]
    includes: Condition,
    #[serde(default)]
    excludes: Condition,
}

#[derive(Default, Deserialize)]
struct Condition {
    #[serde(default)]
    caps: Vec<String>,
    #[serde(default)]
    arches: Vec<String>,
}

/// As the OCI's runtime specification has it, for a container with these capabilities.
/// `also` is allowed beside what the profile allows.
pub(super) fn profile(capabilities: &[String], also: &[&str]) -> Result<Value> {
    let text = fs::read_to_string(SECCOMP).with_context(|| format!("no {SECCOMP}"))?;
    let profile: Profile = serde_json::from_str(&text).context("not a profile")?;
    Ok(for_container(&profile, capabilities, also))
}

/// Whether this version of the profile allows what tracing takes to these capabilities.
pub(super) fn allows_bpf(capabilities: &[String]) -> Result<bool> {
    let profile = profile(capabilities, &[])?;
    let rules = profile["syscalls"].as_array();
    let rules = rules.context("the profile allows nothing")?;
    ensure!(!rules.is_empty(), "the profile allows nothing");
    Ok(rules.iter().any(|rule| {
        let names = rule["names"].as_array().into_iter().flatten();
        rule["action"] == ALLOW && names.into_iter().any(|name| name == "bpf")
    }))
}

const ALLOW: &str = "SCMP_ACT_ALLOW";

fn for_container(profile: &Profile, capabilities: &[String], also: &[&str]) -> Value {
    let holds = |caps: &[String]| caps.iter().all(|cap| capabilities.contains(cap));
    let applies = |rule: &&Rule| {
        let is_excluded = !rule.excludes.caps.is_empty()
            && rule
                .excludes
                .caps
                .iter()
                .any(|cap| capabilities.contains(cap));
        let arches = &rule.includes.arches;
        let is_of_here = arches.is_empty() || arches.iter().any(|arch| arch == here());
        holds(&rule.includes.caps) && is_of_here && !is_excluded
    };
    let is_also = |name: &String| also.contains(&name.as_str());
    let rules = profile.syscalls.iter().filter(applies).map(|rule| {
        let names = rule.names.iter().filter(|name| !is_also(name));
        (rule, names.collect::<Vec<_>>())
    });
    let rules = rules.filter(|(_, names)| !names.is_empty());
    let mut syscalls: Vec<_> = rules.map(|(rule, names)| oci(rule, &names)).collect();
    if !also.is_empty() {
        syscalls.push(json!({"names": also, "action": ALLOW}));
    }
    let mut seccomp = json!({"defaultAction": profile.default_action, "syscalls": syscalls});
    if let Some(errno) = profile.default_errno_ret {
        seccomp["defaultErrnoRet"] = errno.into();
    }
    seccomp
}

/// This machine's architecture, as profiles call it.
fn here() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

fn oci(rule: &Rule, names: &[&String]) -> Value {
    let mut one = json!({"names": names, "action": rule.action});
    if let Some(errno) = rule.errno_ret {
        one["errnoRet"] = errno.into();
    }
    if let Some(args) = rule.args.as_ref().filter(|args| !args.is_empty()) {
        one["args"] = args.clone().into();
    }
    one
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile() -> Profile {
        let text = json!({
            "defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 38,
            "syscalls": [
                {"names": ["read"], "action": ALLOW, "args": [], "includes": {}, "excludes": {}},
                {"names": ["bpf", "mount"], "action": ALLOW, "includes": {"caps": ["CAP_SYS_ADMIN"]}},
                {"names": ["bpf", "mount"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1,
                    "excludes": {"caps": ["CAP_SYS_ADMIN"]}},
                {"names": ["arm_sync"], "action": ALLOW, "includes": {"arches": ["mips"]}},
            ],
        });
        serde_json::from_value(text).expect("a profile")
    }

    #[test]
    fn what_a_capability_allows_is_forbidden_without_it() {
        let without = for_container(&profile(), &["CAP_BPF".to_owned()], &[]);
        assert_eq!(without["defaultErrnoRet"], 38);
        let rules = without["syscalls"].as_array().expect("rules");
        assert_eq!(rules.len(), 2);
        assert_eq!(
            (&rules[1]["action"], &rules[1]["errnoRet"]),
            (&json!("SCMP_ACT_ERRNO"), &json!(1))
        );
        let with = for_container(&profile(), &["CAP_SYS_ADMIN".to_owned()], &[]);
        assert_eq!(with["syscalls"][1]["action"], ALLOW);
    }

    #[test]
    fn what_is_allowed_beside_it_is_forbidden_no_more() {
        let also = for_container(&profile(), &[], &["bpf"]);
        let rules = also["syscalls"].as_array().expect("rules");
        assert_eq!(rules[1]["names"], json!(["mount"]));
        assert_eq!(rules[2], json!({"names": ["bpf"], "action": ALLOW}));
    }
}
