// SPDX-License-Identifier: MIT
//! `build-ebpf`: the eBPF object from source.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use clap::Args;

use crate::object::manifest::{Made, Manifest};
use crate::object::{self, sha256};
use crate::toolchain::{Core, Rustc, TARGET, Toolchain};
use crate::{command, setup, workspace};

/// Options of `build-ebpf`.
#[derive(Args)]
pub(crate) struct Options {
    /// Commit nothing: build below target/ and compare with what is committed
    #[arg(long)]
    check: bool,
}

/// Runs the verb.
pub(crate) fn run(options: &Options) -> Result<()> {
    if options.check {
        println!("zkchurn/bpf/zkchurn.bpf.o {}", check()?);
        return Ok(());
    }
    let (object, toolchain) = build()?;
    let bytes = read(&object)?;
    let manifest = Manifest::describe(&bytes, &toolchain)?;
    std::fs::create_dir_all(workspace::root().join("zkchurn/bpf"))?;
    std::fs::write(object::committed(), &bytes).context("cannot write the object")?;
    manifest.write()?;
    println!(
        "zkchurn/bpf/zkchurn.bpf.o: {} bytes, sha256 {}\nmade by {}",
        manifest.object_bytes, manifest.object_sha256, manifest.toolchain.rustc
    );
    Ok(())
}

/// Rebuilds the object below `target/` and holds the committed one against
/// it: its sources must be the present ones, and where the toolchain is the
/// same, so must be every byte. Tells which of the two was found.
pub(crate) fn check() -> Result<&'static str> {
    let (object, toolchain) = build()?;
    let manifest = object::check_committed()?;
    if manifest.toolchain != Made::with(&toolchain) {
        return Ok("is current; made by another toolchain, so its bytes cannot be compared");
    }
    if sha256(&read(&object)?) != manifest.object_sha256 {
        bail!(
            "the same sources and toolchain gave other bytes than zkchurn/bpf/zkchurn.bpf.o \
             holds: run `cargo xtask build-ebpf` and commit zkchurn/bpf"
        );
    }
    Ok("is current, byte for byte")
}

/// The object as it is built from the present sources, below `target/`.
pub(crate) fn rebuilt() -> Result<PathBuf> {
    Ok(build()?.0)
}

fn build() -> Result<(PathBuf, Toolchain)> {
    setup::ensure(&[setup::Group::Ebpf])?;
    let toolchain = Toolchain::find()?;
    let target = workspace::target("ebpf")?;
    command::run(&mut cargo(&toolchain, &target)?)?;
    let linked = target.join(TARGET).join("release/zkchurn-ebpf");
    let stripped = target.join("zkchurn.bpf.o");
    // DWARF is only for debuggers; BTF, which the kernel reads, stays.
    let mut strip = Command::new(&toolchain.strip);
    strip.arg("-g").arg("-o").arg(&stripped).arg(&linked);
    command::run(&mut strip)?;
    check_paths(&stripped)?;
    Ok((stripped, toolchain))
}

fn cargo(toolchain: &Toolchain, target: &Path) -> Result<Command> {
    let rustc = &toolchain.rustc;
    let mut cargo = match rustc.core {
        Core::Prebuilt => command::cargo(),
        // Cargo builds `core` by rules of its own release.
        Core::FromSource => cargo_beside(rustc),
    };
    cargo
        .args(["build", "--release", "--package", "zkchurn-ebpf"])
        .args(["--target", TARGET])
        .env("CARGO_TARGET_DIR", target)
        .env("CARGO_ENCODED_RUSTFLAGS", flags(toolchain)?)
        // bpf-linker puts all together by itself; what makes zkchurn small is nothing for it.
        .env("CARGO_PROFILE_RELEASE_LTO", "thin")
        .env("RUSTC", &rustc.path)
        // aya-ebpf needs a feature that stable rustc keeps locked.
        .env("RUSTC_BOOTSTRAP", "1");
    if rustc.core == Core::FromSource {
        cargo.args(["-Z", "build-std=core"]);
    }
    Ok(cargo)
}

fn cargo_beside(rustc: &Rustc) -> Command {
    let beside = rustc.sysroot.join("bin/cargo");
    if !beside.exists() {
        return command::cargo();
    }
    let mut cargo = Command::new(beside);
    cargo.current_dir(workspace::root());
    cargo
}

/// rustc's flags, in the encoding that lets them contain blanks.
fn flags(toolchain: &Toolchain) -> Result<OsString> {
    let mut linker = OsString::from("linker=");
    linker.push(&toolchain.linker);
    let mut flags: Vec<OsString> = [
        // Only `pt_regs` differ between the architectures that aya knows, and
        // no program here reads them: one object serves all.
        "--cfg",
        "bpf_target_arch=\"x86_64\"",
        // BTF is made from the debug information.
        "-Cdebuginfo=2",
        "-Clink-arg=--btf",
        "-C",
    ]
    .map(OsString::from)
    .into();
    flags.push(linker);
    for (from, to) in remaps(&toolchain.rustc)? {
        let mut flag = OsString::from("--remap-path-prefix=");
        flag.push(from);
        flag.push("=");
        flag.push(to);
        flags.push(flag);
    }
    Ok(flags.join(&OsString::from("\u{1f}")))
}

/// BTF's line information names source files. These directories differ from
/// machine to machine, so each gets a name that does not. The last match wins.
fn remaps(rustc: &Rustc) -> Result<Vec<(PathBuf, &'static str)>> {
    let mut remaps = vec![
        (rustc.sysroot.join("lib/rustlib/src/rust"), "/rust"),
        (workspace::root(), "/zkchurn"),
    ];
    let dependencies = dependency_dirs()?;
    remaps.extend(dependencies.into_iter().map(|dir| (dir, "/cargo")));
    Ok(remaps)
}

/// The directories that the dependencies' sources are unpacked in: the cargo
/// home's registry, or wherever a mirror or a vendor directory puts them.
fn dependency_dirs() -> Result<BTreeSet<PathBuf>> {
    let printed = command::output(command::cargo().args(["metadata", "--format-version=1"]))?;
    let metadata: serde_json::Value = serde_json::from_str(&printed)?;
    let packages = metadata["packages"].as_array().context("no packages")?;
    Ok(packages
        .iter()
        .filter(|package| package["source"].is_string())
        .filter_map(|package| {
            Path::new(package["manifest_path"].as_str()?)
                .ancestors()
                .nth(2)
        })
        .map(Path::to_owned)
        .collect())
}

/// A path of this machine in the object would make it differ elsewhere.
fn check_paths(object: &Path) -> Result<()> {
    let bytes = read(object)?;
    let mut own = dependency_dirs()?;
    own.insert(workspace::root());
    for dir in own {
        let path = dir.as_os_str().as_encoded_bytes();
        ensure!(
            !bytes.windows(path.len()).any(|found| found == path),
            "the object names {}, a path of this machine",
            dir.display()
        );
    }
    Ok(())
}

fn read(object: &Path) -> Result<Vec<u8>> {
    std::fs::read(object).with_context(|| format!("cannot read {}", object.display()))
}
