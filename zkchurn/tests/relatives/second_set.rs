// SPDX-License-Identifier: MIT
//! Relatives that were written down after the rules had been mended for the others: other
//! libraries, several servers, sidecars, namespaces, IPv6.

use super::causes::{
    AUTHENTICATION, EXPIRED, FAILS, IDLE, LEAK, LIMIT, NOT_SERVED, PER_REQUEST, PROBE, Relative,
    TIMEOUTS, WORD, is, kind,
};

const WITHOUT_SERVER: &[&str] = &["proxy_without_server"];

pub(crate) const SECOND_SET: &[Relative] = &[
    Relative {
        about: "the incident in an HBase region server, over IPv6",
        make: || {
            kind("incident")
                .without_looks()
                .by_threads_named("regionserver/rs1:16020-SendThread(zk1:2181)")
                .over_ipv6()
        },
        causes: &[is(FAILS, "java")],
        may: &[],
    },
    Relative {
        about: "a client for each request, each of which reads a node of another size",
        make: || {
            kind("per_request_kazoo")
                .repeated(8)
                .carrying_more_each_time(0, 7)
        },
        causes: &[is(PER_REQUEST, "python3")],
        may: &[],
    },
    Relative {
        about: "a Java client for each request, each of which writes more",
        make: || {
            kind("per_request_java")
                .repeated(10)
                .carrying_more_each_time(11, 3)
        },
        causes: &[is(PER_REQUEST, "java")],
        may: &[],
    },
    Relative {
        about: "the server's side of Java clients for each request, each of another size",
        make: || {
            kind("per_request_java")
                .repeated(10)
                .carrying_more_each_time(11, 3)
                .seen_by_server()
        },
        causes: &[is(PER_REQUEST, "remote host")],
        may: &[],
    },
    Relative {
        about: "a Node client for each request, two seconds each, where a segment is lost at times",
        make: || {
            kind("per_request_node")
                .living(10_000)
                .paced(400)
                .losing_one_in(7)
        },
        causes: &[is(PER_REQUEST, "node")],
        may: &[],
    },
    Relative {
        about: "a balancer, one of whose servers is gone, and a client for each request through it",
        make: || {
            kind("per_request_gevent").at_port(2181).beside(
                kind("balancer_resets").of_program("python3").at_port(2181),
                1,
            )
        },
        causes: &[is(PER_REQUEST, "python3"), is(WITHOUT_SERVER, "python3")],
        may: NOT_SERVED,
    },
    Relative {
        about: "a proxy, one of whose servers is gone, reads and closes for one of two programs",
        make: || {
            kind("per_request_java")
                .at_port(2181)
                .beside(kind("proxy_closes_after_reading").at_port(2181), 1)
        },
        causes: &[
            is(PER_REQUEST, "java"),
            is(&["proxy_without_server", "not_served"], "java"),
        ],
        may: &[],
    },
    Relative {
        about: "a ClickHouse server that takes a new session after each cut, over IPv6",
        make: || {
            kind("new_session_after_each_cut")
                .of_program("clickhouse-serv")
                .over_ipv6()
        },
        causes: &[],
        may: IDLE,
    },
    Relative {
        about: "expired sessions at three servers in turn, in a Solr",
        make: || {
            kind("expired_retry")
                .by_threads_named("zkConnectionManagerCallback-9-thread-1")
                .at_servers_in_turn(3)
        },
        causes: &[is(EXPIRED, "java")],
        may: &[],
    },
    Relative {
        about: "no quorum, three servers in turn, in a Kafka broker",
        make: || kind("no_quorum").at_servers_in_turn(3),
        causes: &[is(NOT_SERVED, "java")],
        may: &[],
    },
    Relative {
        about: "the incident through a sidecar: envoy connects and closes in its rhythm",
        make: || {
            kind("incident")
                .of_program("envoy")
                .by_threads_named("wrk:worker_1")
        },
        causes: &[],
        may: FAILS,
    },
    Relative {
        about: "a client for each request through a sidecar with two workers",
        make: || {
            kind("per_request_java")
                .of_program("envoy")
                .by_threads_named("wrk:worker_1")
                .by_threads_in_turn(2)
        },
        causes: &[is(PER_REQUEST, "envoy")],
        may: &[],
    },
    Relative {
        about: "kubelet's exec probe, `nc -z` and the incident on the server's side",
        make: || {
            kind("ruok_in_a_pod")
                .beside(kind("nc_z"), 1)
                .beside(kind("incident"), 2)
                .seen_by_server()
        },
        causes: &[is(WORD, "remote host")],
        may: &[],
    },
    Relative {
        about: "a leak of handles that reaches the limit in the same program",
        make: || {
            kind("handle_leak_kazoo")
                .at_port(2181)
                .beside(kind("limit_reached").of_program("python3").at_port(2181), 1)
                .in_one_process()
        },
        causes: &[is(LEAK, "python3"), is(LIMIT, "python3")],
        may: &[],
    },
    Relative {
        about: "a Pulsar broker whose three servers stand still now and then",
        make: || kind("server_pauses").at_servers_in_turn(3).over_ipv6(),
        causes: &[is(TIMEOUTS, "java")],
        may: &[],
    },
    Relative {
        about: "a NiFi whose password is wrong, beside a monitor",
        make: || kind("sasl_wrong_password").beside(kind("four_letter_nc_stat"), 1),
        causes: &[is(AUTHENTICATION, "java"), is(WORD, "nc")],
        may: &[],
    },
    Relative {
        about: "a Go client that presents an expired session again, by several OS threads",
        make: || {
            kind("expired_retry")
                .of_program("zk-exporter")
                .by_threads_named("zk-exporter")
                .by_threads_in_turn(4)
        },
        causes: &[is(EXPIRED, "zk-exporter")],
        may: &[],
    },
    Relative {
        about: "a Java monitor that checks the port every ten seconds by a new thread each",
        make: || {
            kind("kubelet_tcp_socket")
                .paced(1_000)
                .of_program("java")
                .by_threads_named("scheduling-1")
                .by_a_thread_each()
        },
        causes: &[],
        may: PROBE,
    },
    Relative {
        about: "a blackbox exporter that checks three servers in turn",
        make: || {
            kind("kubelet_tcp_socket")
                .paced(1_500)
                .of_program("blackbox_export")
                .by_threads_in_turn(5)
                .at_servers_in_turn(3)
        },
        causes: &[is(PROBE, "blackbox_export")],
        may: &[],
    },
    Relative {
        about: "the server's side of clients for each request from two hosts",
        make: || {
            kind("per_request_kazoo")
                .seen_by_server()
                .behind_host(1)
                .beside(kind("per_request_go").seen_by_server().behind_host(2), 1)
        },
        causes: &[is(PER_REQUEST, "10.9.9.1"), is(PER_REQUEST, "10.9.9.2")],
        may: &[],
    },
    Relative {
        about: "a client that is ahead of one of two servers, beside one that works there",
        make: || {
            kind("zxid_ahead")
                .at_port(2181)
                .beside(kind("healthy").at_port(2181), 1)
        },
        causes: &[is(NOT_SERVED, "java")],
        may: &[],
    },
    Relative {
        about: "a session that is opened and closed each time, and no work between",
        make: || kind("per_request_java").carrying(61, 61),
        causes: &[is(PER_REQUEST, "java")],
        may: &[],
    },
    Relative {
        about: "a client for each request that reads 600 kB",
        make: || kind("per_request_java").carrying(88, 600_000),
        causes: &[is(PER_REQUEST, "java")],
        may: &[],
    },
    Relative {
        about: "a client for each request that writes 700 kB",
        make: || kind("per_request_kazoo").carrying(700_100, 149),
        causes: &[is(PER_REQUEST, "python3")],
        may: &[],
    },
];
