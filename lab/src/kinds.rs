// SPDX-License-Identifier: MIT
//! Kinds of connection churn, each brought about with the real program.
//!
//! A kind is a function that acts on a [`scene::Scene`] (a network namespace,
//! a directory and a port of its own) and tells what the programs themselves
//! know of it: the ground truth. Adding one is an entry in one of these files.
//!
//! | file | kinds |
//! |---|---|
//! | `incident` | the incident, its variants, and mixed with a probe |
//! | `probes` | what connects and says nothing |
//! | `words`, `strangers` | four-letter words; HTTP and TLS at the port |
//! | `refused`, `network`, `stale` | nobody listens; packets are lost; one address is dead |
//! | `unserved` | the limit, no quorum, a server that lost its data |
//! | `sessions`, `requests`, `handles` | expired and shared sessions; a client per request; a leak |
//! | `authentication`, `tls` | SASL refused; TLS that fails at a port that speaks it |
//! | `between` | a proxy without a server; one that cuts what is idle |
//! | `ports` | no local port is free |
//! | `languages` | Node, gevent, eventlet, asyncio, Go and C |
//! | `rejects`, `overload` | packet filters; a server without room |
//! | `held`, `kubernetes` | sockets kept in CLOSE_WAIT; what looks after a server |
//! | `restarts`, `one_jvm` | servers that come and go; two kinds in one process |
//! | `pauses`, `oversized`, `healthy` | a server that hangs; a packet too large; nothing wrong |

mod authentication;
mod between;
pub(crate) mod expected;
mod handles;
mod healthy;
mod held;
mod incident;
mod kubernetes;
mod languages;
mod network;
mod one_jvm;
mod overload;
mod oversized;
mod pauses;
mod ports;
mod probes;
mod refused;
mod rejects;
mod requests;
mod restarts;
pub(crate) mod scene;
mod sessions;
mod stale;
mod strangers;
mod tls;
pub(crate) mod tools;
pub(crate) mod truth;
mod unserved;
mod words;

use anyhow::Result;

use self::expected::Expected;
use self::scene::Scene;
use self::truth::Truth;

/// One kind of churn.
pub(crate) struct Kind {
    /// Its name: of its recording, and in the table.
    pub name: &'static str,
    /// What happens, and by which programs.
    pub about: &'static str,
    /// Whether the suite runs it: it starts in under 20 s, with what the suite installs.
    pub quick: bool,
    /// What zkchurn must make of it.
    pub expected: Expected,
    /// Brings it about and traces it.
    pub run: fn(&Scene<'_>) -> Result<Truth>,
}

/// Relatives of other kinds that are kept away from tuning: no rule was ever changed for
/// their sake. One for which a rule is changed leaves this list.
const KEPT_APART: [&str; 9] = [
    "per_request_gevent",
    "per_request_eventlet",
    "refused_go",
    "reject_on_the_way_go",
    "bash_dev_tcp",
    "kubelet_tcp_socket",
    "rolling_restart",
    "kafka_client",
    "sasl_required_node",
];

impl Kind {
    /// Whether it was kept away from tuning.
    pub(crate) fn is_kept_apart(&self) -> bool {
        KEPT_APART.contains(&self.name)
    }
}

/// All kinds, those that take longest first.
pub(crate) fn all() -> Vec<&'static Kind> {
    [
        network::KINDS,
        incident::KINDS,
        pauses::KINDS,
        unserved::KINDS,
        sessions::KINDS,
        refused::KINDS,
        handles::KINDS,
        requests::KINDS,
        authentication::KINDS,
        tls::KINDS,
        between::KINDS,
        ports::KINDS,
        stale::KINDS,
        oversized::KINDS,
        healthy::KINDS,
        strangers::KINDS,
        words::KINDS,
        probes::KINDS,
        restarts::KINDS,
        overload::KINDS,
        rejects::KINDS,
        languages::KINDS,
        held::KINDS,
        kubernetes::KINDS,
        one_jvm::KINDS,
    ]
    .into_iter()
    .flatten()
    .collect()
}
