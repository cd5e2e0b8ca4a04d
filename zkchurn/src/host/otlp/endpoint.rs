// SPDX-License-Identifier: MIT
//! Where a collector is: `http://ADDRESS[:PORT][/PATH]`. Names of hosts are not looked up, because
//! a static program has no resolver that all hosts agree with, and TLS is the work of a collector.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use serde::{Deserialize, Serialize};
use zkchurn_core::otlp::Signal;

/// The port that OTLP/HTTP has been given.
const PORT: u16 = 4318;

/// A collector's address, and what stands before the paths of OTLP.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    pub address: SocketAddr,
    /// Without the last slash.
    base: String,
}

impl Endpoint {
    /// What was typed.
    ///
    /// # Errors
    ///
    /// It is no such address: a sentence with the fix.
    pub fn parse(text: &str) -> Result<Self, String> {
        let rest = match text.split_once("://") {
            Some(("http", rest)) => rest,
            Some(("https", _)) => {
                return Err(
                    "zkchurn speaks no TLS: name a collector on this host, such as \
                     http://127.0.0.1:4318, and have that speak TLS onwards"
                        .to_owned(),
                );
            }
            _ => return Err(format!("`{text}` does not begin with http://")),
        };
        let (host, path) = match rest.find('/') {
            Some(at) => rest.split_at(at),
            None => (rest, ""),
        };
        if host.contains('@') {
            return Err(
                "names and passwords do not belong on a command line, which everybody can read: \
                 name a collector on this host that needs none"
                    .to_owned(),
            );
        }
        let base = path.trim_end_matches('/').to_owned();
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~%".contains(&byte);
        if !base.bytes().all(is_plain) {
            return Err(format!("`{path}` is no plain path of a URL"));
        }
        let address = address(host)?;
        Ok(Self { address, base })
    }

    /// The path of a request.
    pub fn path(&self, signal: Signal) -> String {
        let base = &self.base;
        match signal {
            Signal::Logs => format!("{base}/v1/logs"),
            Signal::Metrics => format!("{base}/v1/metrics"),
        }
    }
}

fn address(host: &str) -> Result<SocketAddr, String> {
    if let Ok(address) = host.parse::<SocketAddr>() {
        return match address.port() {
            0 => Err("0 is no port: a number from 1 to 65535".to_owned()),
            _ => Ok(address),
        };
    }
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !name.contains(':') => (name, Some(port)),
        _ => (host, None),
    };
    let port = match port.map(str::parse) {
        None => PORT,
        Some(Ok(port @ 1..)) => port,
        Some(_) => return Err(format!("`{host}` has no port from 1 to 65535")),
    };
    let bare = name
        .strip_prefix('[')
        .and_then(|name| name.strip_suffix(']'));
    let address = match (name, bare) {
        ("localhost", _) => Some(IpAddr::from(Ipv4Addr::LOCALHOST)),
        (_, Some(bare)) => bare.parse().ok().filter(IpAddr::is_ipv6),
        (name, None) => name.parse().ok().filter(IpAddr::is_ipv4),
    };
    let address = address.ok_or_else(|| {
        format!("`{name}` is no address: names are not looked up, so give an address, such as 127.0.0.1 or [::1]")
    })?;
    Ok(SocketAddr::new(address, port))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(text: &str) -> (String, String) {
        let endpoint = Endpoint::parse(text).unwrap();
        (endpoint.address.to_string(), endpoint.path(Signal::Logs))
    }

    #[test]
    fn an_address_is_enough_and_the_paths_are_those_of_the_specification() {
        for (text, address, path) in [
            ("http://127.0.0.1:4318", "127.0.0.1:4318", "/v1/logs"),
            ("http://127.0.0.1", "127.0.0.1:4318", "/v1/logs"),
            ("http://localhost:80/", "127.0.0.1:80", "/v1/logs"),
            ("http://[::1]:9/otlp/", "[::1]:9", "/otlp/v1/logs"),
            ("http://[::1]", "[::1]:4318", "/v1/logs"),
            (
                "http://10.0.0.9/api/v1/otlp",
                "10.0.0.9:4318",
                "/api/v1/otlp/v1/logs",
            ),
        ] {
            assert_eq!(of(text), (address.to_owned(), path.to_owned()), "{text}");
        }
        let metrics = Endpoint::parse("http://127.0.0.1/x").unwrap();
        assert_eq!(metrics.path(Signal::Metrics), "/x/v1/metrics");
    }

    #[test]
    fn what_cannot_be_is_refused_with_the_fix() {
        for (text, part) in [
            ("https://127.0.0.1:4318", "speak TLS onwards"),
            ("127.0.0.1:4318", "does not begin with http://"),
            ("grpc://127.0.0.1:4317", "does not begin with http://"),
            ("http://collector:4318", "names are not looked up"),
            ("http://user:secret@127.0.0.1", "everybody can read"),
            ("http://127.0.0.1:0", "0 is no port"),
            ("http://127.0.0.1:x", "no port"),
            ("http://::1", "names are not looked up"),
            ("http://", "names are not looked up"),
            ("http://127.0.0.1/a b", "no plain path"),
            ("http://127.0.0.1/?token=x", "no plain path"),
        ] {
            let error = Endpoint::parse(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }

    proptest! {
        #[test]
        fn no_path_ends_a_line_of_a_request(text in "http://127.0.0.1.{0,20}") {
            if let Ok(endpoint) = Endpoint::parse(&text) {
                let path = endpoint.path(Signal::Logs);
                prop_assert!(path.bytes().all(|byte| byte.is_ascii_graphic()), "{}", path);
            }
        }
    }
}
