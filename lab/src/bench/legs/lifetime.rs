// SPDX-License-Identifier: MIT
//! How far a reported lifetime is from the true one: the time from connect's
//! return to the call of close, by the client's own clock.

use anyhow::Result;

use super::Extent;
use crate::bench::generator::Generator;
use crate::bench::load::Order;
use crate::bench::output;
use crate::bench::running::{Bench, Running};
use crate::bench::sample::Sample;
use crate::bench::tool::Tool;

const TOOLS: [Tool; 3] = [Tool::Json, Tool::Tcplife, Tool::TcplifePort];
/// For how long connections are held, in ms.
pub(crate) const HELD_MS: [f64; 4] = [1.0, 5.0, 20.0, 100.0];

/// Each tool once, with all times.
pub(super) fn round(bench: &Bench, load: &mut Generator, extent: &Extent) -> Result<Vec<Sample>> {
    let mut samples = Vec::new();
    for tool in TOOLS {
        let mut running = Running::start(tool, bench, &load.namespace)?;
        let mut truth = Vec::new();
        for held_ms in HELD_MS {
            let order = Order::Hold {
                milliseconds: held_ms,
                count: extent.held,
            };
            let held = load.order(&order)?.held;
            truth.extend(held.into_iter().map(|(port, ns)| (held_ms, port, ns)));
        }
        running.settle();
        running.end()?;
        let reported = output::lifetimes(tool, &running.files)?;
        samples.extend(truth.into_iter().map(|(held_ms, port, ns)| {
            let error = reported.get(&port).map(|reported| reported - ns as f64);
            Sample::Lifetime {
                tool,
                held_ms,
                error_us: error.map(|ns| ns / 1e3),
            }
        }));
    }
    Ok(samples)
}
