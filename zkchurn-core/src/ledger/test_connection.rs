// SPDX-License-Identifier: MIT
//! Connections for tests of what is aggregated and of the rules on it.

use std::net::SocketAddr;

use zkchurn_common::{
    record::ending,
    state::{self, CLOSE, CLOSE_WAIT, ESTABLISHED, FIN_WAIT1, SYN_SENT},
};

use crate::{
    connection::{Comm, Connection, Opener, Side, Stage, Thread},
    ending::Ending,
    errno,
    outcome::Outcome,
    traffic::Traffic,
};

/// Nanoseconds of a millisecond.
pub const MS: u64 = 1_000_000;

/// An ended connection that a thread (tid 43 of pid 42) opened `start_ms` after
/// the clock's zero. Its states and error are those of `outcome`; an established
/// one lived for 2 ms.
pub fn ended(start_ms: u64, out: u64, back: u64, outcome: Outcome) -> Connection {
    let start = start_ms * MS;
    let thread = Thread {
        tgid: 42,
        tid: 43,
        comm: name("main-SendThread"),
    };
    let mut connection = Connection {
        socket: start_ms,
        socket_is_cookie: true,
        stage: Stage::Ended,
        told: None,
        side: Side::Client,
        local: "127.0.0.1:40000".parse().unwrap(),
        remote: "127.0.0.1:2181".parse().unwrap(),
        ipv6_socket: true,
        netns: Some(1),
        opener: Some(Opener {
            thread,
            uid: 0,
            cgroup: 1,
            process_comm: Some(name("java")),
            process_start_ns: Some(0),
            parent: None,
        }),
        before_start: false,
        holder: None,
        closer: None,
        started_ns: start,
        established_ns: Some(start + MS),
        left_established_ns: Some(start + 3 * MS),
        local_close_ns: Some(start + 3 * MS),
        ended_ns: Some(start + 4 * MS),
        seen_open_ns: None,
        traffic: Traffic {
            payload_out: Some(out),
            payload_in: Some(back),
            retransmits: Some(0),
            smoothed_rtt_us: Some(50),
            ..Traffic::default()
        },
        error: Some(0),
        soft_error: Some(0),
        ending: None,
        states_seen: state::bit(SYN_SENT) | state::bit(ESTABLISHED) | state::bit(CLOSE),
        state_left: FIN_WAIT1 + 1,
        handshake: None,
    };
    match outcome {
        Outcome::Refused
        | Outcome::TimedOut
        | Outcome::Unreachable
        | Outcome::GivenUp
        | Outcome::NoLocalPort
        | Outcome::LocalAddressInUse
        | Outcome::NeverSent => {
            never_established(&mut connection, outcome);
        }
        Outcome::ResetByPeer => {
            connection.state_left = ESTABLISHED;
            connection.error = Some(errno::ECONNRESET);
        }
        Outcome::ResetByUs => {
            connection.state_left = ESTABLISHED;
            connection.closer = Some(thread);
        }
        Outcome::Aborted => {
            connection.state_left = ESTABLISHED;
            connection.error = Some(errno::ECONNABORTED);
        }
        Outcome::Broken => {
            connection.state_left = ESTABLISHED;
            connection.error = Some(errno::ETIMEDOUT);
        }
        Outcome::ClosedByPeerBeforeAnyByte
        | Outcome::ClosedByPeerWithoutAnswer
        | Outcome::AnsweredThenClosedByPeer => {
            connection.states_seen |= state::bit(CLOSE_WAIT);
            connection.state_left = state::LAST_ACK;
            connection.local_close_ns = connection.ended_ns;
        }
        _ => {
            connection.states_seen |= state::bit(FIN_WAIT1);
            connection.closer = Some(thread);
        }
    }
    connection
}

fn never_established(connection: &mut Connection, outcome: Outcome) {
    connection.established_ns = None;
    connection.left_established_ns = None;
    connection.local_close_ns = None;
    connection.state_left = SYN_SENT;
    connection.states_seen = state::bit(SYN_SENT) | state::bit(CLOSE);
    connection.error = Some(match outcome {
        Outcome::Refused => errno::ECONNREFUSED,
        Outcome::TimedOut => errno::ETIMEDOUT,
        Outcome::Unreachable => errno::EHOSTUNREACH,
        _ => 0,
    });
    let mut bits = ending::IN_THREAD;
    match outcome {
        Outcome::NoLocalPort => connection.local.set_port(0),
        Outcome::LocalAddressInUse => bits |= ending::LOCAL_PORT,
        Outcome::NeverSent => bits |= ending::RECEIVE_SHUT | ending::SEND_SHUT,
        _ => return,
    }
    connection.ending = Some(Ending(bits));
    connection.traffic.segments_out = Some(0);
}

/// The record that comes before the end of an established connection.
pub fn established(mut connection: Connection) -> Connection {
    connection.stage = Stage::Established;
    connection.left_established_ns = None;
    connection.local_close_ns = None;
    connection.ended_ns = None;
    connection.closer = None;
    // What was said comes with the end.
    connection.handshake = None;
    connection
}

/// The same connection as accepted by this host.
pub fn server_side(mut connection: Connection) -> Connection {
    connection.side = Side::Server;
    connection.opener = None;
    let port = connection.local.port();
    connection.local = connection.remote;
    connection.remote = SocketAddr::new("192.0.2.7".parse().unwrap(), port);
    connection
}

/// By another thread of another process.
pub fn by(mut connection: Connection, pid: u32, tid: u32, comm: &str) -> Connection {
    if let Some(opener) = &mut connection.opener {
        opener.thread.tgid = pid;
        opener.thread.tid = tid;
        opener.thread.comm = name(comm);
        opener.process_comm = Some(name(comm));
        connection.closer = connection.closer.map(|_| opener.thread);
    }
    connection
}

/// A task's name.
pub fn name(text: &str) -> Comm {
    let mut bytes = [0; 16];
    bytes[..text.len()].copy_from_slice(text.as_bytes());
    Comm::new(bytes)
}
