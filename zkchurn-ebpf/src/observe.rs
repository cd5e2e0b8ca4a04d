// SPDX-License-Identifier: MIT
//! From a change of state to its handler: filter first, then one match.

use aya_log_ebpf::trace;
use zkchurn_common::{
    settings::{SIDE_CLIENT, SIDE_SERVER},
    state::{self, SYN_RECV, Transition},
};

use crate::{globals, handlers, socket::Socket};

/// Handles one change of state of one socket.
///
/// Most changes on a host concern other ports, so the port is looked at before
/// anything else.
#[inline(always)]
pub fn observe<S: Socket>(socket: &S, old: u8, new: u8, is_tcp: impl Fn(&S) -> bool) {
    let transition = Transition::of(old, new);
    if transition == Transition::Uninteresting {
        return;
    }
    let opened = globals::traces(SIDE_CLIENT) && globals::traces_port(socket.remote_port());
    let accepted = globals::traces(SIDE_SERVER) && globals::traces_port(socket.local_port());
    if !(opened || accepted) || !is_tcp(socket) {
        return;
    }
    // The loader's AYA_LOG_LEVEL makes this dead code unless -vv is given.
    trace!(
        (),
        "{} to {}: local port {}, remote port {}, socket {:x}",
        state::name(old),
        state::name(new),
        socket.local_port(),
        socket.remote_port(),
        socket.identity()
    );
    match transition {
        Transition::Connect => {
            if opened {
                handlers::tcp_connect(socket);
            }
        }
        Transition::Established => {
            if accepted && old == SYN_RECV {
                handlers::accepted(socket);
            } else {
                handlers::established(socket);
            }
        }
        Transition::ActiveClose | Transition::PassiveClose => {
            handlers::tcp_close(socket, transition, new);
        }
        Transition::PeerClose => handlers::peer_close(socket),
        Transition::End => handlers::ended(socket, old),
        Transition::Uninteresting => {}
    }
}
