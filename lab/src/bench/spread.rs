// SPDX-License-Identifier: MIT
//! The middle and the quartiles of a figure.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Median and quartiles of some measurements.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Spread {
    /// A quarter lies below.
    pub low: f64,
    /// The median.
    pub middle: f64,
    /// A quarter lies above.
    pub high: f64,
    pub count: usize,
}

impl Spread {
    /// Of these; `None` of none.
    pub(crate) fn of(figures: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut figures: Vec<_> = figures.into_iter().collect();
        figures.sort_by(f64::total_cmp);
        (!figures.is_empty()).then(|| Self {
            low: quantile(&figures, 0.25),
            middle: quantile(&figures, 0.5),
            high: quantile(&figures, 0.75),
            count: figures.len(),
        })
    }
}

/// Between the two nearest, in proportion.
fn quantile(sorted: &[f64], part: f64) -> f64 {
    let place = part * (sorted.len() - 1) as f64;
    let below = sorted[place.floor() as usize];
    let above = sorted[place.ceil() as usize];
    below + (above - below) * place.fract()
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = match self.middle.abs() {
            middle if middle >= 100.0 => 0,
            middle if middle >= 10.0 => 1,
            _ => 2,
        };
        write!(
            f,
            "{:.digits$} [{:.digits$}..{:.digits$}]",
            self.middle, self.low, self.high
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quartiles_lie_between_their_neighbours() {
        let spread = Spread::of([4.0, 1.0, 3.0, 2.0]).expect("four figures");
        assert_eq!((spread.low, spread.middle, spread.high), (1.75, 2.5, 3.25));
        assert_eq!(spread.to_string(), "2.50 [1.75..3.25]");
        assert_eq!(Spread::of([]), None);
    }
}
