// SPDX-License-Identifier: MIT
//! Whose connection thread a line of a log names.

use std::net::{IpAddr, SocketAddr};

use crate::{
    diagnose::{case::Case, who::Who},
    ledger::Destination,
    process::java_name,
};

/// Whose connection thread a line names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Named {
    /// That of the case.
    This,
    /// That of another client, whose connections were seen.
    Another,
    /// That of a client of a server at a port where nothing of the process was seen.
    Elsewhere,
}

/// Whether it names a connection thread of the Java client, and the thread that connects is
/// another one: that thread opens the client's connections itself (`ClientCnxnSocketNIO`).
pub(super) fn is_of_another_thread(case: &Case<'_>, text: &str) -> bool {
    text.contains("SendThread(") && thread_of_another_kind(case).is_some()
}

/// The name of the thread that connects, where it is known to the end and is not that of a
/// connection thread of the Java client.
pub(in crate::diagnose) fn thread_of_another_kind<'a>(case: &'a Case<'_>) -> Option<&'a str> {
    let Who::Thread { name, .. } = &case.who else {
        return None;
    };
    // Before Java 9 all threads have the process's name.
    let has_own_name = case.label().split(' ').next() != Some(name.comm.as_str());
    let is_whole = !name.is_cut && has_own_name && !name.comm.is_empty();
    let is_another = is_whole && !java_name::may_be_send_thread(name.comm.as_bytes());
    is_another.then_some(name.comm.as_str())
}

/// Whose connection thread a line names, if it does.
pub(super) fn named_thread(case: &Case<'_>, text: &str) -> Option<Named> {
    if let Some((host, port)) = server(text) {
        // Where it is named by its address.
        let address = host.parse::<IpAddr>().ok();
        let address = address.map(|ip| SocketAddr::new(ip, port));
        let is_at = |one: &Destination, of: SocketAddr| matches!(one, Destination::Server { address, .. } if *address == of);
        // The same address in another network namespace is no other one to a log.
        let is_sibling = |of: SocketAddr| {
            let mut siblings = case.siblings.iter();
            siblings.any(|one| is_at(&one.destination, of))
                && !case.destinations.iter().any(|one| is_at(one, of))
        };
        match case.has_port(port) {
            true if address.is_some_and(is_sibling) => return Some(Named::Another),
            true => {}
            false if case.is_port_of_sibling(port) => return Some(Named::Another),
            false => return Some(Named::Elsewhere),
        }
    }
    let Who::Thread { name, .. } = &case.who else {
        return None;
    };
    let comm = &name.comm;
    // Shorter names, such as `java`, are in every other line.
    const TELLING: usize = 8;
    if comm.len() >= TELLING && text.contains(comm.as_str()) {
        return Some(Named::This);
    }
    let is_another = text.contains("SendThread(") && java_name::may_be_send_thread(comm.as_bytes());
    is_another.then_some(Named::Another)
}

/// The server that a line names: in the name of its thread, or else in its text.
fn server(text: &str) -> Option<(&str, u16)> {
    java_name::server_of_send_thread(text).or_else(|| server_in_words(text))
}

/// The server in the words of `ClientCnxn`: `to server zk1/10.0.0.1:2181.`, `for server
/// zk1/10.0.0.1:2181, unexpected error`, `on server ...`.
fn server_in_words(text: &str) -> Option<(&str, u16)> {
    const BEFORE: [&str; 3] = ["to server ", "for server ", "on server "];
    let named = BEFORE.iter().find_map(|before| text.split_once(before))?.1;
    let named = named.split([' ', ',', '\n']).next()?.trim_end_matches('.');
    let (host, port) = named.rsplit_once(':')?;
    let address = host.rsplit_once('/').map_or(host, |(_, address)| address);
    Some((address.trim_matches(['[', ']']), port.parse().ok()?))
}
