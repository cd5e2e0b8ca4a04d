// SPDX-License-Identifier: MIT
//! What a cgroup path says: the systemd unit, the container, the pod.
//!
//! Names only, nothing is opened. The form of `/proc/PID/cgroup` is that of
//! cgroups(7): `id:controllers:path`, one line a hierarchy of version 1, and
//! `0::path` for version 2. The names are those that systemd, Docker,
//! containerd, CRI-O, Podman and the kubelet give.

/// What a process belongs to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Membership {
    /// The innermost systemd service or scope, escapes such as `\x2d` as they
    /// are: they belong to the name that `systemctl` and `journalctl` take.
    /// A container's own scope is no news beside its id and is left out.
    pub unit: Option<String>,
    /// Id of the innermost container, 64 hexadecimal digits.
    pub container: Option<String>,
    /// UID of the Kubernetes pod, with dashes.
    pub pod: Option<String>,
}

/// Reads the text of `/proc/PID/cgroup`.
pub fn parse(text: &str) -> Membership {
    let mut paths: Vec<(u8, &str)> = text.lines().filter_map(hierarchy).collect();
    paths.sort_by_key(|(preference, _)| *preference);
    let paths = || paths.iter().map(|(_, path)| *path);
    Membership {
        unit: paths().find_map(unit),
        container: paths().find_map(container),
        pod: paths().find_map(pod),
    }
}

/// The path of a line. On a host with both versions systemd keeps its units in
/// the hierarchy named after it; version 2 comes next.
fn hierarchy(line: &str) -> Option<(u8, &str)> {
    let mut parts = line.splitn(3, ':');
    let id = parts.next()?;
    let controllers = parts.next()?;
    let path = parts.next()?;
    let preference = match (id, controllers) {
        (_, "name=systemd") => 0,
        ("0", "") => 1,
        _ => 2,
    };
    // A removed cgroup is marked (Documentation/admin-guide/cgroup-v2.rst).
    Some((preference, path.strip_suffix(" (deleted)").unwrap_or(path)))
}

fn innermost<'p, T>(path: &'p str, find: impl Fn(&'p str) -> Option<T>) -> Option<T> {
    path.rsplit('/').find_map(find)
}

fn unit(path: &str) -> Option<String> {
    let name = innermost(path, |name| {
        (name.ends_with(".service") || name.ends_with(".scope")).then_some(name)
    })?;
    if container_in(name).is_some() {
        return None;
    }
    // systemd puts `_` before a name that the kernel would take for a file of
    // its own (cg_escape in src/basic/cgroup-util.c).
    Some(name.strip_prefix('_').unwrap_or(name).to_owned())
}

fn container(path: &str) -> Option<String> {
    innermost(path, container_in).map(str::to_owned)
}

/// `<id>`, `docker-<id>.scope`, `…slice:cri-containerd:<id>`; not the scope of
/// the monitor that Podman and CRI-O run beside a container.
fn container_in(name: &str) -> Option<&str> {
    let name = name.strip_suffix(".scope").unwrap_or(name);
    let at = name.rfind(['-', ':']).map_or(0, |separator| separator + 1);
    let (prefix, id) = name.split_at_checked(at)?;
    let is_id = id.len() == 64 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    (is_id && !prefix.ends_with("conmon-")).then_some(id)
}

fn pod(path: &str) -> Option<String> {
    path.contains("kubepods")
        .then(|| innermost(path, pod_in))
        .flatten()
}

/// `pod<uid>` of the cgroupfs driver, `kubepods-burstable-pod<uid>.slice` of
/// the systemd driver, which writes `_` for `-` within the UID.
fn pod_in(name: &str) -> Option<String> {
    let name = name.split(':').next()?;
    let name = name.strip_suffix(".slice").unwrap_or(name);
    let uid = name.get(name.rfind("pod")? + 3..)?.replace('_', "-");
    is_pod_uid(&uid).then_some(uid)
}

/// A UUID, or the 32 digits that the kubelet gives to a static pod.
fn is_pod_uid(uid: &str) -> bool {
    let groups: Vec<usize> = uid.split('-').map(str::len).collect();
    matches!(groups[..], [32] | [8, 4, 4, 4, 12])
        && uid
            .bytes()
            .all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "3f4c9f1d2a6b7c8d9e0f1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f";

    /// Unit, container (given as yes or no) and pod of a file.
    fn check(file: &str, unit: Option<&str>, in_container: bool, pod: Option<&str>) {
        let file = file.replace("ID", ID);
        let expected = Membership {
            unit: unit.map(str::to_owned),
            container: in_container.then(|| ID.to_owned()),
            pod: pod.map(str::to_owned),
        };
        assert_eq!(parse(&file), expected, "{file}");
    }

    #[test]
    fn services_and_sessions_of_version_2() {
        check(
            "0::/system.slice/tomcat10.service\n",
            Some("tomcat10.service"),
            false,
            None,
        );
        check(
            "0::/user.slice/user-1000.slice/session-3.scope\n",
            Some("session-3.scope"),
            false,
            None,
        );
        let app = "0::/user.slice/user-1000.slice/user@1000.service/app.slice/app.service/sub\n";
        check(app, Some("app.service"), false, None);
        check("0::/init.scope\n", Some("init.scope"), false, None);
        check("0::/\n", None, false, None);
    }

    #[test]
    fn a_unit_keeps_the_name_that_systemd_knows_it_by() {
        let instance = r"0::/system.slice/system-tomcat.slice/tomcat@my\x2dapp.service";
        check(instance, Some(r"tomcat@my\x2dapp.service"), false, None);
        let reserved = "0::/system.slice/_cgroup.agent.service (deleted)";
        check(reserved, Some("cgroup.agent.service"), false, None);
    }

    #[test]
    fn version_1_takes_the_hierarchy_of_systemd() {
        let centos7 = "11:memory:/system.slice\n\
            10:cpuacct,cpu:/other.service\n\
            1:name=systemd:/system.slice/kafka.service\n";
        check(centos7, Some("kafka.service"), false, None);
        let hybrid = "12:pids:/user.slice/user-0.slice/session-1.scope\n\
            1:name=systemd:/user.slice/user-0.slice/session-1.scope\n\
            0::/user.slice/user-0.slice/session-1.scope\n";
        check(hybrid, Some("session-1.scope"), false, None);
        check(
            "3:memory:/system.slice/storm.service\n",
            Some("storm.service"),
            false,
            None,
        );
    }

    #[test]
    fn containers_of_docker_and_podman() {
        check(
            "12:memory:/docker/ID\n1:name=systemd:/docker/ID\n",
            None,
            true,
            None,
        );
        check("0::/system.slice/docker-ID.scope\n", None, true, None);
        check("0::/../docker-ID.scope\n", None, true, None);
        check(
            "0::/machine.slice/libpod-ID.scope/container\n",
            None,
            true,
            None,
        );
        let monitor = format!("libpod-conmon-{ID}.scope");
        check(
            "0::/machine.slice/libpod-conmon-ID.scope\n",
            Some(&monitor),
            false,
            None,
        );
        check("4:memory:/ecs/0123456789abcdef/ID\n", None, true, None);
        let service_inside = "0::/system.slice/docker-ID.scope/system.slice/tomcat.service\n";
        check(service_inside, Some("tomcat.service"), true, None);
    }

    #[test]
    fn pods_of_both_drivers() {
        let uid = Some("2a4b6c8d-1234-4f6e-9abc-0123456789ab");
        let systemd = "0::/kubepods.slice/kubepods-burstable.slice/\
            kubepods-burstable-pod2a4b6c8d_1234_4f6e_9abc_0123456789ab.slice/cri-containerd-ID.scope\n";
        check(systemd, None, true, uid);
        let crio = "0::/kubepods.slice/\
            kubepods-pod2a4b6c8d_1234_4f6e_9abc_0123456789ab.slice/crio-ID.scope/container\n";
        check(crio, None, true, uid);
        let cgroupfs =
            "11:memory:/kubepods/besteffort/pod2a4b6c8d-1234-4f6e-9abc-0123456789ab/ID\n";
        check(cgroupfs, None, true, uid);
        let colons = "1:name=systemd:/system.slice/containerd.service/\
            kubepods-besteffort-pod2a4b6c8d_1234_4f6e_9abc_0123456789ab.slice:cri-containerd:ID\n";
        check(colons, Some("containerd.service"), true, uid);
        let kind = "0::/docker/aa/kubelet.slice/kubelet-kubepods.slice/\
            kubelet-kubepods-pod2a4b6c8d_1234_4f6e_9abc_0123456789ab.slice/cri-containerd-ID.scope\n";
        check(kind, None, true, uid);
        let static_pod = "0::/kubepods/pod0123456789abcdef0123456789abcdef/ID\n";
        check(
            static_pod,
            None,
            true,
            Some("0123456789abcdef0123456789abcdef"),
        );
    }

    #[test]
    fn what_only_looks_alike_is_left() {
        check("0::/podman/podcast.slice\n", None, false, None);
        check(
            "0::/user.slice/podman-1234.scope\n",
            Some("podman-1234.scope"),
            false,
            None,
        );
        check("0::/docker/0123abcd\n", None, false, None);
        check("0::/lxc.payload.web\n", None, false, None);
        check("no colons\n\n7:\n", None, false, None);
    }
}
