// SPDX-License-Identifier: MIT
//! What looks at the processes brought: logs, stacks, what runs them.

use std::net::IpAddr;

use super::Scope;
use crate::{
    diagnose::{
        case::{ClientThread, Runtime},
        cluster::Part,
    },
    inspection::{Inspection, logs::LogFinding},
    ledger::{Destination, Flow},
    process::{ProcessKey, file_name, java_name},
};

impl<'a> Scope<'a> {
    /// What their logs say, each line once.
    pub(super) fn logs(&self, processes: &[ProcessKey]) -> Vec<&'a LogFinding> {
        let mut logs: Vec<&LogFinding> = Vec::new();
        for process in processes {
            let inspection = self.registry.inspection(*process);
            let search = inspection.and_then(|inspection| inspection.logs.as_ref());
            for finding in search.iter().flat_map(|search| &search.findings) {
                if !logs.contains(&finding) {
                    logs.push(finding);
                }
            }
        }
        logs
    }

    /// The servers of this host that these remote hosts connected to.
    pub(super) fn servers(&self, clients: &[Destination]) -> impl Iterator<Item = &'a Inspection> {
        let mut ports: Vec<_> = clients
            .iter()
            .filter_map(|client| match client {
                Destination::Client { port, .. } => Some(*port),
                Destination::Server { .. } => None,
            })
            .collect();
        ports.sort_unstable();
        ports.dedup();
        let registry = self.registry;
        ports
            .into_iter()
            .flat_map(move |port| registry.servers_at(port))
    }

    /// What the servers' logs say of these remote hosts, and of all of their clients.
    pub(super) fn server_logs(&self, clients: &[Destination]) -> Vec<&'a LogFinding> {
        let is_here = |address: IpAddr| {
            let mut clients = clients.iter();
            clients.any(
                |client| matches!(client, Destination::Client { host, .. } if *host == address),
            )
        };
        let logs = self
            .servers(clients)
            .filter_map(|server| server.logs.as_ref());
        let logs: Vec<_> = logs.filter(|logs| !logs.files.is_empty()).collect();
        // Several may listen at a port, in network namespaces of their own: then what holds
        // for all clients of one may be of another's.
        let is_only = logs.len() == 1;
        let is_of_one = |finding: &&LogFinding| finding.client.map_or(is_only, is_here);
        let findings = logs.iter().flat_map(|logs| &logs.findings);
        findings.filter(is_of_one).collect()
    }

    pub(super) fn runtime(&self, parts: &[Part<'_>]) -> Runtime {
        let kinds = parts.iter().map(|part| {
            let Some(process) = part.key.process else {
                return Runtime::Unknown;
            };
            let inspection = self.registry.inspection(process);
            if inspection.is_some_and(|inspection| inspection.jvm.is_some()) {
                return Runtime::Jvm;
            }
            if let Some(identity) = self.registry.get_as(process, part.flow.process_comm) {
                let executable = identity.executable.as_deref().map(file_name);
                return match executable.or(identity.command.first().map(|first| file_name(first))) {
                    Some("java") => Runtime::Jvm,
                    Some(_) => Runtime::Other,
                    None => runtime_by_comm(part.flow),
                };
            }
            runtime_by_comm(part.flow)
        });
        kinds
            .rev()
            .find(|runtime| *runtime != Runtime::Unknown)
            .unwrap_or(Runtime::Unknown)
    }

    pub(super) fn is_jvm(&self, process: ProcessKey) -> bool {
        let flows = self.of_process.get(&process).into_iter().flatten();
        let parts: Vec<_> = flows
            .map(|(key, flow)| Part {
                key,
                flow,
                group: None,
            })
            .collect();
        self.runtime(&parts) == Runtime::Jvm
    }

    /// Whether a thread dump, or else the thread's name, tells ZooKeeper's client.
    pub(super) fn client_thread(&self, parts: &[Part<'_>]) -> ClientThread {
        let is_by_stack = parts.iter().any(|part| self.is_client_by_stack(part));
        // What one thread of several does is not what all of them do.
        if is_by_stack && !parts.iter().any(|part| self.has_another_stack(part)) {
            return ClientThread::ByStack;
        }
        let by_name = parts.iter().any(|part| {
            let mut threads = part.named_threads();
            threads.any(|thread| java_name::may_be_send_thread(thread.comm.as_bytes()))
        });
        match by_name {
            true => ClientThread::ByName,
            false => ClientThread::NotSeen,
        }
    }

    /// Whether the dump shows another thread of the part's, whole, without ZooKeeper's client.
    pub(super) fn has_another_stack(&self, part: &Part<'_>) -> bool {
        let process = part.key.process;
        let inspection = process.and_then(|process| self.registry.inspection(process));
        let dumped = inspection.and_then(|inspection| inspection.jvm.as_ref());
        dumped.is_some_and(|jvm| {
            let mut threads = jvm.threads.iter().filter(|one| part.has_thread(one.tid));
            threads.any(|thread| {
                let is_whole = thread.doubt.is_none() && thread.frames_left_out == 0;
                let mut frames = thread.stack.iter();
                is_whole && !thread.stack.is_empty() && !frames.any(|frame| is_of_client(frame))
            })
        })
    }

    /// Whether the dump shows ZooKeeper's client in one of the part's threads.
    pub(super) fn is_client_by_stack(&self, part: &Part<'_>) -> bool {
        let process = part.key.process;
        let inspection = process.and_then(|process| self.registry.inspection(process));
        let dumped = inspection.and_then(|inspection| inspection.jvm.as_ref());
        dumped.is_some_and(|jvm| {
            jvm.threads.iter().any(|thread| {
                thread.doubt.is_none()
                    && part.has_thread(thread.tid)
                    && thread.stack.iter().any(|frame| is_of_client(frame))
            })
        })
    }
}

fn is_of_client(frame: &str) -> bool {
    frame.contains("org.apache.zookeeper.ClientCnxn")
}

fn runtime_by_comm(flow: &Flow) -> Runtime {
    match flow.process_comm {
        Some(comm) if comm.as_bytes() == b"java" => Runtime::Jvm,
        Some(comm) if !comm.is_empty() => Runtime::Other,
        _ => Runtime::Unknown,
    }
}
