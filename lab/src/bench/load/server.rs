// SPDX-License-Identifier: MIT
//! The server of the load: takes a connection, waits for its end, closes it.

use std::io::{ErrorKind, Read as _};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;

use anyhow::{Context, Result};
use socket2::{Domain, Socket, Type};

use super::Shared;

/// Length of the accept queue: the kernel's `net.core.somaxconn` by default.
pub(super) const QUEUE: i32 = 4096;

/// Starts it in a thread that lives as long as the process.
pub(super) fn start(target: SocketAddr, shared: Arc<Shared>) -> Result<()> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket
        .bind(&target.into())
        .with_context(|| format!("cannot listen on {target}"))?;
    socket.listen(QUEUE)?;
    let listener = TcpListener::from(socket);
    thread::spawn(move || {
        if let Err(error) = serve(&listener, &shared) {
            eprintln!("zkchurn-lab: the server of the load: {error:#}");
        }
    });
    Ok(())
}

fn serve(listener: &TcpListener, shared: &Shared) -> Result<()> {
    let mut byte = [0];
    loop {
        let (mut connection, _) = listener.accept().context("cannot accept")?;
        shared.accepted.fetch_add(1, Ordering::SeqCst);
        // Nothing is ever sent: this waits for the client's FIN.
        while let Err(error) = connection.read(&mut byte) {
            if error.kind() != ErrorKind::Interrupted {
                return Err(error).context("a client went away in an unexpected way");
            }
        }
        drop(connection);
        shared.served.fetch_add(1, Ordering::SeqCst);
    }
}
