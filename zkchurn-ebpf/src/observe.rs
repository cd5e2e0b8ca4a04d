// SPDX-License-Identifier: MIT
//! From a change of state to its handler: filter first, then one match.

use zkchurn_common::{
    record::STAGE_ENDED,
    settings::{SIDE_CLIENT, SIDE_SERVER},
    state::{self, ESTABLISHED, SYN_RECV, Transition},
};

use crate::{
    globals, handlers, log,
    maps::{self, Handled},
    socket::Socket,
};

/// Protocol numbers (include/uapi/linux/in.h).
const IPPROTO_TCP: u16 = 6;
const IPPROTO_MPTCP: u16 = 262;

/// A change of state of a traced connection.
struct Change {
    old: u8,
    new: u8,
    transition: Transition,
    /// Whether this host accepted the connection.
    accepted: bool,
    /// Whether it opened it.
    opened: bool,
    /// Whether it is of an MPTCP socket, whose subflows are the connections.
    mptcp: bool,
}

/// Handles one change of state of one socket.
#[inline(always)]
pub(crate) fn observe<S: Socket>(
    socket: &S,
    old: u8,
    new: u8,
    protocol: impl Fn(&S) -> Option<u16>,
) {
    let Some(change) = traced(socket, old, new, protocol) else {
        return;
    };
    maps::note_handled(change.mark(socket));
    handle(socket, &change);
    log::change(socket, old, new);
}

/// Handles it unless [`observe`], which runs before, has done so.
///
/// While a program runs on a CPU, the kernel skips it for whatever else happens there: in
/// an interrupt, and where a program at a tracepoint can be preempted (seen on Linux 7.3)
/// in other threads. This is another program, which it does not skip then. Nearly always
/// the first one has just handled the change, and said so.
#[inline(always)]
pub(crate) fn observe_again<S: Socket>(
    socket: &S,
    old: u8,
    new: u8,
    protocol: impl Fn(&S) -> Option<u16>,
) {
    if let Some(change) = traced(socket, old, new, protocol)
        && !change.mptcp
        && !maps::handled(change.mark(socket))
        && !is_recorded(socket, &change)
    {
        handle(socket, &change);
    }
}

/// The change, if it is one of a traced connection.
///
/// Most changes on a host concern other ports, so the port is looked at before
/// anything else.
#[inline(always)]
fn traced<S: Socket>(
    socket: &S,
    old: u8,
    new: u8,
    protocol: impl Fn(&S) -> Option<u16>,
) -> Option<Change> {
    let transition = Transition::of(old, new);
    if transition == Transition::Uninteresting {
        return None;
    }
    let opened = globals::traces(SIDE_CLIENT) && globals::traces_port(socket.remote_port());
    let accepted = globals::traces(SIDE_SERVER) && globals::traces_port(socket.local_port());
    if !(opened || accepted) {
        return None;
    }
    // SCTP sockets pass here as well.
    let mptcp = match protocol(socket) {
        None | Some(IPPROTO_TCP) => false,
        Some(IPPROTO_MPTCP) => true,
        Some(_) => return None,
    };
    Some(Change {
        old,
        new,
        transition,
        accepted,
        opened,
        mptcp,
    })
}

#[inline(always)]
fn handle<S: Socket>(socket: &S, change: &Change) {
    if change.mptcp {
        handlers::mptcp(socket, change.transition);
        return;
    }
    match change.transition {
        Transition::Connect => {
            if change.opened {
                handlers::tcp_connect(socket);
            }
        }
        Transition::Established => {
            if change.begins_accepted() && !handlers::opens(socket) {
                handlers::accepted(socket);
            } else {
                handlers::established(socket, change.old);
            }
        }
        Transition::ActiveClose | Transition::PassiveClose => {
            if change.closes_early() {
                handlers::accepted_early(socket);
            }
            handlers::tcp_close(socket, change.transition, change.new);
        }
        Transition::PeerClose => handlers::peer_close(socket),
        Transition::End => handlers::ended(socket, change.old),
        Transition::Uninteresting => {}
    }
}

/// Whether the connection's record has the change already, or cannot have it.
#[inline(always)]
fn is_recorded<S: Socket>(socket: &S, change: &Change) -> bool {
    let identity = socket.identity();
    let Some(record) = maps::tracked(identity) else {
        let begins = change.transition == Transition::Connect || change.begins_accepted();
        return !begins || maps::had_no_room(identity);
    };
    match change.transition {
        Transition::Connect => true,
        Transition::End => record.stage == STAGE_ENDED,
        _ => record.states_seen & state::bit(change.new) != 0,
    }
}

impl Change {
    /// What tells this change from others on the same CPU.
    #[inline(always)]
    fn mark<S: Socket>(&self, socket: &S) -> Handled {
        Handled {
            socket: socket.address() as u64,
            states: u64::from(self.old) << 8 | u64::from(self.new),
        }
    }

    #[inline(always)]
    fn begins_accepted(&self) -> bool {
        self.accepted && self.old == SYN_RECV && self.new == ESTABLISHED
    }

    /// Whether a server closes what Fast Open gave it before the handshake is complete.
    #[inline(always)]
    fn closes_early(&self) -> bool {
        self.accepted && self.old == SYN_RECV
    }
}
