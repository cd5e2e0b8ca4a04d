// SPDX-License-Identifier: MIT
//! Whom a finding is about.

use std::fmt;

use serde::Serialize;

use crate::{process::ProcessKey, text};

/// Whom a case is about.
#[derive(Clone, Debug, PartialEq)]
pub enum Who {
    /// One thread opened nearly all connections.
    Thread {
        process: ProcessKey,
        /// The process's name.
        label: String,
        /// The thread.
        tid: u32,
        name: ThreadName,
    },
    /// Several threads of one process did, or which ones is not known.
    Process {
        process: ProcessKey,
        /// Its name.
        label: String,
        /// How many threads.
        threads: u64,
        /// Whether that is so: of very many some were evicted, and count again where they come
        /// back.
        is_exact: bool,
        /// What all of them are called, as far as they are known.
        name: Option<ThreadName>,
    },
    /// Several processes of the same name and user did, each a connection or two.
    Programs {
        /// Name of the latest, with its application.
        label: String,
        /// Whether all are called so.
        is_name_of_all: bool,
        /// Their name as the kernel has it.
        comm: String,
        /// Their user, where they have the same.
        uid: Option<u32>,
        processes: u64,
        latest: ProcessKey,
        /// Those that opened many, the one with most connections first.
        busiest: Vec<PidRow>,
    },
    /// A remote host: on the server's side.
    RemoteHost {
        /// Its address.
        host: String,
        /// Inode of the network namespace, where it has this address in another one, too.
        netns: Option<u32>,
    },
    /// Several remote hosts that do the same.
    RemoteHosts {
        /// The one with most connections first.
        hosts: Vec<HostRow>,
        /// Inode of the network namespace, where one of them has its address in another one, too.
        netns: Option<u32>,
    },
}

/// A remote host of several, and how many of the connections are its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HostRow {
    pub host: String,
    pub connections: u64,
}

/// A process of several, and how many of the connections are its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PidRow {
    pub pid: u32,
    pub connections: u64,
}

/// What several remote hosts are called, however many: a finding about them stays the same.
const REMOTE_HOSTS: &str = "remote hosts";
/// Of several hosts so many are named in a line.
const HOSTS_NAMED: usize = 3;
/// And so many, some in a line, where there is room for all that bears on it; pids likewise.
const LISTED: usize = 120;
const IN_LINE: usize = 6;

/// What a thread is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThreadName {
    /// As the kernel has it, printable.
    pub comm: String,
    /// Whether that may be the begin of a longer name.
    pub is_cut: bool,
    /// The whole name, where the JVM or its log told it.
    pub full: Option<String>,
}

impl ThreadName {
    /// As much of the name as is known, safe to print.
    fn words(&self) -> String {
        match &self.full {
            Some(full) => text::printable(text::clip(full, NAME_SHOWN).as_bytes()),
            None if self.is_cut => format!("{}…", text::printable(self.comm.as_bytes())),
            None => text::printable(self.comm.as_bytes()),
        }
    }

    /// Whether it says no more than the process's name.
    fn is_that_of(&self, label: &str) -> bool {
        self.full.is_none() && label.starts_with(&self.comm)
    }
}

/// Bytes of a thread's name that are shown.
const NAME_SHOWN: usize = 80;

impl Who {
    /// The process, or the latest of several.
    pub fn process(&self) -> Option<ProcessKey> {
        match self {
            Self::Thread { process, .. } | Self::Process { process, .. } => Some(*process),
            Self::Programs { latest, .. } => Some(*latest),
            Self::RemoteHost { .. } | Self::RemoteHosts { .. } => None,
        }
    }

    /// The thread, where it is one.
    pub fn tid(&self) -> Option<u32> {
        match self {
            Self::Thread { tid, .. } => Some(*tid),
            _ => None,
        }
    }

    /// In words, safe to print.
    pub fn words(&self) -> String {
        match self {
            Self::Thread {
                process,
                label,
                tid,
                name,
            } => {
                let thread = match name.is_that_of(label) {
                    true if *tid == process.pid => ", main thread".to_owned(),
                    true => format!(" thread {tid}"),
                    false => format!(" thread {tid} \"{}\"", name.words()),
                };
                let label = text::printable(label.as_bytes());
                format!("pid {} {label}{thread}", process.pid)
            }
            Self::Process {
                process,
                label,
                threads,
                is_exact,
                name,
            } => {
                let name = name.as_ref().filter(|name| !name.is_that_of(label));
                let name = name.map(|name| format!(" named \"{}\"", name.words()));
                let about = match is_exact {
                    true => "",
                    false => "about ",
                };
                let by = match threads {
                    0 => String::new(),
                    threads => format!(
                        " ({about}{}{})",
                        text::counted(*threads, "thread"),
                        name.unwrap_or_default()
                    ),
                };
                format!(
                    "pid {} {}{by}",
                    process.pid,
                    text::printable(label.as_bytes())
                )
            }
            Self::Programs {
                label,
                is_name_of_all,
                comm,
                uid,
                processes,
                latest,
                busiest: _,
            } => {
                let user = uid.map_or_else(String::new, |uid| format!(" (uid {uid})"));
                let (name, of_latest) = match *is_name_of_all || label == comm {
                    true => (label, String::new()),
                    false => (comm, format!(" {}", text::printable(label.as_bytes()))),
                };
                format!(
                    "{} processes named {}{user}, most recently pid {}{of_latest}",
                    text::count(*processes),
                    text::printable(name.as_bytes()),
                    latest.pid
                )
            }
            Self::RemoteHost { host, netns } => format!("remote host {host}{}", among(*netns)),
            Self::RemoteHosts { hosts, netns } => {
                let count = text::count(hosts.len() as u64);
                let (named, others) = hosts.split_at(HOSTS_NAMED.min(hosts.len()));
                let (most, more) = (each_host(named), more(others.len()));
                format!("{count} remote hosts{}: {most}{more}", among(*netns))
            }
        }
    }

    /// For the report.
    pub fn row(&self) -> WhoRow {
        let (kind, label, threads, processes, uid) = match self {
            Self::Thread { label, .. } => ("thread", label, Some(1), None, None),
            Self::Process { label, threads, .. } => ("process", label, Some(*threads), None, None),
            Self::Programs {
                label,
                uid,
                processes,
                ..
            } => ("programs", label, None, Some(*processes), *uid),
            Self::RemoteHost { host, .. } => ("remote_host", host, None, None, None),
            Self::RemoteHosts { .. } => {
                ("remote_hosts", &REMOTE_HOSTS.to_owned(), None, None, None)
            }
        };
        let name = match self {
            Self::Thread { name, .. } => Some(name),
            _ => None,
        };
        let name_of_all = match self {
            Self::Programs {
                is_name_of_all: false,
                comm,
                ..
            } => comm,
            _ => label,
        };
        WhoRow {
            kind,
            words: self.words(),
            label: label.clone(),
            name_of_all: name_of_all.clone(),
            pid: self.process().map(|process| process.pid),
            tid: self.tid(),
            comm: name.map(|name| name.comm.clone()),
            thread: name.and_then(|name| name.full.clone()),
            runs_in: Vec::new(),
            threads,
            processes,
            uid,
            netns: match self {
                Self::RemoteHost { netns, .. } | Self::RemoteHosts { netns, .. } => *netns,
                _ => None,
            },
            hosts: match self {
                Self::RemoteHosts { hosts, .. } => hosts.clone(),
                _ => Vec::new(),
            },
            pids: match self {
                Self::Programs { busiest, .. } => busiest.clone(),
                _ => Vec::new(),
            },
        }
    }
}

/// In which network namespace, where that tells it from another.
fn among(netns: Option<u32>) -> String {
    netns.map_or_else(String::new, |netns| {
        format!(" (in network namespace {netns})")
    })
}

/// Hosts, each with its connections.
fn each_host(hosts: &[HostRow]) -> String {
    each(hosts.iter().map(|one| (&one.host, one.connections)))
}

/// Likewise processes.
fn each_pid(pids: &[PidRow]) -> String {
    each(pids.iter().map(|one| (one.pid, one.connections)))
}

fn each(all: impl Iterator<Item = (impl fmt::Display, u64)>) -> String {
    // What is counted is said once.
    let all = all.enumerate().map(|(place, (who, count))| match place {
        0 => format!("{who} ({})", text::counted(count, "connection")),
        _ => format!("{who} ({})", text::count(count)),
    });
    all.collect::<Vec<_>>().join(", ")
}

/// How many there are besides.
fn more(others: usize) -> String {
    match others as u64 {
        0 => String::new(),
        more => format!(" and {} more", text::count(more)),
    }
}

/// Some in a line, and how many have none.
fn lines<Row>(all: &[Row], words: impl Fn(&[Row]) -> String) -> Vec<String> {
    let (listed, others) = all.split_at(LISTED.min(all.len()));
    let mut lines: Vec<_> = listed.chunks(IN_LINE).map(words).collect();
    if let Some(last) = lines.last_mut() {
        last.push_str(&more(others.len()));
    }
    lines
}

/// Whom a finding is about, as plain data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WhoRow {
    /// `thread`, `process`, `programs`, `remote_host` or `remote_hosts`.
    pub kind: &'static str,
    pub words: String,
    /// Name of the process, of several of the latest, or the address of the host, of several
    /// `remote hosts`.
    pub label: String,
    /// The same; of several processes what all of them are called.
    #[serde(skip)]
    pub name_of_all: String,
    /// Process id; of several processes the latest.
    pub pid: Option<u32>,
    /// Thread id.
    pub tid: Option<u32>,
    /// Name of the thread, up to 15 bytes.
    pub comm: Option<String>,
    /// Its whole name, where the JVM or its log told it; absent elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thread: Option<String>,
    /// Where the process runs: `catalina.base`, systemd unit, container, pod, web application,
    /// each with its name; absent where that is not known.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub runs_in: Vec<String>,
    pub threads: Option<u64>,
    pub processes: Option<u64>,
    /// User of several processes.
    pub uid: Option<u32>,
    /// Of a remote host that has the same address in several network namespaces, the inode of
    /// this one.
    #[serde(skip)]
    pub netns: Option<u32>,
    /// Of several remote hosts each with its connections, the busiest first; absent elsewhere.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<HostRow>,
    /// Of several processes those that opened three connections or more, the busiest first; absent
    /// elsewhere.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pids: Vec<PidRow>,
}

impl WhoRow {
    /// Each of several remote hosts with its connections, in lines.
    pub fn host_lines(&self) -> Vec<String> {
        lines(&self.hosts, each_host)
    }

    /// Each of several processes that opened many, with its connections, in lines.
    pub fn pid_lines(&self) -> Vec<String> {
        lines(&self.pids, each_pid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn thread(pid: u32, label: &str, tid: u32, comm: &str, full: Option<&str>) -> String {
        let name = ThreadName {
            comm: comm.to_owned(),
            is_cut: comm.len() == 15,
            full: full.map(str::to_owned),
        };
        let who = Who::Thread {
            process: ProcessKey::new(pid, 0),
            label: label.to_owned(),
            tid,
            name,
        };
        who.words()
    }

    #[test]
    fn a_thread_has_as_much_of_its_name_as_is_known_and_none_twice() {
        let name = "main-SendThread(zk1:2181)";
        assert_eq!(
            thread(7, "java (tomcat shop)", 9, "main-SendThread", Some(name)),
            "pid 7 java (tomcat shop) thread 9 \"main-SendThread(zk1:2181)\""
        );
        assert_eq!(
            thread(7, "java (tomcat shop)", 9, "Catalina-utilit", None),
            "pid 7 java (tomcat shop) thread 9 \"Catalina-utilit…\""
        );
        let node = thread(7, "node (sync.js)", 7, "node", None);
        assert_eq!(node, "pid 7 node (sync.js), main thread");
        let python = thread(7, "python3 (sync.py)", 9, "python3", None);
        assert_eq!(python, "pid 7 python3 (sync.py) thread 9");
        let hostile = thread(7, "java", 9, "x", Some("a\x1b[2Jb"));
        assert_eq!(hostile, "pid 7 java thread 9 \"a\\u{1b}[2Jb\"");
    }

    #[test]
    fn threads_of_one_name_are_called_by_it() {
        let who = |name: Option<&str>| Who::Process {
            process: ProcessKey::new(7, 0),
            label: "java (tomcat)".to_owned(),
            threads: 2,
            is_exact: true,
            name: name.map(|comm| ThreadName {
                comm: comm.to_owned(),
                is_cut: false,
                full: None,
            }),
        };
        assert_eq!(
            who(Some("pool-1")).words(),
            "pid 7 java (tomcat) (2 threads named \"pool-1\")"
        );
        assert_eq!(who(None).words(), "pid 7 java (tomcat) (2 threads)");
        let mut many = who(None);
        if let Who::Process { is_exact, .. } = &mut many {
            *is_exact = false;
        }
        assert_eq!(many.words(), "pid 7 java (tomcat) (about 2 threads)");
        assert_eq!(who(Some("java")).words(), "pid 7 java (tomcat) (2 threads)");
    }
}
