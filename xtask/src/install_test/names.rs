// SPDX-License-Identifier: MIT
//! Names of users and hosts, with `/etc/nsswitch.conf` as many hosts have it. A program that is
//! linked with glibc statically loads the host's own modules for that, made for another glibc,
//! as soon as it asks the C library for a name; zkchurn must load none (docs/adr/0028).

use std::fs;
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result, ensure};

use super::container;
use crate::debian_root::Root;
use crate::{command, privilege};

const NSSWITCH: &str = "passwd: files systemd\ngroup: files systemd\n\
     hosts: files mymachines resolve dns\n";
const PLACE: &str = "root/zkchurn-of-names";

/// With that list in the place of the root's own.
const INSIDE: &str = "mount --bind \"$0/nsswitch.conf\" /etc/nsswitch.conf; exec \"$@\"";

/// Traces a process of root's in the root, and looks at each file that is opened for it.
pub(super) fn run(root: &Root, binary: &Path) -> Result<()> {
    fs::write(root.shared().join("nsswitch.conf"), NSSWITCH)?;
    root.put(binary, PLACE)?;
    let calls = root.shared().join("calls");
    let said = traced(root, &calls);
    root.take_away(PLACE)?;
    ensure!(
        said?.contains(r#""user":"root""#),
        "the name of the client's user is not in the report"
    );
    let calls = fs::read_to_string(&calls).context("no list of system calls")?;
    let opened = opened(&calls)?;
    let foreign = opened.iter().find(|file| is_of_the_c_library(file));
    ensure!(
        foreign.is_none(),
        "the static binary loads what belongs to the host's C library: {foreign:?}"
    );
    println!(
        "names: {} files opened, none of them of the host's C library",
        opened.len()
    );
    Ok(())
}

fn traced(root: &Root, calls: &Path) -> Result<String> {
    let shared = root.shared().display().to_string();
    let mut tracer = privilege::as_root("strace");
    tracer
        .args(["--follow-forks", "--seccomp-bpf", "--string-limit=256"])
        .args(["--trace=open,openat,execve", "--output"])
        .arg(calls)
        .args(root.words())
        .args(["sh", "-ec", INSIDE, &shared])
        .arg(format!("/{PLACE}"))
        .args(["--format", "json", "--duration", "6s"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    let mut tracer = tracer.spawn().context("cannot run strace")?;
    let said = container::beside(&mut tracer, || {
        let mut client = privilege::as_root("unshare");
        client.args(["--net", "sh", "-ec"]);
        client.arg("ip link set lo up; exec perl -e \"$0\"");
        command::output(client.arg(container::CLIENT))
    });
    let status = tracer.wait()?;
    let said = said?;
    ensure!(status.success(), "zkchurn under strace: {status}");
    Ok(said)
}

/// What it opened, itself and its helpers, from the moment that it became zkchurn.
fn opened(calls: &str) -> Result<Vec<&str>> {
    let begins = format!("execve(\"/{PLACE}\"");
    let (_, own) = calls.split_once(&begins).context("it did not start")?;
    let opened = own.lines().filter(|line| line.contains("open"));
    let opened: Vec<_> = opened.filter_map(|line| line.split('"').nth(1)).collect();
    // That these are seen shows that others would be.
    ensure!(
        opened.contains(&"/etc/passwd"),
        "it did not ask for the name of a user: {opened:?}"
    );
    Ok(opened)
}

fn is_of_the_c_library(file: &str) -> bool {
    let words = ["nsswitch.conf", "libnss_", "ld.so", ".so.", "/gconv"];
    words.iter().any(|word| file.contains(word)) || file.ends_with(".so")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_zkchurn_opened_counts() {
        let calls = "7 execve(\"/bin/sh\", [...]) = 0\n\
             7 openat(AT_FDCWD, \"/lib/libc.so.6\", O_RDONLY) = 3\n\
             7 execve(\"/root/zkchurn-of-names\", [...]) = 0\n\
             8 openat(AT_FDCWD, \"/etc/passwd\", O_RDONLY) = 3\n";
        let opened = opened(calls).expect("a list");
        assert_eq!(opened, ["/etc/passwd"]);
        for file in [
            "/lib/libnss_files.so.2",
            "/etc/nsswitch.conf",
            "/etc/ld.so.cache",
        ] {
            assert!(is_of_the_c_library(file), "{file}");
        }
        assert!(!is_of_the_c_library("/var/log/shop.log"));
    }
}
