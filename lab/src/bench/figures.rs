// SPDX-License-Identifier: MIT
//! What follows from the measurements: medians and quartiles by tool and rate.

use super::sample::{Counted, Rate, Sample, Viewed};
use super::spread::Spread;
use super::tool::Tool;

/// Questions to the measurements.
pub(super) struct Figures<'a> {
    samples: &'a [Sample],
}

impl<'a> Figures<'a> {
    /// Of these.
    pub(super) fn of(samples: &'a [Sample]) -> Self {
        Self { samples }
    }

    /// The rates that were measured, slowest first.
    pub(super) fn rates(&self) -> Vec<Rate> {
        let mut rates: Vec<_> = self.all_counted().map(|counted| counted.rate).collect();
        rates.sort_unstable();
        rates.dedup();
        rates
    }

    /// What came of a tool at a rate.
    pub(super) fn counted(&self, tool: Tool, rate: Rate) -> Vec<&'a Counted> {
        self.all_counted()
            .filter(|counted| counted.tool == tool && counted.rate == rate)
            .collect()
    }

    /// Of a figure of those.
    pub(super) fn spread(
        &self,
        tool: Tool,
        rate: Rate,
        figure: impl Fn(&Counted) -> f64,
    ) -> Option<Spread> {
        Spread::of(self.counted(tool, rate).into_iter().map(figure))
    }

    /// µs in BPF programs for each connection.
    pub(super) fn kernel_us(&self, tool: Tool, rate: Rate) -> Option<Spread> {
        let clock = self.clock_ns(rate)?;
        let spread = self.spread(tool, rate, |counted| counted.program_ns_each(clock) / 1e3)?;
        let ran = |counted: &&Counted| counted.used.program_runs > 0;
        self.counted(tool, rate).iter().any(ran).then_some(spread)
    }

    /// What the clock of the statistics takes of each run: all that an empty
    /// program is seen to take.
    pub(super) fn clock_ns(&self, rate: Rate) -> Option<f64> {
        let each = |counted: &Counted| {
            counted.used.program_ns as f64 / counted.used.program_runs.max(1) as f64
        };
        self.spread(Tool::Empty, rate, each)
            .map(|spread| spread.middle)
    }

    /// The slow-down with a tool.
    pub(super) fn slow_down(&self, tool: Tool) -> Option<Spread> {
        Spread::of(self.samples.iter().filter_map(|sample| match sample {
            Sample::Toggled {
                tool: of,
                slow_down,
            } if *of == tool => Some(*slow_down),
            _ => None,
        }))
    }

    /// The slow-down of another port's packets with a tool.
    pub(super) fn other_ports(&self, tool: Tool) -> Option<Spread> {
        Spread::of(self.samples.iter().filter_map(|sample| match sample {
            Sample::OtherPorts {
                tool: of,
                slow_down,
                ..
            } if *of == tool => Some(*slow_down),
            _ => None,
        }))
    }

    /// Packets a second of another port without any tool.
    pub(super) fn packets(&self) -> Option<Spread> {
        Spread::of(self.samples.iter().filter_map(|sample| match sample {
            Sample::OtherPorts { packets, .. } => Some(*packets),
            _ => None,
        }))
    }

    /// Wake-ups a second of a tool that has nothing to record.
    pub(super) fn quiet_wake_ups(&self, tool: Tool) -> Option<Spread> {
        self.quiet(tool, |wake_ups, _| wake_ups)
    }

    /// µs of CPU time a second of the same.
    pub(super) fn quiet_cpu(&self, tool: Tool) -> Option<Spread> {
        self.quiet(tool, |_, cpu_us| cpu_us)
    }

    fn quiet(&self, tool: Tool, figure: fn(f64, f64) -> f64) -> Option<Spread> {
        Spread::of(self.samples.iter().filter_map(|sample| match sample {
            Sample::Quiet {
                tool: of,
                wake_ups,
                cpu_us,
            } if *of == tool => Some(figure(*wake_ups, *cpu_us)),
            _ => None,
        }))
    }

    /// ms from launch to the first record.
    pub(super) fn launch(&self, tool: Tool) -> Option<Spread> {
        Spread::of(self.samples.iter().filter_map(|sample| match sample {
            Sample::Launched {
                tool: of,
                milliseconds,
            } if *of == tool => Some(*milliseconds),
            _ => None,
        }))
    }

    /// Errors of reported lifetimes, in µs, and how many had no record.
    pub(super) fn lifetime(&self, tool: Tool, held: f64) -> (Option<Spread>, usize) {
        let errors: Vec<_> = self
            .samples
            .iter()
            .filter_map(|sample| match sample {
                Sample::Lifetime {
                    tool: of,
                    held_ms,
                    error_us,
                } if *of == tool && *held_ms == held => Some(*error_us),
                _ => None,
            })
            .collect();
        let without = errors.iter().filter(|error| error.is_none()).count();
        (Spread::of(errors.into_iter().flatten()), without)
    }

    /// Recordings, and the full-screen view beside each.
    pub(super) fn views(&self) -> Vec<(&'a Viewed, &'a Viewed)> {
        let samples = self.samples.iter().filter_map(|sample| match sample {
            Sample::View { record, live } => Some((record, live)),
            _ => None,
        });
        samples.collect()
    }

    /// Minutes, connections and KiB of the long run.
    pub(super) fn resident(&self) -> Vec<(f64, u64, u64)> {
        let samples = self.samples.iter().filter_map(|sample| match sample {
            Sample::Resident {
                minute,
                connections,
                kib,
            } => Some((*minute, *connections, *kib)),
            _ => None,
        });
        samples.collect()
    }

    fn all_counted(&self) -> impl Iterator<Item = &'a Counted> {
        self.samples.iter().filter_map(|sample| match sample {
            Sample::Counted(counted) => Some(counted),
            _ => None,
        })
    }
}
