// SPDX-License-Identifier: MIT
//! Which process names and peers have series of their own. Those with most connections get one
//! when the next text is made; the rest counts as `_other`, and so does what a family counted
//! that went.
//!
//! A family that has a series keeps it as long as it has connections, so no series shrinks
//! while it is there, and their sum never does.

use std::{collections::BTreeMap, rc::Rc};

use super::{MOST_FAMILIES, family::Counts};
use crate::{
    connection::Side, hash::HashMap, ledger::Destination, process::ProcessKey,
    render::ConnectionLine, report::side_name, text,
};

/// Nanoseconds without a connection after which a family's series goes to another that waits
/// for one.
const IDLE_NS: u64 = 3_600_000_000_000;
/// Most families that are counted each for itself until the next text is made.
const MOST_WAITING: usize = 1_000;
/// Most processes and peers of which the family is remembered.
const MOST_KNOWN: usize = 4_096;
/// Bytes of a process's name that become a label.
const NAME: usize = 80;

/// Whose connections are counted together. Neither pid nor local port: those never repeat.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Name {
    pub side: &'static str,
    /// The process's name with its application; of accepted connections that of the server.
    pub process: String,
    /// The server's address and port, or the client's address.
    pub peer: String,
}

#[derive(Debug, Default)]
pub(super) struct Family {
    pub counts: Counts,
    last_ns: u64,
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Families {
    named: HashMap<Rc<Name>, Family>,
    waiting: HashMap<Rc<Name>, Family>,
    /// What has no series of its own, by side.
    others: BTreeMap<&'static str, Counts>,
    /// Families that wait or went, at least: what is too many is not told apart.
    folded: u64,
    names: HashMap<(Option<ProcessKey>, Destination), Rc<Name>>,
    now_ns: u64,
}

impl Families {
    /// Counts a connection that ended.
    pub(super) fn count(&mut self, line: &ConnectionLine<'_>) {
        let connection = line.connection;
        let name = self.name(line);
        let at = connection.latest_ns();
        self.now_ns = self.now_ns.max(at);
        let family = match self.named.get_mut(&name) {
            Some(family) => family,
            None if self.waiting.len() < MOST_WAITING || self.waiting.contains_key(&name) => {
                self.waiting.entry(name).or_default()
            }
            None => {
                let others = self.others.entry(name.side).or_default();
                return others.count(connection, line.outcome);
            }
        };
        family.counts.count(connection, line.outcome);
        family.last_ns = family.last_ns.max(at);
    }

    /// A name is put together once for each process and peer: it takes longer than to count.
    fn name(&mut self, line: &ConnectionLine<'_>) -> Rc<Name> {
        let connection = line.connection;
        let key = (ProcessKey::of(connection), Destination::of(connection));
        if let Some(name) = self.names.get(&key) {
            return Rc::clone(name);
        }
        let name = Rc::new(name(line));
        if self.names.len() >= MOST_KNOWN {
            self.names.clear();
        }
        // A process that is not identified yet may be by the next connection.
        if line.process.is_some() {
            self.names.insert(key, Rc::clone(&name));
        }
        name
    }

    /// Gives series to those that wait, most connections first, and folds the rest.
    pub(super) fn choose(&mut self) {
        let mut waiting: Vec<_> = std::mem::take(&mut self.waiting).into_iter().collect();
        waiting.sort_by(|(name, family), (other, its)| {
            let by_size = its.counts.total().cmp(&family.counts.total());
            by_size.then_with(|| name.cmp(other))
        });
        for (name, family) in waiting {
            if self.named.len() >= MOST_FAMILIES {
                self.retire_the_idlest();
            }
            if self.named.len() < MOST_FAMILIES {
                self.named.insert(name, family);
            } else {
                self.fold(&name, &family);
            }
        }
    }

    fn fold(&mut self, name: &Name, family: &Family) {
        self.others
            .entry(name.side)
            .or_default()
            .add(&family.counts);
        self.folded += 1;
    }

    fn retire_the_idlest(&mut self) {
        let named = self.named.iter();
        let Some((name, family)) = named.min_by_key(|(name, family)| (family.last_ns, *name))
        else {
            return;
        };
        if self.now_ns.saturating_sub(family.last_ns) < IDLE_NS {
            return;
        }
        let name = Rc::clone(name);
        if let Some(family) = self.named.remove(&name) {
            self.fold(&name, &family);
        }
    }

    /// Those with series of their own, in the order of their names.
    pub(super) fn named(&self) -> Vec<(&Name, &Counts)> {
        let named = self.named.iter();
        let mut named: Vec<_> = named
            .map(|(name, family)| (&**name, &family.counts))
            .collect();
        named.sort_by_key(|(name, _)| *name);
        named
    }

    /// What all others counted, of each side that has some.
    pub(super) fn others(&self) -> impl Iterator<Item = (&'static str, &Counts)> {
        self.others.iter().map(|(side, counts)| (*side, counts))
    }

    /// How often a family was folded into the others.
    pub(super) fn folded(&self) -> u64 {
        self.folded
    }
}

/// A process's name as a label: whoever starts one chooses it, so that it may hold what steers a
/// terminal.
pub(super) fn label(process: &str) -> String {
    text::clip(&text::printable(process.as_bytes()), NAME)
}

fn name(line: &ConnectionLine<'_>) -> Name {
    let connection = line.connection;
    let captured = || {
        let opener = connection.opener;
        let comm = opener.and_then(|opener| opener.process_comm);
        comm.or(connection.holder.map(|holder| holder.comm))
    };
    let process = match line.process {
        Some(process) => process.label(),
        None => captured().map_or_else(String::new, |comm| comm.to_string()),
    };
    Name {
        side: side_name(connection.side),
        process: label(&process),
        peer: match connection.side {
            Side::Client => connection.remote.to_string(),
            Side::Server => connection.remote_ip().to_string(),
        },
    }
}
