// SPDX-License-Identifier: MIT
//! `fleet`: what contrib/clickhouse and contrib/prometheus ship, with the real engines. First all
//! recordings are loaded and counted; then recordings become a day of many hosts, some of which are up
//! to something, and each question and each alert has to name those.

mod arithmetic;
mod checks;
mod day;
mod host;
mod page;
mod prometheus;
mod recordings;
mod story;
mod template;

use std::{fs, time::Duration};

use anyhow::{Result, bail};
use clap::Args;
use xtask::{
    command,
    setup::{self, Group},
    workspace,
};

use crate::clickhouse::{self, Engine, cluster};

/// Options of `fleet`.
#[derive(Args)]
pub(crate) struct Options {
    /// How many hosts; several numbers, comma-separated, are measured one after the other
    #[arg(long, value_delimiter = ',', default_value = "1000",
        value_parser = clap::value_parser!(u32).range(i64::from(host::FEWEST)..=100_000))]
    hosts: Vec<u32>,
    /// Write docs/measurements/fleet.md, and contrib/clickhouse/cluster.sql anew
    #[arg(long)]
    write: bool,
}

/// What was measured of a fleet.
struct Measured {
    hosts: u32,
    /// Connections and intervals.
    connections: u64,
    intervals: u64,
    /// Bytes of a row on the disk.
    connection_bytes: f64,
    interval_bytes: f64,
    rollup_rows: u64,
    rollup_bytes: f64,
    /// Bytes of a line that came in.
    line_bytes: f64,
    /// How long making and loading took.
    loading: Duration,
    /// Each question, and how long its answer took.
    questions: Vec<(&'static str, Duration)>,
}

/// Runs the verb.
pub(crate) fn run(options: &Options) -> Result<()> {
    setup::ensure(&[Group::Clickhouse, Group::Prometheus])?;
    let zkchurn = command::zkchurn()?;
    let scratch = workspace::scratch("fleet")?;
    let mut failed = 0;
    let mut engine = Engine::start(&scratch.path().join("recordings"))?;
    // It may be applied again.
    for _ in 0..2 {
        engine.run(&clickhouse::statements("schema.sql")?)?;
    }
    if options.write {
        cluster::write()?;
    }
    let parsed = cluster::check(&mut engine)?;
    println!(
        "fleet: cluster.sql is what schema.sql makes of a cluster, and its {parsed} statements are parsed; there is no cluster here to run them"
    );
    failed += print("all recordings", &recordings::load(&mut engine, &zkchurn)?);
    drop(engine);
    let mut engine = Engine::start(&scratch.path().join("random"))?;
    engine.run(&clickhouse::statements("schema.sql")?)?;
    let (random_bytes, checks) = checks::random(&mut engine)?;
    failed += print("random connections", &checks);
    drop(engine);
    let mut measured = Vec::new();
    let mut counted = Vec::new();
    for hosts in &options.hosts {
        let mut engine = Engine::start(&scratch.path().join(format!("day-{hosts}")))?;
        engine.run(&clickhouse::statements("schema.sql")?)?;
        let (day, checks) = checks::measure(&mut engine, &zkchurn, *hosts)?;
        failed += print(&format!("a day of {hosts} hosts"), &checks);
        println!("{}", page::summary(&day));
        measured.push(day);
        drop(engine);
        let directory = scratch.path().join(format!("counts-{hosts}"));
        let (counts, checks) = prometheus::measure(&directory, *hosts)?;
        failed += print(
            &format!("two hours of {hosts} hosts in Prometheus"),
            &checks,
        );
        println!("{}", prometheus::page::summary(&counts));
        counted.push(counts);
        fs::remove_dir_all(&directory)?;
    }
    if failed > 0 {
        bail!("{failed} checks do not hold");
    }
    if options.write {
        page::write(&measured, random_bytes, &counted)?;
    }
    Ok(())
}

/// Prints what was checked; how many checks do not hold.
fn print(what: &str, checks: &[(bool, String)]) -> usize {
    println!("\nfleet: {what}");
    for (holds, check) in checks {
        println!("  {}  {check}", if *holds { "ok  " } else { "FAIL" });
    }
    checks.iter().filter(|(holds, _)| !holds).count()
}
