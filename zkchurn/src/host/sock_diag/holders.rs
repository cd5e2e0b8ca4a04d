// SPDX-License-Identifier: MIT
//! The processes that hold sockets: `/proc/PID/fd/N` is a link to
//! `socket:[INODE]` (net/socket.c, `sockfs_dname`).
//!
//! The scan does not stop when each socket has a holder, because then nobody
//! would know who else shares it; it is bounded in links and in time instead.

use std::{
    collections::{HashMap, HashSet},
    io,
    os::fd::OwnedFd,
    time::{Duration, Instant},
};

use super::{notes::Unreadable, proc_links};
use crate::host::proc::identity::parse_stat;
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The process that was asked for, if it holds it, else the one with the
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
pub fn holders(inodes: &HashSet<u32>, first: Option<u32>) -> Holders {
    holders_within(inodes, first, Bounds::default())
}

/// The same with other bounds.
pub fn holders_within(inodes: &HashSet<u32>, first: Option<u32>, bounds: Bounds) -> Holders {
    if inodes.iter().all(|inode| *inode == 0) {
        return Holders::default();
    }
    let mut scan = Scan {
        inodes,
        first,
        deadline: Instant::now() + bounds.time,
        links_left: bounds.links,
        unreadable: Unreadable::default(),
        found: HashMap::new(),
    };
    let ended = scan.processes();
    scan.finish(ended)
}

/// How a scan ended.
enum Ended {
    Complete,
    OutOfBounds,
}

struct Scan<'a> {
    inodes: &'a HashSet<u32>,
    first: Option<u32>,
    deadline: Instant,
    links_left: u64,
    unreadable: Unreadable,
    found: HashMap<u32, Holder>,
}

impl Scan<'_> {
    /// In the order of pids, so that the first holder has the lowest; but the
    /// one that was asked for comes before all.
    fn processes(&mut self) -> io::Result<Ended> {
        let proc = proc_links::open_proc()?;
        let mut pids: Vec<_> = proc_links::numbers(&proc)?.collect();
        pids.sort_unstable_by_key(|pid| (Some(*pid) != self.first, *pid));
        for pid in pids {
            match self.process(pid, &proc) {
                Ok(Ended::Complete) => {}
                Ok(Ended::OutOfBounds) => return Ok(Ended::OutOfBounds),
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                    self.unreadable.add(pid);
                }
                // It has ended.
                Err(_) => {}
            }
        }
        Ok(Ended::Complete)
    }

    fn process(&mut self, pid: u32, proc: &OwnedFd) -> io::Result<Ended> {
        let process = proc_links::open(proc, pid.to_string())?;
        let descriptors = proc_links::open(&process, "fd")?;
        let mut held = HashSet::new();
        let mut ended = Ended::Complete;
        for descriptor in proc_links::numbers(&descriptors)? {
            if self.links_left == 0 || Instant::now() >= self.deadline {
                ended = Ended::OutOfBounds;
                break;
            }
            self.links_left -= 1;
            let link = proc_links::linked(&descriptors, descriptor.to_string(), "socket");
            if let Ok(Some(inode)) = link
                && inode != 0
                && self.inodes.contains(&inode)
            {
                held.insert(inode);
            }
        }
        if !held.is_empty() {
            self.add(pid, &process, held)?;
        }
        Ok(ended)
    }

    fn add(&mut self, pid: u32, process: &OwnedFd, held: HashSet<u32>) -> io::Result<()> {
        let stat = proc_links::read(process, "stat", 4096)?;
        let (key, comm) = parse_stat(pid, &stat).ok_or(io::ErrorKind::InvalidData)?;
        for inode in held {
            self.found
                .entry(inode)
                .and_modify(|holder| holder.other_processes += 1)
                .or_insert_with(|| Holder {
                    key,
                    comm: comm.clone(),
                    other_processes: 0,
                });
        }
        Ok(())
    }

    fn finish(self, ended: io::Result<Ended>) -> Holders {
        let mut notes = Vec::new();
        match ended {
            Ok(Ended::Complete) => {}
            Ok(Ended::OutOfBounds) => notes.push(
                "Limits were reached before all descriptors were checked: socket holders \
                 may be missing."
                    .to_owned(),
            ),
            Err(error) => notes.push(format!("The processes could not be read: {error}.")),
        }
        notes.extend(self.unreadable.sentence("descriptors"));
        Holders {
            by_inode: self.found,
            notes,
        }
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
        let found = holders(&HashSet::from([inode, 0]), None);
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
        let found = holders_within(&HashSet::from([inode(&socket)]), None, bounds);
        assert!(found.by_inode.is_empty());
        assert!(found.notes[0].contains("Limits"), "{:?}", found.notes);
    }
}
