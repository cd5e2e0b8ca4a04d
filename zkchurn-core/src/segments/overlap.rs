// SPDX-License-Identifier: MIT
//! Recordings of the same time, as a part beside the whole that it was cut from, or of two traces
//! at once: a connection that two of them tell of would be counted twice, so one is read.

use std::collections::BTreeMap;

use super::plan::{Joint, joint, number};
use crate::frame::TraceStart;

/// By so much two segments that a recorder wrote one after the other may seem to overlap: it reads
/// the clock, and what came before is written a little later.
const WRITTEN_LATER_NS: u64 = 5_000_000_000;

/// Takes those out of the order that overlap longer ones, and returns them in the order of their
/// places. Ends are only asked for where something may overlap: a recorder's segments do not.
pub(super) fn take_out(
    starts: &[TraceStart],
    order: &mut Vec<usize>,
    end_of: &mut impl FnMut(usize) -> u64,
) -> Vec<usize> {
    let begin_ns = |index: usize| starts[index].clock.monotonic_ns;
    let overlaps = order.windows(2).any(|pair| {
        let (before, after) = (pair[0], pair[1]);
        let may = matches!(
            joint(Some(&starts[before]), &starts[after]),
            Joint::Run | Joint::Part
        );
        may && end_of(before) > begin_ns(after)
    });
    if !overlaps {
        return Vec::new();
    }
    let length_ns = |index: usize, end_ns: u64| end_ns.saturating_sub(begin_ns(index));
    let mut longest: Vec<_> = order.iter().map(|index| (*index, end_of(*index))).collect();
    longest.sort_by_key(|(index, end_ns)| std::cmp::Reverse(length_ns(*index, *end_ns)));
    let mut kept: BTreeMap<u64, (usize, u64)> = BTreeMap::new();
    let mut taken_out = Vec::new();
    for (index, end_ns) in longest {
        let from_ns = begin_ns(index);
        let before = kept.range(..=from_ns).next_back();
        let after = kept.range(from_ns..).next();
        let is_before = before.is_none_or(|(_, (other, until_ns))| {
            *until_ns <= from_ns + slack(starts, *other, index)
        });
        let is_after =
            after.is_none_or(|(at_ns, (other, _))| end_ns <= at_ns + slack(starts, index, *other));
        match is_before && is_after {
            true => {
                kept.insert(from_ns, (index, end_ns));
            }
            false => taken_out.push(index),
        }
    }
    order.retain(|index| !taken_out.contains(index));
    taken_out.sort_unstable();
    taken_out
}

fn slack(starts: &[TraceStart], before: usize, after: usize) -> u64 {
    let [before, after] = [before, after].map(|index| &starts[index]);
    let follows =
        before.run_id.is_some() && before.run_id == after.run_id && number(before) < number(after);
    if follows { WRITTEN_LATER_NS } else { 0 }
}
