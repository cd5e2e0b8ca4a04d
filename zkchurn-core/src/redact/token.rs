// SPDX-License-Identifier: MIT
//! One word: an address, a host with its port, a URL, a path, or nothing of these. Whatever it
//! is, no address stays in it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::{
    Redactor,
    names::{Kind, is_name},
    users::{is_key as is_user_key, is_nobody},
};

/// Folders that are the same on every host.
const SYSTEM: [&str; 8] = [
    "/proc/", "/sys/", "/dev/", "/usr/", "/bin/", "/sbin/", "/lib/", "/lib64/",
];
/// How names of hosts end in domains that people use inside and outside, besides two letters
/// of a country.
const DOMAINS: [&str; 22] = [
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
    "cloud",
    "dev",
    "edu",
    "gov",
    "mil",
    "info",
    "biz",
    "tech",
    "app",
    "example",
    "test",
];
/// What stands around a word and is none of it.
const AROUND: [char; 12] = ['.', ':', '!', '?', '[', ']', '*', '“', '”', '‘', '’', '#'];

impl Redactor {
    /// The word with another name, if it is one that has to have one.
    pub(super) fn token(&mut self, token: &str) -> String {
        if let Some(url) = self.url(token) {
            return url;
        }
        // `address=10.0.0.1:2181`.
        let mut key = "";
        let mut parts = Vec::new();
        let mut rest = Some(token);
        while let Some(from) = rest {
            // A path may have the sign in it.
            let split = from.split_once('=').filter(|_| !begins_path(from));
            let (part, behind) = split.map_or((from, None), |(part, rest)| (part, Some(rest)));
            parts.push(self.value_of(key, part));
            key = part;
            rest = behind;
        }
        parts.join("=")
    }

    /// What stands behind a key, or alone.
    fn value_of(&mut self, key: &str, value: &str) -> String {
        let is = |keys: &[&str]| keys.iter().any(|one| key.ends_with(one));
        if is(&["version"]) {
            value.to_owned()
        } else if is_user_key(key) && !is_nobody(value) && !value.contains(['@', '/']) {
            self.user_named(value)
        } else if is(&["host.name", "hostname", "HOSTNAME"]) {
            self.names.of(Kind::Host, value)
        } else {
            self.bare(value)
        }
    }

    /// Without what stands around it.
    fn bare(&mut self, word: &str) -> String {
        let from = word.trim_start_matches(AROUND);
        let bare = from.trim_end_matches(AROUND);
        let before = &word[..word.len() - from.len()];
        let behind = &from[bare.len()..];
        // `file:/srv/app.xml`, and the paths of a class path.
        let parts = bare
            .split(":/")
            .enumerate()
            .map(|(number, part)| match number {
                0 => self.one(part),
                _ => {
                    let path = self.one(&format!("/{part}"));
                    format!(":{path}")
                }
            });
        let parts: String = parts.collect();
        format!("{before}{parts}{behind}")
    }

    fn one(&mut self, word: &str) -> String {
        let known = self
            .address(word)
            .or_else(|| self.resolved(word))
            .or_else(|| self.path_of(word))
            .or_else(|| self.host(word))
            .or_else(|| self.principal(word));
        match known {
            Some(other) => other,
            None => self.without_addresses(word),
        }
    }

    /// `10.0.0.1`, `10.0.0.1:2181`, `2001:db8::1]:2181`, `fe80::1%eth0`.
    fn address(&mut self, word: &str) -> Option<String> {
        if let Ok(address) = word.parse::<IpAddr>() {
            return Some(self.addresses.of(address).to_string());
        }
        if let Ok(address) = word.parse::<SocketAddr>() {
            let ip = self.addresses.of(address.ip());
            return Some(SocketAddr::new(ip, address.port()).to_string());
        }
        // The bracket before it stands around the word.
        if let Some((address, port)) = word.split_once("]:") {
            let address = self.address(address)?;
            return Some(format!("{address}]:{port}"));
        }
        if let Some((address, interface)) = word.split_once('%') {
            let address = self.addresses.of(address.parse().ok()?);
            return Some(format!("{address}%{interface}"));
        }
        None
    }

    /// `zk1.shop.example/10.0.0.1:2181`, as Java prints it, `/10.0.0.1:2181`, and an address
    /// with a chroot.
    fn resolved(&mut self, word: &str) -> Option<String> {
        let (host, address) = word.split_once('/')?;
        if let Some(before) = self.address(host) {
            let chroot = match address {
                "" => "/".to_owned(),
                path => self.names.path(&format!("/{path}")),
            };
            return Some(format!("{before}{chroot}"));
        }
        // `zk1:2181/shop`.
        if host.contains(':')
            && let Some(before) = self.host(host)
        {
            let chroot = self.names.path(&format!("/{address}"));
            return Some(format!("{before}{chroot}"));
        }
        let is_address = address
            .bytes()
            .all(|byte| byte.is_ascii_hexdigit() || matches!(byte, b'.' | b':' | b'%'));
        let is_one = is_address && address.contains([':', '.']);
        if !is_one {
            return None;
        }
        let address = match self.address(address) {
            Some(address) => address,
            None => self.without_addresses(address),
        };
        match host.is_empty() {
            true => Some(format!("/{address}")),
            false => Some(format!("{}/{address}", self.host_named(host))),
        }
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
            None => self.host_named(name),
        };
        let port = port.map_or_else(String::new, |port| format!(":{port}"));
        let path = match path.len() {
            0 | 1 => path.to_owned(),
            _ => self.names.path(path),
        };
        // What stands before the scheme, such as a key.
        let scheme = self.without_addresses(scheme);
        Some(format!("{scheme}://{name}{port}{path}"))
    }

    /// `/srv/shop/app.log`, also with a line behind a colon; `~/app.log`, `./app.log`.
    fn path_of(&mut self, word: &str) -> Option<String> {
        let is_system = SYSTEM.iter().any(|folder| word.starts_with(folder));
        let is_path = begins_path(word) || word.contains(":\\");
        if !is_path || word.len() < 2 || is_system {
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

    /// `zk1:2181` in front of a traced port, and `zk1.shop.internal` with any, several or none.
    fn host(&mut self, word: &str) -> Option<String> {
        let (name, ports) = match word.split_once(':') {
            Some((name, ports)) => (name, Some(ports)),
            None => (word, None),
        };
        let numbers = ports.map(|ports| ports.split(':').map(str::parse::<u16>));
        let numbers: Vec<_> = numbers.into_iter().flatten().collect();
        let is_traced = numbers
            .first()
            .and_then(|port| port.as_ref().ok())
            .is_some_and(|port| self.ports.contains(port));
        let is_named = numbers.iter().all(Result::is_ok) && is_in_a_domain(name);
        // A setting is no host: `clientPort:2181`.
        let is_setting = name.chars().any(|one| one.is_ascii_uppercase());
        if !is_name(name) || !(is_traced && !is_setting || is_named || is_of_address(name)) {
            return None;
        }
        let other = self.host_named(name);
        Some(match ports {
            Some(ports) => format!("{other}:{ports}"),
            None => other,
        })
    }

    /// `zookeeper/zk1.shop.example@SHOP.EXAMPLE`, `bob@zk1.shop.example`.
    fn principal(&mut self, word: &str) -> Option<String> {
        let (who, realm) = word.split_once('@')?;
        if let Some(program) = self.names.program(word) {
            return Some(program.clone());
        }
        if !is_name(realm) {
            return None;
        }
        let (service, host) = match who.split_once('/') {
            Some((service, host)) => (service, Some(host)),
            None => (who, None),
        };
        let service = match host {
            // Nobody says that it is a service's name.
            Some(_) => self.without_addresses(service),
            None => self.user_named(service),
        };
        let host = host.map_or_else(String::new, |host| {
            let host = self.address(host).unwrap_or_else(|| self.host_named(host));
            format!("/{host}")
        });
        Some(format!("{service}{host}@{}", self.host_named(realm)))
    }

    /// A host by another name, which prose has from now on, too.
    pub(super) fn host_named(&mut self, name: &str) -> String {
        if name.contains(|one: char| one.is_ascii_digit() || "-.".contains(one)) {
            self.names.learn(Kind::Host, name);
        }
        self.names.of(Kind::Host, name)
    }

    /// Whatever the word is: each address in it is replaced.
    pub(super) fn without_addresses(&mut self, word: &str) -> String {
        let mut replaced = String::with_capacity(word.len());
        let mut rest = word;
        while !rest.is_empty() {
            let is_of_one = |one: char| one.is_ascii_hexdigit() || one == '.' || one == ':';
            let start = rest.find(is_of_one).unwrap_or(rest.len());
            let (before, from) = rest.split_at(start);
            replaced.push_str(before);
            let end = from.find(|one| !is_of_one(one)).unwrap_or(from.len());
            let (run, behind) = from.split_at(end);
            replaced.push_str(&self.run(run));
            rest = behind;
        }
        replaced
    }

    /// Hexadecimal digits, dots and colons: an IPv6 address, or words with IPv4 ones between.
    fn run(&mut self, run: &str) -> String {
        let groups: Vec<_> = run.splitn(9, ':').collect();
        let (eight, port) = match groups.as_slice() {
            // `2001:db8:0:0:0:0:0:5:2181`, as older JVMs print it.
            [first @ .., port] if groups.len() == 9 => (first.join(":"), Some(port)),
            _ => (run.to_owned(), None),
        };
        if run.matches(':').count() > 1
            && let Ok(address) = eight.parse::<Ipv6Addr>()
        {
            let address = self.addresses.of(IpAddr::V6(address));
            return port.map_or_else(|| address.to_string(), |port| format!("{address}:{port}"));
        }
        let parts = run.split(':').map(|part| {
            // `a10.0.0.1` has a letter before it.
            let digits = part.trim_start_matches(|one: char| one.is_ascii_alphabetic());
            let (letters, digits) = part.split_at(part.len() - digits.len());
            let bare = digits.trim_matches('.');
            match bare.parse::<Ipv4Addr>() {
                Ok(address) => {
                    let other = self.addresses.of(IpAddr::V4(address)).to_string();
                    format!("{letters}{}", digits.replace(bare, &other))
                }
                Err(_) => part.to_owned(),
            }
        });
        let parts: Vec<_> = parts.collect();
        parts.join(":")
    }
}

fn begins_path(word: &str) -> bool {
    let begins = ["/", "./", "../", "~/"];
    begins.iter().any(|begin| word.starts_with(begin))
}

/// Names of classes begin with their domain, those of hosts end with it.
fn is_in_a_domain(name: &str) -> bool {
    let is_lower = !name.chars().any(|one| one.is_ascii_uppercase());
    let labels: Vec<_> = name.split('.').collect();
    let [.., before, last] = labels.as_slice() else {
        return false;
    };
    let is_country = labels.len() > 2 && last.len() == 2 && *last != "io" && before.len() > 1;
    let is_word = last.chars().all(|one| one.is_ascii_alphabetic());
    // `gevent.local`, `java.net`: two words are mostly a module.
    let is_telling = before.contains(|one: char| one.is_ascii_digit() || one == '-');
    let is_domain = DOMAINS.contains(last) && (labels.len() > 2 || is_telling);
    is_lower && is_word && (is_domain || is_country)
}

/// `ip-10-0-0-1`, as clouds call their hosts.
fn is_of_address(name: &str) -> bool {
    let mut parts = name.split('.').next().unwrap_or(name).split('-');
    let begins = parts.next() == Some("ip");
    begins && parts.clone().count() == 4 && parts.all(|part| part.parse::<u8>().is_ok())
}
