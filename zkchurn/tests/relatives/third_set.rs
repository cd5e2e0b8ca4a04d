// SPDX-License-Identifier: MIT
//! More of them: sessions, proxies, sizes, and the server's side.

use super::causes::{
    FAILS, IDLE, NOT_SERVED, PER_REQUEST, PROBE, REFUSED, Relative, TIMEOUTS, is, kind, messy,
};

pub(crate) const THIRD_SET: &[Relative] = &[
    Relative {
        about: "an answer over jute.maxbuffer of three servers in turn",
        make: || kind("oversized_answer").at_servers_in_turn(3),
        causes: &[is(&["oversized_packet"], "java")],
        may: &[],
    },
    Relative {
        about: "an idle timeout that meets a Java and a Go client at one server",
        make: || kind("idle_timeout").beside(kind("idle_timeout_go"), 1),
        causes: &[is(IDLE, "java"), is(IDLE, "")],
        may: &[],
    },
    Relative {
        about: "one JVM with two ensembles: one refuses, the other's network loses packets",
        make: || {
            kind("refused_3_hosts")
                .beside(
                    kind("dropped_after_established")
                        .at_port(12181)
                        .by_threads_named("Curator-SendThread(zk9:12181)"),
                    1,
                )
                .in_one_process()
        },
        causes: &[is(REFUSED, "java"), is(TIMEOUTS, "java")],
        may: &[],
    },
    Relative {
        about: "cron starts a Python program every five minutes, which makes one request",
        make: || kind("per_request_kazoo").by_a_process_each().paced(15_000),
        causes: &[is(PER_REQUEST, "python3")],
        may: &[],
    },
    Relative {
        about: "the same service in three containers: a client for each request",
        make: || {
            kind("per_request_node")
                .in_namespace(71)
                .beside(kind("per_request_node").in_namespace(72), 1)
                .beside(kind("per_request_node").in_namespace(73), 2)
        },
        causes: &[is(PER_REQUEST, "node")],
        may: &[],
    },
    Relative {
        about: "three observers refuse each other's pods: refused at IPv6, and a probe",
        make: || {
            kind("refused_go")
                .over_ipv6()
                .beside(kind("haproxy_check").over_ipv6(), 1)
        },
        causes: &[is(REFUSED, ""), is(PROBE, "haproxy")],
        may: &[],
    },
    Relative {
        about: "the server's side of two clients with one session on two hosts",
        make: || {
            let of = |process: u32| {
                let mut first = 0;
                kind("one_session_two_clients").seen_from(move |tgid| {
                    if first == 0 {
                        first = tgid;
                    }
                    u32::from(tgid != first) == process
                })
            };
            of(0).behind_host(1).beside(of(1).behind_host(2), 1)
        },
        causes: &[is(&["one_session_two_clients"], "remote host")],
        may: &[],
    },
    Relative {
        about: "a kazoo service in gevent whose every request takes a second and a half",
        make: || {
            kind("per_request_gevent")
                .living(15_000)
                .paced(600)
                .losing_one_in(9)
        },
        causes: &[is(PER_REQUEST, "python3")],
        may: &[],
    },
    Relative {
        about: "the first five seconds of the incident beside a busy service",
        make: || {
            kind("incident")
                .within(5_000)
                .beside(kind("per_request_kazoo").within(5_000), 1)
        },
        causes: &[is(FAILS, "java"), is(PER_REQUEST, "python3")],
        may: &[],
    },
    Relative {
        about: "the Netty incident on the server's side, from two hosts",
        make: || {
            messy("netty.mid")
                .seen_by_server()
                .behind_host(1)
                .beside(messy("netty.mid").seen_by_server().behind_host(2), 1)
        },
        causes: &[is(&["client_never_speaks"], "remote host")],
        may: &[],
    },
    Relative {
        about: "a client for each request in a JVM that reads from a restarted server",
        make: || {
            kind("per_request_java")
                .at_port(2181)
                .beside(kind("refused_java").at_port(2181).within(6_000), 1)
                .in_one_process()
        },
        causes: &[is(PER_REQUEST, "java")],
        may: REFUSED,
    },
    Relative {
        about: "no quorum, and a Java client that sends its digest at once behind the request",
        make: || kind("no_quorum").sending(106).without_first_bytes(),
        causes: &[],
        may: NOT_SERVED,
    },
    Relative {
        about: "a Java client that sets its watches at once, at a server that it is ahead of",
        make: || {
            kind("zxid_ahead")
                .at_port(2181)
                .sending(94)
                .without_first_bytes()
                .beside(kind("healthy").at_port(2181), 1)
        },
        causes: &[],
        may: NOT_SERVED,
    },
    Relative {
        about: "the server's side of one client behind two proxies that cut it in turn",
        make: || {
            let mut turn = 0;
            kind("idle_timeout")
                .repeated(2)
                .cut_behind_the_server()
                .each(move |record| {
                    turn = (turn + 1) % 2;
                    record.remote_address[12..].copy_from_slice(&[10, 9, 9, 1 + turn]);
                })
        },
        causes: &[],
        may: IDLE,
    },
    Relative {
        about: "a program that goes on with its stored session after a restart",
        make: || {
            let scene = kind("one_session_two_clients");
            let middle = scene.start.clock.monotonic_ns + scene.length_ns / 2;
            let mut first = 0;
            scene.only(move |record| {
                if first == 0 {
                    first = record.opener_tgid;
                }
                (record.opener_tgid == first) == (record.started_ns < middle)
            })
        },
        causes: &[],
        may: &[],
    },
    Relative {
        about: "a balancer with a dead server, beside three programs that hold connections",
        make: || {
            kind("balancer_resets")
                .at_port(2181)
                .beside(kind("healthy").at_port(2181), 1)
                .beside(kind("healthy").at_port(2181), 2)
                .beside(kind("healthy").at_port(2181), 3)
        },
        causes: &[is(&["proxy_without_server", "connection_limit"], "java")],
        may: &[],
    },
    Relative {
        about: "a Node program that reads three nodes of another size in each session",
        make: || {
            kind("per_request_node")
                .repeated(6)
                .carrying_more_each_time(0, 13)
        },
        causes: &[is(PER_REQUEST, "node")],
        may: &[],
    },
    Relative {
        about: "a NAT that forgets a client that had much to say",
        make: || kind("nat_forgets").carrying(90_000, 70_000),
        causes: &[is(IDLE, "java")],
        may: &[],
    },
    Relative {
        about: "a proxy's idle timeout for a client that had read much",
        make: || {
            kind("idle_timeout")
                .living(1_000)
                .paced(1_100)
                .carrying(4_000, 900_000)
                .without_first_bytes()
        },
        causes: &[is(IDLE, "java")],
        may: &[],
    },
];
