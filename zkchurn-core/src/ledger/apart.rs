// SPDX-License-Identifier: MIT
//! Whether a network namespace tells two rows apart: each has its own 127.0.0.1, and a pod of the
//! host's network the ports of another, so that what reads alike may be two.

use std::collections::{BTreeMap, BTreeSet};

/// What reads alike, and in which network namespaces it is.
#[derive(Clone, Debug)]
pub struct Apart<Looks> {
    namespaces: BTreeMap<Looks, BTreeSet<Option<u32>>>,
}

impl<Looks: Ord> Apart<Looks> {
    /// Of all that is side by side: how it reads, and the inode of its network namespace.
    pub fn of(all: impl Iterator<Item = (Looks, Option<u32>)>) -> Self {
        let mut namespaces: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        for (looks, netns) in all {
            namespaces.entry(looks).or_default().insert(netns);
        }
        Self { namespaces }
    }

    /// The namespace, where what reads alike is in another one, too.
    pub fn netns(&self, looks: &Looks, netns: Option<u32>) -> Option<u32> {
        let all = self.namespaces.get(looks);
        netns.filter(|_| all.is_some_and(|all| all.len() > 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_is_named_where_another_one_reads_alike() {
        let rows = [("a", Some(1)), ("a", Some(2)), ("b", Some(1)), ("c", None)];
        let apart = Apart::of(rows.into_iter().chain([("b", Some(1))]));
        assert_eq!(apart.netns(&"a", Some(1)), Some(1));
        assert_eq!(apart.netns(&"b", Some(1)), None);
        assert_eq!(apart.netns(&"c", None), None);
        assert_eq!(apart.netns(&"d", Some(1)), None);
    }
}
