// SPDX-License-Identifier: MIT
//! Users that a text shows to be ones, by what stands in front of them. Once one is known it is
//! replaced wherever it stands.

use super::{
    Redactor,
    names::{Kind, is_name, name_at_start},
};

/// Folders that have one of each user.
const HOMES: [&str; 3] = ["/home/", "/Users/", ":\\Users\\"];
/// Keys of a user, without regard to case; the last two are ZooKeeper's (`SaslServerCallbackHandler`).
const KEYS: [&str; 5] = [
    "user",
    "username",
    "login",
    "authenticationid",
    "authorizationid",
];
/// What stands behind such a key and is nobody.
const NOBODY: [&str; 6] = ["null", "none", "true", "false", "unknown", "anonymous"];

impl Redactor {
    /// Takes note of them.
    pub(super) fn learn_users(&mut self, text: &str) {
        for home in HOMES {
            for behind in text.split(home).skip(1) {
                self.learn_user(name_at_start(behind));
            }
        }
        for (at, sign) in text.match_indices([':', '=']) {
            let key = text[..at].trim_end_matches(['"', '\'']);
            // A key in quotes has its value in quotes, maybe behind a blank.
            let behind = &text[at + sign.len()..];
            let behind = match key.len() < at {
                true => behind.trim_start(),
                false => behind,
            };
            if is_key(key) {
                self.learn_user(name_at_start(behind.trim_start_matches(['"', '\''])));
            }
        }
        for (at, _) in text.match_indices("://") {
            let authority = text[at + 3..].split(['/', ' ']).next();
            if let Some((who, _)) = authority.and_then(|authority| authority.rsplit_once('@')) {
                self.learn_user(who.split(':').next().unwrap_or(who));
            }
        }
    }

    fn learn_user(&mut self, name: &str) {
        let name = name.trim_end_matches('.');
        if is_name(name) && !is_nobody(name) {
            self.names.learn(Kind::User, name);
        }
    }

    /// A user by another name, which prose has from now on, too.
    pub(super) fn user_named(&mut self, name: &str) -> String {
        self.learn_user(name);
        self.names.of(Kind::User, name)
    }
}

/// Whether a user stands behind it: `user`, `--user`, `Client environment:user.name`.
pub(super) fn is_key(before: &str) -> bool {
    let words = |one: char| !one.is_ascii_alphanumeric();
    let last = before.rsplit(words).next().unwrap_or_default();
    before.ends_with("user.name") || KEYS.iter().any(|key| last.eq_ignore_ascii_case(key))
}

/// Whether a value says that there is no user.
pub(super) fn is_nobody(value: &str) -> bool {
    value.is_empty() || NOBODY.contains(&value)
}
