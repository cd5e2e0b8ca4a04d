// SPDX-License-Identifier: MIT
//! Where a process runs: its user, systemd unit, container and pod.

use serde::{Deserialize, Serialize};

use super::{cgroup::UnitOf, pod_name::PodName};

/// Read together with the identity, at the first record of a process: a filter by pod or
/// unit decides then, before anybody has taken a closer look.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Placement {
    /// Real user id, as records have it: whose the name is. `None` in recordings of earlier
    /// versions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
    /// Name of the effective user on this host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The systemd unit that runs it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// Whose unit that is.
    #[serde(skip_serializing_if = "UnitOf::is_host")]
    pub unit_of: UnitOf,
    /// Id of its container; of a system container its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
    /// UID of its Kubernetes pod.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pod: Option<String>,
    /// What the node's own files call pod and container.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pod_name: Option<PodName>,
}
