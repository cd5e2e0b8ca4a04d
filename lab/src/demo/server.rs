// SPDX-License-Identifier: MIT
//! The demo's server: as much of ZooKeeper as the load needs.

use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::thread;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use socket2::{Domain, Socket, Type};

use super::wire;

/// The ports of the demo, which the server prints when it is ready.
#[derive(Serialize, Deserialize)]
pub(crate) struct Ports {
    /// Where the server listens.
    pub server: u16,
    /// Where nobody listens and nobody else can begin to.
    pub refused: u16,
}

/// An address for each kind of churn that is served, all with the same port: what
/// one process does to one address is one case to zkchurn, and has one cause.
pub(crate) const ADDRESSES: [Ipv4Addr; 3] = [
    Ipv4Addr::new(127, 0, 0, 1),
    Ipv4Addr::new(127, 0, 0, 2),
    Ipv4Addr::new(127, 0, 0, 3),
];

/// Serves until the standard input ends.
pub(crate) fn run() -> Result<()> {
    let (listeners, server) = listen()?;
    let (_reserved, refused) = reserve()?;
    let ports = Ports { server, refused };
    for listener in listeners {
        thread::spawn(move || accept(&listener));
    }
    println!("{}", serde_json::to_string(&ports)?);
    std::io::copy(&mut std::io::stdin(), &mut std::io::sink())?;
    Ok(())
}

/// Listens at all addresses, at a port that is free at the first of them.
fn listen() -> Result<(Vec<TcpListener>, u16)> {
    let mut port = 0;
    let mut listeners = Vec::new();
    for address in ADDRESSES {
        let listener = TcpListener::bind((address, port))
            .with_context(|| format!("cannot listen at {address}, port {port}"))?;
        port = listener.local_addr()?.port();
        listeners.push(listener);
    }
    Ok((listeners, port))
}

/// A port that is bound but not listened on refuses every connection, and no
/// other program can take it meanwhile.
fn reserve() -> Result<(Socket, u16)> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
    let address = socket.local_addr()?.as_socket();
    Ok((socket, address.context("no port")?.port()))
}

fn accept(listener: &TcpListener) {
    for stream in listener.incoming().flatten() {
        thread::spawn(move || {
            if let Err(error) = serve(stream) {
                eprintln!("demo-server: {error:#}");
            }
        });
    }
}

fn serve(mut stream: TcpStream) -> Result<()> {
    let Some(head) = wire::read_head(&mut stream)? else {
        return Ok(());
    };
    if head == *b"ruok" {
        return Ok(stream.write_all(b"imok")?);
    }
    wire::read_body(&mut stream, head)?;
    stream.write_all(&wire::connect_response())?;
    while let Some(head) = wire::read_head(&mut stream)? {
        let request = wire::read_body(&mut stream, head)?;
        anyhow::ensure!(wire::is_known(&request), "an unknown request");
        stream.write_all(&wire::reply(&request))?;
        if wire::is_close_session(&request) {
            break;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use zkchurn_lab::harness::zookeeper::ConnectRequest;

    use super::*;

    #[test]
    fn a_session_and_a_four_letter_word_are_answered() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let address = listener.local_addr().expect("an address");
        thread::spawn(move || accept(&listener));

        let mut session = TcpStream::connect(address).expect("a connection");
        let sizes =
            wire::exchange(&mut session, &ConnectRequest::default().bytes()).expect("an answer");
        assert_eq!(sizes, (49, 41));
        let sizes = wire::exchange(&mut session, &wire::close_session()).expect("an answer");
        assert_eq!(sizes, (12, 20));

        let mut word = TcpStream::connect(address).expect("a connection");
        word.write_all(b"ruok").expect("a write");
        let mut answer = String::new();
        word.read_to_string(&mut answer).expect("an answer");
        assert_eq!(answer, "imok");
    }

    #[test]
    fn a_reserved_port_refuses() {
        let (_reserved, port) = reserve().expect("a port");
        let error = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect_err("nobody listens");
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
    }
}
