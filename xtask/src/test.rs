// SPDX-License-Identifier: MIT
//! `test`: the whole suite, step by step. A step that cannot run has failed;
//! none is ever skipped in silence.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use clap::Args;

use crate::beside::beside;
use crate::{
    build_ebpf, command, documents, fuzz, heartbeat, install_test, kernel_test, lab, limit, lint,
    pages, privileged_tests, prometheus, service_test, setup, unit,
};

/// Options of `test`.
#[derive(Args)]
pub(crate) struct Options {
    /// Leave out the tests of JVMs, the real incident, the Python client and the
    /// kinds of churn, which need ZooKeeper, a JDK, Python and some monitors
    #[arg(long)]
    no_incident: bool,

    /// Run the tests so many times, to see whether they always pass; without the checks,
    /// builds, fuzzing, QEMU, bench, growth and soak
    #[arg(long, value_name = "TIMES", default_value_t = 1,
        value_parser = clap::value_parser!(u32).range(1..))]
    repeat: u32,

    /// Run only the steps with these words in their names; may be given again
    #[arg(long, value_name = "WORDS")]
    only: Vec<String>,
}

impl Options {
    fn wants(&self, step: &str) -> bool {
        let is_asked_for =
            self.only.is_empty() || self.only.iter().any(|words| step.contains(words));
        is_asked_for && (self.repeat == 1 || REPEATED.contains(&step))
    }

    /// The steps, in their order.
    fn steps(&self) -> Vec<Step> {
        let mut steps = steps(self);
        steps.retain(|(name, _)| self.wants(name));
        let is_there = |wanted| steps.iter().any(|(name, _)| *name == wanted);
        if self.repeat > 1 && is_there(HOST_TESTS) && is_there(KERNEL_TESTS) {
            steps.retain(|(name, _)| ![HOST_TESTS, KERNEL_TESTS].contains(name));
            steps.insert(0, (HOST_AND_KERNEL_TESTS, step(host_and_kernel_tests)));
        }
        steps
    }
}

const HOST_TESTS: &str = "tests of the host crates";
const KERNEL_TESTS: &str = "kernel tests on the rebuilt object";
/// Those two when they are repeated. Most of the kernel tests wait, so the others have room.
const HOST_AND_KERNEL_TESTS: &str = "tests of the host crates beside those of the kernel";
const DEMO: &str = "demo";
const JVM_TESTS: &str = "tests of JVMs";
const INCIDENT: &str = "incident";
const HANDSHAKE: &str = "handshake";
const KAZOO: &str = "kazoo";
const SERVER_LOG: &str = "log of a server";

/// Steps whose outcome could depend on the moment.
const REPEATED: [&str; 8] = [
    HOST_TESTS,
    KERNEL_TESTS,
    DEMO,
    JVM_TESTS,
    INCIDENT,
    HANDSHAKE,
    KAZOO,
    SERVER_LOG,
];

/// Several times what the longest step takes, with all that it has to build.
const STEP_LIMIT: Duration = Duration::from_secs(60 * 60);

type Step = (&'static str, Box<dyn Fn() -> Result<()>>);

const FUZZ: fuzz::Options = fuzz::Options {
    only: Vec::new(),
    seconds: 8,
};

/// Runs the verb.
pub(crate) fn run(options: &Options) -> Result<()> {
    let steps = options.steps();
    ensure!(
        !steps.is_empty(),
        "no step has {:?} in its name",
        options.only
    );
    let mut failures = Vec::new();
    let planned = steps.len() * options.repeat as usize;
    let repeated = (0..options.repeat).flat_map(|_| &steps);
    for (index, (name, step)) in repeated.enumerate() {
        println!("\n== {}/{planned} {name}", index + 1);
        let started = Instant::now();
        let result = heartbeat::beside(name, || limit::within(STEP_LIMIT, step));
        print_result(name, &result, started.elapsed());
        if result.is_err() {
            failures.push(*name);
        }
    }
    println!();
    for name in &failures {
        println!("failed: {name}");
    }
    println!(
        "{} passed, {} failed",
        planned - failures.len(),
        failures.len()
    );
    if !failures.is_empty() {
        bail!("the suite failed");
    }
    Ok(())
}

fn steps(options: &Options) -> Vec<Step> {
    let groups: &[setup::Group] = if options.no_incident {
        &[
            setup::Group::Bench,
            setup::Group::Browser,
            setup::Group::Collector,
            setup::Group::Ebpf,
            setup::Group::Kernels,
            setup::Group::Manifests,
            setup::Group::Prometheus,
            setup::Group::Roots,
            setup::Group::Tests,
        ]
    } else {
        &setup::Group::ALL
    };
    let mut steps: Vec<Step> = vec![("setup", step(|| setup::ensure(groups)))];
    steps.extend(lint::CHECKS.map(|(name, check)| (name, step(check))));
    steps.extend([
        (HOST_TESTS, step(host_tests)),
        ("the eBPF object, rebuilt and compared", step(object)),
        (KERNEL_TESTS, step(kernel_tests)),
        (
            "the full-screen view of a trace",
            step(|| privileged_tests::run("live_trace")),
        ),
        (
            "two kernels under QEMU",
            step(|| kernel_test::run(&kernel_test::Options::of_the_suite())),
        ),
        (
            "the agent as a service under systemd",
            step(|| service_test::run(&service_test::Options::of_the_suite())),
        ),
        (
            "a static binary on Debian 11 and in containers",
            step(|| install_test::run(&install_test::Options::of_the_suite())),
        ),
        ("pages in a browser", step(pages::run)),
        (
            "metrics, alert rules and the dashboard",
            step(prometheus::run),
        ),
        ("the unit, as systemd sees it", step(unit::run)),
        ("hostile bytes", step(|| fuzz::run(&FUZZ))),
        (DEMO, step(|| lab::run("demo", &[]))),
        (
            "a short soak",
            step(|| lab::run("soak", &["--minutes", "0.35"])),
        ),
        (
            "memory against records and threads",
            step(|| lab::run("growth", &[])),
        ),
        (
            "records in ClickHouse, counts in Prometheus",
            step(|| lab::run("fleet", &["--hosts", "12"])),
        ),
        (
            "a collector of OpenTelemetry, into ClickHouse",
            step(|| lab::run("collector", &[])),
        ),
        ("a short bench", step(|| lab::run("bench", &["--quick"]))),
        ("commands in the documents, run", step(documents::run::all)),
    ]);
    if !options.no_incident {
        steps.extend([
            (JVM_TESTS, step(|| privileged_tests::run("jvm"))),
            (INCIDENT, step(|| lab::run("incident", &[]))),
            (HANDSHAKE, step(|| lab::run("handshake", &[]))),
            (KAZOO, step(|| lab::run("kazoo", &[]))),
            (
                "kinds of churn",
                step(|| lab::run("diagnose-matrix", &["--quick"])),
            ),
            (SERVER_LOG, step(|| lab::run("serverlog", &[]))),
        ]);
    }
    steps
}

fn step(run: impl Fn() -> Result<()> + 'static) -> Box<dyn Fn() -> Result<()>> {
    Box::new(run)
}

fn print_result(name: &str, result: &Result<()>, took: Duration) {
    let took = took.as_secs_f64();
    match result {
        Ok(()) => println!("-- passed: {name} ({took:.1} s)"),
        Err(error) => println!("-- FAILED: {name} ({took:.1} s): {error:#}"),
    }
}

fn host_tests() -> Result<()> {
    command::run(&mut of_the_host_crates())
}

fn of_the_host_crates() -> Command {
    let mut cargo = command::cargo();
    cargo.args(["test", "--quiet"]).args(command::HOST_CRATES);
    cargo
}

fn host_and_kernel_tests() -> Result<()> {
    // Two that build at the same time would wait for each other.
    command::run(of_the_host_crates().arg("--no-run"))?;
    beside(&mut of_the_host_crates(), kernel_tests)
}

fn kernel_tests() -> Result<()> {
    privileged_tests::run_side_by_side("kernel")
}

fn object() -> Result<()> {
    println!("zkchurn/bpf/zkchurn.bpf.o {}", build_ebpf::check()?);
    Ok(())
}
