// SPDX-License-Identifier: MIT
//! The counts of a host, as zkchurn itself makes text of them at each interval.

use std::{cell::RefCell, io, net::SocketAddr, rc::Rc};

use anyhow::Result;
use zkchurn_core::{
    clock::ClockPair,
    connection::Connection,
    metrics::{Metering, Publish},
    render::{ConnectionLine, Renderer},
};

use super::recorded::{Ended, Recorded};
use crate::fleet::{
    host::Host,
    story::{DAY_UNIX_S, MINUTE_MS},
};

const SERVERS: u64 = 3;

/// The last text that was made.
#[derive(Clone, Default)]
struct Last(Rc<RefCell<String>>);

impl Publish for Last {
    fn publish(&mut self, text: &str) -> io::Result<()> {
        text.clone_into(&mut self.0.borrow_mut());
        Ok(())
    }
}

/// Gives the counts of a host at each minute of some hours to `take`, with the moment: milliseconds
/// of the day.
pub(super) fn each_minute(
    recorded: &Recorded,
    host: &Host,
    minutes: std::ops::Range<u64>,
    mut take: impl FnMut(u64, &str) -> Result<()>,
) -> Result<()> {
    let from_ms = minutes.start * MINUTE_MS;
    let text = Last::default();
    let mut counting = Counting {
        metering: Metering::new(text.clone()),
        clock: clock(host, from_ms),
        random: fastrand::Rng::with_seed(host.pid),
    };
    let mut start = recorded.start.clone();
    start.clock = counting.clock;
    counting.metering.start(&start)?;
    for minute_ms in minutes.map(|minute| minute * MINUTE_MS) {
        if !host.tells(minute_ms) {
            break;
        }
        counting.ended(&recorded.health_check, minute_ms)?;
        for at_ms in host.churn_of(minute_ms) {
            counting.ended(&recorded.churn, at_ms)?;
        }
        let mut interval = recorded.interval(host, minute_ms).clone();
        interval.summary.open = host.open(minute_ms);
        for finding in &mut interval.findings {
            finding.destinations = vec![server(0).to_string()];
        }
        let at = counting.clock.timestamp(minute_ms * 1_000_000);
        counting.metering.found(&interval.findings, at)?;
        counting.metering.interval(&interval.summary)?;
        take(minute_ms + host.phase_ms, &text.0.borrow())?;
    }
    Ok(())
}

/// A host whose monotonic clock is the time of the day.
fn clock(host: &Host, at_ms: u64) -> ClockPair {
    let realtime_ms = DAY_UNIX_S * 1_000 + at_ms + host.ahead_ms();
    ClockPair {
        monotonic_ns: at_ms * 1_000_000,
        realtime_ns: i64::try_from(realtime_ms * 1_000_000).unwrap_or(i64::MAX),
    }
}

struct Counting {
    metering: Metering<Last>,
    clock: ClockPair,
    random: fastrand::Rng,
}

impl Counting {
    fn ended(&mut self, ended: &Ended, at_ms: u64) -> Result<()> {
        let mut connection = ended.connection;
        begin_at(&mut connection, at_ms * 1_000_000);
        connection.remote = server(self.random.u64(..SERVERS));
        self.metering.connection(&ConnectionLine {
            connection: &connection,
            outcome: ended.outcome,
            process: ended.process.as_ref(),
            placed: None,
            clock: self.clock,
        })?;
        Ok(())
    }
}

/// The same connection at another time.
fn begin_at(connection: &mut Connection, began_ns: u64) {
    let recorded_ns = connection.started_ns;
    connection.started_ns = began_ns;
    for moment in [
        &mut connection.established_ns,
        &mut connection.left_established_ns,
        &mut connection.local_close_ns,
        &mut connection.seen_open_ns,
        &mut connection.ended_ns,
    ] {
        *moment = moment.map(|at| began_ns + at.saturating_sub(recorded_ns));
    }
}

fn server(number: u64) -> SocketAddr {
    let [.., number] = (1 + number).to_be_bytes();
    ([10, 9, 0, number], 2181).into()
}
