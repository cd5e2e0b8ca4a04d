// SPDX-License-Identifier: MIT
//! What looks after a server: the probes of a Kubernetes pod, its own status script, a
//! scanner that waits for a server to speak first.

use std::time::Duration;

use anyhow::Result;

use super::Kind;
use super::expected::{Expected, Findings};
use super::probes::SILENT;
use super::scene::{AT_MOST, Scene};
use super::truth::Truth;

const PERIOD: Duration = Duration::from_secs(1);
const COUNT: u32 = 12;
const MONITOR: Findings = Findings::must(&[&["four_letter_word_monitor"]]);
const WORD: Expected = Expected {
    outcomes: &[
        "answered_then_closed_by_us",
        "answered_then_closed_by_peer",
        "reset_by_us",
        // `echo` sends a line feed that the server leaves unread as it closes (RFC 2525, 2.17).
        "reset_by_peer",
    ],
    payload_out: (4, 5),
    payload_in: (4, 1_000),
    plain: MONITOR,
    handshake: MONITOR,
};

/// The kinds of this file.
pub(super) const KINDS: &[Kind] = &[
    Kind {
        name: "ruok_in_a_pod",
        about: "a readiness probe: a shell that asks `ruok` with nc and looks for `imok`",
        quick: false,
        expected: WORD,
        run: ruok,
    },
    Kind {
        name: "zkserver_status",
        about: "what `zkServer.sh status` runs: a JVM that asks `srvr`, each time a new one",
        quick: false,
        expected: WORD,
        run: status,
    },
    Kind {
        name: "bash_dev_tcp",
        about: "a liveness probe that opens bash's /dev/tcp",
        quick: false,
        expected: Expected {
            // Nobody waits for the last one's end.
            outcomes: &["closed_by_us_before_any_byte", "closed_by_us"],
            ..SILENT
        },
        run: dev_tcp,
    },
    Kind {
        name: "kubelet_tcp_socket",
        about: "a Go program that connects and closes, as a kubelet's tcpSocket probe does",
        quick: false,
        expected: SILENT,
        run: dial,
    },
    Kind {
        name: "banner_scanner",
        about: "a scanner that connects, waits 1.5 s for the server to speak, and closes",
        quick: false,
        expected: SILENT,
        run: scanner,
    },
];

fn ruok(scene: &Scene<'_>) -> Result<Truth> {
    let _server = scene.server()?;
    let tracer = scene.trace()?;
    let script = format!(
        "test \"$(echo ruok | nc -w 2 -q 1 127.0.0.1 {})\" = imok",
        scene.port
    );
    scene.repeat(COUNT, PERIOD, &["sh", "-c", &script], b"")?;
    tracer.stop()?;
    Ok(Truth::of_unknown(COUNT as usize))
}

fn status(scene: &Scene<'_>) -> Result<Truth> {
    let _server = scene.server()?;
    let class_path = scene.tools.class_path(scene.dir)?;
    let tracer = scene.trace()?;
    let port = scene.port.to_string();
    let client = "org.apache.zookeeper.client.FourLetterWordMain";
    let mut processes = Vec::new();
    for _ in 0..6 {
        let main = [client, "127.0.0.1", &port, "srvr"];
        let mut status = scene.java_with("status", &class_path, &[], &main)?;
        processes.push(status.pid());
        status.wait(AT_MOST)?;
    }
    tracer.stop()?;
    Ok(Truth::counted(processes.len(), &processes))
}

fn dev_tcp(scene: &Scene<'_>) -> Result<Truth> {
    let _server = scene.server()?;
    let tracer = scene.trace()?;
    let script = format!("exec 3<>/dev/tcp/127.0.0.1/{}", scene.port);
    let processes = scene.repeat(COUNT, PERIOD, &["bash", "-c", &script], b"")?;
    tracer.stop()?;
    Ok(Truth::counted(processes.len(), &processes))
}

fn dial(scene: &Scene<'_>) -> Result<Truth> {
    let _server = scene.server()?;
    let tracer = scene.trace()?;
    let mut client = scene.go(&["dial", &scene.local(), &COUNT.to_string(), "1000"])?;
    client.wait(AT_MOST)?;
    tracer.stop()?;
    Ok(Truth::counted(COUNT as usize, &[client.pid()]))
}

fn scanner(scene: &Scene<'_>) -> Result<Truth> {
    let _server = scene.server()?;
    let tracer = scene.trace()?;
    let port = scene.port.to_string();
    let mut monitor = scene.python("probe.py", &["banner", "127.0.0.1", &port, "10", "2"])?;
    monitor.wait(AT_MOST)?;
    tracer.stop()?;
    Truth::printed(&scene.printed("probe.py")?, monitor.pid())
}
