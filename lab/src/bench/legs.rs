// SPDX-License-Identifier: MIT
//! The legs of a run: each starts the tools one after the other and measures
//! one thing of them.

mod counted;
mod launched;
mod lifetime;
mod quiet;
mod resident;
mod toggled;
mod view;

use anyhow::Result;
use clap::ValueEnum;

use super::generator::Generator;
use super::running::Bench;
use super::sample::{Rate, Sample};
use super::tool::Tool;

pub(super) use self::lifetime::HELD_MS;
pub(super) use self::view::PER_SECOND as VIEWED_PER_SECOND;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Leg {
    /// Connections, losses and costs at each rate
    Counted,
    /// The slow-down of a running loop
    Toggled,
    /// The slow-down of packets of another port
    OtherPorts,
    /// Wake-ups while nothing happens
    Quiet,
    /// From launch to the first record
    Launched,
    /// The error of reported lifetimes
    Lifetime,
    /// The full-screen view beside a recording
    View,
    /// Memory in a long run
    Resident,
}

/// How much of everything a run does.
#[derive(Clone, Debug)]
pub(super) struct Extent {
    /// The rates of the load.
    pub rates: Vec<Rate>,
    /// For how long each of them.
    pub seconds: f64,
    /// The tools that are toggled.
    pub toggled: Vec<Tool>,
    /// Those whose effect on other ports' packets is measured.
    pub other_ports: Vec<Tool>,
    /// Windows with each of them attached, a round.
    pub windows: usize,
    /// Length of a window, in seconds.
    pub window: f64,
    /// After so many seconds with nothing to do a tool is looked at.
    pub quiet_after: f64,
    /// And for so many: zkchurn has a line to print every ten.
    pub quiet: f64,
    /// Starts of each tool, a round.
    pub launches: usize,
    /// Connections held for each time, a round.
    pub held: u32,
    /// Runs of the full-screen view and of a recording, a round.
    pub views: usize,
    /// For how long each of them has a load, in seconds.
    pub view_seconds: f64,
    /// Minutes of the long run.
    pub minutes: f64,
}

impl Extent {
    /// Of a full run.
    pub(super) fn full(minutes: f64) -> Self {
        Self {
            rates: [100, 1_000, 5_000, 20_000]
                .map(Rate::PerSecond)
                .into_iter()
                .chain([Rate::FlatOut])
                .collect(),
            seconds: 1.0,
            toggled: Tool::ALL.to_vec(),
            other_ports: vec![
                Tool::None,
                Tool::Zkchurn,
                Tool::Handshake,
                Tool::Tcpdump,
                Tool::TcpdumpFlags,
            ],
            windows: 10,
            window: 0.5,
            quiet_after: 8.0,
            quiet: 10.0,
            launches: 5,
            held: 10,
            views: 2,
            view_seconds: 2.0,
            minutes,
        }
    }

    /// Of a smoke test in under two minutes.
    pub(super) fn quick() -> Self {
        Self {
            rates: vec![Rate::PerSecond(1_000), Rate::PerSecond(5_000)],
            toggled: vec![Tool::None, Tool::Record, Tool::Idle, Tool::TcplifePort],
            other_ports: vec![Tool::Handshake],
            windows: 3,
            quiet_after: 2.0,
            quiet: 1.0,
            launches: 3,
            held: 5,
            views: 1,
            view_seconds: 1.0,
            ..Self::full(0.0)
        }
    }
}

impl Leg {
    /// Runs one round. The tools take turns in being first.
    pub(super) fn round(
        self,
        bench: &Bench,
        load: &mut Generator,
        extent: &Extent,
        round: usize,
    ) -> Result<Vec<Sample>> {
        match self {
            Self::Counted => counted::round(bench, load, extent, round),
            Self::Toggled => toggled::round(bench, load, extent, round),
            Self::OtherPorts => toggled::other_ports(bench, load, extent, round),
            Self::Quiet => quiet::round(bench, load, extent),
            Self::Launched => launched::round(bench, load, extent),
            Self::Lifetime => lifetime::round(bench, load, extent),
            Self::View => view::round(bench, load, extent, round),
            Self::Resident => resident::round(bench, load, extent.minutes),
        }
    }
}

/// These tools, with another one first in each round.
fn in_turn(tools: &[Tool], round: usize) -> Vec<Tool> {
    let mut tools = tools.to_vec();
    let length = tools.len().max(1);
    tools.rotate_left(round * 4 % length);
    tools
}
