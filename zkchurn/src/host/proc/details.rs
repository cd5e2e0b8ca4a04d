// SPDX-License-Identifier: MIT
//! What `/proc/PID` says of a process beyond its identity.
//!
//! The files and who may read them: Documentation/filesystems/proc.rst and
//! proc(5). `cwd` and `fd` take root or the process's own user, and where `/proc`
//! is mounted with `hidepid` nothing can be read of others' processes at all.
//! What is missing for such a reason is named in `notes`.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use rustix::time::{ClockId, clock_gettime};

use super::{
    files::{self, read_bounded},
    hidden,
    identity::{has_ended, parse_stat},
    log_files, pod_names,
    status::Status,
    user::User,
};
use zkchurn_core::{
    inspection::{
        Details,
        namespaces::{Namespace, OtherNamespaces},
    },
    process::{ProcessKey, cgroup},
};

/// Whether the process that was seen has its pid still.
enum Presence {
    /// It lives; its start in nanoseconds since boot.
    Lives(u64),
    /// It has ended, or its pid is another's now.
    Gone,
    /// A process with this pid lives, but this user may not look at it.
    Hidden,
}

/// Looks at `key`; `None` when that process is gone. A start of 0 in the key
/// means that it is not known, then any process with the pid is taken.
pub fn read(key: ProcessKey) -> Option<Details> {
    let directory = files::directory(key.pid);
    let start = match presence(key, &directory) {
        Presence::Lives(start) => start,
        Presence::Gone => return None,
        Presence::Hidden => return Some(hidden()),
    };
    let details = details(&directory, start);
    // What was read in between is this process's only if it lives still.
    match presence(key, &directory) {
        Presence::Lives(still) if still == start => Some(details),
        _ => None,
    }
}

fn presence(key: ProcessKey, directory: &Path) -> Presence {
    match read_bounded(&directory.join("stat"), 4096) {
        // Of a zombie hardly anything is left to look at.
        Ok(stat) if has_ended(&stat) => Presence::Gone,
        Ok(stat) => match parse_stat(key.pid, &stat) {
            Some((now, _)) if now.may_be(key) => Presence::Lives(now.start_ns),
            _ => Presence::Gone,
        },
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Presence::Hidden,
        // With `hidepid=2` the directory of another's process is not there at all.
        Err(_) if hidden::is_forbidden(key.pid) => Presence::Hidden,
        Err(_) => Presence::Gone,
    }
}

fn hidden() -> Details {
    Details {
        notes: vec![format!(
            "A process with this pid exists, but /proc hides it (mount option hidepid): {}.",
            hidden::remedy()
        )],
        ..Details::default()
    }
}

fn details(directory: &Path, start_ns: u64) -> Details {
    let mut notes = Vec::new();
    let status = noted(Status::read(directory), "Its user", &mut notes);
    let uid = status.as_ref().map(|status| status.euid);
    let cgroup = text(directory, "cgroup", "Its unit and container", &mut notes);
    let membership = cgroup.as_deref().map(cgroup::parse).unwrap_or_default();
    let cwd = cwd(directory, &mut notes);
    let open = log_files::read(directory);
    notes.extend(open.notes);
    Details {
        uid,
        user: uid.and_then(user_name),
        started: started(start_ns),
        cwd,
        unit: membership.unit,
        unit_of: membership.unit_of,
        pod_name: pod_names::of(membership.container.as_deref(), membership.pod.as_deref()),
        container: membership.container,
        pod: membership.pod,
        namespaces: namespaces(directory, status.as_ref()),
        output_to: open.output_to,
        log_files: open.files,
        log_files_left_out: open.left_out,
        notes,
    }
}

/// Those that are not zkchurn's. What may not be read is not said: the note on the working
/// directory, which needs the same permission, says why.
fn namespaces(directory: &Path, status: Option<&Status>) -> OtherNamespaces {
    let of = |directory: &Path, kind: Namespace| {
        let link = fs::read_link(directory.join("ns").join(kind.file()));
        link.ok()
    };
    let is_other = |kind: &Namespace| {
        let ours = of(Path::new("/proc/self"), *kind);
        let theirs = of(directory, *kind);
        theirs.is_some() && ours.is_some() && ours != theirs
    };
    let inner_pid = status.filter(|status| status.in_pid_namespace);
    OtherNamespaces {
        kinds: Namespace::ALL.into_iter().filter(is_other).collect(),
        inner_pid: inner_pid.map(|status| status.inner_id),
    }
}

/// A file of the directory, or a note that `what` is missing.
fn text(directory: &Path, file: &str, what: &str, notes: &mut Vec<String>) -> Option<String> {
    let bytes = noted(read_bounded(&directory.join(file), 64 * 1024), what, notes)?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// What was read, or a note that `what` is missing.
fn noted<T>(read: io::Result<T>, what: &str, notes: &mut Vec<String>) -> Option<T> {
    read.inspect_err(|error| notes.push(format!("{what} could not be read: {error}.")))
        .ok()
}

fn cwd(directory: &Path, notes: &mut Vec<String>) -> Option<String> {
    let path = |path: PathBuf| path.to_string_lossy().into_owned();
    match fs::read_link(directory.join("cwd")) {
        Ok(link) => Some(path(link)),
        Err(error) => {
            notes.push(format!(
                "Its working directory could not be read: {error}{}.",
                files::more_permission(&error)
            ));
            None
        }
    }
}

fn user_name(uid: u32) -> Option<String> {
    Some(User::of(uid)?.name)
}

/// The moment `start_ns` after boot, suspend counted in, on the wall clock of
/// now.
fn started(start_ns: u64) -> Option<String> {
    let age = nanoseconds(ClockId::Boottime) - i128::from(start_ns);
    let moment = Timestamp::from_nanosecond(nanoseconds(ClockId::Realtime) - age).ok()?;
    Some(format!("{moment:.0}"))
}

fn nanoseconds(clock: ClockId) -> i128 {
    let now = clock_gettime(clock);
    i128::from(now.tv_sec) * 1_000_000_000 + i128::from(now.tv_nsec)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn this_process(start_ns: u64) -> ProcessKey {
        ProcessKey {
            pid: std::process::id(),
            start_ns,
        }
    }

    #[test]
    fn this_process_is_described() {
        let details = read(this_process(0)).expect("this process lives");
        assert_eq!(details.uid, Some(rustix::process::geteuid().as_raw()));
        let cwd = std::env::current_dir().unwrap();
        assert_eq!(details.cwd.as_deref(), cwd.to_str());
        let started: Timestamp = details.started.unwrap().parse().unwrap();
        let age = Timestamp::now().duration_since(started).as_secs();
        assert!((0..3600).contains(&age), "{age}");
        assert_eq!(details.notes, Vec::<String>::new());
        assert!(details.namespaces.is_empty(), "{:?}", details.namespaces);
    }

    #[test]
    fn another_start_means_another_process() {
        assert_eq!(read(this_process(1)), None);
        let ended = ProcessKey {
            pid: u32::MAX,
            start_ns: 0,
        };
        assert_eq!(read(ended), None);
    }

    #[test]
    fn a_process_that_has_ended_is_gone() {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let pid = child.id();
        let key = ProcessKey { pid, start_ns: 0 };
        // Before its parent asks it is there still, with nothing behind it.
        let until = std::time::Instant::now() + std::time::Duration::from_secs(60);
        while read(key).is_some() && std::time::Instant::now() < until {
            std::thread::yield_now();
        }
        assert_eq!(read(key), None);
        assert!(files::directory(pid).exists());
        child.wait().unwrap();
        assert_eq!(read(key), None);
    }
}
