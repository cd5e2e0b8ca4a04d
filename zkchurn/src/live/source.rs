// SPDX-License-Identifier: MIT
//! Where a live trace gets what it reports: records, and what it asks of the host.
//! Tests of the loop have sources of their own, which need no kernel program.

use std::collections::HashSet;

use zkchurn_common::record::ConnectionRecord;
use zkchurn_core::frame::LossCounts;

use crate::host::{
    clock::monotonic_ns,
    helper::{
        asking::Looker,
        wire::{Answer, Task},
    },
    kernel::{Checked, Followed, KernelError, KernelSource, OpenConnections, Progress},
};

/// Records as they come.
pub(super) trait Source {
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

    /// Sockets of connections in the table that are closed at `now_ns`, as their end was missed.
    fn unseen_ends(&mut self, now_ns: u64, deadline: std::time::Instant) -> HashSet<u64>;

    /// A record of each connection that is open at `now_ns`, oldest first.
    fn open_connections(&self, now_ns: u64, deadline: std::time::Instant) -> OpenConnections;

    /// Begins to walk the table from its start.
    fn begin_walk(&mut self);

    /// Puts up to `most` further keys of open connections behind `keys`, some maybe a second
    /// time.
    fn more_keys(&mut self, most: usize, keys: &mut Vec<u64>) -> Progress;

    /// What is known so far of one of them; `None` where it has ended.
    fn open_connection(&self, key: u64) -> Option<ConnectionRecord>;

    /// Has those that are over without a record of it told of; returns how many
    /// there are.
    fn check(&mut self, keys: &[u64]) -> Checked;

    /// Follows a connection that is older than the source.
    fn follow(&mut self, record: &ConnectionRecord) -> Followed;

    /// Forgets a connection again; whether it was still there.
    fn unfollow(&mut self, socket: u64) -> bool;

    /// Captures the first bytes of connections that begin from now on.
    ///
    /// # Errors
    ///
    /// Why it does not, in words.
    fn turn_on_handshakes(&mut self) -> Result<(), String>;

    /// From now on the next record makes [`Self::woken`] return.
    fn doze(&mut self);

    /// Waits until there is something to take.
    fn woken(&mut self) -> impl Future<Output = ()>;
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

    fn unseen_ends(&mut self, now_ns: u64, deadline: std::time::Instant) -> HashSet<u64> {
        self.unseen_ends(now_ns, deadline)
    }

    fn open_connections(&self, now_ns: u64, deadline: std::time::Instant) -> OpenConnections {
        self.open_connections(now_ns, deadline)
    }

    fn begin_walk(&mut self) {
        self.begin_walk();
    }

    fn more_keys(&mut self, most: usize, keys: &mut Vec<u64>) -> Progress {
        self.more_keys(most, keys)
    }

    fn open_connection(&self, key: u64) -> Option<ConnectionRecord> {
        self.open_connection(key)
    }

    fn check(&mut self, keys: &[u64]) -> Checked {
        self.check(keys)
    }

    fn follow(&mut self, record: &ConnectionRecord) -> Followed {
        self.follow(record)
    }

    fn unfollow(&mut self, socket: u64) -> bool {
        self.unfollow(socket)
    }

    fn turn_on_handshakes(&mut self) -> Result<(), String> {
        self.turn_on_handshakes();
        self.captures_handshakes().map(drop)
    }

    fn doze(&mut self) {
        self.doze();
    }

    async fn woken(&mut self) {
        self.woken().await;
    }
}

/// What a trace asks of the host beside its records. Nothing here waits.
pub(super) trait Probes {
    /// `CLOCK_MONOTONIC` in nanoseconds.
    fn monotonic_ns(&self) -> u64;

    /// Has something found out elsewhere; its answers bear the number that is returned.
    /// `None` where nobody does it.
    fn ask(&mut self, task: Task) -> Option<u64>;

    /// The next answer; `None` once nobody answers any more. What was not awaited is not
    /// lost.
    fn answer(&mut self) -> impl Future<Output = Option<Answer>>;

    /// The pid of who answers, where somebody has stopped it.
    fn stopped(&self) -> Option<u32>;
}

/// The probes of this host.
pub(super) struct HostProbes {
    looker: Looker,
}

impl HostProbes {
    /// Probes that ask this helper.
    pub(super) fn new(looker: Looker) -> Self {
        Self { looker }
    }
}

impl Probes for HostProbes {
    fn monotonic_ns(&self) -> u64 {
        monotonic_ns()
    }

    fn ask(&mut self, task: Task) -> Option<u64> {
        self.looker.ask(task)
    }

    async fn answer(&mut self) -> Option<Answer> {
        self.looker.answer().await
    }

    fn stopped(&self) -> Option<u32> {
        self.looker.stopped()
    }
}
