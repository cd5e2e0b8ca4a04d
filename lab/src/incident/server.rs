// SPDX-License-Identifier: MIT
//! ZooKeeper's server, from Debian's jars.

use std::net::Ipv4Addr;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use rustix::process::Signal;
use zkchurn_lab::harness::program::Program;
use zkchurn_lab::harness::wait;

use super::jars;
use super::java::Launch;
use super::socket::is_listened_to;

const READY_WITHIN: Duration = Duration::from_secs(30);
/// The server's name in its directory.
const NAME: &str = "server";
/// What a server alone logs once it serves; until then it listens, and closes what it accepts
/// (`ZooKeeperServerMain.runFromConfig`, which makes its `ContainerManager` last).
const SERVES: &str = "Using checkIntervalMs=";
/// The main class of a server alone.
const ALONE: &str = "org.apache.zookeeper.server.ZooKeeperServerMain";

/// What a server is to be.
pub(crate) struct Config<'a> {
    dir: &'a Path,
    port: u16,
    address: Ipv4Addr,
    lines: Vec<String>,
    properties: Vec<String>,
    /// Whether the port speaks TLS.
    secure: bool,
    main: &'static str,
}

impl<'a> Config<'a> {
    /// A server of its own on the loopback address.
    pub(crate) fn new(dir: &'a Path, port: u16) -> Self {
        Self {
            dir,
            port,
            address: Ipv4Addr::LOCALHOST,
            lines: vec!["tickTime=2000".to_owned()],
            properties: Vec::new(),
            secure: false,
            main: ALONE,
        }
    }

    /// On another address; the unspecified one stands for all.
    pub(crate) fn address(mut self, address: Ipv4Addr) -> Self {
        self.address = address;
        self
    }

    /// With another line in its configuration; the last of a kind counts.
    pub(crate) fn line(mut self, line: &str) -> Self {
        self.lines.push(line.to_owned());
        self
    }

    /// With another flag of its JVM.
    pub(crate) fn property(mut self, flag: &str) -> Self {
        self.properties.push(flag.to_owned());
        self
    }

    /// Its port speaks TLS, with the key in this PKCS #12 file.
    pub(crate) fn secure(mut self, key_store: &Path, password: &str) -> Self {
        self.secure = true;
        for (name, value) in [
            ("location", &*key_store.display().to_string()),
            ("password", password),
            ("type", "PKCS12"),
        ] {
            self.lines.push(format!("ssl.keyStore.{name}={value}"));
            self.lines.push(format!("ssl.trustStore.{name}={value}"));
        }
        self.lines.push("ssl.clientAuth=none".to_owned());
        let factory = "org.apache.zookeeper.server.NettyServerCnxnFactory";
        self.property(&format!("-Dzookeeper.serverCnxnFactory={factory}"))
    }

    /// As member 1 of three. The other two are never started.
    pub(crate) fn alone_of_three(self) -> Result<Self> {
        self.member_of_three(1)
    }

    /// As this member of three, of which each has a directory and an address of its own.
    pub(crate) fn member_of_three(mut self, number: u8) -> Result<Self> {
        let data = self.dir.join("data");
        std::fs::create_dir_all(&data).context("cannot make the data directory")?;
        std::fs::write(data.join("myid"), format!("{number}\n")).context("cannot write myid")?;
        self.lines.push("initLimit=5\nsyncLimit=2".to_owned());
        for member in 1..=3 {
            self.lines.push(format!(
                "server.{member}=127.0.0.1:2{member}888:2{member}889"
            ));
        }
        self.main = "org.apache.zookeeper.server.quorum.QuorumPeerMain";
        Ok(self)
    }

    /// Without `admin.enableServer=false` it would take port 8080 as well.
    fn text(&self) -> String {
        let port = if self.secure {
            "secureClientPort"
        } else {
            "clientPort"
        };
        format!(
            "{}\n\
             dataDir={}\n\
             {port}={}\n\
             {port}Address={}\n\
             4lw.commands.whitelist=*\n\
             admin.enableServer=false\n",
            self.lines.join("\n"),
            self.dir.join("data").display(),
            self.port,
            self.address,
        )
    }
}

/// A running server.
pub(crate) struct Server(Program);

impl Server {
    /// Starts it and waits until it listens, and one alone until it serves: a client that comes
    /// before that is closed, and connects once more. A server that is started again in the same
    /// directory finds its data, and with it the sessions.
    pub(crate) fn start(config: &Config<'_>) -> Result<Self> {
        let file = config.dir.join("zoo.cfg");
        std::fs::write(&file, config.text()).context("cannot write zoo.cfg")?;
        let file = file.to_str().context("not a path for ZooKeeper")?;
        let properties: Vec<_> = config.properties.iter().map(String::as_str).collect();
        let log = config.dir.join(format!("{NAME}.log"));
        let from = std::fs::read(&log).map_or(0, |before| before.len());
        let jvm = Launch {
            dir: config.dir,
            name: NAME,
            class_path: &jars::with_netty(),
            properties: &properties,
            main: &[config.main, file],
        }
        .start()?;
        wait::until("ZooKeeper to listen", READY_WITHIN, || {
            Ok(is_listened_to(config.port).then_some(()))
        })?;
        if config.main == ALONE {
            wait::until("ZooKeeper to serve", READY_WITHIN, || {
                Ok(tells_that_it_serves(&log, from)?.then_some(()))
            })?;
        }
        Ok(Self(jvm))
    }

    /// Stops it as it stands, or has it go on.
    pub(crate) fn signal(&self, signal: Signal) -> Result<()> {
        self.0.signal(signal)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.0.pid()
    }

    pub(crate) fn stop(mut self) -> Result<()> {
        self.0.stop()
    }
}

/// Whether its log says so behind this byte, where an earlier run of it ended.
fn tells_that_it_serves(log: &Path, from: usize) -> Result<bool> {
    let content = std::fs::read(log).with_context(|| format!("cannot read {}", log.display()))?;
    let of_this_run = content.get(from..).unwrap_or_default();
    Ok(String::from_utf8_lossy(of_this_run).contains(SERVES))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_holds_what_was_asked_for() {
        let dir = tempfile::tempdir().expect("a directory");
        let config = Config::new(dir.path(), 2181)
            .address(Ipv4Addr::UNSPECIFIED)
            .line("maxClientCnxns=1")
            .alone_of_three()
            .expect("a writable directory");
        let text = config.text();
        let has = |line: &str| text.lines().any(|one| one == line);
        assert!(has("clientPort=2181") && has("clientPortAddress=0.0.0.0"));
        assert!(has("maxClientCnxns=1") && has("server.3=127.0.0.1:23888:23889"));
    }
}
