// SPDX-License-Identifier: MIT
//! What many programs meet at once, and what happens once: restarts, outages, mass expiry.

use super::causes::{
    EXPIRED, FAILS, HOLE, LEAK, NOT_SERVED, PER_REQUEST, REFUSED, Relative, TIMEOUTS, WORD, is,
    kind,
};

const WRONG: &[&str] = &["wrong_protocol", "tls_at_plaintext_port"];

pub(crate) const SIXTH_SET: &[Relative] = &[
    Relative {
        about: "the server's side of its own stop: twenty programs are closed at once",
        make: || {
            kind("idle_timeout")
                .within(1_000)
                .by_programs_at_once(20)
                .seen_by_server()
                .behind_ipv6_host(0x61)
                .and_quiet_for(30)
        },
        causes: &[],
        may: &[],
    },
    Relative {
        about: "the end of an outage: the sessions of twenty programs have expired, once each",
        make: || {
            kind("expired_once")
                .by_programs_at_once(20)
                .and_quiet_for(30)
        },
        causes: &[],
        may: EXPIRED,
    },
    Relative {
        about: "a firewall that drops the SYNs of ten programs",
        make: || kind("blackhole").by_programs_at_once(10),
        causes: &[is(HOLE, "java")],
        may: &[],
    },
    Relative {
        about: "Kafka's tools with ZooKeeper's address, in four workers over IPv6",
        make: || {
            kind("kafka_client")
                .over_ipv6()
                .of_program("java")
                .by_workers(4)
        },
        causes: &[is(WRONG, "java")],
        may: &[],
    },
    Relative {
        about: "an address that is stale, over sockets for both families, from the middle on",
        make: || {
            kind("stale_address")
                .over_both_families()
                .begun_after(5_000)
        },
        causes: &[
            is(&["stale_address", "refused"], "python3"),
            is(PER_REQUEST, "python3"),
        ],
        may: &[],
    },
    Relative {
        about: "a server that throttles three workers",
        make: || kind("throttled").of_program("celery").by_workers(3),
        causes: &[],
        may: &["not_served", "proxy_without_server"],
    },
    Relative {
        about: "a client for each request, of which a proxy's dead server takes every second",
        make: || {
            kind("per_request_kazoo")
                .at_port(2181)
                .beside(kind("proxy_closes_after_reading").at_port(2181), 1)
                .in_one_process()
        },
        causes: &[is(PER_REQUEST, "python3")],
        may: &["proxy_without_server", "not_served", "connection_limit"],
    },
    Relative {
        about: "a program that works, and whose health page asks `stat` each second",
        make: || {
            kind("healthy")
                .at_port(2181)
                .beside(kind("four_letter_python").at_port(2181), 1)
                .in_one_process()
        },
        causes: &[is(WORD, "python3")],
        may: &[],
    },
    Relative {
        about: "a leak of handles, whose trace begins when half of them are open",
        make: || {
            kind("handle_leak_java")
                .begun_after(3_000)
                .and_quiet_for(20)
        },
        causes: &[],
        may: LEAK,
    },
    Relative {
        about: "the incident of ten JVMs that a deployment started together",
        make: || kind("incident").by_programs_at_once(10),
        causes: &[is(FAILS, "java")],
        may: &[],
    },
    Relative {
        about: "a server without descriptors, for twenty programs at once",
        make: || {
            kind("server_out_of_descriptors")
                .of_program("app")
                .by_programs_at_once(20)
        },
        causes: &[is(TIMEOUTS, "app")],
        may: &[],
    },
    Relative {
        about: "an ensemble that is away for ten seconds: fifty programs are refused",
        make: || {
            kind("refused_kazoo")
                .within(10_000)
                .by_programs_at_once(50)
                .and_quiet_for(50)
        },
        causes: &[is(REFUSED, "")],
        may: &[],
    },
    Relative {
        about: "no quorum for ten programs, every third record lost",
        make: || {
            kind("no_quorum_kazoo")
                .by_programs_at_once(10)
                .losing_records(3)
        },
        causes: &[],
        may: NOT_SERVED,
    },
    Relative {
        about: "five deployments with a client for each request, started together",
        make: || kind("per_request_java").by_programs_at_once(5),
        causes: &[is(PER_REQUEST, "java")],
        may: &[],
    },
    Relative {
        about: "a balancer that resets all of twenty programs, which come back and work",
        make: || {
            kind("balancer_resets")
                .within(1_500)
                .by_programs_at_once(20)
                .and_quiet_for(30)
                .beside(kind("handle_leak_go").by_a_process_each(), 1)
        },
        causes: &[],
        may: &["proxy_without_server", "connection_limit", "not_served"],
    },
];

#[test]
fn one_expiry_of_each_program_is_no_loop() {
    let report = kind("expired_once").by_programs_at_once(20).report();
    let against = report.findings[0].reasons_against.join("\n");
    assert!(against.contains("as after an outage"), "{against}");
}
