// SPDX-License-Identifier: MIT
//! Names that tell that their value is a secret, wherever they stand in a text.

use std::ops::Range;

/// They tell it as any part of a name; `digest` is for ZooKeeper's `superDigest`. Where a `-`
/// stands here, a name has one sign between words, or none: `api_key`, `apiKey`.
const PARTS: [&str; 15] = [
    "pass-word",
    "passwd",
    "pwd",
    "pass-phrase",
    "storepass",
    "keypass",
    "dbpass",
    "userpass",
    "secret",
    "token",
    "credential",
    "api-key",
    "access-key",
    "private-key",
    "digest",
];
/// They tell it as the last word of a name, and a number may follow: `db.pass`, `dbPass2`, but
/// neither `bypass` nor `pass-through`.
const LAST_WORDS: [&str; 2] = ["pass", COOKIE];
/// A header of HTTP, whose value has several parts.
pub(super) const COOKIE: &str = "cookie";
/// What makes another word of one that ends with `key`.
const OTHER_WORDS: [&str; 3] = ["space", "store", "ring"];

/// Whether a name tells that what it stands for is a secret.
pub(super) fn tells_of_secret(name: &str) -> bool {
    let name = name.trim_end();
    names_in(name).iter().any(|(at, word)| {
        // Of a last word behind which something else stands it is not the name's.
        !LAST_WORDS.contains(word) || at.end == name.len()
    })
}

/// Whether a sign stands between two words of a name.
fn is_between(sign: char) -> bool {
    matches!(sign, '-' | '_' | '.')
}

/// Where in a text it has such a name or a part of one, and which.
pub(super) fn names_in(text: &str) -> Vec<(Range<usize>, &'static str)> {
    // Each place is the same in both.
    let lower = text.to_ascii_lowercase();
    let parts = PARTS.iter().flat_map(|part| parts_in(&lower, part));
    let last = LAST_WORDS
        .iter()
        .flat_map(|word| last_words_in(text, &lower, word));
    parts.chain(last).collect()
}

fn parts_in(lower: &str, part: &'static str) -> impl Iterator<Item = (Range<usize>, &'static str)> {
    let (first, second) = part.split_once('-').unwrap_or((part, ""));
    lower.match_indices(first).filter_map(move |(at, _)| {
        let rest = &lower[at + first.len()..];
        let rest = match second {
            "" => rest,
            _ => rest
                .strip_prefix(is_between)
                .unwrap_or(rest)
                .strip_prefix(second)?,
        };
        let is_other = second == "key" && OTHER_WORDS.iter().any(|word| rest.starts_with(word));
        (!is_other).then(|| (at..lower.len() - rest.len(), part))
    })
}

fn last_words_in(
    text: &str,
    lower: &str,
    word: &'static str,
) -> impl Iterator<Item = (Range<usize>, &'static str)> {
    lower.match_indices(word).filter_map(move |(at, _)| {
        let rest = lower[at + word.len()..].trim_start_matches(|sign: char| sign.is_ascii_digit());
        let goes_on =
            rest.starts_with(|sign: char| sign.is_ascii_alphanumeric() || is_between(sign));
        (!goes_on && begins_word(text, at)).then(|| (at..lower.len() - rest.len(), word))
    })
}

/// Whether a word of a name begins there, also as in `dbPass` and `DBPass`.
fn begins_word(text: &str, at: usize) -> bool {
    let mut from = text[at..].chars();
    let (first, second) = (from.next(), from.next());
    let is = |sign: Option<char>, kind: fn(&char) -> bool| sign.is_some_and(|sign| kind(&sign));
    match text[..at].chars().next_back() {
        Some(before) if before.is_ascii_lowercase() => is(first, char::is_ascii_uppercase),
        Some(before) if before.is_ascii_uppercase() => {
            is(first, char::is_ascii_uppercase) && is(second, char::is_ascii_lowercase)
        }
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_secrets_tell_of_them_however_they_are_written() {
        for name in [
            "apikey",
            "api_key",
            "X-Api-Key",
            "api.key",
            "apiKeys",
            "pwd",
            "userPwd",
            "db.pass",
            "dbPass",
            "DBPass",
            "DB_PASS",
            "dbpass",
            "pass ",
            "pass2",
            "pass_word",
            "access_key",
            "aws.secretAccessKey",
            "accessKeyId",
            "private-key",
            "privateKeyPem",
            "Cookie",
            "Set-Cookie",
            "sessionCookie",
        ] {
            assert!(tells_of_secret(name), "{name}");
        }
    }

    #[test]
    fn ordinary_names_do_not() {
        for name in [
            "bypass",
            "BYPASS",
            "passive",
            "compass",
            "COMPASS",
            "pass-through",
            "pass.count",
            "passed",
            "keyspace",
            "api.keyspace",
            "private-keystore",
            "access-keyring",
            "key-file",
            "key",
            "api",
            "public-key",
            "cookie.max-age",
            "net.ipv4.tcp_syncookies",
            "cookies",
            "crypto.kenya",
            "",
        ] {
            assert!(!tells_of_secret(name), "{name}");
        }
    }
}
