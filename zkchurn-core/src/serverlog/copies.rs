// SPDX-License-Identifier: MIT
//! Files that hold the same lines: a log and its copy, or what a logger and the journal wrote. Ends of
//! connections are told apart by their ports; everything else would count twice without a word.

use std::{collections::BTreeSet, hash::BuildHasher};

use foldhash::quality::RandomState;

use super::told::Told;

/// Of each file the events with the smallest hashes are kept. Of a file and a part of it these are
/// the same ones, as far as the part has them.
const SAMPLE: usize = 64;
/// Events that two files share by no chance: the same message on one client in one millisecond,
/// behind two others that came in the same ones. A flood has an event in each.
const SHARED: usize = 3;
/// Files that are compared.
const FILES: usize = 1000;

/// Compares files one after another.
#[derive(Default)]
pub(super) struct Copies {
    hash: RandomState,
    current: BTreeSet<u64>,
    /// When the two events before came.
    before: [i64; 2],
    files: Vec<BTreeSet<u64>>,
    /// Pairs of files, by their places.
    found: Vec<(usize, usize)>,
}

impl Copies {
    /// Takes an event of the current file.
    pub(super) fn event(&mut self, told: &Told) {
        let (Some(at), Some(client)) = (told.at, told.client) else {
            return;
        };
        // By seconds only, two servers may refuse one address side by side.
        let is_one = client.port.is_some()
            || told.session.is_some_and(|session| session != 0)
            || at.0 % 1000 != 0;
        if !is_one {
            return;
        }
        let event = (
            at.0,
            self.before,
            client.ip,
            client.port,
            told.session,
            told.source,
        );
        self.before = [self.before[1], at.0];
        let hash = self.hash.hash_one(event);
        let is_full = self.current.len() >= SAMPLE;
        if is_full && self.current.last().is_some_and(|last| *last <= hash) {
            return;
        }
        if self.current.insert(hash) && is_full {
            self.current.pop_last();
        }
    }

    /// The current file is over. Of several that it shares lines with the first counts.
    pub(super) fn end_of_file(&mut self) {
        if self.files.len() >= FILES {
            return;
        }
        self.before = [0; 2];
        let current = std::mem::take(&mut self.current);
        let shares = |file: &BTreeSet<u64>| file.intersection(&current).count() >= SHARED;
        if let Some(other) = self.files.iter().position(shares) {
            self.found.push((other, self.files.len()));
        }
        self.files.push(current);
    }

    /// Pairs of files that hold the same lines, by their places.
    pub(super) fn found(self) -> Vec<(usize, usize)> {
        self.found
    }
}

#[cfg(test)]
mod tests {
    use crate::serverlog::{scan::Scanner, window::Window};

    fn line(seconds: u32, address: &str) -> String {
        format!(
            "2026-11-25 04:{:02}:{:02},{:03} [myid:1] - WARN  [NIOServerCxn.Factory:0.0.0.0/0.0.0.0:2181:\
             NIOServerCnxnFactory@188] - Too many connections from /{address} - max is 60\n",
            seconds / 60 % 60,
            seconds % 60,
            seconds % 997 * u32::from(!address.ends_with(".9")),
        )
    }

    fn found(files: &[String]) -> Vec<(usize, usize)> {
        let mut scanner = Scanner::new(Window::default());
        for file in files {
            file.lines().for_each(|line| scanner.line(line.as_bytes()));
            scanner.end_of_file();
        }
        scanner.finish().1.copies
    }

    #[test]
    fn a_copy_a_part_and_what_overlaps_are_found_and_another_server_is_not() {
        let log = |seconds: std::ops::Range<u32>, address: &str| -> String {
            seconds.map(|second| line(second, address)).collect()
        };
        let whole = log(0..3000, "10.0.0.1");
        let other = log(0..3000, "10.0.0.2");
        assert_eq!(
            found(&[whole.clone(), other.clone(), whole.clone()]),
            [(0, 2)]
        );
        assert_eq!(found(&[log(0..2000, "10.0.0.1"), whole.clone()]), [(0, 1)]);
        assert_eq!(
            found(&[whole.clone(), log(1500..4500, "10.0.0.1")]),
            [(0, 1)]
        );
        assert_eq!(
            found(&[log(0..5, "10.0.0.1"), log(0..5, "10.0.0.1")]),
            [(0, 1)]
        );
        assert_eq!(
            found(&[log(0..1500, "10.0.0.1"), log(1500..3000, "10.0.0.1"), other]),
            []
        );
        assert_eq!(found(&[String::new(), String::new()]), []);
        let by_seconds = log(0..3000, "10.0.0.9");
        assert_eq!(found(&[by_seconds.clone(), by_seconds]), []);
    }
}
