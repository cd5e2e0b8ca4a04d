// SPDX-License-Identifier: MIT
//! The incident: a client that has lost a class which it needs for
//! reconnecting.

use std::net::Ipv4Addr;
use std::path::Path;

use anyhow::Result;
use zkchurn_lab::harness::program::Program;
use zkchurn_lab::harness::tracer::Tracer;

use super::Kind;
use super::expected::{Expected, Findings, NONE};
use super::probes::probe;
use super::refused::connect_string;
use super::scene::Scene;
use super::truth::{Truth, established_ports, lines_with};
use crate::incident::client::send_thread;
use crate::incident::log::{ESTABLISHED, OPENING, REFUSED, SESSION};
use crate::incident::server::{Config, Server};
use crate::incident::{jars, log::Log};

const COUNT: usize = 15;
const FINDING: Findings = Findings::must(&[&["client_fails_before_it_speaks"]]);
const INCIDENT: Expected = Expected {
    outcomes: &["closed_by_us_before_any_byte"],
    payload_out: NONE,
    payload_in: NONE,
    plain: FINDING,
    handshake: FINDING,
};
const BOTH: Findings = Findings::must(&[&["client_fails_before_it_speaks"], &["tcp_health_probe"]]);

/// The kinds of this file.
pub(super) const KINDS: &[Kind] = &[
    Kind {
        name: "incident_3_hosts",
        about: "the incident with three hosts in the connect string",
        quick: true,
        expected: INCIDENT,
        run: |scene| alone(scene, &["127.0.0.1", "127.0.0.2", "127.0.0.3"]),
    },
    Kind {
        name: "incident",
        about: "a Java client whose jars lack SetWatches, after its server was restarted",
        quick: true,
        expected: INCIDENT,
        run: |scene| alone(scene, &["127.0.0.1"]),
    },
    Kind {
        name: "incident_closed_loader",
        about: "a Java client whose class loader was closed, after its server was restarted",
        quick: true,
        expected: INCIDENT,
        run: closed_loader,
    },
    Kind {
        name: "incident_and_probe",
        about: "the incident, and a Python monitor that connects and closes once a second",
        quick: true,
        expected: Expected {
            plain: BOTH,
            handshake: BOTH,
            ..INCIDENT
        },
        run: with_probe,
    },
    Kind {
        name: "incident_netty",
        about: "the incident with the Netty transport: the client connects and never speaks",
        quick: false,
        expected: Expected {
            outcomes: &["closed_by_peer_before_any_byte"],
            plain: Findings::must(&[&["client_never_speaks"]]),
            handshake: Findings::must(&[&["client_never_speaks"]]),
            ..INCIDENT
        },
        run: netty,
    },
];

/// The server gives up on each after 10 to 20 s.
const SILENT: usize = 4;
/// What the Netty transport logs then.
const LOST: &str = "is lost";

fn netty(scene: &Scene<'_>) -> Result<Truth> {
    let mut stuck = Stuck::netty(scene, &scene.local())?;
    let (tracer, from) = stuck.trace(scene)?;
    // The client pauses before it opens the next one.
    scene.attempts(&mut stuck.log, LOST, SILENT)?;
    tracer.stop()?;
    let log = scene.file("client.log");
    let attempts = lines_with(&log, from, OPENING)?;
    Ok(Truth::counted(attempts, &[stuck.client.pid()]))
}

/// A client in the middle of the incident.
struct Stuck {
    client: Program,
    log: Log,
    _server: Server,
}

impl Stuck {
    /// Jars that lack the class.
    fn stripped(scene: &Scene<'_>, hosts: &str) -> Result<Self> {
        let server = Server::start(&config(scene))?;
        let class_path = scene.tools.stripped_class_path(scene.dir)?;
        let client = scene.java_with("client", &class_path, &[], &["IncidentClient", hosts])?;
        scene.wait_for_printed("client", "watch set")?;
        Self::after_restart(scene, server, client)
    }

    /// The same with the other transport.
    fn netty(scene: &Scene<'_>, hosts: &str) -> Result<Self> {
        let server = Server::start(&config(scene))?;
        let class_path = scene.tools.stripped_class_path(scene.dir)? + ":" + &jars::netty();
        let transport = "org.apache.zookeeper.ClientCnxnSocketNetty";
        let property = format!("-Dzookeeper.clientCnxnSocket={transport}");
        let main = ["IncidentClient", hosts];
        let client = scene.java_with("client", &class_path, &[&property], &main)?;
        scene.wait_for_printed("client", "watch set")?;
        Self::after_restart(scene, server, client)
    }

    /// A class loader that was closed. The client has reconnected once before,
    /// without a watch: without the classes for that it would not even come
    /// back.
    fn closed_loader(scene: &Scene<'_>, hosts: &str) -> Result<Self> {
        let server = Server::start(&config(scene))?;
        let all = format!("classes:{}", jars::complete());
        let mut client = scene.java("client", &["ClosedLoader", hosts, &all])?;
        scene.wait_for_printed("client", "connected")?;
        let mut log = scene.log("client");
        log.skip()?;
        server.stop()?;
        log.wait_for(REFUSED)?;
        let server = Server::start(&config(scene))?;
        log.wait_for(SESSION)?;
        client.tell("")?;
        scene.wait_for_printed("client", "loader closed")?;
        Self::after_restart(scene, server, client)
    }

    fn after_restart(scene: &Scene<'_>, server: Server, client: Program) -> Result<Self> {
        let mut log = scene.log("client");
        log.skip()?;
        server.stop()?;
        log.wait_for(REFUSED)?;
        let server = Server::start(&config(scene))?;
        Ok(Self {
            client,
            log,
            _server: server,
        })
    }

    fn trace(&mut self, scene: &Scene<'_>) -> Result<(Tracer, usize)> {
        scene.trace_between(&mut self.log, ESTABLISHED)
    }

    fn truth(&self, log: &Path, from: usize) -> Result<Truth> {
        let ports = established_ports(log, from)?;
        let thread = send_thread(self.client.pid())?;
        Ok(Truth::counted(ports.len(), &[self.client.pid()])
            .by(vec![thread])
            .from(ports))
    }
}

/// One server stands for all hosts: it listens on all addresses.
fn config<'a>(scene: &Scene<'a>) -> Config<'a> {
    scene.config().address(Ipv4Addr::UNSPECIFIED)
}

fn alone(scene: &Scene<'_>, hosts: &[&str]) -> Result<Truth> {
    let hosts = connect_string(hosts, scene.port);
    traced(scene, Stuck::stripped(scene, &hosts)?)
}

fn closed_loader(scene: &Scene<'_>) -> Result<Truth> {
    traced(scene, Stuck::closed_loader(scene, &scene.local())?)
}

fn traced(scene: &Scene<'_>, mut stuck: Stuck) -> Result<Truth> {
    let (tracer, from) = stuck.trace(scene)?;
    scene.attempts(&mut stuck.log, ESTABLISHED, COUNT)?;
    tracer.stop()?;
    stuck.truth(&scene.file("client.log"), from)
}

fn with_probe(scene: &Scene<'_>) -> Result<Truth> {
    let mut stuck = Stuck::stripped(scene, &scene.local())?;
    let (tracer, from) = stuck.trace(scene)?;
    let probed = probe(scene, "close", 14)?;
    // Those during the probe are in the log by now: one more.
    stuck.log.skip()?;
    scene.attempts(&mut stuck.log, ESTABLISHED, 1)?;
    tracer.stop()?;
    Ok(stuck.truth(&scene.file("client.log"), from)?.and(probed))
}
