// SPDX-License-Identifier: MIT
//! The words of a sentence or of a log line, with addresses, hosts and paths replaced by what
//! they look like.

use super::Redactor;

impl Redactor {
    /// Prose with other names in it.
    pub(super) fn words(&mut self, text: &str) -> String {
        let mut words = String::with_capacity(text.len());
        let mut rest = text;
        while !rest.is_empty() {
            let end = rest.find(is_between).unwrap_or(rest.len());
            let (token, behind) = rest.split_at(end);
            words.push_str(&self.token(token));
            let next = behind.find(|one| !is_between(one)).unwrap_or(behind.len());
            words.push_str(&behind[..next]);
            rest = &behind[next..];
        }
        // Last, because a word may have told of a host that stands alone elsewhere.
        self.names.replaced_in(&words)
    }
}

/// What stands between the words that are looked at.
fn is_between(character: char) -> bool {
    character.is_whitespace() || "\"'`(){}<>,;|".contains(character)
}
