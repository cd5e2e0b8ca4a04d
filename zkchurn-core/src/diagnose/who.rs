// SPDX-License-Identifier: MIT
//! Whom a finding is about.

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
        /// Its name.
        comm: String,
    },
    /// Several threads of one process did, or which ones is not known.
    Process {
        process: ProcessKey,
        /// Its name.
        label: String,
        /// How many threads; at least, if there were too many to count.
        threads: u64,
    },
    /// Several processes of the same name and user did, each a connection or two.
    Programs {
        /// Their name.
        label: String,
        /// Their user.
        uid: Option<u32>,
        processes: u64,
        latest: ProcessKey,
    },
    /// A remote host: on the server's side.
    RemoteHost {
        /// Its address.
        host: String,
    },
}

impl Who {
    /// The process, or the latest of several.
    pub fn process(&self) -> Option<ProcessKey> {
        match self {
            Self::Thread { process, .. } | Self::Process { process, .. } => Some(*process),
            Self::Programs { latest, .. } => Some(*latest),
            Self::RemoteHost { .. } => None,
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
                comm,
            } => format!(
                "pid {} {} thread {tid} \"{}\"",
                process.pid,
                text::printable(label.as_bytes()),
                text::printable(comm.as_bytes())
            ),
            Self::Process {
                process,
                label,
                threads,
            } => {
                let by = match threads {
                    0 => String::new(),
                    threads => format!(" ({})", text::counted(*threads, "thread")),
                };
                format!(
                    "pid {} {}{by}",
                    process.pid,
                    text::printable(label.as_bytes())
                )
            }
            Self::Programs {
                label,
                uid,
                processes,
                latest,
            } => {
                let user = uid.map_or_else(String::new, |uid| format!(" (uid {uid})"));
                format!(
                    "{} processes named {}{user}, most recently pid {}",
                    text::count(*processes),
                    text::printable(label.as_bytes()),
                    latest.pid
                )
            }
            Self::RemoteHost { host } => format!("remote host {host}"),
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
            Self::RemoteHost { host } => ("remote_host", host, None, None, None),
        };
        WhoRow {
            kind,
            words: self.words(),
            label: label.clone(),
            pid: self.process().map(|process| process.pid),
            tid: self.tid(),
            comm: match self {
                Self::Thread { comm, .. } => Some(comm.clone()),
                _ => None,
            },
            threads,
            processes,
            uid,
        }
    }
}

/// Whom a finding is about, as plain data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WhoRow {
    /// `thread`, `process`, `programs` or `remote_host`.
    pub kind: &'static str,
    pub words: String,
    /// Name of the process or processes, or the address of the host.
    pub label: String,
    /// Process id; of several processes the latest.
    pub pid: Option<u32>,
    /// Thread id.
    pub tid: Option<u32>,
    /// Name of the thread.
    pub comm: Option<String>,
    pub threads: Option<u64>,
    pub processes: Option<u64>,
    /// User of several processes.
    pub uid: Option<u32>,
}
