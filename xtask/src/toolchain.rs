// SPDX-License-Identifier: MIT
//! What turns the kernel program's sources into an eBPF object: a rustc that
//! has `core` for the BPF target, bpf-linker, and LLVM's strip.
//!
//! All three work on LLVM's intermediate code, so all three must be made from
//! the same major version of LLVM. rustc's decides.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::{command, workspace};

/// The BPF target: little-endian, no operating system.
pub const TARGET: &str = "bpfel-unknown-none";
/// The version of bpf-linker that the object is built with.
pub const LINKER_VERSION: &str = "0.13.0";

/// Where `core` for the BPF target comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Core {
    /// Installed beside the compiler, as Debian packages it.
    Prebuilt,
    /// Built along from the `rust-src` component.
    FromSource,
}

/// A rustc that can build for the BPF target.
pub struct Rustc {
    /// The compiler itself, not rustup's stand-in.
    pub path: PathBuf,
    /// Its one-line version.
    pub version: String,
    /// The full version of its LLVM.
    pub llvm: String,
    /// The directory its libraries are in.
    pub sysroot: PathBuf,
    /// Where `core` comes from.
    pub core: Core,
}

/// All that is needed to build the object.
pub struct Toolchain {
    /// The compiler.
    pub rustc: Rustc,
    /// bpf-linker, of a fitting version.
    pub linker: PathBuf,
    /// LLVM's strip, which leaves BTF alone.
    pub strip: PathBuf,
    /// What the strip says about its version; the linker uses the same LLVM.
    pub llvm: String,
}

impl Rustc {
    /// The first rustc that will do: the nightly where it has `rust-src`,
    /// then the system's (Debian's `rustc-web`), then the one on PATH.
    pub fn find() -> Option<Self> {
        let system = PathBuf::from("/usr/bin/rustc");
        let on_path = command::on_path("rustc").and_then(|rustc| sysroot(&rustc));
        [
            nightly(),
            sysroot(&system).map(|_| system),
            on_path.map(|sysroot| sysroot.join("bin/rustc")),
        ]
        .into_iter()
        .flatten()
        .find_map(|rustc| Self::at(&rustc))
    }

    /// The rustc at this path, if it has `core` for the BPF target.
    fn at(path: &Path) -> Option<Self> {
        let sysroot = sysroot(path)?;
        let core = core_in(&sysroot)?;
        let verbose = command::output(Command::new(path).arg("-vV")).ok()?;
        Some(Self {
            path: path.to_owned(),
            version: verbose.lines().next()?.to_owned(),
            llvm: field(&verbose, "LLVM version: ")?.to_owned(),
            sysroot,
            core,
        })
    }

    /// The major version of its LLVM.
    pub fn llvm_major(&self) -> &str {
        self.llvm.split('.').next().unwrap_or(&self.llvm)
    }
}

impl Toolchain {
    /// What is there. `setup` sees to it that all of it is.
    pub fn find() -> Result<Self> {
        let rustc = Rustc::find().context("no rustc with `core` for the BPF target")?;
        let major = rustc.llvm_major();
        let linker = linker(major)
            .with_context(|| format!("no bpf-linker {LINKER_VERSION} made with LLVM {major}"))?;
        let strip = strip(major).with_context(|| format!("no llvm-strip of LLVM {major}"))?;
        let version = command::output(Command::new(&strip).arg("--version"))?;
        let llvm = version
            .lines()
            .find(|line| line.contains("LLVM version"))
            .map(|line| line.trim().to_owned())
            .with_context(|| format!("{} does not tell its version", strip.display()))?;
        Ok(Self {
            rustc,
            linker,
            strip,
            llvm,
        })
    }
}

/// The host's triple, which the host's rustc names.
pub fn host_triple() -> Result<String> {
    let verbose = command::output(Command::new("rustc").arg("-vV"))?;
    field(&verbose, "host: ")
        .map(str::to_owned)
        .context("rustc does not name its host")
}

/// bpf-linker of the right version and LLVM: one on PATH or the project's own.
pub fn linker(llvm_major: &str) -> Option<PathBuf> {
    command::on_path("bpf-linker")
        .into_iter()
        .chain([local_linker()])
        .find(|linker| fits(linker, llvm_major))
}

/// Where `setup` installs bpf-linker.
pub fn local_tools() -> PathBuf {
    workspace::root().join("target/tools")
}

/// The strip of this version of LLVM.
pub fn strip(llvm_major: &str) -> Option<PathBuf> {
    let in_prefix = llvm_prefix(llvm_major).map(|prefix| prefix.join("bin/llvm-strip"));
    in_prefix
        .filter(|program| program.exists())
        .or_else(|| command::on_path(&format!("llvm-strip-{llvm_major}")))
}

/// The prefix that LLVM's development files of this version are under.
pub fn llvm_prefix(major: &str) -> Option<PathBuf> {
    [
        format!("/usr/lib/llvm-{major}"),
        format!("/usr/lib/llvm{major}"),
        format!("/usr/lib64/llvm{major}"),
        format!("/usr/lib/llvm/{major}"),
    ]
    .into_iter()
    .map(PathBuf::from)
    .find(|prefix| prefix.join("bin/llvm-config").exists())
}

fn local_linker() -> PathBuf {
    local_tools().join("bin/bpf-linker")
}

/// A linker that names another LLVM's library was made with that LLVM. One
/// that names none is linked statically and has to be taken at its word.
fn fits(linker: &Path, llvm_major: &str) -> bool {
    let version = command::output(Command::new(linker).arg("--version"));
    if version.ok().as_deref().map(str::trim) != Some(&format!("bpf-linker {LINKER_VERSION}")) {
        return false;
    }
    let Ok(bytes) = std::fs::read(linker) else {
        return false;
    };
    let names = |library: &str| {
        let library = library.as_bytes();
        bytes.windows(library.len()).any(|found| found == library)
    };
    names(&format!("libLLVM.so.{llvm_major}.")) || !names("libLLVM")
}

/// The name of a nightly that rustup has.
pub fn nightly_name() -> Option<String> {
    let installed = command::output(Command::new("rustup").args(["toolchain", "list"])).ok()?;
    let mut words = installed.split_whitespace();
    let name = words.find(|word| word.starts_with("nightly"))?;
    Some(name.to_owned())
}

fn nightly() -> Option<PathBuf> {
    let name = nightly_name()?;
    let printed =
        command::output(Command::new("rustup").args(["which", "rustc", "--toolchain", &name]));
    Some(PathBuf::from(printed.ok()?.trim()))
}

fn sysroot(rustc: &Path) -> Option<PathBuf> {
    let printed = command::output(Command::new(rustc).args(["--print", "sysroot"])).ok()?;
    Some(PathBuf::from(printed.trim()))
}

fn core_in(sysroot: &Path) -> Option<Core> {
    let rustlib = sysroot.join("lib/rustlib");
    if has_prebuilt_core(&rustlib.join(TARGET).join("lib")) {
        return Some(Core::Prebuilt);
    }
    let source = rustlib.join("src/rust/library/core/Cargo.toml");
    source.exists().then_some(Core::FromSource)
}

fn has_prebuilt_core(libraries: &Path) -> bool {
    std::fs::read_dir(libraries).is_ok_and(|files| {
        files
            .flatten()
            .any(|file| file.file_name().to_string_lossy().starts_with("libcore-"))
    })
}

fn field<'a>(verbose: &'a str, name: &str) -> Option<&'a str> {
    verbose.lines().find_map(|line| line.strip_prefix(name))
}
