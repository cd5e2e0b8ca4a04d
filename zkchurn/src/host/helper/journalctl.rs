// SPDX-License-Identifier: MIT
//! Running `/usr/bin/journalctl` so that it can do nothing but read what its user may read.
//!
//! It is this program once more, which gives up what it holds and then becomes `journalctl`:
//! no capability and no way to one, an empty environment, no file that it could write a byte
//! to (RLIMIT_FSIZE), little time of the processors, and dead as soon as the thread that
//! started it is (`PR_SET_PDEATHSIG`). Between fork and exec none of that can be done without
//! `unsafe`.

use std::{
    ffi::OsString,
    fs,
    os::unix::{fs::MetadataExt, process::CommandExt},
    path::Path,
    process::{Child, Command, Stdio},
};

use rustix::{
    process::{Resource, Rlimit, Signal, set_parent_process_death_signal, setrlimit},
    thread::CapabilitySet,
};

use super::process::NAME;
use crate::host::privilege::{held, needs::Kept};

/// What tells this program to become `journalctl`, in argument 1.
pub(super) const WORD: &str = "journalctl";

/// The only place that it is run from.
const PATH: &str = "/usr/bin/journalctl";
/// Seconds of processor time after which it is killed.
const CPU_S: u64 = 5;

/// Starts it, its output and errors going into pipes.
///
/// # Errors
///
/// A clause: it is not there, is not root's alone, or the system grants no process.
pub fn start(arguments: &[String]) -> Result<Child, String> {
    check(Path::new(PATH))?;
    Command::new("/proc/self/exe")
        .arg0(NAME)
        .arg(WORD)
        .args(arguments)
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("{PATH} could not be started: {error}"))
}

/// Becomes `journalctl`; comes back only where that fails, and then nothing is to be done.
pub(super) fn become_it(arguments: impl Iterator<Item = OsString>) {
    if confine().is_ok() {
        // It only comes back with an error.
        let _ = Command::new(PATH).args(arguments).env_clear().exec();
    }
}

fn confine() -> std::io::Result<()> {
    let limit = |most| Rlimit {
        current: Some(most),
        maximum: Some(most),
    };
    setrlimit(Resource::Fsize, limit(0))?;
    setrlimit(Resource::Core, limit(0))?;
    setrlimit(Resource::Cpu, limit(CPU_S))?;
    held::keep_only(Kept {
        effective: CapabilitySet::empty(),
        permitted: CapabilitySet::empty(),
    })?;
    // Last: a change of credentials would take it back.
    set_parent_process_death_signal(Some(Signal::KILL))?;
    std::env::set_current_dir("/")
}

/// Whether nobody but root can have put the program there.
fn check(path: &Path) -> Result<(), String> {
    let real = fs::canonicalize(path).map_err(|_| format!("{} is not there", path.display()))?;
    for part in real.ancestors() {
        let metadata = fs::metadata(part)
            .map_err(|error| format!("{} could not be looked at: {error}", part.display()))?;
        if metadata.uid() != 0 || metadata.mode() & 0o022 != 0 {
            return Err(format!(
                "{} is not run, since {} can be changed by others than root",
                path.display(),
                part.display()
            ));
        }
    }
    match fs::metadata(&real).is_ok_and(|metadata| metadata.is_file()) {
        true => Ok(()),
        false => Err(format!("{} is not a program", path.display())),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_program_that_others_can_change_is_not_run() {
        // Debian's /usr is root's alone.
        assert_eq!(check(Path::new("/usr/bin/env")), Ok(()));
        let missing = check(Path::new("/usr/bin/no-such-program"));
        assert_eq!(
            missing.unwrap_err(),
            "/usr/bin/no-such-program is not there"
        );
        let directory = tempfile::tempdir().unwrap();
        let program = directory.path().join("journalctl");
        fs::write(&program, "#!/bin/sh\n").unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o777)).unwrap();
        let error = check(&program).unwrap_err();
        assert!(
            error.ends_with("can be changed by others than root"),
            "{error}"
        );
        // Whoever owns the directory can put another program there, sticky or not.
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        let error = check(&program).unwrap_err();
        assert!(
            error.ends_with("can be changed by others than root"),
            "{error}"
        );
    }
}
