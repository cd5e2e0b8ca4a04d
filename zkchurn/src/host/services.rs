// SPDX-License-Identifier: MIT
//! Names of TCP ports.

use std::fs;

/// The system's own list (`services(5)`).
const SERVICES: &str = "/etc/services";
/// Names that the list does not have: IANA knows 2181 as another service.
const OF_ZOOKEEPER: [(&str, u16); 2] = [("zookeeper", 2181), ("zookeeper-tls", 2281)];

/// The TCP port of a service.
pub fn port(name: &str) -> Option<u16> {
    let own = OF_ZOOKEEPER.iter().find(|(own, _)| *own == name);
    own.map(|(_, port)| *port)
        .or_else(|| port_in(&fs::read_to_string(SERVICES).ok()?, name))
}

/// A line is a name, a port with its protocol, and further names; `#` begins a comment.
fn port_in(list: &str, name: &str) -> Option<u16> {
    list.lines().find_map(|line| {
        let line = line.split_once('#').map_or(line, |(line, _)| line);
        let mut words = line.split_whitespace();
        let (first, port) = (words.next()?, words.next()?);
        let port = port.strip_suffix("/tcp")?.parse().ok();
        let mut names = std::iter::once(first).chain(words);
        names.any(|one| one == name).then_some(port)?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_has_its_tcp_port_by_any_of_its_names() {
        let list = "# a list\ndomain 53/udp\nkerberos\t88/tcp\tkrb5 # v5\n\nbroken\n";
        assert_eq!(port_in(list, "kerberos"), Some(88));
        assert_eq!(port_in(list, "krb5"), Some(88));
        assert_eq!(port_in(list, "domain"), None);
        assert_eq!(port_in(list, "v5"), None);
        assert_eq!(port("zookeeper"), Some(2181));
    }
}
