// SPDX-License-Identifier: MIT
//! docs/measurements/bench.md, made from the measurements. Only the part between two marks
//! is written by hand, and kept: why a goal is missed.

mod view;

use std::fmt::Write as _;
use std::fs;

use anyhow::{Context, Result};
use xtask::workspace;

use super::archive::Archive;
use super::figures::Figures;
use super::goals::{self, Goal};
use super::legs::HELD_MS;
use super::sample::{Counted, Rate};
use super::spread::Spread;
use super::tool::Tool;

const BEGIN: &str = "<!-- written by hand, kept by cargo xtask bench -->";
const END: &str = "<!-- end of what is written by hand -->";

/// Writes the page.
pub(super) fn write(archive: &Archive) -> Result<()> {
    let path = workspace::root().join("docs/measurements/bench.md");
    let old = fs::read_to_string(&path).unwrap_or_default();
    let figures = Figures::of(&archive.samples);
    let goals = goals::all(&figures);
    let words = by_hand(&old);
    for goal in goals.iter().filter(|goal| unexplained(goal, words)) {
        println!(
            "bench: docs/measurements/bench.md does not say yet why **{}** is missed",
            goal.name
        );
    }
    let page = format!(
        "{}{}\n{BEGIN}{words}{END}\n\n{}",
        introduction(archive, &figures),
        goals_table(&goals),
        tables(&figures)
    );
    fs::write(&path, page).with_context(|| format!("cannot write {}", path.display()))
}

fn by_hand(page: &str) -> &str {
    let after = page.split_once(BEGIN).map(|(_, after)| after);
    after
        .and_then(|after| after.split_once(END))
        .map_or("\n", |(words, _)| words)
}

fn unexplained(goal: &Goal, words: &str) -> bool {
    goal.met != Some(true) && !words.contains(&format!("**{}**", goal.name))
}

fn introduction(archive: &Archive, figures: &Figures<'_>) -> String {
    let runs = |rate| figures.counted(Tool::Record, rate).len();
    format!(
        "\
# What zkchurn costs, beside other tools

`cargo xtask bench` wrote this page from [measurements.json](../../lab/bench/measurements.json), which holds every
measurement. Linux {linux}, {cpus} CPUs; {peers};
{runs} runs of each tool at each rate. Figures are medians with [quartiles]. Compare tools with each other, not
with another machine: only counts and ratios carry over. How it is measured:
[adr/0012](../adr/0012-bench.md).

## Goals

",
        linux = archive.linux,
        cpus = archive.cpus,
        peers = archive.peers,
        runs = figures.rates().into_iter().map(runs).min().unwrap_or(0)
    )
}

fn goals_table(goals: &[Goal]) -> String {
    let mut table = header(&["goal", "wanted", "found", ""]);
    for goal in goals {
        let verdict = match goal.met {
            Some(true) => "met",
            Some(false) => "**missed**",
            None => "not measured",
        };
        let _ = writeln!(
            table,
            "| {} | {} | {} | {verdict} |",
            goal.name, goal.wanted, goal.found
        );
    }
    table
}

pub(super) fn tables(figures: &Figures<'_>) -> String {
    let mut page = at_a_glance(figures);
    for rate in figures.rates() {
        page.push_str(&counts(figures, rate));
    }
    page.push_str(&slow_downs(figures));
    page.push_str(&other_ports(figures));
    page.push_str(&quiet(figures));
    page.push_str(&launches(figures));
    page.push_str(&lifetimes(figures));
    page.push_str(&view::table(figures));
    page.push_str(&memory(figures));
    page
}

/// The comparison in one table, before the details.
fn at_a_glance(figures: &Figures<'_>) -> String {
    let Some(rate) = figures.rates().into_iter().rfind(is_paced) else {
        return String::new();
    };
    let mut table = format!("## At a glance\n\nCosts at {rate}, each of a connection.\n\n");
    table += &header(&[
        "tool",
        "unaccounted for",
        "slow-down",
        "CPU µs",
        "in BPF µs",
        "quiet wake-ups/s",
        "first record after ms",
        "peak RSS MB",
    ]);
    for tool in Tool::ALL {
        let of_process = |cell: Option<Spread>| match tool.is_process() {
            true => shown(cell),
            false => "–".to_owned(),
        };
        let _ = writeln!(
            table,
            "| {tool} | {} | {} | {} | {} | {} | {} | {} |",
            unaccounted(figures, tool, rate),
            shown(figures.slow_down(tool)),
            of_process(figures.spread(tool, rate, |run| run.each(run.used.cpu_ns) / 1e3)),
            shown(figures.kernel_us(tool, rate)),
            of_process(figures.quiet_wake_ups(tool)),
            shown(figures.launch(tool)),
            of_process(figures.spread(tool, rate, |run| run.used.peak_kib as f64 / 1e3)),
        );
    }
    table + "\n"
}

fn is_paced(rate: &Rate) -> bool {
    matches!(rate, Rate::PerSecond(_))
}

/// Connections of which a tool says nothing, beside what the kernel skipped and zkchurn says so.
fn unaccounted(figures: &Figures<'_>, tool: Tool, rate: Rate) -> String {
    if !tool.records() {
        return "–".to_owned();
    }
    let unsaid = |run: &&Counted| {
        let explained = run.used.recursion_misses * u64::from(run.tool.is_zkchurn());
        run.unsaid().saturating_sub(explained)
    };
    let runs = figures.counted(tool, rate);
    runs.iter().map(unsaid).sum::<u64>().to_string()
}

fn counts(figures: &Figures<'_>, rate: Rate) -> String {
    let clock = figures.clock_ns(rate).unwrap_or(0.0);
    let mut table = format!(
        "## {rate}\n\nSums of all rounds, then for each connection. The clock of BPF statistics \
         ({clock:.0} ns a run) is subtracted.\n\n"
    );
    table += &header(&[
        "tool",
        "connections/s",
        "generated",
        "recorded",
        "said lost",
        "recursion misses",
        "unaccounted for",
        "CPU µs",
        "in BPF µs",
        "wake-ups",
        "peak RSS MB",
    ]);
    for tool in Tool::ALL {
        let runs = figures.counted(tool, rate);
        let sum = |figure: fn(&Counted) -> u64| runs.iter().map(|run| figure(run)).sum::<u64>();
        let spread = |figure: fn(&Counted) -> f64| shown(figures.spread(tool, rate, figure));
        let (recorded, lost) = if tool.records() {
            (
                sum(|run| run.seen.recorded).to_string(),
                sum(|run| run.seen.said_lost).to_string(),
            )
        } else {
            ("–".to_owned(), "–".to_owned())
        };
        let unsaid = unaccounted(figures, tool, rate);
        let of_process = |cell: String| match tool.is_process() {
            true => cell,
            false => "–".to_owned(),
        };
        let _ = writeln!(
            table,
            "| {tool} | {} | {} | {recorded} | {lost} | {} | {unsaid} | {} | {} | {} | {} |",
            spread(|run| run.came_to),
            sum(|run| run.generated),
            sum(|run| run.used.recursion_misses),
            of_process(spread(|run| run.each(run.used.cpu_ns) / 1e3)),
            shown(figures.kernel_us(tool, rate)),
            of_process(spread(|run| run.each(run.used.wake_ups))),
            of_process(spread(|run| run.used.peak_kib as f64 / 1e3)),
        );
    }
    table + "\n"
}

fn slow_downs(figures: &Figures<'_>) -> String {
    "## Slow-down of a running loop\n\n".to_owned()
        + &by_tool(["slow-down", "windows"], |tool| figures.slow_down(tool))
}

/// A table of the tools for which there is a figure, with how often it was measured.
fn by_tool([figure, count]: [&str; 2], of: impl Fn(Tool) -> Option<Spread>) -> String {
    let mut table = header(&["tool", figure, count]);
    for tool in Tool::ALL {
        if let Some(spread) = of(tool) {
            let _ = writeln!(table, "| {tool} | {spread} | {} |", spread.count);
        }
    }
    table + "\n"
}

fn other_ports(figures: &Figures<'_>) -> String {
    let packets = shown(figures.packets());
    format!(
        "## Slow-down of packets of another port\n\n{packets} packets a second without any \
         tool.\n\n"
    ) + &by_tool(["slow-down", "windows"], |tool| figures.other_ports(tool))
}

fn quiet(figures: &Figures<'_>) -> String {
    let mut table = "## With nothing to record, a second\n\n".to_owned();
    table += &header(&["tool", "wake-ups", "CPU µs"]);
    for tool in Tool::ALL {
        if let Some(wake_ups) = figures.quiet_wake_ups(tool) {
            let cpu = shown(figures.quiet_cpu(tool));
            let _ = writeln!(table, "| {tool} | {wake_ups} | {cpu} |");
        }
    }
    table + "\n"
}

fn launches(figures: &Figures<'_>) -> String {
    "## Launch to first record\n\n".to_owned()
        + &by_tool(["ms", "launches"], |tool| figures.launch(tool))
}

fn lifetimes(figures: &Figures<'_>) -> String {
    let mut table = "## Error of the reported lifetime, in µs\n\n".to_owned();
    let held = HELD_MS.map(|held| format!("{held} ms"));
    let columns: Vec<_> = ["tool"]
        .into_iter()
        .chain(held.iter().map(String::as_str))
        .collect();
    table += &header(&columns);
    for tool in Tool::ALL {
        let cells = HELD_MS.map(|held| match figures.lifetime(tool, held) {
            (None, 0) => String::new(),
            (spread, 0) => shown(spread),
            (spread, without) => format!("{}, {without} without a record", shown(spread)),
        });
        if cells.iter().any(|cell| !cell.is_empty()) {
            let _ = writeln!(table, "| {tool} | {} |", cells.join(" | "));
        }
    }
    table + "\n"
}

fn memory(figures: &Figures<'_>) -> String {
    let resident = figures.resident();
    if resident.is_empty() {
        return String::new();
    }
    let mut table = "## Memory in a long run, default view\n\n".to_owned();
    table += &header(&["minute", "connections", "resident KiB"]);
    // One a minute is enough for a reader; the file has them all.
    for (minute, connections, kib) in resident.iter().skip(3).step_by(4) {
        let _ = writeln!(table, "| {minute:.1} | {connections} | {kib} |");
    }
    table + "\n"
}

fn header(columns: &[&str]) -> String {
    let rule = columns.iter().map(|_| "---").collect::<Vec<_>>();
    format!("| {} |\n|{}|\n", columns.join(" | "), rule.join("|"))
}

fn shown(spread: Option<Spread>) -> String {
    spread.map_or_else(|| "–".to_owned(), |spread| spread.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_by_hand_stays() {
        let page = format!("old\n{BEGIN}\nbecause\n{END}\nold");
        assert_eq!(by_hand(&page), "\nbecause\n");
        assert_eq!(by_hand("a new page"), "\n");
    }
}
