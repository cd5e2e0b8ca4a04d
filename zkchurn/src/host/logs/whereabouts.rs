// SPDX-License-Identifier: MIT
//! What has become of logs since they were searched: a log that was rotated or deleted meanwhile
//! cannot be read by the name that it had, and the path of a process with mounts of its own is
//! gone with that process.
//!
//! Nothing is opened: a file is known by its device and inode, and by that it has not shrunk.

use std::{
    fs,
    io::{self, ErrorKind},
    os::unix::fs::{DirEntryExt, MetadataExt},
    path::Path,
};

use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use zkchurn_core::{
    inspection::{
        Inspection, LogFile,
        logs::{Gone, Moved, SearchedFile},
        rotation::is_rotated_from,
    },
    process::{ProcessKey, secret::is_hidden_in},
};

use super::{named, openable};
use crate::host::proc::{ended::has_ended, identity::is_there, log_files};

/// Files of one process that are looked for.
const FILES: usize = 32;
/// Entries of a directory that are looked at.
const ENTRIES: usize = 4_096;

/// Logs that a process had when it was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Searched {
    process: ProcessKey,
    /// Those that it had open.
    open: Vec<LogFile>,
    files: Vec<SearchedFile>,
}

impl Searched {
    /// Those that a look brought, if any can be found again: what has a secret in its path, or
    /// no text for its name, cannot, nor what went with a process.
    pub fn of(look: &Inspection) -> Option<Self> {
        let can_be_found = |file: &&SearchedFile| {
            let path = &file.path;
            path.starts_with('/')
                && file.inode != 0
                && !matches!(file.gone, Some(Gone::WithProcess(_)))
                && !is_hidden_in(path)
                && !path.contains(char::REPLACEMENT_CHARACTER)
        };
        let files = look.logs.iter().flat_map(|logs| &logs.files);
        let files = files.filter(can_be_found).take(FILES);
        let files: Vec<_> = files.cloned().collect();
        let details = look.details.as_ref();
        (!files.is_empty()).then(|| Self {
            process: look.key,
            open: details.map_or_else(Vec::new, |details| details.log_files.clone()),
            files,
        })
    }

    /// Those that are elsewhere now, or gone.
    pub fn look(&self) -> Vec<Moved> {
        let lives = is_there(self.process) && !has_ended(self.process.pid);
        let files = self.files.iter();
        files
            .filter_map(|file| self.whereabouts(file, &self.wanted(file), lives))
            .collect()
    }

    /// What tells the file. One that was rotated does not shrink any more, and may be packed: its
    /// size is then that of its text.
    fn wanted(&self, file: &SearchedFile) -> Wanted {
        let mut files = self.files.iter();
        let is_rotated = files.any(|log| is_rotated_from(&file.path, &log.path));
        Wanted {
            id: (file.device, file.inode),
            least: if is_rotated { 0 } else { file.size },
        }
    }

    fn whereabouts(&self, file: &SearchedFile, wanted: &Wanted, lives: bool) -> Option<Moved> {
        let place = Place::of(&file.path);
        // Another process may have its pid by now.
        let is_over = place.pid() == Some(self.process.pid) && !lives;
        if !is_over && wanted.at(&file.path) != At::Other {
            return None;
        }
        let held = lives.then(|| self.held(&file.path, wanted)).flatten();
        if let Some((to, note)) = held.or_else(|| named_now(&place, &file.path, wanted)) {
            return Some(moved(file, to, None, Some(note)));
        }
        let (to, gone) = match place {
            Place::Within { pid, path } if is_over || has_ended(pid) => {
                (path, Gone::WithProcess(pid))
            }
            Place::Within { .. } | Place::Host(_) => (file.path.as_str(), Gone::Renamed),
            Place::Descriptor { pid } => {
                let mut open = self.open.iter();
                let had = open.find(|open| open.held_at(pid) == file.path);
                (had.map_or(&*file.path, |open| &open.path), Gone::Renamed)
            }
        };
        Some(moved(file, to.to_owned(), Some(gone), None))
    }

    /// Where the process, which lives, has it open, and a note.
    fn held(&self, path: &str, wanted: &Wanted) -> Option<(String, String)> {
        let pid = self.process.pid;
        let mut open = self.open.iter().map(|open| open.held_at(pid));
        let held = open.find(|held| wanted.at(held) == At::It)?;
        let link = fs::read_link(&held).ok()?;
        let name = log_files::named(&link).map(|(name, _)| openable(pid, &name));
        Some(match name.filter(|name| wanted.at(name) == At::It) {
            Some(name) => {
                let note = note(path, &name);
                (name, note)
            }
            None => {
                let note = named::note(path, pid, &held);
                (held, note)
            }
        })
    }
}

fn moved(file: &SearchedFile, to: String, gone: Option<Gone>, note: Option<String>) -> Moved {
    Moved {
        from: file.path.clone(),
        device: file.device,
        inode: file.inode,
        to,
        gone,
        note,
    }
}

fn note(from: &str, to: &str) -> String {
    format!("{from} is {to} now: it was renamed after it was searched.")
}

/// Another name under which the file can be read, and a note: beside the one that it had, or as
/// we see the file system that the process saw.
fn named_now(place: &Place<'_>, from: &str, wanted: &Wanted) -> Option<(String, String)> {
    let seen_by_us = match place {
        Place::Host(path) | Place::Within { path, .. } => *path,
        Place::Descriptor { .. } => return None,
    };
    if wanted.at(seen_by_us) == At::It {
        let note = format!("{from} is {seen_by_us}: its process had it from there.");
        return Some((seen_by_us.to_owned(), note));
    }
    let to = wanted.beside(from).or_else(|| wanted.beside(seen_by_us))?;
    let note = note(from, &to);
    Some((to, note))
}

/// What a path is one of.
enum Place<'a> {
    /// Our mounts.
    Host(&'a str),
    /// Those of a process, as which it is `path`.
    Within { pid: u32, path: &'a str },
    /// A process's descriptors.
    Descriptor { pid: u32 },
}

impl<'a> Place<'a> {
    fn of(path: &'a str) -> Self {
        let parts = || {
            let (pid, rest) = path.strip_prefix("/proc/")?.split_once('/')?;
            Some((pid.parse().ok()?, rest))
        };
        match parts() {
            Some((pid, rest)) if rest.starts_with("root/") => Self::Within {
                pid,
                path: &rest["root".len()..],
            },
            Some((pid, rest)) if rest.starts_with("fd/") => Self::Descriptor { pid },
            _ => Self::Host(path),
        }
    }

    fn pid(&self) -> Option<u32> {
        match self {
            Self::Host(_) => None,
            Self::Within { pid, .. } | Self::Descriptor { pid } => Some(*pid),
        }
    }
}

/// What is at a path now.
#[derive(Debug, PartialEq, Eq)]
enum At {
    /// The file, with all that was searched of it.
    It,
    /// Another one, none, or it was emptied.
    Other,
    /// It may not be looked at.
    Unknown,
}

/// A file that is looked for.
struct Wanted {
    /// Device and inode.
    id: (u64, u64),
    /// Bytes that it has at least: an inode that is free is given to the next file.
    least: u64,
}

impl Wanted {
    fn at(&self, path: &str) -> At {
        match fs::metadata(path) {
            Ok(now) if (now.dev(), now.ino()) == self.id && now.len() >= self.least => At::It,
            Ok(_) => At::Other,
            Err(error) if is_none(&error) => At::Other,
            Err(_) => At::Unknown,
        }
    }

    /// The name beside `path` that it has now.
    fn beside(&self, path: &str) -> Option<String> {
        let entries = fs::read_dir(Path::new(path).parent()?).ok()?;
        let entries = entries.take(ENTRIES).filter_map(Result::ok);
        let mut paths = entries
            .filter(|entry| entry.ino() == self.id.1)
            .filter_map(|entry| entry.path().into_os_string().into_string().ok());
        paths.find(|path| self.at(path) == At::It)
    }
}

/// Whether nothing is there: no such name, or no such process.
fn is_none(error: &io::Error) -> bool {
    let is_gone = error.raw_os_error() == Some(Errno::SRCH.raw_os_error());
    is_gone || matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

#[cfg(test)]
mod tests {
    use std::{
        fs::File,
        io::Write,
        path::PathBuf,
        process::{Child, Command, Stdio},
    };

    use super::*;
    use crate::host::{logs, proc::details};

    const LINE: &str = "java.lang.NoClassDefFoundError: org/apache/zookeeper/proto/SetWatches\n";

    /// A process that has a log open, and what a look at it has brought.
    struct Scene {
        directory: tempfile::TempDir,
        process: Child,
        look: Inspection,
    }

    impl Scene {
        fn new() -> Self {
            let directory = tempfile::tempdir().unwrap();
            let mut options = File::options();
            let options = options.create(true).append(true);
            let mut log = options.open(directory.path().join("app.log")).unwrap();
            log.write_all(LINE.as_bytes()).unwrap();
            let process = Command::new("cat")
                .stdin(Stdio::piped())
                .stdout(log)
                // Ours may be a log, too.
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            let key = ProcessKey::new(process.id(), 0);
            let stat = fs::read(format!("/proc/{}/stat", key.pid)).unwrap();
            let (key, _) = crate::host::proc::identity::parse_stat(key.pid, &stat).unwrap();
            let details = details::read(key).unwrap();
            let look = Inspection {
                key,
                at_ns: 0,
                logs: Some(logs::search(key.pid, &details, &[], |_| {})),
                details: Some(details),
                jvm: None,
            };
            Self {
                directory,
                process,
                look,
            }
        }

        fn path(&self, name: &str) -> PathBuf {
            self.directory.path().join(name)
        }

        fn end(&mut self) {
            drop(self.process.stdin.take());
            self.process.wait().unwrap();
        }

        /// Where the line is that was found, as a reader is told.
        fn place(&self) -> String {
            let mut logs = self.look.logs.clone().unwrap();
            logs.take_moves(&Searched::of(&self.look).unwrap().look());
            logs.findings[0].place()
        }
    }

    impl Drop for Scene {
        fn drop(&mut self) {
            drop(self.process.stdin.take());
            let _ = self.process.wait();
        }
    }

    #[test]
    fn a_log_that_is_renamed_after_the_look_has_its_new_name() {
        let mut scene = Scene::new();
        let named = |name: &str| format!("{}:1", scene.path(name).display());
        let (old, new) = (named("app.log"), named("app.log.1"));
        assert_eq!(scene.place(), old);
        fs::rename(scene.path("app.log"), scene.path("app.log.1")).unwrap();
        assert_eq!(scene.place(), new);
        // Another one has its name by now.
        fs::write(scene.path("app.log"), LINE.repeat(3)).unwrap();
        assert_eq!(scene.place(), new);
        scene.end();
        assert_eq!(scene.place(), new);
    }

    #[test]
    fn a_log_that_is_deleted_is_where_its_process_has_it_as_long_as_that_lives() {
        let mut scene = Scene::new();
        fs::remove_file(scene.path("app.log")).unwrap();
        assert_eq!(
            scene.place(),
            format!("/proc/{}/fd/1:1", scene.look.key.pid)
        );
        scene.end();
        let gone = ", since renamed, deleted or emptied";
        assert_eq!(
            scene.place(),
            format!("{}:1{gone}", scene.path("app.log").display())
        );
    }

    #[test]
    fn what_went_with_a_process_is_not_looked_for_again() {
        let mut scene = Scene::new();
        let logs = scene.look.logs.as_mut().unwrap();
        logs.files[0].gone = Some(Gone::WithProcess(7));
        assert_eq!(Searched::of(&scene.look), None);
    }

    #[test]
    fn a_log_that_is_emptied_holds_the_line_no_more() {
        let scene = Scene::new();
        let log = File::options().write(true).open(scene.path("app.log"));
        log.unwrap().set_len(3).unwrap();
        assert!(
            scene
                .place()
                .ends_with(", since renamed, deleted or emptied")
        );
    }
}
