// SPDX-License-Identifier: MIT
//! Which namespaces a process does not share with whoever looked at it, in words.

use serde::{Deserialize, Serialize};

/// A kind of namespace in which things have other names than where zkchurn runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Namespace {
    /// Addresses, ports and TIME_WAIT sockets.
    Network,
    Pid,
    /// Paths.
    Mount,
}

impl Namespace {
    /// All that are compared.
    pub const ALL: [Self; 3] = [Self::Network, Self::Pid, Self::Mount];

    /// Its file in `/proc/PID/ns` (namespaces(7)).
    pub const fn file(self) -> &'static str {
        match self {
            Self::Network => "net",
            Self::Pid => "pid",
            Self::Mount => "mnt",
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Network => "network",
            Self::Pid => "pid",
            Self::Mount => "mount",
        }
    }
}

/// The namespaces of a process that are not zkchurn's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OtherNamespaces {
    /// In the order of [`Namespace::ALL`].
    pub kinds: Vec<Namespace>,
    /// Its pid in the innermost pid namespace, where that is another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inner_pid: Option<u32>,
}

impl OtherNamespaces {
    pub fn is_empty(&self) -> bool {
        self.kinds.is_empty() && self.inner_pid.is_none()
    }

    /// Whether nothing but paths has other names.
    pub fn is_mount_alone(&self) -> bool {
        self.kinds == [Namespace::Mount] && self.inner_pid.is_none()
    }

    /// `in another network, pid and mount namespace, as pid 7 there`; nothing where it has
    /// those of whoever looked.
    pub fn words(&self) -> Option<String> {
        let words: Vec<_> = self.kinds.iter().map(|kind| kind.word()).collect();
        let kinds = match words.as_slice() {
            [] => return self.inner_pid_words(),
            [kind] => (*kind).to_owned(),
            [kinds @ .., last] => format!("{} and {last}", kinds.join(", ")),
        };
        let pid = self.inner_pid.map(|pid| format!(", as pid {pid} there"));
        Some(format!(
            "in another {kinds} namespace{}",
            pid.unwrap_or_default()
        ))
    }

    /// `pid 7 inside`: what is left to say where its container is named.
    pub fn inner_pid_words(&self) -> Option<String> {
        self.inner_pid.map(|pid| format!("pid {pid} inside"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_shared_is_said_in_words() {
        let other = |kinds: &[Namespace], inner_pid| OtherNamespaces {
            kinds: kinds.to_vec(),
            inner_pid,
        };
        assert_eq!(other(&[], None).words(), None);
        assert_eq!(
            other(&[Namespace::Network], None).words().unwrap(),
            "in another network namespace"
        );
        assert!(other(&[Namespace::Mount], None).is_mount_alone());
        let all = other(&Namespace::ALL, Some(7));
        assert!(!all.is_mount_alone());
        assert_eq!(
            all.words().unwrap(),
            "in another network, pid and mount namespace, as pid 7 there"
        );
        assert_eq!(all.inner_pid_words().unwrap(), "pid 7 inside");
    }
}
