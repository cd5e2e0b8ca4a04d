// SPDX-License-Identifier: MIT
//! Containers in a cgroup path, by the names that those who make them give: Docker,
//! containerd, CRI-O and Podman (64 hexadecimal digits), LXC, LXD and Proxmox,
//! systemd-nspawn, libvirt, Amazon's Fargate, YARN, Mesos, Nomad and Garden.

/// What kind of container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A program with its files.
    Application,
    /// A whole system with an init of its own.
    System,
    /// A job of a scheduler.
    Job,
}

/// A container in a path.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// Which part of the path it is.
    pub(super) at: usize,
    /// Its id or name.
    pub(super) name: String,
    /// What kind it is.
    pub(super) kind: Kind,
}

/// The innermost of a path.
pub(super) fn innermost(parts: &[&str]) -> Option<Found> {
    (0..parts.len()).rev().find_map(|at| {
        let (name, kind) = at_part(parts, at)?;
        Some(Found { at, name, kind })
    })
}

fn at_part(parts: &[&str], at: usize) -> Option<(String, Kind)> {
    let part = parts[at];
    let before = at.checked_sub(1).map(|before| parts[before]);
    let after = parts.get(at + 1).copied();
    let owned = |kind| move |name: &str| (name.to_owned(), kind);
    engine_id(part)
        .map(owned(Kind::Application))
        .or_else(|| fargate(parts, at).map(owned(Kind::Application)))
        .or_else(|| job(before, part).map(owned(Kind::Job)))
        .or_else(|| lxc(before, part).map(owned(Kind::System)))
        .or_else(|| machine(part, after).map(|name| (name, Kind::System)))
        .or_else(|| named(parts, at).map(owned(Kind::Application)))
}

/// `<id>`, `docker-<id>.scope`, `…slice:cri-containerd:<id>`; not the scope of
/// the monitor that Podman and CRI-O run beside a container.
fn engine_id(part: &str) -> Option<&str> {
    let part = part.strip_suffix(".scope").unwrap_or(part);
    let at = part.rfind(['-', ':']).map_or(0, |separator| separator + 1);
    let (prefix, id) = part.split_at_checked(at)?;
    (id.len() == 64 && is_hex(id) && !prefix.ends_with("conmon-")).then_some(id)
}

/// `/ecs/<task>/<task>-<number>`.
fn fargate<'p>(parts: &[&'p str], at: usize) -> Option<&'p str> {
    let [.., "ecs", task, part] = parts[..=at] else {
        return None;
    };
    let number = part.strip_prefix(task)?.strip_prefix('-')?;
    (is_hex(task) && is_number(number)).then_some(part)
}

/// `container_e17_1410901177871_0001_01_000005` of YARN; `/mesos/<uuid>` and the like;
/// `nomad.slice/…/<uuid>.<task>.scope`.
fn job<'p>(before: Option<&str>, part: &'p str) -> Option<&'p str> {
    if is_yarn(part) {
        return Some(part);
    }
    match before? {
        "mesos" | "nomad" | "garden" => is_uuid(part).then_some(part),
        slice if slice.ends_with(".slice") => {
            let (uuid, _task) = part.strip_suffix(".scope")?.split_once('.')?;
            is_uuid(uuid).then_some(uuid)
        }
        _ => None,
    }
}

fn is_yarn(part: &str) -> bool {
    let Some(rest) = part.strip_prefix("container_") else {
        return false;
    };
    let (epoch, rest) = match rest.split_once('_') {
        Some((epoch, rest)) if epoch.starts_with('e') => (&epoch[1..], rest),
        _ => ("0", rest),
    };
    is_number(epoch) && rest.split('_').count() == 4 && rest.split('_').all(is_number)
}

/// `/lxc/NAME` (also Proxmox's number), `lxc.payload.NAME`, `lxc.payload/NAME`.
fn lxc<'p>(before: Option<&str>, part: &'p str) -> Option<&'p str> {
    if let Some(name) = part.strip_prefix("lxc.payload.") {
        return Some(name).filter(|name| !name.is_empty());
    }
    matches!(before, Some("lxc" | "lxc.payload")).then_some(part)
}

/// `systemd-nspawn@NAME.service` unless it is the process that watches over it,
/// `machine-NAME.scope`, `machine-lxc\x2dPID\x2dNAME.scope` of libvirt; not its virtual
/// machines.
fn machine(part: &str, after: Option<&str>) -> Option<String> {
    if let Some(name) = part.strip_prefix("systemd-nspawn@") {
        let name = name.strip_suffix(".service")?;
        return (after != Some("supervisor")).then(|| unescaped(name));
    }
    let name = unescaped(part.strip_prefix("machine-")?.strip_suffix(".scope")?);
    if name.starts_with("qemu-") || after == Some("supervisor") {
        return None;
    }
    let of_libvirt = name.strip_prefix("lxc-").and_then(|rest| {
        let (pid, name) = rest.split_once('-')?;
        is_number(pid).then(|| name.to_owned())
    });
    Some(of_libvirt.unwrap_or(name))
}

/// `/default/NAME`: a container that `ctr run` of containerd was given a name for.
fn named<'p>(parts: &[&'p str], at: usize) -> Option<&'p str> {
    let ["default", name] = *parts else {
        return None;
    };
    let of_systemd = [".slice", ".scope", ".service"];
    (at == 1 && !of_systemd.iter().any(|end| name.ends_with(end))).then_some(name)
}

/// As systemd-escape(1) reverses it, of what it escapes in names of machines.
fn unescaped(name: &str) -> String {
    name.replace("\\x2d", "-")
}

fn is_hex(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_uuid(text: &str) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    let lengths: Vec<usize> = groups.iter().map(|group| group.len()).collect();
    lengths == [8, 4, 4, 4, 12] && groups.iter().all(|group| is_hex(group))
}
