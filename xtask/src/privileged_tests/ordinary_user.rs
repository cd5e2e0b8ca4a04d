// SPDX-License-Identifier: MIT
//! The privileged tests by way of an ordinary user's sudo and with a login's
//! limits. CI is root and has neither: there a user is made for the tests, with
//! an entry for sudo, and taken away again.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};

use xtask::{command, privilege, wait};

/// The user that is made where the caller is root. It has no password and no
/// home: nobody can log in as it.
const NAME: &str = "zkchurn-suite";
const SUDOERS: &str = "/etc/sudoers.d/zkchurn-suite";
/// Held as long as the user is there: two suites on one machine take turns.
const LOCK: &str = "/run/zkchurn-suite.lock";
/// The longest that the tests of another suite take.
const TURN: Duration = Duration::from_secs(20 * 60);
/// The descriptors that a login has.
const DESCRIPTORS: &str = "1024";

/// An ordinary user who may become root by sudo: whoever started the verb, or
/// one that was made and goes when this is dropped.
pub(crate) struct OrdinaryUser {
    made: Option<Made>,
}

/// The user that was made, and the lock that says so.
struct Made {
    _lock: File,
}

impl OrdinaryUser {
    /// The caller; where the caller is root, a user made for the purpose.
    pub(crate) fn present_or_made() -> Result<Self> {
        let made = privilege::is_root().then(Made::new).transpose()?;
        Ok(Self { made })
    }

    /// A command that runs as root because this user called sudo, with a login's
    /// limit of descriptors.
    pub(crate) fn as_root(&self, program: impl AsRef<OsStr>) -> Command {
        let limited = format!("ulimit -S -n {DESCRIPTORS} && exec sudo -- \"$0\" \"$@\"");
        let mut command = match self.made {
            None => Command::new("sh"),
            Some(_) => as_made_user(),
        };
        command.args(["-c", &limited]).arg(program);
        command
    }
}

/// A shell of the user that was made. It may be unable to enter the directory
/// that root works in.
fn as_made_user() -> Command {
    let mut runuser = Command::new("runuser");
    runuser.args(["-u", NAME, "--", "sh"]).current_dir("/");
    runuser
}

impl Made {
    fn new() -> Result<Self> {
        let lock = take_turn(Path::new(LOCK))?;
        // A run that was killed had no time for it.
        remove()?;
        let made = Self { _lock: lock };
        println!("suite: making the user {NAME} and {SUDOERS}, removed after the tests");
        let mut useradd = Command::new("useradd");
        useradd.args(["--system", "--no-create-home", "--home-dir", "/nonexistent"]);
        command::run(useradd.args(["--shell", "/usr/sbin/nologin", NAME]))?;
        write_entry(Path::new(SUDOERS))?;
        command::output(Command::new("visudo").args(["--check", "--file", SUDOERS]))?;
        made.check()?;
        Ok(made)
    }

    /// Whether it is what the tests are to be run as.
    fn check(&self) -> Result<()> {
        let limit = "id -u; sudo -- sh -c 'id -u; ulimit -S -n; echo $SUDO_USER'";
        let limited = format!("ulimit -S -n {DESCRIPTORS} && {limit}");
        let said = command::output(as_made_user().args(["-c", &limited]))?;
        let said: Vec<_> = said.lines().collect();
        ensure!(
            matches!(said[..], [uid, "0", DESCRIPTORS, NAME] if uid != "0"),
            "{NAME} is not an ordinary user with sudo and {DESCRIPTORS} descriptors: {said:?}"
        );
        Ok(())
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        if let Err(error) = remove() {
            println!("suite: {error:#}");
        }
    }
}

/// Removes the user of a run that was killed. Only root makes one; and while another run
/// holds the lock, it is that run's.
pub(crate) fn remove_abandoned() -> Result<()> {
    if !privilege::is_root() || !Path::new(LOCK).exists() {
        return Ok(());
    }
    let lock = open_lock(Path::new(LOCK))?;
    match lock.try_lock() {
        Ok(()) => remove(),
        Err(_) => Ok(()),
    }
}

fn open_lock(path: &Path) -> Result<File> {
    OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(path)
        .with_context(|| format!("cannot open {}", path.display()))
}

fn take_turn(path: &Path) -> Result<File> {
    let lock = open_lock(path)?;
    wait::until("the tests of another suite on this machine", TURN, || {
        Ok(lock.try_lock().is_ok().then_some(()))
    })?;
    Ok(lock)
}

/// Under a name that sudo does not read until the file is whole.
fn write_entry(path: &Path) -> Result<()> {
    let unread = path.with_extension("unread");
    let write = || -> std::io::Result<()> {
        let mut file = File::create(&unread)?;
        file.set_permissions(Permissions::from_mode(0o440))?;
        writeln!(file, "{NAME} ALL=(root) NOPASSWD: ALL")?;
        fs::rename(&unread, path)
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}

/// Takes away the user and its entry, as far as they are there. The entry goes
/// first: without it the user can do nothing.
fn remove() -> Result<()> {
    let entry = Path::new(SUDOERS);
    for file in [entry, &entry.with_extension("unread")] {
        if file.exists() {
            fs::remove_file(file).with_context(|| format!("cannot remove {}", file.display()))?;
        }
    }
    let Ok(uid) = command::output(Command::new("id").args(["-u", NAME])) else {
        return Ok(());
    };
    end_processes(uid.trim())?;
    // Also where a process that has ended is still listed as that user's.
    command::output(Command::new("userdel").arg("--force").arg(NAME))
        .with_context(|| format!("the user {NAME} stays behind"))?;
    Ok(())
}

/// Ends what the user that was made still runs: the sudo of a run that was
/// killed, which passes the signal on to the tests.
fn end_processes(uid: &str) -> Result<()> {
    let signalled = processes(uid)?;
    for pid in &signalled {
        // Fails when it has ended by now, which is as good.
        let _ = kill_process(*pid, Signal::TERM);
    }
    let what = format!("the end of {} processes of {NAME}", signalled.len());
    wait::until(&what, Duration::from_secs(10), || {
        Ok(processes(uid)?.is_empty().then_some(()))
    })
}

/// Processes with this real uid (`Uid:` in /proc/PID/status, the first number):
/// the effective one of sudo is root's. One that has ended stays listed until its parent asks for
/// it, and of a helper whose zkchurn is gone that is the guard, at its end.
fn processes(uid: &str) -> Result<Vec<Pid>> {
    let entries = fs::read_dir("/proc").context("cannot read /proc")?;
    let numbers = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let is_theirs = |pid: &i32| {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let word = |name| {
            let field = status.lines().find_map(|line| line.strip_prefix(name));
            field.and_then(|field| field.split_whitespace().next())
        };
        word("Uid:") == Some(uid) && word("State:") != Some("Z")
    };
    Ok(numbers
        .filter(is_theirs)
        .filter_map(Pid::from_raw)
        .collect())
}
