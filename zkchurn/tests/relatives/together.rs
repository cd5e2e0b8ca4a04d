// SPDX-License-Identifier: MIT
//! Kinds together with others: on one host, or in one process.

use super::causes::{
    AUTHENTICATION, EXPIRED, FAILS, HELD, HOLE, IDLE, LEAK, LIMIT, NOT_SERVED, PER_REQUEST, PROBE,
    REFUSED, Relative, TIMEOUTS, WORD, is, kind, messy,
};

pub(crate) const TOGETHER: &[Relative] = &[
    Relative {
        about: "the incident twice in one JVM, at two ensembles",
        make: || {
            kind("incident")
                .beside(kind("incident_closed_loader").at_port(12181), 1)
                .in_one_process()
        },
        causes: &[is(FAILS, "java")],
        may: &[],
    },
    Relative {
        about: "five connections of the incident beside a busy kazoo service",
        make: || {
            kind("incident")
                .one_in(3)
                .beside(kind("per_request_kazoo").paced(5), 1)
        },
        causes: &[is(FAILS, "java"), is(PER_REQUEST, "python3")],
        may: &[],
    },
    Relative {
        about: "the incident and a busy client for each request in one JVM",
        make: || {
            kind("incident")
                .without_looks()
                .beside(
                    kind("per_request_java")
                        .paced(10)
                        .by_threads_named("http-nio-8080-exec-7"),
                    1,
                )
                .in_one_process()
        },
        causes: &[is(FAILS, "java"), is(PER_REQUEST, "java")],
        may: &[],
    },
    Relative {
        about: "a kubelet's probe every ten seconds, beside a client that is refused",
        make: || {
            kind("kubelet_tcp_socket")
                .paced(1_000)
                .beside(kind("refused_kazoo"), 1)
        },
        causes: &[is(PROBE, ""), is(REFUSED, "python3")],
        may: &[],
    },
    Relative {
        about: "sockets held in CLOSE_WAIT until the program ended, beside HAProxy's check",
        make: || {
            kind("close_wait_held")
                .ended_after(4_000)
                .beside(kind("haproxy_check"), 1)
        },
        causes: &[is(HELD, "python3"), is(PROBE, "haproxy")],
        may: LEAK,
    },
    Relative {
        about: "sockets held in CLOSE_WAIT until the end of a program that makes a client for \
                each request, too",
        make: || {
            kind("close_wait_held")
                .ended_after(2_000)
                .beside(kind("per_request_kazoo"), 1)
                .in_one_process()
        },
        causes: &[is(HELD, "python3"), is(PER_REQUEST, "python3")],
        may: LEAK,
    },
    Relative {
        about: "one JVM: a server that refuses, and another one with a client for each request",
        make: || {
            kind("refused_java")
                .beside(kind("per_request_java").at_port(12181), 1)
                .in_one_process()
        },
        causes: &[is(REFUSED, "java"), is(PER_REQUEST, "java")],
        may: &[],
    },
    Relative {
        about: "the Netty incident for eighty seconds, beside a client for each request",
        make: || messy("netty.mid").beside(kind("per_request_java"), 1),
        causes: &[
            is(&["client_never_speaks"], "java"),
            is(PER_REQUEST, "java"),
        ],
        may: &[],
    },
    Relative {
        about: "gunicorn's workers beside the incident and `nc -z`",
        make: || {
            messy("gunicorn.mid")
                .beside(kind("incident"), 1)
                .beside(kind("nc_z"), 2)
        },
        causes: &[
            is(PER_REQUEST, "gunicorn"),
            is(FAILS, "java"),
            is(PROBE, "nc"),
        ],
        may: &[],
    },
    Relative {
        about: "a client with TLS at a plaintext port beside one that is never served",
        make: || kind("tls_java").beside(kind("no_quorum_kazoo"), 1),
        causes: &[
            is(&["tls_at_plaintext_port", "wrong_protocol"], "java"),
            is(NOT_SERVED, "python3"),
        ],
        may: &[],
    },
    Relative {
        about: "a leak of handles behind a proxy that cuts others of the same program",
        make: || {
            kind("handle_leak_java")
                .beside(kind("idle_timeout").by_threads_named("pool-2-thread-1"), 1)
                .in_one_process()
        },
        causes: &[is(LEAK, "java"), is(IDLE, "java")],
        may: &[],
    },
    Relative {
        about: "two monitors with four-letter words, and a client for each request, at one port",
        make: || {
            kind("four_letter_python")
                .beside(kind("four_letter_nc_ruok"), 1)
                .beside(kind("per_request_go"), 2)
        },
        causes: &[is(WORD, "python3"), is(PER_REQUEST, "")],
        may: &[],
    },
    Relative {
        about: "a balancer without servers and the same host's client for each request",
        make: || kind("balancer_resets").beside(kind("per_request_gevent"), 1),
        causes: &[
            is(
                &["proxy_without_server", "not_served", "connection_limit"],
                "java",
            ),
            is(PER_REQUEST, "python3"),
        ],
        may: &[],
    },
    Relative {
        about: "a scanner that waits for a banner, for half a second and for ten",
        make: || {
            kind("banner_scanner")
                .living(30)
                .beside(kind("banner_scanner").living(600).paced(700), 1)
        },
        causes: &[is(PROBE, "python3")],
        may: &[],
    },
    Relative {
        about: "a restart loop at a fifth of the pace, beside a client that keeps its connection",
        make: || kind("restart_loop").paced(500).beside(kind("healthy"), 1),
        causes: &[is(&["server_restarts", "refused"], "python3")],
        may: &["not_served"],
    },
    Relative {
        about: "a client for each request, of two servers of which one refuses",
        make: || {
            kind("per_request_kazoo")
                .at_address([10, 0, 0, 1])
                .beside(kind("refused_kazoo").at_address([10, 0, 0, 2]), 1)
                .in_one_process()
        },
        causes: &[
            is(PER_REQUEST, "python3"),
            is(&["refused", "stale_address"], "python3"),
        ],
        may: &[],
    },
    Relative {
        about: "a Kafka client with ZooKeeper's address, and a client for each request, in one \
                program",
        make: || {
            kind("kafka_client")
                .beside(kind("per_request_kazoo"), 1)
                .in_one_process()
        },
        causes: &[
            is(&["wrong_protocol", "unexplained_churn"], "python3"),
            is(PER_REQUEST, "python3"),
        ],
        may: &[],
    },
    Relative {
        about: "SASL refused in a program that makes a client for each request elsewhere",
        make: || {
            kind("sasl_required")
                .beside(kind("per_request_kazoo").at_port(12181), 1)
                .in_one_process()
        },
        causes: &[is(AUTHENTICATION, "python3"), is(PER_REQUEST, "python3")],
        may: &[],
    },
    Relative {
        about: "a certificate that is not trusted, beside the incident",
        make: || kind("tls_not_trusted").beside(kind("incident"), 1),
        causes: &[is(&["tls_handshake_failed"], "python3"), is(FAILS, "java")],
        may: &[],
    },
    Relative {
        about: "an answer over jute.maxbuffer and a client for each request in one JVM",
        make: || {
            kind("oversized_answer")
                .beside(
                    kind("per_request_java").by_threads_named("http-nio-8080-exec-7"),
                    1,
                )
                .in_one_process()
        },
        causes: &[is(&["oversized_packet"], "java"), is(PER_REQUEST, "java")],
        may: &[],
    },
    Relative {
        about: "no local ports left, beside `nc -z`",
        make: || kind("no_local_port").beside(kind("nc_z"), 1),
        causes: &[is(&["no_local_port"], "python3"), is(PROBE, "nc")],
        may: &[],
    },
    Relative {
        about: "answers to SYNs that are dropped, and another server that refuses, in one JVM",
        make: || {
            kind("syn_ack_dropped")
                .beside(kind("refused_java").by_threads_named("pool-1-thread-1"), 1)
                .in_one_process()
        },
        causes: &[is(HOLE, "java"), is(REFUSED, "java")],
        may: &[],
    },
    Relative {
        about: "a throttled program beside a client for each request at another server",
        make: || kind("throttled").beside(kind("per_request_eventlet"), 1),
        causes: &[is(NOT_SERVED, "python3"), is(PER_REQUEST, "python3")],
        may: &[],
    },
    Relative {
        about: "`zkServer.sh status` beside the incident",
        make: || kind("zkserver_status").beside(kind("incident_3_hosts"), 1),
        causes: &[is(WORD, "java"), is(FAILS, "java")],
        may: &[],
    },
    Relative {
        about: "a client whose session has expired once, a probe and a leak on one host",
        make: || {
            kind("expired_once")
                .beside(kind("nc_z"), 1)
                .beside(kind("handle_leak_go"), 2)
        },
        causes: &[is(PROBE, "nc"), is(LEAK, "")],
        // Once is no loop, but the server has said it.
        may: EXPIRED,
    },
    Relative {
        about: "one Go process: a probe, and a client for each request",
        make: || {
            kind("kubelet_tcp_socket")
                .beside(kind("per_request_go"), 1)
                .in_one_process()
        },
        causes: &[is(PROBE, ""), is(PER_REQUEST, "")],
        may: &[],
    },
    Relative {
        about: "two HAProxies that check, one of them every two seconds",
        make: || kind("haproxy_check").beside(kind("haproxy_check").paced(200), 1),
        causes: &[is(PROBE, "haproxy")],
        may: &[],
    },
    Relative {
        about: "three servers of which two refuse and one does not answer, in one JVM",
        make: || {
            kind("refused_3_hosts")
                .beside(kind("blackhole").at_address([10, 0, 0, 3]), 1)
                .in_one_process()
        },
        causes: &[is(REFUSED, "java"), is(HOLE, "java")],
        may: &[],
    },
    Relative {
        about: "an idle timeout of six seconds and a client for each request in one JVM",
        make: || {
            kind("idle_timeout")
                .living(200)
                .paced(200)
                .beside(
                    kind("per_request_java").by_threads_named("http-nio-8080-exec-7"),
                    1,
                )
                .in_one_process()
        },
        causes: &[is(IDLE, "java"), is(PER_REQUEST, "java")],
        may: &[],
    },
    Relative {
        about: "expired sessions beside two clients with one session",
        make: || kind("expired_retry").beside(kind("one_session_two_clients").at_port(12181), 1),
        causes: &[
            is(EXPIRED, "java"),
            is(&["one_session_two_clients"], "java"),
        ],
        may: &[],
    },
    Relative {
        about: "no quorum at one server, the limit at another",
        make: || kind("no_quorum").beside(kind("limit_reached"), 1),
        causes: &[is(NOT_SERVED, "java"), is(LIMIT, "java")],
        may: &[],
    },
    Relative {
        about: "plaintext at a TLS port beside a certificate that is not trusted",
        make: || kind("plaintext_at_tls_port").beside(kind("tls_not_trusted"), 1),
        causes: &[
            is(&["plaintext_at_tls_port", "not_served"], "java"),
            is(&["tls_handshake_failed"], "python3"),
        ],
        may: &[],
    },
    Relative {
        about: "the incident in three JVMs of one service",
        make: || {
            kind("incident")
                .beside(kind("incident"), 1)
                .beside(kind("incident"), 2)
        },
        causes: &[is(FAILS, "java")],
        may: &[],
    },
    Relative {
        about: "the incident while three servers are restarted one after the other",
        make: || kind("incident").beside(kind("rolling_restart"), 1),
        causes: &[is(FAILS, "java")],
        may: REFUSED,
    },
    Relative {
        about: "packets that are lost now and then, beside a monitor",
        make: || kind("dropped_after_established").beside(kind("four_letter_python"), 1),
        causes: &[is(TIMEOUTS, "java"), is(WORD, "python3")],
        may: HOLE,
    },
    Relative {
        about: "a JVM that keeps the address from before the servers moved, and does not get an \
                answer there, beside a program that has the new one",
        make: || {
            kind("blackhole")
                .at_address([10, 0, 0, 1])
                .beside(kind("healthy").at_address([10, 0, 0, 2]), 1)
        },
        causes: &[is(HOLE, "java")],
        may: &[],
    },
    Relative {
        about: "a JVM that is refused at the old address until it has looked up the new one",
        make: || {
            kind("refused_after_session")
                .at_address([10, 0, 0, 1])
                .beside(kind("healthy").at_address([10, 0, 0, 2]), 1)
                .in_one_process()
        },
        causes: &[is(&["refused", "stale_address"], "java")],
        may: &[],
    },
];
