// SPDX-License-Identifier: MIT
//! The laboratory: churn brought about, traced by zkchurn and checked. `cargo
//! xtask VERB` starts it.
//!
//! | module | verb or purpose |
//! |---|---|
//! | `demo` | churn of four kinds on loopback, traced and counted |
//! | `incident` | the real ZooKeeper incident, traced and checked |
//! | `growth` | what a record costs against threads, live sockets and length |
//! | `handshake` | a Java client's session, read off the wire and compared with its log |
//! | `kazoo` | a Python client per request, traced and checked |
//! | `diagnose_matrix`, `kinds` | every kind of churn, and what zkchurn makes of it |
//! | `soak` | churn for a long time, and whether zkchurn grows or loses anything |
//! | `bench` | what zkchurn costs and loses, beside other tools |
//! | `cores` | what map operations cost on one processor, and on all at once |
//! | `collector` | connections by way of a collector of OpenTelemetry into the ClickHouse engine |
//! | `fleet`, `clickhouse` | recordings as a day of many hosts, in the ClickHouse engine and in Prometheus |
//! | `recorded` | what zkchurn makes of a recording, in the terms of the verbs |
//! | `server_log` | `zkchurn serverlog` on the log of a real server, checked |

mod bench;
mod clickhouse;
mod collector;
mod cores;
mod demo;
mod diagnose_matrix;
mod fleet;
mod growth;
mod handshake;
mod incident;
mod kazoo;
mod kinds;
mod recorded;
mod server_log;
mod soak;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Churn brought about, traced by zkchurn and checked.
#[derive(Parser)]
#[command(name = "zkchurn-lab", bin_name = "cargo xtask", version)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Make four kinds of churn on loopback, trace them, compare the counts.
    Demo(demo::Options),
    /// The server of the demo, in its own process.
    #[command(hide = true)]
    DemoServer,
    /// The client of the demo, in its own process.
    #[command(hide = true)]
    DemoLoad(demo::load::Options),
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
    /// Measure what zkchurn costs and loses, beside other tools.
    Bench(bench::Options),
    /// Measure map operations on one processor and on all at once.
    Cores(cores::Options),
    /// The load of the bench, in its own process.
    #[command(hide = true)]
    BenchLoad(bench::load::Options),
    /// Make known clients of a real server, check what its log tells of them.
    #[command(name = "serverlog")]
    ServerLog,
    /// Send connections by way of a collector to the ClickHouse engine, compare with the trace.
    Collector(collector::Options),
    /// Load recordings into the ClickHouse engine, and ask it for what was planted in a fleet.
    Fleet(fleet::Options),
    /// Replay made-up recordings of growing size, measure speed and memory.
    Growth(growth::Options),
}

fn main() -> ExitCode {
    match run(Cli::parse().verb) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("zkchurn-lab: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(verb: Verb) -> anyhow::Result<()> {
    match verb {
        Verb::Demo(options) => demo::run(&options),
        Verb::DemoServer => demo::server::run(),
        Verb::DemoLoad(options) => demo::load::run(&options),
        Verb::Incident(options) => incident::run(&options),
        Verb::Handshake(options) => handshake::run(&options),
        Verb::Kazoo(options) => kazoo::run(&options),
        Verb::DiagnoseMatrix(options) => diagnose_matrix::run(&options),
        Verb::Soak(options) => soak::run(&options),
        Verb::Bench(options) => bench::run(&options),
        Verb::Cores(options) => cores::run(&options),
        Verb::BenchLoad(options) => bench::load::run(&options),
        Verb::ServerLog => server_log::run(),
        Verb::Collector(options) => collector::run(&options),
        Verb::Fleet(options) => fleet::run(&options),
        Verb::Growth(options) => growth::run(&options),
    }
}
