// SPDX-License-Identifier: MIT
//! errno values that the kernel leaves in a TCP socket, and what they mean there.
//!
//! Numbers of include/uapi/asm-generic/errno{-base,}.h, which x86, arm64, RISC-V and s390
//! share. ICMP's are those of `icmp_err_convert` (net/ipv4/icmp.c) and `tab_unreach`
//! (net/ipv6/icmp.c).

/// Write to a connection whose peer has reset it after its FIN.
pub const EPIPE: u32 = 32;
/// RST received.
pub const ECONNRESET: u32 = 104;
/// Aborted from outside: only `tcp_abort` leaves it in an open socket (net/ipv4/tcp.c). It is
/// called for SOCK_DESTROY of sock_diag, `bpf_sock_destroy`, and the TCP socket below one of
/// AF_SMC; TCP_REPAIR sets it after CLOSE, and the next connect takes it away.
pub const ECONNABORTED: u32 = 103;
/// No answer.
pub const ETIMEDOUT: u32 = 110;
/// RST in answer to the SYN, or ICMP port unreachable.
pub const ECONNREFUSED: u32 = 111;
/// No route to the host, or no answer to ARP.
pub const EHOSTUNREACH: u32 = 113;
/// Administratively prohibited (ICMPv6).
pub const EACCES: u32 = 13;

/// How an error of a connect is to be understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The host answered: not here.
    Refused,
    /// The kernel gave up waiting.
    TimedOut,
    /// The network or a firewall answered: not that way.
    Unreachable,
    /// Something else.
    Other,
}

/// Number, symbolic name, kind, and what it says of a TCP connection.
const TABLE: &[(u32, &str, Kind, &str)] = &[
    (1, "EPERM", Kind::Other, "a policy of this host forbids it"),
    (5, "EIO", Kind::Other, "TLS in the kernel failed"),
    (12, "ENOMEM", Kind::Other, "the kernel had no memory for it"),
    (
        EACCES,
        "EACCES",
        Kind::Unreachable,
        "a router or firewall prohibits it (ICMPv6)",
    ),
    (
        22,
        "EINVAL",
        Kind::Other,
        "the kernel found the request invalid",
    ),
    (
        EPIPE,
        "EPIPE",
        Kind::Other,
        "a RST came after the peer's FIN",
    ),
    (
        64,
        "ENONET",
        Kind::Unreachable,
        "a router says that the host is isolated (ICMP)",
    ),
    (
        71,
        "EPROTO",
        Kind::Unreachable,
        "a router or host could not read the packet (ICMP parameter problem)",
    ),
    (74, "EBADMSG", Kind::Other, "TLS in the kernel failed"),
    (
        90,
        "EMSGSIZE",
        Kind::Unreachable,
        "a packet was too large for the path (ICMP)",
    ),
    (
        92,
        "ENOPROTOOPT",
        Kind::Unreachable,
        "the host or a firewall says that it does not speak TCP (ICMP protocol unreachable)",
    ),
    (
        95,
        "EOPNOTSUPP",
        Kind::Unreachable,
        "a router says that the source route failed (ICMP)",
    ),
    (
        99,
        "EADDRNOTAVAIL",
        Kind::Other,
        "this host has no free local port or address for it",
    ),
    (
        100,
        "ENETDOWN",
        Kind::Unreachable,
        "the network interface is down",
    ),
    (
        101,
        "ENETUNREACH",
        Kind::Unreachable,
        "there is no route to the network, or a firewall rejects",
    ),
    (
        102,
        "ENETRESET",
        Kind::Other,
        "the network dropped the connection",
    ),
    (
        ECONNABORTED,
        "ECONNABORTED",
        Kind::Other,
        "it was aborted from outside of the program (SOCK_DESTROY, as by `ss -K` or a network agent)",
    ),
    (
        ECONNRESET,
        "ECONNRESET",
        Kind::Other,
        "a RST came from the peer, or from a firewall in its name",
    ),
    (
        105,
        "ENOBUFS",
        Kind::Other,
        "the kernel had no buffer for it",
    ),
    (
        ETIMEDOUT,
        "ETIMEDOUT",
        Kind::TimedOut,
        "the kernel gave up waiting for the peer",
    ),
    (
        ECONNREFUSED,
        "ECONNREFUSED",
        Kind::Refused,
        "nobody listens there, or a firewall rejects",
    ),
    (112, "EHOSTDOWN", Kind::Unreachable, "the host is down"),
    (
        EHOSTUNREACH,
        "EHOSTUNREACH",
        Kind::Unreachable,
        "there is no route to the host, nobody answers ARP, or a firewall rejects",
    ),
    (129, "EKEYREJECTED", Kind::Other, "TLS in the kernel failed"),
];

fn entry(errno: u32) -> Option<&'static (u32, &'static str, Kind, &'static str)> {
    TABLE.iter().find(|(number, ..)| *number == errno)
}

/// The symbolic name.
pub fn name(errno: u32) -> Option<&'static str> {
    entry(errno).map(|(_, name, ..)| *name)
}

/// The number behind a symbolic name.
pub fn number(name: &str) -> Option<u32> {
    let found = TABLE.iter().find(|(_, known, ..)| *known == name);
    found.map(|(number, ..)| *number)
}

/// What it says of a TCP connection.
pub fn meaning(errno: u32) -> Option<&'static str> {
    entry(errno).map(|(.., meaning)| *meaning)
}

/// How it is to be understood of a connect.
pub fn kind(errno: u32) -> Kind {
    entry(errno).map_or(Kind::Other, |(_, _, kind, _)| *kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_are_those_of_the_system() {
        for (number, name, ..) in TABLE {
            let words = std::io::Error::from_raw_os_error(number.cast_signed()).to_string();
            assert!(!words.contains("Unknown error"), "{name}: {words}");
        }
        assert_eq!(name(113), Some("EHOSTUNREACH"));
        assert_eq!(name(0), None);
        assert_eq!(kind(4095), Kind::Other);
    }
}
