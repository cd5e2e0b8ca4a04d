// SPDX-License-Identifier: MIT
//! The client: a real ZooKeeper client in a JVM of its own, that has lost a
//! class.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use xtask::{command, workspace};
use zkchurn_lab::harness::proc;
use zkchurn_lab::harness::program::Program;

use super::jars;
use super::java::Launch;
use super::log::{self, Log};

/// What the kernel keeps of `main-SendThread(127.0.0.1:2181)`: the first 15
/// characters, or in newer JDKs the first 7 and the last 6.
const COMM: &str = "main-SendThread";
const COMM_NEW: &str = "main-Se..";

/// A running client with a session and a watch.
pub(crate) struct Client {
    jvm: Program,
    /// The server's port.
    pub port: u16,
    /// The client's own log.
    pub log: Log,
}

impl Client {
    /// Compiles it, starts it and waits until its watch is set.
    pub(crate) fn start(dir: &Path, port: u16) -> Result<Self> {
        let class_path = class_path(dir)?;
        let server = format!("127.0.0.1:{port}");
        let jvm = Launch {
            dir,
            name: "client",
            class_path: &class_path,
            properties: &[],
            main: &["IncidentClient", &server],
        }
        .start()?;
        let mut client = Self {
            jvm,
            port,
            log: Log::of(&dir.join("client.log")),
        };
        client.log.wait_for(log::SESSION)?;
        log::wait_for_text(&dir.join("client.out"), "watch set")?;
        Ok(client)
    }

    /// The JVM's process id.
    pub(crate) fn pid(&self) -> u32 {
        self.jvm.pid()
    }

    /// The tid of the thread that connects: found by its name in the kernel,
    /// and once more in the JVM's own thread dump.
    pub(crate) fn send_thread(&self) -> Result<i64> {
        let by_comm = send_thread(self.pid())?;
        let dump = command::output(Command::new("jstack").arg(self.pid().to_string()))?;
        let by_dump = nid(&dump).context("the thread dump names no SendThread")?;
        ensure!(
            by_comm == by_dump,
            "the SendThread is {by_comm} by its name, {by_dump} by the thread dump"
        );
        Ok(by_comm)
    }
}

/// The one thread of a JVM that has the name of the Java client's connection
/// thread, started by `main`.
pub(crate) fn send_thread(pid: u32) -> Result<i64> {
    let mut found = Vec::new();
    for tid in proc::threads(pid)? {
        let comm = proc::comm(pid, tid).unwrap_or_default();
        if comm == COMM || comm.starts_with(COMM_NEW) {
            found.push(i64::from(tid));
        }
    }
    match found.as_slice() {
        [tid] => Ok(*tid),
        tids => anyhow::bail!("{} threads are named {COMM}", tids.len()),
    }
}

/// Makes what it consists of, and a file with the class path as it is there.
pub(super) fn files(dir: &Path) -> Result<()> {
    let class_path = class_path(dir)?;
    let relative = class_path.replace(&format!("{}/", dir.display()), "");
    std::fs::write(dir.join("class-path"), relative).context("cannot write the class path")
}

/// Compiles it beside jars that lack the class.
fn class_path(dir: &Path) -> Result<String> {
    let classes = dir.join("classes");
    compile(&classes)?;
    Ok(format!("{}:{}", classes.display(), jars::stripped(dir)?))
}

fn compile(into: &Path) -> Result<()> {
    command::run(
        Command::new("javac")
            .args(["-cp", &jars::complete(), "-d"])
            .arg(into)
            .arg(workspace::root().join("lab/incident/IncidentClient.java")),
    )
}

/// The native id of the SendThread in a thread dump. JDKs up to 17 write it
/// in hexadecimal, later ones in decimal.
fn nid(dump: &str) -> Option<i64> {
    let thread = dump
        .lines()
        .find(|line| line.starts_with("\"main-SendThread("))?;
    let nid = thread
        .split_whitespace()
        .find_map(|word| word.strip_prefix("nid="))?;
    match nid.strip_prefix("0x") {
        Some(hex) => i64::from_str_radix(hex, 16).ok(),
        None => nid.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_native_id_is_read_from_dumps_of_old_and_new_jdks() {
        let old = "\"main\" #1 prio=5 nid=0x1 waiting\n\
             \"main-SendThread(127.0.0.1:2181)\" #12 daemon prio=5 tid=0x7f nid=0x4b17 sleeping";
        assert_eq!(nid(old), Some(19223));
        assert_eq!(nid(&old.replace("0x4b17", "19223")), Some(19223));
        assert_eq!(nid("\"main\" nid=0x1"), None);
    }
}
