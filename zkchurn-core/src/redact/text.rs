// SPDX-License-Identifier: MIT
//! The words of a sentence or of a log line, with addresses, hosts and paths replaced by what
//! they look like.

use super::Redactor;

impl Redactor {
    /// Prose with other names in it.
    pub(super) fn words(&mut self, text: &str) -> String {
        self.learn_hosts(text);
        self.learn_users(text);
        let mut words = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((from, to)) = self.names.paths.find(rest) {
            words.push_str(&self.words_without_odd_paths(&rest[..from]));
            // What is below a folder that is known belongs to the path.
            let end = match rest[to..].starts_with('/') {
                true => rest[to..]
                    .find(is_between)
                    .map_or(rest.len(), |end| to + end),
                false => to,
            };
            words.push_str(&self.names.path(&rest[from..end]));
            rest = &rest[end..];
        }
        words.push_str(&self.words_without_odd_paths(rest));
        // Last, because a word may have told of a host that stands alone elsewhere.
        self.names.replaced_in(&words)
    }

    fn words_without_odd_paths(&mut self, text: &str) -> String {
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
        words
    }

    /// An argument of a command line, which may hold one path with blanks in it.
    pub(super) fn argument(&mut self, argument: &str) -> String {
        match path_in(argument) {
            Some(at) => {
                let (before, path) = argument.split_at(at);
                format!("{}{}", self.words(before), self.names.path(path))
            }
            None => self.words(argument),
        }
    }
}

/// Where a path begins in an argument, if that has a blank behind it.
pub(super) fn path_in(argument: &str) -> Option<usize> {
    let mut starts = argument.match_indices('/').map(|(at, _)| at);
    let at = starts.find(|at| {
        let before = argument[..*at].chars().next_back();
        before.is_none_or(|before| "=:,;".contains(before))
    })?;
    argument[at..].contains(is_between).then_some(at)
}

/// What stands between the words that are looked at.
fn is_between(character: char) -> bool {
    character.is_whitespace() || "\"'`(){}<>,;|".contains(character)
}
