// SPDX-License-Identifier: MIT
//! Of a JVM's options, those that matter for churn, logging and attaching; with
//! nothing in them that looks like a secret.

use zkchurn_core::process::secret::without_secret;

/// How many options are shown at most.
const SHOWN: usize = 64;
/// Characters that are shown of one.
const WIDTH: usize = 300;

/// Options that are shown as a whole.
const EXACT: [&str; 10] = [
    "-Xrs",
    "-XX:+ReduceSignalUsage",
    "-XX:-ReduceSignalUsage",
    "-XX:+DisableAttachMechanism",
    "-XX:-DisableAttachMechanism",
    "-XX:+StartAttachListener",
    "-XX:-StartAttachListener",
    "-XX:+HeapDumpOnOutOfMemoryError",
    "-XX:+ExitOnOutOfMemoryError",
    "-XX:+CrashOnOutOfMemoryError",
];

/// Begins of options that are shown.
const PREFIXES: [&str; 22] = [
    "@",
    "-Xmx",
    "-Xms",
    "-Xlog:",
    "-Xloggc:",
    "-XX:Flags=",
    "-XX:VMOptionsFile=",
    "-XX:HeapDumpPath=",
    "-XX:OnOutOfMemoryError=",
    "-XX:MaxRAMPercentage=",
    "-Dzookeeper.",
    "-Djute.maxbuffer=",
    "-Djava.security.auth.login.config=",
    "-Djava.net.preferIPv",
    "-Dsun.net.inetaddr.ttl=",
    "-Dcatalina.base=",
    "-Dcatalina.home=",
    "-Dlogback.configurationFile=",
    "-Djava.util.logging.config.file=",
    "-javaagent:",
    "-agentlib:",
    "-agentpath:",
];

/// The options that matter, in the JVM's order, each once.
pub fn that_matter(options: &[String]) -> Vec<String> {
    let mut shown: Vec<String> = Vec::new();
    for option in options.iter().filter(|option| matters(option)) {
        let option = cut(&without_secret(option));
        if shown.len() < SHOWN && !shown.contains(&option) {
            shown.push(option);
        }
    }
    shown
}

fn matters(option: &str) -> bool {
    EXACT.contains(&option)
        || PREFIXES.iter().any(|prefix| option.starts_with(prefix))
        || is_log4j_configuration(option)
}

/// `log4j.configuration` (1.x), `log4j.configurationFile` and
/// `log4j2.configurationFile` (2.x), and what they become with a prefix.
fn is_log4j_configuration(option: &str) -> bool {
    let name = option.split('=').next().unwrap_or(option);
    name.starts_with("-Dlog4j") && name.contains(".configuration")
}

fn cut(option: &str) -> String {
    match option.char_indices().nth(WIDTH) {
        Some((end, _)) => format!("{}…", &option[..end]),
        None => option.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(line: &str) -> Vec<String> {
        let options: Vec<_> = line.split(' ').map(str::to_owned).collect();
        that_matter(&options)
    }

    #[test]
    fn only_what_matters_is_shown_once() {
        assert_eq!(
            shown(
                "-cp /a.jar -Xmx1g -Dshop.color=red -Dzookeeper.session=1 -Xmx1g \
                 -Dlog4j2.configurationFile=/l.xml -Dlog4j.debug=true -XX:+UseG1GC -Xrs"
            ),
            [
                "-Xmx1g",
                "-Dzookeeper.session=1",
                "-Dlog4j2.configurationFile=/l.xml",
                "-Xrs"
            ]
        );
    }

    #[test]
    fn secrets_are_not_shown() {
        for option in [
            "-Dzookeeper.ssl.keyStore.password=sesame",
            "-Dzookeeper.ssl.trustStore.PASSWORD=sesame",
            "-Dzookeeper.DigestAuthenticationProvider.superDigest=super:sesame",
            "-Dzookeeper.clientToken=sesame",
            "-Dlog4j.configurationFile=https://admin:sesame@logs/l.xml",
            "-javaagent:/opt/agent.jar=key=sesame",
        ] {
            let shown = shown(option);
            assert_eq!(shown.len(), 1, "{option}");
            assert!(!shown[0].contains("sesame"), "{}", shown[0]);
            assert!(shown[0].ends_with("=(hidden)"), "{}", shown[0]);
        }
    }

    #[test]
    fn number_and_length_are_bounded() {
        let long = format!("-Dzookeeper.x={}", "é".repeat(1000));
        assert_eq!(that_matter(&[long])[0].chars().count(), WIDTH + 1);
        let many: Vec<_> = (0..1000).map(|n| format!("-Dzookeeper.{n}=1")).collect();
        assert_eq!(that_matter(&many).len(), SHOWN);
    }
}
