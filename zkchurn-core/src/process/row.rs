// SPDX-License-Identifier: MIT
//! A process as reports name it.

use serde::Serialize;

use super::{cgroup::UnitOf, pod_name::PodName};

#[derive(Clone, Debug, Serialize)]
pub struct ProcessRow {
    /// Process id.
    pub pid: u32,
    /// Start of the process, nanoseconds since boot, 0 where not known: another
    /// process may have had its pid.
    pub start_ns: u64,
    /// Name of its leader.
    pub name: String,
    /// Name with the application, such as `java (tomcat)`.
    pub label: String,
    /// Real user id.
    pub uid: Option<u32>,
    /// Path of the executable, where it could be read.
    pub executable: Option<String>,
    /// Command line, where it could be read.
    pub command: Vec<String>,
    /// The systemd unit that runs it; absent where that is not known, as the next two.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// Id of its container.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
    /// UID of its Kubernetes pod.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pod: Option<String>,
    /// Whose unit that is, where it is not the host's.
    #[serde(skip_serializing_if = "UnitOf::is_host")]
    pub unit_of: UnitOf,
    /// What the node calls pod and container.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pod_name: Option<PodName>,
}
