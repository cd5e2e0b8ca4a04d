// SPDX-License-Identifier: MIT
//! Programs with clients of several ensembles, whose log tells of one of them; and what else
//! was written down after that.

use super::causes::{
    AUTHENTICATION, EXPIRED, FAILS, IDLE, LEAK, NOT_SERVED, PER_REQUEST, PROBE, REFUSED, Relative,
    TIMEOUTS, WORD, is, kind,
};

const HELD_OR_LEAK: &[&str] = &["held_in_close_wait", "handle_leak"];

pub(crate) const SEVERAL_ENSEMBLES: &[Relative] = &[
    Relative {
        about: "a wrong password, and a client for each request of another ensemble, in one JVM",
        make: || {
            kind("sasl_wrong_password")
                .beside(
                    kind("per_request_java")
                        .at_port(21837)
                        .at_address([10, 0, 0, 9]),
                    1,
                )
                .in_one_process()
        },
        causes: &[is(AUTHENTICATION, "java"), is(PER_REQUEST, "java")],
        may: &[],
    },
    Relative {
        about: "an answer over jute.maxbuffer, and a client for each request that reads 600 kB of \
                another ensemble, in one JVM",
        make: || {
            kind("oversized_answer")
                .beside(
                    kind("per_request_java")
                        .carrying(88, 600_000)
                        .by_threads_named("http-nio-8080-exec-7")
                        .at_port(21847)
                        .at_address([10, 0, 0, 9]),
                    1,
                )
                .in_one_process()
        },
        causes: &[is(&["oversized_packet"], "java"), is(PER_REQUEST, "java")],
        may: &[],
    },
    Relative {
        about: "expired sessions, and a client for each request, of one ensemble in one JVM",
        make: || {
            kind("expired_retry")
                .beside(kind("per_request_java").at_port(21824), 1)
                .in_one_process()
        },
        causes: &[is(EXPIRED, "java"), is(PER_REQUEST, "java")],
        may: &["one_session_two_clients"],
    },
    Relative {
        about: "the incident, and a timer that checks the port, in one JVM",
        make: || {
            kind("incident")
                .beside(
                    kind("connect_and_close")
                        .by_threads_named("scheduling-1")
                        .at_port(21815),
                    1,
                )
                .in_one_process()
        },
        causes: &[is(FAILS, "java")],
        may: PROBE,
    },
    Relative {
        about: "a client for each request, of two servers, one of which does not answer the SYN",
        make: || {
            kind("per_request_java")
                .at_port(2181)
                .at_address([10, 0, 0, 1])
                .beside(kind("blackhole").at_port(2181).at_address([10, 0, 0, 2]), 1)
                .in_one_process()
        },
        causes: &[
            is(PER_REQUEST, "java"),
            is(&["blackhole", "stale_address"], "java"),
        ],
        may: &[],
    },
    Relative {
        about: "a throttled program, `nc -z` and a leak at one port",
        make: || {
            kind("throttled")
                .at_port(2181)
                .beside(kind("nc_z").at_port(2181), 1)
                .beside(kind("handle_leak_go").at_port(2181), 2)
        },
        causes: &[is(NOT_SERVED, "python3"), is(PROBE, "nc"), is(LEAK, "")],
        may: &[],
    },
    Relative {
        about: "the server's side of a leak and a client for each request behind one address",
        make: || {
            kind("per_request_kazoo")
                .seen_by_server()
                .beside(kind("per_request_java").seen_by_server(), 1)
                .beside(kind("four_letter_nc_ruok").seen_by_server(), 2)
        },
        causes: &[is(PER_REQUEST, "remote host"), is(WORD, "remote host")],
        may: &[],
    },
    Relative {
        about: "a Go program that makes a client each minute",
        make: || kind("per_request_go").paced(20_000),
        causes: &[is(PER_REQUEST, "")],
        may: &[],
    },
    Relative {
        about: "a Kafka client that has ZooKeeper's address and port",
        make: || kind("kafka_client").at_port(2181).over_ipv6(),
        causes: &[is(&["wrong_protocol", "unexplained_churn"], "python3")],
        may: &[],
    },
    Relative {
        about: "the server's side of a scraper that asks for /metrics",
        make: || kind("http_curl").paced(1_500).seen_by_server(),
        causes: &[is(
            &["http_at_plaintext_port", "wrong_protocol"],
            "remote host",
        )],
        may: &[],
    },
    Relative {
        about: "an idle timeout of a quarter of an hour, in a trace of an hour",
        make: || kind("idle_timeout").living(30_000).paced(31_000),
        causes: &[is(IDLE, "java")],
        may: &[],
    },
    Relative {
        about: "one JVM: a NAT forgets one client, and the server of the other stands still",
        make: || {
            kind("nat_forgets")
                .beside(kind("server_pauses").at_port(12181), 1)
                .in_one_process()
        },
        causes: &[is(IDLE, "java"), is(TIMEOUTS, "java")],
        may: &[],
    },
    Relative {
        about: "a Node client for each request of which nothing but the sockets is known",
        make: || {
            kind("per_request_node")
                .without_processes()
                .without_first_bytes()
                .at_port(2181)
        },
        causes: &[is(PER_REQUEST, "node")],
        may: &[],
    },
    Relative {
        about: "`zkServer.sh status` and a client for each request in two containers",
        make: || {
            kind("zkserver_status")
                .in_namespace(71)
                .beside(kind("per_request_kazoo").in_namespace(72), 1)
        },
        causes: &[is(WORD, "java"), is(PER_REQUEST, "python3")],
        may: &[],
    },
    Relative {
        about: "sockets that a Go program held until its end a second later",
        make: || {
            kind("close_wait_held")
                .of_program("exporter")
                .ended_after(1_500)
        },
        causes: &[],
        may: HELD_OR_LEAK,
    },
    Relative {
        about: "a client that is refused first and fails inside itself afterwards, in one JVM",
        make: || {
            kind("refused_java")
                .within(5_000)
                .beside(kind("incident").at_port(21827), 1)
                .in_one_process()
        },
        causes: &[is(FAILS, "java")],
        may: REFUSED,
    },
    Relative {
        about: "a C++ service that waits for two watches, cut by a balancer after ten minutes",
        make: || {
            kind("idle_timeout")
                .of_program("trafficserver")
                .by_threads_named("trafficserver")
                .living(20_000)
                .paced(21_000)
                .without_first_bytes()
        },
        causes: &[],
        may: IDLE,
    },
    Relative {
        about: "two hundred clients a second through a proxy on the same host",
        make: || {
            kind("per_request_eventlet")
                .repeated(20)
                .paced(1)
                .beside(kind("haproxy_check"), 1)
        },
        causes: &[is(PER_REQUEST, "python3"), is(PROBE, "haproxy")],
        may: &[],
    },
    Relative {
        about: "the incident of a client that knows its server by name",
        make: || kind("incident").whose_log_names("127.0.0.1", "zk1.shop.example"),
        causes: &[is(FAILS, "java")],
        may: &[],
    },
    Relative {
        about: "a wrong password at an ensemble that is known by name, and a client for each \
                request of another one",
        make: || {
            kind("sasl_wrong_password")
                .whose_log_names("127.0.0.1", "zk1.shop.example")
                .beside(
                    kind("per_request_java")
                        .at_port(21837)
                        .at_address([10, 0, 0, 9]),
                    1,
                )
                .in_one_process()
        },
        causes: &[is(AUTHENTICATION, "java"), is(PER_REQUEST, "java")],
        may: &[],
    },
    Relative {
        about: "an answer over jute.maxbuffer of a server that is known by name, and a client for \
                each request of another one",
        make: || {
            kind("oversized_answer")
                .whose_log_names("127.0.0.1", "zk1.shop.example")
                .beside(
                    kind("per_request_java")
                        .at_port(21847)
                        .at_address([10, 0, 0, 9]),
                    1,
                )
                .in_one_process()
        },
        causes: &[is(&["oversized_packet"], "java"), is(PER_REQUEST, "java")],
        may: &[],
    },
    Relative {
        about: "a JVM whose log tells of timeouts of one server, and a client for each request of \
                another one that takes two seconds",
        make: || {
            kind("server_pauses")
                .whose_log_names("127.0.0.1", "zk1.shop.example")
                .beside(
                    kind("per_request_java")
                        .living(10_000)
                        .paced(400)
                        .at_port(21818)
                        .at_address([10, 0, 0, 9]),
                    1,
                )
                .in_one_process()
        },
        causes: &[is(TIMEOUTS, "java"), is(PER_REQUEST, "java")],
        may: &[],
    },
    Relative {
        about: "a refused session in the log of one ensemble's client, and the incident's shape \
                at another",
        make: || {
            kind("sasl_no_section")
                .beside(
                    kind("incident").without_looks().at_address([10, 0, 0, 9]),
                    1,
                )
                .in_one_process()
        },
        causes: &[is(AUTHENTICATION, "java"), is(FAILS, "java")],
        may: &[],
    },
];
