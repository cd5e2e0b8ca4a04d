// SPDX-License-Identifier: MIT
//! The demo's client process: starts a thread for each kind of churn, and
//! tells at its end exactly what each of them did.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use serde::{Deserialize, Serialize};

use super::churn;
use super::server::ADDRESSES;

/// Options of the client process.
#[derive(Args)]
pub(crate) struct Options {
    /// The port of the demo's server
    #[arg(long)]
    server: u16,
    /// A port that nobody listens on
    #[arg(long)]
    refused: u16,
    /// By what the pauses are divided
    #[arg(long, default_value_t = 1.0)]
    faster: f64,
}

/// What the client did, printed as one line of JSON when it ends.
#[derive(Serialize, Deserialize)]
pub(crate) struct Summary {
    /// The process.
    pub pid: u32,
    /// What each kind of churn came to.
    pub kinds: Vec<Done>,
}

/// What one kind of churn came to.
#[derive(Serialize, Deserialize)]
pub(crate) struct Done {
    /// The name of its thread.
    pub kind: String,
    /// The thread, where one thread made all connections.
    pub tid: Option<i32>,
    /// How many were made.
    pub count: churn::Count,
}

/// What a thread of the load waits by and counts with.
pub(crate) struct Pause {
    /// The other end of its pauses.
    stopped: Receiver<()>,
    faster: f64,
    /// What all threads have done so far.
    made: Arc<AtomicU64>,
}

impl Pause {
    /// Pauses. True when the time is up, false when the thread is to end.
    pub(crate) fn lasts(&self, time: Duration) -> bool {
        self.stopped.recv_timeout(time) == Err(RecvTimeoutError::Timeout)
    }

    /// A time as short as this load is fast.
    pub(crate) fn hurried(&self, time: Duration) -> Duration {
        time.div_f64(self.faster)
    }

    /// Counts a connection that was made or refused.
    pub(crate) fn made_one(&self) {
        self.made.fetch_add(1, Ordering::Relaxed);
    }
}

type Churn = fn(SocketAddr, &Pause) -> Result<churn::Count>;

/// Runs until the standard input ends. Each line of it is answered by the number
/// of connections so far.
pub(crate) fn run(options: &Options) -> Result<()> {
    let [first, second, third] =
        ADDRESSES.map(|address| SocketAddr::from((address, options.server)));
    let refused = SocketAddr::from((Ipv4Addr::LOCALHOST, options.refused));
    // ZooKeeper's name for the thread; the kernel keeps 15 characters of it.
    let stuck = format!("main-SendThread({first})");
    ensure!(options.faster > 0.0, "--faster is a positive number");
    let made = Arc::new(AtomicU64::new(0));
    let mut running = Vec::new();
    let mut stops = Vec::new();
    for (name, target, churn, one_thread) in [
        (stuck.as_str(), first, churn::stuck as Churn, true),
        ("tcp-probe", second, churn::probe, true),
        ("request-N", third, churn::requests, false),
        ("refused-client", refused, churn::refused, true),
    ] {
        let (stop, stopped) = mpsc::channel();
        stops.push(stop);
        let pause = Pause {
            stopped,
            faster: options.faster,
            made: Arc::clone(&made),
        };
        running.push(start(name, one_thread, move || churn(target, &pause))?);
    }
    for line in std::io::stdin().lines() {
        line?;
        println!("{}", made.load(Ordering::Relaxed));
    }
    // A dropped sender ends the pause of its thread.
    drop(stops);
    let kinds = running.into_iter().map(join).collect::<Result<_>>()?;
    let pid = std::process::id();
    println!("{}", serde_json::to_string(&Summary { pid, kinds })?);
    Ok(())
}

fn start(
    name: &str,
    one_thread: bool,
    churn: impl FnOnce() -> Result<churn::Count> + Send + 'static,
) -> Result<JoinHandle<Result<Done>>> {
    let kind = name.to_owned();
    let body = move || {
        let tid = one_thread.then(|| rustix::thread::gettid().as_raw_nonzero().get());
        let count = churn().with_context(|| kind.clone())?;
        Ok(Done { kind, tid, count })
    };
    thread::Builder::new()
        .name(name.to_owned())
        .spawn(body)
        .with_context(|| format!("cannot start the thread {name}"))
}

fn join(running: JoinHandle<Result<Done>>) -> Result<Done> {
    match running.join() {
        Ok(done) => done,
        Err(_) => bail!("a thread of the load panicked"),
    }
}
