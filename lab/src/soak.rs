// SPDX-License-Identifier: MIT
//! `soak`: all kinds of the demo at once for a long time, fast; each minute it
//! is checked that nothing was lost and that nothing has grown.

mod page;
mod said;
mod sample;

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use clap::Args;
use xtask::{command, privilege, workspace};
use zkchurn_lab::harness::tracer::Tracer;

use self::said::Said;
use self::sample::{Process, Sample};
use crate::demo::Helper;
use crate::demo::load::Summary;
use crate::demo::server::Ports;

/// Options of `soak`.
#[derive(Args)]
pub(crate) struct Options {
    /// How long the load runs
    #[arg(long, default_value_t = 30.0)]
    minutes: f64,
    /// About how many connections a second
    #[arg(long, default_value_t = 500.0)]
    rate: f64,
    /// Write docs/measurements/soak.md
    #[arg(long)]
    write: bool,
}

/// Connections a second that the demo's load makes.
const LEISURELY: f64 = 5.7;
/// A short run has this many samples as well.
const FEWEST_SAMPLES: f64 = 4.0;

/// Runs the verb.
pub(crate) fn run(options: &Options) -> Result<()> {
    ensure!(
        options.minutes > 0.0 && options.rate > 0.0,
        "--minutes and --rate are positive numbers"
    );
    let zkchurn = command::zkchurn()?;
    privilege::acquire("to trace connections in the kernel")?;
    let mut server = Helper::start("demo-server", &[])?;
    let ports: Ports = server.read_line()?;
    let scratch = workspace::scratch("soak")?;
    let watched = format!("{},{}", ports.server, ports.refused);
    let arguments = ["--port", &watched, "--handshake", "--interval", "1s"];
    let arguments = [&arguments[..], &["--format", "json"]].concat();
    let recording = scratch.path().join("soak.zkchurn");
    let (tracer, stdout) = Tracer::start_reading(&zkchurn, &arguments, &recording)?;
    let said = Said::read(stdout);
    let process = Process::find(tracer.pid())?;
    let mut load = start_load(&ports, options.rate)?;

    let samples = watch(options, &process, &mut load, &said)?;

    load.ask_to_stop();
    let done: Summary = load.read_line()?;
    load.finish()?;
    server.finish()?;
    tracer.stop()?;
    let report = said.report()?;
    let made: usize = done.kinds.iter().map(|kind| kind.count.attempted).sum();
    check_end(made as u64, &report)?;
    sample::check_growth(&samples)?;
    println!(
        "soak: {made} connections, {} recorded, {} lost, {} runs of the program skipped by the \
         kernel; nothing has grown",
        report.connections, report.lost, report.skipped
    );
    if options.write {
        page::write(options, &samples, made as u64, &report)?;
    }
    Ok(())
}

fn start_load(ports: &Ports, rate: f64) -> Result<Helper> {
    let (server, refused) = (ports.server.to_string(), ports.refused.to_string());
    let faster = (rate / LEISURELY).to_string();
    let ports = ["--server", &server, "--refused", &refused];
    Helper::start("demo-load", &[&ports[..], &["--faster", &faster]].concat())
}

/// Takes and checks a sample each minute.
fn watch(
    options: &Options,
    process: &Process,
    load: &mut Helper,
    said: &Said,
) -> Result<Vec<Sample>> {
    let whole = Duration::from_secs_f64(options.minutes * 60.0);
    let every = Duration::from_secs(60).min(whole.div_f64(FEWEST_SAMPLES));
    let begun = Instant::now();
    let mut samples = Vec::new();
    let mut next = every;
    while next <= whole {
        thread::sleep(next.saturating_sub(begun.elapsed()));
        next += every;
        let sample = Sample::take(begun.elapsed(), process, load, said)?;
        println!("soak: {sample}");
        sample.check(options.rate)?;
        samples.push(sample);
    }
    Ok(samples)
}

/// What was recorded in the end is exactly what was made, but for what the kernel skipped the
/// program for, as it does now and then where both processors are busy, for an empty program, too.
fn check_end(made: u64, report: &said::Report) -> Result<()> {
    let &said::Report {
        connections: lines,
        ended,
        lost,
        skipped,
    } = report;
    ensure!(
        lost <= skipped,
        "records were lost: {lost}, and the kernel skipped {skipped} runs of the program"
    );
    let is_right = lines == ended && ended <= made && made - ended <= skipped;
    ensure!(
        is_right,
        "{made} connections were made, {lines} printed and {ended} counted in the report; \
         {lost} lost, {skipped} runs skipped"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::said::Report;
    use super::*;

    #[test]
    fn what_is_missing_was_skipped_by_the_kernel_or_it_is_a_fault() {
        let report = |connections, ended, lost, skipped| Report {
            connections,
            ended,
            lost,
            skipped,
        };
        for right in [
            report(100, 100, 0, 0),
            report(100, 100, 1, 1),
            report(99, 99, 1, 2),
        ] {
            check_end(100, &right).expect("accounted for");
        }
        for wrong in [
            report(100, 100, 1, 0),
            report(99, 99, 0, 0),
            report(98, 98, 0, 1),
            report(99, 100, 0, 5),
            report(101, 101, 0, 5),
        ] {
            check_end(100, &wrong).expect_err("not accounted for");
        }
    }
}
