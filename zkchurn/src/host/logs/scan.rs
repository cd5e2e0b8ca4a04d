// SPDX-License-Identifier: MIT
//! One pass over the lines of a text: which signatures occur, how often, and
//! where last. Bytes in, positions out.

use std::{collections::BTreeSet, ops::Range};

use aho_corasick::PatternID;

use super::{record, signatures::Signatures};

/// A signature that occurs in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hit {
    /// Position in [`Signatures::list`].
    pub signature: usize,
    /// Lines that belong to it.
    pub count: u64,
    /// The last of them, without its end of line.
    pub line: Range<usize>,
    /// How many lines stand before that one.
    pub lines_before: u64,
    /// Where in the text the first known word of that line stands.
    pub word: Range<usize>,
}

/// Finds the signatures in `text`, which begins with a whole line.
pub(super) fn scan(signatures: &Signatures, text: &[u8]) -> Vec<Hit> {
    let mut hits: Vec<Option<Hit>> = vec![None; signatures.list().len()];
    let mut line = Line::default();
    for (pattern, word) in signatures.occurrences(text) {
        if word.end > line.range.end {
            line.settle(signatures, text, &mut hits);
            line.advance(text, word.clone());
        }
        line.note(signatures.is_text(pattern), word);
        line.found.insert(pattern);
    }
    line.settle(signatures, text, &mut hits);
    hits.into_iter().flatten().collect()
}

/// The line that the pass is in.
#[derive(Default)]
struct Line {
    range: Range<usize>,
    before: u64,
    word: Range<usize>,
    /// Whether `word` is of a signature, and not a name of ZooKeeper.
    is_of_signature: bool,
    found: BTreeSet<PatternID>,
    /// The latest first line of a record, at or before this line, names ZooKeeper.
    below_zookeeper: bool,
}

impl Line {
    /// Goes on to the line that `word` is in. No text of a signature holds an
    /// end of line, so a word is always within one.
    fn advance(&mut self, text: &[u8], word: Range<usize>) {
        let passed = text.get(self.range.end..word.start).unwrap_or_default();
        // Of the first the end is the known line's, of the last the beginning is this one's.
        let mut lines = passed.split(|byte| *byte == b'\n').skip(1).peekable();
        while let Some(line) = lines.next() {
            self.before += 1;
            if lines.peek().is_some() && record::begins_record(line) {
                self.below_zookeeper = false;
            }
        }
        let start = match passed.iter().rposition(|byte| *byte == b'\n') {
            Some(position) => self.range.end + position + 1,
            None => self.range.end,
        };
        let rest = text.get(word.end..).unwrap_or_default();
        let length = rest.iter().position(|byte| *byte == b'\n');
        self.range = start..word.end + length.unwrap_or(rest.len());
        self.word = word;
        self.is_of_signature = false;
    }

    /// Prefers the first text of a signature to a name of ZooKeeper before it.
    fn note(&mut self, is_of_signature: bool, word: Range<usize>) {
        if is_of_signature && !self.is_of_signature {
            self.is_of_signature = true;
            self.word = word;
        }
    }

    /// Counts the line for the signature that it belongs to.
    fn settle(&mut self, signatures: &Signatures, text: &[u8], hits: &mut [Option<Hit>]) {
        let found = std::mem::take(&mut self.found);
        let line = text.get(self.range.clone()).unwrap_or_default();
        if record::begins_record(line) {
            let mut found = found.iter();
            self.below_zookeeper = found.any(|pattern| !signatures.is_text(*pattern));
        }
        let Some(signature) = signatures.decide(&found, self.below_zookeeper) else {
            return;
        };
        let Some(hit) = hits.get_mut(signature) else {
            return;
        };
        *hit = Some(Hit {
            signature,
            count: hit.as_ref().map_or(0, |hit| hit.count) + 1,
            line: self.range.clone(),
            lines_before: self.before,
            word: self.word.clone(),
        });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use proptest::prelude::*;

    use super::*;

    const LIST: &str = r#"
        signature = [
            { id = "cause", rank = 1, any = ["NoClassDefFoundError"], meaning = "", examples = [] },
            { id = "general", rank = 2, any = ["Error"], meaning = "", examples = [] },
        ]"#;

    /// Built once: the automaton takes its time in a debug build.
    static SIGNATURES: LazyLock<Signatures> = LazyLock::new(|| Signatures::parse(LIST).unwrap());

    fn hits(text: &str) -> Vec<Hit> {
        scan(&SIGNATURES, text.as_bytes())
    }

    #[test]
    fn a_line_counts_once_and_for_the_more_specific() {
        let text = "first\nError Error\nNoClassDefFoundError: Error\nlast Error";
        let hits = hits(text);
        assert_eq!(hits.len(), 2);
        assert_eq!((hits[0].signature, hits[0].count), (0, 1));
        assert_eq!(hits[0].lines_before, 2);
        assert_eq!(&text[hits[0].line.clone()], "NoClassDefFoundError: Error");
        assert_eq!((hits[1].signature, hits[1].count), (1, 2));
        assert_eq!(hits[1].lines_before, 3);
        assert_eq!(&text[hits[1].line.clone()], "last Error");
        assert_eq!(&text[hits[1].word.clone()], "Error");
    }

    #[test]
    fn texts_without_a_known_line_give_nothing() {
        assert_eq!(hits(""), []);
        assert_eq!(hits("\n\n\n"), []);
        assert_eq!(hits("Err\nor"), []);
    }

    #[test]
    fn a_word_counts_in_any_case_of_its_letters() {
        assert_eq!(hits("ErrOR").len(), 1);
    }

    /// What `scan` says, found the slow way: line by line, in any case of its letters.
    fn line_by_line(text: &[u8]) -> Vec<(usize, u64, u64)> {
        let mut counts = [(0, 0); 2];
        let holds = |line: &[u8], word: &[u8]| {
            let mut parts = line.windows(word.len());
            parts.any(|part| part.eq_ignore_ascii_case(word))
        };
        for (number, line) in text.split(|byte| *byte == b'\n').enumerate() {
            let signature = if holds(line, b"NoClassDefFoundError") {
                0
            } else if holds(line, b"Error") {
                1
            } else {
                continue;
            };
            counts[signature] = (counts[signature].0 + 1, number as u64);
        }
        let found = counts
            .iter()
            .enumerate()
            .filter(|(_, (count, _))| *count > 0);
        found
            .map(|(index, (count, last))| (index, *count, *last))
            .collect()
    }

    proptest! {
        #[test]
        fn any_text_is_counted_as_line_by_line(
            parts in prop::collection::vec(prop_oneof![
                Just(b"NoClassDefFoundError".to_vec()),
                Just(b"Error".to_vec()),
                Just(b"\n".to_vec()),
                Just(b"Err".to_vec()),
                Just(b"OR".to_vec()),
                prop::collection::vec(any::<u8>(), 0..6),
            ], 0..60)
        ) {
            let text = parts.concat();
            let hits = scan(&SIGNATURES, &text);
            let found: Vec<_> = hits
                .iter()
                .map(|hit| (hit.signature, hit.count, hit.lines_before))
                .collect();
            prop_assert_eq!(found, line_by_line(&text));
            for hit in hits {
                let line = &text[hit.line.clone()];
                prop_assert!(!line.contains(&b'\n'));
                prop_assert!(hit.line.start <= hit.word.start && hit.word.end <= hit.line.end);
            }
        }
    }
}
