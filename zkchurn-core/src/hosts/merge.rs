// SPDX-License-Identifier: MIT
//! What can be put side by side, and what can be said of it.

use super::{Host, HostRow, Hosts, MOST};
use crate::text::printable;

/// Why recordings cannot be merged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CannotMerge {
    #[error(
        "{first} and {second} are both of host {host}: give one recording of each host (of one \
         host, the directory with its recordings)"
    )]
    SameHost {
        first: String,
        second: String,
        host: String,
    },
    #[error(
        "{first} ends ({ends}) before {second} begins ({begins}): hosts are compared over a time \
         that all recordings have. If they were recorded together, a clock is wrong"
    )]
    Apart {
        first: String,
        ends: String,
        second: String,
        begins: String,
    },
    #[error("{0} recordings are too many: at most {MOST} hosts fit into one report")]
    TooMany(usize),
}

/// Puts hosts side by side.
///
/// # Errors
///
/// One host is there twice, or two recordings have no time in common.
pub fn merge(hosts: &[Host<'_>]) -> Result<Hosts, CannotMerge> {
    if hosts.len() > MOST {
        return Err(CannotMerge::TooMany(hosts.len()));
    }
    for (index, second) in hosts.iter().enumerate() {
        let mut before = hosts[..index].iter();
        if let Some(first) = before.find(|first| is_same(first, second)) {
            return Err(CannotMerge::SameHost {
                first: first_of(first, second),
                second: second.file.to_owned(),
                host: printable(second.report.trace.host.as_bytes()),
            });
        }
    }
    let (common_from, common_to) = common_time(hosts)?;
    let rows: Vec<_> = hosts.iter().map(HostRow::of).collect();
    Ok(Hosts {
        notes: notes(&rows),
        hosts: rows,
        common_from,
        common_to,
    })
}

/// The first of two recordings of one host. One that was renamed, or that has other names in
/// containers, has two.
fn first_of(first: &Host<'_>, second: &Host<'_>) -> String {
    let name = &first.report.trace.host;
    match *name == second.report.trace.host {
        true => first.file.to_owned(),
        false => format!(
            "{} (which calls it {})",
            first.file,
            printable(name.as_bytes())
        ),
    }
}

/// By its boot, or by its name: under one name nobody could tell two hosts apart.
fn is_same(one: &Host<'_>, other: &Host<'_>) -> bool {
    let is_one_boot = one.boot_id.is_some() && one.boot_id == other.boot_id;
    is_one_boot || one.report.trace.host == other.report.trace.host
}

/// Texts of one zone with nine digits are in the order of time.
fn common_time(hosts: &[Host<'_>]) -> Result<(String, String), CannotMerge> {
    let last_begun = hosts.iter().max_by_key(|host| &host.report.trace.from);
    let first_ended = hosts.iter().min_by_key(|host| &host.report.trace.to);
    let (Some(second), Some(first)) = (last_begun, first_ended) else {
        return Ok((String::new(), String::new()));
    };
    let (begins, ends) = (&second.report.trace.from, &first.report.trace.to);
    if begins > ends {
        return Err(CannotMerge::Apart {
            first: first.file.to_owned(),
            ends: ends.clone(),
            second: second.file.to_owned(),
            begins: begins.clone(),
        });
    }
    Ok((begins.clone(), ends.clone()))
}

fn notes(rows: &[HostRow]) -> Vec<String> {
    let mut notes = vec![
        "times are by each host's own clock, and a recording does not tell whether that was right: \
         compare `chronyc tracking` or `timedatectl` of the hosts before you conclude which was first"
            .to_owned(),
    ];
    let unknown = rows.iter().filter(|row| {
        let churn = row.standing.churn();
        churn.is_some_and(|churn| churn.first.is_none())
    });
    for row in unknown {
        notes.push(format!(
            "since when {} churns is unknown: its report does not list all of these processes \
             (--top)",
            printable(row.host.as_bytes())
        ));
    }
    notes
}
