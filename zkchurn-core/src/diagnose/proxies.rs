// SPDX-License-Identifier: MIT
//! Programs that open a connection for each of their clients': what they open and close is what
//! those do.

use super::case::Case;

const PROXIES: [&str; 8] = [
    "haproxy",
    "envoy",
    "nginx",
    "traefik",
    "kube-proxy",
    "docker-proxy",
    "stunnel",
    "socat",
];

/// The program, where it is one of those.
pub(super) fn proxy<'a>(case: &'a Case<'_>) -> Option<&'a str> {
    let program = case.label().split(' ').next()?;
    PROXIES.contains(&program).then_some(program)
}

/// Where its clients are found.
pub(super) fn find_clients(proxy: &str) -> String {
    format!(
        "find those clients: {proxy}'s log, or a trace of the port that they connect to (`--port`, \
         `--side server` on this host)"
    )
}
