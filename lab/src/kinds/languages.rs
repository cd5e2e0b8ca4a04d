// SPDX-License-Identifier: MIT
//! A client for each request, and handles that nobody closes, in the clients of other
//! languages. Most of them serve many handles with one thread.

use std::time::Duration;

use anyhow::Result;
use xtask::setup::clients::CLI_MT;

use super::expected::{Expected, Findings};
use super::scene::{AT_MOST, Scene};
use super::truth::Truth;
use super::{Kind, requests};

const COUNT: usize = 14;
/// Clients of other languages say more.
const REQUESTS: Expected = Expected {
    payload_out: (48, 300),
    payload_in: (40, 500),
    ..requests::REQUESTS
};

/// The kinds of this file.
pub(super) const KINDS: &[Kind] = &[
    Kind {
        name: "per_request_node",
        about: "a Node program that makes a client for each request",
        quick: false,
        expected: REQUESTS,
        run: node,
    },
    Kind {
        name: "per_request_gevent",
        about: "a gevent program that makes a kazoo client for each request",
        quick: false,
        expected: REQUESTS,
        run: |scene| green(scene, "gevent"),
    },
    Kind {
        name: "per_request_eventlet",
        about: "an eventlet program that makes a kazoo client for each request",
        quick: false,
        expected: REQUESTS,
        run: |scene| green(scene, "eventlet"),
    },
    Kind {
        name: "per_request_aiozk",
        about: "an asyncio program that makes an aiozk client for each request, which asks `srvr` first",
        quick: false,
        expected: Expected {
            payload_out: (4, 300),
            payload_in: (40, 1_000),
            plain: requests::FINDING.may(&["four_letter_word_monitor"]),
            handshake: requests::FINDING.may(&["four_letter_word_monitor"]),
            ..REQUESTS
        },
        run: aiozk,
    },
    Kind {
        name: "per_request_go",
        about: "a Go program that makes a client for each request",
        quick: false,
        expected: REQUESTS,
        run: go,
    },
    Kind {
        name: "cli_mt_in_a_loop",
        about: "the C client's shell, started for one command again and again",
        quick: false,
        expected: Expected {
            outcomes: &[
                "answered_then_closed_by_peer",
                "answered_then_closed_by_us",
                "reset_by_us",
                "reset_by_peer",
                "closed_by_us_without_answer",
            ],
            payload_in: (0, 500),
            // Its command is one request, and its process ends before the answer.
            plain: Findings::must(&[&["client_per_request", "unexplained_churn"]]),
            handshake: Findings::must(&[&["client_per_request", "unexplained_churn"]]),
            ..REQUESTS
        },
        run: cli_mt,
    },
    Kind {
        name: "handle_leak_go",
        about: "a Go program that opens handles and closes none",
        quick: false,
        expected: Expected {
            outcomes: &["still_open"],
            plain: Findings::must(&[&["handle_leak"]]),
            handshake: Findings::must(&[&["handle_leak"]]),
            ..REQUESTS
        },
        run: leak,
    },
];

fn node(scene: &Scene<'_>) -> Result<Truth> {
    let _server = scene.server()?;
    let tracer = scene.trace()?;
    let mut client = scene.node(&[&scene.local(), &COUNT.to_string(), "700"])?;
    client.wait(AT_MOST)?;
    tracer.stop()?;
    Ok(Truth::counted(COUNT, &[client.pid()]))
}

fn green(scene: &Scene<'_>, library: &str) -> Result<Truth> {
    let _server = scene.server()?;
    let tracer = scene.trace()?;
    let arguments = [library, &scene.local(), &COUNT.to_string(), "0.7"];
    let mut client = scene.python("green_requests.py", &arguments)?;
    client.wait(AT_MOST)?;
    tracer.stop()?;
    Ok(Truth::counted(COUNT, &[client.pid()]))
}

/// Two connections each.
fn aiozk(scene: &Scene<'_>) -> Result<Truth> {
    let _server = scene.server()?;
    let tracer = scene.trace()?;
    let arguments = [&scene.local(), &COUNT.to_string(), "0.7"];
    let mut client = scene.python("aiozk_requests.py", &arguments)?;
    client.wait(AT_MOST)?;
    tracer.stop()?;
    Ok(Truth::counted(2 * COUNT, &[client.pid()]))
}

fn go(scene: &Scene<'_>) -> Result<Truth> {
    let _server = scene.server()?;
    let tracer = scene.trace()?;
    let mut client = scene.go(&["request", &scene.local(), &COUNT.to_string(), "700"])?;
    client.wait(AT_MOST)?;
    tracer.stop()?;
    Ok(Truth::counted(COUNT, &[client.pid()]))
}

fn cli_mt(scene: &Scene<'_>) -> Result<Truth> {
    let _server = scene.server()?;
    let tracer = scene.trace()?;
    let program = [CLI_MT, &scene.local(), "cmd:ls /"];
    let processes = scene.repeat(14, Duration::from_secs(1), &program, b"")?;
    tracer.stop()?;
    Ok(Truth::counted(processes.len(), &processes))
}

fn leak(scene: &Scene<'_>) -> Result<Truth> {
    let _server = scene.server()?;
    let tracer = scene.trace()?;
    let client = scene.go(&["hold", &scene.local(), "20", "700"])?;
    scene.wait_for_printed("go-client", "open")?;
    tracer.stop()?;
    Ok(Truth::counted(20, &[client.pid()]))
}
