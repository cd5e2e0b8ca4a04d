// SPDX-License-Identifier: MIT
//! A host with no local port left for another connection.

use anyhow::{Context as _, Result};

use super::Kind;
use super::expected::{Expected, Findings};
use super::scene::{AT_MOST, Scene};
use super::truth::Truth;

/// The kinds of this file.
pub(super) const KINDS: &[Kind] = &[Kind {
    name: "no_local_port",
    about: "a Python program that closes first, with 16 local ports",
    quick: true,
    expected: Expected {
        outcomes: &[
            "closed_by_us_before_any_byte",
            "no_local_port",
            "connect_failed",
        ],
        payload_out: (0, 0),
        payload_in: (0, 0),
        plain: FINDING,
        handshake: FINDING,
    },
    run: exhausted,
}];

const FINDING: Findings = Findings::must(&[&["no_local_port"]]).may(&["tcp_health_probe"]);

/// Both are the namespace's own. A port of TIME_WAIT is free again after a minute, and
/// where it may be reused (on loopback by default) after a second.
fn exhausted(scene: &Scene<'_>) -> Result<Truth> {
    let _server = scene.server()?;
    for (name, value) in [
        ("ip_local_port_range", "40000 40015"),
        ("tcp_tw_reuse", "0"),
    ] {
        let path = format!("/proc/sys/net/ipv4/{name}");
        std::fs::write(&path, value).with_context(|| format!("cannot set {name}"))?;
    }
    let tracer = scene.trace()?;
    let port = scene.port.to_string();
    let arguments = ["close", "127.0.0.1", &port, "40", "0.25", "go_on"];
    let mut client = scene.python("probe.py", &arguments)?;
    client.wait(AT_MOST)?;
    tracer.stop()?;
    Ok(Truth::counted(40, &[client.pid()]))
}
