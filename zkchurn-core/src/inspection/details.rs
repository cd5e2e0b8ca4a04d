// SPDX-License-Identifier: MIT
//! Who a process is on its host, beyond its identity.

use serde::{Deserialize, Serialize};

use super::namespaces::OtherNamespaces;
use crate::process::{cgroup::UnitOf, pod_name::PodName};

/// Who a process is on this host.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Details {
    /// Effective user id.
    pub uid: Option<u32>,
    /// The user's name on this host.
    pub user: Option<String>,
    /// When the process started, RFC 3339 to the second: the kernel counts in
    /// ticks of 10 ms and the two clocks are read one after the other.
    pub started: Option<String>,
    /// Working directory, as the process sees it; for one in a chroot with the
    /// path to it in front.
    pub cwd: Option<String>,
    /// The systemd unit that runs it.
    pub unit: Option<String>,
    /// Whose unit that is.
    #[serde(default, skip_serializing_if = "UnitOf::is_host")]
    pub unit_of: UnitOf,
    /// Id of its container, 64 hexadecimal digits as a rule; of a system container its name.
    pub container: Option<String>,
    /// UID of its Kubernetes pod.
    pub pod: Option<String>,
    /// What the node's own files call pod and container.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod_name: Option<PodName>,
    /// The namespaces that it does not share with zkchurn.
    #[serde(default, skip_serializing_if = "OtherNamespaces::is_empty")]
    pub namespaces: OtherNamespaces,
    /// Where its standard output and error go when that is no file: `journal`,
    /// `socket` (another one), `pipe`, `terminal` or `/dev/null`, with ` and `
    /// between where the two differ.
    pub output_to: Option<String>,
    /// Regular files that it holds open for writing and that look like logs.
    pub log_files: Vec<LogFile>,
    /// How many more there are.
    pub log_files_left_out: u64,
    /// What could not be read and why, each a sentence.
    pub notes: Vec<String>,
}

impl Details {
    /// That it is in other namespaces than zkchurn; where its container or pod is named, only
    /// what its pid is there. A service of systemd's with a mount namespace and no other is
    /// where it should be (`PrivateTmp=`, `ProtectSystem=`, systemd.exec(5)).
    pub fn namespace_words(&self) -> Option<String> {
        if self.container.is_some() || self.pod.is_some() || self.pod_name.is_some() {
            return self.namespaces.inner_pid_words();
        }
        match self.unit.is_some() && self.namespaces.is_mount_alone() {
            true => None,
            false => self.namespaces.words(),
        }
    }

    /// The unit, and whose it is.
    pub fn unit_words(&self) -> Option<String> {
        let unit = self.unit.as_ref()?;
        Some(self.unit_of.unit(unit))
    }
}

/// A file that a process writes to and that looks like a log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogFile {
    /// The process's file descriptor.
    pub fd: u32,
    /// The path, as the process sees it.
    pub path: String,
    /// Whether the file has no name any more.
    pub deleted: bool,
    /// Size in bytes.
    pub size: u64,
    /// Last write, RFC 3339.
    pub modified: Option<String>,
}

impl LogFile {
    /// Where process `pid` has it open, whatever has its name.
    pub fn held_at(&self, pid: u32) -> String {
        format!("/proc/{pid}/fd/{}", self.fd)
    }

    /// Where it can be read: a deleted file only where the process has it open.
    pub fn readable_at(&self, pid: u32) -> String {
        match self.deleted {
            true => self.held_at(pid),
            false => self.path.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspection::namespaces::Namespace;

    #[test]
    fn a_service_with_mounts_of_its_own_is_where_it_should_be() {
        let of = |kinds: &[Namespace], unit: Option<&str>| Details {
            namespaces: OtherNamespaces {
                kinds: kinds.to_vec(),
                inner_pid: None,
            },
            unit: unit.map(str::to_owned),
            ..Details::default()
        };
        let mount = [Namespace::Mount];
        assert_eq!(of(&mount, Some("tomcat9.service")).namespace_words(), None);
        assert!(of(&mount, None).namespace_words().is_some());
        let network = [Namespace::Network, Namespace::Mount];
        assert!(
            of(&network, Some("tomcat9.service"))
                .namespace_words()
                .is_some()
        );
    }
}
