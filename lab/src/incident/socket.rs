// SPDX-License-Identifier: MIT
//! Whether a connection is over, as the kernel's socket tables tell it.

use std::time::Duration;

use anyhow::Result;
use zkchurn_lab::harness::wait;

/// The server closes at once, so this is long. It must still be shorter than
/// the client's shortest pause.
const AT_MOST: Duration = Duration::from_millis(800);
/// The kernel's number for a socket whose connection is over.
const TIME_WAIT: &str = "06";

/// Waits until the connection from this local port has come to its end at
/// the client: it is in TIME_WAIT or gone.
pub(crate) fn wait_until_over(local: u16, remote: u16) -> Result<()> {
    let what = format!("the connection from port {local} to end");
    wait::until(&what, AT_MOST, || {
        // A JVM's sockets are IPv6 ones and are listed as such.
        let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(std::fs::read_to_string);
        let alive = tables
            .into_iter()
            .flatten()
            .any(|table| is_alive(&table, local, remote));
        Ok((!alive).then_some(()))
    })
}

/// The kernel's number for a socket that listens.
const LISTEN: &str = "0A";

/// Whether somebody listens on this port in this thread's network namespace.
/// Unlike a connect it leaves no trace.
pub(crate) fn is_listened_to(port: u16) -> bool {
    // `/proc/net` would be the namespace of the process's first thread.
    ["tcp", "tcp6"].iter().any(|table| {
        let table = std::fs::read_to_string(format!("/proc/thread-self/net/{table}"));
        table.is_ok_and(|table| has_listener(&table, port))
    })
}

fn has_listener(table: &str, local: u16) -> bool {
    table.lines().skip(1).any(|row| {
        let columns: Vec<_> = row.split_whitespace().skip(1).take(3).collect();
        matches!(columns[..], [from, _, LISTEN] if port(from) == Some(local))
    })
}

fn is_alive(table: &str, local: u16, remote: u16) -> bool {
    table.lines().skip(1).any(|row| {
        let mut columns = row.split_whitespace().skip(1);
        let from = columns.next().and_then(port);
        let to = columns.next().and_then(port);
        (from, to) == (Some(local), Some(remote)) && columns.next() != Some(TIME_WAIT)
    })
}

fn port(address: &str) -> Option<u16> {
    u16::from_str_radix(address.rsplit_once(':')?.1, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "  sl  local_address rem_address   st
   0: 0100007F:0885 00000000:0000 0A 00000000:00000000
   1: 0100007F:9E72 0100007F:0885 01 00000000:00000000
   2: 0100007F:9E74 0100007F:0885 06 00000000:00000000
";

    #[test]
    fn only_time_wait_and_absence_are_an_end() {
        assert!(is_alive(TABLE, 0x9e72, 2181));
        assert!(!is_alive(TABLE, 0x9e74, 2181));
        assert!(!is_alive(TABLE, 0x9e76, 2181));
        assert!(has_listener(TABLE, 2181) && !has_listener(TABLE, 0x9e72));
    }
}
