// SPDX-License-Identifier: MIT
//! The load generator's process: a server and clients that make connections and
//! close them at once, counted exactly. It obeys orders, one line of JSON each.
//!
//! The client closes first. It never runs further ahead of the server than half
//! of the accept queue: a full queue would drop handshakes, and a tool would
//! seem to have lost what never was.

mod client;
mod closing;
mod exchange;
mod server;

use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use serde::{Deserialize, Serialize};

/// Options of the process.
#[derive(Args)]
pub(crate) struct Options {
    /// The port that the server listens on
    #[arg(long)]
    port: u16,
}

/// What the generator can be told.
#[derive(Serialize, Deserialize)]
pub(crate) enum Order {
    /// Open loop: so many connections, evenly spread at so many a second.
    Open {
        count: u64,
        /// How many a second.
        rate: f64,
    },
    /// Closed loop: as fast as they go, for so long.
    Flat {
        /// How long.
        seconds: f64,
    },
    /// Starts a loop in the background, at a rate or as fast as it goes.
    Begin {
        /// How many a second.
        rate: Option<f64>,
    },
    /// Starts traffic of another port in the background, as fast as it goes.
    Exchange,
    /// How much was made so far.
    Count,
    /// Ends the loop in the background.
    End,
    /// Connections one after the other, each held for so long.
    Hold {
        /// How long each is held.
        milliseconds: f64,
        count: u32,
    },
}

/// What is answered to each order.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Made {
    /// Connections that were made and closed since the process began.
    pub connections: u64,
    /// Bytes that went to and fro on another port since the process began: two packets each.
    pub exchanged: u64,
    /// Seconds since the process began.
    pub seconds: f64,
    /// Of `Hold`: the client's port and the time in ns from connect's return to
    /// the call of close.
    pub held: Vec<(u16, u64)>,
}

/// What the threads share.
pub(crate) struct Shared {
    /// Where the server listens.
    target: SocketAddr,
    /// Connections that clients have begun.
    begun: AtomicU64,
    /// Connections that clients have closed.
    closed: AtomicU64,
    /// Connections that the server has taken off its queue.
    accepted: AtomicU64,
    /// Connections that the server has closed.
    served: AtomicU64,
    /// Bytes that went to and fro on another port.
    exchanged: AtomicU64,
    /// Whether the loop in the background is to end.
    end: AtomicBool,
}

/// As many threads as this make connections.
const CLIENTS: u64 = 2;
const SERVED_WITHIN: Duration = Duration::from_secs(20);

/// Runs until the standard input ends.
pub(crate) fn run(options: &Options) -> Result<()> {
    let target = SocketAddr::from((Ipv4Addr::LOCALHOST, options.port));
    let shared = Arc::new(Shared {
        target,
        begun: AtomicU64::new(0),
        closed: AtomicU64::new(0),
        accepted: AtomicU64::new(0),
        served: AtomicU64::new(0),
        exchanged: AtomicU64::new(0),
        end: AtomicBool::new(false),
    });
    server::start(target, Arc::clone(&shared))?;
    let mut process = Process {
        shared,
        since: Instant::now(),
        background: Vec::new(),
    };
    for line in std::io::stdin().lines() {
        let order = serde_json::from_str(&line?).context("no order")?;
        let made = process.obey(&order)?;
        let mut out = std::io::stdout().lock();
        writeln!(out, "{}", serde_json::to_string(&made)?)?;
        out.flush()?;
    }
    Ok(())
}

struct Process {
    shared: Arc<Shared>,
    since: Instant,
    background: Vec<JoinHandle<Result<()>>>,
}

impl Process {
    fn obey(&mut self, order: &Order) -> Result<Made> {
        let mut held = Vec::new();
        match *order {
            Order::Open { count, rate } => {
                ensure!(rate > 0.0, "a rate is positive");
                self.start(move |shared, part| {
                    client::open(shared, share(count, part), rate / CLIENTS as f64)
                });
                self.join()?;
            }
            Order::Flat { seconds } => {
                let until = Instant::now() + Duration::from_secs_f64(seconds);
                self.start(move |shared, _| {
                    client::closed(shared, None, || Instant::now() >= until)
                });
                self.join()?;
            }
            Order::Begin { rate } => {
                self.shared.end.store(false, Ordering::Relaxed);
                let rate = rate.map(|rate| rate / CLIENTS as f64);
                self.start(move |shared, _| {
                    client::closed(shared, rate, || shared.end.load(Ordering::Relaxed))
                });
                // The other orders would wait for it to end.
                return Ok(self.made(held));
            }
            Order::Exchange => {
                self.shared.end.store(false, Ordering::Relaxed);
                self.start(|shared, _| exchange::run(shared));
                return Ok(self.made(held));
            }
            Order::Count => return Ok(self.made(held)),
            Order::End => {
                self.shared.end.store(true, Ordering::Relaxed);
                self.join()?;
            }
            Order::Hold {
                milliseconds,
                count,
            } => {
                held = client::hold(
                    &self.shared,
                    Duration::from_secs_f64(milliseconds / 1e3),
                    count,
                )?;
            }
        }
        self.wait_until_served()?;
        Ok(self.made(held))
    }

    fn start(&mut self, run: impl Fn(&Shared, u64) -> Result<()> + Copy + Send + 'static) {
        self.background = (0..CLIENTS)
            .map(|part| {
                let shared = Arc::clone(&self.shared);
                thread::spawn(move || run(&shared, part))
            })
            .collect();
    }

    fn join(&mut self) -> Result<()> {
        for thread in self.background.drain(..) {
            match thread.join() {
                Ok(done) => done?,
                Err(_) => bail!("a thread of the load panicked"),
            }
        }
        Ok(())
    }

    fn wait_until_served(&self) -> Result<()> {
        let deadline = Instant::now() + SERVED_WITHIN;
        let closed = self.shared.closed.load(Ordering::SeqCst);
        while self.shared.served.load(Ordering::SeqCst) < closed {
            ensure!(Instant::now() < deadline, "the server does not keep up");
            thread::sleep(Duration::from_millis(1));
        }
        while closing::count(self.shared.target.port())? > 0 {
            ensure!(Instant::now() < deadline, "sockets stay half closed");
            thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }

    fn made(&self, held: Vec<(u16, u64)>) -> Made {
        Made {
            connections: self.shared.closed.load(Ordering::SeqCst),
            exchanged: self.shared.exchanged.load(Ordering::SeqCst),
            seconds: self.since.elapsed().as_secs_f64(),
            held,
        }
    }
}

/// What one of the clients makes of a number of connections.
fn share(count: u64, part: u64) -> u64 {
    count / CLIENTS + u64::from(part < count % CLIENTS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shares_of_all_clients_make_the_whole() {
        for count in [0, 1, 7, 20_000] {
            assert_eq!(
                (0..CLIENTS).map(|part| share(count, part)).sum::<u64>(),
                count
            );
        }
    }
}
