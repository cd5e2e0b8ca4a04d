// SPDX-License-Identifier: MIT
//! The minute in which most happened, in whatever order the lines come: several servers' logs
//! are read one after another, and a clock can be set back.

use super::moment::Moment;

/// Minutes that are kept whatever room there is: threads overtake each other by less than one.
const ALWAYS: usize = 2;

/// Minutes that may be kept beyond [`ALWAYS`], of many addresses together. 16 bytes each.
#[derive(Debug)]
pub struct Room(usize);

impl Room {
    pub const fn of(minutes: usize) -> Self {
        Self(minutes)
    }

    fn take(&mut self) -> bool {
        let left = self.0.checked_sub(1);
        self.0 = left.unwrap_or(0);
        left.is_some()
    }

    fn give(&mut self, minutes: usize) {
        self.0 = self.0.saturating_add(minutes);
    }
}

/// Counts by minute, and the minute with most.
#[derive(Clone, Debug, Default)]
pub struct Busiest {
    /// In the order of time, without those that nothing happened in.
    minutes: Vec<(i64, u64)>,
    /// The place of the minute that was counted last: most events are of the same one.
    open: usize,
    /// The latest minute that was dropped for want of room.
    dropped: Option<i64>,
    /// Whether something came late, for a minute that may have been dropped.
    is_unknown: bool,
    most: (i64, u64),
}

impl Busiest {
    /// Adds to the minute of `at`.
    pub fn add(&mut self, at: Moment, count: u64, room: &mut Room) {
        if count == 0 {
            return;
        }
        let minute = at.minute();
        let is_open = |(open, _): &(i64, u64)| *open == minute;
        if !self.minutes.get(self.open).is_some_and(is_open) {
            self.open = self.place(minute, room);
        }
        let Some((_, sum)) = self.minutes.get_mut(self.open) else {
            return;
        };
        *sum = sum.saturating_add(count);
        // Of two the earlier, in whatever order they come.
        if (*sum, -minute) > (self.most.1, -self.most.0) {
            self.most = (minute, *sum);
        }
    }

    fn place(&mut self, minute: i64, room: &mut Room) -> usize {
        self.is_unknown |= self.dropped.is_some_and(|dropped| minute <= dropped);
        let place = match self.minutes.binary_search_by_key(&minute, |(at, _)| *at) {
            Ok(place) => return place,
            Err(place) => place,
        };
        self.minutes.insert(place, (minute, 0));
        if self.minutes.len() <= ALWAYS || room.take() {
            return place;
        }
        let latest = self.minutes.len() - ALWAYS;
        self.dropped = self
            .minutes
            .drain(..latest)
            .next_back()
            .map(|(at, _)| at)
            .max(self.dropped);
        // The one without room had taken none.
        room.give(latest - 1);
        self.is_unknown |= place < latest;
        place.checked_sub(latest).unwrap_or(usize::MAX)
    }

    /// The minute and its count; `None` where lines came too late to know.
    pub fn most(&self) -> Option<(Moment, u64)> {
        let is_known = self.most.1 > 0 && !self.is_unknown;
        is_known.then(|| (Moment::of_minute(self.most.0), self.most.1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn most(minutes: &[i64], room: usize) -> (Option<(i64, u64)>, usize) {
        let (mut busiest, mut left) = (Busiest::default(), Room::of(room));
        for minute in minutes {
            busiest.add(Moment::of_minute(*minute), 1, &mut left);
        }
        let most = busiest.most().map(|(at, count)| (at.minute(), count));
        let kept = busiest.minutes.len();
        assert_eq!(left.0 + kept.saturating_sub(ALWAYS), room);
        (most, kept)
    }

    /// The logs of two servers, one after the other.
    #[test]
    fn two_logs_of_one_hour_are_counted_together() {
        let two: Vec<_> = [0, 1, 1, 2, 3].into_iter().chain([0, 2, 2, 3, 9]).collect();
        assert_eq!(most(&two, 100).0, Some((2, 3)));
        // Of two the earlier.
        assert_eq!(most(&[5, 3, 5, 3], 100).0, Some((3, 2)));
    }

    #[test]
    fn without_room_a_log_in_order_is_counted_all_the_same_and_another_not_at_all() {
        let in_order = [0, 0, 1, 0, 2, 2, 2, 3, 4, 3, 5];
        assert_eq!(most(&in_order, 0), (Some((0, 3)), ALWAYS));
        assert_eq!(most(&[0, 1, 2, 3, 0], 0).0, None);
        assert_eq!(most(&[0, 1, 2, 3, 0], 2).0, Some((0, 2)));
    }

    proptest! {
        #[test]
        fn what_is_named_is_so(minutes in prop::collection::vec(0i64..30, 1..300), room in 0usize..40) {
            let count = |of: &i64| minutes.iter().filter(|minute| *minute == of).count() as u64;
            let best = minutes.iter().map(count).max();
            let (most, kept) = most(&minutes, room);
            prop_assert!(kept <= room + ALWAYS);
            prop_assert!(room < 30 || most.is_some());
            if let Some((minute, named)) = most {
                prop_assert_eq!((count(&minute), Some(named)), (named, best));
            }
        }
    }
}
