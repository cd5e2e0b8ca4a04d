// SPDX-License-Identifier: MIT
//! What `ss` of iproute2 shows.

use std::{collections::BTreeMap, net::SocketAddr, process::Command};

use zkchurn::host::sock_diag::TIME_WAIT;
use zkchurn_common::state::ESTABLISHED;

use super::canonical;

use crate::in_time::CommandInTime;

/// A row of `ss -tane`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub state: u8,
    pub ipv6_socket: bool,
    pub local: SocketAddr,
    pub remote: SocketAddr,
    pub inode: u32,
}

/// Rows by cookie, and the milliseconds left as `ss` rounds them down.
pub(crate) fn rows() -> BTreeMap<u64, (Row, u32)> {
    let output = Command::new("ss").arg("-Htaneo").output_in_time().unwrap();
    assert!(output.status.success());
    let output = String::from_utf8(output.stdout).unwrap();
    output.lines().filter_map(row).collect()
}

fn row(line: &str) -> Option<(u64, (Row, u32))> {
    let fields: Vec<_> = line.split_ascii_whitespace().collect();
    let state = match fields[0] {
        "ESTAB" => ESTABLISHED,
        "TIME-WAIT" => TIME_WAIT,
        _ => return None,
    };
    let field = |name| fields.iter().find_map(|field| field.strip_prefix(name));
    let (local, remote): (SocketAddr, SocketAddr) =
        (fields[3].parse().unwrap(), fields[4].parse().unwrap());
    let row = Row {
        state,
        ipv6_socket: local.is_ipv6(),
        local: canonical(local),
        remote: canonical(remote),
        inode: field("ino:").unwrap().parse().unwrap(),
    };
    let cookie = u64::from_str_radix(field("sk:").unwrap(), 16).unwrap();
    let left = field("timer:(timewait,").map_or(0, time_left);
    Some((cookie, (row, left)))
}

/// `59sec,0)` or `1min,0)`; from ten seconds on `ss` cuts to whole seconds.
fn time_left(text: &str) -> u32 {
    let time = text.split(',').next().unwrap();
    let (minutes, rest) = time.split_once("min").unwrap_or(("0", time));
    let seconds = rest.strip_suffix("sec").unwrap_or("0");
    let seconds: u32 = seconds.parse().unwrap();
    (minutes.parse::<u32>().unwrap() * 60 + seconds) * 1000
}
