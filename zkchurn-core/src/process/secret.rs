// SPDX-License-Identifier: MIT
//! Secrets on command lines and in lines of logs: whoever is on the host may see them, but
//! reports and recordings leave the host.

use std::ops::Range;

/// Parts of a property's name that tell that its value is a secret; `digest` is
/// for ZooKeeper's `superDigest`.
const SECRETS: [&str; 8] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "credential",
    "apikey",
    "digest",
];

/// What stands in place of a secret.
const HIDDEN: &str = "(hidden)";

/// The option with its value hidden if that is, or may hold, a secret: by its
/// name, in what is handed to an agent, or before the `@` of a URL.
pub fn without_secret(option: &str) -> String {
    let Some((name, value)) = option.split_once('=') else {
        return option.to_owned();
    };
    let lower = name.to_ascii_lowercase();
    let agent = ["-javaagent:", "-agentlib:", "-agentpath:"];
    let secret = SECRETS.iter().any(|secret| lower.contains(secret))
        || agent.iter().any(|prefix| name.starts_with(prefix))
        || value.contains("://") && value.contains('@');
    if secret {
        format!("{name}={HIDDEN}")
    } else {
        option.to_owned()
    }
}

/// The arguments of a command line with their secrets hidden: in `--password=x`
/// and `-Dkey.password=x`, and what follows a `--password`.
pub fn without_secrets(arguments: Vec<String>) -> Vec<String> {
    let mut follows_name = false;
    let hide = |argument: String| {
        let shown = match follows_name {
            true => HIDDEN.to_owned(),
            false => without_secret(&argument),
        };
        follows_name = !follows_name && names_secret(&argument);
        shown
    };
    arguments.into_iter().map(hide).collect()
}

fn names_secret(argument: &str) -> bool {
    let lower = argument.to_ascii_lowercase();
    lower.starts_with("--")
        && !lower.contains('=')
        && SECRETS.iter().any(|secret| lower.ends_with(secret))
}

/// A path with the secrets hidden that names of files and folders have in them.
pub fn hidden_in_path(path: &str) -> String {
    let parts: Vec<_> = path.split('/').map(hidden_in_line).collect();
    parts.join("/")
}

/// A line of a log with its secrets hidden: the value behind a name that tells of one, with `=`
/// or `:`, as in properties, JSON, headers of HTTP and sentences; what stands before the `@` of a
/// URL; the identity behind ZooKeeper's `digest:`. What has no name nobody can know.
pub fn hidden_in_line(line: &str) -> String {
    let lower = line.to_ascii_lowercase();
    let mut secrets: Vec<_> = SECRETS
        .iter()
        .chain(&["authorization"])
        .flat_map(|name| lower.match_indices(name))
        .filter_map(|(at, name)| value_of(line, at, name))
        .chain(
            lower
                .match_indices("://")
                .filter_map(|(at, _)| login_of(line, at + 3)),
        )
        .collect();
    secrets.sort_by_key(|range| (range.start, range.end));
    let mut shown = String::with_capacity(line.len());
    let mut done = 0;
    for secret in secrets {
        if secret.start >= done {
            shown.push_str(&line[done..secret.start]);
            shown.push_str(HIDDEN);
        }
        done = done.max(secret.end);
    }
    shown.push_str(&line[done..]);
    shown
}

/// Where the value is that belongs to a name with a word for a secret at `at`.
fn value_of(line: &str, at: usize, word: &str) -> Option<Range<usize>> {
    let after = at + word.len();
    let rest = line[after..]
        .trim_start_matches(|c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'));
    // A name in quotes, as in JSON.
    let rest = rest.trim_start_matches(['"', '\'', '\\']).trim_start();
    let value = rest.strip_prefix(['=', ':'])?;
    // `DIGEST-MD5: no such user` is a sentence, `digest:bob:sesame` is not.
    if word == "digest" && value.starts_with(' ') {
        return None;
    }
    let value = value.trim_start();
    if value.starts_with(HIDDEN) {
        return None;
    }
    // JSON within a text of JSON.
    let nested = value.strip_prefix("\\\"");
    let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''));
    let (value, end) = match (nested, quote) {
        (Some(value), _) => (value, value.find("\\\"")),
        (None, Some(quote)) => (&value[1..], end_of_quoted(&value[1..], quote)),
        (None, None) => (value, Some(end_of_plain(value))),
    };
    let end = end.unwrap_or(value.len());
    let start = line.len() - value.len();
    (end > 0).then(|| start..start + end)
}

/// Where a text ends that is quoted, and may have escaped quotes in it.
fn end_of_quoted(text: &str, quote: char) -> Option<usize> {
    let mut is_escaped = false;
    let end = text.char_indices().find(|(_, character)| {
        let ends = *character == quote && !is_escaped;
        is_escaped = *character == '\\' && !is_escaped;
        ends
    });
    end.map(|(at, _)| at)
}

/// Where a word ends, with the token behind the name of a scheme of HTTP.
fn end_of_plain(text: &str) -> usize {
    let ends = |c: char| c.is_whitespace() || ",;&)]}\"'".contains(c);
    let end = text.find(ends).unwrap_or(text.len());
    let scheme = text[..end].to_ascii_lowercase();
    if !["bearer", "basic"].contains(&scheme.as_str()) {
        return end;
    }
    let token = text[end..].trim_start();
    text.len() - token.len() + token.find(ends).unwrap_or(token.len())
}

/// Where the login is of a URL whose host should begin at `at`.
fn login_of(line: &str, at: usize) -> Option<Range<usize>> {
    let rest = &line[at..];
    let authority = &rest[..rest
        .find(|c: char| c.is_whitespace() || "/?#\"'".contains(c))
        .unwrap_or(rest.len())];
    let end = authority.rfind('@')?;
    (end > 0).then(|| at..at + end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_of_a_command_line_are_hidden_and_nothing_else() {
        let line = "java -Dzookeeper.ssl.keyStore.password=sesame -Dzookeeper.x=y --token sesame \
                    --url=http://me:sesame@host/ Main --password=sesame zk1:2181 --verbose";
        let words = line.split_whitespace().map(str::to_owned).collect();
        assert_eq!(
            without_secrets(words).join(" "),
            "java -Dzookeeper.ssl.keyStore.password=(hidden) -Dzookeeper.x=y --token (hidden) \
             --url=(hidden) Main --password=(hidden) zk1:2181 --verbose"
        );
    }

    #[test]
    fn secrets_of_a_line_are_hidden_however_they_are_written() {
        for (line, shown) in [
            (
                "user=bob password=sesame, x=1",
                "user=bob password=(hidden), x=1",
            ),
            (
                "ssl.keyStore.password = sesame",
                "ssl.keyStore.password = (hidden)",
            ),
            (
                r#"{"dbPassword":"se same","x":"y"}"#,
                r#"{"dbPassword":"(hidden)","x":"y"}"#,
            ),
            (r#"{\"token\":\"x\"}"#, r#"{\"token\":\"(hidden)\"}"#),
            (
                "PASSWORD: 'sesame' was refused",
                "PASSWORD: '(hidden)' was refused",
            ),
            (
                "Authorization: Bearer abc.def ok",
                "Authorization: (hidden) ok",
            ),
            ("authorization=Basic c2U= ok", "authorization=(hidden) ok"),
            ("apikey=abc&x=1", "apikey=(hidden)&x=1"),
            ("to http://bob:sesame@host/x", "to http://(hidden)@host/x"),
            (
                "auth digest:bob:sesame failed",
                "auth digest:(hidden) failed",
            ),
            ("token=a token=b", "token=(hidden) token=(hidden)"),
            ("credentials.token=a", "credentials.token=(hidden)"),
        ] {
            assert_eq!(hidden_in_line(line), shown);
        }
    }

    #[test]
    fn of_a_path_only_the_secret_is_hidden() {
        for (path, shown) in [
            (
                "/srv/bob password=S3cret x/app.log",
                "/srv/bob password=(hidden) x/app.log",
            ),
            ("/srv/token=S3cret/app.log", "/srv/token=(hidden)/app.log"),
            ("/srv/password/app.log", "/srv/password/app.log"),
            ("/srv/secret: x", "/srv/secret: (hidden)"),
            ("/srv/token=(hidden)/app.log", "/srv/token=(hidden)/app.log"),
        ] {
            assert_eq!(hidden_in_path(path), shown);
        }
    }

    #[test]
    fn a_line_without_secrets_stays_as_it_is() {
        for line in [
            "DIGEST-MD5: digest response format violation. Mismatched nonce.",
            "Session 0x1000 for server zk1/10.0.0.1:2181, closing socket connection",
            "the password was wrong",
            "password=",
            "token:",
            "mail bob@example.com about http://host/a@b",
            "Client session timed out, have not heard from server in 4002ms",
            "",
        ] {
            assert_eq!(hidden_in_line(line), line);
        }
    }

    proptest::proptest! {
        #[test]
        fn any_line_is_taken_and_what_follows_a_name_is_gone(
            before in "\\PC{0,20}",
            secret in "[a-z0-9]{12,20}",
            after in "\\PC{0,20}",
        ) {
            let line = format!("{before} password={secret} {after}");
            let shown = hidden_in_line(&line);
            proptest::prop_assert!(!shown.contains(&secret), "{}", shown);
            hidden_in_line(&before);
        }
    }
}
