// SPDX-License-Identifier: MIT
//! Kinds as the server has them.

use super::causes::{
    AUTHENTICATION, EXPIRED, FAILS, IDLE, NOT_SERVED, PER_REQUEST, PROBE, Relative, TIMEOUTS, WORD,
    is, kind, messy,
};

pub(crate) const SERVER: &[Relative] = &[
    Relative {
        about: "the server's side of a kazoo client for each request and `nc -z` behind one address",
        make: || {
            kind("per_request_kazoo")
                .beside(kind("nc_z"), 1)
                .seen_by_server()
        },
        causes: &[is(PER_REQUEST, "remote host"), is(PROBE, "remote host")],
        may: &[],
    },
    Relative {
        about: "the server's side of the incident alone",
        make: || kind("incident").seen_by_server(),
        causes: &[is(FAILS, "remote host")],
        may: &[],
    },
    Relative {
        about: "the server's side of a monitor that asks `stat`",
        make: || kind("four_letter_nc_stat").seen_by_server(),
        causes: &[is(WORD, "remote host")],
        may: &[],
    },
    Relative {
        about: "the server's side of sessions that expire and are taken again",
        make: || kind("expired_retry").seen_by_server(),
        causes: &[is(EXPIRED, "remote host")],
        may: &[],
    },
    Relative {
        about: "the server's side of a proxy that cuts idle connections after half a minute",
        make: || {
            kind("idle_timeout")
                .living(1_000)
                .paced(1_100)
                .seen_by_server()
        },
        causes: &[is(IDLE, "remote host")],
        may: &[],
    },
    Relative {
        about: "the server's side of gunicorn's workers and a monitor",
        make: || {
            messy("gunicorn.mid")
                .beside(kind("four_letter_python"), 1)
                .seen_by_server()
        },
        causes: &[is(PER_REQUEST, "remote host"), is(WORD, "remote host")],
        may: &[],
    },
    Relative {
        about: "the server's side of the Netty incident",
        make: || messy("netty.mid").seen_by_server(),
        causes: &[is(&["client_never_speaks"], "remote host")],
        may: &[],
    },
    Relative {
        about: "the server's side of sockets that a client held until its end",
        make: || kind("close_wait_held").ended_after(3_000).seen_by_server(),
        causes: &[],
        may: EXPIRED,
    },
    Relative {
        about: "the server's side of pauses of the server",
        make: || kind("server_pauses").seen_by_server(),
        causes: &[is(TIMEOUTS, "remote host")],
        may: &[],
    },
    Relative {
        about: "the server's side of a scanner that waits for a banner",
        make: || kind("banner_scanner").seen_by_server(),
        causes: &[is(PROBE, "remote host")],
        may: &[],
    },
    Relative {
        about: "the server's side of a client that is ahead of it",
        make: || kind("zxid_ahead").seen_by_server(),
        causes: &[is(NOT_SERVED, "remote host")],
        may: &[],
    },
    Relative {
        about: "the server's side of what it throttles",
        make: || kind("throttled").seen_by_server(),
        causes: &[is(NOT_SERVED, "remote host")],
        may: &[],
    },
    Relative {
        about: "the server's side of expired sessions and a probe behind one address",
        make: || {
            kind("expired_retry")
                .beside(kind("connect_and_close"), 1)
                .seen_by_server()
        },
        causes: &[is(EXPIRED, "remote host"), is(PROBE, "remote host")],
        may: &[],
    },
    Relative {
        about: "the server's side of clients for each request in three languages",
        make: || {
            kind("per_request_java")
                .beside(kind("per_request_go"), 1)
                .beside(kind("per_request_node"), 2)
                .seen_by_server()
        },
        causes: &[is(PER_REQUEST, "remote host")],
        may: &[],
    },
    Relative {
        about: "the server's side of TLS at a plaintext port",
        make: || kind("tls_java").seen_by_server(),
        causes: &[is(
            &["tls_at_plaintext_port", "wrong_protocol"],
            "remote host",
        )],
        may: &[],
    },
    Relative {
        about: "the server's side of SASL that is refused",
        make: || kind("sasl_required").seen_by_server(),
        causes: &[is(AUTHENTICATION, "remote host")],
        may: &[],
    },
    Relative {
        about: "the server's side of a certificate that is not trusted",
        make: || kind("tls_not_trusted").seen_by_server(),
        causes: &[is(&["tls_handshake_failed"], "remote host")],
        may: &[],
    },
];
