// SPDX-License-Identifier: MIT
//! One word: an address, a host with its port, a URL, a path, or nothing of these.

use std::net::{IpAddr, SocketAddr};

use super::{Redactor, names::Kind};

/// Folders that are the same on every host.
const SYSTEM: [&str; 8] = [
    "/proc/", "/sys/", "/dev/", "/usr/", "/bin/", "/sbin/", "/lib/", "/lib64/",
];
/// How names of hosts end in domains that people use inside and outside.
const DOMAINS: [&str; 14] = [
    "local",
    "internal",
    "intern",
    "lan",
    "corp",
    "home",
    "localdomain",
    "svc",
    "com",
    "net",
    "org",
    "io",
    "cloud",
    "dev",
];

impl Redactor {
    /// The word with another name, if it is one that has to have one.
    pub(super) fn token(&mut self, token: &str) -> String {
        let brackets = token
            .strip_prefix('[')
            .and_then(|rest| rest.rsplit_once(']'));
        if let Some((inner, behind)) = brackets {
            // `[10.0.0.1]`, and `[2001:db8::1]:2181`.
            return format!("[{}]{behind}", self.words(inner));
        }
        // `address=10.0.0.1:2181`, but the `=` of a URL is its own.
        if let Some((key, value)) = token
            .split_once('=')
            .filter(|(key, _)| !key.contains("://"))
        {
            return format!("{key}={}", self.token(value));
        }
        let bare = token.trim_end_matches(['.', ':', '!', '?', ']']);
        match self.known_form(bare) {
            Some(other) => other + &token[bare.len()..],
            None => token.to_owned(),
        }
    }

    fn known_form(&mut self, word: &str) -> Option<String> {
        self.url(word)
            .or_else(|| self.behind_a_colon(word))
            .or_else(|| self.address(word))
            .or_else(|| self.resolved(word))
            .or_else(|| self.path_of(word))
            .or_else(|| self.host(word))
    }

    /// `10.0.0.1`, `10.0.0.1:2181`, `fe80::1%eth0`.
    fn address(&mut self, word: &str) -> Option<String> {
        if let Ok(address) = word.parse::<IpAddr>() {
            return Some(self.addresses.of(address).to_string());
        }
        if let Ok(address) = word.parse::<SocketAddr>() {
            let ip = self.addresses.of(address.ip());
            return Some(SocketAddr::new(ip, address.port()).to_string());
        }
        if let Some((address, interface)) = word.split_once('%') {
            let address = self.addresses.of(address.parse().ok()?);
            return Some(format!("{address}%{interface}"));
        }
        // With a chroot.
        let (address, chroot) = word.split_once('/')?;
        let address = self.address(address)?;
        Some(format!("{address}{}", self.chroot(chroot)))
    }

    fn chroot(&mut self, chroot: &str) -> String {
        match chroot {
            "" => "/".to_owned(),
            chroot => self.names.path(&format!("/{chroot}")),
        }
    }

    /// `zk1.shop.example/10.0.0.1:2181`, as Java prints it, and `/10.0.0.1:2181`.
    fn resolved(&mut self, word: &str) -> Option<String> {
        let (host, address) = word.split_once('/')?;
        let address = self.address(address)?;
        if host.is_empty() {
            return Some(format!("/{address}"));
        }
        Some(format!("{}/{address}", self.names.of(Kind::Host, host)))
    }

    /// `scheme://user@host:port/path`.
    fn url(&mut self, word: &str) -> Option<String> {
        let (scheme, rest) = word.split_once("://")?;
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let host = authority.rsplit('@').next().unwrap_or(authority);
        let (name, port) = match host.rsplit_once(':') {
            Some((name, port)) if port.parse::<u16>().is_ok() => (name, Some(port)),
            _ => (host, None),
        };
        let name = match self.address(name) {
            Some(address) => address,
            None => self.names.of(Kind::Host, name),
        };
        let port = port.map_or_else(String::new, |port| format!(":{port}"));
        let path = match path.len() {
            0 | 1 => path.to_owned(),
            _ => self.names.path(path),
        };
        Some(format!("{scheme}://{name}{port}{path}"))
    }

    /// `file:/srv/shop/app.xml`, and the paths of a class path.
    fn behind_a_colon(&mut self, word: &str) -> Option<String> {
        let at = word.find(":/")?;
        let (before, path) = (&word[..at], &word[at + 1..]);
        Some(format!("{}:{}", self.token(before), self.token(path)))
    }

    /// `/srv/shop/app.log`, also with a line behind a colon.
    fn path_of(&mut self, word: &str) -> Option<String> {
        let is_system = SYSTEM.iter().any(|folder| word.starts_with(folder));
        if !word.starts_with('/') || word.len() < 2 || is_system {
            return None;
        }
        let (path, line) = match word.rsplit_once(':') {
            Some((path, line)) if line.bytes().all(|byte| byte.is_ascii_digit()) => (path, line),
            _ => (word, ""),
        };
        let path = self.names.path(path);
        Some(match line {
            "" => path,
            line => format!("{path}:{line}"),
        })
    }

    /// `zk1:2181` in front of a traced port, and `zk1.shop.internal` with any or none.
    fn host(&mut self, word: &str) -> Option<String> {
        let (name, port) = match word.split_once(':') {
            Some((name, port)) => (name, Some(port.parse::<u16>().ok()?)),
            None => (word, None),
        };
        let is_traced = port.is_some_and(|port| self.ports.contains(&port));
        if !is_name(name) || !(is_traced || is_in_a_domain(name)) {
            return None;
        }
        let other = self.names.of(Kind::Host, name);
        Some(match port {
            Some(port) => format!("{other}:{port}"),
            None => other,
        })
    }
}

/// Letters, digits, dots and hyphens, and a letter among them (RFC 1123, 2.1).
fn is_name(word: &str) -> bool {
    let is_of = |one: char| one.is_ascii_alphanumeric() || "._-".contains(one);
    word.chars().all(is_of) && word.chars().any(|one| one.is_ascii_alphabetic())
}

/// Names of classes begin with their domain, those of hosts end with it.
fn is_in_a_domain(name: &str) -> bool {
    let is_lower = !name.chars().any(|one| one.is_ascii_uppercase());
    let last = name.rsplit_once('.').map(|(_, last)| last);
    is_lower && last.is_some_and(|last| DOMAINS.contains(&last))
}
