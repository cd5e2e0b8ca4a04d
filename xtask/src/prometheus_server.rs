// SPDX-License-Identifier: MIT
//! A real Prometheus on the loopback address, over blocks that promtool has put into its database.
//! It scrapes nothing.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::{command, setup, wait};

const STARTS_WITHIN: Duration = Duration::from_secs(60);

/// Where the database is that a server of this directory has.
pub fn database(directory: &Path) -> PathBuf {
    directory.join("data")
}

/// One at work. It is ended when this is dropped.
pub struct Server {
    child: Child,
    address: SocketAddr,
}

impl Server {
    /// Starts one over the database of a directory, with a file of rules where one is given.
    ///
    /// # Errors
    ///
    /// It is not there, ends, or does not answer.
    pub fn start(directory: &Path, rules: Option<&Path>) -> Result<Self> {
        let settings = directory.join("prometheus.yml");
        fs::write(&settings, settings_of(rules)?)?;
        let said = directory.join("said");
        let address = free_address()?;
        let mut prometheus = command::dies_with_parent(setup::prometheus::server()?);
        prometheus
            .arg(format!("--config.file={}", settings.display()))
            .arg(format!(
                "--storage.tsdb.path={}",
                database(directory).display()
            ))
            .arg(format!("--web.listen-address={address}"))
            // What is put into it may be of any time.
            .arg("--storage.tsdb.retention.time=100y")
            .arg("--log.level=warn")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(&said)?);
        let child = prometheus.spawn().context("cannot run prometheus")?;
        let mut server = Self { child, address };
        let answers = wait::until("Prometheus to answer", STARTS_WITHIN, || {
            let has_ended = server.child.try_wait()?.is_some();
            ensure!(!has_ended, "prometheus has ended");
            Ok(server.ask("vector(1)", 0).ok())
        });
        answers.with_context(|| fs::read_to_string(&said).unwrap_or_default())?;
        Ok(server)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The same as promtool wants it.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What it answers about a moment, in promtool's words: a line for each series.
    ///
    /// # Errors
    ///
    /// It does not answer, or does not understand the expression.
    pub fn ask(&self, expr: &str, at: u64) -> Result<String> {
        let mut query = Command::new(setup::prometheus::promtool()?);
        query
            .args(["query", "instant", "--time"])
            .arg(at.to_string());
        command::output(query.arg(self.url()).arg(expr))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Fails when it has ended already, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// In YAML, of which JSON is a part.
fn settings_of(rules: Option<&Path>) -> Result<String> {
    let Some(rules) = rules else {
        return Ok("global: {}\n".to_owned());
    };
    Ok(format!(
        "rule_files: {}\n",
        serde_json::to_string(&[rules])?
    ))
}

/// Nobody listens there now; Prometheus takes no port 0.
fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}
