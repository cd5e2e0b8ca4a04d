// SPDX-License-Identifier: MIT
//! A network namespace of its own for each kind, and a second one where two
//! hosts are needed.

use std::fs::File;
use std::os::fd::AsFd as _;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use xtask::command;

/// A named network namespace. Its name goes when this is dropped, and it
/// itself with the last process in it.
pub struct Namespace {
    name: String,
}

/// Of all names, which go on with the process id of the maker.
const PREFIX: &str = "zkchurn-kind-";
/// Where `ip netns` keeps them.
const DIRECTORY: &str = "/run/netns";

impl Namespace {
    /// Makes one with a loopback device that is up.
    pub fn new(what: &str) -> Result<Self> {
        let name = format!("{PREFIX}{}-{what}", std::process::id());
        ip(&["netns", "add", &name])?;
        let namespace = Self { name };
        ip(&["-n", &namespace.name, "link", "set", "lo", "up"])?;
        Ok(namespace)
    }

    /// Removes those of makers that are no more: a signal may have ended them
    /// before their destructors ran.
    pub fn remove_abandoned() -> Result<()> {
        let Ok(names) = std::fs::read_dir(DIRECTORY) else {
            // There never was a namespace.
            return Ok(());
        };
        for name in names {
            let name = name?.file_name().to_string_lossy().into_owned();
            if maker(&name).is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
                ip(&["netns", "delete", &name])?;
            }
        }
        Ok(())
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// Moves this thread, and so all that it starts, into it.
    pub fn enter(&self) -> Result<()> {
        let path = Path::new(DIRECTORY).join(&self.name);
        move_into(&path)
    }

    /// Has this thread do something in it and come back.
    pub fn during<T>(&self, act: impl FnOnce() -> Result<T>) -> Result<T> {
        let here = File::open("/proc/thread-self/ns/net").context("this thread's namespace")?;
        self.enter()?;
        let done = act();
        move_into_link_name_space(here.as_fd(), Some(LinkNameSpaceType::Network))
            .context("cannot come back from a network namespace")?;
        done
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        if let Err(error) = ip(&["netns", "delete", &self.name]) {
            eprintln!("zkchurn-lab: {error:#}");
        }
    }
}

/// The process id in the name of one of ours.
fn maker(name: &str) -> Option<&str> {
    let (pid, _) = name.strip_prefix(PREFIX)?.split_once('-')?;
    pid.bytes().all(|byte| byte.is_ascii_digit()).then_some(pid)
}

fn move_into(path: &Path) -> Result<()> {
    let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network))
        .with_context(|| format!("cannot enter {}", path.display()))
}

/// Runs `ip` in this thread's namespace.
pub fn ip(arguments: &[&str]) -> Result<()> {
    let ip = command::on_path("ip").context("there is no program `ip`")?;
    command::output(Command::new(ip).args(arguments)).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_names_tell_their_maker() {
        assert_eq!(maker("zkchurn-kind-42-21810"), Some("42"));
        assert_eq!(maker("zkchurn-kind-42-21810-far"), Some("42"));
        assert_eq!(maker("zkchurn-kind-../x-1"), None);
        assert_eq!(maker("other-42-21810"), None);
    }
}
