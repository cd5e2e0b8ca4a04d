// SPDX-License-Identifier: MIT
//! zkchurn as a user who is not root, with some capabilities.

use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf, process::Command};

use tempfile::TempDir;

use crate::{in_time::CommandInTime, tracer::object};

/// A user id that owns nothing and is no account of this machine's services.
pub(crate) const UID: u32 = 64_999;

/// A directory of that user's, with a copy of zkchurn that the user may run, and
/// of the object to load: those in the build's directory may be closed to it.
pub(crate) struct Place {
    directory: TempDir,
    program: PathBuf,
    /// The copy of the object under test, unless it is the built-in one.
    pub object: Option<PathBuf>,
}

impl Place {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let program = directory.path().join("zkchurn");
        fs::copy(env!("CARGO_BIN_EXE_zkchurn"), &program).unwrap();
        let object = object().map(|built| {
            let copy = directory.path().join("zkchurn.bpf.o");
            fs::copy(built, &copy).unwrap();
            copy
        });
        for path in [directory.path(), &program]
            .into_iter()
            .chain(object.as_deref())
        {
            fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        std::os::unix::fs::chown(directory.path(), Some(UID), Some(UID)).unwrap();
        Self {
            directory,
            program,
            object,
        }
    }

    /// A file of this name in the directory.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Gives the program file capabilities, such as `cap_bpf,cap_perfmon+ep`.
    pub(crate) fn set_file_capabilities(&self, text: &str) {
        let mut command = Command::new("setcap");
        let status = command.arg(text).arg(&self.program).status_in_time();
        let status = status.expect("`setcap` of libcap2-bin is installed (cargo xtask setup)");
        assert!(status.success(), "setcap {text}: {status}");
    }

    /// Runs the program as the user, with what its file has.
    pub(crate) fn as_user(&self) -> Command {
        self.as_user_with(&[])
    }

    /// Runs the program as the user with these ambient capabilities, such as
    /// `bpf`: what a systemd unit's `AmbientCapabilities=` gives.
    pub(crate) fn as_user_with(&self, capabilities: &[&str]) -> Command {
        let uid = UID.to_string();
        let mut command = Command::new("setpriv");
        command.args(["--reuid", &uid, "--regid", &uid, "--clear-groups"]);
        if !capabilities.is_empty() {
            let set = capabilities
                .iter()
                .map(|name| format!("+{name}"))
                .collect::<Vec<_>>()
                .join(",");
            command.args(["--inh-caps", &set, "--ambient-caps", &set]);
        }
        command.arg(&self.program);
        command
    }
}
