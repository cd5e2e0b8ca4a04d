// SPDX-License-Identifier: MIT
//! ZooKeeper's server, from Debian's jars.

use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};

use super::jars;
use super::java::Jvm;
use crate::wait;

const LISTENS_WITHIN: Duration = Duration::from_secs(30);

/// A running server.
pub struct Server(Jvm);

impl Server {
    /// Starts it and waits until it listens. A server that is started again
    /// in the same directory finds its data, and with it the sessions.
    pub fn start(dir: &Path, port: u16) -> Result<Self> {
        let config = dir.join("zoo.cfg");
        std::fs::write(&config, configuration(&dir.join("data"), port))
            .context("cannot write zoo.cfg")?;
        let main = [
            "org.apache.zookeeper.server.ZooKeeperServerMain",
            config.to_str().context("not a path for ZooKeeper")?,
        ];
        let jvm = Jvm::start(dir, "server", &jars::complete(), &main)?;
        wait::until("ZooKeeper to listen", LISTENS_WITHIN, || {
            Ok(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok())
        })?;
        Ok(Self(jvm))
    }

    /// Stops it.
    pub fn stop(mut self) -> Result<()> {
        self.0.stop()
    }
}

/// Without `admin.enableServer=false` it would take port 8080 as well.
fn configuration(data: &Path, port: u16) -> String {
    format!(
        "tickTime=2000\n\
         dataDir={}\n\
         clientPort={port}\n\
         clientPortAddress=127.0.0.1\n\
         admin.enableServer=false\n",
        data.display()
    )
}
