// SPDX-License-Identifier: MIT
//! What building the eBPF object needs. rustup has no ready-made `core` for
//! the BPF target. Where the nightly has its sources, it is built along; else
//! Debian's `rustc-web`, which has it ready-made, is the way.

use std::process::Command;

use super::remedy::{Missing, has_apt};
use crate::command;
use crate::toolchain::{self, LINKER_VERSION, Rustc};

/// The releases of LLVM that this bpf-linker can be built with.
const LINKER_LLVM: [&str; 3] = ["21", "22", "23"];

/// What is missing, as far as it can be told.
pub(super) fn missing() -> Vec<Missing> {
    let Some(rustc) = Rustc::find() else {
        return vec![rustc_missing()];
    };
    let major = rustc.llvm_major();
    if toolchain::linker(major).is_some() && toolchain::strip(major).is_some() {
        return Vec::new();
    }
    let missing = libraries_missing(major);
    if !missing.is_empty() {
        return missing;
    }
    vec![linker_missing(major)]
}

fn rustc_missing() -> Missing {
    let what = "a rustc with `core` for the BPF target";
    if has_apt() && debian_has("rustc-web") {
        return Missing::package(what, &["rustc-web", "libstd-rust-web-dev-bpf"]);
    }
    if command::on_path("rustup").is_some() {
        let mut rustup = Command::new("rustup");
        rustup.args(["toolchain", "install", "nightly", "--profile", "minimal"]);
        rustup.args(["--component", "rust-src"]);
        return Missing::command(what, rustup);
    }
    Missing::by_hand(
        what,
        "install rustup (https://rustup.rs), then run \
         `rustup toolchain install nightly --component rust-src`",
    )
}

/// Whether apt knows a package. Where no list was ever fetched it cannot know;
/// there the answer is yes, and the installation will tell.
fn debian_has(package: &str) -> bool {
    let mut show = Command::new("apt-cache");
    show.args(["show", "--no-all-versions", package]);
    command::output(&mut show).is_ok() || !has_lists()
}

fn has_lists() -> bool {
    std::fs::read_dir("/var/lib/apt/lists").is_ok_and(|mut files| {
        files.any(|file| file.is_ok_and(|file| is_list(&file.file_name().to_string_lossy())))
    })
}

/// Lists may be kept compressed: `…_Packages`, `…_Packages.lz4`.
fn is_list(name: &str) -> bool {
    name.contains("_Packages")
}

fn libraries_missing(major: &str) -> Vec<Missing> {
    let mut missing = Vec::new();
    if toolchain::llvm_prefix(major).is_none() || toolchain::strip(major).is_none() {
        missing.push(Missing::package(
            format!("LLVM {major}, to build bpf-linker with"),
            &[
                &format!("llvm-{major}"),
                &format!("llvm-{major}-dev"),
                &format!("libpolly-{major}-dev"),
            ],
        ));
    }
    if command::on_path("c++").is_none() {
        missing.push(Missing::package(
            "a C++ compiler, to link bpf-linker",
            &["g++"],
        ));
    }
    missing
}

fn linker_missing(major: &str) -> Missing {
    let what = format!("bpf-linker {LINKER_VERSION} made with LLVM {major}");
    let Some(prefix) = toolchain::llvm_prefix(major) else {
        return Missing::by_hand(what, format!("the files of LLVM {major} were not found"));
    };
    if !LINKER_LLVM.contains(&major) {
        return Missing::by_hand(
            what,
            format!("it knows LLVM {} only", LINKER_LLVM.join(", ")),
        );
    }
    let mut install = command::cargo();
    install
        .args(["install", "bpf-linker", "--locked"])
        .args(["--version", LINKER_VERSION, "--no-default-features"])
        .args(["--features", &format!("llvm-{major}"), "--root"])
        .arg(toolchain::local_tools())
        .env("LLVM_PREFIX", prefix);
    Missing::command(what, install)
}
