// SPDX-License-Identifier: MIT
//! What the peers of the clients do.

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    thread,
    time::Duration,
};

use socket2::{Domain, Protocol, SockFilter, SockRef, Socket, Type};

use crate::peer::{listen, reset_at_close, v4};

/// A server of one case.
#[derive(Clone, Copy)]
pub(crate) enum Server {
    /// Nobody listens.
    Nobody,
    /// The client itself listens, or makes its own way.
    ByClient,
    /// Sends back what it hears; closes after the client.
    Echoes,
    /// The same over MPTCP.
    EchoesMptcp,
    /// Sends this, and closes when the client has.
    Sends(&'static [u8]),
    /// Sends this, and closes long after the client has.
    SendsAndStays(&'static [u8]),
    /// Sends this and closes.
    SendsAndCloses(&'static [u8]),
    /// The same over MPTCP.
    SendsAndClosesMptcp(&'static [u8]),
    /// Sends this a while after the connection was made.
    SendsLate(&'static [u8]),
    /// Sends a RST after the client's FIN.
    ResetsAfterFin,
    /// Sends a RST after a while.
    Resets,
    /// Hears nothing any more after three bytes: each packet vanishes.
    GoesDeaf,
}

/// Long enough for the client's next step, on a busy machine too.
const A_WHILE: Duration = Duration::from_millis(400);

impl Server {
    /// Serves all connections at `port`, in a thread that lasts as long as the test.
    pub(crate) fn start(self, port: u16) {
        let listener = match self {
            Self::Nobody | Self::ByClient => return,
            Self::EchoesMptcp | Self::SendsAndClosesMptcp(_) => mptcp(port),
            _ => listen(port),
        };
        thread::spawn(move || {
            for stream in listener.incoming() {
                let stream = stream.unwrap();
                // A reset is one of the ends that cases ask for.
                thread::spawn(move || self.serve(stream).unwrap_or_default());
            }
        });
    }

    fn serve(self, mut stream: TcpStream) -> std::io::Result<()> {
        match self {
            Self::Nobody | Self::ByClient => {}
            Self::Echoes | Self::EchoesMptcp => {
                let mut bytes = [0; 4096];
                loop {
                    let count = stream.read(&mut bytes)?;
                    if count == 0 {
                        break;
                    }
                    stream.write_all(&bytes[..count])?;
                }
            }
            Self::Sends(bytes) => {
                stream.write_all(bytes)?;
                stream.read_to_end(&mut Vec::new())?;
            }
            Self::SendsAndStays(bytes) => {
                stream.write_all(bytes)?;
                thread::sleep(4 * A_WHILE);
            }
            Self::SendsAndCloses(bytes) | Self::SendsAndClosesMptcp(bytes) => {
                stream.write_all(bytes)?;
            }
            Self::SendsLate(bytes) => {
                thread::sleep(A_WHILE);
                stream.write_all(bytes)?;
                stream.read_to_end(&mut Vec::new())?;
            }
            Self::ResetsAfterFin => {
                stream.read_to_end(&mut Vec::new())?;
                reset_at_close(&stream);
            }
            Self::Resets => {
                thread::sleep(A_WHILE);
                reset_at_close(&stream);
            }
            Self::GoesDeaf => {
                stream.read_exact(&mut [0; 3])?;
                // `BPF_RET | BPF_K`: nothing passes.
                let filter = [SockFilter::new(0x06, 0, 0, 0)];
                SockRef::from(&stream).attach_filter(&filter)?;
                stream.write_all(b"!")?;
                thread::sleep(Duration::from_secs(30));
                stream.shutdown(Shutdown::Both)?;
            }
        }
        Ok(())
    }
}

fn mptcp(port: u16) -> TcpListener {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::MPTCP));
    let socket = socket.expect("CONFIG_MPTCP");
    socket.bind(&v4(port).into()).unwrap();
    socket.listen(8).unwrap();
    socket.into()
}
