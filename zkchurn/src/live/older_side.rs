// SPDX-License-Identifier: MIT
//! Which side of a connection that is older than the trace this host is. No I/O.
//!
//! A list of sockets does not say who connected. With one port it is at the other end; where
//! both ports are traced, the one that something listens at is the server's.

use std::collections::HashSet;

use zkchurn_common::{
    record::{SIDE_ACCEPTED, SIDE_OPENED},
    state::{LISTEN, SYN_SENT},
};
use zkchurn_core::frame::Sides;

use crate::host::sock_diag::DiagSocket;

/// Network namespaces with the ports that something listens at.
#[derive(Debug, Default)]
pub(super) struct Listening(HashSet<(u32, u16)>);

impl Listening {
    /// Takes the listening sockets out of a list.
    pub(super) fn take_from(sockets: &mut Vec<DiagSocket>) -> Self {
        let mut listening = HashSet::new();
        sockets.retain(|socket| {
            let listens = socket.state == LISTEN;
            if listens {
                listening.insert((socket.netns, socket.local.port()));
            }
            !listens
        });
        Self(listening)
    }

    fn has(&self, netns: u32, port: u16) -> bool {
        self.0.contains(&(netns, port))
    }

    /// The side, `SIDE_OPENED` or `SIDE_ACCEPTED`, if connections of that side at these ports
    /// are traced.
    pub(super) fn side(&self, socket: &DiagSocket, ports: &[u16], traced: Sides) -> Option<u8> {
        let (local, remote) = (socket.local.port(), socket.remote.port());
        let side = match (ports.contains(&remote), ports.contains(&local)) {
            (true, false) => SIDE_OPENED,
            (false, true) => SIDE_ACCEPTED,
            (false, false) => return None,
            (true, true) if socket.state == SYN_SENT => SIDE_OPENED,
            (true, true) => {
                let netns = socket.netns;
                match (self.has(netns, local), self.has(netns, remote), traced) {
                    (true, false, _) => SIDE_ACCEPTED,
                    (false, true, _) => SIDE_OPENED,
                    // Nothing tells; it is one that is looked for.
                    (_, _, Sides::Server) => SIDE_ACCEPTED,
                    (_, _, Sides::Client | Sides::Both) => SIDE_OPENED,
                }
            }
        };
        let is_traced = match traced {
            Sides::Both => true,
            Sides::Client => side == SIDE_OPENED,
            Sides::Server => side == SIDE_ACCEPTED,
        };
        is_traced.then_some(side)
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, SocketAddr};

    use zkchurn_common::state::ESTABLISHED;

    use super::*;

    fn socket(local: u16, remote: u16, state: u8) -> DiagSocket {
        let address = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        DiagSocket {
            cookie: 1,
            netns: 7,
            state,
            local: address(local),
            remote: address(remote),
            ipv6_socket: false,
            uid: 0,
            inode: 0,
            expires_ms: 0,
        }
    }

    /// The sides of a socket at these ports for each traced side, with these listening.
    fn sides(local: u16, remote: u16, listening: &[u16]) -> [Option<u8>; 3] {
        let mut sockets: Vec<_> = listening
            .iter()
            .map(|port| socket(*port, 0, LISTEN))
            .collect();
        sockets.push(socket(local, remote, ESTABLISHED));
        let listening = Listening::take_from(&mut sockets);
        assert_eq!(sockets.len(), 1);
        [Sides::Client, Sides::Server, Sides::Both]
            .map(|traced| listening.side(&sockets[0], &[2181, 2182], traced))
    }

    #[test]
    fn one_traced_port_tells_by_its_end() {
        let opened = Some(SIDE_OPENED);
        let accepted = Some(SIDE_ACCEPTED);
        assert_eq!(sides(40_000, 2181, &[]), [opened, None, opened]);
        assert_eq!(sides(2181, 40_000, &[2181]), [None, accepted, accepted]);
        assert_eq!(sides(1, 2, &[]), [None, None, None]);
    }

    #[test]
    fn of_two_traced_ports_the_listening_one_is_the_servers() {
        let opened = Some(SIDE_OPENED);
        let accepted = Some(SIDE_ACCEPTED);
        assert_eq!(sides(2181, 2182, &[2181]), [None, accepted, accepted]);
        assert_eq!(sides(2182, 2181, &[2181]), [opened, None, opened]);
        // Where nothing tells, it is one that was asked for.
        assert_eq!(sides(2181, 2182, &[]), [opened, accepted, opened]);
        assert_eq!(sides(2181, 2182, &[2181, 2182]), [opened, accepted, opened]);
        // What listens in another namespace says nothing.
        let mut elsewhere = vec![socket(2181, 0, LISTEN)];
        elsewhere[0].netns = 8;
        let elsewhere = Listening::take_from(&mut elsewhere);
        let one = socket(2181, 2182, ESTABLISHED);
        assert_eq!(elsewhere.side(&one, &[2181, 2182], Sides::Both), opened);
    }

    #[test]
    fn who_still_connects_has_not_accepted() {
        let mut sockets = vec![socket(2181, 0, LISTEN)];
        let listening = Listening::take_from(&mut sockets);
        let connecting = socket(2181, 2182, SYN_SENT);
        let side = |traced| listening.side(&connecting, &[2181, 2182], traced);
        assert_eq!(side(Sides::Both), Some(SIDE_OPENED));
        assert_eq!(side(Sides::Server), None);
    }
}
