// SPDX-License-Identifier: MIT
//! Processes that are a ZooKeeper server, or have a ZooKeeper client: told by the command
//! line, and by the names of a JVM's threads.

use std::{collections::HashMap, os::fd::OwnedFd, time::Instant};

use zkchurn_core::{
    elsewhere::Who,
    process::{ProcessIdentity, ProcessKey, jvm},
};

use super::config;
use crate::host::{
    past_hung,
    proc::{
        files::{directory, read_bounded},
        identity,
    },
    sock_diag::{notes::sentence_of_hung, proc_links},
};

/// Main classes of ZooKeeper's server (its `zkServer.sh`) and of those that contain one, and
/// ClickHouse's own.
const SERVERS: [&str; 5] = [
    "org.apache.zookeeper.server.",
    "org.apache.hadoop.hbase.zookeeper.HQuorumPeer",
    "org.apache.zookeeper.server.quorum.QuorumPeerMain",
    "clickhouse-keeper",
    "clickhouse keeper",
];

/// How the thread that connects is called (`ClientCnxn.makeThreadName`): the kernel has the
/// first 15 bytes, `main-SendThread` of `main-SendThread(zk1:2181)`.
const CLIENT_THREAD: &str = "-SendThread";
/// Threads of a process whose names are read.
const MOST_THREADS: usize = 4_096;

/// A process that has to do with ZooKeeper.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ZooKeeper {
    pub who: Who,
    pub is_server: bool,
    /// Its command line, for the ports that it names.
    pub command: Vec<String>,
    /// Of a server those at which it meets the other servers.
    pub peer_ports: Vec<u16>,
}

/// All of them, by pid, and what is to be said of those that do not answer.
pub(super) fn zookeepers(deadline: Instant) -> (HashMap<u32, ZooKeeper>, Option<String>) {
    let Ok(proc) = proc_links::open_proc() else {
        return (HashMap::new(), None);
    };
    let pids: Vec<_> = proc_links::numbers(&proc)
        .into_iter()
        .flatten()
        .filter(|pid| *pid != std::process::id())
        .collect();
    let looked = past_hung::each(pids, deadline, move |pid| zookeeper(pid, &proc));
    let Ok(looked) = looked else {
        return (HashMap::new(), None);
    };
    let found = looked.done.into_iter();
    let found = found.filter_map(|(pid, found)| Some((pid, found?)));
    (
        found.collect(),
        sentence_of_hung("command line", &looked.hung),
    )
}

fn zookeeper(pid: u32, proc: &OwnedFd) -> Option<ZooKeeper> {
    let mut identity = identity::read(ProcessKey::new(pid, 0))?;
    // The identity hides secrets, and is cut.
    let command = read_bounded(&directory(pid).join("cmdline"), 1 << 20).ok()?;
    let command = identity::arguments(&command);
    let is_server = is_server(&command);
    let is_one = is_server || is_java(&identity) && has_client_thread(pid, proc);
    if !is_one {
        return None;
    }
    identity.hide_secrets();
    let label = identity.label();
    Some(ZooKeeper {
        who: Who { pid, label },
        is_server,
        peer_ports: match is_server {
            true => config::peer_ports(pid, &command),
            false => Vec::new(),
        },
        command,
    })
}

fn is_java(identity: &ProcessIdentity) -> bool {
    jvm::is_java(identity.executable.as_deref(), &identity.command)
}

fn is_server(command: &[String]) -> bool {
    let Some((program, arguments)) = command.split_first() else {
        return false;
    };
    let program = program.rsplit('/').next().unwrap_or_default();
    // `clickhouse keeper --config …` is one program with a name of its part.
    let keeper = arguments
        .first()
        .is_some_and(|part| SERVERS.contains(&&*format!("{program} {part}")));
    // A main class is an argument of its own; a path or an option that contains it is not.
    keeper
        || SERVERS.contains(&program)
        || arguments
            .iter()
            .any(|argument| SERVERS.iter().any(|server| argument.starts_with(server)))
}

fn has_client_thread(pid: u32, proc: &OwnedFd) -> bool {
    let Ok(tasks) = proc_links::open(proc, format!("{pid}/task")) else {
        return false;
    };
    let tids = proc_links::numbers(&tasks).into_iter().flatten();
    tids.take(MOST_THREADS).any(|tid| {
        let comm = proc_links::read(&tasks, format!("{tid}/comm"), 64).unwrap_or_default();
        String::from_utf8_lossy(&comm).contains(CLIENT_THREAD)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(command: &str) -> Vec<String> {
        command.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn a_server_is_told_by_its_main_class_and_not_by_what_its_options_hold() {
        for server in [
            "java -cp lib/zookeeper.jar org.apache.zookeeper.server.quorum.QuorumPeerMain zoo.cfg",
            "/usr/bin/java org.apache.zookeeper.server.ZooKeeperServerMain 2181 /data",
            "java org.apache.hadoop.hbase.zookeeper.HQuorumPeer start",
            "/usr/bin/clickhouse-keeper --config /etc/keeper.xml",
            "clickhouse keeper -C /etc/keeper.xml",
        ] {
            assert!(is_server(&words(server)), "{server}");
        }
        for other in [
            "java -cp zookeeper.jar org.apache.zookeeper.ZooKeeperMain -server zk:2181",
            "java -Dmain=org.apache.zookeeper.server.quorum.QuorumPeerMain Shop",
            "grep -r QuorumPeerMain /etc",
            "vi org.apache",
            "",
        ] {
            assert!(!is_server(&words(other)), "{other}");
        }
    }
}
