// SPDX-License-Identifier: MIT
//! The host's network namespaces, and running something in each of them.
//!
//! The kernel has no list of them. They are found through the processes that
//! live in them (`/proc/PID/ns/net`) and the places where they are mounted. One
//! that is only held open by a descriptor or a socket is not found.

use std::{
    collections::{HashMap, HashSet},
    fs::File,
    io,
    os::{
        fd::{AsFd, OwnedFd},
        unix::fs::MetadataExt,
    },
    path::PathBuf,
    sync::Arc,
    thread,
    time::Instant,
};

use rustix::thread::{CapabilitySet, LinkNameSpaceType, move_into_link_name_space};

use super::{mountinfo, notes::Unreadable, proc_links};
use crate::host::{past_hung, privilege, threads};
use zkchurn_core::text;

/// Most namespaces besides our own that are visited.
pub const MOST_NAMESPACES: usize = 1024;

/// How often threads are looked through: a list of threads ends early when one
/// ends while it is read (`next_tid`, fs/proc/base.c).
const THREAD_PASSES: u32 = 2;

/// Bytes of `/proc/self/mountinfo` that are looked at.
const MOUNTINFO_LIMIT: u64 = 16 * 1024 * 1024;

/// Ways into a namespace that are remembered: the first process may have ended.
const MOST_PATHS: usize = 4;

/// A network namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Namespace {
    pub inode: u32,
    /// Files that stand for it.
    paths: Vec<PathBuf>,
}

/// The namespaces found, and sentences about those that were not.
#[derive(Debug, Default)]
pub struct Found {
    /// Each once, without our own.
    pub namespaces: Vec<Namespace>,
    /// What is missing.
    pub notes: Vec<String>,
}

/// Inode of the network namespace that this thread is in.
pub fn own_inode() -> io::Result<u32> {
    let link = proc_links::linked(rustix::fs::CWD, "/proc/thread-self/ns/net", "net")?;
    link.ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// The namespaces of this host other than `own`; where `wanted` is given, only
/// those, and then also the namespaces of single threads are looked through if
/// some would be missing. Processes that do not answer are left out, and so is what is not
/// found by the `deadline`.
pub fn find(own: u32, wanted: Option<&HashSet<u32>>, deadline: Instant) -> Found {
    let mut search = Search::new(own, wanted, deadline);
    if search.is_complete() {
        return search.finish();
    }
    if let Err(error) = search.processes() {
        let note = format!("The network namespaces of processes could not be read: {error}.");
        search.notes.push(note);
    }
    if let Err(error) = search.mounts() {
        let note = format!("The mounted network namespaces could not be read: {error}.");
        search.notes.push(note);
    }
    for _ in 0..THREAD_PASSES {
        search.missing_threads();
    }
    search.finish()
}

struct Search<'a> {
    own: u32,
    wanted: Option<&'a HashSet<u32>>,
    deadline: Instant,
    found: Vec<Namespace>,
    /// Where in `found` an inode is.
    known: HashMap<u32, usize>,
    unreadable: Unreadable,
    /// Namespaces that there was no room for.
    beyond: HashSet<u32>,
    notes: Vec<String>,
}

impl<'a> Search<'a> {
    fn new(own: u32, wanted: Option<&'a HashSet<u32>>, deadline: Instant) -> Self {
        Self {
            own,
            wanted,
            deadline,
            found: Vec::new(),
            known: HashMap::new(),
            unreadable: Unreadable::default(),
            beyond: HashSet::new(),
            notes: Vec::new(),
        }
    }

    /// One readlink a process.
    fn processes(&mut self) -> io::Result<()> {
        let proc = proc_links::open_proc()?;
        let pids = proc_links::numbers(&proc)?.collect();
        let link = move |pid| proc_links::linked(&proc, format!("{pid}/ns/net"), "net");
        let links = past_hung::each(pids, self.deadline, link)?;
        self.unreadable.add_hung(&links.hung);
        for (pid, link) in links.done {
            match link {
                Ok(Some(inode)) => self.add(inode, || format!("/proc/{pid}/ns/net").into()),
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                    self.unreadable.add(pid);
                }
                // It has ended, or is a zombie.
                Ok(None) | Err(_) => {}
            }
        }
        Ok(())
    }

    fn mounts(&mut self) -> io::Result<()> {
        let mountinfo = proc_links::read(rustix::fs::CWD, "/proc/self/mountinfo", MOUNTINFO_LIMIT)?;
        for (inode, path) in mountinfo::namespaces(&mountinfo) {
            self.add(inode, || path);
        }
        Ok(())
    }

    /// One readlink a thread, if something wanted is missing.
    fn missing_threads(&mut self) {
        if self.wanted.is_none() || self.is_complete() {
            return;
        }
        // What fails here failed for the processes before.
        let Ok(proc) = proc_links::open_proc() else {
            return;
        };
        let pids = proc_links::numbers(&proc).into_iter().flatten().collect();
        let threads = past_hung::each(pids, self.deadline, move |pid| threads_of(pid, &proc));
        for (pid, threads) in threads.into_iter().flat_map(|threads| threads.done) {
            for (tid, inode) in threads.unwrap_or_default() {
                self.add(inode, || format!("/proc/{pid}/task/{tid}/ns/net").into());
            }
        }
    }

    fn add(&mut self, inode: u32, path: impl FnOnce() -> PathBuf) {
        if inode == self.own || self.wanted.is_some_and(|wanted| !wanted.contains(&inode)) {
            return;
        }
        let known = self.known.get(&inode);
        if let Some(namespace) = known.and_then(|index| self.found.get_mut(*index)) {
            if namespace.paths.len() < MOST_PATHS {
                namespace.paths.push(path());
            }
        } else if self.found.len() < MOST_NAMESPACES {
            self.known.insert(inode, self.found.len());
            let paths = vec![path()];
            self.found.push(Namespace { inode, paths });
        } else {
            self.beyond.insert(inode);
        }
    }

    /// Whether all wanted ones are found.
    fn is_complete(&self) -> bool {
        self.wanted.is_some() && self.missing() == 0
    }

    /// How many wanted ones are not found.
    fn missing(&self) -> usize {
        let wanted = self.wanted.into_iter().flatten();
        wanted
            .filter(|inode| **inode != self.own && !self.known.contains_key(inode))
            .count()
    }

    fn finish(mut self) -> Found {
        // Where all that was wanted is found, nothing else can be missing.
        if !self.is_complete() {
            let what = "network namespace";
            self.notes.extend(self.unreadable.sentence(what));
            self.notes.extend(self.unreadable.sentence_of_hung(what));
        }
        let missing = self.missing().saturating_sub(self.beyond.len());
        if missing > 0 {
            let (were, whose) = match missing {
                1 => ("was", "its processes"),
                _ => ("were", "their processes"),
            };
            self.notes.push(format!(
                "{} of traced connections {were} not found: {whose} have ended, or cannot be seen \
                 from here.",
                text::counted(missing as u64, "network namespace")
            ));
        }
        if !self.beyond.is_empty() {
            self.notes.push(format!(
                "{} network namespaces over the limit of {MOST_NAMESPACES} were not checked.",
                self.beyond.len()
            ));
        }
        Found {
            namespaces: self.found,
            notes: self.notes,
        }
    }
}

/// The threads of a process, each with its network namespace.
fn threads_of(pid: u32, proc: &OwnedFd) -> io::Result<Vec<(u32, u32)>> {
    let tasks = proc_links::open(proc, format!("{pid}/task"))?;
    let threads = proc_links::numbers(&tasks)?.filter_map(|tid| {
        let inode = proc_links::linked(&tasks, format!("{tid}/ns/net"), "net");
        Some((tid, inode.ok()??))
    });
    Ok(threads.collect())
}

/// Calls `action` for each namespace, in a thread that has entered it, or with
/// the error, which all of them have that are left at the `deadline`. The caller's thread
/// stays where it is.
pub fn visit(
    namespaces: &[Namespace],
    deadline: Instant,
    mut action: impl FnMut(&Namespace, io::Result<()>) + Send,
) {
    if namespaces.is_empty() {
        return;
    }
    let failure = thread::scope(|scope| {
        // setns moves only the thread that calls it, and this one ends here.
        let inside = || {
            // Where it fails, entering fails and says so.
            let _ = privilege::held::raise(CapabilitySet::SYS_ADMIN);
            for namespace in namespaces {
                action(namespace, enter(namespace, deadline));
            }
        };
        threads::named("namespaces")
            .spawn_scoped(scope, inside)
            .err()
    });
    if let Some(error) = failure {
        for namespace in namespaces {
            action(namespace, Err(error.kind().into()));
        }
    }
}

/// Moves this thread into `namespace`.
fn enter(namespace: &Namespace, deadline: Instant) -> io::Result<()> {
    let mut outcome = Err(io::ErrorKind::NotFound.into());
    // The file system that a namespace is mounted on may hang.
    let (paths, inode) = (Arc::new(namespace.paths.clone()), namespace.inode);
    let ways = (0..paths.len()).collect();
    let files = past_hung::each(ways, deadline, move |way| open_if(&paths[way], inode))?;
    if !files.hung.is_empty() {
        outcome = Err(io::ErrorKind::TimedOut.into());
    }
    for (_, file) in files.done {
        outcome = file.and_then(|file| {
            let kind = Some(LinkNameSpaceType::Network);
            Ok(move_into_link_name_space(file.as_fd(), kind)?)
        });
        if outcome.is_ok() {
            break;
        }
    }
    outcome
}

/// Opens a namespace's file. The process may have changed its namespace, or another may
/// have its pid.
fn open_if(path: &PathBuf, inode: u32) -> io::Result<File> {
    let file = File::open(path)?;
    match file.metadata()?.ino() == u64::from(inode) {
        true => Ok(file),
        false => Err(io::ErrorKind::NotFound.into()),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn later() -> Instant {
        Instant::now() + Duration::from_secs(60)
    }

    #[test]
    fn each_namespace_is_found_once_with_some_ways_into_it() {
        let mut search = Search::new(1, None, later());
        for pid in 0..10 {
            for inode in [1, 2, 3] {
                search.add(inode, || format!("{pid}/{inode}").into());
            }
        }
        let found = search.finish();
        let inodes: Vec<_> = found.namespaces.iter().map(|one| one.inode).collect();
        assert_eq!(inodes, [2, 3]);
        assert_eq!(found.namespaces[0].paths.len(), MOST_PATHS);
        assert!(found.notes.is_empty());
    }

    #[test]
    fn what_is_beyond_the_limit_is_told() {
        let mut search = Search::new(1, None, later());
        for inode in 0..=u32::try_from(MOST_NAMESPACES).unwrap() + 2 {
            search.add(inode, PathBuf::new);
        }
        let found = search.finish();
        assert_eq!(found.namespaces.len(), MOST_NAMESPACES);
        assert_eq!(
            found.notes,
            ["2 network namespaces over the limit of 1024 were not checked."]
        );
    }

    #[test]
    fn only_wanted_namespaces_are_found() {
        let wanted = HashSet::from([1, 5]);
        let mut search = Search::new(1, Some(&wanted), later());
        search.add(4, PathBuf::new);
        assert!(!search.is_complete());
        search.add(5, PathBuf::new);
        assert!(search.is_complete());
        let found = search.finish();
        assert_eq!(found.namespaces[0].inode, 5);
        assert!(found.notes.is_empty());
    }

    #[test]
    fn a_wanted_namespace_that_is_gone_is_told() {
        // Inodes of namespaces begin at 0xf0000000 (PROC_DYNAMIC_FIRST).
        let found = find(1, Some(&HashSet::from([2])), later());
        assert!(found.namespaces.is_empty());
        let note = "1 network namespace of traced connections was not found: its processes";
        let told = found.notes.iter().any(|told| told.starts_with(note));
        assert!(told, "{:?}", found.notes);
    }

    #[test]
    fn a_namespace_is_not_entered_through_a_file_that_is_another() {
        let other = Namespace {
            inode: 1,
            paths: vec!["/proc/self/ns/net".into()],
        };
        let error = enter(&other, later()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }
}
