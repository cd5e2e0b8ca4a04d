// SPDX-License-Identifier: MIT
//! The other end of a test's connections, and sockets with the options that
//! JVMs and probes use.

use std::{
    io::Read,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream},
    os::fd::OwnedFd,
    thread,
    time::Duration,
};

use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, socket_with, sockopt};

/// The longest that accepting takes, and reading from what was accepted, which inherits the
/// limit (`sk_clone_lock`): else a server waits for ever for a client that has failed.
const LIMIT: Duration = Duration::from_secs(120);

/// Listens on all addresses of the namespace, IPv6 and IPv4.
pub(crate) fn listen(port: u16) -> TcpListener {
    let listener = stream_socket(AddressFamily::INET6);
    sockopt::set_ipv6_v6only(&listener, false).unwrap();
    sockopt::set_socket_reuseaddr(&listener, true).unwrap();
    bind(&listener, &SocketAddr::from((Ipv6Addr::UNSPECIFIED, port))).unwrap();
    sockopt::set_socket_timeout(&listener, sockopt::Timeout::Recv, Some(LIMIT)).unwrap();
    rustix::net::listen(&listener, 128).unwrap();
    listener.into()
}

/// A TCP socket that is not connected yet and that programs do not inherit.
pub(crate) fn stream_socket(family: AddressFamily) -> OwnedFd {
    let flags = SocketFlags::CLOEXEC;
    socket_with(family, SocketType::STREAM, flags, None).unwrap()
}

/// Accepts `count` connections, reads each to its end and closes it.
pub(crate) fn drain(listener: TcpListener, count: usize) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        for _ in 0..count {
            drain_one(&listener);
        }
    })
}

/// Accepts one connection, reads it to its end and closes it.
pub(crate) fn drain_one(listener: &TcpListener) {
    let (mut stream, _) = listener.accept().expect("a client within two minutes");
    // A reset is one of the ends that tests ask for.
    let _ = stream.read_to_end(&mut Vec::new());
}

/// `127.0.0.1:port`
pub(crate) fn v4(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

/// `[::1]:port`
pub(crate) fn v6(port: u16) -> SocketAddr {
    (Ipv6Addr::LOCALHOST, port).into()
}

/// `[::ffff:127.0.0.1]:port`, what every JVM connects to.
pub(crate) fn v4_mapped(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST.to_ipv6_mapped(), port).into()
}

/// Connects, or panics after five seconds.
pub(crate) fn connect(to: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect_timeout(&to, Duration::from_secs(5)).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(5)))
        .unwrap();
    stream
}

/// Makes the close of `stream` send a RST (SO_LINGER with time 0).
pub(crate) fn reset_at_close(stream: &TcpStream) {
    sockopt::set_socket_linger(stream, Some(Duration::ZERO)).unwrap();
}

/// Reads until the peer's FIN and returns how many bytes came.
pub(crate) fn read_all(mut stream: impl Read) -> usize {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap()
}
