// SPDX-License-Identifier: MIT
//! What a kernel boots: the file system of a release, and over it what is tested and the
//! scripts. All of it is in memory: by a clock that skips what it would sleep a disk would seem
//! to take minutes.

use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::installed;
use crate::kernel_test::archive::{Image, MODULES};
use crate::kernel_test::guest;
use crate::lab;

const INIT: &str = include_str!("init.sh");
const UNIT: &str = include_str!("service-test.service");
const LIBRARY: &str = include_str!("lib.sh");
const SERVER: &str = include_str!("server.pl");
const LIFE: &str = include_str!("checks.sh");
const HOUR: &str = include_str!("hour.sh");

/// Any: without one systemd takes it for a first boot, and asks questions.
const MACHINE: &str = "0123456789abcdef0123456789abcdef\n";

/// Units that wait for hardware or a network that a guest has not.
const MASKED: [&str; 5] = [
    "apt-daily.timer",
    "apt-daily-upgrade.timer",
    "getty@tty1.service",
    "serial-getty@ttyS0.service",
    "systemd-networkd-wait-online.service",
];

/// What is done in a guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Script {
    /// The agent is started, reloaded, killed and stopped.
    Life,
    /// An hour with churn from minute 40 on.
    Hour,
}

impl Script {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Life => "life",
            Self::Hour => "hour",
        }
    }

    /// The file system is in it, too.
    pub(super) const fn memory_mib(self) -> u32 {
        match self {
            Self::Life => 2048,
            Self::Hour => 4096,
        }
    }

    /// What it takes beside what debootstrap installs. kmod loads modules.
    pub(super) const fn packages(self) -> &'static [&'static str] {
        match self {
            Self::Life => &["systemd-sysv", "kmod"],
            Self::Hour => &[
                "systemd-sysv",
                "kmod",
                "default-jre-headless",
                "libzookeeper-java",
                "libslf4j-java",
                "liblog4j1.2-java",
            ],
        }
    }

    const fn text(self) -> &'static str {
        match self {
            Self::Life => LIFE,
            Self::Hour => HOUR,
        }
    }
}

/// Builds the initramfs: a kernel unpacks one archive after the other.
pub(super) fn build(
    dir: &Path,
    base: &Path,
    image: &Image,
    zkchurn: &Path,
    script: Script,
) -> Result<PathBuf> {
    let root = dir.join("root");
    let own = root.join("service-test");
    for made in [&own, &root.join("modules"), &root.join("etc")] {
        fs::create_dir_all(made)?;
    }
    program(
        &root.join("init"),
        &INIT.replace("@modules@", &MODULES.join(" ")),
    )?;
    guest::copy_modules(image, &root)?;
    fs::write(own.join("lib.sh"), LIBRARY)?;
    fs::write(own.join("run.sh"), script.text())?;
    fs::write(own.join("server.pl"), SERVER)?;
    fs::write(root.join("etc/machine-id"), MACHINE)?;
    units(&root.join("etc/systemd/system"))?;
    installed::put(zkchurn, &root)?;
    if script == Script::Hour {
        incident(&own.join("incident"))?;
    }
    let packed = guest::pack(&root, &dir.join("own"))?;
    let initramfs = dir.join("initramfs");
    fs::copy(base, &initramfs).with_context(|| format!("no {}", base.display()))?;
    let mut all = fs::OpenOptions::new().append(true).open(&initramfs)?;
    io::copy(&mut fs::File::open(packed)?, &mut all)?;
    Ok(initramfs)
}

fn program(file: &Path, text: &str) -> Result<()> {
    fs::write(file, text)?;
    fs::set_permissions(file, fs::Permissions::from_mode(0o755))?;
    Ok(())
}

fn units(dir: &Path) -> Result<()> {
    let wanted = dir.join("multi-user.target.wants");
    fs::create_dir_all(&wanted)?;
    fs::write(dir.join("service-test.service"), UNIT)?;
    symlink(
        "../service-test.service",
        wanted.join("service-test.service"),
    )?;
    for unit in MASKED {
        symlink("/dev/null", dir.join(unit))?;
    }
    Ok(())
}

/// The client of the incident, which the laboratory knows how to make.
fn incident(dir: &Path) -> Result<()> {
    fs::create_dir_all(dir)?;
    let files = dir.to_str().context("not a path for an option")?;
    lab::run("incident", &["--files", files])
}
