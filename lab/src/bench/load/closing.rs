// SPDX-License-Identifier: MIT
//! Sockets of the load that are still being closed. On a busy machine the kernel takes the last
//! acknowledgement later than close(2) returns, and with it the socket's last change of state.

use std::fs;

use anyhow::{Context, Result};

/// States in which there is nothing more to come, as /proc/net/tcp has them
/// (include/net/tcp_states.h): TIME_WAIT, CLOSE, LISTEN.
const SETTLED: [&str; 3] = ["06", "07", "0A"];

/// How many sockets of this port are neither closed nor listening.
pub(super) fn count(port: u16) -> Result<usize> {
    let table = "/proc/thread-self/net/tcp";
    let text = fs::read_to_string(table).with_context(|| format!("cannot read {table}"))?;
    Ok(count_in(&text, port))
}

fn count_in(table: &str, port: u16) -> usize {
    let port = format!(":{port:04X}");
    let is_closing = |line: &&str| {
        let mut fields = line.split_ascii_whitespace().skip(1);
        let (local, remote, state) = (fields.next(), fields.next(), fields.next());
        let is_its = [local, remote]
            .iter()
            .flatten()
            .any(|end| end.ends_with(&port));
        is_its && state.is_some_and(|state| !SETTLED.contains(&state))
    };
    table.lines().skip(1).filter(is_closing).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_awaits_an_acknowledgement_counts_at_either_end_and_nothing_else_does() {
        let table = "\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid
   0: 0100007F:0885 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0
   1: 0100007F:0885 0100007F:C001 09 00000000:00000001 01:00000018 00000000     0
   2: 0100007F:C001 0100007F:0885 04 00000000:00000001 01:00000018 00000000     0
   3: 0100007F:C002 0100007F:0885 06 00000000:00000000 03:00001771 00000000     0
   4: 0100007F:C003 0100007F:1885 01 00000000:00000000 00:00000000 00000000     0
";
        assert_eq!(count_in(table, 0x0885), 2);
        assert_eq!(count_in(table, 0x0001), 0);
    }
}
