// SPDX-License-Identifier: MIT
//! The load generator from outside: its own process in a network namespace of
//! its own, where its port and its sockets in TIME_WAIT disturb nobody.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use anyhow::{Context, Result, ensure};
use xtask::command::dies_with_parent;
use zkchurn_lab::harness::namespace::Namespace;

use super::load::{Made, Order};

/// The port of all connections. Nothing else on a machine is likely to use it:
/// the tools see all network namespaces.
pub(super) const PORT: u16 = 24_181;
/// A port without any traffic.
pub(super) const OTHER_PORT: u16 = 24_182;

/// The running generator and its namespace.
pub(super) struct Generator {
    child: Child,
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    /// Where it runs.
    pub namespace: Namespace,
}

impl Generator {
    /// Makes the namespace and starts the generator in it.
    pub(super) fn start() -> Result<Self> {
        let namespace = Namespace::new("bench")?;
        let program = std::env::current_exe().context("cannot tell where this program is")?;
        let mut command = dies_with_parent(program);
        command
            .args(["bench-load", "--port", &PORT.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut child = namespace.during(|| {
            prepare()?;
            command.spawn().context("cannot start the load generator")
        })?;
        let orders = child.stdin.take();
        let answers = BufReader::new(child.stdout.take().context("no pipe to read from")?);
        Ok(Self {
            child,
            orders,
            answers,
            namespace,
        })
    }

    /// Gives an order and waits for the answer.
    pub(super) fn order(&mut self, order: &Order) -> Result<Made> {
        let orders = self.orders.as_mut().context("the load generator ended")?;
        writeln!(orders, "{}", serde_json::to_string(order)?)?;
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        ensure!(
            !line.is_empty(),
            "the load generator ended; its own words tell why"
        );
        serde_json::from_str(&line).with_context(|| format!("the load generator said {line:?}"))
    }
}

impl Drop for Generator {
    fn drop(&mut self) {
        drop(self.orders.take());
        // It ends with its input; it has nothing to lose if it does not.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// At 20,000 connections a second 60 s of TIME_WAIT would take all ports: the
/// namespace keeps few such sockets and offers many ports. The port of the
/// server is never a client's.
fn prepare() -> Result<()> {
    for (name, value) in [
        ("net.ipv4.ip_local_port_range", "10000 65000".to_owned()),
        (
            "net.ipv4.ip_local_reserved_ports",
            format!("{PORT}-{OTHER_PORT}"),
        ),
        ("net.ipv4.tcp_max_tw_buckets", "2000".to_owned()),
    ] {
        let path = format!("/proc/sys/{}", name.replace('.', "/"));
        std::fs::write(&path, value).with_context(|| format!("cannot set {name}"))?;
    }
    Ok(())
}
