// SPDX-License-Identifier: MIT
//! A connect string with an address where nobody is any more.

use anyhow::Result;

use super::Kind;
use super::expected::{Expected, Findings};
use super::refused::connect_string;
use super::requests::kazoo_requests;
use super::scene::Scene;
use super::truth::Truth;

/// The program also makes a client for each request: one that keeps its
/// connection meets the dead address only once.
const FINDING: Findings =
    Findings::must(&[&["stale_address"]]).may(&["client_per_request", "refused"]);

/// The kinds of this file.
pub(super) const KINDS: &[Kind] = &[Kind {
    name: "stale_address",
    about: "a kazoo client for each request, with one dead address of two",
    quick: true,
    expected: Expected {
        outcomes: &[
            "refused",
            "answered_then_closed_by_peer",
            "answered_then_closed_by_us",
            "reset_by_us",
            "reset_by_peer",
        ],
        payload_out: (0, 200),
        payload_in: (0, 400),
        plain: FINDING,
        handshake: FINDING,
    },
    run: stale,
}];

fn stale(scene: &Scene<'_>) -> Result<Truth> {
    let _server = scene.server()?;
    let tracer = scene.trace()?;
    let hosts = connect_string(&["127.0.0.2", "127.0.0.1"], scene.port);
    let truth = kazoo_requests(scene, &hosts, 16)?;
    tracer.stop()?;
    Ok(truth)
}
