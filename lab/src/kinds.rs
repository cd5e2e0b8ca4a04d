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
//! | `pauses`, `oversized`, `healthy` | a server that hangs; a packet too large; nothing wrong |

mod authentication;
mod between;
pub(crate) mod expected;
mod handles;
mod healthy;
mod incident;

mod network;
mod oversized;
mod pauses;
mod ports;
mod probes;
mod refused;
mod requests;
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
    /// Whether it starts in under 20 s.
    pub quick: bool,
    /// What zkchurn must make of it.
    pub expected: Expected,
    /// Brings it about and traces it.
    pub run: fn(&Scene<'_>) -> Result<Truth>,
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
    ]
    .into_iter()
    .flatten()
    .collect()
}
