// SPDX-License-Identifier: MIT
//! Who opened connections: how many processes, or remote hosts, and what the busiest opened
//! wherever to.

use std::{collections::HashSet, net::IpAddr};

use crate::{
    ledger::{Destination, Flow, FlowKey},
    process::ProcessKey,
};

/// Who opened what a report counts, those included that have no row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Openers {
    /// Processes, or remote hosts, that opened any.
    pub count: u64,
    /// Connections that whoever has the first row opened, to all destinations.
    pub opened_by_first: u64,
}

impl Openers {
    /// Those of all flows, the busiest first.
    pub(super) fn of(flows: &[(&FlowKey, &Flow)]) -> Self {
        let opened = flows.iter().filter(|(_, flow)| flow.tally.opened() > 0);
        let all: HashSet<_> = opened.map(|(key, _)| owner(key)).collect();
        let first = flows.first().map(|(key, _)| owner(key));
        let of_first = flows.iter().filter(|(key, _)| Some(owner(key)) == first);
        Self {
            count: all.len() as u64,
            opened_by_first: of_first.map(|(_, flow)| flow.tally.opened()).sum(),
        }
    }
}

/// The process, or where none is known the other end's host.
fn owner(key: &FlowKey) -> (Option<ProcessKey>, Option<IpAddr>) {
    let host = match key.destination {
        Destination::Client { host, .. } => host,
        Destination::Server { address, .. } => address.ip(),
    };
    match key.process {
        Some(process) => (Some(process), None),
        None => (None, Some(host)),
    }
}
