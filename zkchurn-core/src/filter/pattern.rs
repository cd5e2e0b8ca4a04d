// SPDX-License-Identifier: MIT
//! Texts, compared without regard to case: `java`, `tomcat*`, `~SendThread`.

/// What a text must be like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern {
    /// In lower case, cut at each `*`.
    parts: Vec<String>,
}

impl Pattern {
    /// `*` stands for any text; with `contains` there is one on both sides.
    pub(super) fn new(text: &str, contains: bool) -> Self {
        let text = match contains {
            true => format!("*{text}*"),
            false => text.to_owned(),
        };
        let parts = text.to_lowercase();
        Self {
            parts: parts.split('*').map(str::to_owned).collect(),
        }
    }

    /// Whether it is like that.
    pub(super) fn matches(&self, text: &str) -> bool {
        let text = text.to_lowercase();
        let (first, rest) = match self.parts.split_first() {
            Some((first, [])) => return text == *first,
            Some(parts) => parts,
            None => return false,
        };
        let Some(mut left) = text.strip_prefix(first.as_str()) else {
            return false;
        };
        let Some((last, middle)) = rest.split_last() else {
            return false;
        };
        for part in middle {
            match left.find(part.as_str()) {
                Some(at) => left = &left[at + part.len()..],
                None => return false,
            }
        }
        left.ends_with(last.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_anything() {
        let matches = |pattern, text| Pattern::new(pattern, false).matches(text);
        assert!(matches("Java", "java"));
        assert!(!matches("java", "javac"));
        assert!(matches("java*", "javac") && matches("*", ""));
        assert!(matches("a*b*c", "a-bb-c") && !matches("a*b*c", "a-c"));
        assert!(!matches("ab*ba", "aba"));
        assert!(Pattern::new("SendThread", true).matches("main-SendThread(zk:2181)"));
    }
}
