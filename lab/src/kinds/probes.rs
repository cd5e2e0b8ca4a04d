// SPDX-License-Identifier: MIT
//! What connects and says nothing: health checks.

use std::process::Command;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result};
use xtask::command::{self, dies_with_parent};

use super::Kind;
use super::expected::{Expected, Findings, NONE};
use super::scene::{AT_MOST, Scene};
use super::truth::Truth;

const PERIOD: Duration = Duration::from_secs(1);
const COUNT: u32 = 14;

const PROBE: Findings = Findings::must(&[&["tcp_health_probe"]]);
pub(super) const SILENT: Expected = Expected {
    outcomes: &["closed_by_us_before_any_byte"],
    payload_out: NONE,
    payload_in: NONE,
    plain: PROBE,
    handshake: PROBE,
};
const RESET: Expected = Expected {
    outcomes: &["reset_by_us"],
    ..SILENT
};

/// The kinds of this file.
pub(super) const KINDS: &[Kind] = &[
    Kind {
        name: "nc_z",
        about: "`nc -z` once a second",
        quick: true,
        expected: SILENT,
        run: nc_z,
    },
    Kind {
        name: "connect_and_close",
        about: "a Python monitor connects and closes once a second",
        quick: true,
        expected: SILENT,
        run: |scene| python(scene, "close"),
    },
    Kind {
        name: "linger_0",
        about: "a Python monitor connects and closes with SO_LINGER 0 once a second",
        quick: true,
        expected: RESET,
        run: |scene| python(scene, "reset"),
    },
    Kind {
        name: "haproxy_check",
        about: "HAProxy's health check once a second",
        quick: true,
        expected: RESET,
        run: haproxy,
    },
    Kind {
        name: "probe_beside_errors",
        about: "a JVM that connects and closes, and whose log has an unrelated NoClassDefFoundError",
        quick: true,
        expected: SILENT,
        run: beside_errors,
    },
];

fn beside_errors(scene: &Scene<'_>) -> Result<Truth> {
    let _server = scene.server()?;
    let tracer = scene.trace()?;
    let (port, count) = (scene.port.to_string(), COUNT.to_string());
    let main = ["ProbeBesideErrors", "127.0.0.1", &port, &count, "1000"];
    let mut monitor = scene.java("monitor", &main)?;
    monitor.wait(AT_MOST)?;
    tracer.stop()?;
    let printed = scene.printed("monitor")?;
    let ports = printed
        .lines()
        .map(str::parse)
        .collect::<Result<Vec<_>, _>>()?;
    Ok(Truth::counted(ports.len(), &[monitor.pid()]).from(ports))
}

fn nc_z(scene: &Scene<'_>) -> Result<Truth> {
    let _server = scene.server()?;
    let tracer = scene.trace()?;
    let program = ["nc", "-z", "127.0.0.1", &scene.port.to_string()];
    let processes = scene.repeat(COUNT, PERIOD, &program, b"")?;
    tracer.stop()?;
    Ok(Truth::counted(processes.len(), &processes))
}

fn python(scene: &Scene<'_>, what: &str) -> Result<Truth> {
    let _server = scene.server()?;
    let tracer = scene.trace()?;
    let truth = probe(scene, what, COUNT)?;
    tracer.stop()?;
    Ok(truth)
}

/// Runs the Python monitor to its end.
pub(super) fn probe(scene: &Scene<'_>, what: &str, count: u32) -> Result<Truth> {
    let (port, count) = (scene.port.to_string(), count.to_string());
    let mut monitor = scene.python("probe.py", &[what, "127.0.0.1", &port, &count, "1"])?;
    monitor.wait(AT_MOST)?;
    Truth::printed(&scene.printed("probe.py")?, monitor.pid())
}

/// HAProxy counts no successful checks, so only its process is known.
fn haproxy(scene: &Scene<'_>) -> Result<Truth> {
    let _server = scene.server()?;
    let configuration = format!(
        "global\n  nbthread 2\ndefaults\n  mode tcp\n  timeout connect 2s\n  timeout client 10s\n  \
         timeout server 10s\nlisten zookeeper\n  bind 127.0.0.1:22181\n  \
         server zk1 {} check inter 1s\n",
        scene.local()
    );
    std::fs::write(scene.file("haproxy.cfg"), configuration).context("cannot write haproxy.cfg")?;
    let tracer = scene.trace()?;
    let program = command::on_path("haproxy").context("there is no haproxy")?;
    let mut command: Command = dies_with_parent(&program);
    command.args(["-db", "-f", "haproxy.cfg"]);
    let mut haproxy = scene.start(&mut command, "haproxy")?;
    thread::sleep(PERIOD * COUNT);
    haproxy.stop()?;
    tracer.stop()?;
    Ok(Truth {
        processes: Some(vec![haproxy.pid()]),
        ..Truth::default()
    })
}
