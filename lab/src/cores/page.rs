// SPDX-License-Identifier: MIT
//! docs/measurements/cores.md: the figures of a run, and what follows from them.

use std::fmt::Write as _;
use std::fs;

use anyhow::{Context, Result};
use xtask::workspace;

use super::{Measured, Operation, Way};

const BEGIN: &str = "<!-- written by hand, kept by cargo xtask cores --write -->";
const END: &str = "<!-- end of what is written by hand -->";
/// Connections a second of a whole host.
const RATES: [f64; 4] = [20_000.0, 100_000.0, 1_000_000.0, 3_000_000.0];

/// Writes the page.
pub(super) fn write(measured: &[Measured]) -> Result<()> {
    let path = workspace::root().join("docs/measurements/cores.md");
    let old = fs::read_to_string(&path).unwrap_or_default();
    let after = old.split_once(BEGIN).map_or("\n", |(_, after)| after);
    let by_hand = after.split_once(END).map_or("\n", |(words, _)| words);
    let linux = rustix::system::uname();
    let page = format!(
        "\
# Many processors

`cargo xtask cores --write` wrote this page: the map operations of the kernel program and nothing
else (`lab/bench/cores.s`), run by `BPF_PROG_TEST_RUN` on one processor, and on all {cpus} of this
machine at once. Linux {linux}; ns of a connection, medians with [quartiles], less a run that does
nothing.

{tables}
{BEGIN}{by_hand}{END}
",
        cpus = std::thread::available_parallelism()?,
        linux = linux.release().to_string_lossy(),
        tables = tables(measured),
    );
    fs::write(&path, page).with_context(|| format!("cannot write {}", path.display()))
}

/// What was measured, and how busy one ring buffer is by it.
pub(super) fn tables(measured: &[Measured]) -> String {
    let mut page = String::from(
        "| operation | on one | on all, in one map | on all, in maps of their own |\n|---|---|---|---|\n",
    );
    for (operation, words) in [
        (Operation::Table, "insert, look up three times, delete"),
        (
            Operation::Ring,
            "a record of 312 bytes into the ring buffer",
        ),
    ] {
        let cells = Way::ALL.map(|way| ns(measured, operation, way));
        let _ = writeln!(page, "| {words} | {} |", cells.join(" | "));
    }
    page + "\n" + &arithmetic(measured)
}

fn ns(measured: &[Measured], operation: Operation, way: Way) -> String {
    let of = |one: &&Measured| one.operation == operation && one.way == way;
    measured
        .iter()
        .find(of)
        .map_or_else(|| "–".to_owned(), |one| one.ns.to_string())
}

/// The lock of a ring buffer is held for less than a whole output takes, so its share is at most
/// that. How long one waits for it is by the queue of one server with random arrivals and
/// constant service (M/D/1): ρ / (2 (1 - ρ)) of a service.
fn arithmetic(measured: &[Measured]) -> String {
    let of = |way| {
        let ring = |one: &&Measured| one.operation == Operation::Ring && one.way == way;
        measured.iter().find(ring).map_or(0.0, |one| one.ns.middle)
    };
    let held = of(Way::Alone).max(of(Way::Shared));
    let mut table = format!(
        "By arithmetic, with a lock that is held for {held:.0} ns, the slower of the two ways to use \
         one ring buffer:\n\n\
         | connections a second | lock held | waiting for it, ns | MB a second | ring of 4 MiB full after |\n\
         |---|---|---|---|---|\n"
    );
    for rate in RATES {
        let share = rate * held / 1e9;
        let waits = match share < 1.0 {
            true => format!("{:.1}", share / (2.0 * (1.0 - share)) * held),
            false => "without end".to_owned(),
        };
        // A record and its header.
        let bytes = rate * 320.0;
        let full_ms = f64::from(4_u32 << 20) / bytes * 1e3;
        let _ = writeln!(
            table,
            "| {rate} | {:.1} % | {waits} | {:.0} | {full_ms:.1} ms |",
            share * 100.0,
            bytes / 1e6
        );
    }
    table
}
