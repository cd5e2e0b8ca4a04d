// SPDX-License-Identifier: MIT
//! A network namespace of its own for each kind, and a second one where two
//! hosts are needed.

use std::fs::File;
use std::os::fd::AsFd as _;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use xtask::abandoned::{NAMESPACE, NAMESPACES};
use xtask::command;

/// A named network namespace. Its name goes when this is dropped, and it
/// itself with the last process in it.
pub struct Namespace {
    name: String,
}

impl Namespace {
    /// Makes one with a loopback device that is up.
    pub fn new(what: &str) -> Result<Self> {
        let name = format!("{NAMESPACE}{}-{what}", std::process::id());
        ip(&["netns", "add", &name])?;
        let namespace = Self { name };
        ip(&["-n", &namespace.name, "link", "set", "lo", "up"])?;
        Ok(namespace)
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// Moves this thread, and so all that it starts, into it.
    pub fn enter(&self) -> Result<()> {
        let path = Path::new(NAMESPACES).join(&self.name);
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
