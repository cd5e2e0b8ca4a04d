// SPDX-License-Identifier: MIT
//! Monitors that ask four-letter words.

use std::time::Duration;

use anyhow::Result;

use super::Kind;
use super::expected::{Expected, Findings};
use super::probes::probe;
use super::scene::Scene;
use super::truth::Truth;

const COUNT: u32 = 12;
const MONITOR: Findings = Findings::must(&[&["four_letter_word_monitor"]]);
/// `mntr` and `stat` are answered with as much as there is to say.
const SOME: (u64, u64) = (4, 65_536);

/// The kinds of this file.
pub(super) const KINDS: &[Kind] = &[
    Kind {
        name: "four_letter_python",
        about: "a Python monitor asks ruok, stat and mntr in turn",
        quick: true,
        expected: Expected {
            outcomes: &["answered_then_closed_by_peer"],
            payload_out: (4, 4),
            payload_in: SOME,
            plain: MONITOR,
            handshake: MONITOR,
        },
        run: python,
    },
    Kind {
        name: "four_letter_nc_ruok",
        about: "`echo -n ruok | nc -q 1` every 2 s",
        quick: true,
        expected: Expected {
            outcomes: &["answered_then_closed_by_us", "answered_then_closed_by_peer"],
            payload_out: (4, 4),
            payload_in: (4, 4),
            plain: MONITOR,
            handshake: MONITOR,
        },
        run: |scene| nc(scene, &["-q", "1"], b"ruok", Duration::from_secs(2)),
    },
    Kind {
        name: "four_letter_nc_stat",
        about: "`echo stat | nc` once a second; the newline is one byte too many",
        quick: true,
        expected: Expected {
            outcomes: &["answered_then_closed_by_peer", "reset_by_peer"],
            payload_out: (5, 5),
            payload_in: (0, 65_536),
            plain: MONITOR,
            handshake: MONITOR,
        },
        run: |scene| nc(scene, &[], b"stat\n", Duration::from_secs(1)),
    },
];

fn python(scene: &Scene<'_>) -> Result<Truth> {
    let _server = scene.server()?;
    let tracer = scene.trace()?;
    let truth = probe(scene, "word", COUNT)?;
    tracer.stop()?;
    Ok(truth)
}

fn nc(scene: &Scene<'_>, options: &[&str], input: &[u8], period: Duration) -> Result<Truth> {
    let _server = scene.server()?;
    let tracer = scene.trace()?;
    let port = scene.port.to_string();
    let program = [&["nc"], options, &["127.0.0.1", &port]].concat();
    let processes = scene.repeat(COUNT, period, &program, input)?;
    tracer.stop()?;
    Ok(Truth::counted(processes.len(), &processes))
}
