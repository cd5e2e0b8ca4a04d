// SPDX-License-Identifier: MIT
//! What zkchurn is to reach, and whether it does. A goal is met when the
//! median meets it.

use super::figures::Figures;
use super::sample::{Counted, Rate, Viewed};
use super::spread::Spread;
use super::tool::Tool;

/// One goal and what was measured for it.
pub(super) struct Goal {
    /// Its name, by which the page explains why it is missed.
    pub name: &'static str,
    pub wanted: String,
    /// What was found.
    pub found: String,
    /// Whether that is enough; `None` where nothing was measured.
    pub met: Option<bool>,
}

/// The rate at which costs are judged.
const BUSY: Rate = Rate::PerSecond(20_000);
const SLOW_DOWN_AT_MOST: f64 = 1.05;
const JSON_AND_HANDSHAKE_SLOW_DOWN_AT_MOST: f64 = 1.08;
const KERNEL_US_AT_MOST: f64 = 1.4;
const RECORD_US_AT_MOST: f64 = 0.5;
const VIEW_US_AT_MOST: f64 = 0.3;
const JSON_US_AT_MOST: f64 = 2.0;
/// Percent of a core that the full-screen view may take more than a recording.
const LIVE_PERCENT_AT_MOST: f64 = 10.0;
/// A second.
const REDRAWS_AT_MOST: f64 = 4.0;
/// A second.
const QUIET_WAKE_UPS_AT_MOST: f64 = 2.0;
const LAUNCH_MS_AT_MOST: f64 = 20.0;
/// 12 MB.
const RESIDENT_KIB_AT_MOST: u64 = 12_000;
const FULL_AFTER_MINUTES: f64 = 10.0;
/// By so much a flat figure may waver.
const WAVERS_KIB: u64 = 1024;

const RECORDING: [Tool; 4] = [Tool::Zkchurn, Tool::Json, Tool::Record, Tool::Handshake];

pub(super) fn all(figures: &Figures<'_>) -> Vec<Goal> {
    let us =
        |figure: fn(&Counted) -> u64| move |counted: &Counted| counted.each(figure(counted)) / 1e3;
    let cpu = |tool| figures.spread(tool, BUSY, us(|counted| counted.used.cpu_ns));
    let slow_down = |name, tool, limit| at_most(name, figures.slow_down(tool), limit, "");
    vec![
        accounted(figures),
        nothing_dropped(figures),
        slow_down("slow-down, --record", Tool::Record, SLOW_DOWN_AT_MOST),
        slow_down("slow-down, default view", Tool::Zkchurn, SLOW_DOWN_AT_MOST),
        slow_down(
            "slow-down, --format json",
            Tool::Json,
            JSON_AND_HANDSHAKE_SLOW_DOWN_AT_MOST,
        ),
        slow_down(
            "slow-down, --handshake",
            Tool::Handshake,
            JSON_AND_HANDSHAKE_SLOW_DOWN_AT_MOST,
        ),
        below(
            "slow-down against tcpdump",
            figures.slow_down(Tool::Record),
            figures.slow_down(Tool::TcpdumpFlags),
            "tcpdump with the flags filter",
        ),
        at_most(
            "kernel time, --record",
            figures.kernel_us(Tool::Record, BUSY),
            KERNEL_US_AT_MOST,
            " µs",
        ),
        at_most(
            "CPU time, --record",
            cpu(Tool::Record),
            RECORD_US_AT_MOST,
            " µs",
        ),
        at_most(
            "CPU time, default view",
            cpu(Tool::Zkchurn),
            VIEW_US_AT_MOST,
            " µs",
        ),
        at_most(
            "CPU time, --format json",
            cpu(Tool::Json),
            JSON_US_AT_MOST,
            " µs",
        ),
        at_most(
            "quiet",
            figures.quiet_wake_ups(Tool::Zkchurn),
            QUIET_WAKE_UPS_AT_MOST,
            " wake-ups a second",
        ),
        at_most(
            "launch",
            figures.launch(Tool::Zkchurn),
            LAUNCH_MS_AT_MOST,
            " ms",
        ),
        below(
            "launch against tcplife",
            figures.launch(Tool::Zkchurn),
            figures.launch(Tool::Tcplife),
            "tcplife, in ms",
        ),
        view_costs(figures),
        view_loses(figures),
        view_draws(figures),
        memory(figures),
        other_connections(figures),
        other_packets(figures),
    ]
}

fn accounted(figures: &Figures<'_>) -> Goal {
    let runs = busy_runs(figures);
    let unsaid: u64 = runs.iter().map(|run| run.unsaid()).sum();
    let misses: u64 = runs.iter().map(|run| run.used.recursion_misses).sum();
    let exactly = runs.iter().all(|run| run.unsaid() == 0 && !invented(run));
    Goal {
        name: "accounted for",
        wanted: "recorded + reported lost = generated, whatever the recursion misses".to_owned(),
        found: format!(
            "{} of {} connections without a record, {misses} recursion misses reported",
            unsaid,
            runs.iter().map(|run| run.generated).sum::<u64>()
        ),
        met: (!runs.is_empty()).then_some(exactly),
    }
}

/// More recorded than there were is as wrong as fewer.
fn invented(run: &Counted) -> bool {
    run.seen.recorded + run.seen.said_lost > run.generated
}

fn nothing_dropped(figures: &Figures<'_>) -> Goal {
    let runs = busy_runs(figures);
    let lost: u64 = runs.iter().map(|run| run.seen.said_lost).sum();
    Goal {
        name: "ring and table",
        wanted: "0 lost at the default sizes".to_owned(),
        found: format!("{lost} lost"),
        met: (!runs.is_empty()).then_some(lost == 0),
    }
}

fn busy_runs<'a>(figures: &Figures<'a>) -> Vec<&'a Counted> {
    RECORDING
        .into_iter()
        .flat_map(|tool| figures.counted(tool, BUSY))
        .collect()
}

fn at_most(name: &'static str, found: Option<Spread>, limit: f64, unit: &str) -> Goal {
    Goal {
        name,
        wanted: format!("at most {limit:.2}{unit}"),
        found: shown(found, unit),
        met: found.map(|found| found.middle <= limit),
    }
}

fn below(name: &'static str, ours: Option<Spread>, theirs: Option<Spread>, whose: &str) -> Goal {
    Goal {
        name,
        wanted: format!("no more than {whose}: {}", shown(theirs, "")),
        found: shown(ours, ""),
        met: ours
            .zip(theirs)
            .map(|(ours, theirs)| ours.middle <= theirs.middle),
    }
}

fn memory(figures: &Figures<'_>) -> Goal {
    let resident = figures.resident();
    let late: Vec<_> = resident
        .iter()
        .filter(|(minute, _, _)| *minute >= FULL_AFTER_MINUTES)
        .map(|(_, _, kib)| *kib)
        .collect();
    let most = late.iter().max().copied();
    let least = late.iter().min().copied();
    Goal {
        name: "memory",
        wanted: "at most 12 MB after 10 minutes of churn, and flat from there".to_owned(),
        found: match (least, most) {
            (Some(least), Some(most)) => format!("{least} to {most} KiB"),
            _ => "not measured".to_owned(),
        },
        met: least
            .zip(most)
            .map(|(least, most)| most <= RESIDENT_KIB_AT_MOST && most - least <= WAVERS_KIB),
    }
}

fn view_costs(figures: &Figures<'_>) -> Goal {
    let views = figures.views().into_iter();
    let more = views.map(|(record, live)| live.core_percent - record.core_percent);
    at_most(
        "CPU time, live more than --record",
        Spread::of(more),
        LIVE_PERCENT_AT_MOST,
        " % of a core",
    )
}

fn view_loses(figures: &Figures<'_>) -> Goal {
    let views = figures.views();
    let lost = |one: &Viewed| one.unsaid() + one.seen.said_lost;
    let (record, live) = views.iter().fold((0, 0), |(record, live), view| {
        (record + lost(view.0), live + lost(view.1))
    });
    Goal {
        name: "losses, live",
        wanted: format!("no more than --record: {record}"),
        found: format!(
            "{live} of {} connections",
            views.iter().map(|(_, live)| live.generated).sum::<u64>()
        ),
        met: (!views.is_empty()).then_some(live <= record),
    }
}

fn view_draws(figures: &Figures<'_>) -> Goal {
    let views = figures.views().into_iter();
    at_most(
        "redraws, live",
        Spread::of(views.map(|(_, live)| live.redraws)),
        REDRAWS_AT_MOST,
        " a second",
    )
}

fn other_connections(figures: &Figures<'_>) -> Goal {
    as_without(
        "connections of other ports",
        figures.slow_down(Tool::Idle),
        figures.slow_down(Tool::None),
    )
}

fn other_packets(figures: &Figures<'_>) -> Goal {
    as_without(
        "packets of other ports, --handshake",
        figures.other_ports(Tool::Handshake),
        figures.other_ports(Tool::None),
    )
}

/// What cannot be told from nothing at all.
fn as_without(name: &'static str, with: Option<Spread>, without: Option<Spread>) -> Goal {
    Goal {
        name,
        wanted: format!(
            "slow-down within the quartiles of none: {}",
            shown(without, "")
        ),
        found: shown(with, ""),
        met: with
            .zip(without)
            .map(|(with, without)| with.middle <= without.high),
    }
}

fn shown(spread: Option<Spread>, unit: &str) -> String {
    spread.map_or_else(
        || "not measured".to_owned(),
        |spread| format!("{spread}{unit}"),
    )
}
