// SPDX-License-Identifier: MIT
//! The four kinds of churn. Each counts its connections itself; what zkchurn
//! records is compared with these counts.

use std::io::ErrorKind;
use std::net::{IpAddr, Shutdown, SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};
use socket2::{Domain, Socket, Type};
use zkchurn_lab::harness::zookeeper::ConnectRequest;

use super::load::Pause;
use super::wire;

/// The incident's pauses are divided by this, so that a short demo shows
/// many of them.
const HURRY: u64 = 4;
const PROBE_PERIOD: Duration = Duration::from_secs(1);
const REQUEST_PERIOD: Duration = Duration::from_millis(500);
/// What a Java client that never had a session waits between two refusals.
const REFUSED_PERIOD: Duration = Duration::from_millis(1102);

/// How many connections a kind of churn made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Count {
    /// Calls of connect.
    pub attempted: usize,
    /// Those that succeeded.
    pub established: usize,
}

impl Count {
    fn established(&mut self) {
        self.attempted += 1;
        self.established += 1;
    }
}

/// The incident: the client connects, fails inside itself before it has sent
/// a byte, half-closes and tries again. The old socket is closed only after
/// the next connect, as the Java client does it.
pub(super) fn stuck(server: SocketAddr, pause: &Pause) -> Result<Count> {
    let mut count = Count::default();
    let mut rng = fastrand::Rng::new();
    let mut previous: Option<Socket> = None;
    loop {
        let socket = connect_as_a_jvm(server)?;
        count.established();
        pause.made_one();
        drop(previous.take());
        // Part of what is reproduced: the time until the client fails.
        thread::sleep(Duration::from_micros(rng.u64(1000..3000)));
        socket.shutdown(Shutdown::Write)?;
        previous = Some(socket);
        let gap = Duration::from_millis((1000 + 100 + rng.u64(0..1000)) / HURRY);
        if !pause.lasts(pause.hurried(gap)) {
            return Ok(count);
        }
    }
}

/// Every socket of a JVM is an IPv6 one, also where the peer has an IPv4
/// address. Only a host without IPv6 is different.
fn connect_as_a_jvm(server: SocketAddr) -> Result<Socket> {
    let (socket, address) = match Socket::new(Domain::IPV6, Type::STREAM, None) {
        Ok(socket) => {
            socket.set_only_v6(false)?;
            (socket, v4_mapped(server))
        }
        Err(_) => (Socket::new(Domain::IPV4, Type::STREAM, None)?, server),
    };
    socket.connect(&address.into()).context("cannot connect")?;
    Ok(socket)
}

fn v4_mapped(address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) => SocketAddr::from((ip.to_ipv6_mapped(), address.port())),
        IpAddr::V6(_) => address,
    }
}

/// A health check of a load balancer: connects and closes, in a steady rhythm.
pub(super) fn probe(server: SocketAddr, pause: &Pause) -> Result<Count> {
    let mut count = Count::default();
    steadily(PROBE_PERIOD, pause, || {
        TcpStream::connect(server).context("cannot connect")?;
        count.established();
        pause.made_one();
        Ok(())
    })?;
    Ok(count)
}

/// An application that makes a ZooKeeper client for each request.
pub(super) fn requests(server: SocketAddr, pause: &Pause) -> Result<Count> {
    let mut count = Count::default();
    steadily(REQUEST_PERIOD, pause, || {
        let name = format!("request-{}", count.attempted + 1);
        let request = thread::Builder::new().name(name);
        let request = request.spawn(move || session(server))?;
        match request.join() {
            Ok(done) => done?,
            Err(_) => bail!("a request panicked"),
        }
        count.established();
        pause.made_one();
        Ok(())
    })?;
    Ok(count)
}

fn session(server: SocketAddr) -> Result<()> {
    let mut stream = TcpStream::connect(server).context("cannot connect")?;
    let opened = wire::exchange(&mut stream, &ConnectRequest::default().bytes())?;
    let closed = wire::exchange(&mut stream, &wire::close_session())?;
    ensure!((opened, closed) == ((49, 41), (12, 20)), "odd answers");
    Ok(())
}

/// A client whose server is down.
pub(super) fn refused(address: SocketAddr, pause: &Pause) -> Result<Count> {
    let mut count = Count::default();
    steadily(REFUSED_PERIOD, pause, || {
        count.attempted += 1;
        pause.made_one();
        match TcpStream::connect(address) {
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => Ok(()),
            Err(error) => Err(error).context("another failure than a refusal"),
            Ok(_) => bail!("somebody listens on the port that nobody should listen on"),
        }
    })?;
    Ok(count)
}

/// Calls `act` once a period, hurried as the pause says, however long it takes
/// itself.
fn steadily(period: Duration, pause: &Pause, mut act: impl FnMut() -> Result<()>) -> Result<()> {
    let mut next = Instant::now();
    loop {
        act()?;
        next += pause.hurried(period);
        if !pause.lasts(next.saturating_duration_since(Instant::now())) {
            return Ok(());
        }
    }
}
