// SPDX-License-Identifier: MIT
//! The container image: the static binary and nothing else, as an archive that podman,
//! docker, skopeo and containerd load.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use super::{Made, identity::Identity};
use crate::command;

/// Where the binary is inside, which is what a container starts.
const ENTRYPOINT: &str = "/zkchurn";

/// Makes the image of a target. All times in it are the commit's.
pub(super) fn make(root: &Path, out: &Path, identity: &Identity, made: &Made) -> Result<PathBuf> {
    let scratch = tempfile::tempdir_in(root.join("target/dist"))?;
    let layout = scratch.path().join("layout");
    let layout = layout.display().to_string();
    let name = format!("{layout}:localhost/zkchurn:{}", identity.version);
    umoci(&["init", "--layout", &layout])?;
    umoci(&["new", "--image", &name])?;
    insert(&name, identity, &made.binary)?;
    configure(&name, identity, made)?;
    umoci(&["gc", "--layout", &layout])?;
    let file = out.join(format!(
        "zkchurn-{}-linux-{}.oci.tar",
        identity.version, made.target.debian
    ));
    pack(&layout, &file, identity)?;
    Ok(file)
}

fn insert(image: &str, identity: &Identity, binary: &Path) -> Result<()> {
    let moment = format!("--date=@{}", identity.epoch);
    command::output(Command::new("touch").arg(moment).arg(binary))?;
    let binary = binary.display().to_string();
    let mut insert = vec!["insert", "--rootless", "--image", image];
    insert.extend(["--history.created", &identity.rfc3339]);
    insert.extend(["--history.created_by", "cargo xtask dist"]);
    insert.extend([&*binary, ENTRYPOINT]);
    umoci(&insert)
}

fn configure(image: &str, identity: &Identity, made: &Made) -> Result<()> {
    let mut config = vec!["config", "--no-history", "--image", image];
    config.extend(["--os", "linux", "--architecture", made.target.debian]);
    config.extend(["--created", &identity.rfc3339]);
    config.extend(["--config.entrypoint", ENTRYPOINT]);
    let labels = [
        ("title", "zkchurn"),
        (
            "description",
            "Names the process and thread behind ZooKeeper connection churn",
        ),
        ("version", &identity.version),
        ("revision", &identity.commit),
        ("created", &identity.rfc3339),
        ("licenses", "MIT"),
    ]
    .map(|(key, value)| format!("org.opencontainers.image.{key}={value}"));
    for label in &labels {
        config.extend(["--config.label", label]);
    }
    umoci(&config)
}

/// The same bytes whoever packs it, and whenever.
fn pack(layout: &str, file: &Path, identity: &Identity) -> Result<()> {
    let mut tar = Command::new("tar");
    tar.args(["--sort=name", "--owner=0", "--group=0", "--numeric-owner"])
        .args(["--format=ustar", "--mode=u=rwX,go=rX"])
        .arg(format!("--mtime=@{}", identity.epoch))
        .args(["--directory", layout, "--create", "--file"])
        .arg(file)
        .args(["oci-layout", "index.json", "blobs"]);
    command::output(&mut tar).map(drop)
}

fn umoci(arguments: &[&str]) -> Result<()> {
    command::output(Command::new("umoci").args(arguments)).map(drop)
}
