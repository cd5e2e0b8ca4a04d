// SPDX-License-Identifier: MIT
//! What is measured: zkchurn in several ways of use, the other tools, the floor.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::{Deserialize, Serialize};
use xtask::command::dies_with_parent;

use super::generator::{OTHER_PORT, PORT};

/// One of those.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) enum Tool {
    /// Nothing at all.
    #[serde(rename = "none")]
    None,
    /// A BPF program that does nothing.
    #[serde(rename = "empty tp_btf program")]
    Empty,
    /// zkchurn as one types it.
    #[serde(rename = "zkchurn")]
    Zkchurn,
    /// With a line of JSON for each connection.
    #[serde(rename = "zkchurn --format json")]
    Json,
    #[serde(rename = "zkchurn --record")]
    Record,
    /// With the first bytes of each direction. The load sends none, but each
    /// packet is looked at.
    #[serde(rename = "zkchurn --handshake")]
    Handshake,
    /// The full-screen view, on a terminal.
    #[serde(rename = "zkchurn live")]
    Live,
    /// zkchurn for a port without traffic.
    #[serde(rename = "zkchurn, other port")]
    Idle,
    /// libbpf-tools' tcplife: all connections, both sides.
    #[serde(rename = "tcplife")]
    Tcplife,
    /// The same for one port.
    #[serde(rename = "tcplife -D")]
    TcplifePort,
    /// The program in one line that people type.
    #[serde(rename = "bpftrace")]
    Bpftrace,
    /// All packets of the port.
    #[serde(rename = "tcpdump")]
    Tcpdump,
    /// Packets with SYN, FIN or RST only.
    #[serde(rename = "tcpdump, flags")]
    TcpdumpFlags,
}

impl Tool {
    /// All but the full-screen view, which has a leg of its own; the floor first.
    pub(super) const ALL: [Self; 12] = [
        Self::None,
        Self::Empty,
        Self::Zkchurn,
        Self::Json,
        Self::Record,
        Self::Handshake,
        Self::Idle,
        Self::Tcplife,
        Self::TcplifePort,
        Self::Bpftrace,
        Self::Tcpdump,
        Self::TcpdumpFlags,
    ];

    /// Whether it runs as a process of its own.
    pub(super) fn is_process(self) -> bool {
        !matches!(self, Self::None | Self::Empty)
    }

    /// Whether it is zkchurn.
    pub(super) fn is_zkchurn(self) -> bool {
        matches!(
            self,
            Self::Zkchurn | Self::Json | Self::Record | Self::Handshake | Self::Live | Self::Idle
        )
    }

    /// Whether it is to record every connection of the load.
    pub(super) fn records(self) -> bool {
        !matches!(self, Self::None | Self::Empty | Self::Idle)
    }

    /// Whether it reads packets, and so has to be in the namespace of the load.
    pub(super) fn is_tcpdump(self) -> bool {
        matches!(self, Self::Tcpdump | Self::TcpdumpFlags)
    }

    /// Its command; what it records apart from its output goes to `capture`.
    /// `None` for what is no program.
    pub(super) fn command(self, zkchurn: &Path, capture: &Path) -> Option<Command> {
        let port = PORT.to_string();
        let mut command = match self {
            Self::None | Self::Empty => return None,
            Self::Tcplife | Self::TcplifePort => dies_with_parent("/usr/sbin/tcplife"),
            Self::Bpftrace => dies_with_parent("bpftrace"),
            Self::Tcpdump | Self::TcpdumpFlags => dies_with_parent("tcpdump"),
            _ => dies_with_parent(zkchurn),
        };
        match self {
            Self::Idle => command.args(["--details", "--port", &OTHER_PORT.to_string()]),
            Self::TcplifePort => command.args(["-D", &port]),
            Self::Bpftrace => command.args(["-e", &one_liner()]),
            Self::Tcpdump | Self::TcpdumpFlags => {
                // It would give up root and then not be able to write here.
                command.args(["-i", "lo", "-n", "-Z", "root", "-w"]);
                command.arg(capture).arg(self.filter())
            }
            Self::Live => {
                command.args(["live", "--port", &port, "--report"]);
                command.arg(report(capture))
            }
            // The details of the report have the counts that are checked.
            _ if self.is_zkchurn() => command.args(["--details", "--port", &port]),
            _ => &mut command,
        };
        match self {
            Self::Json => command.args(["--format", "json"]),
            Self::Record => command.arg("--record").arg(capture),
            Self::Handshake => command.arg("--handshake"),
            _ => &mut command,
        };
        Some(command)
    }

    /// Has a command write each record when it has it, as into a terminal: for
    /// measuring when the first is there, and at no other time.
    pub(super) fn unbuffered(self, command: &mut Command) {
        if self.is_tcpdump() {
            command.arg("-U");
            return;
        }
        if self == Self::Bpftrace {
            return; // It writes each line at once.
        }
        let mut buffered = Command::new("stdbuf");
        buffered
            .arg("-oL")
            .arg(command.get_program())
            .args(command.get_args());
        *command = buffered;
    }

    fn filter(self) -> String {
        match self {
            Self::TcpdumpFlags => {
                format!("port {PORT} and tcp[tcpflags] & (tcp-syn|tcp-fin|tcp-rst) != 0")
            }
            _ => format!("port {PORT}"),
        }
    }
}

/// Where the report goes of a way of use whose standard output is a terminal.
pub(super) fn report(capture: &Path) -> PathBuf {
    capture.with_extension("txt")
}

/// A line when a client's connection ends: pid, name, and both ports.
fn one_liner() -> String {
    // include/net/tcp_states.h
    const TCP_CLOSE: u8 = 7;
    format!(
        "tracepoint:sock:inet_sock_set_state \
         /args->newstate == {TCP_CLOSE} && args->dport == {PORT}/ \
         {{ printf(\"%d %s %d %d\\n\", pid, comm, args->sport, args->dport); }}"
    )
}

impl fmt::Display for Tool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match serde_json::to_value(self) {
            Ok(serde_json::Value::String(name)) => f.pad(&name),
            _ => write!(f, "{self:?}"),
        }
    }
}
