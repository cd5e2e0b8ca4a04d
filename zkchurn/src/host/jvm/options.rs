// SPDX-License-Identifier: MIT
//! The options a JVM was started with, from its command line and from the three
//! environment variables that add to it, in the order in which it reads them.

use zkchurn_core::process::jvm::Launch;

/// Environment variables that hold JVM options. The first and the last are read
/// by the JVM (HotSpot: `arguments.cpp`), the second by the `java` launcher
/// since JDK 9 (`args.c`).
const TOOL_OPTIONS: &str = "JAVA_TOOL_OPTIONS";
const LAUNCHER_OPTIONS: &str = "JDK_JAVA_OPTIONS";
const LAST_OPTIONS: &str = "_JAVA_OPTIONS";

/// Options that name a file with more options in it (HotSpot: `arguments.cpp`).
const OPTION_FILES: [&str; 2] = ["-XX:Flags=", "-XX:VMOptionsFile="];

/// The options of one JVM.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// All that can be seen; of two that contradict, the JVM takes the later.
    pub seen: Vec<String>,
    /// The first option that names a file with more of them.
    pub file: Option<String>,
}

impl Options {
    /// Gathers the options of a command line and of an environment, both as
    /// `/proc` gives them: strings that each end in a zero.
    pub fn gather(command: &[String], environ: &[u8]) -> Self {
        let mut seen = variable(environ, TOOL_OPTIONS);
        let before_launcher = seen.len();
        seen.extend(variable(environ, LAUNCHER_OPTIONS));
        seen.extend_from_slice(Launch::of(command).options);
        // Only the launcher expands `@file`.
        let launcher = &seen[before_launcher..];
        let argument_file = launcher.iter().find(|option| option.starts_with('@'));
        let mut file = argument_file.cloned();
        seen.extend(variable(environ, LAST_OPTIONS));
        file = file.or_else(|| seen.iter().find(|option| names_file(option)).cloned());
        Self { seen, file }
    }

    /// Whether a boolean `-XX` option is set: the last one counts.
    pub fn is_set(&self, name: &str) -> bool {
        let switched = |option: &String| match option.strip_prefix("-XX:")?.split_at_checked(1)? {
            ("+", found) if found == name => Some(true),
            ("-", found) if found == name => Some(false),
            _ => None,
        };
        self.seen.iter().rev().find_map(switched).unwrap_or(false)
    }

    /// The value of the system property `name`: the last one counts.
    pub fn property(&self, name: &str) -> Option<&str> {
        self.seen.iter().rev().find_map(|option| {
            let (found, value) = option.strip_prefix("-D")?.split_once('=')?;
            (found == name).then_some(value)
        })
    }
}

fn names_file(option: &str) -> bool {
    OPTION_FILES.iter().any(|prefix| option.starts_with(prefix))
}

/// The words of one variable of an environment block.
fn variable(environ: &[u8], name: &str) -> Vec<String> {
    let value = environ.split(|byte| *byte == 0).find_map(|entry| {
        let rest = entry.strip_prefix(name.as_bytes())?;
        rest.strip_prefix(b"=")
    });
    words(&String::from_utf8_lossy(value.unwrap_or_default()))
}

/// Splits at white space as the JVM does: quotes of either kind hold words
/// together and vanish, nothing escapes them.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for character in text.chars() {
        match (quote, character) {
            (Some(open), close) if open == close => quote = None,
            (None, '"' | '\'') => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            (None, space) if space.is_ascii_whitespace() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(character),
        }
    }
    words.extend(word);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(line: &str) -> Vec<String> {
        line.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn options_come_in_the_order_the_jvm_reads_them() {
        let options = Options::gather(
            &command("java -Xmx1g Main -Xrs"),
            b"A=1\0_JAVA_OPTIONS=-Xmx4g\0JDK_JAVA_OPTIONS=-Xmx3g\0JAVA_TOOL_OPTIONS=-Xmx2g -Dx=y\0",
        );
        let expected = ["-Xmx2g", "-Dx=y", "-Xmx3g", "-Xmx1g", "-Xmx4g"];
        assert_eq!(options.seen, expected);
        assert_eq!(options.file, None);
    }

    #[test]
    fn quotes_hold_words_together_and_vanish() {
        assert_eq!(
            words(" -Da=\"b  c\"\t-X'r's \"-Dq='\"\n"),
            ["-Da=b  c", "-Xrs", "-Dq='"]
        );
        assert_eq!(words("  "), Vec::<String>::new());
    }

    #[test]
    fn of_contradicting_options_the_last_one_counts() {
        let set =
            |line: &str| Options::gather(&command(line), b"").is_set("DisableAttachMechanism");
        assert!(set("java -XX:+DisableAttachMechanism Main"));
        assert!(!set(
            "java -XX:+DisableAttachMechanism -XX:-DisableAttachMechanism Main"
        ));
        assert!(!set("java Main -XX:+DisableAttachMechanism"));
        assert!(!set("java -XX:+DisableAttachMechanismX Main"));
    }

    #[test]
    fn files_with_options_are_noticed() {
        let file = |line: &str, environ: &[u8]| Options::gather(&command(line), environ).file;
        assert_eq!(file("java @more Main", b"").as_deref(), Some("@more"));
        assert_eq!(file("java Main @data", b""), None);
        assert_eq!(
            file("java Main", b"JDK_JAVA_OPTIONS=@x\0").as_deref(),
            Some("@x")
        );
        assert_eq!(file("java Main", b"JAVA_TOOL_OPTIONS=@x\0"), None);
        assert_eq!(
            file("java Main", b"_JAVA_OPTIONS=-XX:Flags=f\0").as_deref(),
            Some("-XX:Flags=f")
        );
        assert_eq!(
            file("java -XX:VMOptionsFile=/v Main", b"").as_deref(),
            Some("-XX:VMOptionsFile=/v")
        );
    }

    #[test]
    fn the_last_property_counts() {
        let options = Options::gather(&command("java -Da=1 -Da=2 Main"), b"");
        assert_eq!(options.property("a"), Some("2"));
        assert_eq!(options.property("b"), None);
    }
}
