// SPDX-License-Identifier: MIT
//! The part of a log that is counted.

use super::moment::Moment;

/// From when to when lines are counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Window {
    /// From this moment on.
    pub since: Option<Moment>,
    /// Up to, and without, this moment.
    pub until: Option<Moment>,
}

impl Window {
    /// Whether all lines are counted, also those without a time.
    pub fn is_all(&self) -> bool {
        self.since.is_none() && self.until.is_none()
    }

    /// Whether a line of this time is counted.
    pub fn holds(&self, at: Option<Moment>) -> bool {
        let Some(at) = at else { return self.is_all() };
        self.since.is_none_or(|since| at >= since) && self.until.is_none_or(|until| at < until)
    }

    /// Whether it holds a part of the second that `at` is in.
    pub(super) fn touches_second_of(&self, at: Moment) -> bool {
        let begins = at.0.div_euclid(1000) * 1000;
        self.since.is_none_or(|since| begins + 999 >= since.0)
            && self.until.is_none_or(|until| begins < until.0)
    }

    /// ` between 2026-11-25 04:13:00 and 2026-11-25 04:14:00`; empty where all is counted.
    pub fn words(&self) -> String {
        match (self.since, self.until) {
            (None, None) => String::new(),
            (Some(since), None) => format!(" since {since}"),
            (None, Some(until)) => format!(" before {until}"),
            (Some(since), Some(until)) => format!(" between {since} and {until}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_is_touched_that_a_part_of_the_window_is_in() {
        let window = Window {
            since: Some(Moment(1_500)),
            until: Some(Moment(3_000)),
        };
        let touched = |at| window.touches_second_of(Moment(at));
        assert!(!touched(999) && touched(1_000) && touched(2_999) && !touched(3_000));
        let before = Window {
            since: None,
            until: Some(Moment(-500)),
        };
        assert!(before.touches_second_of(Moment(-1)) && !before.touches_second_of(Moment(0)));
    }
}
