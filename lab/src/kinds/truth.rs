// SPDX-License-Identifier: MIT
//! The ground truth: what the programs themselves know of their connections.

use std::path::Path;

use anyhow::{Context, Result};
use serde::Serialize;

use crate::incident::log;

/// What is known without zkchurn. What a program cannot tell is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Truth {
    /// How many connections were begun.
    pub connections: Option<usize>,
    /// The processes that began them.
    pub processes: Option<Vec<u32>>,
    /// The threads that began them.
    pub threads: Option<Vec<i64>>,
    pub ports: Option<Vec<u16>>,
}

impl Truth {
    /// Connections of some processes, counted.
    pub(crate) fn counted(connections: usize, processes: &[u32]) -> Self {
        Self {
            connections: Some(connections),
            processes: Some(processes.to_vec()),
            ..Self::default()
        }
    }

    /// Connections of a process that printed a line "TID PORT" for each.
    pub(crate) fn printed(lines: &str, process: u32) -> Result<Self> {
        let mut threads = Vec::new();
        let mut ports = Vec::new();
        for line in lines.lines() {
            let (tid, port) = line.split_once(' ').context("a line without a port")?;
            threads.push(tid.parse()?);
            ports.push(port.parse()?);
        }
        threads.dedup();
        Ok(Self {
            threads: Some(threads),
            ..Self::counted(ports.len(), &[process]).from(ports)
        })
    }

    /// Connections of processes that nobody knows.
    pub(crate) fn of_unknown(connections: usize) -> Self {
        Self {
            connections: Some(connections),
            ..Self::default()
        }
    }

    pub(crate) fn by(mut self, threads: Vec<i64>) -> Self {
        self.threads = Some(threads);
        self
    }

    pub(crate) fn from(mut self, ports: Vec<u16>) -> Self {
        self.ports = Some(ports);
        self
    }

    /// Together with those of others.
    pub(crate) fn and(mut self, other: Self) -> Self {
        let counts = self.connections.zip(other.connections);
        self.connections = counts.map(|(one, two)| one + two);
        self.processes = joined(self.processes, other.processes);
        self.threads = joined(self.threads, other.threads);
        self.ports = joined(self.ports, other.ports);
        self
    }
}

fn joined<T>(one: Option<Vec<T>>, two: Option<Vec<T>>) -> Option<Vec<T>> {
    one.zip(two)
        .map(|(one, two)| one.into_iter().chain(two).collect())
}

/// Counts the lines of a log that have this text, from some byte on.
pub(crate) fn lines_with(log: &Path, from: usize, text: &str) -> Result<usize> {
    Ok(matching(log, from, text)?.len())
}

/// The client's ports in the lines of a Java client's log that tell of an
/// established connection, from some byte on.
pub(crate) fn established_ports(log: &Path, from: usize) -> Result<Vec<u16>> {
    let lines = matching(log, from, log::ESTABLISHED)?;
    let ports = lines.iter().map(|line| log::client_port(line));
    ports.collect::<Option<_>>().context("a line without port")
}

fn matching(path: &Path, from: usize, text: &str) -> Result<Vec<String>> {
    let content = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let unread = String::from_utf8_lossy(content.get(from..).unwrap_or_default()).into_owned();
    let lines = unread.lines().filter(|line| line.contains(text));
    Ok(lines.map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn printed_lines_are_counted_and_joined() {
        let one = Truth::printed("7 4000\n7 4001\n", 7).expect("two lines");
        assert_eq!(
            (one.connections, one.threads.as_deref()),
            (Some(2), Some(&[7][..]))
        );
        let both = one.clone().and(Truth::counted(3, &[8]));
        assert_eq!((both.connections, both.ports), (Some(5), None));
        assert_eq!(both.processes.as_deref(), Some(&[7, 8][..]));
        assert_eq!(one.and(Truth::default()).connections, None);
        assert!(Truth::printed("7", 7).is_err());
    }
}
