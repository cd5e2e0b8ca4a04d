// SPDX-License-Identifier: MIT
//! Several hosts, in one sentence and in cells.

use std::net::{IpAddr, SocketAddr};

use jiff::tz::TimeZone;

use super::{finding::title, moment::span};
use crate::{
    hosts::{ChurnRow, HostRow, Hosts, Standing},
    text::{clip, place, printable},
};

/// What the cells of a host are.
pub(crate) const COLUMNS: [&str; 7] = [
    "HOST", "CHURNS", "FINDING", "WHO", "AGAINST", "FROM, TO", "RECORDED",
];

/// Bytes of a name, and of the peers, in the sentence.
const NAME: usize = 100;
const PEERS: usize = 200;

/// Which hosts churn, with what, against whom, since when, and which do not.
pub(crate) fn answer(hosts: &Hosts, zone: &TimeZone) -> String {
    let churning: Vec<_> = hosts.hosts.iter().filter_map(churns).collect();
    let shared = shared_peers(&churning);
    let mut sentence = match (churning.len(), hosts.hosts.len()) {
        (0, all) => format!("None of {all} hosts is known to churn"),
        (1, all) => format!("1 of {all} hosts churns"),
        (some, all) => format!("{some} of {all} hosts churn{}", when(&churning)),
    };
    if !shared.is_empty() {
        sentence.push_str(&format!(" against {}", places(&shared)));
    }
    let mut parts: Vec<_> = churning
        .iter()
        .map(|(row, churn)| one(row, churn, shared.is_empty(), zone))
        .collect();
    for row in &hosts.hosts {
        match &row.standing {
            Standing::MayChurn(churn) => {
                let what = title(churn.title, churn.confidence);
                parts.push(format!("{} may churn: {what}", name(row)));
            }
            Standing::CannotTell { why } => {
                parts.push(format!("of {} it cannot be told: {why}", name(row)));
            }
            Standing::Churns(_) | Standing::DoesNotChurn => {}
        }
    }
    parts.extend(quiet(hosts));
    sentence.push_str(": ");
    sentence.push_str(&parts.join("; "));
    sentence.push('.');
    sentence
}

fn churns(row: &HostRow) -> Option<(&HostRow, &ChurnRow)> {
    match &row.standing {
        Standing::Churns(churn) => Some((row, churn)),
        _ => None,
    }
}

fn name(row: &HostRow) -> String {
    printable(clip(&row.host, NAME).as_bytes())
}

fn one(row: &HostRow, churn: &ChurnRow, with_peers: bool, zone: &TimeZone) -> String {
    let against = match with_peers {
        true => format!(" against {}", places(&churn.destinations)),
        false => String::new(),
    };
    let when = match when_it_churns(churn, zone) {
        Some(when) => format!(", {when}"),
        None => String::new(),
    };
    format!(
        "{}{against}: {}{when}",
        name(row),
        title(churn.title, churn.confidence)
    )
}

fn when_it_churns(churn: &ChurnRow, zone: &TimeZone) -> Option<String> {
    let (first, last) = (churn.first.as_ref()?, churn.last.as_ref()?);
    Some(span(first, last, zone))
}

/// Those that do not churn, in one clause.
fn quiet(hosts: &Hosts) -> Option<String> {
    let rows = hosts.hosts.iter();
    let quiet: Vec<_> = rows
        .filter(|row| row.standing == Standing::DoesNotChurn)
        .map(|row| match &row.only {
            Some(only) => format!("{} (only {only} was traced)", name(row)),
            None => name(row),
        })
        .collect();
    match quiet.as_slice() {
        [] => None,
        [one] => Some(format!("{one} does not churn")),
        many => Some(format!("{} do not churn", many.join(", "))),
    }
}

/// Whether there is a time at which all of them churn; texts of one zone are in its order.
fn when(churning: &[(&HostRow, &ChurnRow)]) -> &'static str {
    let firsts: Option<Vec<_>> = churning.iter().map(|one| one.1.first.as_ref()).collect();
    let lasts: Option<Vec<_>> = churning.iter().map(|one| one.1.last.as_ref()).collect();
    match (firsts, lasts) {
        (Some(firsts), Some(lasts)) if firsts.iter().max() <= lasts.iter().min() => {
            " at the same time"
        }
        (Some(_), Some(_)) => ", but not all at the same time,",
        _ => "",
    }
}

/// Peers of all that churn. A loopback or link-local address is another server on each host.
fn shared_peers(churning: &[(&HostRow, &ChurnRow)]) -> Vec<String> {
    let [(_, first), others @ ..] = churning else {
        return Vec::new();
    };
    if others.is_empty() {
        return Vec::new();
    }
    let has =
        |churn: &ChurnRow, peer: &str| churn.destinations.iter().any(|one| peer_of(one) == peer);
    let peers = first.destinations.iter().map(|one| peer_of(one));
    peers
        .filter(|peer| !is_of_each_host(peer) && others.iter().all(|(_, churn)| has(churn, peer)))
        .map(str::to_owned)
        .collect()
}

/// At a server it is the remote host, whatever address of the server it connects to.
fn peer_of(destination: &str) -> &str {
    destination.split(" -> ").next().unwrap_or(destination)
}

fn is_of_each_host(peer: &str) -> bool {
    let socket = || peer.parse::<SocketAddr>().map(|socket| socket.ip());
    let Ok(address) = peer.parse::<IpAddr>().or_else(|_| socket()) else {
        return false;
    };
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.is_loopback() || v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unicast_link_local(),
    }
}

fn places(destinations: &[String]) -> String {
    let places: Vec<_> = destinations.iter().map(|one| place(one)).collect();
    clip(&places.join(", "), PEERS)
}

/// The cells of a host; names as another process wrote them.
pub(crate) fn cells(row: &HostRow, zone: &TimeZone) -> [String; 7] {
    let churn = row.standing.churn();
    let of_churn = |of: fn(&ChurnRow) -> String| churn.map(of).unwrap_or_default();
    [
        row.host.clone(),
        standing(&row.standing).to_owned(),
        of_churn(finding),
        of_churn(|churn| churn.who.clone()),
        of_churn(|churn| places(&churn.destinations)),
        churn
            .map(|churn| when_it_churns(churn, zone).unwrap_or_else(|| "unknown".to_owned()))
            .unwrap_or_default(),
        span(&row.from, &row.to, zone),
    ]
}

fn finding(churn: &ChurnRow) -> String {
    let what = title(churn.title, churn.confidence);
    match churn.other_findings {
        0 => what,
        more => format!("{what}, and {more} more"),
    }
}

/// In words.
pub(crate) const fn standing(standing: &Standing) -> &'static str {
    match standing {
        Standing::Churns(_) => "yes",
        Standing::MayChurn(_) => "maybe",
        Standing::DoesNotChurn => "no",
        Standing::CannotTell { .. } => "cannot tell",
    }
}

/// The time that all recordings have.
pub(crate) fn common(hosts: &Hosts, zone: &TimeZone) -> String {
    let common = span(&hosts.common_from, &hosts.common_to, zone);
    format!("all hosts were recorded from {common}")
}

#[cfg(test)]
mod tests {
    use super::is_of_each_host;

    #[test]
    fn what_each_host_has_for_itself_is_no_peer_of_all() {
        for peer in [
            "127.0.0.1:2181",
            "[::1]:2181",
            "::1",
            "[::ffff:127.0.0.1]:2181",
            "169.254.20.10:2181",
            "[fe80::1]:2181",
            "[fe80::1%3]:2181",
        ] {
            assert!(is_of_each_host(peer), "{peer}");
        }
        for peer in ["10.0.1.5:2181", "[2001:db8::1]:2181", "10.0.1.5"] {
            assert!(!is_of_each_host(peer), "{peer}");
        }
    }
}
