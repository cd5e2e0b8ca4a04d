// SPDX-License-Identifier: MIT
//! Refusals at the limit of all clients together (`maxCnxns`), each once: a server writes one line
//! (Netty) or two (NIO), and whoever kept the log may have kept only those of one level.

use super::told::Source;

/// How many of each line there were.
#[derive(Clone, Copy, Debug, Default)]
pub struct Refusals {
    by_factory: u64,
    by_acceptor: u64,
}

impl Refusals {
    /// Takes a line that tells of so many. Returns how many of them no line told before.
    pub fn new_ones(&mut self, source: Source, times: u64) -> u64 {
        let before = self.told();
        let of_source = match source {
            Source::Factory => &mut self.by_factory,
            Source::Acceptor => &mut self.by_acceptor,
        };
        *of_source = of_source.saturating_add(times);
        self.told() - before
    }

    fn told(self) -> u64 {
        self.by_factory.max(self.by_acceptor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_that_two_lines_tell_counts_once() {
        let mut refusals = Refusals::default();
        let mut told = |source, times| refusals.new_ones(source, times);
        assert_eq!(told(Source::Factory, 1), 1);
        assert_eq!(told(Source::Acceptor, 1), 0);
        // Three, and then the acceptor's line on all of them.
        assert_eq!((0..3).map(|_| told(Source::Factory, 1)).sum::<u64>(), 3);
        assert_eq!(told(Source::Acceptor, 3), 0);
        // The errors are not in the log any more.
        assert_eq!(told(Source::Acceptor, 5), 5);
    }
}
