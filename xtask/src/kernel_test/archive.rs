// SPDX-License-Identifier: MIT
//! Fetching kernels from Debian's archive, checked by its signatures, without
//! touching this system's own list of sources or installing anything.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::{architecture::Architecture, kernels::Kernel, newest};
use crate::command;

/// Small lists that hold all series: 5.10, then 6.1 and 6.12, then the newest.
const SOURCES: &str = "\
deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian-security bullseye-security main
deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian-security bookworm-security main
deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian trixie-backports main
";

/// Where programs for another processor come from: since this release all files of a
/// package are below `/usr`.
const TOOLS: &str = "\
deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian trixie main
";

/// The archive forgets packages: older lists name some that are gone.
const LISTS_ARE_NEW: Duration = Duration::from_hours(12);

/// Modules that the tests need, in the order in which they load: `ss` and
/// zkchurn ask for sockets by the first two, the tests make wires that lose or hold packets
/// of the next three, and file systems that hang by the last.
pub(crate) const MODULES: [&str; 6] = [
    "inet_diag",
    "tcp_diag",
    "veth",
    "sch_netem",
    "sch_tbf",
    "fuse",
];

/// Debian's archive for one processor, with lists of our own.
pub(crate) struct Archive {
    dir: PathBuf,
    architecture: Architecture,
    names: String,
}

/// A kernel on this machine.
pub(crate) struct Image {
    /// What `uname -r` says in it.
    pub abi: String,
    /// The kernel that QEMU boots.
    pub vmlinuz: PathBuf,
    /// Where its modules are, each at the top.
    pub modules: PathBuf,
}

impl Archive {
    /// Reads the lists, which are kept below `dir` for some hours.
    pub(crate) fn open(dir: &Path, architecture: Architecture) -> Result<Self> {
        let dir = dir.join(architecture.debian());
        let mut archive = Self {
            dir: dir.clone(),
            architecture,
            names: String::new(),
        };
        fs::create_dir_all(dir.join("lists/partial"))?;
        fs::create_dir_all(dir.join("cache/archives/partial"))?;
        let tools = architecture.foreign_target().map_or("", |_| TOOLS);
        fs::write(dir.join("sources.list"), format!("{SOURCES}{tools}"))?;
        let stamp = dir.join("lists-fetched");
        if !is_newer_than(&stamp, LISTS_ARE_NEW) {
            println!("kernels: fetching Debian's lists");
            command::output(archive.apt("apt-get").args(["-q", "update"]))?;
            fs::write(&stamp, "")?;
        }
        archive.names = command::output(archive.apt("apt-cache").args(["pkgnames", "linux-"]))?;
        Ok(archive)
    }

    /// The newest kernel of this row, fetched unless it is here.
    pub(crate) fn image(&self, kernel: &Kernel) -> Result<Image> {
        let offer = newest::offer(&self.names, kernel)
            .with_context(|| format!("Debian's archive offers no kernel {}", kernel.name))?;
        let dir = self.dir.join(&offer.abi);
        let image = Image {
            vmlinuz: dir.join("vmlinuz"),
            modules: dir.join("modules"),
            abi: offer.abi,
        };
        if !image.vmlinuz.exists() || !has_all_modules(&dir) {
            self.fetch(&offer.packages, &dir)
                .with_context(|| format!("cannot fetch {}", image.abi))?;
        }
        Ok(image)
    }

    fn fetch(&self, packages: &[String], dir: &Path) -> Result<()> {
        println!("kernels: fetching {}", packages.join(" "));
        let unpacked = tempfile::tempdir_in(&self.dir)?;
        command::output(
            self.apt("apt-get")
                .current_dir(unpacked.path())
                .args(["-q", "download"])
                .args(packages),
        )?;
        unpack(unpacked.path(), unpacked.path())?;
        keep(unpacked.path(), dir)
    }

    /// The files of these packages and of those that they depend on, fetched unless they are
    /// here. No script of theirs runs.
    pub(crate) fn unpacked(&self, name: &str, packages: &[&str]) -> Result<PathBuf> {
        let dir = self.dir.join(name);
        if dir.exists() {
            return Ok(dir);
        }
        println!("kernels: fetching {}", packages.join(" "));
        let fetched = tempfile::tempdir_in(&self.dir)?;
        fs::create_dir_all(fetched.path().join("partial"))?;
        let archives = format!("Dir::Cache::archives={}", fetched.path().display());
        command::output(
            self.apt("apt-get")
                .args(["-o", &archives, "-q", "-y", "--download-only"])
                .args(["--no-install-recommends", "install"])
                .args(packages),
        )?;
        let unpacked = tempfile::tempdir_in(&self.dir)?;
        unpack(fetched.path(), unpacked.path())?;
        // Its being there says that it is complete.
        fs::rename(unpacked.path(), &dir)?;
        Ok(dir)
    }

    /// An apt that knows nothing but our own lists.
    fn apt(&self, program: &str) -> Command {
        let mut apt = Command::new(program);
        for (option, value) in [
            ("Dir::Etc::sourcelist", self.dir.join("sources.list")),
            ("Dir::Etc::sourceparts", "/dev/null".into()),
            ("Dir::State::lists", self.dir.join("lists")),
            ("Dir::State::status", "/dev/null".into()),
            ("Dir::Cache", self.dir.join("cache")),
            ("APT::Architecture", self.architecture.debian().into()),
            ("APT::Sandbox::User", "root".into()),
            ("Acquire::Languages", "none".into()),
            ("Acquire::Retries", "3".into()),
            (
                "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled",
                "false".into(),
            ),
        ] {
            apt.arg("-o").arg(format!("{option}={}", value.display()));
        }
        apt
    }
}

/// Unpacks the packages of a directory.
fn unpack(packages: &Path, to: &Path) -> Result<()> {
    let is_package = |file: &PathBuf| file.extension().is_some_and(|ending| ending == "deb");
    for package in files_below(packages)?.into_iter().filter(is_package) {
        command::output(Command::new("dpkg-deb").arg("-x").arg(package).arg(to))?;
    }
    Ok(())
}

/// Of what a package holds, some files are enough. The kernel comes last: its
/// being there says that the rest is.
fn keep(unpacked: &Path, dir: &Path) -> Result<()> {
    let modules = dir.join("modules");
    fs::create_dir_all(&modules)?;
    let files = files_below(unpacked)?;
    for file in &files {
        if module_of(file).is_some_and(|name| MODULES.contains(&name)) {
            fs::copy(file, modules.join(file.file_name().unwrap_or_default()))?;
        }
    }
    let kernels: Vec<_> = files.iter().filter(|file| is_kernel(file)).collect();
    ensure!(
        kernels.len() == 1,
        "{} kernels in the packages",
        kernels.len()
    );
    fs::copy(kernels[0], dir.join("vmlinuz"))?;
    Ok(fs::write(dir.join(KEPT), MODULES.join(" "))?)
}

/// Which modules were looked for as a package was unpacked: not every kernel has all.
const KEPT: &str = "modules-kept";

fn has_all_modules(dir: &Path) -> bool {
    fs::read_to_string(dir.join(KEPT)).is_ok_and(|kept| kept == MODULES.join(" "))
}

fn module_of(file: &Path) -> Option<&str> {
    let (module, _) = file.file_name()?.to_str()?.split_once(".ko")?;
    Some(module)
}

fn is_kernel(file: &Path) -> bool {
    let name = file.file_name().and_then(|name| name.to_str());
    name.is_some_and(|name| name.starts_with("vmlinuz"))
}

fn files_below(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).with_context(|| format!("cannot list {}", dir.display()))? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            files.extend(files_below(&entry.path())?);
        } else if entry.file_type()?.is_file() {
            files.push(entry.path());
        }
    }
    Ok(files)
}

fn is_newer_than(file: &Path, age: Duration) -> bool {
    let modified = file.metadata().and_then(|found| found.modified());
    modified.is_ok_and(|modified| modified.elapsed().is_ok_and(|elapsed| elapsed < age))
}
