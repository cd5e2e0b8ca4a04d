// SPDX-License-Identifier: MIT
//! The processes that hold sockets: `/proc/PID/fd/N` is a link to
//! `socket:[INODE]` (net/socket.c, `sockfs_dname`).
//!
//! The scan does not stop when each socket has a holder, because then nobody
//! would know who else shares it; it is bounded in links and in time instead. A process
//! that does not answer is left out.

use std::{
    collections::{HashMap, HashSet},
    io,
    os::fd::OwnedFd,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};

use super::{notes::Unreadable, proc_links};
use crate::host::{past_hung, proc::identity::parse_stat};
use zkchurn_core::process::ProcessKey;

/// What a scan may cost.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Most links that are read.
    pub links: u64,
    /// Most time that is spent.
    pub time: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            links: 1_000_000,
            time: Duration::from_secs(2),
        }
    }
}

/// The process that holds a socket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// One of those that were asked for, if it holds it, else the one with the
    /// lowest pid of those that do; its start is rounded down to a tick, as in
    /// every [`ProcessKey`].
    pub key: ProcessKey,
    /// Name of its leader, up to 15 bytes, as the process wrote it.
    pub comm: String,
    /// How many other processes hold the socket too.
    pub other_processes: u32,
}

/// What a scan found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holders {
    /// By inode of the socket.
    pub by_inode: HashMap<u32, Holder>,
    /// Sentences about what was not looked at; empty when nothing is missing.
    pub notes: Vec<String>,
}

/// Finds who holds the sockets with `inodes`; 0 is nobody's and is left out. Of
/// several processes that hold one, `first` is named if it is among them.
pub fn holders(inodes: HashSet<u32>, first: &[u32]) -> Holders {
    holders_within(inodes, first, Bounds::default())
}

/// The same with other bounds.
pub fn holders_within(inodes: HashSet<u32>, first: &[u32], bounds: Bounds) -> Holders {
    if inodes.iter().all(|inode| *inode == 0) {
        return Holders::default();
    }
    let scan = Scan {
        inodes,
        deadline: Instant::now() + bounds.time,
        links: bounds.links,
        links_read: AtomicU64::new(0),
    };
    scan.processes(first).unwrap_or_else(|error| Holders {
        by_inode: HashMap::new(),
        notes: vec![format!("The processes could not be read: {error}.")],
    })
}

struct Scan {
    inodes: HashSet<u32>,
    deadline: Instant,
    links: u64,
    links_read: AtomicU64,
}

/// What one process holds.
struct Held {
    by: Option<(ProcessKey, String)>,
    inodes: HashSet<u32>,
    is_complete: bool,
}

impl Scan {
    /// In the order of pids, so that the first holder has the lowest; but the
    /// one that was asked for comes before all.
    fn processes(self, first: &[u32]) -> io::Result<Holders> {
        let proc = proc_links::open_proc()?;
        let mut pids: Vec<_> = proc_links::numbers(&proc)?.collect();
        pids.sort_unstable_by_key(|pid| (!first.contains(pid), *pid));
        let deadline = self.deadline;
        let scan = Arc::new(self);
        let scanned = past_hung::each(pids, deadline, move |pid| scan.process(pid, &proc))?;
        let mut unreadable = Unreadable::default();
        unreadable.add_hung(&scanned.hung);
        let mut by_inode = HashMap::new();
        let mut is_complete = true;
        for (pid, held) in scanned.done {
            match held {
                Ok(held) => {
                    is_complete &= held.is_complete;
                    add(&mut by_inode, held);
                }
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                    unreadable.add(pid);
                }
                // It has ended.
                Err(_) => {}
            }
        }
        let mut notes = Vec::new();
        if !is_complete {
            notes.push(
                "Limits were reached before all descriptors were checked: socket holders \
                 may be missing."
                    .to_owned(),
            );
        }
        notes.extend(unreadable.sentence("descriptors"));
        notes.extend(unreadable.sentence_of_hung("descriptors"));
        Ok(Holders { by_inode, notes })
    }

    fn process(&self, pid: u32, proc: &OwnedFd) -> io::Result<Held> {
        let process = proc_links::open(proc, pid.to_string())?;
        let descriptors = proc_links::open(&process, "fd")?;
        let mut held = Held {
            by: None,
            inodes: HashSet::new(),
            is_complete: true,
        };
        for descriptor in proc_links::numbers(&descriptors)? {
            let read = self.links_read.fetch_add(1, Ordering::Relaxed);
            if read >= self.links || Instant::now() >= self.deadline {
                held.is_complete = false;
                break;
            }
            let link = proc_links::linked(&descriptors, descriptor.to_string(), "socket");
            if let Ok(Some(inode)) = link
                && inode != 0
                && self.inodes.contains(&inode)
            {
                held.inodes.insert(inode);
            }
        }
        if !held.inodes.is_empty() {
            let stat = proc_links::read(&process, "stat", 4096)?;
            let by = parse_stat(pid, &stat).ok_or(io::ErrorKind::InvalidData)?;
            held.by = Some(by);
        }
        Ok(held)
    }
}

fn add(by_inode: &mut HashMap<u32, Holder>, held: Held) {
    let Some((key, comm)) = held.by else { return };
    for inode in held.inodes {
        by_inode
            .entry(inode)
            .and_modify(|holder| holder.other_processes += 1)
            .or_insert_with(|| Holder {
                key,
                comm: comm.clone(),
                other_processes: 0,
            });
    }
}

#[cfg(test)]
mod tests {
    use std::{net::TcpListener, os::unix::fs::MetadataExt};

    use super::*;

    fn inode(socket: &TcpListener) -> u32 {
        let duplicate = OwnedFd::from(socket.try_clone().unwrap());
        let inode = std::fs::File::from(duplicate).metadata().unwrap().ino();
        u32::try_from(inode).unwrap()
    }

    #[test]
    fn this_process_holds_its_socket_once_however_many_descriptors_it_has() {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let _duplicate = socket.try_clone().unwrap();
        let inode = inode(&socket);
        let found = holders(HashSet::from([inode, 0]), &[]);
        let holder = &found.by_inode[&inode];
        let unchecked = ProcessKey {
            pid: std::process::id(),
            start_ns: 0,
        };
        assert!(holder.key.may_be(unchecked));
        assert!(crate::host::proc::identity::read(holder.key).is_some());
        assert_eq!(found.by_inode.len(), 1);
    }

    #[test]
    fn a_scan_out_of_bounds_says_so() {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let bounds = Bounds {
            links: 0,
            ..Bounds::default()
        };
        let found = holders_within(HashSet::from([inode(&socket)]), &[], bounds);
        assert!(found.by_inode.is_empty());
        assert!(found.notes[0].contains("Limits"), "{:?}", found.notes);
    }
}
