// SPDX-License-Identifier: MIT
//! Secrets on command lines, in names and in lines of logs: whoever is on the host may see them,
//! but reports and recordings leave the host.

use std::ops::Range;

use super::{
    COMM,
    secret_names::{COOKIE, names_in, tells_of_secret},
};

/// What stands in place of a secret.
const HIDDEN: &str = "(hidden)";

/// Whether something was hidden in it.
pub fn is_hidden_in(text: &str) -> bool {
    text.contains(HIDDEN)
}

/// More than anything takes until nothing changes any more.
const ROUNDS: usize = 8;

/// The option with its value hidden if that is, or may hold, a secret: by its
/// name, in what is handed to an agent, or before the `@` of a URL; and what a line of a log would
/// have hidden where it is one: a header of HTTP, a URL, several values in one.
pub fn without_secret(option: &str) -> String {
    let mut shown = hidden_once(option);
    // What stands in place of a secret may make one of what is beside it.
    for _ in 0..ROUNDS {
        let next = hidden_once(&shown);
        if next == shown {
            break;
        }
        shown = next;
    }
    shown
}

fn hidden_once(option: &str) -> String {
    let Some((name, value)) = option.split_once('=') else {
        return hidden_if_line(option);
    };
    let agent = ["-javaagent:", "-agentlib:", "-agentpath:"];
    let secret = tells_of_secret(name)
        || agent.iter().any(|prefix| name.starts_with(prefix))
        || value.contains("://") && value.contains('@');
    if secret {
        // It may be a URL with a login, whose query has the value.
        format!("{}={HIDDEN}", hidden_if_line(name))
    } else if value.contains('=') {
        hidden_in_line(option)
    } else {
        hidden_if_line(option)
    }
}

fn hidden_if_line(argument: &str) -> String {
    match is_line(argument) {
        true => hidden_in_line(argument),
        false => argument.to_owned(),
    }
}

/// Whether a colon in it stands behind a name. In a class path it does not: `/srv/secret:/srv/lib`.
fn is_line(argument: &str) -> bool {
    argument.contains(": ") || argument.contains("://") || argument.starts_with("digest:")
}

/// The arguments of a command line with their secrets hidden: in `--password=x`
/// and `-Dkey.password=x`, and what follows a `--password` or a `-storepass`.
pub fn without_secrets(arguments: Vec<String>) -> Vec<String> {
    let mut follows_name = false;
    let hide = |argument: String| {
        let shown = match follows_name {
            true => HIDDEN.to_owned(),
            false => without_secret(&argument),
        };
        follows_name = !follows_name && names_secret(&shown);
        shown
    };
    arguments.into_iter().map(hide).collect()
}

fn names_secret(argument: &str) -> bool {
    argument.starts_with('-')
        // A property of a JVM has its value in the same argument, or none.
        && !argument.starts_with("-D")
        && !argument.contains('=')
        && names_in(argument)
            .iter()
            .any(|(at, _)| at.end == argument.len())
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
    let mut shown = String::with_capacity(line.len());
    let mut done = 0;
    for secret in secrets_in(line) {
        if secret.start >= done {
            shown.push_str(&line[done..secret.start]);
            shown.push_str(HIDDEN);
        }
        done = done.max(secret.end);
    }
    shown.push_str(&line[done..]);
    shown
}

/// Where they are, in the order in which they begin; one may overlap the next.
fn secrets_in(line: &str) -> Vec<Range<usize>> {
    let lower = line.to_ascii_lowercase();
    let authorization = lower
        .match_indices("authorization")
        .map(|(at, name)| (at..at + name.len(), name));
    let mut secrets: Vec<_> = names_in(line)
        .into_iter()
        .chain(authorization)
        .filter_map(|(name, word)| value_of(line, name.end, word))
        .chain(
            lower
                .match_indices("://")
                .filter_map(|(at, _)| login_of(line, at + 3)),
        )
        .collect();
    secrets.sort_by_key(|range| (range.start, range.end));
    secrets
}

/// Hides what is secret in the name of a task, as in a line, behind a star for each byte: the
/// name is as long as it was. It ends at the first NUL. Of a login the kernel may have cut the
/// `@` off, by which it is known elsewhere.
pub fn hide_in_comm(comm: &mut [u8]) {
    // Of nearly all names nothing else has to be asked; without a way out it is one comparison.
    let may_have_one = |may, byte: &u8| may | matches!(byte, b'=' | b':');
    if !comm.iter().fold(false, may_have_one) {
        return;
    }
    let name = comm.iter().take_while(|byte| **byte != 0);
    // A character for each byte, so that both have the same places.
    let name: String = name
        .map(|byte| match byte.is_ascii() {
            true => char::from(*byte),
            false => 'x',
        })
        .collect();
    for secret in secrets_in(&name).into_iter().chain(cut_login_of(&name)) {
        comm[secret].fill(b'*');
    }
}

/// The same of a name that is a text.
pub fn hidden_in_comm(name: &str) -> String {
    let mut bytes = name.as_bytes().to_vec();
    hide_in_comm(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Where the login is of a URL that ends before its host, for want of room.
fn cut_login_of(name: &str) -> Option<Range<usize>> {
    let at = name.find("://")? + 3;
    let rest = &name[at..];
    let (_, password) = rest.split_once(':')?;
    // Of `http://zk1:2181` it is a port, and `http://[fd00::` is an address.
    let is_host = rest.starts_with('[') || password.bytes().all(|byte| byte.is_ascii_digit());
    let goes_on = rest.contains(|one: char| one.is_whitespace() || "@/?#".contains(one));
    (name.len() >= COMM && !is_host && !goes_on).then_some(at..name.len())
}

/// Where the value is that belongs to a name with a word for a secret that ends at `after`.
fn value_of(line: &str, after: usize, word: &str) -> Option<Range<usize>> {
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
        (None, None) if word == COOKIE => (value, Some(end_of_cookie(value))),
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

/// Where a cookie ends, which has `; ` between its parts.
fn end_of_cookie(text: &str) -> usize {
    let mut end = end_of_plain(text);
    while let Some(rest) = text[end..].strip_prefix(';') {
        let next = rest.trim_start_matches([' ', ';']);
        end = text.len() - next.len() + end_of_plain(next);
    }
    end
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
    fn secrets_of_arguments_without_a_name_of_their_own_are_hidden_too() {
        for (argument, shown) in [
            ("http://me:sesame@host/x", "http://(hidden)@host/x"),
            (
                "http://me:sesame@host/x?token=sesame",
                "http://(hidden)@host/x?token=(hidden)",
            ),
            (
                "jdbc:db://host/x?user=me&password=sesame",
                "jdbc:db://host/x?user=me&password=(hidden)",
            ),
            (
                "-Djaas=user=\"me\" password=\"sesame\";",
                "-Djaas=user=\"me\" password=\"(hidden)\";",
            ),
            ("Authorization: Bearer sesame", "Authorization: (hidden)"),
            ("X-Token: sesame", "X-Token: (hidden)"),
            ("X-Api-Key: sesame", "X-Api-Key: (hidden)"),
            ("Cookie: a=sesame; b=sesame", "Cookie: (hidden)"),
            ("-Ddb.pass=sesame", "-Ddb.pass=(hidden)"),
            ("--api-key=sesame", "--api-key=(hidden)"),
            ("--bypass=no", "--bypass=no"),
            ("--key-file=/srv/key", "--key-file=/srv/key"),
            ("-Dcookie.max-age=30m", "-Dcookie.max-age=30m"),
            ("digest:me:sesame", "digest:(hidden)"),
            ("/srv/secret:/srv/lib", "/srv/secret:/srv/lib"),
            ("host=a,b", "host=a,b"),
        ] {
            assert_eq!(without_secret(argument), shown);
            assert_eq!(without_secret(shown), shown);
        }
        let line = "keytool -storepass sesame -KeyPass sesame -alias me -Dsecret Main \
                    -deststorepass sesame --db-pass sesame --bypass no --api-key sesame --key-file x";
        let words = line.split_whitespace().map(str::to_owned).collect();
        assert_eq!(
            without_secrets(words).join(" "),
            "keytool -storepass (hidden) -KeyPass (hidden) -alias me -Dsecret Main \
             -deststorepass (hidden) --db-pass (hidden) --bypass no --api-key (hidden) --key-file x"
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
            ("api_key=abc&x=1", "api_key=(hidden)&x=1"),
            ("access.key = abc", "access.key = (hidden)"),
            (r#"{"privateKey":"a b"}"#, r#"{"privateKey":"(hidden)"}"#),
            (r#"{"pass":"a b"}"#, r#"{"pass":"(hidden)"}"#),
            ("bob, pwd=abc", "bob, pwd=(hidden)"),
            ("db.pass=a pass2: b", "db.pass=(hidden) pass2: (hidden)"),
            (
                "got Cookie: a=b; c=d;e=f, then GET",
                "got Cookie: (hidden), then GET",
            ),
            ("'Cookie: a=b; c=d' x", "'Cookie: (hidden)' x"),
            ("Cookie: a=b;", "Cookie: (hidden)"),
            ("cookie=\"a; b\"; c", "cookie=\"(hidden)\"; c"),
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
            "bypass=yes, compass: north, passive=true, pass-through: on",
            "keyspace=orders key-file: /srv/key key=7",
            "tests passed: 3, cookie.path=/x cookies: 4",
            "Cookie:",
            "mail bob@example.com about http://host/a@b",
            "Client session timed out, have not heard from server in 4002ms",
            "",
        ] {
            assert_eq!(hidden_in_line(line), line);
        }
    }

    #[test]
    fn a_secret_in_the_name_of_a_task_is_hidden_and_the_name_keeps_its_length() {
        for (name, shown) in [
            ("password=S3cret", "password=******"),
            ("api-key=S3cret", "api-key=******"),
            ("db.pass=a;b", "db.pass=*;b"),
            ("cookie:a=1; b=2", "cookie:********"),
            ("a token=b c=d", "a token=* c=d"),
            ("to x://b:s@host", "to x://***@host"),
            // The rest of it was cut off.
            ("http://bob:sesam", "http://*********"),
            ("pg://bob:s3c", "pg://bob:s3c"),
            ("secret:\u{e9}\u{e9}ab", "secret:******"),
            // Once is as good as twice.
            ("password=******", "password=******"),
        ] {
            assert_eq!(hidden_in_comm(name), shown);
        }
        let mut cut = *b"password=S3cret\0";
        hide_in_comm(&mut cut);
        assert_eq!(&cut, b"password=******\0");
        // What stands behind the end is none of it, and bytes that are no text are taken.
        let mut odd = *b"\xfftoken=\xfe\xfe\0a=b:c";
        hide_in_comm(&mut odd);
        assert_eq!(&odd, b"\xfftoken=**\0a=b:c");
    }

    #[test]
    fn ordinary_names_of_tasks_stay_as_they_are() {
        for name in [
            "java",
            "kworker/0:0",
            "main-SendThread(zk1:2181)",
            "main-SendThread",
            "main-Se..:2181)",
            "http-nio-8080-e",
            "http://zk1:2181",
            "http://zk1:2181/x",
            "http://[fd00::7",
            "token-refresh-1",
            "nginx: worker p",
            "kafka client=12",
            "bypass=1",
            "keyspace:a",
            "a=b:c",
            "",
        ] {
            assert_eq!(hidden_in_comm(name), name);
        }
    }

    proptest::proptest! {
        #[test]
        fn any_name_is_taken_and_keeps_its_length(
            before in "\\PC{0,8}",
            secret in "[a-z0-9]{6,12}",
        ) {
            let name = format!("{before} token:{secret}");
            let shown = hidden_in_comm(&name);
            proptest::prop_assert_eq!(shown.len(), name.len());
            proptest::prop_assert!(!shown.contains(&secret), "{}", shown);
        }

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

        #[test]
        fn arguments_that_are_hidden_twice_are_as_if_once(
            arguments in proptest::collection::vec(
                proptest::collection::vec(proptest::sample::select(PIECES), 0..12),
                0..4,
            ),
        ) {
            let arguments = arguments.iter().map(|pieces| pieces.concat()).collect();
            let once = without_secrets(arguments);
            let twice = without_secrets(once.clone());
            proptest::prop_assert_eq!(twice, once);
        }
    }

    /// What hiding looks at.
    const PIECES: &[&str] = &[
        "password",
        "token",
        "digest",
        "authorization",
        "cookie",
        "pass",
        "api",
        "key",
        "_",
        "bearer ",
        "=",
        ":",
        ": ",
        "://",
        "@",
        "/",
        "?",
        "&",
        ",",
        ";",
        "\"",
        "'",
        "\\",
        " ",
        "a",
        "-",
        "--",
        "-D",
        "-javaagent:",
        "(hidden)",
    ];
}
