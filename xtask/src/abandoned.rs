// SPDX-License-Identifier: MIT
//! What bears the id of a process of ours that is no more: network namespaces and cgroups
//! outlive whoever made them.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::{command, privilege};

/// Of all names of network namespaces, which go on with the maker's pid.
pub const NAMESPACE: &str = "zkchurn-kind-";
/// Of all names of cgroups, likewise; see `zkchurn/tests/kernel/look.rs`.
const CGROUP: &str = "zkchurn-test-";
/// Where `ip netns` keeps them.
pub const NAMESPACES: &str = "/run/netns";

/// Removes the network namespaces of makers that are no more.
///
/// # Errors
///
/// One cannot be removed.
pub fn namespaces() -> Result<()> {
    for name in of_the_dead(Path::new(NAMESPACES), NAMESPACE, '-') {
        let ip = command::on_path("ip").context("there is no program `ip`")?;
        let mut delete = privilege::as_root(ip);
        delete.args(["netns", "delete"]).arg(&name);
        command::output(&mut delete)?;
        say(&format!("network namespace {name}"));
    }
    Ok(())
}

/// Removes the cgroups of makers that are no more, in each hierarchy that is mounted.
///
/// # Errors
///
/// One cannot be removed.
pub fn cgroups() -> Result<()> {
    let mounts = fs::read_to_string("/proc/self/mounts").context("cannot read the mounts")?;
    for hierarchy in hierarchies(&mounts) {
        for name in of_the_dead(&hierarchy, CGROUP, '.') {
            // Its files are the kernel's; only directories can be removed, from the inside out.
            let mut find = privilege::as_root("find");
            find.arg(hierarchy.join(&name));
            command::output(find.args(["-depth", "-type", "d", "-exec", "rmdir", "{}", ";"]))?;
            say(&format!("cgroup {name}"));
        }
    }
    Ok(())
}

/// Where nobody listens any longer the work goes on all the same.
fn say(what: &str) {
    let _ = writeln!(io::stderr(), "removed the {what} of a run that was killed");
}

fn hierarchies(mounts: &str) -> Vec<PathBuf> {
    let fields = mounts.lines().map(|line| line.split(' '));
    let hierarchies = fields.filter_map(|mut fields| {
        let path = fields.nth(1)?;
        fields.next()?.starts_with("cgroup").then_some(path)
    });
    hierarchies.map(PathBuf::from).collect()
}

fn of_the_dead(directory: &Path, prefix: &str, end: char) -> Vec<String> {
    // Where nothing was ever made there is no directory.
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    names
        .filter(|name| maker(name, prefix, end).is_some_and(|pid| !is_alive(pid)))
        .collect()
}

fn is_alive(pid: &str) -> bool {
    Path::new("/proc").join(pid).exists()
}

/// The process id in the name of one of ours.
fn maker<'n>(name: &'n str, prefix: &str, end: char) -> Option<&'n str> {
    let (pid, _) = name.strip_prefix(prefix)?.split_once(end)?;
    let is_number = !pid.is_empty() && pid.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then_some(pid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_names_tell_their_maker() {
        let maker = |name| maker(name, NAMESPACE, '-');
        assert_eq!(maker("zkchurn-kind-42-21810"), Some("42"));
        assert_eq!(maker("zkchurn-kind-42-21810-far"), Some("42"));
        assert_eq!(maker("zkchurn-kind-../x-1"), None);
        assert_eq!(maker("zkchurn-kind--1"), None);
        assert_eq!(maker("other-42-21810"), None);
    }

    #[test]
    fn what_belongs_to_the_living_stays() {
        let directory = tempfile::tempdir().expect("a directory");
        let own = format!("zkchurn-test-{}.slice", std::process::id());
        // No pid is that large (PID_MAX_LIMIT of include/linux/threads.h).
        for name in [own.as_str(), "zkchurn-test-4194305.slice", "user.slice"] {
            fs::create_dir(directory.path().join(name)).expect("a directory");
        }
        let found = of_the_dead(directory.path(), CGROUP, '.');
        assert_eq!(found, ["zkchurn-test-4194305.slice"]);
    }

    #[test]
    fn hierarchies_of_both_versions_are_found() {
        let mounts = "proc /proc proc rw 0 0\ncgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n\
                      cgroup /sys/fs/cgroup/systemd cgroup rw,name=systemd 0 0\n";
        let found = hierarchies(mounts);
        assert_eq!(
            found,
            ["/sys/fs/cgroup", "/sys/fs/cgroup/systemd"].map(PathBuf::from)
        );
    }
}
