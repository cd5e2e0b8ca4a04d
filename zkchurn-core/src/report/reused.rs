// SPDX-License-Identifier: MIT
//! Processes that were selected by a pid which somebody else got during the trace. The kernel
//! program goes by the pid.

use std::collections::{BTreeMap, BTreeSet};

use crate::process::ProcessKey;

/// A sentence for each such pid.
pub(super) fn sentences(
    selected: &BTreeSet<u32>,
    processes: impl Iterator<Item = ProcessKey>,
) -> Vec<String> {
    let mut starts: BTreeMap<u32, BTreeSet<u64>> = BTreeMap::new();
    // Of a start that is not known nothing says that it is another one.
    for process in processes.filter(|process| process.start_ns != 0) {
        if selected.contains(&process.pid) {
            starts
                .entry(process.pid)
                .or_default()
                .insert(process.start_ns);
        }
    }
    let reused = starts.into_iter().filter(|(_, starts)| starts.len() > 1);
    reused
        .map(|(pid, starts)| {
            let (others, all) = match starts.len() {
                2 => ("another process".to_owned(), "both".to_owned()),
                all => (
                    format!("{} other processes in turn", all - 1),
                    format!("all {all}"),
                ),
            };
            format!(
                "pid {pid} went to {others} during the trace: the connections of {all} are in \
                 this report, in rows of their own"
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::TICK_NS;

    fn said(selected: &[u32], processes: &[(u32, u64)]) -> usize {
        let keys = processes.iter();
        let keys = keys.map(|(pid, ticks)| ProcessKey::new(*pid, ticks * TICK_NS));
        sentences(&selected.iter().copied().collect(), keys).len()
    }

    #[test]
    fn all_that_had_it_are_counted() {
        let keys = (1..=3).map(|ticks| ProcessKey::new(7, ticks * TICK_NS));
        let said = sentences(&BTreeSet::from([7]), keys);
        assert!(said[0].contains("2 other processes in turn") && said[0].contains("all 3 are"));
    }

    #[test]
    fn only_a_selected_pid_of_two_processes_is_told_of() {
        assert_eq!(said(&[7], &[(7, 1), (7, 2)]), 1);
        assert_eq!(said(&[7, 8], &[(7, 1), (7, 2), (8, 1), (8, 3)]), 2);
        // To several peers it has several flows.
        assert_eq!(said(&[7], &[(7, 1), (7, 1)]), 0);
        assert_eq!(said(&[7], &[(7, 1), (7, 0)]), 0);
        assert_eq!(said(&[7], &[(8, 1), (8, 2)]), 0);
        assert_eq!(said(&[], &[(7, 1), (7, 2)]), 0);
    }
}
