// SPDX-License-Identifier: MIT
//! What holds, and what does not.

/// Sentences, each with whether it holds.
#[derive(Default)]
pub(super) struct Verdict(Vec<(bool, String)>);

impl Verdict {
    /// Adds one.
    pub(super) fn check(&mut self, holds: bool, what: impl Into<String>) {
        self.0.push((holds, what.into()));
    }

    /// That a fact is what it has to be.
    pub(super) fn is(&mut self, what: &str, found: &str, wanted: &str) {
        self.check(found == wanted, format!("{what}: {found}"));
    }

    /// That a text holds these words.
    pub(super) fn says(&mut self, what: &str, text: &str, words: &str) {
        self.check(text.contains(words), format!("{what}: \"{words}\""));
    }

    /// Whether there are some, and all hold.
    pub(super) fn holds(&self) -> bool {
        !self.0.is_empty() && self.0.iter().all(|(holds, _)| *holds)
    }

    /// One line each.
    pub(super) fn lines(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(|(holds, what)| match holds {
            true => format!("ok    {what}"),
            false => format!("FAIL  {what}"),
        })
    }
}

/// Whether all holds that `check` asks of what was told.
#[cfg(test)]
pub(super) fn holds(said: &str, check: fn(&super::facts::Facts, &mut Verdict)) -> bool {
    let mut verdict = Verdict::default();
    check(&super::facts::Facts::read(said), &mut verdict);
    verdict.holds()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_does_not_hold_is_enough_and_none_is_too_few() {
        let mut verdict = Verdict::default();
        assert!(!verdict.holds());
        verdict.is("state", "active", "active");
        assert!(verdict.holds());
        verdict.says("journal", "it traces", "it ends");
        assert!(!verdict.holds());
        let lines: Vec<_> = verdict.lines().collect();
        assert_eq!(lines, ["ok    state: active", "FAIL  journal: \"it ends\""]);
    }
}
