// SPDX-License-Identifier: MIT
//! Relatives that were written down after the rules had been mended for the others: other
//! libraries, several servers, sidecars, namespaces, IPv6, and the server's side of them.

use super::causes::{
    AUTHENTICATION, EXPIRED, FAILS, IDLE, LEAK, LIMIT, NOT_SERVED, PER_REQUEST, PROBE, REFUSED,
    Relative, TIMEOUTS, WORD, is, kind, messy,
};

const HELD_OR_LEAK: &[&str] = &["held_in_close_wait", "handle_leak"];
const REFUSED_OR_AWAY: &[&str] = &["refused", "not_served", "read_timeouts"];
const WITHOUT_SERVER: &[&str] = &["proxy_without_server"];

pub(crate) const LATER: &[Relative] = &[
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
];
