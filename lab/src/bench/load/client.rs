// SPDX-License-Identifier: MIT
//! The clients of the load.

use std::net::TcpStream;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::{Shared, server};

/// No more than this may wait in the accept queue.
const AHEAD_AT_MOST: u64 = server::QUEUE as u64 / 2;
/// A sleep of a thread is about this much longer than asked for: shorter
/// pauses are made up for by the next connections.
const SHORTEST_SLEEP: Duration = Duration::from_micros(200);

/// Makes `count` connections, each due at its time whatever became of the ones
/// before; what is late is made at once.
pub(super) fn open(shared: &Shared, count: u64, rate: f64) -> Result<()> {
    let began = Instant::now();
    for index in 0..count {
        wait_until(began + Duration::from_secs_f64(index as f64 / rate));
        one(shared)?;
    }
    Ok(())
}

/// Makes one connection after the other until `ended`, at most at this rate.
pub(super) fn closed(shared: &Shared, rate: Option<f64>, ended: impl Fn() -> bool) -> Result<()> {
    let began = Instant::now();
    let mut index = 0_u64;
    while !ended() {
        if let Some(rate) = rate {
            wait_until(began + Duration::from_secs_f64(index as f64 / rate));
        }
        one(shared)?;
        index += 1;
    }
    Ok(())
}

/// Makes connections one after the other and holds each of them for a time.
pub(super) fn hold(shared: &Shared, time: Duration, count: u32) -> Result<Vec<(u16, u64)>> {
    let mut held = Vec::new();
    for _ in 0..count {
        shared.begun.fetch_add(1, Ordering::SeqCst);
        let connection = connect(shared)?;
        let connected = Instant::now();
        let port = connection.local_addr()?.port();
        thread::sleep(time);
        let lived = connected.elapsed();
        drop(connection);
        shared.closed.fetch_add(1, Ordering::SeqCst);
        held.push((port, u64::try_from(lived.as_nanos())?));
    }
    Ok(held)
}

fn one(shared: &Shared) -> Result<()> {
    let begun = shared.begun.fetch_add(1, Ordering::SeqCst) + 1;
    while begun.saturating_sub(shared.accepted.load(Ordering::SeqCst)) > AHEAD_AT_MOST {
        thread::sleep(SHORTEST_SLEEP);
    }
    drop(connect(shared)?);
    shared.closed.fetch_add(1, Ordering::SeqCst);
    Ok(())
}

fn connect(shared: &Shared) -> Result<TcpStream> {
    TcpStream::connect(shared.target).context("the load cannot connect")
}

fn wait_until(due: Instant) {
    let left = due.saturating_duration_since(Instant::now());
    if left > SHORTEST_SLEEP {
        thread::sleep(left);
    }
}
