// SPDX-License-Identifier: MIT
//! What a cgroup path says: the systemd unit, the container, the pod.
//!
//! Names only, nothing is opened. The form of `/proc/PID/cgroup` is that of
//! cgroups(7): `id:controllers:path`, one line a hierarchy of version 1, and
//! `0::path` for version 2. Units are named as systemd does, pods as the kubelet does;
//! `container_name` knows containers.

use serde::{Deserialize, Serialize};

use super::container_name::{self, Kind};

/// Whose service manager runs a unit: `systemctl` and `journalctl` have to be asked there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnitOf {
    /// The host's.
    #[default]
    Host,
    /// That of a user with this uid (`systemctl --user`).
    User(u32),
    /// The one in the container.
    Container,
}

impl UnitOf {
    /// Whether it is the host's.
    pub fn is_host(&self) -> bool {
        *self == Self::Host
    }

    /// `systemd unit` with whose it is.
    pub fn unit(self, name: &str) -> String {
        match self {
            Self::Host => format!("systemd unit {name}"),
            Self::User(uid) => format!("systemd unit {name} of user {uid}"),
            Self::Container => format!("systemd unit {name} inside the container"),
        }
    }
}

/// What a process belongs to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Membership {
    /// The innermost systemd service or scope, escapes such as `\x2d` as they
    /// are: they belong to the name that `systemctl` and `journalctl` take.
    /// A container's own scope is no news beside its id and is left out, and so is
    /// the unit of the daemon that runs a pod or a job in a container.
    pub unit: Option<String>,
    /// Whose unit that is.
    pub unit_of: UnitOf,
    /// Id or name of the innermost container.
    pub container: Option<String>,
    /// UID of the Kubernetes pod, with dashes.
    pub pod: Option<String>,
}

/// Reads the text of `/proc/PID/cgroup`.
pub fn parse(text: &str) -> Membership {
    let mut paths: Vec<(u8, &str)> = text.lines().filter_map(hierarchy).collect();
    paths.sort_by_key(|(preference, _)| *preference);
    let found: Vec<Path> = paths.iter().map(|(_, path)| Path::read(path)).collect();
    let pod = found.iter().find_map(|path| path.pod.clone());
    let container = found.iter().find_map(|path| path.container.clone());
    // A unit of another hierarchy than the container's is that of whoever started it, such
    // as YARN's NodeManager.
    let with_unit = found
        .iter()
        .filter(|path| path.container.is_some() == container.is_some());
    let unit = with_unit.flat_map(|path| &path.unit).find(|unit| {
        let is_of_daemon = container.is_some() && pod.is_some();
        unit.of == UnitOf::Container || !is_of_daemon
    });
    Membership {
        unit_of: unit.map_or(UnitOf::Host, |unit| unit.of),
        unit: unit.map(|unit| unit.name.clone()),
        container,
        pod,
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

/// What one path says.
struct Path {
    unit: Option<Unit>,
    container: Option<String>,
    pod: Option<String>,
}

struct Unit {
    name: String,
    of: UnitOf,
}

impl Path {
    fn read(path: &str) -> Self {
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        let container = container_name::innermost(&parts);
        let pod = path
            .contains("kubepods")
            .then(|| parts.iter().rev().find_map(|part| pod_in(part)))
            .flatten();
        let (outside, inside) = match &container {
            Some(found) => (&parts[..found.at], &parts[found.at + 1..]),
            None => (&parts[..], &[][..]),
        };
        // The scope of a job that its container is named after is the container.
        let of_job = container
            .as_ref()
            .is_some_and(|found| found.kind == Kind::Job);
        let inner = if of_job { None } else { innermost_unit(inside) };
        let unit = inner
            .map(|name| Unit {
                name,
                of: UnitOf::Container,
            })
            .or_else(|| unit_on_host(outside));
        Self {
            unit,
            container: container.map(|found| found.name),
            pod,
        }
    }
}

fn unit_on_host(parts: &[&str]) -> Option<Unit> {
    let manager = parts.iter().rposition(|part| manager_of(part).is_some());
    let below = manager.and_then(|at| {
        let name = innermost_unit(&parts[at + 1..])?;
        let of = UnitOf::User(manager_of(parts[at])?);
        Some(Unit { name, of })
    });
    below.or_else(|| {
        let name = innermost_unit(parts)?;
        let of = UnitOf::Host;
        Some(Unit { name, of })
    })
}

/// The user whose service manager this unit is: `user@1000.service`.
fn manager_of(part: &str) -> Option<u32> {
    let uid = part.strip_prefix("user@")?.strip_suffix(".service")?;
    uid.parse().ok()
}

fn innermost_unit(parts: &[&str]) -> Option<String> {
    let is_unit = |part: &&&str| part.ends_with(".service") || part.ends_with(".scope");
    let name = parts.iter().rev().find(is_unit)?;
    // systemd puts `_` before a name that the kernel would take for a file of
    // its own (cg_escape in src/basic/cgroup-util.c).
    Some(name.strip_prefix('_').unwrap_or(name).to_owned())
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
pub(super) fn is_pod_uid(uid: &str) -> bool {
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
            unit_of: parse(&file).unit_of,
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
        // The unit is the runtime's, not the program's.
        check(colons, None, true, uid);
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
        check("0::/lxc.monitor.web\n", None, false, None);
        check("0::/default/web.slice\n", None, false, None);
        check("0::/nomad/jobs\n", None, false, None);
        let virtual_machine = "0::/machine.slice/machine-qemu\\x2d1\\x2dweb.scope\n";
        let scope = Some("machine-qemu\\x2d1\\x2dweb.scope");
        check(virtual_machine, scope, false, None);
        let supervisor = "0::/machine.slice/systemd-nspawn@web.service/supervisor\n";
        check(supervisor, Some("systemd-nspawn@web.service"), false, None);
        check("no colons\n\n7:\n", None, false, None);
    }

    /// Container, unit and whose it is.
    fn check_named(file: &str, container: Option<&str>, unit: Option<(&str, UnitOf)>) {
        let found = parse(file);
        assert_eq!(found.container.as_deref(), container, "{file}");
        let found = found.unit.as_deref().map(|unit| (unit, found.unit_of));
        assert_eq!(found, unit, "{file}");
    }

    #[test]
    fn a_unit_in_a_system_container_is_not_the_hosts() {
        let zookeeper = Some(("zookeeper.service", UnitOf::Container));
        for file in [
            "0::/lxc.payload.zk1/system.slice/zookeeper.service",
            "0::/lxc.payload/zk1/system.slice/zookeeper.service",
            "4:memory:/lxc/zk1\n1:name=systemd:/lxc/zk1/system.slice/zookeeper.service",
            "0::/machine.slice/systemd-nspawn@zk1.service/payload/system.slice/zookeeper.service",
            "0::/lxc/zk1/ns/system.slice/zookeeper.service",
            "0::/machine.slice/machine-zk1.scope/payload/system.slice/zookeeper.service",
        ] {
            check_named(file, Some("zk1"), zookeeper);
        }
        let libvirt = "0::/machine.slice/machine-lxc\\x2d4711\\x2dzk\\x2d1.scope";
        check_named(libvirt, Some("zk-1"), None);
        check_named(
            "0::/lxc/101/ns/init.scope",
            Some("101"),
            Some(("init.scope", UnitOf::Container)),
        );
    }

    #[test]
    fn a_container_in_a_container_is_the_one_that_counts() {
        let docker_in_lxc = format!("0::/lxc.payload.ci/system.slice/docker-{ID}.scope");
        check_named(&docker_in_lxc, Some(ID), None);
    }

    #[test]
    fn jobs_have_the_ids_of_their_schedulers() {
        let uuid = "2a4b6c8d-1234-4f6e-9abc-0123456789ab";
        for file in [
            "5:memory:/nomad/UUID/executor",
            "0::/nomad.slice/share.slice/UUID.web.scope",
            "8:memory:/mesos/UUID\n1:name=systemd:/mesos/UUID",
            "8:memory:/garden/UUID",
        ] {
            check_named(&file.replace("UUID", uuid), Some(uuid), None);
        }
        let fargate = "4:memory:/ecs/34dc0b5e626f2c5c4c5170e34b10e765/\
            34dc0b5e626f2c5c4c5170e34b10e765-2531612879";
        check_named(
            fargate,
            Some("34dc0b5e626f2c5c4c5170e34b10e765-2531612879"),
            None,
        );
        let yarn = "10:cpu,cpuacct:/hadoop-yarn/container_e17_1410901177871_0001_01_000005\n\
            1:name=systemd:/system.slice/hadoop-yarn-nodemanager.service";
        check_named(
            yarn,
            Some("container_e17_1410901177871_0001_01_000005"),
            None,
        );
        check_named("0::/default/zk1", Some("zk1"), None);
    }

    #[test]
    fn a_unit_of_a_user_is_told_from_one_of_the_host() {
        let of_user = "0::/user.slice/user-1000.slice/user@1000.service/app.slice/zk.service";
        check_named(of_user, None, Some(("zk.service", UnitOf::User(1000))));
        let manager = "0::/user.slice/user-1000.slice/user@1000.service/init.scope";
        check_named(manager, None, Some(("init.scope", UnitOf::User(1000))));
        let itself = "0::/user.slice/user-1000.slice/user@1000.service";
        check_named(itself, None, Some(("user@1000.service", UnitOf::Host)));
        let quadlet = format!("0::/system.slice/zk.service/libpod-payload-{ID}");
        check_named(&quadlet, Some(ID), Some(("zk.service", UnitOf::Host)));
    }
}
