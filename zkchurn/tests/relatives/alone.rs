// SPDX-License-Identifier: MIT
//! Kinds at another pace, by other threads, living longer or shorter, or with less known of
//! them.

use zkchurn_common::record::ConnectionRecord;

use super::causes::{
    AUTHENTICATION, EXPIRED, FAILS, HELD, HOLE, IDLE, LIMIT, PER_REQUEST, PROBE, Relative,
    TIMEOUTS, is, kind,
};
use super::change::MS;

pub(crate) const ALONE: &[Relative] = &[
    Relative {
        about: "the incident in a Spring Boot program of which only the sockets are known",
        make: || {
            kind("incident")
                .without_looks()
                .by_threads_named("background-preinit-SendThread(zk1:2181)")
                .at_address([10, 1, 2, 3])
        },
        causes: &[is(FAILS, "java")],
        may: &[],
    },
    Relative {
        about: "the incident over a wide area: ESTABLISHED for tens of milliseconds",
        make: || {
            kind("incident_closed_loader")
                .living(3_000)
                .at_address([192, 0, 2, 9])
        },
        causes: &[is(FAILS, "java")],
        may: &[],
    },
    Relative {
        about: "`nc -z` every ten seconds by processes that were gone",
        make: || kind("nc_z").paced(1_000).without_processes(),
        causes: &[is(PROBE, "nc")],
        may: &[],
    },
    Relative {
        about: "a JVM whose requests take four seconds each, a client for each",
        make: || kind("per_request_java").living(10_000).paced(300),
        causes: &[is(PER_REQUEST, "java")],
        may: &[],
    },
    Relative {
        about: "fifty kazoo clients a second",
        make: || kind("per_request_kazoo").paced(3),
        causes: &[is(PER_REQUEST, "python3")],
        may: &[],
    },
    Relative {
        about: "a client for each request of a Node program, each for two seconds",
        make: || kind("per_request_node").living(10_000).paced(400),
        causes: &[is(PER_REQUEST, "node")],
        may: &[],
    },
    Relative {
        about: "an idle timeout of a minute",
        make: || kind("idle_timeout").living(2_000).paced(2_100),
        causes: &[is(IDLE, "java")],
        may: &[],
    },
    Relative {
        about: "an idle timeout of a minute that a Go client meets",
        make: || kind("idle_timeout_go").living(2_000).paced(2_100),
        causes: &[is(IDLE, "")],
        may: &[],
    },
    Relative {
        about: "one thread that presents an expired session again and again",
        make: || {
            kind("expired_retry").each(|record| {
                record.opener_tid = record.opener_tgid + 7;
                record.closer_tid = record.opener_tid;
            })
        },
        causes: &[is(EXPIRED, "java")],
        may: &[],
    },
    Relative {
        about: "one of two clients that share a session, the other on another host",
        make: || {
            let mut first = 0;
            kind("one_session_two_clients").only(move |record| {
                if first == 0 {
                    first = record.opener_tgid;
                }
                record.opener_tgid == first
            })
        },
        causes: &[is(&["one_session_two_clients"], "java")],
        may: &[],
    },
    Relative {
        about: "a SYN that is dropped, with a connect timeout of half a second",
        make: || kind("blackhole").living(7).paced(20),
        causes: &[is(HOLE, "java")],
        may: &[],
    },
    Relative {
        about: "a connect that is given up after 40 ms",
        make: || kind("blackhole").living(1).paced(20).each(short_connect),
        causes: &[],
        may: &[],
    },
    Relative {
        about: "a server that stands still for twenty seconds at a time",
        make: || kind("server_pauses").living(500).paced(500),
        causes: &[is(TIMEOUTS, "java")],
        may: &[],
    },
    Relative {
        about: "a program that stands still for longer than its session of 12 s",
        make: || kind("long_pauses").living(300).paced(300),
        causes: &[is(&["session_expired_loop", "read_timeouts"], "python3")],
        may: HELD,
    },
    Relative {
        about: "a client that the limit turns away, beside a program whose handles fill it",
        make: || kind("limit_reached").paced(40),
        causes: &[is(LIMIT, "java")],
        may: &[],
    },
    Relative {
        about: "a Go client that is cut at any age, and comes back by several OS threads",
        make: || {
            kind("idle_timeout_go")
                .living_irregularly(1_000..=9_000)
                .paced(200)
        },
        causes: &[],
        may: IDLE,
    },
    Relative {
        about: "a Go client that is cut within a second, again and again",
        make: || {
            kind("idle_timeout_go")
                .living_irregularly(200..=800)
                .carrying(94, 61)
                .without_first_bytes()
        },
        causes: &[],
        may: IDLE,
    },
    Relative {
        about: "a Java client that is cut soon after it has set its watches again",
        make: || {
            kind("idle_timeout")
                .living_irregularly(200..=800)
                .carrying(94, 61)
                .without_first_bytes()
        },
        causes: &[],
        may: IDLE,
    },
    Relative {
        about: "a service that opens twenty handles as it starts and keeps them",
        make: || kind("handle_leak_kazoo").paced(5).and_quiet_for(60),
        causes: &[],
        may: &[],
    },
    Relative {
        about: "a service that opens a handle for each of twenty shards, in two seconds",
        make: || kind("handle_leak_java").paced(20).and_quiet_for(30),
        causes: &[],
        may: &[],
    },
    Relative {
        about: "a client for each request that reads 300 kB",
        make: || kind("per_request_java").carrying(88, 300_000),
        causes: &[is(PER_REQUEST, "java")],
        may: &[],
    },
    Relative {
        about: "a client for each request that writes 200 kB",
        make: || kind("per_request_kazoo").carrying(200_100, 149),
        causes: &[is(PER_REQUEST, "python3")],
        may: &[],
    },
    Relative {
        about: "a client for each request at a TLS port",
        make: || {
            kind("per_request_java")
                .carrying(2_100, 3_900)
                .without_first_bytes()
        },
        causes: &[is(PER_REQUEST, "java")],
        may: &[],
    },
    Relative {
        about: "a client for each request that asks for a node that is not there",
        make: || kind("per_request_java").carrying(90, 81),
        causes: &[is(PER_REQUEST, "java")],
        may: &[],
    },
    Relative {
        about: "a Java program that checks a port every ten seconds",
        make: || kind("kubelet_tcp_socket").paced(1_000).of_program("java"),
        causes: &[],
        may: PROBE,
    },
    Relative {
        about: "a program that opens a session and dies, started again and again",
        make: || {
            kind("cli_mt_in_a_loop")
                .carrying(49, 41)
                .without_first_bytes()
        },
        causes: &[],
        may: PER_REQUEST,
    },
    Relative {
        about: "a dead address of two at a fifth of the pace",
        make: || kind("stale_address").paced(500),
        causes: &[
            is(&["stale_address", "refused"], "python3"),
            is(PER_REQUEST, "python3"),
        ],
        may: &[],
    },
    Relative {
        about: "two clients with one session, at a third of the pace",
        make: || kind("one_session_two_clients").paced(300),
        causes: &[is(&["one_session_two_clients"], "java")],
        may: &[],
    },
    Relative {
        about: "a Go program whose requests take three seconds, a client for each",
        make: || kind("per_request_go").living(20_000).paced(700),
        causes: &[is(PER_REQUEST, "")],
        may: &[],
    },
    Relative {
        about: "SASL refused, and one Python thread that comes back",
        make: || kind("sasl_required").each(by_one_thread),
        causes: &[is(AUTHENTICATION, "python3")],
        may: &[],
    },
    Relative {
        about: "a Node program that closes before it speaks, with the Java client's pauses",
        make: || kind("incident").of_program("node").by_threads_named("node"),
        causes: &[],
        may: FAILS,
    },
    Relative {
        about: "`nc -z` every five minutes",
        make: || kind("nc_z").paced(30_000),
        causes: &[is(PROBE, "nc")],
        may: &[],
    },
    Relative {
        about: "a Java program that cron starts for one request each",
        make: || {
            // A connection has up to two records, both of its process.
            let mut sockets = Vec::new();
            kind("per_request_java")
                .of_program("java")
                // One a minute.
                .paced(6_000)
                .each(move |record| {
                    let known = sockets.iter().position(|one| *one == record.socket);
                    let place = known.unwrap_or_else(|| {
                        sockets.push(record.socket);
                        sockets.len() - 1
                    });
                    let number = u32::try_from(place).unwrap() + 1;
                    record.opener_tgid += number;
                    record.opener_tid += number;
                    record.closer_tgid = record.opener_tgid;
                    record.opener_start_ns += u64::from(number) * 60_000 * MS;
                })
        },
        causes: &[is(PER_REQUEST, "java")],
        may: &[],
    },
    Relative {
        about: "the C client's shell in a slow loop",
        make: || kind("cli_mt_in_a_loop").paced(500),
        causes: &[is(&["client_per_request", "unexplained_churn"], "cli_mt")],
        may: &[],
    },
    Relative {
        about: "a NAT that forgets after a minute",
        make: || kind("nat_forgets").living(1_000).paced(1_000),
        causes: &[is(IDLE, "java")],
        may: &[],
    },
    Relative {
        about: "a proxy that reads the request and closes, five times as often",
        make: || kind("proxy_closes_after_reading").paced(20),
        causes: &[is(&["proxy_without_server", "not_served"], "java")],
        may: &[],
    },
    Relative {
        about: "a scraper that asks for /metrics every fifteen seconds",
        make: || {
            kind("http_curl")
                .paced(1_500)
                .of_program("prometheus")
                .each(by_one_thread)
        },
        causes: &[is(
            &["http_at_plaintext_port", "wrong_protocol"],
            "prometheus",
        )],
        may: &[],
    },
    Relative {
        about: "a SYN that is dropped, with a connect timeout of a second and a half",
        make: || kind("blackhole").living(21).paced(40),
        causes: &[is(HOLE, "java")],
        may: &[],
    },
    Relative {
        about: "a server that stands still, and sessions of half a minute",
        make: || kind("server_stopped").living(1_000).paced(1_000),
        causes: &[is(TIMEOUTS, "java")],
        may: &[],
    },
];

/// As if the same thread had come back.
fn by_one_thread(record: &mut ConnectionRecord) {
    (record.opener_tgid, record.opener_start_ns) = (4_242, 1);
    (record.opener_tid, record.closer_tid) = (4_243, 4_243);
    if record.closer_tgid > 0 {
        record.closer_tgid = 4_242;
    }
}

/// A connect that its program gave up sooner than the first SYN was sent again.
fn short_connect(record: &mut ConnectionRecord) {
    if record.established_ns == 0 && record.until_ns > record.started_ns {
        let by = record.started_ns + 40 * MS;
        record.until_ns = by;
        record.local_close_ns = by;
        record.retransmits = 0;
        record.segments_out = 1;
    }
}
