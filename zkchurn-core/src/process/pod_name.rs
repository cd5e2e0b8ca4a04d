// SPDX-License-Identifier: MIT
//! Names of pods and containers, in the names of files that a Kubernetes node keeps its
//! logs in. No API server is asked.
//!
//! `/var/log/containers/POD_NAMESPACE_CONTAINER-ID.log` and
//! `/var/log/pods/NAMESPACE_POD_UID/` (pkg/kubelet/kuberuntime/legacy.go and
//! helpers.go of Kubernetes). Pods, namespaces and containers are DNS names, which have no
//! `_`.

use serde::{Deserialize, Serialize};

use super::cgroup::is_pod_uid;

/// What people call a container and its pod.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PodName {
    /// The namespace.
    pub namespace: String,
    /// The pod.
    pub pod: String,
    /// The container; unknown where only the pod could be found.
    pub container: Option<String>,
}

impl PodName {
    /// `pod shop-x2x in namespace prod, its container web`.
    pub fn words(&self) -> String {
        let Self { namespace, pod, .. } = self;
        match &self.container {
            Some(container) => {
                format!("pod {pod} in namespace {namespace}, its container {container}")
            }
            None => format!("pod {pod} in namespace {namespace}"),
        }
    }
}

/// Of the name of a file in `/var/log/containers`, if it is that of the container `id`.
pub fn of_container_log(file: &str, id: &str) -> Option<PodName> {
    let rest = file.strip_suffix(".log")?.strip_suffix(id)?;
    let mut parts = rest.strip_suffix('-')?.split('_');
    let (pod, namespace, container) = (parts.next()?, parts.next()?, parts.next()?);
    let names = [pod, namespace, container];
    if parts.next().is_some() || !names.into_iter().all(is_dns_name) {
        return None;
    }
    Some(PodName {
        namespace: namespace.to_owned(),
        pod: pod.to_owned(),
        container: Some(container.to_owned()),
    })
}

/// Of the name of a directory in `/var/log/pods`, if it is that of the pod `uid`.
pub fn of_pod_directory(directory: &str, uid: &str) -> Option<PodName> {
    let mut parts = directory.split('_');
    let (namespace, pod, found) = (parts.next()?, parts.next()?, parts.next()?);
    let is_this = found == uid && is_pod_uid(found);
    if parts.next().is_some() || !is_this || ![namespace, pod].into_iter().all(is_dns_name) {
        return None;
    }
    Some(PodName {
        namespace: namespace.to_owned(),
        pod: pod.to_owned(),
        container: None,
    })
}

/// RFC 1123; whoever can write to that directory could call a file anything.
fn is_dns_name(name: &str) -> bool {
    let allowed =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte);
    (1..=253).contains(&name.len()) && name.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "3f4c9f1d2a6b7c8d9e0f1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f";
    const UID: &str = "2a4b6c8d-1234-4f6e-9abc-0123456789ab";

    #[test]
    fn a_containers_log_names_pod_namespace_and_container() {
        let file = format!("shop-7d4b9c-x2x_prod_web-sync-{ID}.log");
        let name = of_container_log(&file, ID).expect("a name");
        assert_eq!(name.pod, "shop-7d4b9c-x2x");
        assert_eq!(name.namespace, "prod");
        assert_eq!(name.container.as_deref(), Some("web-sync"));
        for other in [
            format!("shop_prod_web-{}.log", ID.replace('3', "4")),
            format!("shop_prod_web-{ID}.gz"),
            format!("shop_prod-{ID}.log"),
            format!("a_b_c_d-{ID}.log"),
            format!("shop_prod_\u{1b}[31m-{ID}.log"),
            format!("{ID}.log"),
        ] {
            assert_eq!(of_container_log(&other, ID), None, "{other}");
        }
    }

    #[test]
    fn a_pods_directory_names_pod_and_namespace() {
        let name = of_pod_directory(&format!("prod_shop-x2x_{UID}"), UID).expect("a name");
        assert_eq!(
            (name.namespace.as_str(), name.pod.as_str()),
            ("prod", "shop-x2x")
        );
        assert_eq!(name.container, None);
        let hash = "0123456789abcdef0123456789abcdef";
        let mirror = of_pod_directory(&format!("kube-system_etcd-node1_{hash}"), hash);
        assert_eq!(mirror.expect("a static pod").pod, "etcd-node1");
        for other in [
            format!("prod_{UID}"),
            format!("prod_shop_x_{UID}"),
            UID.to_owned(),
        ] {
            assert_eq!(of_pod_directory(&other, UID), None, "{other}");
        }
    }

    /// Each condition decides by itself.
    #[test]
    fn a_directory_of_another_pod_or_of_no_pod_names_nothing() {
        let another = UID.replace('a', "b");
        let hostile = "PROD";
        for (directory, uid) in [
            // Of another pod, whose id is as good.
            (format!("prod_shop_{another}"), UID),
            // Asked for with something that is no pod's id.
            ("prod_shop_x".to_owned(), "x"),
            (format!("{hostile}_shop_{UID}"), UID),
            (format!("prod_{hostile}_{UID}"), UID),
            (format!("_shop_{UID}"), UID),
            (format!("prod_{}_{UID}", "x".repeat(254)), UID),
        ] {
            assert_eq!(of_pod_directory(&directory, uid), None, "{directory}");
        }
        let longest = "x".repeat(253);
        assert!(of_pod_directory(&format!("prod_{longest}_{UID}"), UID).is_some());
    }
}
