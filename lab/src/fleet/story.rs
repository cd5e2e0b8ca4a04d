// SPDX-License-Identifier: MIT
//! What happens on the day of the fleet: the same for ClickHouse and for Prometheus.
//!
//! Each host has a health check each minute, and tells of each minute as an interval: an agent does
//! so each 10 s, which is six times as many lines that differ in nothing that is asked for. From the
//! server's restart on some churn as in the incident.

use super::{
    host::{Host, Planted},
    template::Told,
};

pub(super) const MINUTE_MS: u64 = 60_000;
pub(super) const HOUR_MS: u64 = 60 * MINUTE_MS;
/// When the day begins, in seconds since 1970.
pub(super) const DAY_UNIX_S: u64 = 1_795_478_400;
/// The server's restart, and that of the client which it helps.
pub(super) const RESTARTED: &str = "2026-11-24 21:00:00";
pub(super) const CLIENT_RESTARTED: &str = "2026-11-24 22:30:00";
const RESTARTED_MS: u64 = 21 * HOUR_MS;
const CLIENT_RESTARTED_MS: u64 = 22 * HOUR_MS + 30 * MINUTE_MS;
const SILENT_FROM_MS: u64 = 21 * HOUR_MS + 30 * MINUTE_MS;
const CLOCK_AHEAD_MS: u64 = 3 * HOUR_MS;
/// 0.63 a second, as in the incident.
const CHURN_EVERY_MS: u64 = 1_587;
/// What begins in a minute has begun so long before its end, so that nothing of it is told of late.
const BEFORE_THE_END_MS: u64 = 400;

impl Host {
    /// Whether anything comes from it then; moments are milliseconds of the day.
    pub(super) fn tells(&self, at_ms: u64) -> bool {
        self.planted != Planted::Silent || at_ms < SILENT_FROM_MS
    }

    /// Whether it churns then.
    pub(super) fn churns(&self, at_ms: u64) -> bool {
        match self.planted {
            Planted::Churns => at_ms >= RESTARTED_MS,
            Planted::ChurnedUntilRestart => (RESTARTED_MS..CLIENT_RESTARTED_MS).contains(&at_ms),
            _ => false,
        }
    }

    /// When connections of its churn begin within a minute.
    pub(super) fn churn_of(&self, minute_ms: u64) -> impl Iterator<Item = u64> {
        let end = match self.churns(minute_ms) {
            true => minute_ms + MINUTE_MS - BEFORE_THE_END_MS,
            false => minute_ms,
        };
        let first = minute_ms.next_multiple_of(CHURN_EVERY_MS);
        (first..end).step_by(CHURN_EVERY_MS as usize)
    }

    /// What it tells of a minute: of its health check, its churn, and what stays open.
    pub(super) fn told(&self, minute_ms: u64) -> Told {
        let ended = 1 + self.churn_of(minute_ms).count() as u64;
        let open = self.open(minute_ms);
        // What is open at midnight is older than the day.
        let before = self.open(minute_ms.saturating_sub(MINUTE_MS));
        Told {
            length_ms: MINUTE_MS,
            opened: ended + open.saturating_sub(before),
            ended,
            open,
        }
    }

    /// Connections that are open then, whenever they began, as an agent counts them: one of the
    /// client that each host has, and of one that leaks one more each two minutes all day long.
    pub(super) fn open(&self, minute_ms: u64) -> u64 {
        match self.planted {
            Planted::Leaks => 3 + minute_ms / MINUTE_MS / 2,
            _ => 1,
        }
    }

    /// By how much its clock is ahead.
    pub(super) fn ahead_ms(&self) -> u64 {
        match self.planted {
            Planted::ClockAhead => CLOCK_AHEAD_MS,
            _ => 0,
        }
    }
}
