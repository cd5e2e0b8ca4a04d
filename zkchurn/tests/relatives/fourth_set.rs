// SPDX-License-Identifier: MIT
//! The latest of them: of all kinds, in other programs and on the server's side.

use super::causes::{
    AUTHENTICATION, EXPIRED, FAILS, IDLE, LEAK, LIMIT, NOT_SERVED, PER_REQUEST, PROBE, REFUSED,
    Relative, TIMEOUTS, WORD, WORD_UNANSWERED, is, kind,
};

const REFUSED_OR_AWAY: &[&str] = &["refused", "not_served", "read_timeouts"];

pub(crate) const FOURTH_SET: &[Relative] = &[
    Relative {
        about: "the server's side of an observer's host: a scraper, a leak and an expiry",
        make: || {
            kind("expired_retry")
                .seen_by_server()
                .behind_host(1)
                .beside(kind("http_curl").seen_by_server().behind_host(2), 1)
                .beside(
                    kind("four_letter_python").seen_by_server().behind_host(3),
                    2,
                )
        },
        causes: &[
            is(EXPIRED, "10.9.9.1"),
            is(&["http_at_plaintext_port", "wrong_protocol"], "10.9.9.2"),
            is(WORD, "10.9.9.3"),
        ],
        may: &[],
    },
    Relative {
        about: "a ClickHouse Keeper client that is told a session has expired, in six threads",
        make: || {
            kind("expired_retry")
                .of_program("clickhouse-serv")
                .by_threads_named("ZooKeeperSend")
                .by_a_thread_each()
        },
        causes: &[is(EXPIRED, "clickhouse-serv")],
        may: &[],
    },
    Relative {
        about: "a SYN that nobody answers at three IPv6 addresses, and a client that works",
        make: || {
            kind("blackhole")
                .over_ipv6()
                .beside(kind("healthy"), 1)
                .in_one_process()
        },
        causes: &[is(&["blackhole", "stale_address"], "java")],
        may: &[],
    },
    Relative {
        about: "a Dubbo consumer with two registries: refused at one, no quorum at the other",
        make: || {
            kind("refused_java")
                .at_port(2181)
                .at_address([10, 0, 0, 1])
                .beside(kind("no_quorum").at_port(2181).at_address([10, 0, 0, 2]), 1)
                .in_one_process()
        },
        causes: &[is(REFUSED, "java"), is(NOT_SERVED, "java")],
        may: &["stale_address"],
    },
    Relative {
        about: "a Java probe in a pool of four threads, each second",
        make: || {
            kind("connect_and_close")
                .of_program("java")
                .by_threads_named("pool-3-thread-1")
                .by_threads_in_turn(4)
        },
        causes: &[],
        may: PROBE,
    },
    Relative {
        about: "a client that is cut within ten milliseconds of its session, by a sidecar",
        make: || {
            kind("idle_timeout_go")
                .living_irregularly(2..=9)
                .carrying(49, 41)
                .without_first_bytes()
        },
        causes: &[],
        may: &[],
    },
    Relative {
        about: "a client for each request that only opens a session and drops it, in Node",
        make: || {
            kind("per_request_node")
                .carrying(48, 40)
                .without_first_bytes()
        },
        causes: &[],
        may: PER_REQUEST,
    },
    Relative {
        about: "twenty programs named app with one client each that goes on",
        make: || kind("handle_leak_go").by_a_process_each(),
        causes: &[],
        may: &[],
    },
    Relative {
        about: "a rolling restart of three servers, with many clients",
        make: || kind("rolling_restart").beside(kind("server_restart"), 1),
        causes: &[],
        may: REFUSED_OR_AWAY,
    },
    Relative {
        about: "a wide area: a client for each request takes 400 ms for each answer",
        make: || {
            kind("per_request_java")
                .living(4_000)
                .paced(200)
                .at_address([192, 0, 2, 7])
        },
        causes: &[is(PER_REQUEST, "java")],
        may: &[],
    },
    Relative {
        about: "the server's side of an uneasy network: answers are lost",
        make: || kind("dropped_after_established").seen_by_server(),
        causes: &[],
        may: TIMEOUTS,
    },
    Relative {
        about: "a Spark driver whose SASL is refused at three servers in turn",
        make: || kind("sasl_no_section").at_servers_in_turn(3),
        causes: &[is(AUTHENTICATION, "java")],
        may: &[],
    },
    Relative {
        about: "the limit is reached by a client for each request that does not close",
        make: || {
            kind("limit_shared")
                .at_port(2181)
                .beside(kind("per_request_java").at_port(2181), 1)
        },
        causes: &[is(LIMIT, ""), is(PER_REQUEST, "java")],
        may: &[],
    },
    Relative {
        about: "a client for each request whose answers are lost at times, in Go",
        make: || {
            kind("per_request_go")
                .repeated(3)
                .losing_one_in(5)
                .carrying_more_each_time(3, 5)
        },
        causes: &[is(PER_REQUEST, "")],
        may: &[],
    },
    Relative {
        about: "the incident with the log of another instance of the service",
        make: || {
            kind("incident")
                .whose_log_names("127.0.0.1:21815", "10.0.0.8:2181")
                .at_port(2181)
        },
        causes: &[is(FAILS, "java")],
        may: &[],
    },
    Relative {
        about: "the server's side of NAT: a hundred clients for each request and a leak",
        make: || {
            kind("per_request_gevent")
                .repeated(5)
                .seen_by_server()
                .beside(kind("per_request_eventlet").repeated(3).seen_by_server(), 1)
                .beside(kind("nc_z").seen_by_server(), 2)
        },
        causes: &[is(PER_REQUEST, "remote host")],
        may: PROBE,
    },
    Relative {
        about: "three clients for each request with long names of threads in one JVM",
        make: || {
            kind("per_request_java")
                .by_threads_named("Curator-ConnectionStateManager-0")
                .beside(
                    kind("per_request_java").by_threads_named("localhost-startStop-1-SendThread"),
                    1,
                )
                .in_one_process()
        },
        causes: &[is(PER_REQUEST, "java")],
        may: &[],
    },
    Relative {
        about: "a leak in a JVM whose other clients are cut by a NAT",
        make: || {
            kind("handle_leak_java")
                .at_port(2181)
                .beside(kind("nat_forgets").at_port(2181), 1)
                .in_one_process()
        },
        causes: &[is(LEAK, "java"), is(IDLE, "java")],
        may: &[],
    },
    Relative {
        about: "a monitor whose words meet a server that turns them away unread",
        make: || {
            kind("four_letter_python")
                .carrying(4, 0)
                .without_first_bytes()
        },
        causes: &[is(WORD_UNANSWERED, "")],
        may: &[],
    },
    Relative {
        about: "a Java client with its digest at the limit of a busy host",
        make: || {
            kind("limit_shared")
                .of_program("java")
                .by_threads_named("main-SendThread(zk1:2181)")
                .at_port(2181)
                .sending(104)
                .without_first_bytes()
        },
        causes: &[is(LIMIT, "")],
        may: &[],
    },
    Relative {
        about: "a TLS client at a port where three others speak plaintext",
        make: || {
            kind("tls_java")
                .at_port(2181)
                .beside(kind("per_request_java").at_port(2181), 1)
                .beside(kind("healthy").at_port(2181), 2)
        },
        causes: &[
            is(&["tls_at_plaintext_port", "wrong_protocol"], "java"),
            is(PER_REQUEST, "java"),
        ],
        may: &[],
    },
];
