// SPDX-License-Identifier: MIT
//! Programs that open a connection for each of their clients': what they open and close is what
//! those do.
//!
//! Nothing that is traced tells such a program from a client: the names of some are known.

use super::{
    case::{Case, ClientThread, Runtime},
    churn::Churn,
    finding::Verdict,
};
use crate::process::{COMM, script::is_interpreter};

/// Proxies, tunnels and port forwards. Those that are clients of ZooKeeper, too, or listen as tools
/// by hand do, are none of them: nginx and Traefik may be either.
const PROXIES: [&str; 40] = [
    "3proxy",
    "chisel",
    "cloudflared",
    "containerd",
    "crio",
    "danted",
    "dbclient",
    "docker-proxy",
    "dropbear",
    "envoy",
    "frpc",
    "frps",
    "ghostunnel",
    "gost",
    "gvproxy",
    "haproxy",
    "hitch",
    "kube-proxy",
    "linkerd2-proxy",
    "passt",
    "pasta",
    "rathole",
    "redir",
    "redsocks",
    "rinetd",
    "rootlessport",
    "slirp4netns",
    "socat",
    "sockd",
    "squid",
    "ssh",
    "sshd",
    "sshd-session",
    "stunnel",
    "stunnel4",
    "systemd-socket-proxyd",
    "tinyproxy",
    "toxiproxy-server",
    "wstunnel",
    "xinetd",
];

/// Who opens connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Opener<'a> {
    Proxy(&'a str),
    /// A program that may be a client or forward others' connections.
    Either(&'a str),
    /// A client, or not known at all.
    Other,
}

impl<'a> Opener<'a> {
    fn of(case: &'a Case<'_>) -> Self {
        let label = case.label();
        let program = label.split(' ').next().unwrap_or_default();
        if PROXIES.iter().any(|name| is_name(name, program)) {
            return Self::Proxy(program);
        }
        if let Some(script) = label
            .split([' ', '(', ')', '/'])
            .find(|word| SCRIPTS.contains(word))
        {
            return Self::Proxy(script);
        }
        let is_client = case.runtime != Runtime::Other
            || case.client_thread != ClientThread::NotSeen
            // What an interpreter or an application server runs is named behind it.
            || program.len() < label.len()
            || is_interpreter(program)
            || CLIENTS.contains(&program)
            || !case.logs.is_empty();
        match is_client || program.is_empty() {
            true => Self::Other,
            false => Self::Either(program),
        }
    }
}

/// The same in Python.
const SCRIPTS: [&str; 6] = [
    "mitmdump",
    "mitmproxy",
    "mitmweb",
    "pproxy",
    "proxy.py",
    "sshuttle",
];

/// Programs that run others' code, and ZooKeeper's shells in C.
const CLIENTS: [&str; 5] = ["cli_mt", "cli_st", "php", "php-fpm", "uwsgi"];

/// Whether the connections are opened by a program that does so for its clients.
pub(super) fn is_proxy(case: &Case<'_>) -> bool {
    matches!(Opener::of(case), Opener::Proxy(_))
}

/// Whether a program has this name, which the kernel may have cut.
fn is_name(name: &str, program: &str) -> bool {
    name == program || program.len() == COMM && name.starts_with(program)
}

/// Says of whom it is where a proxy opened them, and that it may be of others where that is not
/// known to be a client itself.
pub(super) fn weigh(name: Churn, case: &Case<'_>, mut verdict: Verdict) -> Verdict {
    let what = match name {
        Churn::ClientPerRequest => {
            "opens a connection for each one of its clients: it is they who come and go"
        }
        Churn::HandleLeak => "keeps a connection open for each one of its clients",
        _ => return verdict,
    };
    match Opener::of(case) {
        Opener::Proxy(proxy) => {
            verdict.next = vec![find_clients(proxy)];
            // First: what else there is, is its clients' as well.
            let first = format!("{proxy} is a proxy, which {what}");
            verdict.reasons_against.insert(0, first);
            verdict
        }
        Opener::Either(program) => verdict
            .but(format!(
                "{program} may be no client itself: a program that forwards connections (a tunnel, \
                 a proxy, a port forward) {what}"
            ))
            .decided_by(format!(
                "whether {program} forwards connections of others: its command line, its \
                 configuration"
            )),
        Opener::Other => verdict,
    }
}

/// Where its clients are found.
fn find_clients(proxy: &str) -> String {
    format!(
        "find those clients: {proxy}'s log, or a trace of the port that they connect to (`--port`, \
         `--side server` on this host)"
    )
}

#[cfg(test)]
mod tests {
    use crate::{
        diagnose::{
            Churn, Finding,
            test_case::{diagnosed, every, only},
        },
        ledger::test_connection::{by, established},
        outcome::Outcome,
    };

    fn opened_by(program: &str, is_held: bool) -> Finding {
        let all = every(1_000, 16, (97, 121, Outcome::AnsweredThenClosedByUs));
        let all = all.into_iter().map(|one| match is_held {
            true => by(established(one), 7, 7, program),
            false => by(one, 7, 7, program),
        });
        only(diagnosed(&all.collect::<Vec<_>>()))
    }

    #[test]
    fn what_a_proxy_opens_is_what_its_clients_do() {
        for proxy in ["haproxy", "ssh", "systemd-socket-", "mitmdump"] {
            for is_held in [false, true] {
                let finding = opened_by(proxy, is_held);
                let name = match is_held {
                    true => Churn::HandleLeak,
                    false => Churn::ClientPerRequest,
                };
                assert_eq!(finding.name, name, "{proxy}");
                let against = finding.reasons_against.join("; ");
                assert!(
                    against.starts_with(&format!("{proxy} is a proxy, which ")),
                    "{against}"
                );
                let next = finding.next.join("; ");
                assert!(next.contains("find those clients"), "{next}");
                assert!(!next.contains("the code that creates"), "{next}");
            }
        }
    }

    #[test]
    fn a_program_that_is_not_known_may_forward_connections() {
        for is_held in [false, true] {
            let said = |program| {
                let finding = opened_by(program, is_held);
                finding.reasons_against.join("; ")
            };
            // nginx and Traefik may be clients of ZooKeeper, too.
            for program in ["acme-tunnel", "nginx", "traefik"] {
                let against = said(program);
                let either = format!("{program} may be no client itself");
                assert!(against.contains(&either), "{against}");
            }
            for client in ["java", "python3", "node", "cli_mt"] {
                let against = said(client);
                assert!(!against.contains("no client itself"), "{client}: {against}");
            }
        }
    }
}
