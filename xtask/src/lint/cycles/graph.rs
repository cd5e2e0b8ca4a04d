// SPDX-License-Identifier: MIT
//! Which module names which, and the groups in which every module reaches every other.

use std::collections::{BTreeMap, BTreeSet};

/// Imports between modules, each with a file that has it.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    edges: BTreeMap<String, BTreeMap<String, String>>,
}

impl Graph {
    /// `from` names `to` in `file`. A module may name itself.
    pub(crate) fn add(&mut self, from: &str, to: &str, file: &str) {
        let named = self.edges.entry(from.to_owned()).or_default();
        if from != to {
            named
                .entry(to.to_owned())
                .or_insert_with(|| file.to_owned());
        }
    }

    /// The groups of two modules or more that reach each other.
    pub(crate) fn cycles(&self) -> Vec<Vec<&str>> {
        let reached: BTreeMap<&str, BTreeSet<&str>> = self
            .modules()
            .map(|from| (from, self.reach(from)))
            .collect();
        let mutual = |from: &str, to: &str| {
            let reaches = |a: &str, b: &str| reached.get(a).is_some_and(|set| set.contains(b));
            reaches(from, to) && reaches(to, from)
        };
        let mut left: BTreeSet<&str> = self.modules().collect();
        let mut cycles = Vec::new();
        while let Some(first) = left.pop_first() {
            let others: Vec<&str> = left
                .iter()
                .copied()
                .filter(|to| mutual(first, to))
                .collect();
            if others.is_empty() {
                continue;
            }
            left.retain(|module| !others.contains(module));
            cycles.push([vec![first], others].concat());
        }
        cycles
    }

    /// The imports among these modules: from, to, file.
    pub(crate) fn edges_within<'g>(
        &'g self,
        modules: &'g [&str],
    ) -> impl Iterator<Item = (&'g str, &'g str, &'g str)> {
        let within = |module: &str| modules.contains(&module);
        self.edges
            .iter()
            .filter(move |(from, _)| within(from))
            .flat_map(|(from, named)| {
                let named = named.iter();
                named.map(move |(to, file)| (from.as_str(), to.as_str(), file.as_str()))
            })
            .filter(move |(_, to, _)| within(to))
    }

    fn modules(&self) -> impl Iterator<Item = &str> {
        self.edges.keys().map(String::as_str)
    }

    /// Everything that `from` names, and what that names, and so on.
    fn reach<'g>(&'g self, from: &'g str) -> BTreeSet<&'g str> {
        let mut reached = BTreeSet::new();
        let mut next: Vec<&str> = vec![from];
        while let Some(module) = next.pop() {
            let named = self.edges.get(module).into_iter().flat_map(BTreeMap::keys);
            next.extend(named.map(String::as_str).filter(|to| reached.insert(*to)));
        }
        reached
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(edges: &[(&str, &str)]) -> Graph {
        let mut graph = Graph::default();
        for (from, to) in edges {
            graph.add(from, to, "a.rs");
            graph.add(to, to, "a.rs");
        }
        graph
    }

    #[test]
    fn a_chain_is_no_cycle() {
        let chain = graph(&[("a", "b"), ("b", "c"), ("a", "c"), ("c", "c")]);
        assert!(chain.cycles().is_empty());
    }

    #[test]
    fn each_cycle_is_found_once_with_its_imports() {
        let knot = graph(&[
            ("a", "b"),
            ("b", "c"),
            ("c", "a"),
            ("d", "a"),
            ("e", "f"),
            ("f", "e"),
        ]);
        let cycles = knot.cycles();
        assert_eq!(cycles, [vec!["a", "b", "c"], vec!["e", "f"]]);
        assert_eq!(knot.edges_within(&cycles[1]).count(), 2);
    }
}
