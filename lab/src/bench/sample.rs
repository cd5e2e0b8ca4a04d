// SPDX-License-Identifier: MIT
//! What was measured, one entry each: lab/bench/measurements.json holds them all, and the
//! page is made from nothing else.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::output::Seen;
use super::tool::Tool;

/// One measurement.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "leg", rename_all = "snake_case")]
pub(super) enum Sample {
    /// Counts and costs at a rate.
    Counted(Counted),
    /// How much slower a loop was while the tool was attached.
    Toggled {
        tool: Tool,
        /// Connections in a window without it, by those in the window with it.
        slow_down: f64,
    },
    /// How much slower another port's traffic was while the tool was attached.
    OtherPorts {
        tool: Tool,
        /// Packets in a window without it, by those in the window with it.
        slow_down: f64,
        /// Packets a second without it.
        packets: f64,
    },
    /// A tool that has nothing to record.
    Quiet {
        tool: Tool,
        /// How often its threads woke in a second.
        wake_ups: f64,
        /// CPU time of its threads in a second, in µs.
        cpu_us: f64,
    },
    /// From the start of the process to its first record.
    Launched {
        tool: Tool,
        /// In ms.
        milliseconds: f64,
    },
    /// A lifetime as a tool reported it.
    Lifetime {
        tool: Tool,
        /// For how long connections were held.
        held_ms: f64,
        /// Reported less true, in µs; `None` where the tool has no record.
        error_us: Option<f64>,
    },
    /// The full-screen view beside a recording, one after the other.
    View { record: Viewed, live: Viewed },
    /// Resident memory during steady churn.
    Resident {
        /// Minutes after the beginning.
        minute: f64,
        /// Connections made so far.
        connections: u64,
        kib: u64,
    },
}

/// What came of a load at one rate.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Counted {
    pub tool: Tool,
    /// The rate that was asked for.
    pub rate: Rate,
    /// Connections a second that it came to.
    pub came_to: f64,
    /// Connections made.
    pub generated: u64,
    /// What the tool made of them.
    pub seen: Seen,
    /// What its processes and programs used.
    pub used: Used,
}

/// What came of a load while somebody looked at it on the whole screen, or recorded it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Viewed {
    /// Connections made.
    pub generated: u64,
    /// What zkchurn made of them.
    pub seen: Seen,
    /// Runs of its BPF programs that the kernel skipped.
    pub recursion_misses: u64,
    /// CPU time of its threads and helper processes, in percent of a core.
    pub core_percent: f64,
    /// How often it drew, a second.
    pub redraws: f64,
    /// The same while nothing happened.
    pub quiet_redraws: f64,
}

/// What a tool used during a load.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(super) struct Used {
    /// CPU time of its threads, in ns.
    pub cpu_ns: u64,
    /// How often its threads woke.
    pub wake_ups: u64,
    /// The most memory it had resident, in KiB.
    pub peak_kib: u64,
    /// Time in its BPF programs, in ns, with the clock's own.
    pub program_ns: u64,
    /// Runs of its BPF programs.
    pub program_runs: u64,
    /// Runs that the kernel skipped.
    pub recursion_misses: u64,
}

/// How fast the load is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) enum Rate {
    /// Connections a second, open loop.
    PerSecond(u64),
    /// As fast as two clients in a closed loop go.
    FlatOut,
}

impl Viewed {
    /// Connections of which it says nothing.
    pub(super) fn unsaid(&self) -> u64 {
        (self.generated).saturating_sub(self.seen.recorded + self.seen.said_lost)
    }
}

impl Counted {
    /// Connections of which the tool says nothing: neither a record nor a loss.
    pub(super) fn unsaid(&self) -> u64 {
        (self.generated).saturating_sub(self.seen.recorded + self.seen.said_lost)
    }

    /// A figure for each connection.
    pub(super) fn each(&self, figure: u64) -> f64 {
        figure as f64 / self.generated.max(1) as f64
    }

    /// ns in the tool's BPF programs for each connection, less the clock's own.
    pub(super) fn program_ns_each(&self, clock_ns: f64) -> f64 {
        let clock = clock_ns * self.used.program_runs as f64;
        (self.used.program_ns as f64 - clock).max(0.0) / self.generated.max(1) as f64
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PerSecond(rate) => write!(f, "{rate}/s"),
            Self::FlatOut => f.write_str("flat out"),
        }
    }
}
