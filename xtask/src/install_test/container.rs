// SPDX-License-Identifier: MIT
//! The image under a container runtime, with the security context that contrib/kubernetes
//! gives it and nothing more, tracing a process of another container; and what it says where
//! the runtime's profile forbids the system calls that its capabilities are for.
//!
//! The runtime is crun, with bundles of our own making: podman and Kubernetes call it, or runc,
//! with the like. Control groups are left alone, so no container id is there to be found.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{manifest::SecurityContext, seccomp};
use crate::{command, privilege, workspace};

/// What the other container does.
pub(super) const CLIENT: &str = include_str!("client.pl");
const CONNECTIONS: usize = 20;
const SECONDS: &str = "8s";

/// crun wants a cgroup2 at this place, and some machines have both kinds there. And it cannot
/// make a root of what is the root already.
const RUN: &str = "mount -t cgroup2 cgroup2 /sys/fs/cgroup; \
     [ -z \"$0\" ] || mount --rbind / \"$0\"; exec \"$@\"";

/// What the trace said.
pub(super) struct Traced {
    /// The client's connections, each recorded with its process.
    pub(super) connections: usize,
    /// What the trace said is degraded.
    pub(super) degraded: Vec<String>,
}

/// What containers are made of.
pub(super) enum Content<'a> {
    /// The image that `dist` made.
    Image(&'a Path),
    /// This binary, and nothing else, as in an image.
    Binary(&'a Path),
}

/// What tracing takes of the kernel, and some profiles keep for `CAP_SYS_ADMIN`.
const TRACING: [&str; 2] = ["bpf", "perf_event_open"];

/// Runs both containers, and compares.
pub(super) fn run(content: &Content<'_>, context: &SecurityContext) -> Result<Traced> {
    let scratch = workspace::scratch("containers")?;
    let rootfs = match content {
        Content::Image(image) => unpack(&scratch, image)?,
        Content::Binary(binary) => put(&scratch, binary)?,
    };
    if !seccomp::allows_bpf(&context.capabilities)? {
        refused(&scratch, &rootfs, context)?;
    }
    traced(&scratch, &rootfs, context)
}

/// A profile that forbids bpf(2) is named, and what to do about it.
fn refused(scratch: &TempDir, rootfs: &Path, context: &SecurityContext) -> Result<()> {
    let profile = seccomp::profile(&context.capabilities, &[])?;
    let trace = ["/zkchurn", "--duration", "1s"];
    let config = of_zkchurn(rootfs, &trace, context, &profile);
    let output = bundle(scratch, "refused", &config, None)?.output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(
        !output.status.success() && said.contains("seccomp=unconfined"),
        "with bpf(2) forbidden by seccomp it ended with {} and said:\n{said}",
        output.status
    );
    println!("where podman's profile forbids bpf(2) it says:\n{said}");
    Ok(())
}

fn traced(scratch: &TempDir, rootfs: &Path, context: &SecurityContext) -> Result<Traced> {
    let profile = seccomp::profile(&context.capabilities, &TRACING)?;
    let trace = ["/zkchurn", "--format", "json", "--duration", SECONDS];
    let config = of_zkchurn(rootfs, &trace, context, &profile);
    let mut tracer = bundle(scratch, "tracer", &config, None)?
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot run crun")?;
    let said = beside(&mut tracer, || {
        let root = scratch.path().join("root");
        std::fs::create_dir(&root)?;
        let client = of_client(&root);
        command::output(&mut bundle(scratch, "client", &client, Some(&root))?)
    });
    let status = tracer.wait()?;
    let said = said.context("the container of zkchurn")?;
    ensure!(status.success(), "zkchurn in its container: {status}");
    read(&said)
}

/// Does something once the trace has begun; what it printed until its end.
pub(super) fn beside(tracer: &mut Child, act: impl FnOnce() -> Result<String>) -> Result<String> {
    let output = tracer.stdout.take().context("it has no output")?;
    let mut output = BufReader::new(output);
    let mut said = String::new();
    output.read_line(&mut said)?;
    ensure!(
        said.contains(r#""type":"start""#),
        "it did not begin: {said}"
    );
    act().context("the client")?;
    output.read_to_string(&mut said)?;
    Ok(said)
}

/// Every connection of the client was recorded, and its program, which takes a look into
/// another user's process, is known.
fn read(said: &str) -> Result<Traced> {
    let objects: Vec<Value> = said
        .lines()
        .map(serde_json::from_str)
        .collect::<Result<_, _>>()
        .context("it printed something that is no JSON")?;
    let of_type = |wanted: &'static str| objects.iter().filter(move |one| one["type"] == wanted);
    let connections = of_type("connection")
        .filter(|one| one["process"]["name"] == "perl")
        .count();
    ensure!(
        connections == CONNECTIONS,
        "{connections} of {CONNECTIONS} connections of the other container were recorded"
    );
    let report = of_type("report").next().context("there is no report")?;
    let program = report["flows"][0]["process"]["executable"].as_str();
    ensure!(
        program.is_some_and(|path| path.contains("perl")),
        "its program is not known: {program:?}"
    );
    let start = of_type("start").next().context("there is no beginning")?;
    let degraded = start["degraded"].as_array().into_iter().flatten();
    Ok(Traced {
        connections,
        degraded: degraded
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect(),
    })
}

/// The image's file system.
fn unpack(scratch: &TempDir, image: &Path) -> Result<PathBuf> {
    let layout = scratch.path().join("layout");
    std::fs::create_dir(&layout)?;
    let mut tar = Command::new("tar");
    command::output(tar.arg("--directory").arg(&layout).arg("-xf").arg(image))?;
    let tags = command::output(
        Command::new("umoci")
            .args(["list", "--layout"])
            .arg(&layout),
    )?;
    let name = format!("{}:{}", layout.display(), tags.trim());
    let unpacked = scratch.path().join("unpacked");
    let mut umoci = Command::new("umoci");
    umoci.args(["unpack", "--rootless", "--image", &name]);
    command::output(umoci.arg(&unpacked))?;
    Ok(unpacked.join("rootfs"))
}

/// A file system like the image's.
fn put(scratch: &TempDir, binary: &Path) -> Result<PathBuf> {
    let rootfs = scratch.path().join("rootfs");
    std::fs::create_dir(&rootfs)?;
    std::fs::copy(binary, rootfs.join("zkchurn")).context("cannot copy the binary")?;
    Ok(rootfs)
}

/// A command that runs a container and ends with it; this machine's files are at `host` then.
fn bundle(scratch: &TempDir, name: &str, config: &Value, host: Option<&Path>) -> Result<Command> {
    let dir = scratch.path().join(name);
    std::fs::create_dir(&dir)?;
    std::fs::write(dir.join("config.json"), config.to_string())?;
    let mut run = privilege::as_root("unshare");
    run.args(["--mount", "sh", "-ec", RUN])
        .arg(host.unwrap_or(Path::new("")))
        .arg("crun")
        .arg("--cgroup-manager=disabled")
        .arg("--root")
        .arg(scratch.path().join("state"))
        .arg("run")
        .arg("--bundle")
        .arg(dir)
        .arg(format!("zkchurn-{name}-{}", std::process::id()))
        .stdin(Stdio::null());
    Ok(run)
}

/// On the host's processes and network, as `hostPID: true` has it. The network does not
/// matter: connections of all namespaces are seen.
fn of_zkchurn(
    rootfs: &Path,
    arguments: &[&str],
    context: &SecurityContext,
    seccomp: &Value,
) -> Value {
    config(&Container {
        seccomp: Some(seccomp),
        rootfs,
        read_only: context.read_only,
        arguments,
        capabilities: &context.capabilities,
        no_new_privileges: context.no_new_privileges,
        namespaces: &["mount", "uts", "ipc", "network"],
    })
}

/// In namespaces of its own, on this machine's files.
fn of_client(rootfs: &Path) -> Value {
    config(&Container {
        seccomp: None,
        rootfs,
        read_only: true,
        arguments: &[
            "sh",
            "-ec",
            "ip link set lo up; exec perl -e \"$0\"",
            CLIENT,
        ],
        capabilities: &["CAP_NET_ADMIN".to_owned()],
        no_new_privileges: true,
        namespaces: &["mount", "uts", "ipc", "network", "pid"],
    })
}

struct Container<'a> {
    seccomp: Option<&'a Value>,
    rootfs: &'a Path,
    read_only: bool,
    arguments: &'a [&'a str],
    capabilities: &'a [String],
    no_new_privileges: bool,
    namespaces: &'a [&'a str],
}

/// As the OCI's runtime specification has it.
fn config(container: &Container) -> Value {
    let namespaces = container.namespaces.iter();
    let namespaces: Vec<_> = namespaces.map(|kind| json!({"type": kind})).collect();
    let capabilities = container.capabilities;
    let mut linux = json!({"namespaces": namespaces});
    if let Some(profile) = container.seccomp {
        linux["seccomp"] = profile.clone();
    }
    json!({
        "ociVersion": "1.0.2",
        "root": {"path": container.rootfs, "readonly": container.read_only},
        "process": {
            "user": {"uid": 0, "gid": 0},
            "args": container.arguments,
            "env": ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"],
            "cwd": "/",
            "noNewPrivileges": container.no_new_privileges,
            "capabilities": {
                "bounding": capabilities,
                "permitted": capabilities,
                "effective": capabilities,
            },
        },
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc"},
            {"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": ["ro"]},
            {"destination": "/dev", "type": "tmpfs", "source": "tmpfs"},
        ],
        "linux": linux,
    })
}
