// SPDX-License-Identifier: MIT
//! The project's own verbs. `cargo xtask help` lists them.
//!
//! | module | verb or purpose |
//! |---|---|
//! | `setup` | find what is missing on this machine and install it |
//! | `build_ebpf` | the eBPF object from source, and whether the committed one is current |
//! | `demo` | churn of four kinds on loopback, traced and counted |
//! | `faults` | what goes wrong around zkchurn, alone and at full size |
//! | `fuzz` | hostile bytes for everything that reads bytes |
//! | `incident` | the real ZooKeeper incident, traced and checked |
//! | `growth` | what a record costs against threads, live sockets and length |
//! | `handshake` | a Java client's session, read off the wire and compared with its log |
//! | `kazoo` | a Python client per request, traced and checked |
//! | `diagnose_matrix`, `kinds` | every kind of churn, and what zkchurn makes of it |
//! | `soak` | churn for a long time, and whether zkchurn grows or loses anything |
//! | `bench` | what zkchurn costs and loses, beside other tools |
//! | `kernel_test` | the kernel tests on other kernels, under QEMU |
//! | `server_log` | `zkchurn serverlog` on the log of a real server, checked |
//! | `supply_chain` | licences, sources, versions and reasons of what zkchurn is made of |
//! | `lint` | what can be told of a change without running the project |
//! | `test` | the whole suite |
//! | `documents` | the commands and links of the documents |
//! | `toolchain`, `object` | what building and checking the object needs |
//! | `program` | another program that runs beside |
//! | `tracer`, `trace` | running zkchurn, and reading what it recorded |
//! | `command`, `heartbeat`, `privilege`, `workspace`, `wait` | small tools of all verbs |

mod bench;
mod build_ebpf;
mod command;
mod demo;
mod diagnose_matrix;
mod documents;
mod faults;
mod fuzz;
mod growth;
mod handshake;
mod heartbeat;
mod incident;
mod kazoo;
mod kernel_test;
mod kinds;
mod lint;
mod object;
mod privilege;
mod program;
mod server_log;
mod setup;
mod soak;
mod supply_chain;
mod test;
mod toolchain;
mod trace;
mod tracer;
mod wait;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

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
    /// Build the eBPF object from source and commit-ready into zkchurn/bpf.
    BuildEbpf(build_ebpf::Options),
    /// Make four kinds of churn on loopback, trace them, compare the counts.
    Demo(demo::Options),
    /// The server of the demo, in its own process.
    #[command(hide = true)]
    DemoServer,
    /// The client of the demo, in its own process.
    #[command(hide = true)]
    DemoLoad(demo::load::Options),
    /// Run the tests of faults alone, at full size if wanted.
    Faults(faults::Options),
    /// Bring about the real ZooKeeper incident, trace it, check the report.
    Incident(incident::Options),
    /// Read a Java client's session off the wire, compare it with its log.
    Handshake(handshake::Options),
    /// Make a Python client per request, trace them, check the report.
    Kazoo(kazoo::Options),
    /// Bring about every kind of churn, trace it, check the findings.
    DiagnoseMatrix(diagnose_matrix::Options),
    /// Churn for a long time; check each minute that nothing is lost and nothing grows.
    Soak(soak::Options),
    /// Feed hostile bytes to everything that reads bytes.
    Fuzz(fuzz::Options),
    /// Measure what zkchurn costs and loses, beside other tools.
    Bench(bench::Options),
    /// The load of the bench, in its own process.
    #[command(hide = true)]
    BenchLoad(bench::load::Options),
    /// Run the kernel tests on stock Debian kernels, booted under QEMU.
    KernelTest(kernel_test::Options),
    /// Make known clients of a real server, check what its log tells of them.
    #[command(name = "serverlog")]
    ServerLog,
    /// Replay made-up recordings of growing size, measure speed and memory.
    Growth(growth::Options),
    /// Check licences, sources, versions and reasons of what zkchurn is made of.
    SupplyChain,
    /// Check format, lints, dependencies and documents, in less than a minute.
    Lint(lint::Options),
    /// Run the whole suite.
    Test(test::Options),
}

fn main() -> ExitCode {
    match run(Cli::parse().verb) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(verb: Verb) -> anyhow::Result<()> {
    match verb {
        Verb::Setup(options) => setup::run(&options),
        Verb::BuildEbpf(options) => heartbeat::beside("build-ebpf", || build_ebpf::run(&options)),
        Verb::Demo(options) => demo::run(&options),
        Verb::DemoServer => demo::server::run(),
        Verb::DemoLoad(options) => demo::load::run(&options),
        Verb::Faults(options) => faults::run(&options),
        Verb::Fuzz(options) => fuzz::run(&options),
        Verb::Incident(options) => incident::run(&options),
        Verb::Handshake(options) => handshake::run(&options),
        Verb::Kazoo(options) => kazoo::run(&options),
        Verb::DiagnoseMatrix(options) => diagnose_matrix::run(&options),
        Verb::Soak(options) => soak::run(&options),
        Verb::Bench(options) => bench::run(&options),
        Verb::BenchLoad(options) => bench::load::run(&options),
        Verb::KernelTest(options) => {
            heartbeat::beside("kernel-test", || kernel_test::run(&options))
        }
        Verb::ServerLog => server_log::run(),
        Verb::Growth(options) => growth::run(&options),
        Verb::SupplyChain => supply_chain::run(),
        Verb::Lint(options) => lint::run(&options),
        Verb::Test(options) => test::run(&options),
    }
}
