// SPDX-License-Identifier: MIT
//! The list of lines that explain churn, `signatures.toml`, and which of them a
//! line belongs to.

use std::collections::BTreeSet;

use aho_corasick::{AhoCorasick, AhoCorasickBuilder, PatternID};
use serde::Deserialize;
use zkchurn_core::inspection::signature;

/// The list that is compiled in.
const BUILT_IN: &str = include_str!("../../../signatures.toml");

/// A kind of line.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signature {
    /// Its name in reports.
    pub id: String,
    /// 1 names a cause within the program, 4 is a mere symptom.
    pub rank: u8,
    /// Texts that all have to be in the line.
    #[serde(default)]
    pub all: Vec<String>,
    /// Texts one of which has to be in the line, where there are any.
    #[serde(default)]
    pub any: Vec<String>,
    /// Texts that other programs write, too: they count like those of `any` where the line
    /// names ZooKeeper, or the first line of the record that it belongs to.
    #[serde(default)]
    pub generic: Vec<String>,
    /// What such a line means, a sentence.
    pub meaning: String,
    /// Lines that belong to it.
    pub examples: Vec<String>,
    /// Lines that look like it and belong to none.
    #[serde(default)]
    pub others: Vec<String>,
}

impl Signature {
    fn texts(&self) -> impl Iterator<Item = (Place, &String)> {
        let all = self.all.iter().map(|text| (Place::All, text));
        let any = self.any.iter().map(|text| (Place::Any, text));
        let generic = self.generic.iter().map(|text| (Place::Generic, text));
        all.chain(any).chain(generic)
    }
}

/// What a text is to its signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    All,
    Any,
    Generic,
}

/// Why a list of signatures cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SignatureError {
    /// Not the form that is expected.
    #[error("the list of log signatures cannot be read")]
    Form(#[from] toml::de::Error),
    /// A signature that could never, or would always, match.
    #[error("the log signature {0:?} has no text, an empty text, or a text of several lines")]
    Text(String),
    /// Too much for the automaton.
    #[error("the log signatures cannot be searched for")]
    Automaton(#[from] aho_corasick::BuildError),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    signature: Vec<Signature>,
}

/// One text of a signature.
#[derive(Clone, Copy, Debug)]
struct Text {
    signature: usize,
    place: Place,
}

/// Signatures in the order of their precedence, ready to be searched for.
#[derive(Debug)]
pub struct Signatures {
    list: Vec<Signature>,
    /// By number of the automaton's pattern.
    texts: Vec<Text>,
    /// Those that are names of error numbers, such as `ENOTFOUND`.
    names: BTreeSet<PatternID>,
    automaton: AhoCorasick,
}

/// Capitals only: within a word in another case it is a part of that word, as `eNotFound` is of
/// `FileNotFoundException`.
fn is_name_of_error(text: &str) -> bool {
    let name = text.strip_prefix("EAI_").unwrap_or(text);
    text.starts_with('E') && name.bytes().all(|byte| byte.is_ascii_uppercase())
}

fn stands_alone(text: &[u8], range: std::ops::Range<usize>) -> bool {
    let before = range.start.checked_sub(1).and_then(|at| text.get(at));
    let behind = text.get(range.end);
    let is_word =
        |byte: Option<&u8>| byte.is_some_and(|one| one.is_ascii_alphanumeric() || *one == b'_');
    !is_word(before) && !is_word(behind)
}

impl Signatures {
    /// The list that is compiled in.
    pub fn built_in() -> Result<Self, SignatureError> {
        Self::parse(BUILT_IN)
    }

    /// Reads a list in the form of `signatures.toml`.
    pub fn parse(document: &str) -> Result<Self, SignatureError> {
        let mut list = toml::from_str::<Document>(document)?.signature;
        for signature in &list {
            let is_bad = |text: &str| text.is_empty() || text.contains('\n');
            let mut texts = signature.texts().map(|(_, text)| text.as_str()).peekable();
            if texts.peek().is_none() || texts.any(is_bad) {
                return Err(SignatureError::Text(signature.id.clone()));
            }
        }
        // Stable: of equal rank the first stays first.
        list.sort_by_key(|signature| signature.rank);
        let texts = list.iter().enumerate().flat_map(|(index, signature)| {
            let places = signature.texts().map(|(place, _)| place);
            places.map(move |place| Text {
                signature: index,
                place,
            })
        });
        let patterns = list.iter().flat_map(Signature::texts);
        let patterns = patterns.map(|(_, text)| text.as_str());
        let of_errors = list.iter().flat_map(Signature::texts).enumerate();
        let of_errors = of_errors.filter(|(_, (_, text))| is_name_of_error(text));
        let of_errors = of_errors.filter_map(|(number, _)| PatternID::new(number).ok());
        let names: Vec<&str> = signature::names_of_zookeeper().collect();
        Ok(Self {
            texts: texts.collect(),
            names: of_errors.collect(),
            // Go writes errno in lower case, Node in upper case.
            automaton: AhoCorasickBuilder::new()
                .ascii_case_insensitive(true)
                .build(patterns.chain(names))?,
            list,
        })
    }

    /// All of them; a position in this list is what `scan` calls a signature.
    pub fn list(&self) -> &[Signature] {
        &self.list
    }

    /// Every occurrence of any text, in the order of their ends: what it is
    /// that occurs, and the bytes that it takes.
    pub fn occurrences<'a>(
        &'a self,
        text: &'a [u8],
    ) -> impl Iterator<Item = (PatternID, std::ops::Range<usize>)> + 'a {
        self.automaton
            .find_overlapping_iter(text)
            .map(|found| (found.pattern(), found.range()))
            .filter(|(pattern, range)| {
                !self.names.contains(pattern) || stands_alone(text, range.clone())
            })
    }

    /// Whether it is a text of a signature, and not a name of ZooKeeper.
    pub fn is_text(&self, pattern: PatternID) -> bool {
        self.text(pattern).is_some()
    }

    /// The signature that a line with these texts belongs to.
    ///
    /// `below_zookeeper`: it stands below the first line of a record that names ZooKeeper.
    pub fn decide(&self, found: &BTreeSet<PatternID>, below_zookeeper: bool) -> Option<usize> {
        let candidates = found.iter().filter_map(|pattern| self.text(*pattern));
        candidates
            .map(|text| text.signature)
            .filter(|signature| self.is_complete(*signature, found, below_zookeeper))
            .min()
    }

    /// The names of ZooKeeper stand behind the texts in the automaton.
    fn text(&self, pattern: PatternID) -> Option<Text> {
        self.texts.get(pattern.as_usize()).copied()
    }

    fn is_complete(
        &self,
        signature: usize,
        found: &BTreeSet<PatternID>,
        below_zookeeper: bool,
    ) -> bool {
        let Some(wanted) = self.list.get(signature) else {
            return false;
        };
        let count = |place: Place| {
            let texts = found.iter().filter_map(|pattern| self.text(*pattern));
            texts
                .filter(|text| text.signature == signature && text.place == place)
                .count()
        };
        let names_zookeeper =
            || below_zookeeper || found.iter().any(|pattern| !self.is_text(*pattern));
        count(Place::All) == wanted.all.len()
            && ((wanted.any.is_empty() && wanted.generic.is_empty())
                || count(Place::Any) > 0
                || (count(Place::Generic) > 0 && names_zookeeper()))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use zkchurn_core::inspection::{LogSignature, own_words::OwnWords};

    use super::*;
    use crate::host::logs::scan::scan;

    #[test]
    fn the_diagnosis_knows_every_signature_of_the_list_and_no_other() {
        let signatures = Signatures::built_in().unwrap();
        let listed: BTreeSet<_> = signatures
            .list()
            .iter()
            .map(|one| one.id.as_str())
            .collect();
        let known: BTreeSet<_> = LogSignature::ALL.iter().map(|one| one.id()).collect();
        assert_eq!(listed, known);
    }

    /// A missing file or class is no missing host, and a pipeline no broken pipe.
    #[test]
    fn names_of_errors_are_no_parts_of_words() {
        let signatures = Signatures::built_in().unwrap();
        for harmless in [
            "java.io.FileNotFoundException: /etc/shop.conf (No such file or directory)",
            "ModuleNotFoundError: No module named 'shop'",
            "INFO loaded SystemFile",
            "INFO CreatePipeline finished",
        ] {
            assert_eq!(id_of(&signatures, harmless), None, "{harmless}");
        }
        for error in [
            "Error: getaddrinfo ENOTFOUND zk1.example",
            "Error: connect EMFILE 10.9.8.1:2181 - Local (undefined:undefined)",
            "zk: write EPIPE",
            "code: 'ENOTFOUND',",
            "errno=econnrefused",
            "ZOO_ERROR: ZOO_EXPIRED_SESSION_STATE",
        ] {
            assert!(id_of(&signatures, error).is_some(), "{error}");
        }
    }

    /// The only one that a text of one line or several belongs to.
    fn id_of<'s>(signatures: &'s Signatures, text: &str) -> Option<&'s str> {
        let hits = scan(signatures, text.as_bytes());
        assert!(hits.len() <= 1, "{text}: {hits:?}");
        Some(&signatures.list()[hits.first()?.signature].id)
    }

    #[test]
    fn a_generic_text_counts_below_a_record_that_names_zookeeper() {
        let list = r#"signature = [
            { id = "one", rank = 1, generic = ["gone"], meaning = "", examples = [] }]"#;
        let signatures = Signatures::parse(list).unwrap();
        let cases = [
            ("WARN kazoo: x\nError: gone", Some("one")),
            ("WARN kazoo: x\n\tat a\nCaused by: gone", Some("one")),
            ("WARN kazoo: x\nWARN other: y\nError: gone", None),
            ("WARN kazoo: x\nWARN other: gone", None),
            (
                "WARN other: x\nError: gone\n\tat org.apache.zookeeper.X",
                None,
            ),
            ("Error: gone", None),
        ];
        for (text, expected) in cases {
            assert_eq!(id_of(&signatures, text), expected, "{text}");
        }
    }

    #[test]
    fn the_list_is_in_order() {
        let signatures = Signatures::built_in().unwrap();
        let mut ids = HashSet::new();
        for signature in signatures.list() {
            assert!(ids.insert(&signature.id), "{} is there twice", signature.id);
            assert!((1..=4).contains(&signature.rank), "{}", signature.id);
            let meaning = &signature.meaning;
            assert!(meaning.ends_with('.'), "{meaning}");
            assert!(meaning.starts_with(char::is_uppercase), "{meaning}");
            assert!(meaning.split(' ').count() >= 8, "{meaning}");
            assert!(!signature.examples.is_empty(), "{}", signature.id);
        }
    }

    #[test]
    fn every_example_belongs_to_its_signature() {
        let signatures = Signatures::built_in().unwrap();
        for signature in signatures.list() {
            for example in &signature.examples {
                let id = id_of(&signatures, example);
                assert_eq!(id, Some(signature.id.as_str()), "{example}");
            }
        }
    }

    /// The client's own lines have to go on being known as such, whatever was sent to it.
    #[test]
    fn an_example_that_names_the_client_is_its_own() {
        let signatures = Signatures::built_in().unwrap();
        let examples = signatures.list().iter().flat_map(|one| &one.examples);
        let lines = examples.flat_map(|example| example.lines());
        for line in lines.filter(|line| signature::names_client(line)) {
            // A server's line that names a session.
            let is_of_server = line.contains("ZooKeeperServer:");
            let own = OwnWords::of(line);
            assert!(is_of_server || signature::names_client(&own.text), "{line}");
        }
    }

    #[test]
    fn lines_that_look_alike_belong_to_none() {
        let signatures = Signatures::built_in().unwrap();
        for signature in signatures.list() {
            for other in &signature.others {
                assert_eq!(id_of(&signatures, other), None, "{other}");
            }
        }
    }

    #[test]
    fn a_generic_text_counts_beside_a_name_of_zookeeper() {
        let list = r#"signature = [
            { id = "one", rank = 1, generic = ["gone"], meaning = "", examples = [] }]"#;
        let signatures = Signatures::parse(list).unwrap();
        assert_eq!(id_of(&signatures, "it is GONE"), None);
        assert_eq!(id_of(&signatures, "ZooKeeper"), None);
        assert_eq!(id_of(&signatures, "kazoo.client: it is GONE"), Some("one"));
    }

    #[test]
    fn healthy_lines_belong_to_none() {
        let signatures = Signatures::built_in().unwrap();
        let healthy = [
            "INFO  ClientCnxn: Socket connection established, initiating session, client: /127.0.0.1:40562, server: localhost/127.0.0.1:2181",
            "INFO  ClientCnxn: Session establishment complete on server localhost/127.0.0.1:2181, session id = 0x10000135cd50000, negotiated timeout = 30000",
            "INFO:kazoo.client:Zookeeper connection established, state: CONNECTED",
            "    at org.apache.zookeeper.ClientCnxn$SendThread.run(ClientCnxn.java:1290)",
            "",
        ];
        for line in healthy {
            assert_eq!(id_of(&signatures, line), None, "{line}");
        }
    }

    #[test]
    fn all_texts_of_a_signature_are_needed_and_the_first_of_equals_wins() {
        let list = r#"
            signature = [
                { id = "late", rank = 2, any = ["x"], meaning = "", examples = [] },
                { id = "both", rank = 1, all = ["a", "b"], any = ["x", "y"], meaning = "", examples = [] },
                { id = "also", rank = 1, any = ["ab"], meaning = "", examples = [] },
            ]"#;
        let signatures = Signatures::parse(list).unwrap();
        assert_eq!(id_of(&signatures, "b a y"), Some("both"));
        assert_eq!(id_of(&signatures, "ab x"), Some("both"));
        assert_eq!(id_of(&signatures, "ab"), Some("also"));
        assert_eq!(id_of(&signatures, "a x"), Some("late"));
        assert_eq!(id_of(&signatures, "a b"), None);
        assert_eq!(id_of(&signatures, "a a x"), Some("late"));
    }

    #[test]
    fn a_signature_that_would_match_always_or_never_is_refused() {
        for texts in ["", "any = [''],", "all = [\"a\\nb\"],"] {
            let list = format!(
                "signature = [{{ id = 'i', rank = 1, {texts} meaning = '', examples = [] }}]"
            );
            let error = Signatures::parse(&list).unwrap_err();
            assert!(matches!(error, SignatureError::Text(_)), "{error}");
        }
        assert!(matches!(
            Signatures::parse("signature = 1").unwrap_err(),
            SignatureError::Form(_)
        ));
    }
}
