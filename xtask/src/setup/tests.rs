// SPDX-License-Identifier: MIT
//! What the tests call.

use std::{path::Path, process::Command};

use super::{
    deny,
    remedy::{Missing, missing_programs},
};
use crate::command;

/// What runs the tests as an ordinary user through sudo.
const ORDINARY_USER: [(&str, &str); 5] = [
    ("sudo", "sudo"),
    ("useradd", "passwd"),
    ("userdel", "passwd"),
    ("runuser", "util-linux"),
    ("visudo", "sudo"),
];

/// Not on the PATH of anybody.
const JOURNALD: &str = "/usr/lib/systemd/systemd-journald";

pub(super) fn missing() -> Vec<Missing> {
    let mut missing = missing_programs(&ORDINARY_USER);
    if command::on_path("ip").is_none() || command::on_path("tc").is_none() {
        missing.push(Missing::package(
            "ip and tc, for network namespaces",
            &["iproute2"],
        ));
    }
    if command::on_path("unshare").is_none() || command::on_path("setpriv").is_none() {
        missing.push(Missing::package(
            "unshare and setpriv, for namespaces and capabilities",
            &["util-linux"],
        ));
    }
    if command::on_path("setcap").is_none() {
        missing.push(Missing::package(
            "setcap, for capabilities of files",
            &["libcap2-bin"],
        ));
    }
    if command::on_path("bpftool").is_none() {
        missing.push(Missing::package(
            "bpftool, for what is left in the kernel",
            &["bpftool"],
        ));
    }
    if command::on_path("strace").is_none() {
        missing.push(Missing::package(
            "strace, for what zkchurn writes",
            &["strace"],
        ));
    }
    if command::on_path("tmux").is_none() || command::on_path("pgrep").is_none() {
        missing.push(Missing::package(
            "tmux, a terminal for the full-screen view, and pgrep",
            &["tmux", "procps"],
        ));
    }
    if !Path::new(JOURNALD).exists() || command::on_path("systemd-analyze").is_none() {
        missing.push(Missing::package(
            "journald, for what stands in the journal only, and what looks at units",
            &["systemd"],
        ));
    }
    if command::on_path("openssl").is_none() {
        missing.push(Missing::package("openssl, a TLS client", &["openssl"]));
    }
    if command::on_path("perl").is_none() {
        missing.push(Missing::package(
            "perl, for leases on files and chroot",
            &["perl-base"],
        ));
    }
    for (verb, component) in [("fmt", "rustfmt"), ("clippy", "clippy")] {
        if command::output(command::cargo().args([verb, "--version"])).is_err() {
            let mut add = Command::new("rustup");
            add.args(["component", "add", component]);
            missing.push(Missing::command(format!("cargo {verb}"), add));
        }
    }
    missing.extend(deny::missing());
    missing
}
