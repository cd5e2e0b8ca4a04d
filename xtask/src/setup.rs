// SPDX-License-Identifier: MIT
//! `setup`: finds what this machine lacks and installs it. Each command is
//! printed before it runs; nothing runs when nothing is missing.

pub mod bench;
pub mod browser;
pub mod clickhouse;
pub mod clients;
pub mod collector;
pub mod deny;
pub mod dist;
mod ebpf;
pub mod fuzz;
pub mod incident;
pub mod kazoo;
mod kernels;
mod kinds;
pub mod manifests;
pub mod mutants;
pub mod prometheus;
mod python;
mod remedy;
pub mod roots;
mod tests;

use anyhow::{Result, bail};
use clap::Args;

use self::remedy::Remedy;
use crate::privilege;

pub use self::remedy::Missing;

/// Options of `setup`.
#[derive(Args)]
pub struct Options {
    /// Install nothing: only name what is missing
    #[arg(long)]
    check: bool,
}

/// What a verb needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// The tools that zkchurn is measured beside.
    Bench,
    /// Looking at pages.
    Browser,
    /// The ClickHouse engine, which records are loaded into.
    Clickhouse,
    /// ZooKeeper clients of other languages.
    Clients,
    /// A collector of OpenTelemetry, which events are sent to.
    Collector,
    /// Building what is handed to hosts.
    Dist,
    /// Building the static binary alone.
    DistBinary,
    /// Building the eBPF object.
    Ebpf,
    /// Running the fuzz targets.
    Fuzz,
    /// ZooKeeper and a JDK.
    Incident,
    /// A ZooKeeper client for Python.
    Kazoo,
    /// Booting other kernels.
    Kernels,
    /// Booting those for arm64, too; the suite does not.
    Arm64Kernels,
    /// Programs that bring about kinds of churn.
    Kinds,
    /// Checking manifests for Kubernetes.
    Manifests,
    /// Making faults that the tests should notice; the suite does not.
    Mutants,
    /// Checking metrics and alert rules.
    Prometheus,
    /// Root file systems of other releases.
    Roots,
    /// What the tests call.
    Tests,
}

impl Group {
    /// Those of the suite. What makes packages takes minutes to build and is left to `dist`, as
    /// is Rust's library for musl, which rustup's own server has and nobody else; the clients of
    /// other languages are left to the whole matrix of kinds.
    pub const ALL: [Self; 14] = [
        Self::Bench,
        Self::Browser,
        Self::Clickhouse,
        Self::Collector,
        Self::Ebpf,
        Self::Fuzz,
        Self::Incident,
        Self::Kazoo,
        Self::Kernels,
        Self::Kinds,
        Self::Manifests,
        Self::Prometheus,
        Self::Roots,
        Self::Tests,
    ];

    fn missing(self) -> Vec<Missing> {
        match self {
            Self::Bench => bench::missing(),
            Self::Browser => browser::missing(),
            Self::Clickhouse => clickhouse::missing(),
            Self::Clients => clients::missing(),
            Self::Collector => collector::missing(),
            Self::Dist => dist::missing(),
            Self::DistBinary => dist::missing_for_binaries(),
            Self::Ebpf => ebpf::missing(),
            Self::Fuzz => fuzz::missing(),
            Self::Incident => incident::missing(),
            Self::Kazoo => kazoo::missing(),
            Self::Kernels => kernels::missing(),
            Self::Arm64Kernels => kernels::missing_for_arm64(),
            Self::Kinds => kinds::missing(),
            Self::Manifests => manifests::missing(),
            Self::Mutants => mutants::missing(),
            Self::Prometheus => prometheus::missing(),
            Self::Roots => roots::missing(),
            Self::Tests => tests::missing(),
        }
    }
}

/// One thing can hide the next: which LLVM is needed is known only once there
/// is a rustc. This many rounds are more than any group has layers.
const ROUNDS: usize = 6;

/// Runs the verb.
pub fn run(options: &Options) -> Result<()> {
    if options.check {
        return check();
    }
    ensure(&Group::ALL)?;
    println!("setup: nothing is missing");
    Ok(())
}

/// Installs what these groups lack.
pub fn ensure(groups: &[Group]) -> Result<()> {
    for _ in 0..ROUNDS {
        let missing = missing(groups);
        if missing.is_empty() {
            return Ok(());
        }
        install(missing)?;
    }
    bail!("still missing after {ROUNDS} rounds: {}", named(groups));
}

fn check() -> Result<()> {
    let missing = missing(&Group::ALL);
    if missing.is_empty() {
        println!("setup: nothing is missing");
        return Ok(());
    }
    for one in &missing {
        println!("missing: {}\n  {}", one.what, one.remedy);
    }
    bail!("{} missing; `cargo xtask setup` installs it", missing.len());
}

fn missing(groups: &[Group]) -> Vec<Missing> {
    groups.iter().flat_map(|group| group.missing()).collect()
}

fn named(groups: &[Group]) -> String {
    let names: Vec<_> = missing(groups)
        .into_iter()
        .map(|missing| missing.what)
        .collect();
    names.join(", ")
}

/// Debian's packages go in with one call; the rest follows one by one.
fn install(missing: Vec<Missing>) -> Result<()> {
    for one in &missing {
        println!("setup: missing: {}", one.what);
    }
    let mut packages = Vec::new();
    let mut commands = Vec::new();
    for one in missing {
        match one.remedy {
            Remedy::Packages(names) => packages.extend(names),
            Remedy::Command(command) => commands.push(command),
            Remedy::ByHand(how) => bail!("{} cannot be installed from here: {how}", one.what),
        }
    }
    if !packages.is_empty() {
        privilege::acquire("to install Debian packages")?;
        packages.sort();
        packages.dedup();
        remedy::install_packages(&packages)?;
    }
    for mut command in commands {
        remedy::print_and_run(&mut command)?;
    }
    Ok(())
}
