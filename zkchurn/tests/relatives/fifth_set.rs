// SPDX-License-Identifier: MIT
//! Under other circumstances: prefork and short-lived programs by their parents, traces that
//! begin late or lack records, filters, bursts, IPv6.

use super::causes::{
    AUTHENTICATION, EXPIRED, FAILS, HELD, HOLE, IDLE, LEAK, LIMIT, NOT_SERVED, PER_REQUEST, PROBE,
    REFUSED, Relative, TIMEOUTS, WORD, is, kind, messy,
};

const TLS_FAILS: &[&str] = &["tls_handshake_failed"];
const PLAINTEXT: &[&str] = &["plaintext_at_tls_port"];

pub(crate) const FIFTH_SET: &[Relative] = &[
    Relative {
        about: "php-fpm: four workers with the C client, a client for each request",
        make: || {
            kind("per_request_kazoo")
                .repeated(3)
                .of_program("php-fpm")
                .by_workers(4)
        },
        causes: &[is(PER_REQUEST, "php-fpm")],
        may: &[],
    },
    Relative {
        about: "`nc -z` by cron and by a shell in turn",
        make: || {
            kind("nc_z")
                .by_a_process_each()
                .started_by(&["cron", "bash"])
        },
        causes: &[is(PROBE, "nc")],
        may: &[],
    },
    Relative {
        about: "the incident, whose trace begins in the middle, over a socket of both families",
        make: || kind("incident").begun_after(8_000).over_both_families(),
        causes: &[is(FAILS, "java")],
        may: &[],
    },
    Relative {
        about: "the incident, of which every third record is lost",
        make: || kind("incident").without_looks().losing_records(3),
        causes: &[is(FAILS, "java")],
        may: &[],
    },
    Relative {
        about: "the incident, traced with --pid beside a busy kazoo service",
        make: || {
            kind("incident")
                .beside(kind("per_request_kazoo").paced(10), 1)
                .of_one_process()
        },
        causes: &[is(FAILS, "java")],
        may: &[],
    },
    Relative {
        about: "the incident in a pool thread of a container that names nothing",
        make: || kind("incident").of_program("java").by_threads_named("C1"),
        causes: &[is(FAILS, "java")],
        may: &[],
    },
    Relative {
        about: "the server's side of four prefork workers over IPv6",
        make: || {
            messy("gunicorn.mid")
                .seen_by_server()
                .behind_ipv6_host(0x41)
        },
        causes: &[is(PER_REQUEST, "remote host")],
        may: &[],
    },
    Relative {
        about: "the server's side of three IPv6 hosts: an expiry, a probe and `stat`",
        make: || {
            kind("expired_retry")
                .seen_by_server()
                .behind_ipv6_host(0x41)
                .beside(kind("nc_z").seen_by_server().behind_ipv6_host(0x42), 1)
                .beside(
                    kind("four_letter_python")
                        .seen_by_server()
                        .behind_ipv6_host(0x43),
                    2,
                )
        },
        causes: &[is(EXPIRED, "41"), is(WORD, "43")],
        may: &["tcp_health_probe", "client_fails_before_it_speaks"],
    },
    Relative {
        about: "a Go client that is refused, of which half the records are lost",
        make: || kind("refused_go").losing_records(2),
        causes: &[is(REFUSED, "")],
        may: &[],
    },
    Relative {
        about: "expired sessions, whose trace begins in the middle",
        make: || kind("expired_retry").begun_after(4_000),
        causes: &[is(EXPIRED, "")],
        may: &[],
    },
    Relative {
        about: "a network load balancer's 350 s",
        make: || kind("idle_timeout").living(11_667).paced(11_000),
        causes: &[is(IDLE, "java")],
        may: &[],
    },
    Relative {
        about: "an idle timeout of three servers in turn, over IPv6",
        make: || kind("idle_timeout").at_ipv6_servers_in_turn(3),
        causes: &[is(IDLE, "java")],
        may: &[],
    },
    Relative {
        about: "a client that the limit turns away, in bursts of four",
        make: || {
            kind("limit_reached")
                .over_both_families()
                .in_bursts(4)
                .at_port(2181)
        },
        causes: &[is(LIMIT, "")],
        may: &[],
    },
    Relative {
        about: "SASL is refused in three workers of uWSGI",
        make: || {
            kind("sasl_required")
                .repeated(2)
                .of_program("uwsgi")
                .by_workers(3)
        },
        causes: &[is(AUTHENTICATION, "uwsgi")],
        may: &[],
    },
    Relative {
        about: "a pool of threads with a client for each request, every fourth record lost",
        make: || {
            kind("per_request_java")
                .repeated(2)
                .by_threads_named("XNIO-1 task-7")
                .losing_records(4)
        },
        causes: &[is(PER_REQUEST, "java")],
        may: &[],
    },
    Relative {
        about: "no quorum at five servers, asked in bursts",
        make: || kind("no_quorum_node").at_servers_in_turn(5).in_bursts(5),
        causes: &[is(NOT_SERVED, "node")],
        may: &[],
    },
    Relative {
        about: "Telegraf does not trust the certificate, on three OS threads",
        make: || {
            kind("tls_not_trusted")
                .of_program("telegraf")
                .by_threads_in_turn(3)
                .at_port(2281)
        },
        causes: &[is(TLS_FAILS, "telegraf")],
        may: &[],
    },
    Relative {
        about: "plaintext at the TLS ports of three servers, over IPv6",
        make: || kind("plaintext_at_tls_port").at_ipv6_servers_in_turn(3),
        causes: &[is(PLAINTEXT, "java")],
        may: NOT_SERVED,
    },
    Relative {
        about: "sockets held until the end of a program whose next run leaks, records lost",
        make: || {
            kind("close_wait_held")
                .ended_after(3_000)
                .beside(kind("handle_leak_kazoo"), 1)
                .losing_records(4)
        },
        causes: &[is(HELD, "python3"), is(LEAK, "python3")],
        may: &[],
    },
    Relative {
        about: "Telegraf asks three servers `mntr` every ten seconds",
        make: || {
            kind("four_letter_python")
                .of_program("telegraf")
                .by_threads_in_turn(4)
                .at_servers_in_turn(3)
                .in_bursts(3)
                .paced(1_000)
        },
        causes: &[is(WORD, "telegraf")],
        may: &[],
    },
    Relative {
        about: "the incident and a port check of one JVM, traced from its middle on",
        make: || {
            kind("incident_and_probe")
                .without_looks()
                .begun_after(6_000)
        },
        causes: &[is(FAILS, "java")],
        may: PROBE,
    },
    Relative {
        about: "one service's incident at one ensemble, another's client for each request at \
                another, of the same name",
        make: || {
            kind("incident")
                .without_processes()
                .at_address([10, 0, 0, 1])
                .beside(
                    kind("per_request_java")
                        .without_processes()
                        .at_address([10, 0, 0, 2]),
                    1,
                )
        },
        causes: &[is(FAILS, "java"), is(PER_REQUEST, "java")],
        may: &[],
    },
    Relative {
        about: "a tool in Java that cron and an operator's loop start for one request each",
        make: || {
            kind("per_request_java")
                .by_a_process_each()
                .started_by(&["cron", "bash", "bash"])
        },
        causes: &[is(PER_REQUEST, "java")],
        may: &[],
    },
    Relative {
        about: "SYNs that three IPv6 servers in turn do not answer, from the middle on",
        make: || {
            kind("blackhole")
                .at_ipv6_servers_in_turn(3)
                .repeated(3)
                .begun_after(9_000)
        },
        causes: &[is(HOLE, "java")],
        may: &[],
    },
    Relative {
        about: "four Celery workers, each of which leaks five handles",
        make: || kind("handle_leak_kazoo").of_program("celery").by_workers(4),
        causes: &[],
        may: LEAK,
    },
    Relative {
        about: "a Node client that is refused, two of three records lost",
        make: || kind("refused_node").one_in(3).over_ipv6().in_bursts(2),
        causes: &[is(REFUSED, "node")],
        may: &[],
    },
    Relative {
        about: "an answer over jute.maxbuffer beside a client that works, records lost",
        make: || {
            kind("oversized_answer")
                .beside(kind("healthy"), 1)
                .losing_records(3)
        },
        causes: &[is(&["oversized_packet"], "java")],
        may: &[],
    },
    Relative {
        about: "a load generator without local ports, on eight threads",
        make: || {
            kind("no_local_port")
                .of_program("wrk")
                .by_threads_in_turn(8)
        },
        causes: &[is(&["no_local_port"], "wrk")],
        may: PROBE,
    },
    Relative {
        about: "exec probes of two pods, by a shim each",
        make: || {
            kind("ruok_in_a_pod")
                .by_a_process_each()
                .started_by(&["runc", "containerd-shim"])
        },
        causes: &[is(WORD, "")],
        may: &[],
    },
    Relative {
        about: "a crash loop: each start of a container is refused",
        make: || {
            kind("refused_java")
                .by_a_process_each()
                .started_by(&["containerd-shim"])
                .paced(300)
        },
        causes: &[is(REFUSED, "java")],
        may: &[],
    },
    Relative {
        about: "a client of three servers that are restarted in turn, five times",
        make: || {
            kind("rolling_restart")
                .repeated(5)
                .without_first_bytes()
                .beside(kind("healthy").without_first_bytes(), 1)
        },
        causes: &[],
        may: &["refused", "not_served", "read_timeouts"],
    },
    Relative {
        about: "the server's side of two nodes behind which pods fail and others work",
        make: || {
            kind("incident")
                .seen_by_server()
                .behind_ipv6_host(0x51)
                .beside(
                    kind("per_request_go")
                        .seen_by_server()
                        .behind_ipv6_host(0x51),
                    1,
                )
                .beside(
                    kind("idle_timeout")
                        .cut_behind_the_server()
                        .behind_ipv6_host(0x52),
                    2,
                )
        },
        causes: &[is(PER_REQUEST, "51")],
        may: &[
            "client_fails_before_it_speaks",
            "tcp_health_probe",
            "idle_timeout",
        ],
    },
    Relative {
        about: "two clients with one session, whose trace begins in the middle, over IPv6",
        make: || {
            kind("one_session_two_clients")
                .over_ipv6()
                .begun_after(3_000)
        },
        causes: &[],
        may: &["one_session_two_clients", "session_expired_loop"],
    },
    Relative {
        about: "a Go service: bursts of five clients for a request each, a tenth not recorded",
        make: || {
            kind("per_request_go")
                .repeated(4)
                .in_bursts(5)
                .losing_records(10)
                .over_both_families()
        },
        causes: &[is(PER_REQUEST, "")],
        may: &[],
    },
    Relative {
        about: "the C client's shell, started by three programs in turn",
        make: || {
            kind("cli_mt_in_a_loop").by_a_process_each().started_by(&[
                "cron",
                "bash",
                "ansible-playboo",
            ])
        },
        causes: &[],
        may: PER_REQUEST,
    },
    Relative {
        about: "a Go program to which one IPv6 server is not reachable and another refuses",
        make: || {
            kind("no_neighbour")
                .over_ipv6()
                .beside(kind("refused_go").at_ipv6_servers_in_turn(1), 1)
                .in_one_process()
        },
        causes: &[is(&["unreachable"], ""), is(REFUSED, "")],
        may: &["stale_address"],
    },
    Relative {
        about: "a server that stands still, whose trace begins in the middle",
        make: || kind("server_pauses").repeated(2).begun_after(10_000),
        causes: &[is(TIMEOUTS, "java")],
        may: &[],
    },
    Relative {
        about: "SO_LINGER 0: a monitor in Go checks three ports over IPv6 in bursts",
        make: || {
            kind("linger_0")
                .of_program("blackbox_export")
                .by_threads_in_turn(4)
                .at_ipv6_servers_in_turn(3)
                .in_bursts(3)
        },
        causes: &[is(PROBE, "blackbox")],
        may: &[],
    },
    Relative {
        about: "pgbouncer's neighbour: a prefork program that presents expired sessions",
        make: || {
            kind("expired_retry")
                .repeated(2)
                .of_program("apache2")
                .by_workers(2)
                .without_first_bytes()
        },
        causes: &[is(EXPIRED, "apache2")],
        may: &[],
    },
    Relative {
        about: "a NAT that forgets a client of each of four workers",
        make: || {
            kind("nat_forgets")
                .repeated(2)
                .of_program("gunicorn")
                .by_workers(4)
                .without_first_bytes()
        },
        causes: &[is(IDLE, "gunicorn")],
        may: &[],
    },
    Relative {
        about: "aiozk in a service that ends after each request, by a timer",
        make: || {
            messy("aiozk.hs")
                .by_a_process_each()
                .started_by(&["systemd"])
        },
        causes: &[is(PER_REQUEST, "python")],
        may: WORD,
    },
    Relative {
        about: "two applications of one Tomcat, traced from the middle on, records lost",
        make: || {
            messy("twoapps-jdk14.mid")
                .begun_after(12_000)
                .losing_records(5)
        },
        causes: &[is(FAILS, "java"), is(PER_REQUEST, "java")],
        may: &[],
    },
    Relative {
        about: "twenty programs that were started together lose their server, once",
        make: || {
            kind("idle_timeout")
                .within(1_000)
                .living(800)
                .by_programs_at_once(20)
                .and_quiet_for(60)
        },
        causes: &[],
        may: &[],
    },
    Relative {
        about: "a firewall that is replaced resets what twenty programs had opened together",
        make: || {
            kind("nat_forgets")
                .within(1_000)
                .living(500)
                .by_programs_at_once(20)
                .and_quiet_for(60)
        },
        causes: &[],
        may: &[],
    },
    Relative {
        about: "three servers are restarted one after the other, half a minute each",
        make: || {
            kind("idle_timeout")
                .at_port(2181)
                .within(10_000)
                .living(1_000)
                .paced(800)
                .beside(kind("refused_java").at_port(2181).within(4_000), 1)
                .beside(kind("no_quorum").at_port(2181).within(2_000), 2)
                .in_one_process()
        },
        causes: &[],
        may: &["refused", "not_served", "stale_address"],
    },
    Relative {
        about: "an idle timeout that twenty programs meet, which were started together",
        make: || kind("idle_timeout").by_programs_at_once(20),
        causes: &[],
        may: IDLE,
    },
    Relative {
        about: "a shell loop whose client does not trust the server's certificate",
        make: || {
            kind("tls_not_trusted")
                .of_program("zk-shell")
                .by_a_process_each()
                .started_by(&["bash"])
                .at_port(2281)
        },
        causes: &[],
        may: TLS_FAILS,
    },
    Relative {
        about: "a pool of threads, each of which is refused for its certificate over IPv6",
        make: || {
            kind("tls_not_trusted")
                .without_looks()
                .by_a_thread_each()
                .at_ipv6_servers_in_turn(2)
        },
        causes: &[],
        may: TLS_FAILS,
    },
    Relative {
        about: "workers that forked with one open session take it from each other",
        make: || {
            kind("one_session_two_clients")
                .of_program("gunicorn")
                .by_workers(2)
        },
        causes: &[is(&["one_session_two_clients"], "gunicorn")],
        may: EXPIRED,
    },
    Relative {
        about: "the incident of a job manager, whose client is in Flink's own package",
        make: || kind("incident").of_a_shaded_client(),
        causes: &[is(FAILS, "java")],
        may: &[],
    },
    Relative {
        about: "a shaded client that fails in a pool thread, of which the stack alone tells",
        make: || {
            kind("incident")
                .of_a_shaded_client()
                .by_threads_named("C1")
                .without_logs()
        },
        causes: &[is(FAILS, "java")],
        may: &[],
    },
];
