// SPDX-License-Identifier: MIT
//! Traffic of a port that nobody traces: pairs of threads that pass a byte to and fro over a
//! connection that stays. Each byte is a packet, and the next one waits for it.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::Ordering;
use std::thread;

use anyhow::{Context, Result, anyhow};

use super::Shared;

/// Passes a byte to and fro until the loop in the background is to end.
pub(super) fn run(shared: &Shared) -> Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("cannot listen")?;
    let mut here = TcpStream::connect(listener.local_addr()?).context("cannot connect")?;
    let (mut there, _) = listener.accept().context("cannot accept")?;
    for end in [&here, &there] {
        end.set_nodelay(true)?;
    }
    let echo = thread::spawn(move || echo(&mut there));
    let mut byte = [0];
    while !shared.end.load(Ordering::Relaxed) {
        here.write_all(&byte)?;
        here.read_exact(&mut byte)?;
        shared.exchanged.fetch_add(1, Ordering::Relaxed);
    }
    here.shutdown(Shutdown::Both)?;
    echo.join()
        .map_err(|_| anyhow!("the other end has panicked"))?
}

/// Sends back what comes, until nothing more does.
fn echo(connection: &mut TcpStream) -> Result<()> {
    let mut byte = [0];
    while connection.read(&mut byte)? == 1 {
        connection.write_all(&byte)?;
    }
    Ok(())
}
