// SPDX-License-Identifier: MIT
//! The programs of lab/bench/cores.s, loaded and run by `BPF_PROG_TEST_RUN` on processors of
//! one's choice.

use std::thread;

use anyhow::{Context, Result, anyhow, ensure};
use aya::Ebpf;
use aya::programs::{TestRun, TestRunOptions, Xdp};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use serde::{Deserialize, Serialize};

use super::Way;

/// So that all records of all processors have room in the ring buffer, which nobody empties.
const RUNS: u32 = 100_000;
/// What the kernel asks for at least: an Ethernet header (`net/bpf/test_run.c`).
const PACKET: [u8; 64] = [0; 64];
/// `XDP_PASS`; a program that did not do what it should returns something else.
const DONE: u32 = 2;

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Operation {
    Nothing,
    Table,
    Ring,
}

impl Operation {
    fn program(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Table => "table",
            Self::Ring => "ring",
        }
    }
}

/// Programs with their maps, and the processors that run them.
pub(super) struct Rig {
    /// One for all processors, or one each.
    loaded: Vec<Ebpf>,
    processors: Vec<usize>,
}

impl Rig {
    /// With maps in which nothing is.
    pub(super) fn new(object: &[u8], way: Way) -> Result<Self> {
        let mut processors = processors()?;
        if way == Way::Alone {
            processors.truncate(1);
        }
        let copies = match way {
            Way::Alone | Way::Shared => 1,
            Way::Apart => processors.len(),
        };
        let loaded = (0..copies).map(|_| Ebpf::load(object).context("cannot load cores.s"));
        Ok(Self {
            loaded: loaded.collect::<Result<_>>()?,
            processors,
        })
    }

    /// ns of a run, on all processors at the same time: the mean over them.
    pub(super) fn ns(&mut self, operation: Operation) -> Result<f64> {
        let name = operation.program();
        for ebpf in &mut self.loaded {
            let program = ebpf.program_mut(name).context("no such program")?;
            <&mut Xdp>::try_from(program)?.load()?;
        }
        let programs: Vec<&Xdp> = self
            .loaded
            .iter()
            .map(|ebpf| Ok(ebpf.program(name).context("no such program")?.try_into()?))
            .collect::<Result<_>>()?;
        let all = thread::scope(|scope| {
            let threads = self.processors.iter().enumerate();
            let threads: Vec<_> = threads
                .map(|(place, processor)| {
                    let program = programs[place % programs.len()];
                    scope.spawn(move || run_on(*processor, program))
                })
                .collect();
            let joined = threads.into_iter().map(|thread| {
                let result = thread.join();
                result.unwrap_or_else(|_| Err(anyhow!("a thread has panicked")))
            });
            joined.collect::<Result<Vec<f64>>>()
        })?;
        Ok(all.iter().sum::<f64>() / all.len() as f64)
    }
}

fn run_on(processor: usize, program: &Xdp) -> Result<f64> {
    let mut only = CpuSet::new();
    only.set(processor);
    sched_setaffinity(None, &only).context("cannot choose a processor")?;
    let options = TestRunOptions {
        data_in: Some(&PACKET),
        repeat: RUNS,
        ..TestRunOptions::default()
    };
    let result = program.test_run(options)?;
    ensure!(
        result.return_value == DONE,
        "the program did not do what is to be measured"
    );
    // The kernel tells the mean of all runs.
    Ok(result.duration.as_nanos() as f64)
}

/// Those that this process may use.
fn processors() -> Result<Vec<usize>> {
    let allowed = sched_getaffinity(None)?;
    let all: Vec<_> = (0..CpuSet::MAX_CPU)
        .filter(|cpu| allowed.is_set(*cpu))
        .collect();
    ensure!(
        all.len() > 1,
        "there is one processor: nothing can be shared"
    );
    Ok(all)
}
