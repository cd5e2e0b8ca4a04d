// SPDX-License-Identifier: MIT
//! The example of a systemd unit asks for no more than zkchurn can use, and for what it needs.
#![expect(
    clippy::unwrap_used,
    reason = "a test that panics has failed, which is its purpose"
)]

use std::{fs, process::Command};

use zkchurn::host::privilege::needs::NEEDS;
use zkchurn_lab::harness::in_time::CommandInTime;

fn values(name: &str) -> Vec<String> {
    values_in("zkchurn-agent.service", name)
}

fn values_in(file: &str, name: &str) -> Vec<String> {
    let unit = fs::read_to_string(format!("../contrib/systemd/{file}")).unwrap();
    let lines = unit
        .lines()
        .filter_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    lines.map(str::to_owned).collect()
}

#[test]
fn it_has_no_capability_that_zkchurn_has_no_use_for() {
    let bounding = values("CapabilityBoundingSet");
    let [bounding] = &bounding[..] else {
        panic!("{bounding:?}");
    };
    let known: Vec<_> = NEEDS.iter().map(|need| need.name).collect();
    for name in bounding.split_whitespace() {
        assert!(known.contains(&name), "{name}");
    }
    assert!(
        ["CAP_BPF", "CAP_PERFMON"]
            .iter()
            .all(|name| bounding.contains(name))
    );
    // The group of calls that a service has as a rule lacks both.
    let calls = values("SystemCallFilter").join(" ");
    assert!(
        calls.contains(" bpf ") && calls.contains("perf_event_open"),
        "{calls}"
    );
    assert_eq!(values("NoNewPrivileges"), ["yes"]);
}

#[test]
fn sockets_of_the_internet_are_for_the_drop_ins_and_lead_to_this_host_only() {
    assert_eq!(
        values("RestrictAddressFamilies"),
        ["AF_UNIX AF_NETLINK"],
        "by itself it has none"
    );
    assert_eq!(values("IPAddressDeny"), ["any"]);
    assert!(values("IPAddressAllow").is_empty());
    for drop_in in ["listen.conf", "otlp.conf"] {
        // Lists of a drop-in are added to those of the unit.
        let families = values_in(drop_in, "RestrictAddressFamilies");
        assert_eq!(families, ["AF_INET AF_INET6"], "{drop_in}");
        let allowed = values_in(drop_in, "IPAddressAllow");
        assert_eq!(allowed, ["localhost"], "{drop_in}");
    }
}

#[test]
fn what_it_starts_is_understood() {
    let start = values("ExecStart");
    let mut words = start[0].split_whitespace();
    assert_eq!(words.next(), Some("/usr/bin/zkchurn"));
    let output = Command::new(env!("CARGO_BIN_EXE_zkchurn"))
        .args(words)
        .arg("--check")
        .output_in_time()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(
        said.contains("in /var/lib/zkchurn at most 256 MiB and 24 h"),
        "{said}"
    );
    // The agent says when it traces, and gives signs of life, which helpers are not to do for it.
    assert_eq!(values("Type"), ["notify"]);
    assert_eq!(values("NotifyAccess"), ["main"]);
    assert_eq!(values("WatchdogSec").len(), 1);
    assert_eq!(values("StateDirectory"), ["zkchurn"]);
    assert_eq!(values("StateDirectoryMode"), ["0700"]);
    assert_eq!(values("RuntimeDirectory"), ["zkchurn"]);
    assert_eq!(values("RuntimeDirectoryMode"), ["0700"]);
}
