// SPDX-License-Identifier: MIT
//! Secrets on command lines: `ps` shows them to whoever is on the host, but
//! reports and recordings leave the host.

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
}
