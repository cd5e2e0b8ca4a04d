// SPDX-License-Identifier: MIT
//! Gaps as bars: a steady client is a flat line, a back-off a staircase, a burst a comb.

/// Bars, lowest first.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// Bars for one doubling of the gap.
const A_DOUBLING: f64 = 1.5;
/// The bar of the usual gap: its index.
const USUAL: f64 = 3.0;

/// The last gaps that fit, oldest first. The usual gap, the median, is a bar of half
/// height; a gap twice as long is one and a half bars higher.
pub(super) fn bars(gaps: &[u64], columns: usize) -> String {
    let shown = &gaps[gaps.len().saturating_sub(columns)..];
    let mut sorted = shown.to_vec();
    sorted.sort_unstable();
    let Some(median) = sorted.get(sorted.len() / 2) else {
        return String::new();
    };
    let median = (*median).max(1) as f64;
    let bar = |gap: &u64| {
        let doublings = ((*gap).max(1) as f64 / median).log2();
        let level = (USUAL + doublings * A_DOUBLING).round();
        BARS[level.clamp(0.0, 7.0) as usize]
    };
    shown.iter().map(bar).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steady_is_flat_and_what_doubles_climbs() {
        assert_eq!(bars(&[], 8), "");
        assert_eq!(bars(&[1_000, 1_010, 990, 1_000], 8), "▄▄▄▄");
        assert_eq!(bars(&[1, 2, 4, 8, 16], 8), "▁▃▄▆▇");
        assert_eq!(bars(&[7, 7, 1_000, 1_000], 2), "▄▄");
        assert_eq!(bars(&[0, u64::MAX, u64::MAX], 3), "▁▄▄");
    }
}
