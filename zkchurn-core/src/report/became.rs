// SPDX-License-Identifier: MIT
//! Processes that became another program under their pid during the trace (exec), as entry
//! points of containers do. A row is that of a pid and a peer.

use std::collections::BTreeSet;

use crate::{process::ProcessKey, registry::Registry, text};

/// Most that are named.
const MOST: usize = 4;

/// A sentence for each such process, and one for how many more there are.
pub(super) fn sentences(
    registry: &Registry,
    processes: impl Iterator<Item = ProcessKey>,
) -> Vec<String> {
    let processes: BTreeSet<_> = processes.collect();
    let became = |key: ProcessKey| {
        let former = registry.former(key);
        let last = registry.get(key)?.label();
        let mut labels: Vec<_> = former.iter().map(|one| one.label()).collect();
        labels.push(last);
        (labels.len() > 1).then(|| {
            format!(
                "pid {} became another program during the trace (exec): {}. Lines and filters name \
                 the one that opened the connection; where several connected to one peer, its row \
                 has the connections of all and the name of the one that did so last",
                key.pid,
                labels.join(", then ")
            )
        })
    };
    let mut sentences: Vec<_> = processes.into_iter().filter_map(became).collect();
    let more = sentences.len().saturating_sub(MOST);
    sentences.truncate(MOST);
    if more > 0 {
        sentences.push(format!(
            "{} became another program during the trace, too",
            text::counted(more as u64, "more process")
        ));
    }
    sentences
}
