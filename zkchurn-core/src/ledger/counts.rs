// SPDX-License-Identifier: MIT
//! Counts by a key of which only a few values occur: outcomes, endings, sizes.

/// Counts in the order of their keys.
///
/// A thread ends its connections in one way or two. A list of those is found faster
/// than a place in a tree, and takes 16 bytes where a tree begins with hundreds.
#[derive(Clone, Debug)]
pub struct Counts<K>(Vec<(K, u64)>);

impl<K> Default for Counts<K> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<K: Copy + Ord> Counts<K> {
    /// Counts `count` more of `key`.
    #[inline]
    pub fn add(&mut self, key: K, count: u64) {
        // A loop over two entries needs no search.
        if let Some((_, counted)) = self.0.iter_mut().find(|(known, _)| *known == key) {
            *counted += count;
            return;
        }
        let place = self.0.partition_point(|(known, _)| *known < key);
        self.0.insert(place, (key, count));
    }

    /// Adds other counts.
    pub fn absorb(&mut self, other: &Self) {
        for (key, count) in other.iter() {
            self.add(key, count);
        }
    }

    /// How many there are of `key`.
    pub fn get(&self, key: K) -> u64 {
        let found = self.0.iter().find(|(known, _)| *known == key);
        found.map_or(0, |(_, count)| *count)
    }

    /// The keys that occurred, in order, with their counts.
    pub fn iter(&self) -> impl Iterator<Item = (K, u64)> + '_ {
        self.0.iter().copied()
    }

    /// How many keys occurred.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::Counts;

    #[test]
    fn keys_are_in_order_however_they_came() {
        let mut counts = Counts::default();
        for key in [3, 1, 2, 3, 1, 3] {
            counts.add(key, 1);
        }
        let mut more = Counts::default();
        more.add(0, 5);
        more.add(3, 5);
        counts.absorb(&more);
        let all: Vec<_> = counts.iter().collect();
        assert_eq!(all, [(0, 5), (1, 2), (2, 1), (3, 8)]);
        assert_eq!((counts.get(3), counts.get(4)), (8, 0));
    }
}
