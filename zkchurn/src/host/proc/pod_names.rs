// SPDX-License-Identifier: MIT
//! What people call a pod and its container, by the names of what a Kubernetes node keeps in
//! `/var/log`. Names only; no file is opened and no API server asked.

use std::{fs, path::Path};

use zkchurn_core::process::pod_name::{self, PodName};

/// The kubelet's links to logs, one a container, and its directories of logs, one a pod.
const CONTAINERS: &str = "/var/log/containers";
const PODS: &str = "/var/log/pods";
/// A node has a few hundred pods at most; whoever fills the directory does not keep zkchurn
/// busy.
const ENTRIES: usize = 16_384;

/// Of the container and the pod that a cgroup path names.
pub(super) fn of(container: Option<&str>, pod: Option<&str>) -> Option<PodName> {
    in_directories(Path::new(CONTAINERS), Path::new(PODS), container, pod)
}

fn in_directories(
    containers: &Path,
    pods: &Path,
    container: Option<&str>,
    pod: Option<&str>,
) -> Option<PodName> {
    let by_container =
        container.and_then(|id| find(containers, |file| pod_name::of_container_log(file, id)));
    by_container.or_else(|| {
        let uid = pod?;
        find(pods, |directory| pod_name::of_pod_directory(directory, uid))
    })
}

fn find(directory: &Path, name: impl Fn(&str) -> Option<PodName>) -> Option<PodName> {
    let entries = fs::read_dir(directory).ok()?.flatten().take(ENTRIES);
    entries
        .filter_map(|entry| entry.file_name().into_string().ok())
        .find_map(|entry| name(&entry))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_containers_log_is_asked_first_then_the_pods_directory() {
        let id = "0123456789abcdef".repeat(4);
        let uid = "2a4b6c8d-1234-4f6e-9abc-0123456789ab";
        let node = tempfile::tempdir().unwrap();
        let (containers, pods) = (node.path().join("containers"), node.path().join("pods"));
        let find = |container, pod| in_directories(&containers, &pods, container, pod);
        assert_eq!(find(Some(&id), Some(uid)), None);
        fs::create_dir_all(pods.join(format!("prod_shop-x2x_{uid}"))).unwrap();
        let of_pod = find(Some(&id), Some(uid)).unwrap();
        assert_eq!((of_pod.pod.as_str(), of_pod.container), ("shop-x2x", None));
        fs::create_dir(&containers).unwrap();
        fs::write(containers.join("other_prod_web-1.log"), "").unwrap();
        fs::write(containers.join(format!("shop-x2x_prod_web-{id}.log")), "").unwrap();
        let of_container = find(Some(&id), Some(uid)).unwrap();
        assert_eq!(of_container.container.as_deref(), Some("web"));
        assert_eq!(find(None, None), None);
    }
}
