// SPDX-License-Identifier: MIT
//! Where a live trace gets what it reports: records, and what it asks of the host.
//! Tests of the loop have sources of their own, which need no kernel program.

use std::{collections::HashSet, time::Instant};

use zkchurn_common::record::ConnectionRecord;
use zkchurn_core::{frame::LossCounts, inspection::Inspection, process::ProcessKey};

use crate::host::{
    clock::monotonic_ns,
    inspector::{Inspector, Request},
    kernel::{KernelError, KernelSource},
    sock_diag::{self, Listing, Query},
};

/// Records as they come.
pub trait Source {
    /// Hands up to `most` records to `take` and returns how many there were.
    fn drain(&mut self, most: usize, take: impl FnMut(&[u8])) -> usize;

    /// What could not be recorded so far.
    fn loss(&self) -> LossCounts;

    /// Nothing is recorded from here on. What was recorded can still be drained.
    ///
    /// # Errors
    ///
    /// The kernel does not let go of the program.
    fn detach(&mut self) -> Result<(), KernelError>;

    /// A record of each connection that is open at `now_ns`, oldest first.
    fn open_connections(&self, now_ns: u64) -> Vec<ConnectionRecord>;
}

impl Source for KernelSource {
    fn drain(&mut self, most: usize, take: impl FnMut(&[u8])) -> usize {
        self.drain(most, take)
    }

    fn loss(&self) -> LossCounts {
        self.loss()
    }

    fn detach(&mut self) -> Result<(), KernelError> {
        self.detach()
    }

    fn open_connections(&self, now_ns: u64) -> Vec<ConnectionRecord> {
        self.open_connections(now_ns)
    }
}

/// What a trace asks of the host beside its records.
pub trait Probes {
    /// `CLOCK_MONOTONIC` in nanoseconds.
    fn monotonic_ns(&self) -> u64;

    /// The sockets that `query` asks for, in these network namespaces.
    fn sockets(&self, query: &Query<'_>, namespaces: &HashSet<u32>) -> Listing;

    /// Asks for a closer look, which is taken elsewhere meanwhile.
    fn ask(&mut self, request: Request);

    /// A look that is done, if there is one.
    fn take(&mut self) -> Option<Inspection>;

    /// Waits for one of the looks that are owed; `None` when there is none, or none by
    /// `deadline`.
    fn wait(&mut self, deadline: Instant) -> Option<Inspection>;

    /// The processes whose looks are owed.
    fn owed(&self) -> &[ProcessKey];
}

/// The probes of this host.
pub struct HostProbes {
    inspector: Inspector,
}

impl HostProbes {
    /// Starts the thread that looks closer.
    ///
    /// # Errors
    ///
    /// The system grants no thread.
    pub fn start() -> std::io::Result<Self> {
        let inspector = Inspector::start()?;
        Ok(Self { inspector })
    }
}

impl Probes for HostProbes {
    fn monotonic_ns(&self) -> u64 {
        monotonic_ns()
    }

    fn sockets(&self, query: &Query<'_>, namespaces: &HashSet<u32>) -> Listing {
        sock_diag::list_of(query, namespaces)
    }

    fn ask(&mut self, request: Request) {
        self.inspector.ask(request);
    }

    fn take(&mut self) -> Option<Inspection> {
        self.inspector.take()
    }

    fn wait(&mut self, deadline: Instant) -> Option<Inspection> {
        self.inspector.wait(deadline)
    }

    fn owed(&self) -> &[ProcessKey] {
        self.inspector.owed()
    }
}
