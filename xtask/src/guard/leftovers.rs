// SPDX-License-Identifier: MIT
//! What a run may leave behind that was killed, and removing it. Whatever bears the name of
//! a process that is no more belongs to nobody.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Result;
use rustix::process::{WaitOptions, wait};

use super::descendants::{self, Process};
use crate::privileged_tests;
use xtask::{abandoned, command, privilege};

/// What belongs to the run.
pub(super) struct Leftovers {
    /// Where all its temporary files are.
    pub(super) directory: PathBuf,
}

/// Removes one kind.
type Remove = fn() -> Result<()>;

/// What needs root, and what it is.
const OF_ROOT: [(&str, Remove); 3] = [
    ("network namespaces", abandoned::namespaces),
    ("cgroups", abandoned::cgroups),
    (
        "the user for the tests",
        privileged_tests::remove_abandoned_user,
    ),
];

impl Leftovers {
    /// Ends processes and removes the rest; what cannot be is told.
    pub(super) fn remove(&self) {
        let ended = descendants::end_all().unwrap_or_else(|error| {
            say(&format!("{error:#}"));
            Vec::new()
        });
        // Those that lost their parent were left to this process; as long as nobody has waited
        // for one it counts as a process of its user's.
        while let Ok(Some(_)) = wait(WaitOptions::NOHANG) {}
        if !ended.is_empty() {
            say(&format!(
                "ended what was left: {}",
                descendants::named(&ended)
            ));
        }
        ended.iter().for_each(forget);
        if descendants::may_be_root() {
            for (what, remove) in OF_ROOT {
                if let Err(error) = remove() {
                    say(&format!("{what} stay behind: {error:#}"));
                }
            }
        }
        remove_directory(&self.directory).unwrap_or_else(|error| say(&format!("{error:#}")));
    }
}

/// Where nobody listens any longer the work goes on all the same.
fn say(sentence: &str) {
    let _ = writeln!(io::stderr(), "guard: {sentence}");
}

/// The files of a JVM that was killed: `hsperfdata_USER/PID` and those of its Attach API.
fn forget(process: &Process) {
    let pid = process.pid;
    let mut files = vec![
        PathBuf::from(format!("/tmp/.java_pid{pid}")),
        PathBuf::from(format!("/tmp/.attach_pid{pid}")),
    ];
    let directories = fs::read_dir("/tmp").into_iter().flatten().flatten();
    let of_users = directories.filter(|entry| {
        let name = entry.file_name();
        name.to_string_lossy().starts_with("hsperfdata_")
    });
    files.extend(of_users.map(|entry| entry.path().join(pid.to_string())));
    for file in files {
        // Most are not there.
        let _ = fs::remove_file(file);
    }
}

/// With what root has put there.
fn remove_directory(directory: &Path) -> Result<()> {
    if fs::remove_dir_all(directory).is_ok() || !directory.exists() {
        return Ok(());
    }
    let mut rm = privilege::as_root("rm");
    rm.args(["--recursive", "--force", "--one-file-system"]);
    command::output(rm.arg(directory)).map(drop)
}
