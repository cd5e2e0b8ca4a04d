// SPDX-License-Identifier: MIT
//! The project's own verbs. `cargo xtask help` lists them.
//!
//! | module | verb or purpose |
//! |---|---|
//! | `lab` | the verbs that bring about churn, in a crate of their own |
//! | `debian_root` | root file systems of Debian's releases |
//! | `build_ebpf` | the eBPF object from source, and whether the committed one is current |
//! | `dist` | static binaries and packages for hosts |
//! | `faults` | what goes wrong around zkchurn, alone and at full size |
//! | `fresh_test` | the suite on a Debian that has nothing else |
//! | `squeezed` | the kernel tests on one processor, with hardly any memory |
//! | `fuzz` | hostile bytes for everything that reads bytes |
//! | `install_test` | what `dist` made, in root file systems of other releases |
//! | `kernel_test` | the kernel tests on other kernels, under QEMU |
//! | `service_test` | the agent as a service, under systemd in a guest |
//! | `marked` | parts of pages that verbs write anew |
//! | `supply_chain` | licences, sources, versions and reasons of what zkchurn is made of |
//! | `limit` | a limit for what waits for other programs |
//! | `lint` | what can be told of a change without running the project |
//! | `test` | the whole suite |
//! | `documents` | the commands and links of the documents |
//! | `privileged_tests` | the tests that need root, by way of an ordinary user's sudo |
//! | `prometheus` | metrics, alert rules and the dashboard, as Prometheus sees them |
//! | `unit` | the unit of the agent, as systemd sees it |
//! | `mutants` | small faults in the core crate, and whether its tests notice them |
//! | `object` | what checking the object needs |
//! | `guard` | a run that is killed leaves nothing behind |
//! | `heartbeat` | a sign of life from what takes long |

mod beside;
mod build_ebpf;
mod debian_root;
mod dist;
mod documents;
mod faults;
mod fresh_test;
mod fuzz;
mod guard;
mod heartbeat;
mod install_test;
mod kernel_test;
mod lab;
mod limit;
mod lint;
mod marked;
mod mutants;
mod object;
mod pages;
mod privileged_tests;
mod prometheus;
mod service_test;
mod squeezed;
mod supply_chain;
mod test;
mod unit;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use xtask::{command, privilege, setup, toolchain, workspace};

/// The project's own verbs.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Find what this machine lacks and install it.
    Setup(setup::Options),
    /// Build the eBPF object from source into zkchurn/bpf, ready to commit.
    BuildEbpf(build_ebpf::Options),
    /// Make static binaries and packages for hosts, into dist/.
    Dist(dist::Options),
    /// Make contrib/grafana/zkchurn.json from dashboard.toml beside it.
    Dashboard,
    /// Make four kinds of churn on loopback, trace them, compare the counts.
    Demo(lab::Options),
    /// Run the tests of faults alone, at full size if wanted.
    Faults(faults::Options),
    /// Run the suite as an ordinary user on a Debian 12 that has nothing else.
    FreshTest(fresh_test::Options),
    /// Bring about the real ZooKeeper incident, trace it, check the report.
    Incident(lab::Options),
    /// Read a Java client's session off the wire, compare it with its log.
    Handshake(lab::Options),
    /// Trace with, install and remove what `dist` made, in roots of Debian 11 to 13.
    InstallTest(install_test::Options),
    /// Send connections by way of a collector to the ClickHouse engine, compare with the trace.
    Collector(lab::Options),
    /// Make a Python client per request, trace them, check the report.
    Kazoo(lab::Options),
    /// Bring about every kind of churn, trace it, check the findings.
    DiagnoseMatrix(lab::Options),
    /// Churn for a long time; check each minute that nothing is lost and nothing grows.
    Soak(lab::Options),
    /// Feed hostile bytes to everything that reads bytes.
    Fuzz(fuzz::Options),
    /// Make small faults in a sample of the core crate, see whether the tests notice them.
    Mutants(mutants::Options),
    /// Measure what zkchurn costs and loses, beside other tools.
    Bench(lab::Options),
    /// Measure the kernel's map operations on one processor and on all at once.
    Cores(lab::Options),
    /// Run the kernel tests on stock Debian kernels, booted under QEMU.
    KernelTest(kernel_test::Options),
    /// Start, reload, kill and stop the agent's service under systemd, booted under QEMU.
    ServiceTest(service_test::Options),
    /// Make known clients of a real server, check what its log tells of them.
    #[command(name = "serverlog")]
    ServerLog(lab::Options),
    /// Load recordings into the ClickHouse engine, as a day of many hosts, and ask who churns.
    Fleet(lab::Options),
    /// Replay made-up recordings of growing size, measure speed and memory.
    Growth(lab::Options),
    /// Check licences, sources, versions and reasons of what zkchurn is made of.
    SupplyChain,
    /// Check format, lints, dependencies and documents, in less than a minute.
    Lint(lint::Options),
    /// Run the kernel tests on one processor, with hardly any memory.
    Squeezed(squeezed::Options),
    /// Run the whole suite.
    Test(test::Options),
    /// Run a program, and remove what it leaves; other verbs start it.
    #[command(hide = true)]
    Guard(guard::Options),
}

fn main() -> ExitCode {
    match run(Cli::parse().verb) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(verb: Verb) -> anyhow::Result<ExitCode> {
    match verb {
        Verb::Guard(options) => guard::guard(&options),
        verb if is_guarded(&verb) => guard::guarded(|| work(verb)),
        verb => work(verb).map(|()| ExitCode::SUCCESS),
    }
}

/// Those that run tests as root, or in a root of their own. The laboratory's verbs are
/// programs that this one becomes, and see to what they make.
fn is_guarded(verb: &Verb) -> bool {
    matches!(
        verb,
        Verb::Faults(_)
            | Verb::FreshTest(_)
            | Verb::InstallTest(_)
            | Verb::KernelTest(_)
            | Verb::ServiceTest(_)
            | Verb::Test(_)
    )
}

fn work(verb: Verb) -> anyhow::Result<()> {
    match verb {
        Verb::Guard(_) => Ok(()),
        Verb::Setup(options) => setup::run(&options),
        Verb::BuildEbpf(options) => heartbeat::beside("build-ebpf", || build_ebpf::run(&options)),
        Verb::Dist(options) => heartbeat::beside("dist", || dist::run(&options)),
        Verb::Dashboard => prometheus::write_dashboard(),
        Verb::Demo(options) => lab::become_verb("demo", &options),
        Verb::Faults(options) => faults::run(&options),
        Verb::FreshTest(options) => fresh_test::run(&options),
        Verb::Squeezed(options) => squeezed::run(&options),
        Verb::Fuzz(options) => fuzz::run(&options),
        Verb::Mutants(options) => mutants::run(&options),
        Verb::Incident(options) => lab::become_verb("incident", &options),
        Verb::InstallTest(options) => {
            heartbeat::beside("install-test", || install_test::run(&options))
        }
        Verb::Handshake(options) => lab::become_verb("handshake", &options),
        Verb::Collector(options) => lab::become_verb("collector", &options),
        Verb::Kazoo(options) => lab::become_verb("kazoo", &options),
        Verb::DiagnoseMatrix(options) => lab::become_verb("diagnose-matrix", &options),
        Verb::Soak(options) => lab::become_verb("soak", &options),
        Verb::Bench(options) => lab::become_verb("bench", &options),
        Verb::Cores(options) => lab::become_verb("cores", &options),
        Verb::KernelTest(options) => {
            heartbeat::beside("kernel-test", || kernel_test::run(&options))
        }
        Verb::ServiceTest(options) => {
            heartbeat::beside("service-test", || service_test::run(&options))
        }
        Verb::ServerLog(options) => lab::become_verb("serverlog", &options),
        Verb::Fleet(options) => lab::become_verb("fleet", &options),
        Verb::Growth(options) => lab::become_verb("growth", &options),
        Verb::SupplyChain => supply_chain::run(),
        Verb::Lint(options) => lint::run(&options),
        Verb::Test(options) => test::run(&options),
    }
}
