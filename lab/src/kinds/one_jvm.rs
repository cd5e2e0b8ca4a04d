// SPDX-License-Identifier: MIT
//! Two kinds in one JVM, as two web applications of one Tomcat are.

use std::thread;
use std::time::Duration;

use anyhow::Result;

use super::Kind;
use super::expected::{Expected, Findings};
use super::scene::Scene;
use super::truth::Truth;
use crate::incident::jars;
use crate::incident::log::{REFUSED, SESSION};

const STOPPED_AND_PER_REQUEST: Findings =
    Findings::must(&[&["client_fails_before_it_speaks"], &["client_per_request"]])
        .may(&["refused"]);
const LEAK_AND_PER_REQUEST: Findings = Findings::must(&[&["handle_leak"], &["client_per_request"]]);
const ANSWERED: Expected = Expected {
    outcomes: &[
        "closed_by_us_before_any_byte",
        "answered_then_closed_by_peer",
        "answered_then_closed_by_us",
        "reset_by_us",
        "reset_by_peer",
        "still_open",
        "refused",
    ],
    payload_out: (0, 500),
    payload_in: (0, 500),
    plain: STOPPED_AND_PER_REQUEST,
    handshake: STOPPED_AND_PER_REQUEST,
};

/// The kinds of this file.
pub(super) const KINDS: &[Kind] = &[
    Kind {
        name: "stopped_and_per_request_in_one_jvm",
        about: "one JVM: an application that was stopped, and one that makes a client for each request",
        quick: false,
        expected: ANSWERED,
        run: stopped,
    },
    Kind {
        name: "leak_and_per_request_in_one_jvm",
        about: "one JVM: an application that opens handles and closes none, and one that makes a client for each request",
        quick: false,
        expected: Expected {
            plain: LEAK_AND_PER_REQUEST,
            handshake: LEAK_AND_PER_REQUEST,
            ..ANSWERED
        },
        run: leak,
    },
];

/// Nobody counts those of the stopped one.
fn of_one(process: u32) -> Truth {
    Truth {
        connections: None,
        ..Truth::counted(0, &[process])
    }
}

fn stopped(scene: &Scene<'_>) -> Result<Truth> {
    let server = scene.server()?;
    let all = format!("classes:{}", jars::complete());
    let hosts = scene.local();
    let requests = ["--", "PerRequest", &hosts, "100000", "700"];
    let main = [&["Together", "ClosedLoader", &hosts, &all], &requests[..]].concat();
    let mut client = scene.java("client", &main)?;
    scene.wait_for_printed("client", "connected")?;
    let mut log = scene.log("client");
    log.skip()?;
    server.stop()?;
    log.wait_for(REFUSED)?;
    let server = scene.server()?;
    log.wait_for(SESSION)?;
    // The stopped one comes back within two seconds, whoever wrote that line.
    thread::sleep(Duration::from_secs(4));
    client.tell("")?;
    scene.wait_for_printed("client", "loader closed")?;
    log.skip()?;
    server.stop()?;
    log.wait_for(REFUSED)?;
    let _server = scene.server()?;
    thread::sleep(Duration::from_secs(3));
    let tracer = scene.trace()?;
    thread::sleep(Duration::from_secs(25));
    tracer.stop()?;
    Ok(of_one(client.pid()))
}

fn leak(scene: &Scene<'_>) -> Result<Truth> {
    let _server = scene.server()?;
    let tracer = scene.trace()?;
    let hosts = scene.local();
    let requests = ["--", "PerRequest", &hosts, "14", "900"];
    let main = [
        &["Together", "HandleLeak", &hosts, "20", "700"],
        &requests[..],
    ]
    .concat();
    let client = scene.java("client", &main)?;
    scene.wait_for_printed("client", "open")?;
    tracer.stop()?;
    Ok(of_one(client.pid()))
}
