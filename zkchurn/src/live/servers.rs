// SPDX-License-Identifier: MIT
//! The servers of this host whose clients are traced: the kernel program sees threads that close,
//! not their processes, and their own logs say of each address why it was turned away.

use zkchurn_core::frame::Sides;

use super::settings::TraceSettings;
use crate::host::listeners::Listener;

/// Who they are, once that was asked.
#[derive(Debug)]
pub(super) struct Servers {
    /// The ports of which it is still to be asked who listens there.
    ports: Option<Vec<u16>>,
    listeners: Vec<Listener>,
    /// Whether their logs are read.
    logs: bool,
}

impl Servers {
    /// None are wanted where only what this host opens is traced.
    pub(super) fn of(settings: &TraceSettings) -> Self {
        let are_wanted = settings.sides != Sides::Client;
        Self {
            ports: are_wanted.then(|| settings.ports.clone()),
            listeners: Vec::new(),
            logs: settings.logs,
        }
    }

    /// The ports to ask of; only once.
    pub(super) fn take_ports(&mut self) -> Option<Vec<u16>> {
        self.ports.take()
    }

    /// Takes the answer.
    pub(super) fn found(&mut self, listeners: Vec<Listener>) {
        self.listeners = listeners;
    }

    pub(super) fn have_logs_read(&self) -> bool {
        self.logs
    }

    pub(super) fn listeners(&self) -> &[Listener] {
        &self.listeners
    }
}
