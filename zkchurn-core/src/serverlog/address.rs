// SPDX-License-Identifier: MIT
//! The address of a client as Java writes it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A client's address, and its port where the line tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Client {
    /// The address; v4-mapped ones as IPv4.
    pub ip: IpAddr,
    pub port: Option<u16>,
}

/// Longer than any address with a host name in front (RFC 1035: 253).
const LONGEST: usize = 320;

/// Reads the address that `text` begins with, in the forms of
/// `InetSocketAddress.toString` and `InetAddress.toString`:
/// `/10.1.2.3:4711`, `host/10.1.2.3:4711`, `/10.1.2.3`, `/0:0:0:0:0:0:0:1:4711`
/// (up to Java 13), `/[0:0:0:0:0:0:0:1]:4711`, with a scope `%eth0`.
pub fn read(text: &[u8]) -> Option<Client> {
    if let Some(client) = v4_without_name(text) {
        return Some(client);
    }
    let text = text.get(..LONGEST).unwrap_or(text);
    let end = text
        .iter()
        .position(|byte| matches!(byte, b' ' | b',' | b';' | b'\r' | b')'));
    let word = text.get(..end.unwrap_or(text.len()))?;
    // The name in front of the slash is what the client's own DNS says: only what a name
    // of a host may hold, and no slash.
    let slash = word.iter().rposition(|byte| *byte == b'/')?;
    let is_of_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    if !word.get(..slash)?.iter().all(is_of_name) {
        return None;
    }
    let word = std::str::from_utf8(word.get(slash + 1..)?).ok()?;
    if let Some(rest) = word.strip_prefix('[') {
        let (ip, port) = rest.split_once(']')?;
        return with_port(v6(ip)?, port.strip_prefix(':'));
    }
    // The colon behind a scope is the port's, however the groups are written.
    if let Some((ip, rest)) = word.split_once('%') {
        return with_port(v6(ip)?, rest.rsplit_once(':').map(|(_scope, port)| port));
    }
    match word.bytes().filter(|byte| *byte == b':').count() {
        0 => with_port(IpAddr::V4(word.parse::<Ipv4Addr>().ok()?), None),
        1 => {
            let (ip, port) = word.split_once(':')?;
            with_port(IpAddr::V4(ip.parse().ok()?), Some(port))
        }
        // Java writes all eight groups, so a ninth is the port.
        7 => with_port(v6(word)?, None),
        8 => {
            let (ip, port) = word.rsplit_once(':')?;
            with_port(v6(ip)?, Some(port))
        }
        _ => None,
    }
}

/// `/10.1.2.3:4711`, as nearly all are.
fn v4_without_name(text: &[u8]) -> Option<Client> {
    let mut rest = text.strip_prefix(b"/")?;
    let mut octets = [0u8; 4];
    for (place, octet) in octets.iter_mut().enumerate() {
        if place > 0 {
            rest = rest.strip_prefix(b".")?;
        }
        let (number, behind) = decimal(rest, 3)?;
        *octet = u8::try_from(number).ok()?;
        rest = behind;
    }
    let (port, behind) = decimal(rest.strip_prefix(b":")?, 5)?;
    let port = u16::try_from(port).ok()?;
    let ends = matches!(
        behind.first(),
        None | Some(b' ' | b',' | b';' | b'\r' | b')')
    );
    ends.then_some(Client {
        ip: IpAddr::V4(octets.into()),
        port: Some(port),
    })
}

/// A number of at most so many digits, without zeros in front, and what follows.
fn decimal(text: &[u8], most: usize) -> Option<(u32, &[u8])> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (number, rest) = text.split_at_checked(digits)?;
    if digits == 0 || digits > most || (digits > 1 && number.first() == Some(&b'0')) {
        return None;
    }
    let number = number
        .iter()
        .fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0'));
    Some((number, rest))
}

fn with_port(ip: IpAddr, port: Option<&str>) -> Option<Client> {
    let port = port.map(str::parse).transpose().ok()?;
    let ip = ip.to_canonical();
    Some(Client { ip, port })
}

fn v6(text: &str) -> Option<IpAddr> {
    let ip = text.split_once('%').map_or(text, |(ip, _scope)| ip);
    Some(IpAddr::V6(ip.parse::<Ipv6Addr>().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forms_that_java_writes() {
        let cases: [(&str, &str, Option<u16>); 14] = [
            ("/10.0.0.200:4711, session", "10.0.0.200", Some(4711)),
            ("/0:0:0:0:0:0:0:1:43000; will be", "::1", Some(43000)),
            ("/10.1.2.3:4711 (no session", "10.1.2.3", Some(4711)),
            ("client7.example/10.1.2.3:4711", "10.1.2.3", Some(4711)),
            ("/127.0.0.4 - max is 60", "127.0.0.4", None),
            ("/0:0:0:0:0:0:0:1:4711 which", "::1", Some(4711)),
            ("/[fd00:0:0:0:0:0:0:7]:4711, session", "fd00::7", Some(4711)),
            ("/fe80:0:0:0:0:0:0:1%eth0:4711", "fe80::1", Some(4711)),
            ("/0:0:0:0:0:0:0:1", "::1", None),
            ("/fe80::1%eth0:4711, session", "fe80::1", Some(4711)),
            ("/fe80::1%eth0", "fe80::1", None),
            (
                "/[fe80:0:0:0:0:0:0:1%2]:4711, session",
                "fe80::1",
                Some(4711),
            ),
            ("/0:0:0:0:0:ffff:a01:203:4711", "10.1.2.3", Some(4711)),
            ("/[::ffff:10.1.2.3]:4711\r", "10.1.2.3", Some(4711)),
        ];
        for (text, ip, port) in cases {
            let client = read(text.as_bytes()).unwrap();
            assert_eq!(
                (client.ip.to_string().as_str(), client.port),
                (ip, port),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_address_is_none() {
        for text in [
            "",
            "null",
            "/",
            "/999.1.1.1:4",
            "/1.2.3.4:99999",
            "/\x1b[2J:1",
            "/::::::::::",
            "1.2.3.4:5",
            "evil/6.6.6.6:1/10.1.2.3:4711",
        ] {
            assert_eq!(read(text.as_bytes()), None, "{text}");
        }
    }
}
