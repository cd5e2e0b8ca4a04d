// SPDX-License-Identifier: MIT
//! Hosts that a sentence shows to be ones, by what stands around them.

use super::{
    Redactor,
    names::{is_name, is_of_name, name_at_start},
};

/// Java's own words (`java.net.UnknownHostException`, `InetAddress`); the host is behind them.
const BEFORE: [&str; 2] = ["UnknownHostException: ", "getaddrinfo ENOTFOUND "];
/// What stands behind one that has no address (`java.net.InetSocketAddress`, since JDK 14).
const BEHIND: &str = "/<unresolved>";

impl Redactor {
    /// Takes note of them.
    pub(super) fn learn_hosts(&mut self, text: &str) {
        for mark in BEFORE {
            let parts = text.split(mark).skip(1);
            parts.for_each(|behind| self.learn_host(name_at_start(behind)));
        }
        let mut parts: Vec<_> = text.split(BEHIND).collect();
        parts.pop();
        for before in parts {
            let from = before.rfind(|one| !is_of_name(one));
            self.learn_host(&before[from.map_or(0, |at| at + 1)..]);
        }
        self.learn_pairs(text);
    }

    /// `('zk1', 2181)`, as Python prints an address.
    fn learn_pairs(&mut self, text: &str) {
        let parts: Vec<_> = text.split("', ").collect();
        for pair in parts.windows(2) {
            let [before, behind] = pair else {
                continue;
            };
            let digits = behind.bytes().take_while(u8::is_ascii_digit).count();
            let port = behind[..digits].parse::<u16>();
            if port.is_ok_and(|port| self.ports.contains(&port))
                && let Some((_, name)) = before.rsplit_once('\'')
            {
                self.learn_host(name);
            }
        }
    }

    fn learn_host(&mut self, name: &str) {
        let name = name.trim_end_matches('.');
        if is_name(name) {
            self.host_named(name);
        }
    }
}
