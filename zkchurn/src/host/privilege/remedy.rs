// SPDX-License-Identifier: MIT
//! What to do where a privilege is missing. The one place that decides it: sudo helps an
//! ordinary user only, and who is root in a container is not to be sent after it.

use rustix::process::geteuid;

use crate::host::proc::files::own_user_namespace;

/// Whose privileges are too few.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// An ordinary user's.
    User,
    /// Root's, from whom some were taken away.
    Root,
    /// Of anybody in a user namespace, whose root is not the host's.
    UserNamespace,
}

impl Standing {
    /// That of this process.
    pub fn here() -> Self {
        Self::of(geteuid().is_root(), own_user_namespace())
    }

    /// By what was found out of a process.
    pub fn of(is_root: bool, own_user_namespace: bool) -> Self {
        match (own_user_namespace, is_root) {
            (true, _) => Self::UserNamespace,
            (false, true) => Self::Root,
            (false, false) => Self::User,
        }
    }

    /// What gives more capabilities, by name in words: sudo has no more to give to root, nor to
    /// anybody in a user namespace.
    pub fn more_capabilities(self, these: &str) -> String {
        match self {
            Self::UserNamespace => "run it with sudo on the host".to_owned(),
            Self::Root => format!(
                "run it on the host, or grant {these} where the container or service is started"
            ),
            Self::User => format!("run it with sudo, or grant {these} as well"),
        }
    }

    /// The same where a file of another process may not be read.
    pub fn to_read_files(self) -> &'static str {
        match self {
            Self::User => "run as root or as the process's user",
            // Whose files NFS may keep from root, too.
            Self::Root => {
                "run as the process's user, or with all capabilities (docker run --privileged)"
            }
            Self::UserNamespace => "run as root on the host, or as the process's user",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_ordinary_user_is_told_to_use_sudo_here() {
        let told = |is_root, namespace| {
            let standing = Standing::of(is_root, namespace);
            let more = standing.more_capabilities("CAP_X");
            (more, standing.to_read_files())
        };
        let (more, reading) = told(false, false);
        assert!(more.starts_with("run it with sudo, or grant CAP_X"));
        assert!(reading.starts_with("run as root"));
        let (more, reading) = told(true, false);
        assert!(more.contains("CAP_X") && !more.contains("sudo"), "{more}");
        assert!(!reading.contains("root"), "{reading}");
        for is_root in [true, false] {
            let (more, reading) = told(is_root, true);
            assert!(more.contains("on the host") && reading.contains("on the host"));
        }
    }
}
